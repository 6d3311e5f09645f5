"""Traffic made to be slow to read. Time may grow with the bytes, not with their square."""

import random
import sys
import time
from collections.abc import Callable
from types import FrameType

import pytest

from tests.wire.segments import ACK, Line, Packet, make_slice, run
from wire.limits import DEFAULT
from wire.rebuild import ChunkRef, Rebuilder

#: Twice the input may take this many times as long: two, and room for a busy machine. A square would take four.
GROWTH = 3.3


def slow_head(n: int) -> list[Packet]:
    """A head that never ends, a few bytes at a time."""
    return Line().open().ask(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * n, 4).packets


def no_line_end(n: int) -> list[Packet]:
    """A start line that never ends."""
    return Line().open().ask(b"GET /" + b"x" * (8 * n), 8).packets


def tiny_chunks(n: int) -> list[Packet]:
    """Chunks of one byte."""
    answered = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n * 10
    return Line().open().ask(b"GET / HTTP/1.1\r\n\r\n").answer(answered).packets


def false_starts(n: int) -> list[Packet]:
    """What nearly looks like start lines, after something that is none."""
    return Line().open().ask(b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n=" + b"a HTTP/1.HTTP/1." * n, 100).packets


def backwards(n: int) -> list[Packet]:
    """Segments of one byte in falling order, so that all wait."""
    line = Line().open()
    packets = [Packet(0, 1001 + i, 9001, ACK, b"x", line.time) for i in range(n, 0, -1)]
    return [*line.packets, *packets]


def many_requests(n: int) -> list[Packet]:
    """Requests that nobody answers."""
    return Line().open().ask(b"GET / HTTP/1.1\r\n\r\n" * n).packets


@pytest.mark.parametrize(
    ("make", "n"),
    [
        (slow_head, 8000),
        (no_line_end, 8000),
        (tiny_chunks, 8000),
        (false_starts, 8000),
        (backwards, 3000),
        (many_requests, 4000),
    ],
)
def test_time_grows_with_the_bytes(make: object, n: int) -> None:
    assert callable(make)
    best = min(_cost(make(2 * n)) / _cost(make(n)) for _ in range(6))
    assert best < GROWTH


def _cost(packets: list[Packet]) -> float:
    begun = time.process_time()
    result = run(packets, fast=False)
    skipped = sum(n for name, n in result.counters.items() if name.startswith("payload.skipped."))
    assert sum(len(p.data) for p in packets) == result.counters.get("payload.parsed", 0) + skipped
    return time.process_time() - begun


def steps(work: Callable[[], object]) -> int:
    """Lines of Python that some work takes: the same in every run, however busy the machine."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def filled_holes(n: int) -> list[Packet]:
    """Every second byte first, then those between one by one."""
    line = Line().open()
    seqs = [*range(1002, 1002 + 2 * n, 2), *range(1001, 1001 + 2 * n, 2)]
    return [*line.packets, *(Packet(0, seq, 9001, ACK, b"x", line.time + i) for i, seq in enumerate(seqs))]


def nothing_captured(n: int) -> list[Packet]:
    """Many packets without a captured byte at one place behind a hole, then bytes over that place again and again."""
    line = Line().open()
    empty = [Packet(0, 1010, 9001, ACK, b"", line.time, 100)] * n
    return [*line.packets, *empty, *[Packet(0, 1009, 9001, ACK, b"xy", line.time)] * n]


def many_upgrades(n: int) -> list[Packet]:
    """Requests that all ask to leave HTTP, so that each waits for the answer to the one before."""
    return Line().open().ask(b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n" * n, 30).packets


@pytest.mark.parametrize("make", [filled_holes, nothing_captured, backwards, many_upgrades])
def test_steps_grow_with_the_packets(make: object) -> None:
    assert callable(make)
    few, many = make(800), make(1600)
    assert steps(lambda: run(many, fast=False)) < 2.2 * steps(lambda: run(few, fast=False))


@pytest.mark.parametrize("seed", range(20))
def test_the_earliest_of_the_held_pieces_is_known(seed: int) -> None:
    source = random.Random(seed)
    line = Line().open()
    rebuilder = Rebuilder("capture", DEFAULT, fast=False)
    rebuilder.advance(ChunkRef(0, "20261122"), make_slice(line.packets))
    for number in range(1, 150):
        at, size, missing = source.randrange(200), source.choice((0, 0, 1, 3, 20)), source.choice((0, 0, 4))
        packet = Packet(0, 1002 + at, 9001, ACK, b"x" * size, line.time + source.randrange(1000), missing)
        rebuilder.advance(ChunkRef(number, "20261122"), make_slice([packet]))
        (life,) = rebuilder._partition.lives.values()
        assert life.session
        side = life.session.connection.directions[0]
        ends = [piece.offset + len(piece.data) for piece in side.held]
        assert all(end <= piece.offset for end, piece in zip(ends, side.held[1:], strict=False))
        assert side.held_bytes == sum(len(piece.data) for piece in side.held)
        if side.held:
            assert side.arrivals[0][1] == min(piece.time for piece in side.held)
        else:
            assert not side.arrivals
