"""Capture files made to be slow or large to read."""

import io
import json
import struct
import time

import pytest

from tests.captures import Frame, pcap
from tests.wire.test_hostile import GROWTH, steps
from tests.wire.test_pcapfile import FRAMES, ng, pieces, seen
from wire import links, pcapfile, records
from wire.pcapfile import CORRUPT, cut, cutting, kinds

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def interface(link: int = 1) -> bytes:
    return struct.pack("<IIHHII", 1, 20, link, 0, 0, 20)


def packet(number: int, of: int = 0) -> bytes:
    return struct.pack("<IIIIIIII", 6, 32, of, 0, number, 0, 0, 32)


def section_each(n: int) -> bytes:
    return b"".join(SECTION + interface() + packet(i) for i in range(n))


def interface_each(n: int) -> bytes:
    return SECTION + b"".join(interface() + packet(i, i) for i in range(n))


def link_each(n: int) -> bytes:
    return SECTION + b"".join(interface(1000 + i) + packet(i, i) for i in range(n))


def secret_each(n: int) -> bytes:
    return SECTION + interface() + b"".join(struct.pack("<IIIIII", 10, 24, 1, 4, i, 24) for i in range(n))


def read_all(data: bytes) -> int:
    found = [records.read(piece.data, piece.starts) for piece in cut(io.BytesIO(data), 1 << 20)]
    for part in found:
        links.network(part)
    return sum(map(len, found))


@pytest.mark.parametrize("make", [section_each, interface_each, link_each])
def test_a_packet_with_blocks_of_its_own_costs_a_few_steps(make: object) -> None:
    assert callable(make)
    data = make(2000)
    assert read_all(data) == 2000
    assert steps(lambda: read_all(data)) < 2000 * 300


def test_secrets_that_never_repeat_are_kept_fast() -> None:
    def cost(n: int) -> float:
        data = secret_each(n)
        begun = time.process_time()
        pieces(data, 1 << 24)
        return time.process_time() - begun

    assert min(cost(32_000) / cost(8000) for _ in range(3)) < 2 * GROWTH  # a square would take sixteen


@pytest.mark.parametrize("data", [pcap(FRAMES, 1), ng(), ng()[:-3]])
@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_piece_ends_after_many_records(data: bytes, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pieces(data, 1 << 20)
    monkeypatch.setattr(cutting, "MAX_RECORDS", most + 1)
    parts = pieces(data, 1 << 20)
    assert [r for p in parts for r in seen(p.data)] == [r for p in whole for r in seen(p.data)]
    assert max(p.packets for p in parts) <= most + 1
    assert parts[-1].anomalies == whole[-1].anomalies
    assert parts[-1].state["offset"] == whole[-1].state["offset"]
    for i, part in enumerate(parts):
        rest = list(cut(io.BytesIO(data), 1 << 20, resume=json.loads(json.dumps(part.state))))
        assert [p.data for p in rest] == [p.data for p in parts[i + 1 :]]


def test_empty_records_fill_no_piece() -> None:
    data = pcap([Frame(1, b"", 0)] * (kinds.MAX_RECORDS + 1000), 1)
    assert [p.packets for p in pieces(data, 1 << 24)] == [kinds.MAX_RECORDS, 1000]


def ring(packets: list[tuple[int, int]]) -> bytes:
    """A ring of one block; of each packet how far it is to the next, and how long it says it is."""
    body = b"".join(
        struct.pack("<6IH", step, 1, 0, said, said, 0, 48).ljust(max(step, 48), b"x") for step, said in packets
    )
    return (
        pcapfile.ring_header(1, "<")
        + struct.pack("<5I", 1, 0, 0, len(packets), 48).ljust(48, b"\0")[:20]
        + (struct.pack("<I", 48 + len(body)).ljust(28, b"\0") + body)
    )


def test_packets_of_a_ring_do_not_share_bytes() -> None:
    r = records.read(ring([(64, 10), (64, 60_000), (0, 0)]))
    assert r.caplen.tolist() == [10, 16, 0]
    assert r.origlen.tolist() == [10, 60_000, 0]
    assert records.read(ring([(64, 10), (8, 10), (64, 10)])).anomalies == [CORRUPT]


def test_a_long_section_header_is_not_repeated() -> None:
    size = 28 + 4 * kinds.MAX_RECORD // 8
    head = struct.pack("<IIIHHq", 0x0A0D0D0A, size, 0x1A2B3C4D, 1, 0, -1).ljust(size - 4, b"\0")
    parts = pieces(head + struct.pack("<I", size) + interface() + packet(1) * 9, 40)
    assert sum(p.packets for p in parts) == 9
    assert max(len(p.data) for p in parts[1:]) < 200
