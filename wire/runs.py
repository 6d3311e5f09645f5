"""Bytes of one direction in stream order, with the packets they came in.

A `Run` is what the TCP layer hands to a protocol reader. It may hold one packet or many: a reader's result depends on
the bytes and on which packet carried which byte, never on how packets were put together.
"""

from bisect import bisect_right
from collections.abc import Sequence

import msgspec


class Piece(msgspec.Struct, array_like=True, gc=False):
    """Bytes of one packet that wait, out of order or for the other side."""

    offset: int
    data: bytes
    time: int
    ack: int  # acknowledgement number as on the wire, -1 without the ACK flag
    missing: int  # bytes behind `data` that the capture never had
    chunk: int
    day: str


class Columns:
    """What a reader may ask about packets: one entry each. A chunk's runs share one."""

    __slots__ = ("ack", "end", "index", "time")

    def __init__(self, time: Sequence[int], ack: Sequence[int], index: Sequence[int], end: Sequence[int]) -> None:
        self.time = time  # capture time
        self.ack = ack  # acknowledgement number as on the wire, -1 without
        self.index = index  # record number in the chunk; empty for packets of the past
        self.end = end  # where the payload ends, in the numbering that `Run.shift` makes stream offsets of


class Payload:
    """What all packets of a slice carry. A packet's bytes end at its `columns.end`."""

    __slots__ = ("chunk", "columns", "data", "day")

    def __init__(self, data: bytes, columns: Columns, chunk: int, day: str) -> None:
        self.data, self.columns = data, columns
        self.chunk, self.day = chunk, day


class Run(msgspec.Struct, gc=False):
    """Contiguous bytes of one direction: the payload of packets `first` to `last`."""

    offset: int  # stream offset of data[0]; a reader may put its own waiting bytes before it
    start: int  # stream offset of the first byte that came with these packets
    data: bytes
    columns: Columns
    first: int
    last: int
    shift: int
    chunk: int
    day: str

    def packet(self, offset: int) -> int:
        """Number of the packet that carried the byte at a stream offset."""
        if self.first == self.last:
            return self.first
        return bisect_right(self.columns.end, offset - self.shift, self.first, self.last)

    @property
    def time(self) -> int:
        """Capture time of the last packet."""
        return self.columns.time[self.last]


def run_of(piece: Piece) -> Run:
    """A waiting piece as a run. Its packet is in the past, so it has no row."""
    return past_run(piece.offset, piece.data, piece.time, piece.ack, piece.chunk, piece.day)


def past_run(offset: int, data: bytes, time: int, ack: int, chunk: int, day: str) -> Run:
    """Bytes of one packet that came earlier."""
    return Run(offset, offset, data, Columns((time,), (ack,), (), ()), 0, 0, 0, chunk, day)
