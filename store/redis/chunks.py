"""Chunks: accepted once, then split once into a slice per partition.

Big values never pass through a script: they are SET under names of a fresh attempt in the same MULTI, and the script
unlinks the names it refuses.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from store.redis.accounting import counter_args, told_counters
from store.redis.captures import Answer, read_answer
from store.redis.connection import Link, new_attempt
from store.redis.outbox import Entry, pack
from store.redis.work import SecondTry

Status = Literal["a", "s", "h", "q", "e"]


@dataclass(frozen=True, slots=True)
class Record:
    """A chunk that is here. Status: a(ccepted) s(plit) h(ole) q(uarantined) e(nd marker).

    `accepted` is when, in milliseconds of the server's clock; `bytes` what it is charged with; `packets` what its
    agent said.
    """

    number: int
    status: Status
    left: int
    attempt: str
    takes: int
    digest: str
    accepted: int
    bytes: int
    packets: int


@dataclass(frozen=True, slots=True)
class SplitJob:
    """A chunk taken for splitting; "poison" when two takes died: it is to be quarantined without a look inside."""

    capture: str
    token: str
    mode: Literal["run", "poison"]
    chunk: Record


@dataclass(frozen=True, slots=True)
class Slice:
    """A chunk's part of one partition: its bytes, and the packets of each of its rows (so that quarantine can count
    them without a look inside)."""

    data: bytes
    row_packets: Sequence[int]

    def pack(self) -> bytes:
        """As Redis holds it: number of rows, packets of each, data."""
        rows = len(self.row_packets)
        return b"".join((struct.pack(f">I{rows}I", rows, *self.row_packets), self.data))

    @classmethod
    def unpack(cls, value: bytes) -> "Slice":
        """Reads what `pack` gave."""
        (rows,) = struct.unpack_from(">I", value)
        return cls(value[4 + 4 * rows :], struct.unpack_from(f">{rows}I", value, 4))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Word "done" with the partitions that have work now; "lost": somebody did it before, perhaps we ourselves;
    "later": there is no room for slices of a chunk that waits for a lower number."""

    word: Literal["done", "lost", "later"]
    hints: tuple[int, ...]


def read_record(number: int, text: bytes) -> Record | None:
    """Reads a chunk's field; None for an empty one (no such chunk)."""
    if not text:
        return None
    status, left, attempt, takes, _, _, digest, accepted, size, packets = text.decode().split("|")
    return Record(
        number, cast(Status, status), int(left), attempt, int(takes), digest, int(accepted), int(size), int(packets)
    )


def accept(
    link: Link,
    capture: str,
    number: int,
    body: bytes,
    *,
    digest: str,
    packets: int,
    lost: Mapping[str, int] | None = None,
) -> Answer:
    """Takes an upload in, under a new attempt each time it is called. `lost`: counters of what its agent lost before
    it ("packets.dropped.kernel") and how many packets it saw in all ("packets.captured": without it these and those of
    the chunk), added once, when it is accepted or counted as late.

    "ok" accepted now; "dup" accepted before (both are success, after `Link.durable`); "late" its number was given up,
    counted; "conflict" another content under this number; "ended" above the capture's last number; "window" too far
    ahead (429); "full" too many bytes waiting, "share" too many of its whisperer's (503); "later" the capture is being
    closed (503); "unknown" not here: read PostgreSQL, open it, call again.
    """
    keys, own, settings = link.keys, link.keys.capture(capture), link.settings
    attempt = new_attempt()
    raw = own.raw(number, attempt)
    told = told_counters(packets, lost or {})
    names = [own.meta, own.chunks, own.holes, own.acct, keys.bytes, keys.work, keys.captures, own.partition(0), raw]
    args: list[str | bytes | int] = [
        capture, number, attempt, digest.replace("|", " "), len(body), packets,
        settings.window, settings.soft_bytes, settings.hard_bytes, settings.share_bytes, settings.hint_ms,
        *counter_args(told),
    ]  # fmt: skip
    return read_answer(link.script_with_values([(raw, body)], "accept", names, args))


def take_split(link: Link, capture: str, number: int, token: str) -> SplitJob | None:
    """Takes a chunk to split it. The same token gets the same job; None when there is nothing to do for us."""
    own = link.keys.capture(capture)
    reply = link.script("take_split", [own.chunks, link.keys.work], [capture, number, token, link.settings.lease_ms])
    if reply[0] == b"no":
        return None
    record = read_record(number, reply[1])
    if record is None:
        raise ValueError("take_split gave a chunk without its record")
    return SplitJob(capture, token, cast(Literal["run", "poison"], reply[0].decode()), record)


def release_split(link: Link, job: SplitJob) -> bool:
    """Gives a chunk back when our own servers failed: the take is not counted. False when it is not ours any more."""
    own = link.keys.capture(job.capture)
    args: list[str | int] = [job.capture, job.chunk.number, job.token, link.settings.hint_ms]
    return bool(link.script("release_split", [own.chunks, link.keys.work], args))


def raw(link: Link, capture: str, chunk: Record) -> bytes | None:
    """The upload as it was sent; None when somebody has split it since."""
    value = link.command("GET", link.keys.capture(capture).raw(chunk.number, chunk.attempt))
    return cast("bytes | None", value)


def record_split(
    link: Link,
    capture: str,
    chunk: Record,
    slices: Sequence[Slice | None],
    *,
    entries: Sequence[Entry] = (),
    packets: int | None = None,
    counters: Mapping[str, int],
) -> Recorded:
    """Puts a slice per partition (None: empty) in the place of the raw chunk, with the outbox entries and the sums.

    `packets` is how many there are, where the agent was not believed. Counters the identity needs: "packets.notTcp" and
    "packets.undecodable". Called again after a lost reply it answers "lost" and leaves nothing behind. "later" when
    slices of a chunk above its capture's lowest number would bring what waits above soft: it stays as it was sent.
    """
    keys, own = link.keys, link.keys.capture(capture)
    attempt = new_attempt()
    values = [(own.slice(chunk.number, p, attempt), part.pack()) for p, part in enumerate(slices) if part is not None]
    size = sum(len(value) for _, value in values)
    packed = pack(link, entries)
    values += packed.values
    names = [
        own.chunks, own.acct, keys.bytes, keys.work, own.raw(chunk.number, chunk.attempt),
        own.meta, *own.partitions(len(slices)), *(name for name, _ in values), *packed.streams,
    ]  # fmt: skip
    args: list[str | bytes | int] = [
        capture, chunk.number, attempt, link.settings.hint_ms, len(slices), len(values), size,
        chunk.packets if packets is None else packets, link.settings.soft_bytes, link.settings.lease_ms,
        *counter_args(counters), *packed.args,
    ]  # fmt: skip
    word, hints = link.script_with_values(values, "record_split", names, args)
    return Recorded(cast(Literal["done", "lost", "later"], word.decode()), tuple(int(p) for p in hints))


def quarantine_chunk(link: Link, job: SplitJob, partitions: int, entries: Sequence[Entry] = ()) -> Recorded:
    """Puts aside a chunk that cannot be split: the error document (and the bytes, as a blob) go to the outbox, a second
    try is due later, and the partitions pass over it. "lost": another worker has taken it since.
    """
    keys, own, settings = link.keys, link.keys.capture(job.capture), link.settings
    packed = pack(link, entries)
    names = [
        own.chunks, own.acct, keys.bytes, keys.work, keys.due, own.raw(job.chunk.number, job.chunk.attempt),
        own.meta, *own.partitions(partitions), *(name for name, _ in packed.values), *packed.streams,
    ]  # fmt: skip
    args: list[str | bytes | int] = [
        job.capture, job.chunk.number, job.token, partitions, len(packed.values), settings.hint_ms,
        settings.second_try_ms, SecondTry(job.capture, job.chunk.number).text(), *packed.args,
    ]  # fmt: skip
    word, hints = link.script_with_values(packed.values, "quarantine_chunk", names, args)
    return Recorded(cast(Literal["done", "lost"], word.decode()), tuple(int(p) for p in hints))
