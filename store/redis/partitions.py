"""Partitions: one worker at a time advances the sessions of a partition, chunk by chunk, row by row.

A `Lease` names everything a commit must still find as it was: fence, token, commit number, cursor and the attempt of
the slice it has read. A commit that is refused as stale means: throw the memory away, take the lease again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from store.redis.accounting import counter_args
from store.redis.chunks import Record, Slice, read_record
from store.redis.connection import Link
from store.redis.keys import body_name
from store.redis.outbox import Entry, pack
from store.redis.work import SecondTry

Mode = Literal["run", "careful", "poison"]
#: Field of a partition's states that belongs to no flow: what the partition keeps for itself (IP fragments).
EXTRA = b""
MODES: tuple[Mode, ...] = ("run", "run", "careful", "poison")


@dataclass(frozen=True, slots=True)
class Lease:
    """A partition in our hands. `chunk` and `row` are the cursor, `records` the chunks from there on (the window).

    Mode "run": commit as it suits. "careful": a worker died here, commit row by row. "poison": two died, quarantine.
    `state_bytes` is what all sessions of the shard take; above the setting, shrink.
    """

    capture: str
    p: int
    token: str
    fence: int
    number: int
    chunk: int
    row: int
    mode: Mode
    quarantined: int
    state_bytes: int
    partitions: int
    records: tuple[Record, ...]

    @property
    def current(self) -> Record | None:
        """The chunk at the cursor; None when it is not known yet."""
        return self.records[0] if self.records and self.records[0].number == self.chunk else None

    @property
    def ready(self) -> bool:
        """Whether the chunk at the cursor can be worked on (with several partitions an accepted one is split first)."""
        return self.current is not None and (self.current.status != "a" or self.partitions == 1)


@dataclass(frozen=True, slots=True)
class Refused:
    """No lease: "gone" (capture not here), "busy" (somebody has it), "idle" (no work), "full" (outbox: later)."""

    word: Literal["gone", "busy", "idle", "full"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one commit does: the cursor after it, sessions, bodies, documents, sums."""

    chunk: int
    row: int
    changed: Mapping[bytes, bytes] = field(default_factory=dict)
    removed: Sequence[bytes] = ()
    bodies: Sequence[tuple[str, int, bytes]] = ()
    dropped_bodies: Sequence[tuple[str, int]] = ()
    entries: Sequence[Entry] = ()
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Committed:
    """Word "ok", "done" (it was committed before) or "stale" (throw memory away). `lease` is the one to go on with."""

    word: Literal["ok", "done", "stale"]
    more: bool
    lease: Lease


def take_lease(link: Link, capture: str, p: int, token: str, *, sweep: bool = False) -> Lease | Refused:
    """Takes a partition that has work. The same token gets the same lease while it lives.

    `sweep` takes it without work too (first versions of waiting requests); such a commit leaves the cursor where it is.
    """
    keys, own, settings = link.keys, link.keys.capture(capture), link.settings
    reply = link.script(
        "take_lease",
        [own.meta, own.chunks, own.partition(p), keys.work, keys.bytes],
        [capture, p, token, settings.lease_ms, settings.outbox_bytes, settings.window, int(sweep), settings.hint_ms],
    )
    if reply[0] != b"ok":
        return Refused(reply[0].decode())
    fence, number, chunk, row, takes, quarantined, state, partitions = (int(value) for value in reply[1:9])
    records = (read_record(chunk + i, text) for i, text in enumerate(reply[9]))
    return Lease(
        capture, p, token, fence, number, chunk, row, MODES[takes], quarantined, state, partitions,
        tuple(record for record in records if record is not None),
    )  # fmt: skip


def renew(link: Link, lease: Lease) -> bool:
    """Makes the lease last again; False when it is somebody else's. A commit renews too."""
    own = link.keys.capture(lease.capture)
    reply = link.script(
        "renew",
        [own.partition(lease.p), link.keys.work],
        [lease.capture, lease.p, lease.fence, lease.token, link.settings.lease_ms],
    )
    return bool(reply == b"ok")


def release(link: Link, lease: Lease, *, counted: bool = True) -> bool:
    """Gives the partition back; True when it has work, so somebody is to be told.

    `counted=False` when our own infrastructure stopped (warm shutdown, store away): the chunk is not to blame.
    """
    own = link.keys.capture(lease.capture)
    reply = link.script(
        "release",
        [own.meta, own.chunks, own.partition(lease.p), link.keys.work],
        [lease.capture, lease.p, lease.fence, lease.token, int(counted)],
    )
    return bool(reply)


def read_slice(link: Link, lease: Lease) -> Slice | None:
    """The slice at the cursor; None when the chunk has nothing for this partition."""
    record = lease.current
    if record is None or record.status != "s":
        return None
    key = link.keys.capture(lease.capture).slice(record.number, lease.p, record.attempt)
    value = link.command("GET", key)
    return None if value is None else Slice.unpack(value)


def load_states(link: Link, capture: str, p: int, flows: Sequence[bytes]) -> dict[bytes, bytes]:
    """The states of those flows that have one. `EXTRA` is a flow here too."""
    if not flows:
        return {}
    values = link.command("HMGET", link.keys.capture(capture).states(p), *flows)
    return {flow: value for flow, value in zip(flows, values, strict=True) if value is not None}


def flows(link: Link, capture: str, p: int) -> list[bytes]:
    """All flows with a state, in key order, without `EXTRA`: the order in which the end marker closes them."""
    names = link.command("HKEYS", link.keys.capture(capture).states(p))
    return sorted(name for name in names if name != EXTRA)


def scan_states(link: Link, capture: str, p: int, count: int = 500) -> Iterator[dict[bytes, bytes]]:
    """All states in pieces of about `count`, in key order, each read when asked for. Without `EXTRA`."""
    names = flows(link, capture, p)
    for start in range(0, len(names), count):
        yield load_states(link, capture, p, names[start : start + count])


def fetch_body(link: Link, capture: str, p: int, session: str, direction: int) -> bytes:
    """The bytes of an unfinished body kept outside its session's state; empty when there are none."""
    key = link.keys.capture(capture).body(p, body_name(session, direction))
    return b"".join(link.command("LRANGE", key, 0, -1))


def body_bytes(link: Link, capture: str, p: int) -> int:
    """Bytes of a partition's unfinished bodies that are kept outside their sessions' states."""
    return sum(int(size) for size in link.command("HVALS", link.keys.capture(capture).bodies(p)))


def commit(link: Link, lease: Lease, step: Step) -> Committed:
    """Saves one step of a partition, all of it or nothing. Call it again with the same arguments after a lost reply."""
    keys, own, settings = link.keys, link.keys.capture(lease.capture), link.settings
    passing = step.chunk > lease.chunk
    packed = pack(link, step.entries)
    careful = int(not passing and lease.mode == "careful")
    body_args, body_keys = _body_args(link, lease, step)
    names = [
        own.meta, own.chunks, own.partition(lease.p), keys.work, keys.bytes, own.states(lease.p), own.acct,
        own.bodies(lease.p), _source(link, lease), *(name for name, _ in packed.values), *body_keys, *packed.streams,
    ]  # fmt: skip
    args: list[str | bytes | int] = [
        *_guard(lease), step.chunk, step.row, settings.lease_ms, careful, settings.hint_ms, len(packed.values),
        len(step.changed),
    ]  # fmt: skip
    for flow, state in step.changed.items():
        args += [flow, state]
    args += [len(step.removed), *step.removed, *body_args, *counter_args(step.counters), *packed.args]
    reply = link.script_with_values(packed.values, "commit", names, args)
    return _committed(reply, lease, step.chunk, step.row)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """What is to be put aside at the cursor: a whole chunk, rows [row, end), one flow's session, or nothing."""

    kind: Literal["chunk", "rows", "session", "nothing"]
    end: int = 0
    rows: int = 0
    packets: int = 0
    flow: bytes = b""


def to_quarantine(link: Link, lease: Lease, row_packets: Sequence[int] | None = None) -> Quarantine:
    """What killed two workers at the cursor, found without a look inside: the row there, the third time in one slice
    all that is left of it; at the end marker the first session in key order; the whole chunk where it is not split.
    Who could look inside gives the packets of each row of the slice as it is worked on."""
    record = lease.current
    if record is None or record.status in "hq":
        return Quarantine("nothing")
    if record.status == "a":
        return Quarantine("chunk", packets=record.packets)
    if record.status == "e":
        names = flows(link, lease.capture, lease.p)
        return Quarantine("session", flow=names[0]) if names else Quarantine("nothing")
    packets = row_packets or _row_packets(link, lease, record)
    end = lease.row + 1 if lease.quarantined < 2 else len(packets)
    return Quarantine("rows", end, len(packets), sum(packets[lease.row : end]))


def _row_packets(link: Link, lease: Lease, record: Record) -> Sequence[int]:
    key = link.keys.capture(lease.capture).slice(record.number, lease.p, record.attempt)
    head: bytes = link.command("GETRANGE", key, 0, 3)
    if not head:
        return ()
    rows = int.from_bytes(head, "big")
    return Slice.unpack(head + link.command("GETRANGE", key, 4, 4 * rows + 3)).row_packets


def quarantine(link: Link, lease: Lease, what: Quarantine, entries: Sequence[Entry] = ()) -> Committed:
    """Puts `what` aside in one step: error document to the outbox, packets counted, a second try due, cursor past it.

    The lease that comes back is to be released: what follows deserves a fresh worker. Repeats as a commit does.
    """
    keys, own, settings = link.keys, link.keys.capture(lease.capture), link.settings
    record = lease.current
    if record is None:
        return Committed("stale", False, lease)
    packed = pack(link, entries)
    names = [
        own.meta, own.chunks, own.partition(lease.p), keys.work, keys.bytes, own.states(lease.p), own.acct, keys.due,
        _source(link, lease), *(name for name, _ in packed.values), *packed.streams,
    ]  # fmt: skip
    item = second_try(lease, what)
    args: list[str | bytes | int] = [
        *_guard(lease), what.end, what.rows, what.packets, settings.lease_ms, settings.second_try_ms,
        item.text() if item else "", what.flow, len(packed.values), *packed.args,
    ]  # fmt: skip
    reply = link.script_with_values(packed.values, "quarantine", names, args)
    passed = what.kind == "rows" and what.end >= what.rows
    row = 0 if passed else what.end if what.kind == "rows" else lease.row
    done = _committed(reply, lease, lease.chunk + int(passed), row)
    if done.word == "stale" or passed:
        return done
    return replace(done, lease=replace(done.lease, quarantined=lease.quarantined + 1))


def second_try(lease: Lease, what: Quarantine) -> SecondTry | None:
    """What is to be tried again of what is put aside; None where nothing is."""
    if what.kind == "chunk":
        return SecondTry(lease.capture, lease.chunk)
    if what.kind == "rows" and what.end > lease.row:
        return SecondTry(lease.capture, lease.chunk, lease.p, lease.row, what.end)
    if what.kind == "session":
        return SecondTry(lease.capture, lease.chunk, lease.p, flow=what.flow)
    return None


def _source(link: Link, lease: Lease) -> str:
    """The key whose rows are at the cursor: unlinked once the partition is past them."""
    own, record = link.keys.capture(lease.capture), lease.current
    if record is None:
        return own.slice(lease.chunk, lease.p, "none")
    if record.status == "a":
        return own.raw(record.number, record.attempt)
    return own.slice(record.number, lease.p, record.attempt)


def _guard(lease: Lease) -> list[str | int]:
    """What a commit must still find: owner, number, cursor and attempt."""
    attempt = lease.current.attempt if lease.current else ""
    return [
        lease.capture, lease.p, lease.fence, lease.token, lease.number + 1, lease.chunk, lease.row, attempt,
    ]  # fmt: skip


def _body_args(link: Link, lease: Lease, step: Step) -> tuple[list[str | bytes | int], list[str]]:
    own = link.keys.capture(lease.capture)
    args: list[str | bytes | int] = [len(step.bodies)]
    used: list[str] = []
    for session, direction, data in step.bodies:
        name = body_name(session, direction)
        used.append(own.body(lease.p, name))
        args += [used[-1], name, data]
    args.append(len(step.dropped_bodies))
    for session, direction in step.dropped_bodies:
        name = body_name(session, direction)
        used.append(own.body(lease.p, name))
        args += [used[-1], name]
    return args, list(dict.fromkeys(used))


def _committed(reply: list[Any], lease: Lease, chunk: int, row: int) -> Committed:
    word = cast(Literal["ok", "done", "stale"], reply[0].decode())
    if word == "stale":
        return Committed(word, False, lease)
    record = read_record(chunk, reply[2])
    later = tuple(old for old in lease.records if old.number > chunk)
    passed = chunk > lease.chunk
    mode: Mode = "run" if passed or lease.mode == "run" else "careful"
    return Committed(
        word,
        bool(reply[1]),
        replace(
            lease,
            number=lease.number + 1,
            chunk=chunk,
            row=row,
            mode=mode,
            quarantined=0 if passed else lease.quarantined,
            state_bytes=int(reply[3]),
            records=((record, *later) if record else later),
        ),
    )
