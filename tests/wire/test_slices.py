"""Slices hold every segment once, in capture order, and the same ones however a capture is cut."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import Frame, frames, pcap
from tests.generated import examples
from wire.pcapfile import CaptureError
from wire.slices import ROW_BYTES, Slice, Split, cut_rows, split

KEY = b"0123456789abcdef"
Segment = tuple[int, int, int, int, int, int, int, int, bytes]


def traffic(count: int, seed: int = 1, conversations: int = 9) -> list[Frame]:
    """Interleaved conversations with payloads of many sizes, some cut, some not TCP."""
    rng = random.Random(seed)
    out = []
    for i in range(count):
        n = rng.randrange(conversations)
        a, b = (f"10.0.0.{n}", 1000 + n), ("10.0.1.1", 80)
        if n % 3 == 0:
            a, b = (f"fd00::{n}", 1000 + n), ("fd00:1::1", 80)
        if rng.random() < 0.5:
            a, b = b, a
        payload = rng.randbytes(rng.choice([0, 0, 1, 100, 1448]))
        segment = frames.tcp(a, b, rng.randrange(1 << 32), i, 24, payload)
        packet = frames.ipv6(a[0], b[0], segment) if ":" in a[0] else frames.ipv4(a[0], b[0], segment)
        if rng.random() < 0.05:
            packet = frames.ipv4("10.0.0.1", "10.0.0.2", bytes(20), protocol=17)
        data = frames.link(1, packet)
        kept = data[: rng.choice([90, 2000, 2000, 2000])]
        out.append(Frame(1_714_990_000_000_000_000 + i * 1000, kept, len(data)))
    return out


def segments(split_: Split, base: int = 0) -> dict[bytes, list[Segment]]:
    """Every segment by flow; checks what a slice promises on the way."""
    out: dict[bytes, list[Segment]] = {}
    for partition, s in enumerate(split_.slices):
        if s is None:
            continue
        assert s.partition == partition
        assert int(s.length.sum()) == len(s.data)
        assert (s.row_start[0], s.row_start[-1]) == (0, len(s))
        for row in range(s.rows):
            flow = s.flows[s.row_flow[row]].key
            for i in range(int(s.row_start[row]), int(s.row_start[row + 1])):
                at = int(s.pos[i])
                numbers = (s.index[i] + base, s.ts[i], s.side[i], s.seq[i], s.ack[i], s.flags[i], s.window[i])
                payload = s.data[at : at + int(s.length[i])]
                out.setdefault(flow, []).append((*(int(n) for n in numbers), int(s.missing[i]), payload))
    return out


def test_every_record_is_somewhere() -> None:
    found = split(pcap(traffic(500), 1), 4, KEY)
    by_flow = segments(found)
    assert sum(len(v) for v in by_flow.values()) == found.tcp
    assert found.packets == 500 == found.tcp + found.not_tcp + sum(found.undecodable.values()) + found.fragments
    assert found.not_tcp > 5
    assert (found.first, found.last) == (1_714_990_000_000_000_000, 1_714_990_000_000_499_000)
    for of_flow in by_flow.values():
        assert [s[0] for s in of_flow] == sorted(s[0] for s in of_flow)


@given(st.integers(1, 9), st.lists(st.integers(0, 120), max_size=6), st.integers(0, 5))
@examples(60)
def test_any_cutting_and_any_partitions_give_the_same_flows(partitions: int, cuts: list[int], seed: int) -> None:
    packets = traffic(120, seed)
    whole = segments(split(pcap(packets, 1), 1, KEY))
    parts: dict[bytes, list[Segment]] = {}
    where: dict[bytes, int] = {}
    bounds = sorted({0, *cuts, len(packets)})
    for a, b in itertools.pairwise(bounds):
        found = split(pcap(packets[a:b], 1), partitions, KEY)
        for s in found.slices:
            for flow in s.flows if s else []:
                assert where.setdefault(flow.key, s.partition) == s.partition  # type: ignore[union-attr]
        for flow_key, more in segments(found, a).items():
            parts.setdefault(flow_key, []).extend(more)
    assert parts == whole


def test_stored_and_read_again() -> None:
    for s in split(pcap(traffic(300), 1), 3, KEY).slices:
        assert s is not None
        again = Slice.from_bytes(s.to_bytes())
        for name in Slice.__slots__:
            if name not in ("source", "key", "partitions"):
                a, b = getattr(s, name), getattr(again, name)
                assert (np.array_equal(a, b) and a.dtype == b.dtype) if isinstance(a, np.ndarray) else a == b, name
        with pytest.raises(ValueError, match="stored slice"):
            again.packets_blobs()
    with pytest.raises(ValueError, match=r".+"):
        Slice.from_bytes(b"\0\0\0\x02??")


def test_rows_hold_at_most_their_bytes() -> None:
    a, b = ("10.0.0.1", 1), ("10.0.0.2", 2)
    out = []
    for i in range(700):
        data = frames.link(1, frames.ipv4(a[0], b[0], frames.tcp(a, b, i * 1448, 0, 24, bytes(1448))))
        out.append(Frame(i, data, len(data)))
    (s,) = split(pcap(out, 1), 1, KEY).slices
    assert s is not None
    sizes = np.add.reduceat(s.length, s.row_start[:-1])
    assert sizes.sum() == 700 * 1448
    assert sizes.max() <= ROW_BYTES
    assert (sizes[:-1] > ROW_BYTES - 1448).all()
    assert s.row_flow.tolist() == [0] * s.rows


@given(
    st.lists(
        st.lists(st.sampled_from([0, 1, 1000, ROW_BYTES - 1, ROW_BYTES, ROW_BYTES + 1, 700_000]), min_size=1),
        max_size=5,
    )
)
@examples(200)
def test_rows_cut_any_flows(sizes: list[list[int]]) -> None:
    bounds = np.append(0, np.cumsum([len(f) for f in sizes])).astype(np.int64)
    end = np.append(0, np.cumsum([n for f in sizes for n in f])).astype(np.int64)
    row_flow, row_start = cut_rows(bounds, end)
    assert (row_start[0], row_start[-1]) == (0, bounds[-1])
    assert len(row_flow) == len(row_start) - 1
    assert set(bounds.tolist()) <= set(row_start.tolist())
    for flow, x, y in zip(row_flow, row_start, row_start[1:], strict=False):
        assert bounds[flow] <= x < y <= bounds[flow + 1]
        assert end[y] - end[x] <= ROW_BYTES or y - x == 1 or (np.diff(end[x : y + 1]) > 0).sum() == 1


def test_empty_and_foreign() -> None:
    found = split(pcap([], 1), 2, KEY)
    assert (found.slices, found.packets, found.first, found.last) == ([None, None], 0, 0, 0)
    with pytest.raises(CaptureError):
        split(b"nothing of the kind", 2, KEY)


def test_fragments_go_to_every_partition() -> None:
    parts = frames.fragments(
        "10.0.0.1", "10.0.0.2", frames.tcp(("10.0.0.1", 1), ("10.0.0.2", 2), 1, 1, 24, bytes(2000)), 800, 3
    )
    found = split(pcap([Frame(1, p, len(p)) for p in parts], 101), 3, KEY)
    assert found.fragments == 3
    for s in found.slices:
        assert s is not None
        again = Slice.from_bytes(s.to_bytes())
        assert (len(s), again.fragments, again.key, again.partitions) == (0, s.fragments, KEY, 3)
        assert len(s.packets_blobs()) == 1
