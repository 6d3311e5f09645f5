"""Times, lengths and interfaces come out of every format as columns."""

import struct

import numpy as np
import pytest

from tests.captures import Frame, Pcapng
from wire import records
from wire.pcapfile import ring_header
from wire.pcapfile.pcapng import Interface

SECOND = 1_000_000_000
AT = 1_714_990_123 * SECOND + 123_456_789


@pytest.mark.parametrize(
    ("resolution", "tick"),
    [(None, 1000), (6, 1000), (9, 1), (3, 1_000_000), (0, SECOND), (10, 1), (0x80 | 10, 976_563), (0x80 | 30, 1)],
)
def test_resolutions(resolution: int | None, tick: int) -> None:
    data = Pcapng().section().interface(1, resolution=resolution).packet(Frame(AT, b"x" * 40, 40)).data()
    (ts,) = records.read(data).ts.tolist()
    assert 0 <= AT - ts <= tick


@pytest.mark.parametrize("offset", [1_714_990_000, -5])
def test_offsets(offset: int) -> None:
    out = Pcapng().section().interface(1, resolution=9, offset=offset).packet(Frame(AT, b"x" * 40, 40), offset=offset)
    assert records.read(out.data()).ts.tolist() == [AT]


def test_absurd_resolutions_do_not_raise() -> None:
    units = np.array([0, 1, (1 << 64) - 1], np.uint64)
    for resolution in range(256):
        for shift in (0, 1 << 62, -(1 << 63)):
            assert len(records.nanoseconds(units, Interface(1, 0, resolution, shift))) == 3


def test_binary_resolution_keeps_nanoseconds() -> None:
    for power in (1, 20, 34, 35, 50, 63):
        units = 5 * (1 << power) + (1 << power) // 3
        if units >= 1 << 64:
            continue
        got = int(records.nanoseconds(np.array([units], np.uint64), Interface(1, 0, 0x80 | power))[0])
        assert abs(got - units * SECOND // (1 << power)) <= 1


def test_simple_and_old_packet_blocks() -> None:
    out = Pcapng().section().interface(1, snap=50).interface(101)
    out.packet(Frame(AT, b"a" * 40, 44))
    out.simple_packet(Frame(0, b"b" * 50, 90))
    units = AT // 1000
    out.block(2, struct.pack("<HHIIII", 1, 7, units >> 32, units & 0xFFFFFFFF, 30, 31) + b"c" * 30)
    out.packet(Frame(AT + 1000, b"d" * 40, 40), 1)
    r = records.read(out.data())
    assert [r.buf[o : o + n] for o, n in zip(r.offset, r.caplen, strict=True)] == [
        b"a" * 40,
        b"b" * 50,
        b"c" * 30,
        b"d" * 40,
    ]
    assert r.origlen.tolist() == [44, 90, 31, 40]
    assert r.ts.tolist() == [AT // 1000 * 1000, 0, AT // 1000 * 1000, AT // 1000 * 1000 + 1000]
    assert (r.link.tolist(), r.interface.tolist()) == ([1, 1, 101, 101], [0, 0, 1, 1])


def test_interfaces_are_counted_over_sections_and_unknown_ones_have_no_link() -> None:
    out = Pcapng().section().interface(1).packet(Frame(AT, b"a" * 40, 40))
    out.section(big_endian=True).interface(113).packet(Frame(AT, b"b" * 40, 40))
    out.block(6, struct.pack(">IIIII", 9, 0, 0, 4, 4) + b"odd!")
    r = records.read(out.data())
    assert r.link.tolist() == [1, 113, records.UNKNOWN_LINK]
    assert r.interface.tolist()[:2] == [0, 1]


def test_the_modified_format_has_longer_record_headers() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    record = struct.pack("<IIIIIHBB", AT // SECOND, 7, 30, 60, 2, 8, 0, 0) + b"z" * 30
    r = records.read(head + record + record)
    assert [r.buf[o : o + n] for o, n in zip(r.offset, r.caplen, strict=True)] == [b"z" * 30] * 2
    assert (r.ts.tolist(), r.origlen.tolist()) == ([AT // SECOND * SECOND + 7000] * 2, [60, 60])


def ring_block(packets: list[tuple[int, bytes, int]], order: str = "<") -> bytes:
    """A TPACKET_V3 block as the kernel lays it out: block header, then packets behind their headers."""
    body = b""
    for i, (time, data, length) in enumerate(packets):
        size = (82 + len(data) + 15) // 16 * 16
        following = size if i + 1 < len(packets) else 0
        head = struct.pack(order + "IIIIIIHH", following, time // SECOND, time % SECOND, len(data), length, 1, 82, 96)
        body += (head + bytes(82 - len(head)) + data).ljust(size, b"\0")
    return struct.pack(order + "IIIIIIQQQ", 3, 48, 1, len(packets), 48, 48 + len(body), 1, 0, 0) + body


@pytest.mark.parametrize("order", ["<", ">"])
def test_ring_blocks(order: str) -> None:
    first = ring_block([(AT, b"a" * 60, 60), (AT + 5, b"b" * 33, 1500)], order)
    second = ring_block([(AT + 9, b"c" * 64, 64)], order)
    empty = ring_block([], order)
    r = records.read(ring_header(1, order) + first + empty + second)
    assert [r.buf[o : o + n] for o, n in zip(r.offset, r.caplen, strict=True)] == [b"a" * 60, b"b" * 33, b"c" * 64]
    assert (r.ts.tolist(), r.origlen.tolist()) == ([AT, AT + 5, AT + 9], [60, 1500, 64])
    assert (r.links, r.anomalies) == ([1], [])


def test_window_reads_zeros_behind_the_end() -> None:
    at = np.array([0, 3, 5, 9], np.int64)
    assert records.window(b"abcdef", at, 4).tobytes() == b"abcddef\0f\0\0\0\0\0\0\0"
    assert records.window(b"ab", at[:1], 4).tobytes() == b"ab\0\0"
