"""Documents on their way to the store: streams of batches, and blobs that entries own by name.

A step of a worker adds entries in the same script that moves its cursor. A poller claims some, asks for durability,
writes them, and confirms those of which every document is stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from redis.exceptions import ResponseError

from store.redis.connection import GROUP, Link, create_group, new_attempt


@dataclass(frozen=True, slots=True)
class Entry:
    """One outbox entry to add: zstd-compressed NDJSON of at most 1 MB, or a blob (kept apart, any size)."""

    resource: str
    payload: bytes
    documents: int
    blob: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """One outbox entry in a poller's hands. `blob` names the key that held the payload, "" for a batch of documents."""

    resource: str
    id: str
    payload: bytes
    documents: int
    size: int
    blob: str
    deliveries: int


@dataclass(frozen=True, slots=True)
class Packed:
    """Entries as a script wants them: values to SET before it, streams to declare, and its arguments."""

    values: list[tuple[str, bytes]]
    streams: list[str]
    args: list[str | bytes | int]


def pack(link: Link, entries: Sequence[Entry]) -> Packed:
    """Names the blobs afresh: two sends of the same step never share one."""
    attempt = new_attempt()
    values: list[tuple[str, bytes]] = []
    args: list[str | bytes | int] = [len(entries)]
    for entry in entries:
        stream = link.keys.out(entry.resource)
        if entry.blob:
            name = link.keys.blob(attempt, len(values))
            values.append((name, entry.payload))
            args += [stream, "k", name, entry.documents, len(entry.payload)]
        else:
            args += [stream, "b", entry.payload, entry.documents, len(entry.payload)]
    streams = list(dict.fromkeys(link.keys.out(entry.resource) for entry in entries))
    return Packed(values, streams, args)


def claim(link: Link, resource: str, consumer: str, count: int = 8, block_ms: int = 0) -> list[Claimed]:
    """Takes up to `count` entries: the consumer's own unconfirmed ones first, then new ones, then those of the dead.

    `block_ms` waits for new ones when there is nothing else. The same entries come again until they are confirmed.
    """
    stream = link.keys.out(resource)
    entries = _read(link, stream, consumer, "0", count, 0)
    if not entries:
        entries = _read(link, stream, consumer, ">", count, 0)
    if not entries:
        reply = link.command("XAUTOCLAIM", stream, GROUP, consumer, link.settings.claim_ms, "0-0", "COUNT", count)
        entries = [entry for entry in reply[1] if entry[1]]
    if not entries and block_ms:
        entries = _read(link, stream, consumer, ">", count, block_ms)
    return _fetch(link, resource, stream, consumer, entries) if entries else []


def _read(link: Link, stream: str, consumer: str, start: str, count: int, block_ms: int) -> list[Any]:
    block = ("BLOCK", block_ms) if block_ms else ()
    args = ("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, *block, "STREAMS", stream, start)
    try:
        reply = link.command(*args)
    except ResponseError as error:
        if not str(error).startswith("NOGROUP"):
            raise
        create_group(link, stream.rsplit(":", 1)[1])
        reply = link.command(*args)
    return [entry for entry in reply[0][1] if entry[1]] if reply else []


def _fetch(link: Link, resource: str, stream: str, consumer: str, entries: list[Any]) -> list[Claimed]:
    """Reads the blobs and the delivery counts of claimed entries."""
    first, last = entries[0][0], entries[-1][0]
    commands: list[tuple[Any, ...]] = [("XPENDING", stream, GROUP, first, last, 10 * len(entries), consumer)]
    named = [dict(_pairs(fields)) for _, fields in entries]
    commands += [("GET", fields[b"k"]) for fields in named if b"k" in fields]
    pending, *blobs = link.pipeline(commands)
    deliveries = {item[0]: int(item[3]) for item in pending}
    waiting = iter(blobs)
    claimed = []
    for (entry_id, _), fields in zip(entries, named, strict=True):
        payload = next(waiting) if b"k" in fields else fields[b"b"]
        size = int(fields.get(b"s", len(payload or b"")))
        blob = fields.get(b"k", b"").decode()
        claimed.append(
            Claimed(
                resource, entry_id.decode(), payload or b"", int(fields[b"n"]), size, blob, deliveries.get(entry_id, 1)
            )
        )
    return claimed


def _pairs(fields: list[bytes]) -> list[tuple[bytes, bytes]]:
    return list(pairwise(fields))[::2]


def confirm(link: Link, entries: Sequence[Claimed]) -> int:
    """Removes entries of one resource whose every document is stored or kept with its reason. A repeat removes 0."""
    if not entries:
        return 0
    args: list[str | int] = []
    for entry in entries:
        args += [entry.id, entry.size, entry.blob]
    blobs = [entry.blob for entry in entries if entry.blob]
    return int(link.script("confirm", [link.keys.out(entries[0].resource), link.keys.bytes, *blobs], args))
