"""The sessions of one partition: slices in, communications and TCP sessions out.

The result depends on the sequence of packets and on nothing else: not on chunks, rows, commits or restarts. Sessions
are advanced by `advance`, and by `sweep` and `close` when there are no packets; `take` gives what came out and the
state to keep. State is plain data, so any process may go on where another stopped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from wire import sessions, turns
from wire.events import Communication, TcpSession
from wire.http1 import exchanges
from wire.http1.state import Context, Reader
from wire.limits import SECOND, Limits
from wire.partition import Partition
from wire.sessions import Life, Session
from wire.slices import Slice
from wire.walk import Walk

#: A session that stays open is written again after this much capture time.
ANNOUNCE_EVERY = 60 * SECOND
_ALL = 1 << 60


class ChunkRef(NamedTuple):
    """A chunk: its number in the capture and the day it was accepted ("20261122")."""

    number: int
    day: str


@dataclass(slots=True)
class Changes:
    """What happened since the last `take`. Apply `dropped_bodies` before `bodies`."""

    events: list[Communication | TcpSession] = field(default_factory=list)
    changed: dict[bytes, bytes] = field(default_factory=dict)  # flow key → state
    removed: list[bytes] = field(default_factory=list)
    bodies: list[tuple[str, int, bytes]] = field(default_factory=list)  # session id, 1 request 2 response, to append
    dropped_bodies: list[tuple[str, int]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)


class Rebuilder:
    """Sessions of one partition of a capture.

    `fetch_body(session id, direction)` gives back what `Changes.bodies` appended; without it unfinished bodies stay in
    memory. `fast=False` goes packet by packet only, to compare with.
    """

    def __init__(
        self, capture: str, limits: Limits, fetch_body: Callable[[str, int], bytes] | None = None, *, fast: bool = True
    ) -> None:
        self.limits = limits
        self.now = 0  # latest capture time seen
        self._fast = fast
        self._ctx = Context(limits, fetch_body)
        self._partition = Partition(capture, limits, self._ctx)
        self._turns: tuple[Slice, turns.Turns] | None = None

    def flows_needed(self, slice_: Slice, start: int, stop: int) -> list[bytes]:
        """Keys of the flows of rows `start` to `stop` (exclusive) whose state is not in memory."""
        flows = dict.fromkeys(slice_.row_flow[start:stop].tolist())
        return [key for key in (slice_.flows[f].key for f in flows) if key not in self._partition.lives]

    def knows(self, flow: bytes) -> bool:
        """Whether the state of a flow is in memory."""
        return flow in self._partition.lives

    def load(self, states: Mapping[bytes, bytes]) -> None:
        """Take in states from the store. A flow without one simply starts."""
        partition = self._partition
        for flow, state in states.items():
            life = partition.lives[flow] = sessions.DECODER.decode(state)
            if life.session is None:
                partition.closed[flow] = life.until
            elif exchanges.waiting_since(life.session.talk):
                partition.waiting[flow] = None

    def advance(
        self, chunk: ChunkRef, slice_: Slice, start_row: int = 0, max_rows: int = _ALL, max_bytes: int = _ALL
    ) -> int:
        """Work on rows from `start_row`; stops after `max_rows` rows or about `max_bytes` of messages not yet taken.
        Returns the first row not done."""
        if self._turns is None or self._turns[0] is not slice_:
            self._turns = (slice_, turns.find(slice_, self.limits.idle_time))
        walk = Walk(self._partition, chunk.number, chunk.day, slice_, self._turns[1], fast=self._fast)
        count = len(slice_.row_flow)
        row, stop = start_row, min(count, start_row + max_rows)
        while row < stop and self._ctx.bytes_out < max_bytes:
            walk.row(row)
            row += 1
        low, high = walk.starts[min(start_row, row)], walk.starts[row]
        self._ctx.count("packets.session", high - low)
        self._ctx.count("payload.bytes", _payload(slice_, low, high))
        if row == count:
            self._turns = None
            if len(slice_):
                self.now = max(self.now, int(slice_.ts.max()))
            self._partition.write_waiting(self.now)
            self._partition.forget(self.now)
        return row

    def bound_bodies(self, size: int) -> None:
        """Keep at most `size` bytes of each body from now on."""
        self.limits = self._ctx.limits = self._partition.limits = replace(self.limits, body_bytes=size)

    @property
    def flows(self) -> int:
        """Flows in memory, closed ones that linger included."""
        return len(self._partition.lives)

    def relieve(self) -> None:
        """Too much is open in all: end the sessions in memory that were silent for long."""
        limit = self.now - self.limits.relief_time
        self._end([(flow, life) for flow, life in self._open() if _last(life) < limit])

    def bound_memory(self) -> None:
        """End the sessions that were silent for longest until half of what the limits allow is left, if it is more.

        For a process that keeps all sessions in memory. A flood of connections costs a bounded amount of it."""
        limits = self.limits
        if self.flows > limits.open_sessions:
            self._forget_closed()
            by_silence = sorted(self._open(), key=_silence)
            self._end(by_silence[: max(0, len(by_silence) - limits.open_sessions // 2)])
            self._forget_closed()
        over = sum(sessions.held_bytes(life) for _, life in self._open()) - limits.open_bytes
        if over <= 0:
            return
        over += limits.open_bytes // 2
        for entry in sorted(self._open(), key=_silence):
            size = sessions.held_bytes(entry[1])
            if over > 0 and size:
                self._end([entry])
                over -= size

    def _open(self) -> list[tuple[bytes, Life]]:
        return [entry for entry in self._partition.lives.items() if entry[1].session is not None]

    def _end(self, entries: list[tuple[bytes, Life]]) -> None:
        for flow, life in entries:
            self._partition.close(flow, life, "memory")
        if entries:
            self._ctx.count("sessions.relieved", len(entries))

    def _forget_closed(self) -> None:
        partition = self._partition
        for flow in list(partition.closed):
            del partition.closed[flow], partition.lives[flow]
            partition.touched[flow] = None

    def sweep(self, now: int) -> None:
        """Without packets: first versions of waiting requests, idle sessions, closed ones that linger no more. `now`:
        capture time. Looks at the sessions in memory; load all of them first."""
        partition = self._partition
        partition.write_waiting(now)
        limit = now - self.limits.idle_time - self.limits.linger_time
        for flow, life in list(partition.lives.items()):
            if life.session is not None and life.session.last < limit:
                partition.close(flow, life, "idle")
        partition.forget(now)

    def close(self, max_sessions: int = _ALL, ends: Mapping[bytes, str] = {}) -> bool:
        """The capture is over: close sessions in order of their flow keys. True when none is left in memory.

        `ends`: how sessions of some flows end instead, for packets that are not all of their capture's."""
        partition = self._partition
        for flow in sorted(partition.lives)[:max_sessions]:
            life = partition.lives[flow]
            if life.session is not None:
                partition.close(flow, life, ends.get(flow, "end"))
            del partition.lives[flow]
            partition.closed.pop(flow, None)
            partition.touched[flow] = None
        return not partition.lives

    def take(self, *, states: bool = True) -> Changes:
        """Everything since the last time. `states=False`: no state is written, for a process that never stops."""
        changes = Changes()
        partition, ctx = self._partition, self._ctx
        for flow in partition.touched:
            life = partition.lives.get(flow)
            if life is None:
                changes.removed.append(flow)
                continue
            if life.session is not None:
                self._take_session(flow, life.session, changes)
            if states:
                changes.changed[flow] = sessions.ENCODER.encode(life)
        partition.touched = {}
        changes.events, changes.dropped_bodies, changes.counters = ctx.events, ctx.dropped, ctx.counters
        ctx.events, ctx.dropped, ctx.counters, ctx.bytes_out = [], [], {}, 0
        return changes

    def _take_session(self, flow: bytes, session: Session, changes: Changes) -> None:
        partition = self._partition
        for reader in session.talk.readers:
            partition.count_parsed(reader)
            if self._ctx.fetch is not None and reader.waiting > self.limits.state_body_bytes:
                self._spill(session, reader, changes)
        if not session.announced or session.last - session.announced >= ANNOUNCE_EVERY:
            partition.announce(flow, session, "")

    def _spill(self, session: Session, reader: Reader, changes: Changes) -> None:
        """Move the unfinished body out of the state: only what is new is ever written again."""
        changes.bodies.append((session.id, reader.kind, b"".join(reader.parts)))
        reader.parts, reader.waiting, reader.spilled = [], 0, True


def _payload(slice_: Slice, low: int, high: int) -> int:
    """Payload bytes of some packets: they lie side by side."""
    return int(slice_.pos[high - 1] + slice_.length[high - 1] - slice_.pos[low]) if high > low else 0


def _last(life: Life) -> int:
    return life.session.last if life.session is not None else 0


def _silence(entry: tuple[bytes, Life]) -> tuple[int, bytes]:
    """Orders sessions by how long they were silent, those alike by their flow."""
    return _last(entry[1]), entry[0]
