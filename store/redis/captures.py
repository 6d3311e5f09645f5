"""A capture's life: opened, numbers closed as holes, ended by a marker, closed without leaving a key.

The answers to an agent all carry the window: the lowest open number and the known ones from there on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from store.redis.accounting import counter_args, told_counters
from store.redis.connection import Link

OpenWord = Literal["opened", "done", "refused"]
AnswerWord = Literal["ok", "dup", "late", "conflict", "ended", "window", "full", "share", "later", "unknown", "done"]
IdleWord = Literal["ended", "alive", "done", "unknown"]
CloseWord = Literal["closed", "gone", "open", "unflushed"]
DiscardWord = Literal["discarded", "gone", "changed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent is told: the word, `next` (the lowest open number) and the known numbers of [next, next + window).

    Every number below `next`, and every one of `have`, need not be sent again once `Link.durable` said yes.
    """

    word: AnswerWord
    next: int
    have: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """A chunk number an agent gave up, with what it would have held (0 where nobody knows)."""

    number: int
    packets: int = 0
    bytes: int = 0
    reason: str = "unknown"


def read_answer(reply: list[Any]) -> Answer:
    """Reads the reply of any script that answers an agent."""
    word, lowest, have = reply
    return Answer(cast(AnswerWord, word.decode()), int(lowest), tuple(int(n) for n in have))


def deadline(link: Link) -> int:
    """To be read before PostgreSQL is asked whether a capture is open; `open_capture` wants it."""
    return link.now() + link.settings.open_ms


def open_capture(link: Link, capture: str, partitions: int, opened_by: int, owner: str = "") -> OpenWord:
    """Opens a capture that PostgreSQL calls open; `opened_by` is the `deadline` read before PostgreSQL was.
    `owner` is the whisperer whose share of the bytes that wait it uses.

    "opened"; "done" when it is open already; "refused" when it was closed in the meantime or the deadline is over:
    then PostgreSQL is to be read again.
    """
    keys, own = link.keys, link.keys.capture(capture)
    reply = link.script(
        "open", [own.meta, keys.captures, keys.closed, *own.partitions(partitions)], [capture, opened_by, owner]
    )
    return cast(OpenWord, reply.decode())


def partitions_of(link: Link, capture: str) -> int | None:
    """Number of partitions, fixed when the capture was opened; None when it is not here."""
    value = link.command("HGET", link.keys.capture(capture).meta, "P")
    return None if value is None else int(value)


def lowest_open(link: Link, captures: Collection[str]) -> dict[str, int]:
    """The lowest open number of each capture that is here."""
    values = link.pipeline([("HGET", link.keys.capture(capture).meta, "next") for capture in captures])
    return {capture: int(value) for capture, value in zip(captures, values, strict=True) if value is not None}


def close_holes(link: Link, capture: str, holes: Sequence[Hole] = (), *, oldest: int = 0) -> Answer:
    """Closes numbers the agent gave up, and notes that it is alive; also the answer to a status without any.

    `oldest` is the agent's lowest number that is not safe yet: what is missing below is closed too, with counts of 0.
    Only unknown numbers inside the window are closed; the answer's `have` and `next` say which are. "unknown" when
    the capture is not here.
    """
    partitions = partitions_of(link, capture)
    if partitions is None:
        return Answer("unknown", 0, ())
    keys, own, settings = link.keys, link.keys.capture(capture), link.settings
    args: list[str | int] = [capture, settings.window, settings.hint_ms, settings.holes, oldest]
    for hole in holes:
        args += [hole.number, hole.packets, hole.bytes, hole.reason.replace("|", " ")]
    names = [own.meta, own.chunks, own.holes, own.acct, keys.work, keys.captures, *own.partitions(partitions)]
    return read_answer(link.script("holes", names, args))


def finish(link: Link, capture: str, last: int, lost: Mapping[str, int] | None = None) -> Answer:
    """Puts the end marker after chunk `last` (−1: there is none). "done", a repeat too; "unknown". `lost`: counters of
    what the agent lost behind that chunk, added once."""
    partitions = partitions_of(link, capture)
    if partitions is None:
        return Answer("unknown", 0, ())
    keys, own, settings = link.keys, link.keys.capture(capture), link.settings
    names = [own.meta, own.chunks, keys.work, keys.captures, own.acct, *own.partitions(partitions)]
    told = counter_args(told_counters(0, lost or {}))
    return read_answer(link.script("final", names, [capture, last, settings.window, settings.hint_ms, *told]))


def end_idle(link: Link, capture: str, limit_ms: int, reason: str = "silent") -> IdleWord:
    """Ends a capture whose agent said nothing for `limit_ms`: what is missing becomes holes, then the end marker.

    0 ends it at once, as when its agent started a new capture. Else two looks must find it silent, half a minute (at
    most the limit) apart: a clock may have gone forward. "alive" when it spoke since; "done" when it has ended.
    """
    partitions = partitions_of(link, capture)
    if partitions is None:
        return "unknown"
    keys, own, settings = link.keys, link.keys.capture(capture), link.settings
    names = [own.meta, own.chunks, own.holes, own.acct, keys.work, keys.captures, *own.partitions(partitions)]
    reply = link.script("end_idle", names, [capture, limit_ms, settings.hint_ms, settings.holes, reason])
    return cast(IdleWord, reply.decode())


@dataclass(frozen=True, slots=True)
class HoleRange:
    """Consecutive numbers that were given up after too many to keep one by one."""

    first: int
    last: int
    packets: int


@dataclass(frozen=True, slots=True)
class CaptureState:
    """Where a capture stands. State: "o"pen, "e"nding (the marker is on its way), "d"rained (ready to be finalised).

    A hole with −1 packets came late and was counted then.
    """

    state: Literal["o", "e", "d"]
    next: int
    highest: int
    last: int
    partitions: int
    seen: int
    holes: tuple[Hole, ...]
    ranges: tuple[HoleRange, ...]


def read_state(link: Link, capture: str) -> CaptureState | None:
    """Reads a capture's cursor and holes: what PostgreSQL gets at the end. None when it is not here."""
    own = link.keys.capture(capture)
    *_, (values, flat) = link.pipeline(
        [
            ("MULTI",),
            ("HMGET", own.meta, "state", "next", "hi", "last", "P", "seen"),
            ("HGETALL", own.holes),
            ("EXEC",),
        ]
    )
    if values[0] is None:
        return None
    lowest, highest, last, partitions, seen = (int(value) for value in values[1:])
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    ranges = fields.pop(b"ranges", b"").decode()
    return CaptureState(
        cast(Literal["o", "e", "d"], values[0].decode()), lowest, highest, last, partitions, seen,
        tuple(sorted((_hole(n, text) for n, text in fields.items()), key=lambda hole: hole.number)),
        tuple(_range(text) for text in ranges.split(",") if text),
    )  # fmt: skip


def _hole(number: bytes, text: bytes) -> Hole:
    packets, size, reason = text.decode().split("|", 2)
    return Hole(int(number), int(packets), int(size), reason)


def _range(text: str) -> HoleRange:
    bounds, packets = text.split(":")
    first, last = bounds.split("-")
    return HoleRange(int(first), int(last), int(packets))


def close_capture(link: Link, capture: str) -> CloseWord:
    """Removes every key of a capture, once PostgreSQL has its row and `accounting.flush` its last minutes.

    "closed"; "gone" when it was; "open" when its end marker is not through; "unflushed" when sums are left.
    """
    number = partitions_of(link, capture) or 0
    return cast(CloseWord, link.script("close", _all_keys(link, capture, number), [capture, number]).decode())


def discard_capture(link: Link, capture: str) -> DiscardWord:
    """Removes every key of a capture that nobody wants any more, its waiting chunks too.

    "discarded"; "gone" when it is not here; "changed" when a chunk moved meanwhile: to be called again.
    """
    number = partitions_of(link, capture)
    if number is None:
        return "gone"
    own = link.keys.capture(capture)
    flat = link.command("HGETALL", own.chunks)
    values = []
    for name, text in zip(flat[::2], flat[1::2], strict=True):
        attempt = text.decode().split("|")[2]
        values += [own.raw(int(name), attempt), *(own.slice(int(name), p, attempt) for p in range(number))]
    names = [*_all_keys(link, capture, number), *values]
    return cast(DiscardWord, link.script("discard", names, [capture, number, *flat]).decode())


def _all_keys(link: Link, capture: str, number: int) -> list[str]:
    """The keys of a capture with `number` partitions, but for its chunks' values."""
    keys, own = link.keys, link.keys.capture(capture)
    parts = range(number)
    indexes = link.pipeline([("HKEYS", own.bodies(p)) for p in parts]) if number else []
    lists = [own.body(p, name.decode()) for p, names in zip(parts, indexes, strict=True) for name in names]
    return [
        keys.captures, keys.closed, keys.work, keys.bytes, own.meta, own.chunks, own.holes, own.acct,
        *own.partitions(number), *(own.states(p) for p in parts), *(own.bodies(p) for p in parts), *lists,
    ]  # fmt: skip


def all_captures(link: Link) -> list[str]:
    """The captures that are here, longest silent first."""
    return [name.decode() for name in link.command("ZRANGE", link.keys.captures, 0, -1)]


def idle_captures(link: Link, limit_ms: int) -> list[str]:
    """Captures whose agents said nothing for longer; `end_idle` looks again before it acts."""
    before = link.now() - limit_ms
    return [name.decode() for name in link.command("ZRANGEBYSCORE", link.keys.captures, "-inf", before)]


def closed_at(link: Link, capture: str) -> int:
    """When a capture that is not here was closed, in milliseconds of the server's clock: as its tombstone says, else at
    the latest when the last tombstone was put up that is gone by now."""
    score = link.command("ZSCORE", link.keys.closed, capture)
    return link.now() - link.settings.tombstone_ms if score is None else int(float(score))


def bury(link: Link) -> int:
    """Removes tombstones that no pending open can be older than. Answers how many."""
    return int(link.script("tombstones", [link.keys.closed], [link.settings.tombstone_ms]))
