"""What leaves a task for the outbox: documents in batches, bodies in pages, and the record of what was put aside."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import orjson
import zstandard
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from documents import build, bulk, ids
from documents.build import Document
from documents.pages import BodyPage
from store.documents import StoreUnavailable, TookTooLong
from store.documents.blobs import stamp
from store.redis import partitions
from store.redis.chunks import Record
from store.redis.outbox import Entry
from store.redis.partitions import Lease, Quarantine
from store.redis.work import SecondTry
from tasks.runtime import CaptureFacts
from wire.events import Communication, TcpSession
from wire.fragments import Reassembler

T = TypeVar("T")
#: NDJSON bytes of one batch. Compressed it is a fraction; pollers put several together.
BATCH_BYTES = 4 << 20
#: Pages above this travel as blobs of their own, so that no script ever holds them.
INLINE_BYTES = 512 << 10
#: Fast and good enough: what is in the outbox is read once, seconds later.
LEVEL = 1


def entries(
    events: Iterable[Communication | TcpSession], capture: CaptureFacts, partition: int, day: str
) -> list[Entry]:
    """Outbox entries for what a partition completed; `day` is the day of the pages with its bodies.

    A reader finds a communication's bodies by its version, whose upper bits are the chunk that completed it: so a page
    belongs to that chunk, whichever is worked on when it is written.
    """
    comms: list[Document] = []
    sessions: list[Document] = []
    pages: dict[int, BodyPage] = {}
    full: list[tuple[int, bytes]] = []
    for event in events:
        if isinstance(event, TcpSession):
            sessions.append(build.tcpsession(event, capture.context))
            continue
        comms.append(build.httpcomm(event, capture.context))
        chunk = ids.chunk_of(event.version)
        bodies = build.body_entries(event, capture.context)
        if bodies:
            page = pages.get(chunk) or pages.setdefault(chunk, BodyPage(capture.id, partition, chunk))
            full += [(chunk, blob) for blob in page.add(bodies, *time_range(event))]
    full += [(chunk, blob) for chunk, page in pages.items() for blob in page.flush()]
    found = batches("httpcomms", comms) + batches("tcpsessions", sessions)
    return found + [blob("httpbodies", stamped(page, capture, partition, chunk, day)) for chunk, page in full]


def time_range(comm: Communication) -> tuple[int, int]:
    """When the first and the last packet of a communication were seen."""
    request, response = comm.request, comm.response
    one = request or response
    assert one is not None
    if request is None or response is None:
        return one.started, one.ended
    return min(request.started, response.started), max(request.ended, response.ended)


def batches(resource: str, documents: Sequence[Document]) -> list[Entry]:
    """Documents in entries of at most BATCH_BYTES before compression."""
    found: list[Entry] = []
    start = size = 0
    for number, document in enumerate(documents):
        size += len(document.body)
        if size >= BATCH_BYTES or number == len(documents) - 1:
            part = documents[start : number + 1]
            found.append(Entry(resource, compress(bulk.lines(part)), len(part)))
            start, size = number + 1, 0
    return found


def compress(data: bytes) -> bytes:
    """As the outbox holds NDJSON."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def blob(resource: str, payload: bytes) -> Entry:
    """A binary document: inside its entry when small, else under a key of its own."""
    return Entry(resource, payload, 1, blob=len(payload) > INLINE_BYTES)


def quarantined(
    capture: CaptureFacts, lease: Lease, what: Quarantine, reason: str, raw: bytes | None, rows: bytes | None = None
) -> list[Entry]:
    """The record of what was put aside in a partition, and what its second try needs: the chunk itself where it was
    never split, its slice (`rows`) where packets are not saved. Else they were stored when the chunk was split.
    """
    record = lease.current
    if record is None or what.kind == "nothing":
        return []
    item = partitions.second_try(lease, what) or SecondTry(capture.id, lease.chunk, lease.p, lease.row)
    found = error_entries(capture, record, item, what.packets, what.kind, reason, raw)
    if rows is not None:
        kept = raw_blob(rows, what.packets, "slice")
        day = accepted_day(record.accepted)
        found.append(blob("packets", stamped(kept, capture, slice_place(lease.p), record.number, day)))
    return found


def slice_place(p: int) -> int:
    """Under which number of a partition the slice of partition `p` is kept: none that has packets (-1 is a chunk)."""
    return -2 - p


def error_entries(
    capture: CaptureFacts, record: Record, item: SecondTry, packets: int, kind: str, reason: str, raw: bytes | None
) -> list[Entry]:
    """An error document (`kind` says of what), whose second try writes its next version, and the raw chunk as a blob
    that the second try reads."""
    day = accepted_day(record.accepted)
    identity = item.record
    document = {
        "id": identity,
        "version": 1,
        "kind": "quarantine",
        "item": item.text(),
        "whisperer": capture.context.whisperer,
        "capture": capture.id,
        "chunk": record.number,
        "date": datetime.fromtimestamp(record.accepted / 1000, UTC),
        "what": kind,
        "packets": packets,
        "reason": reason,
        "state": "waiting",
    }
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    found = batches("monitoring", [Document(identity, 1, "monitoring", day, capture.policy, body)])
    if raw is not None:
        found.append(blob("packets", stamped(raw_blob(raw, packets), capture, -1, record.number, day)))
    return found


def stamped(payload: bytes, capture: CaptureFacts, partition: int, chunk: int, day: str) -> bytes:
    """A packets or body blob that says where it belongs."""
    return stamp(
        payload,
        whisperer=capture.context.whisperer,
        capture=capture.id,
        partition=partition,
        chunk=chunk,
        day=day,
        policy=capture.policy,
    )


def raw_blob(raw: bytes, packets: int, what: str = "chunk") -> bytes:
    """A chunk as it was sent, which nobody could split, in the form of a blob; partition -1 marks it. Or a slice."""
    head = orjson.dumps({"format": what, "packets": packets, "first": 0, "last": 0, "flows": []})
    return b"".join((len(head).to_bytes(4, "big"), head, compress(raw)))


def accepted_day(milliseconds: int) -> str:
    """The day a chunk was accepted (UTC), which is part of documents' ids and of index names."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y%m%d")


def count_fragments(fragments: Reassembler, before: int, counters: dict[str, int]) -> None:
    """Add what became of IP fragments: part of a session's packet, lost with a reason, or waiting (`before`: how many
    waited until now)."""
    waiting = fragments.fragments - before
    if waiting:
        counters["fragments.waiting"] = counters.get("fragments.waiting", 0) + waiting
    for reason, count in fragments.take_counts().items():
        kind = "packets.session" if reason == "joined" else "packets.undecodable"
        counters[kind] = counters.get(kind, 0) + count
        if reason != "joined":
            name = f"undecodable.fragment.{reason}"
            counters[name] = counters.get(name, 0) + count


def ask_again(step: Callable[[], T]) -> T:
    """Call a step of the protocol, and once more when its reply was lost: it is made to be repeated."""
    try:
        return step()
    except (RedisConnectionError, RedisTimeoutError):
        return step()


def is_infrastructure(error: Exception) -> bool:
    """Whether our own servers failed, or the capture was deleted, and not the packets: then nothing is put aside, the
    work is found again or discarded."""
    return isinstance(error, RedisError | OSError | DatabaseError | ObjectDoesNotExist | StoreUnavailable | TookTooLong)
