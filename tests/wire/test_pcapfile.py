"""Capture files of every kind are told apart, walked and cut; damage ends them politely."""

import gzip
import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import Frame, Pcapng, pcap
from tests.generated import examples
from wire import pcapfile, records
from wire.pcapfile import CORRUPT, CUT_OFF, CaptureError, Piece, cut, open_capture, sniff

SECOND = 1_000_000_000
START = 1_714_990_000 * SECOND
FRAMES = [Frame(START + i * 1_001_000, bytes([i]) * (20 + 7 * i), 20 + 7 * i) for i in range(12)]


def ng(frames: list[Frame] = FRAMES, *, big_endian: bool = False) -> bytes:
    out = Pcapng().section(big_endian=big_endian, comment=b"hi").interface(1, resolution=9, name="eth0")
    out.block(0x0BAD, b"somebody's own").secrets(b"CLIENT_RANDOM 00 11")
    for i, frame in enumerate(frames):
        if i == 5:
            out.interface(101, resolution=9)
        out.packet(frame, 1 if i > 5 and i % 2 else 0)
    return out.data()


def seen(data: bytes) -> list[tuple[int, bytes, int]]:
    r = records.read(data)
    return [
        (int(t), data[o : o + n], int(w))
        for t, o, n, w in zip(r.ts.tolist(), r.offset.tolist(), r.caplen.tolist(), r.origlen.tolist(), strict=True)
    ]


def told(frames: list[Frame]) -> list[tuple[int, bytes, int]]:
    return [(f.time, f.data, f.length) for f in frames]


def pieces(data: bytes, size: int) -> list[Piece]:
    return list(cut(open_capture(io.BytesIO(data)), size))


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (pcap([], 1), "pcap"),
        (pcap([], 1, big_endian=True, nano=False), "pcap"),
        (struct.pack("<I", 0xA1B2CD34), "pcap"),
        (ng(), "pcapng"),
        (pcapfile.ring_header(1, "<"), "ring"),
        (gzip.compress(b""), "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"", None),
        (b"\xa1\xb2", None),
        (b"GET / HTTP/1.1", None),
    ],
)
def test_kinds(head: bytes, kind: str | None) -> None:
    assert sniff(head[:4]) == kind


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("nano", [False, True])
@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_pcap_pieces_hold_every_record_once(big_endian: bool, nano: bool, size: int) -> None:
    data = pcap(FRAMES, 1, big_endian=big_endian, nano=nano)
    parts = pieces(data, size)
    assert [r for p in parts for r in seen(p.data)] == told(FRAMES)
    assert sum(p.packets for p in parts) == len(FRAMES)
    assert (parts[0].first, parts[-1].last) == (FRAMES[0].time, FRAMES[-1].time)
    assert parts[0].offset == 24
    assert all(not p.anomalies for p in parts)
    for part in parts:
        assert part.starts is not None
        known, found = records.read(part.data, part.starts), records.read(part.data)
        assert known.offset.tolist() == found.offset.tolist()
        assert known.caplen.tolist() == found.caplen.tolist()


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("size", [1, 300, 1 << 20])
def test_pcapng_pieces_repeat_what_they_need(big_endian: bool, size: int) -> None:
    data = ng(big_endian=big_endian) + ng(big_endian=not big_endian)
    parts = pieces(data, size)
    assert [r for p in parts for r in seen(p.data)] == told(FRAMES) * 2
    with_packets = [p for p in parts if p.packets]
    for part in with_packets[1:]:
        assert records.read(part.data).secrets == [(0x544C534B, b"CLIENT_RANDOM 00 11")]
    links = [link for p in parts for link in records.read(p.data).link.tolist()]
    assert links == [101 if i > 5 and i % 2 else 1 for i in range(12)] * 2


def test_cutting_goes_on_from_a_saved_state() -> None:
    for data in (pcap(FRAMES, 1), ng()):
        whole = pieces(data, 150)
        for i, part in enumerate(whole):
            state = json.loads(json.dumps(part.state))
            rest = list(cut(io.BytesIO(data), 150, resume=state))
            assert [p.data for p in rest] == [p.data for p in whole[i + 1 :]]
            assert [p.offset for p in rest] == [p.offset for p in whole[i + 1 :]]


@pytest.mark.parametrize("data", [pcap(FRAMES, 1), ng()])
def test_every_cut_gives_the_whole_records_and_says_so(data: bytes) -> None:
    ends = {len(data)}
    for end in range(len(data)):
        try:
            parts = pieces(data[:end], 200)
        except CaptureError:
            assert end < 100  # inside the file's own header
            continue
        got = [r for p in parts for r in seen(p.data)]
        assert got == told(FRAMES)[: len(got)]
        told_so = [a for p in parts for a in p.anomalies]
        assert told_so in ([], [CUT_OFF])
        if not told_so:
            ends.add(end)
        assert told_so == parts[-1].anomalies
    # Only between two records can a file end without anybody noticing.
    assert len(ends) in (len(FRAMES) + 1, len(FRAMES) + 5)


def test_reading_a_piece_whose_end_is_cut_off() -> None:
    r = records.read(pcap(FRAMES, 1)[:-1])
    assert (len(r), r.anomalies) == (len(FRAMES) - 1, [CUT_OFF])


@pytest.mark.parametrize("big_endian", [False, True])
def test_absurd_lengths_end_the_file(big_endian: bool) -> None:
    order = ">" if big_endian else "<"
    good = pcap(FRAMES[:3], 1, big_endian=big_endian)
    bad = good + struct.pack(order + "IIII", 1, 2, 0xFFFFFFF0, 0xFFFFFFF0) + bytes(100)
    for size in (1, 100, 1 << 20):
        parts = pieces(bad, size)
        assert sum(p.packets for p in parts) == 3
        assert parts[-1].anomalies == [CORRUPT]
    assert records.read(bad).anomalies == [CORRUPT]


@pytest.mark.parametrize("length", [0, 8, 13, 0xFFFFFFFC])
def test_absurd_blocks_end_the_file(length: int) -> None:
    good = ng(FRAMES[:3])
    bad = good + struct.pack("<II", 6, length) + bytes(100)
    for size in (1, 100, 1 << 20):
        parts = pieces(bad, size)
        assert sum(p.packets for p in parts) == 3
        assert parts[-1].anomalies == [CORRUPT]
    assert records.read(bad).anomalies == [CORRUPT]


def test_captures_without_packets_are_captures() -> None:
    for data in (pcap([], 1), Pcapng().section().interface(1).data()):
        (part,) = pieces(data, 100)
        assert (part.packets, part.first, part.last, part.anomalies) == (0, 0, 0, [])
        assert len(records.read(part.data)) == 0


def test_compressed_captures() -> None:
    data = ng()
    assert pieces(gzip.compress(data), 300)[0].data == pieces(data, 300)[0].data
    twice = gzip.compress(data[:300]) + gzip.compress(data[300:])  # two members are one file
    assert [p.data for p in pieces(twice, 300)] == [p.data for p in pieces(data, 300)]


def test_damaged_compression_keeps_what_came_before() -> None:
    many = [Frame(START + i, bytes([i % 251, i // 251]) * 50, 100) for i in range(5000)]
    packed = gzip.compress(pcap(many, 1), 1)
    parts = pieces(packed[: len(packed) // 2], 4096)
    assert 1000 < sum(p.packets for p in parts) < 5000
    assert parts[-1].anomalies == [CUT_OFF]
    spoilt = packed[: len(packed) // 2] + b"\xff" * 64 + packed[len(packed) // 2 + 64 :]
    parts = pieces(spoilt, 4096)
    assert sum(p.packets for p in parts) > 1000
    assert parts[-1].anomalies == [CORRUPT]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty file"),
        (b"GET / HTTP/1.1\r\n", "47 45 54 20"),
        (pcap([], 1)[:10], "cut off inside its header"),
        (ng()[:20], "cut off inside its section header"),
        (b"\x28\xb5\x2f\xfd....", "zstandard"),
        (gzip.compress(b"hello, this is text"), "not a capture"),
        (gzip.compress(gzip.compress(gzip.compress(pcap([], 1)))), "compressed more than twice"),
    ],
)
def test_what_is_no_capture_is_said_clearly(data: bytes, says: str) -> None:
    with pytest.raises(CaptureError, match=says):
        pieces(data, 100)


def test_secrets_are_bounded() -> None:
    out = Pcapng().section().interface(1)
    for i in range(20):
        out.secrets(bytes([i]) * 100_000)
    out.packet(FRAMES[0])
    out.packet(FRAMES[1])
    parts = pieces(out.data(), 1000)
    assert len(parts[-1].data) < 1_200_000
    assert [a for p in parts for a in p.anomalies] == [pcapfile.SECRETS_DROPPED]


@given(st.binary(max_size=400))
@examples(300)
def test_no_bytes_crash_the_reader(noise: bytes) -> None:
    for head in (b"", pcap(FRAMES[:2], 1), ng(FRAMES[:2]), pcapfile.ring_header(1, "<")):
        data = head + noise
        try:
            parts = pieces(data, 64)
        except CaptureError:
            continue
        for part in parts:
            r = records.read(part.data)
            assert len(r) == part.packets
            assert not len(r) or int((r.offset + r.caplen).max()) <= len(part.data)


@given(st.data())
@examples(200)
def test_no_damage_crashes_the_reader(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from([pcap(FRAMES, 1), ng(), ng(big_endian=True)])))
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(24, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        parts = pieces(bytes(raw), data.draw(st.sampled_from([1, 200, 1 << 16])))
    except CaptureError:
        return
    for part in parts:
        r = records.read(part.data)
        assert len(r) == part.packets
        assert not len(r) or int((r.offset + r.caplen).max()) <= len(part.data)
        assert not len(r) or int(r.caplen.min()) >= 0
