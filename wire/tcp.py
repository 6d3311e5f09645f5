"""Segments of one connection → ordered bytes, gaps and ends, per direction (RFC 9293).

One packet at a time, in capture order. Of bytes that come twice the first to arrive win. A hole is given up when it is
proven that its bytes passed us by (the receiver acknowledged them, the connection is over) or when too much waits
behind it for too long, judged by packets and capture time alone.
"""

from bisect import bisect_left, bisect_right
from operator import attrgetter, itemgetter
from typing import Protocol

import msgspec

from wire.limits import Limits
from wire.runs import Columns, Piece, Run, run_of

FIN, SYN, RST, ACK = 1, 2, 4, 16
#: RFC 7323 section 2.3: no window is larger than 1 GB, so nothing valid lies further away.
WINDOW = 1 << 30
#: Pieces held behind a hole. Like `Limits.gap_bytes`, for segments of a few bytes.
HELD_PIECES = 4096

_MASK = 0xFFFFFFFF
_HALF = 0x80000000
_offset = attrgetter("offset")
_first = itemgetter(0)


class Direction(msgspec.Struct, array_like=True):
    """One direction's place in its stream. Offsets count from the first byte after the SYN, or the first byte seen."""

    base: int = -1  # sequence number of offset 0, -1 unknown
    next: int = 0  # offset of the next byte to deliver
    held: list[Piece] = []  # what came too early, sorted, without overlaps
    held_bytes: int = 0
    hole_since: int = 0  # when the first piece behind the hole came; after a delivery the earliest of those left
    acked: int = -1  # highest offset that the other side acknowledged
    fin: int = -1  # offset of the FIN
    ended: bool = False  # nothing more will be delivered
    packets: int = 0
    bytes: int = 0
    retransmitted: int = 0
    gaps: int = 0
    gap_bytes: int = 0
    skipped: dict[str, int] = {}  # payload bytes that no reader got, by reason
    #: (offset, time) of the held pieces that came before all pieces further on, so the first came before all: finding
    #: the earliest among thousands after each delivery took most of the time that a flood of holes cost.
    arrivals: list[tuple[int, int]] = []

    def offset(self, seq: int) -> int:
        """Stream offset of a sequence number: the one nearest to `next`."""
        return self.next + ((seq - self.base - self.next + _HALF) & _MASK) - _HALF


class Connection(msgspec.Struct, array_like=True):
    """Both directions of a connection."""

    directions: tuple[Direction, Direction]
    start_seen: bool = False
    reset: bool = False
    anomalies: list[str] = []

    @property
    def calm(self) -> bool:
        """Does nothing wait for a missing segment?"""
        a, b = self.directions
        return not (a.held or b.held)

    @property
    def over(self) -> bool:
        """Is everything said: reset, or both FINs delivered and acknowledged?"""
        a, b = self.directions
        return self.reset or (a.ended and b.ended and a.acked > a.fin and b.acked > b.fin)

    def note(self, code: str) -> None:
        """Record an anomaly once."""
        if code not in self.anomalies:
            self.anomalies.append(code)


class Sink(Protocol):
    """Who reads the streams."""

    def data(self, side: int, run: Run) -> None:
        """The next bytes of a direction."""

    def gap(self, side: int, offset: int, size: int) -> None:
        """Bytes that will never come."""

    def end(self, side: int, *, orderly: bool) -> None:
        """The direction is over, by FIN when `orderly`."""

    def recent(self, side: int) -> tuple[int, bytes | bytearray]:
        """Bytes delivered last and not yet used up, with their offset: to compare retransmissions with."""

    def skipped(self, size: int, reason: str) -> None:
        """Payload bytes that are no part of the stream."""


class Segment(msgspec.Struct, gc=False):
    """One packet of a connection."""

    side: int
    time: int
    seq: int
    ack: int
    flags: int
    data: bytes
    missing: int  # payload bytes that the snap length cut
    row: int  # record number in its chunk
    chunk: int
    day: str


def receive(connection: Connection, segment: Segment, sink: Sink, limits: Limits) -> None:
    """Take one packet: acknowledgement, payload, FIN or RST, then whatever it proves about open holes."""
    side, flags = segment.side, segment.flags
    here, there = connection.directions[side], connection.directions[1 - side]
    here.packets += 1
    here.bytes += len(segment.data)
    seq = segment.seq
    if flags & SYN:
        # RFC 9293 section 3.4: the SYN occupies the sequence number before the first byte.
        seq = (seq + 1) & _MASK
        if here.base < 0 or here.next == 0:
            here.base = seq
    if flags & ACK:
        acknowledge(there, segment.ack)
    if flags & RST:
        _reset(connection, here, seq, segment, sink)
        return
    if here.base < 0 and (segment.data or flags & FIN):
        here.base = seq
    if segment.data or segment.missing:
        _payload(connection, here, seq, segment, sink)
    if flags & FIN and here.fin < 0:
        here.fin = here.offset((seq + len(segment.data) + segment.missing) & _MASK)
    if here.held or there.held:
        _give_up_holes(connection, segment.time, sink, limits)
    if here.fin >= 0 or there.fin >= 0:
        _finish_delivered(connection, sink)


def _finish_delivered(connection: Connection, sink: Sink) -> None:
    """A direction is over when everything before its FIN was delivered."""
    for number, direction in enumerate(connection.directions):
        if direction.fin >= 0 and not direction.ended and direction.next >= direction.fin:
            direction.ended = True
            _skip(direction, direction.held_bytes, "afterEnd", sink)
            direction.held, direction.held_bytes, direction.arrivals = [], 0, []
            sink.end(number, orderly=True)


def finish(connection: Connection, sink: Sink) -> None:
    """No more packets will come: deliver what is held, gaps before it."""
    for side in (0, 1):
        while connection.directions[side].held:
            _give_up(connection, side, sink)
    for side, direction in enumerate(connection.directions):
        if not direction.ended:
            direction.ended = True
            sink.end(side, orderly=direction.fin >= 0)


def acknowledge(direction: Direction, ack: int) -> None:
    """The other side has everything before sequence number `ack`."""
    if direction.base < 0:
        # Without a SYN the first acknowledgement says where this direction goes on.
        direction.base = ack
    offset = direction.offset(ack)
    if direction.acked < offset < direction.next + WINDOW:
        direction.acked = offset


def _reset(connection: Connection, here: Direction, seq: int, segment: Segment, sink: Sink) -> None:
    """RFC 9293 section 3.10.7.4: a reset counts only near the window; blind ones are ignored."""
    if segment.data:
        # RFC 9293 section 3.5.3: a RST may carry text that explains it. It is not part of the stream.
        _skip(here, len(segment.data), "reset", sink)
    if here.base >= 0 and abs(here.offset(seq) - here.next) > WINDOW >> 4 and seq:
        connection.note("resetOutOfWindow")
        return
    connection.reset = True
    finish(connection, sink)


def _payload(connection: Connection, here: Direction, seq: int, segment: Segment, sink: Sink) -> None:
    data = segment.data
    offset = here.offset(seq)
    size = len(data)
    behind = here.next - offset
    if behind > 0:
        behind = min(behind, size)
        _seen_again(connection, here, segment, offset, behind, sink)
        if behind == size and not (segment.missing and offset + size + segment.missing > here.next):
            return
        data, offset = data[behind:], here.next
    if offset - here.next > WINDOW or here.ended:
        _skip(here, len(data), "afterEnd" if here.ended else "outOfWindow", sink)
        return
    missing = max(0, offset + len(data) + segment.missing - max(here.next, offset + len(data)))
    if offset == here.next and not here.held:
        if data:
            here.next += len(data)
            columns = Columns((segment.time,), (ack_of(segment),), (segment.row,), ())
            run = Run(offset, offset, data, columns, 0, 0, 0, segment.chunk, segment.day)
            sink.data(segment.side, run)
        _gap(connection, segment.side, missing, sink)
        return
    piece = Piece(offset, data, segment.time, ack_of(segment), missing, segment.chunk, segment.day)
    _hold(connection, here, piece, sink)
    _drain(connection, segment.side, sink)


def ack_of(segment: Segment) -> int:
    """The acknowledgement number, -1 without one."""
    return segment.ack if segment.flags & ACK else -1


def _skip(here: Direction, size: int, reason: str, sink: Sink) -> None:
    if size:
        here.skipped[reason] = here.skipped.get(reason, 0) + size
        sink.skipped(size, reason)


def _seen_again(connection: Connection, here: Direction, segment: Segment, offset: int, size: int, sink: Sink) -> None:
    """The first `size` bytes of a segment were delivered before."""
    here.retransmitted += size
    _skip(here, size, "retransmitted", sink)
    if len(segment.data) == 1 and offset == here.next - 1:
        # RFC 9293 section 3.8.4: a keep-alive may carry one byte of garbage.
        return
    at, recent = sink.recent(segment.side)
    low, high = max(at, offset), min(at + len(recent), offset + size)
    if low < high and recent[low - at : high - at] != segment.data[low - offset : high - offset]:
        connection.note("overlapConflict")


def _hold(connection: Connection, here: Direction, piece: Piece, sink: Sink) -> None:
    """Keep a piece until the hole before it is filled; only what no earlier piece covers."""
    held = here.held
    if not held:
        here.hole_since = piece.time
    stop = piece.offset + len(piece.data)
    low = bisect_right(held, piece.offset, key=_offset)
    if low and held[low - 1].offset + len(held[low - 1].data) > piece.offset:
        low -= 1
    high = bisect_left(held, stop, lo=low, key=_offset)
    fresh = _uncovered(connection, piece, held[low:high])
    kept = sum(len(part.data) for part in fresh)
    if kept < len(piece.data):
        here.retransmitted += len(piece.data) - kept
        _skip(here, len(piece.data) - kept, "retransmitted", sink)
    if fresh and stop == piece.offset and low and held[low - 1].offset == stop and not held[low - 1].data:
        # Packets of which nothing was captured: the last stands for all, or every look here would pass many.
        fresh[0].time = min(fresh[0].time, held[low - 1].time)
        held[low - 1 : low] = fresh
    else:
        held[low:high] = sorted([*held[low:high], *fresh], key=_offset) if high > low else fresh
    here.held_bytes += kept
    if fresh:
        _arrived(here.arrivals, fresh[-1].offset, piece.time)


def _arrived(arrivals: list[tuple[int, int]], offset: int, time: int) -> None:
    """Enter a piece in `Direction.arrivals`."""
    at = bisect_right(arrivals, offset, key=_first)
    if at < len(arrivals) and arrivals[at][1] <= time:
        return
    start = at
    while start and arrivals[start - 1][1] >= time:
        start -= 1
    arrivals[start:at] = [(offset, time)]


def _uncovered(connection: Connection, piece: Piece, known: list[Piece]) -> list[Piece]:
    """The parts of a piece that no known piece has; where they overlap they should be equal."""
    at, stop = piece.offset, piece.offset + len(piece.data)
    if not known:
        return [piece]
    parts: list[Piece] = []
    for other in [*known, Piece(stop, b"", 0, 0, 0, 0, "")]:
        begin, end = other.offset, other.offset + len(other.data)
        low, high = max(at, begin), min(stop, end)
        mine, its = piece.data[low - piece.offset : high - piece.offset], other.data[low - begin : high - begin]
        if low < high and mine != its:
            connection.note("overlapConflict")
        if at < min(begin, stop):
            data = piece.data[at - piece.offset : min(begin, stop) - piece.offset]
            parts.append(Piece(at, data, piece.time, piece.ack, 0, piece.chunk, piece.day))
        at = max(at, min(end, stop))
    if parts and parts[-1].offset + len(parts[-1].data) == stop:
        parts[-1].missing = piece.missing
    return parts


def _drain(connection: Connection, side: int, sink: Sink) -> None:
    """Deliver the pieces that follow on what was delivered."""
    here = connection.directions[side]
    held, arrivals = here.held, here.arrivals
    done = 0
    while done < len(held) and held[done].offset <= here.next:
        piece = held[done]
        done += 1
        here.held_bytes -= len(piece.data)
        here.next = piece.offset + len(piece.data)
        if piece.data:
            sink.data(side, run_of(piece))
        room = held[done].offset - here.next if done < len(held) else piece.missing
        _gap(connection, side, min(piece.missing, room), sink)
    if done:
        del arrivals[: bisect_right(arrivals, held[done - 1].offset, key=_first)]
        del held[:done]  # once for all: each time a piece is taken from its front, a list moves the others
        if arrivals:
            here.hole_since = arrivals[0][1]


def _give_up_holes(connection: Connection, now: int, sink: Sink, limits: Limits) -> None:
    a, b = connection.directions
    over = a.fin >= 0 and b.fin >= 0
    for side, here in enumerate(connection.directions):
        while here.held and (
            over
            or here.acked >= here.held[0].offset
            or here.held_bytes > limits.gap_bytes
            or len(here.held) > HELD_PIECES
            or now - here.hole_since > limits.gap_time
        ):
            _give_up(connection, side, sink)


def _give_up(connection: Connection, side: int, sink: Sink) -> None:
    """The bytes before the first held piece will not come."""
    here = connection.directions[side]
    size = here.held[0].offset - here.next
    if here.next == 0 and not connection.start_seen and not here.gaps:
        # Before the first byte we saw: not lost by the capture, it just began later.
        here.next += size
    else:
        _gap(connection, side, size, sink)
    _drain(connection, side, sink)


def _gap(connection: Connection, side: int, size: int, sink: Sink) -> None:
    if size > 0:
        here = connection.directions[side]
        offset = here.next
        here.next += size
        here.gaps += 1
        here.gap_bytes += size
        sink.gap(side, offset, size)
