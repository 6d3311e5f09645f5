"""Write side of captures: a chunk is accepted once, however often it is sent; a capture ends once.

Redis decides while a capture is open. PostgreSQL's row is made before the first upload is answered and decides when
Redis does not know the capture (it was closed, or Redis lost it). Nothing is answered as accepted before it is on disk.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from apps.captures.headers import Abandoned, ChunkHeaders
from apps.captures.models import Capture
from apps.core.errors import ApplicationError
from apps.core.servers import chunk_store
from apps.core.tasks import send
from apps.whisperers.models import Whisperer
from store.redis import accounting, captures, chunks
from store.redis.captures import Answer, Hole
from store.redis.connection import Link, LostError, UnfitServerError

#: What an agent is to wait before it sends a refused chunk again, in seconds.
WINDOW_WAIT = 1
FULL_WAIT = 2
LATER_WAIT = 5
#: Words that mean: the agent need not send this chunk again.
SUCCESS = ("ok", "dup", "late")
#: Words of a limit on bytes that wait: whose limit, and how that is said.
_LIMITS = {"full": ("all", "of all whisperers"), "share": ("whisperer", "of this whisperer")}
#: Bytes a second below which one worker keeps up with a live capture easily.
SLOW_RATE = 5_000_000
#: Reads of PostgreSQL and openings in Redis before we give up: a capture may be closed between the two.
OPENINGS = 3


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to an upload. Every number below `durable` is on disk or was given up."""

    word: str
    capture: str
    chunk: int
    next: int
    have: tuple[int, ...]
    durable: int


def new_capture_id() -> str:
    """An id that nobody used before."""
    return secrets.token_hex(12)


def flow_key(capture: str) -> bytes:
    """The key of a capture's flow hash (16 bytes), known to workers alone: nobody can aim at a partition."""
    return hashlib.blake2b(
        capture.encode(), key=settings.MASK_KEY[:64], digest_size=16, person=b"spider-flows"
    ).digest()


def chunk_accept(*, whisperer: Whisperer, headers: ChunkHeaders, body: bytes) -> Accepted:
    """Take in one chunk of an agent's capture. Words `ok`, `dup` and `late` are success.

    Raises ApplicationError: 400 digest, 403 another whisperer's capture, 409 conflict or ended, 429 window, 503 full,
    later or unavailable (with `retry_after`, seconds).
    """
    digest = hashlib.sha256(body).hexdigest()
    if headers.digest and headers.digest != digest:
        raise ApplicationError(
            f"Spider-Digest is {headers.digest}, the body that arrived has {digest}: send it again.",
            code="digest",
            field="Spider-Digest",
        )
    partitions = capture_ensure(whisperer=whisperer, headers=headers)
    with redis_link() as link:
        answer = _accept(link, headers, partitions, body, digest)
        word = answer.word
        holes = [Hole(one.number, one.packets, one.bytes, one.reason) for one in headers.abandoned]
        if holes or headers.oldest > answer.next:
            told = captures.close_holes(link, headers.capture, holes, oldest=headers.oldest)
            answer = answer if told.word == "unknown" else told  # a closed capture has no holes to close
        replaced = _end_previous(link, whisperer, headers) if headers.previous and word in SUCCESS else None
        _require_durable(link)
    if word == "ok":
        hint(headers.capture, headers.chunk, partitions, answer.next)
    if replaced is not None:
        hint_end(replaced)
    if word not in SUCCESS:
        raise refusal(word, headers, answer)
    return Accepted(word, headers.capture, headers.chunk, answer.next, answer.have, durable_below(answer))


def _end_previous(link: Link, whisperer: Whisperer, headers: ChunkHeaders) -> Capture | None:
    """End the capture that an agent left open before this one, now that it is back: what it never sent is a hole.

    Only a capture of the same whisperer and instance; the one that was ended, else None.
    """
    if headers.previous == headers.capture:
        return None
    open_ones = Capture.objects.filter(whisperer=whisperer, instance=headers.instance, state=Capture.State.OPEN)
    row = open_ones.filter(pk=headers.previous).first()
    if row is None or captures.end_idle(link, row.pk, 0, "replaced") != "ended":
        return None
    return row


def capture_ensure(*, whisperer: Whisperer, headers: ChunkHeaders) -> int:
    """Make the capture's row when this is its first chunk; returns its number of partitions.

    Raises ApplicationError 403 when the capture is another whisperer's.
    """
    owner, partitions = _owner(headers.capture, str(whisperer.pk), headers.instance, headers.interface)
    if owner != str(whisperer.pk):
        raise ApplicationError(
            f"Spider-Capture {headers.capture!r} belongs to another whisperer: choose a new random id.",
            code="foreign_capture",
            status_code=403,
            field="Spider-Capture",
        )
    return partitions


@lru_cache(maxsize=10_000)  # neither ever changes
def _owner(capture: str, whisperer: str, instance: str, interface: str) -> tuple[str, int]:
    row = Capture.objects.filter(pk=capture).first()
    if row is None:
        source = Whisperer.objects.get(pk=whisperer)
        row, _ = Capture.objects.get_or_create(
            pk=capture,
            defaults={
                "whisperer_id": whisperer,
                "instance": instance,
                "interface": interface,
                "policy": source.policy,
                "partitions": partitions_for(source, instance, interface),
            },
        )
    return str(row.whisperer_id), row.partitions


def partitions_for(whisperer: Whisperer, instance: str, interface: str) -> int:
    """How many workers may share a new capture. Files want all; a live one whose last run was slow needs a single one,
    where a chunk is split and parsed in one step."""
    if whisperer.mode != Whisperer.Mode.INTERFACE:
        return int(settings.PARTITIONS)
    runs = Capture.objects.filter(whisperer=whisperer, instance=instance, interface=interface)
    last = runs.filter(state=Capture.State.CLOSED).order_by("-opened").first()
    return 1 if last is not None and 0 < last.rate < SLOW_RATE else int(settings.PARTITIONS)


def _accept(link: Link, headers: ChunkHeaders, partitions: int, body: bytes, digest: str) -> Answer:
    for _ in range(OPENINGS):
        answer = chunks.accept(
            link,
            headers.capture,
            headers.chunk,
            body,
            digest=digest,
            packets=headers.packets,
            lost=headers.told,
        )
        if answer.word != "unknown":
            return answer
        opened_by = captures.deadline(link)
        row = Capture.objects.filter(pk=headers.capture).first()
        if row is None:  # deleted, though we remember it
            _owner.cache_clear()
            return replace(answer, word="ended")
        if row.state == Capture.State.CLOSED:
            return _answer_closed(link, row, headers)
        captures.open_capture(link, headers.capture, partitions, opened_by, str(row.whisperer_id))
    return replace(answer, word="later")


def _answer_closed(link: Link, row: Capture, headers: ChunkHeaders) -> Answer:
    """What a chunk of a closed capture is: sent twice, late for a hole (counted once), or after the end."""
    number = headers.chunk
    if hole_of(row.holes, number) is not None:
        _count_late(link, row.pk, headers)
        return Answer("late", row.next_chunk, ())
    return Answer("dup" if number < row.next_chunk else "ended", row.next_chunk, ())


def _count_late(link: Link, capture: str, headers: ChunkHeaders) -> None:
    """Move a hole's packets from abandoned to late, once: a hole of -1 came late before."""
    number, packets = headers.chunk, headers.packets
    with transaction.atomic():
        row = Capture.objects.select_for_update().get(pk=capture)
        name = hole_of(row.holes, number)
        given_up = -1 if name is None else row.holes[name]
        if given_up < 0:
            return
        # Of a range of holes nobody knows what each held: what came is taken from the range's count.
        if name is not None and name != str(number):
            given_up = min(given_up, packets)
            row.holes[name] -= given_up
        row.holes[str(number)] = -1
        counters = accounting.told_counters(packets, headers.told)
        counters["packets.captured"] -= given_up
        counters |= {"packets.abandoned": -given_up, "packets.uploaded": packets, "packets.late": packets}
        counters["chunks.late"] = 1
        for name, delta in counters.items():
            row.totals[name] = row.totals.get(name, 0) + delta
        row.save(update_fields=["holes", "totals"])
        # Before the row is committed: sent twice it is one document, not sent it would be missing for ever.
        fields = {"whisperer": str(row.whisperer_id), "instance": row.instance, "interface": row.interface}
        accounting.add_late(link, capture, number, counters, fields=fields, policy=row.policy)


def hole_of(holes: Mapping[str, int], number: int) -> str | None:
    """Under which name a closed capture's holes hold a number: its own, or that of a range ("7-90")."""
    if str(number) in holes:
        return str(number)
    for name in holes:
        first, _, last = name.partition("-")
        if last and int(first) <= number <= int(last):
            return name
    return None


def durable_below(answer: Answer) -> int:
    """The lowest number that is neither on disk nor given up."""
    known, number = set(answer.have), answer.next
    while number in known:
        number += 1
    return number


def hint(capture: str, number: int, partitions: int, lowest: int) -> None:
    """Tell a worker of a chunk. Only a hint: what waits is in Redis, and redrive finds it within seconds.

    Its turn comes the later the further it is ahead of its capture's lowest open number: so captures take turns,
    however many chunks of one of them wait.
    """
    turn = max(number - lowest, 0)
    if partitions == 1:
        send("tasks.drain.drain", capture, 0, queue="drain", turn=turn)
    else:
        send("tasks.split.split", capture, number, queue="split", turn=turn)


def capture_status(*, whisperer: Whisperer, capture: str, oldest: int, abandoned: Sequence[Abandoned]) -> Accepted:
    """How far a capture is, for an agent that waits for its window; it may also tell what it gave up.

    Raises ApplicationError: 404 for an unknown capture, 503 when Redis or its disk does not answer in time.
    """
    row = capture_of(whisperer=whisperer, capture=capture)
    with redis_link() as link:
        holes = [Hole(one.number, one.packets, one.bytes, one.reason) for one in abandoned]
        answer = captures.close_holes(link, capture, holes, oldest=oldest)
        _require_durable(link)
    if answer.word == "unknown":
        answer = Answer("done", row.next_chunk, ())
    return Accepted("ok", capture, -1, answer.next, answer.have, durable_below(answer))


def capture_of(*, whisperer: Whisperer, capture: str) -> Capture:
    """The whisperer's capture. Raises ApplicationError 404."""
    row = Capture.objects.filter(pk=capture, whisperer=whisperer).first()
    if row is None:
        raise ApplicationError(
            f"There is no capture {capture!r} of this whisperer.", code="unknown", status_code=404, field="capture"
        )
    return row


def capture_finish(
    *, whisperer: Whisperer, capture: str, last: int, lost: Mapping[str, int] | None = None
) -> Capture:
    """End a capture behind chunk `last` (-1: it has none); the same again is no error. `lost`: counters of what the
    agent lost since then.

    Raises ApplicationError: 404 for an unknown capture, 503 when the end is not on disk yet.
    """
    row = capture_of(whisperer=whisperer, capture=capture)
    if row.state == Capture.State.CLOSED:
        return row
    with redis_link() as link:
        answer = captures.finish(link, capture, last, lost)
        if answer.word == "unknown":
            opened_by = captures.deadline(link)
            captures.open_capture(link, capture, row.partitions, opened_by, str(row.whisperer_id))
            captures.finish(link, capture, last, lost)
        _require_durable(link)
    hint_end(row)
    return row


def hint_end(row: Capture) -> None:
    """Tell the workers that an end marker is on its way through every partition."""
    for p in range(row.partitions):
        send("tasks.drain.drain", row.pk, p, queue="drain")


@contextmanager
def redis_link() -> Iterator[Link]:
    """A connection to Redis whose loss is answered as 503: the agent keeps its chunk and sends it again."""
    try:
        with chunk_store().link() as link:
            yield link
    except (RedisError, UnfitServerError, OSError) as error:
        raise ApplicationError(
            "Redis does not answer: keep the chunk and send it again.",
            code="unavailable",
            status_code=503,
            retry_after=LATER_WAIT,
            reason=type(error).__name__,
        ) from error


def _require_durable(link: Link) -> None:
    if not link.durable():
        raise LostError("not on disk in time")


def refusal(word: str, headers: ChunkHeaders, answer: Answer) -> ApplicationError:
    """The refusal that a word of Redis means, with how far the capture is."""
    at: dict[str, object] = {"next": answer.next, "have": answer.have}
    if word in _LIMITS:  # one word for agents: whose limit it was, they can do nothing about
        at["limit"], what, word = *_LIMITS[word], "full"
        message = f"Too many bytes {what} wait to be parsed: keep the chunk and send it again."
        return ApplicationError(message, code=word, status_code=503, word=word, **at, retry_after=FULL_WAIT)
    at["word"] = word
    capture, number = headers.capture, headers.chunk
    if word == "conflict":
        message = (
            f"Chunk {number} of {capture} was accepted with other content: two agents use one id; start a new one."
        )
        return ApplicationError(message, code=word, status_code=409, field="Spider-Capture", **at)
    if word == "ended":
        message = f"Capture {capture} has ended before chunk {number}: send it in a new capture."
        return ApplicationError(message, code=word, status_code=409, field="Spider-Chunk", **at)
    if word == "window":
        message = f"Chunk {number} is {settings.WINDOW} or more ahead of the lowest one that is not done: wait."
        return ApplicationError(message, code=word, status_code=429, **at, retry_after=WINDOW_WAIT)
    reason = "The capture is being closed" if word == "later" else word
    message = f"{reason}: keep the chunk and send it again."
    return ApplicationError(message, code=word, status_code=503, **at, retry_after=LATER_WAIT)
