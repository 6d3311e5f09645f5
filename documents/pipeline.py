"""From the pieces of a capture to its events, in one process and in order: split, rebuild, take.

The workers take the same steps with the same functions, only spread over tasks, partitions and commits; here there is
one partition, and state stays in memory. What comes out is the same for every way to cut the capture into pieces.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wire import slices
from wire.events import Communication, TcpSession
from wire.fragments import Reassembler
from wire.limits import DEFAULT, SECOND, Limits
from wire.rebuild import ChunkRef, Rebuilder

#: Rows and bytes of messages between two takes: bounds what is in memory at once, changes nothing in the result. With
#: 100 rows the messages are still in the processor's cache when their documents are made: 4 % faster than with 2,000.
ROWS = 100
BYTES = 4 << 20
_SESSIONS = 1_000
#: Pieces between two looks at the bytes that all sessions hold back.
_LOOK_EVERY = 4
#: Packets of a capture may be out of order by this much capture time, and a silent session is not closed too early.
_DISORDER = 60 * SECOND


@dataclass(slots=True)
class Totals:
    """Where the packets of a capture went."""

    packets: int = 0
    tcp: int = 0
    not_tcp: int = 0
    undecodable: dict[str, int] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    anomalies: list[str] = field(default_factory=list)


class Pipeline:
    """One capture on its way. `day` becomes part of ids; `key` (16 bytes) spreads flows and must be unguessable."""

    def __init__(self, capture: str, day: str, key: bytes, limits: Limits = DEFAULT) -> None:
        self.totals = Totals()
        self._day, self._key, self._limits = day, key, limits
        self._number = 0
        self._rebuilder = Rebuilder(capture, limits)
        self._fragments = Reassembler(limits)

    def piece(self, data: bytes, starts: list[int] | None = None) -> Iterator[Communication | TcpSession]:
        """What a piece completes; `starts` are its `Piece.starts`, if there are any. All of it must be consumed before
        the next piece."""
        split = slices.split(data, 1, self._key, starts)
        self._count(split)
        chunk = ChunkRef(self._number, self._day)
        self._number += 1
        part = split.slices[0]
        if part is not None and part.fragments:
            part = slices.merge_fragments(part, self._fragments)
        row = 0
        while part is not None and row < len(part.row_flow):
            row = self._rebuilder.advance(chunk, part, row, ROWS, BYTES)
            if self._rebuilder.flows > self._limits.open_sessions:
                self._rebuilder.bound_memory()
            yield from self._rebuilder.take(states=False).events
        if self._number % _LOOK_EVERY == 0:
            self._rebuilder.bound_memory()
        yield from self._sweep()

    def finish(self) -> Iterator[Communication | TcpSession]:
        """What the end of the capture completes: every session is closed."""
        self._fragments.close()
        for reason, count in self._fragments.take_counts().items():
            if reason == "joined":
                self.totals.tcp += count
            else:
                name = f"fragment.{reason}"
                self.totals.undecodable[name] = self.totals.undecodable.get(name, 0) + count
        yield from self._sweep()
        closed = False
        while not closed:
            closed = self._rebuilder.close(_SESSIONS)
            yield from self._rebuilder.take(states=False).events

    def _sweep(self) -> list[Communication | TcpSession]:
        """Let go of sessions that have long been silent; memory would grow with the capture."""
        self._rebuilder.sweep(self._rebuilder.now - _DISORDER)
        return self._rebuilder.take(states=False).events

    def _count(self, split: slices.Split) -> None:
        totals = self.totals
        totals.packets += split.packets
        totals.tcp += split.tcp
        totals.not_tcp += split.not_tcp
        for reason, count in split.undecodable.items():
            totals.undecodable[reason] = totals.undecodable.get(reason, 0) + count
        if split.first:
            totals.first = min(totals.first or split.first, split.first)
        totals.last = max(totals.last, split.last)
        totals.anomalies += [code for code in split.anomalies if code not in totals.anomalies]
