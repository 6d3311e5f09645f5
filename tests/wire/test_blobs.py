"""Whole packets come back from blobs as captures of one flow, or of all."""

import struct

import pytest

from tests.captures import Frame, Pcapng, frames, pcap
from tests.wire.test_slices import traffic
from wire import blobs, records
from wire.slices import split

KEY = b"0123456789abcdef"


def kept(data: bytes) -> list[tuple[int, bytes, int]]:
    r = records.read(data)
    ends = zip(r.ts.tolist(), r.offset.tolist(), r.caplen.tolist(), r.origlen.tolist(), strict=True)
    return [(t, r.buf[o : o + n], w) for t, o, n, w in ends]


def all_blobs(data: bytes, partitions: int = 3) -> list[bytes]:
    return [b for s in split(data, partitions, KEY).slices if s for b in s.packets_blobs()]


def ng(packets: list[Frame]) -> bytes:
    out = Pcapng().section().interface(1, resolution=9)
    for frame in packets:
        out.packet(frame)
    return out.data()


@pytest.mark.parametrize(
    "write",
    [
        lambda p: pcap(p, 1),
        lambda p: pcap(p, 1, big_endian=True, nano=False),
        lambda p: pcap(p, 1, big_endian=True),
        ng,
    ],
)
def test_a_flow_comes_back_whole(write) -> None:  # type: ignore[no-untyped-def]
    data = write(traffic(400))
    whole = kept(data)
    found = all_blobs(data)
    everything = []
    for s in split(data, 1, KEY).slices:
        assert s is not None
        for flow in s.flows:
            mine = kept(blobs.capture_file(found, {flow.key}))
            of = s.flows.index(flow)
            rows = [i for i in range(s.rows) if s.row_flow[i] == of]
            a, b = int(s.row_start[rows[0]]), int(s.row_start[rows[-1] + 1])
            assert mine == [whole[i] for i in s.index[a:b].tolist()]
            everything += mine
    assert sorted(kept(blobs.capture_file(found, None))) == sorted(everything)


def test_the_header_tells_where_flows_are() -> None:
    (blob,) = all_blobs(pcap(traffic(100), 1), 1)
    header, at = blobs.blob_header(blob)
    assert (header["format"], header["link"], header["nano"], header["bigEndian"]) == ("pcap", 1, True, False)
    assert (header["first"], header["partition"]) == (1_714_990_000_000_000_000, 0)
    assert header["packets"] == sum(n for _, n, _, _ in header["flows"])
    ends = [a + n for _, _, a, n in header["flows"]]
    assert [a for _, _, a, _ in header["flows"]] == [0, *ends[:-1]]
    assert blob[at : at + 4] == b"\x28\xb5\x2f\xfd"
    with pytest.raises(ValueError, match="shorter"):
        blobs.blob_header(blob[:10])


def test_links_that_differ_become_pcapng() -> None:
    out = Pcapng().section().interface(1, resolution=9).interface(101, resolution=9)
    a, b = ("10.0.0.1", 1), ("10.0.0.2", 2)
    packet = frames.ipv4(a[0], b[0], frames.tcp(a, b, 1, 1, 24, b"hello"))
    for i in range(6):
        data = frames.link((1, 101)[i % 2], packet)
        out.packet(Frame(i, data, len(data)), i % 2)
    found = all_blobs(out.data(), 1)
    assert len(found) == 2
    (s,) = split(out.data(), 1, KEY).slices
    assert s is not None
    for keys in ({s.flows[0].key}, None):
        r = records.read(blobs.capture_file(found, keys))
        assert (r.format, r.ts.tolist(), r.link.tolist()) == ("pcapng", list(range(6)), [1, 101] * 3)


def test_fragments_come_with_the_flow_of_their_addresses_and_once_with_all() -> None:
    a, b = ("10.0.0.1", 1), ("10.0.0.2", 2)
    parts = frames.fragments(a[0], b[0], frames.tcp(a, b, 1, 1, 24, bytes(2000)), 800, 3)
    other = frames.fragments("10.9.0.1", b[0], frames.tcp(("10.9.0.1", 1), b, 1, 1, 24, bytes(2000)), 800, 3)
    plain = frames.ipv4(a[0], b[0], frames.tcp(a, b, 1, 1, 24, b"hello"))
    data = pcap([Frame(i, p, len(p)) for i, p in enumerate([*parts, *other, plain])], 101)
    found = all_blobs(data)
    (flow,) = [f.key for s in split(data, 1, KEY).slices if s for f in s.flows]
    assert [f[0] for f in kept(blobs.capture_file(found, {flow}))] == [0, 1, 2, 6]
    assert [f[0] for f in kept(blobs.capture_file(found, None))] == list(range(7))


def test_nothing_found_is_an_empty_capture() -> None:
    assert kept(blobs.capture_file([], {b"\4" + bytes(12)})) == []
    assert kept(blobs.capture_file(all_blobs(pcap(traffic(50), 1)), {b"\4" + bytes(12)})) == []


def test_the_modified_format_is_written_anew() -> None:
    packet = frames.link(
        1, frames.ipv4("10.0.0.1", "10.0.0.2", frames.tcp(("10.0.0.1", 1), ("10.0.0.2", 2), 1, 1, 24, b"x"))
    )
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65535, 1)
    data = head + struct.pack("<IIIIIHBB", 5, 7, len(packet), len(packet), 2, 8, 0, 0) + packet
    assert kept(blobs.capture_file(all_blobs(data), None)) == [(5_000_007_000, packet, len(packet))]


@pytest.mark.parametrize("write", [lambda p: pcap(p, 1), lambda p: pcap(p, 1, big_endian=True, nano=False), ng])
def test_a_part_has_some_flows_for_some_time_or_all_else(write) -> None:  # type: ignore[no-untyped-def]
    (blob,) = all_blobs(write(traffic(300)), 1)
    header, _ = blobs.blob_header(blob)
    everything = sorted(kept(blobs.capture_file([blob], None)))
    name = next(flow[0] for flow in header["flows"] if flow[0] and flow[1] > 3)
    mine = kept(blobs.capture_file([blob], {bytes.fromhex(name)}))
    span = mine[1][0], mine[-2][0]
    inside = blobs.part(blob, {name: [span]}, inside=True)
    outside = blobs.part(blob, {name: [span]}, inside=False)
    assert inside is not None
    assert outside is not None
    here, there = (kept(blobs.capture_file([one], None)) for one in (inside, outside))
    assert sorted(here + there) == everything
    assert {one[0] for one in here if one in mine} == {one[0] for one in mine if span[0] <= one[0] <= span[1]}
    head, _ = blobs.blob_header(inside)
    assert (head["first"], head["last"], head["packets"]) == (here[0][0], here[-1][0], len(here))
    assert sum(flow[1] for flow in head["flows"]) == len(here)
    assert blobs.blob_header(outside)[0]["packets"] == len(there)


def test_a_part_of_nothing_is_nothing_and_all_but_nothing_is_the_blob() -> None:
    (blob,) = all_blobs(pcap(traffic(100), 1), 1)
    for spans in ({}, {"00": [(0, 1 << 62)]}):
        assert blobs.part(blob, spans, inside=True) is None
        assert blobs.part(blob, spans, inside=False) is blob
    header, _ = blobs.blob_header(blob)
    everything = {flow[0]: [(0, 1 << 62)] for flow in header["flows"] if flow[0]}
    assert blobs.part(blob, everything, inside=True) is not None
    left = blobs.part(blob, everything, inside=False)
    assert left is None or not any(flow[0] for flow in blobs.blob_header(left)[0]["flows"])
