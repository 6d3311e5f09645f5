"""Connections as lists of packets, made by hand, and slices made of them: the shortest way to a `Rebuilder`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from msgspec.structs import replace

from wire.events import Communication, TcpSession
from wire.flows import Flow
from wire.limits import DEFAULT, Limits
from wire.rebuild import ChunkRef, Rebuilder
from wire.slices import Slice

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_700_000_000_000_000_000
MILLISECOND = 1_000_000


@dataclass(frozen=True)
class Packet:
    """One TCP packet. Side 0 is 10.0.0.1:40000 (the client), side 1 is 10.0.0.2:80, of flow `flow`."""

    side: int
    seq: int
    ack: int
    flags: int
    data: bytes = b""
    time: int = START
    missing: int = 0
    flow: int = 0


def flow_key(number: int) -> bytes:
    return b"\x04\x0a\x00\x00\x01" + (40000 + number).to_bytes(2, "big") + b"\x0a\x00\x00\x02\x00\x50"


@dataclass
class Line:
    """Writes the packets of one connection: sequence and acknowledgement numbers keep themselves."""

    flow: int = 0
    isn: tuple[int, int] = (1000, 9000)
    time: int = START
    packets: list[Packet] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.next = list(self.isn)

    def put(self, side: int, flags: int, data: bytes = b"", *, step: int = MILLISECOND) -> None:
        self.time += step
        ack = self.next[1 - side] & 0xFFFFFFFF if flags & ACK else 0
        self.packets.append(Packet(side, self.next[side] & 0xFFFFFFFF, ack, flags, data, self.time, 0, self.flow))
        self.next[side] += len(data) + (1 if flags & (SYN | FIN) else 0)

    def open(self) -> "Line":
        self.put(0, SYN)
        self.put(1, SYN | ACK)
        self.put(0, ACK)
        return self

    def send(self, side: int, data: bytes, size: int = 1460) -> "Line":
        for at in range(0, len(data), size):
            self.put(side, ACK | PSH, data[at : at + size])
        self.put(1 - side, ACK)
        return self

    def ask(self, data: bytes, size: int = 1460) -> "Line":
        return self.send(0, data, size)

    def answer(self, data: bytes, size: int = 1460) -> "Line":
        return self.send(1, data, size)

    def shut(self) -> "Line":
        self.put(0, FIN | ACK)
        self.put(1, FIN | ACK)
        self.put(0, ACK)
        return self


def make_slice(packets: Sequence[Packet], row: int = 1 << 30) -> Slice:
    """A slice of packets in capture order; rows of at most `row` packets."""
    flows = sorted({packet.flow for packet in packets})
    order = sorted(range(len(packets)), key=lambda i: (packets[i].flow, i))
    rows: list[tuple[int, int]] = []
    for at, i in enumerate(order):
        number = flows.index(packets[i].flow)
        if not rows or rows[-1][0] != number or at - rows[-1][1] >= row:
            rows.append((number, at))
    chosen = [packets[i] for i in order]
    length = np.array([len(p.data) for p in chosen], np.int64)

    def column(values: list[int]) -> np.ndarray:
        return np.array(values, np.int64)

    return Slice(
        partition=0,
        flows=[Flow(flow_key(f)) for f in flows],
        row_flow=column([r[0] for r in rows]),
        row_start=column([r[1] for r in rows] + [len(packets)]),
        index=column(order),
        ts=column([p.time for p in chosen]),
        side=np.array([p.side for p in chosen], np.uint8),
        seq=column([p.seq for p in chosen]),
        ack=column([p.ack for p in chosen]),
        flags=np.array([p.flags for p in chosen], np.uint8),
        window=np.full(len(chosen), 8192, np.uint16),
        pos=np.cumsum(length) - length,
        length=length,
        missing=column([p.missing for p in chosen]),
        data=b"".join(p.data for p in chosen),
    )


@dataclass
class Result:
    """What came out of a run."""

    communications: list[Communication]
    sessions: list[TcpSession]
    counters: dict[str, int]

    def comparable(self) -> object:
        """Everything that may not depend on how the packets were split."""
        flows = lambda c: (c.session.client, c.session.server)  # noqa: E731
        talks = sorted(self.communications, key=flows)
        plain = [replace(c, version=0, chunk=0, session=replace(c.session, chunk=0)) for c in talks]
        closed = sorted(self.sessions, key=lambda s: (s.session.client, s.first, s.session.id))
        ends = [replace(s, version=0, last_chunk=0, session=replace(s.session, chunk=0)) for s in closed]
        counters = {k: v for k, v in self.counters.items() if v}
        return plain, ends, counters


def run(
    packets: Sequence[Packet],
    cuts: Sequence[int] = (),
    *,
    row: int = 1 << 30,
    fast: bool = True,
    restart: bool = False,
    limits: Limits = DEFAULT,
    rows_at_once: int = 1 << 30,
) -> Result:
    """Rebuild packets that come in chunks cut at `cuts`; with `restart` every commit's state goes through bytes."""
    store = Store()
    rebuilder = Rebuilder("capture", limits, store.fetch if restart else None, fast=fast)
    result = Result([], [], {})
    bounds = [0, *sorted(set(cuts)), len(packets)]
    for number, (a, b) in enumerate(pairwise(bounds)):
        if a == b:
            continue
        slice_ = make_slice(packets[a:b], row)
        at = 0
        while at < len(slice_.row_flow):
            if restart:
                rebuilder = Rebuilder("capture", limits, store.fetch, fast=fast)
                rebuilder.load(store.get(rebuilder.flows_needed(slice_, at, at + rows_at_once)))
            at = rebuilder.advance(ChunkRef(number, "20261122"), slice_, at, rows_at_once)
            store.commit(rebuilder, result, restart)
    if restart:
        rebuilder = Rebuilder("capture", limits, store.fetch, fast=fast)
        rebuilder.load(store.states)
    assert rebuilder.close()
    store.commit(rebuilder, result, restart)
    assert not store.states
    return result


class Store:
    """A dictionary for the store: states by flow, bodies by session and direction."""

    def __init__(self) -> None:
        self.states: dict[bytes, bytes] = {}
        self.bodies: dict[tuple[str, int], bytes] = {}

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        return {key: self.states[key] for key in keys if key in self.states}

    def fetch(self, session: str, direction: int) -> bytes:
        return self.bodies[session, direction]

    def commit(self, rebuilder: Rebuilder, result: Result, restart: bool) -> None:
        changes = rebuilder.take(states=restart)
        self.states.update(changes.changed)
        for key in changes.removed:
            self.states.pop(key, None)
        for dropped in changes.dropped_bodies:
            self.bodies.pop(dropped, None)
        for session, direction, data in changes.bodies:
            self.bodies[session, direction] = self.bodies.get((session, direction), b"") + data
        for event in changes.events:
            if isinstance(event, Communication):
                if event.final:
                    result.communications.append(event)
            elif event.state == "closed":
                result.sessions.append(event)
        for name, amount in changes.counters.items():
            result.counters[name] = result.counters.get(name, 0) + amount
