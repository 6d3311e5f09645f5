"""IP datagrams in fragments become segments where they are completed, once, and losses have reasons."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import Frame, frames, pcap
from tests.generated import examples
from wire import fragments, packets, records
from wire.fragments import Fragment, Reassembler
from wire.limits import DEFAULT, SECOND
from wire.slices import Slice, merge_fragments, split

A, B = ("10.0.0.1", 40000), ("10.0.0.2", 80)
A6, B6 = ("2001:db8::1", 40000), ("2001:db8::2", 80)
KEY = b"k" * 16
BODY = bytes(range(256)) * 20


def datagram(number: int = 7, body: bytes = BODY, seq: int = 1, v6: bool = False) -> list[bytes]:
    a, b = (A6, B6) if v6 else (A, B)
    return frames.fragments(a[0], b[0], frames.tcp(a, b, seq, 1, 24, body), 1480, number)


def taken(parts: list[bytes], times: list[int] | None = None) -> list[Fragment]:
    kept = [Frame((times or range(len(parts)))[i], p, len(p)) for i, p in enumerate(parts)]
    return packets.decode(records.read(pcap(kept, 101))).fragments


@pytest.mark.parametrize("v6", [False, True])
def test_any_order_completes_at_the_last(v6: bool) -> None:
    parts = taken(datagram(v6=v6))
    for order in itertools.permutations(parts):
        r = Reassembler(DEFAULT)
        done = []
        for f in order:
            done += r.feed([f])
            r = Reassembler.load(r.dump(), DEFAULT)
        (whole,) = done
        assert (whole.index, whole.ts) == (order[-1].index, order[-1].ts)
        assert whole.packet.endswith(BODY)
        assert r.dump() == b""


def test_ipv6_extension_headers_behind_the_fragment_header_are_read() -> None:
    inner = b"\x06\0" + bytes(6) + frames.tcp(A6, B6, 1, 1, 24, BODY)
    parts = []
    for offset in range(0, len(inner), 1448):
        more = offset + 1448 < len(inner)
        head = bytes([60, 0]) + (offset | more).to_bytes(2, "big") + b"\0\0\0\1"
        parts.append(frames.ipv6(A6[0], B6[0], inner[offset : offset + 1448], protocol=60, extensions=[(44, head)]))
    (got,) = segments(parts, 1)
    assert got[3] == BODY


def test_the_same_fragment_again_changes_nothing() -> None:
    parts = taken(datagram())
    r = Reassembler(DEFAULT)
    assert r.feed([parts[0], parts[0], parts[1], parts[1]]) == []
    assert len(r.feed(parts[2:])) == 1
    assert r.take_counts() == {"joined": len(parts) + 1}


def test_losses_have_reasons() -> None:
    first, *rest = taken(datagram())
    r = Reassembler(DEFAULT)
    other = Fragment(first.index, first.ts, first.key, first.offset + 8, True, b"x" * 80, 0)
    r.feed([first, other])
    assert r.take_counts() == {fragments.OVERLAP: 2}
    r.feed([Fragment(0, 0, b"k" * 14, 0, True, b"x" * 8, 3)])
    assert r.take_counts() == {fragments.CUT: 1}
    r.feed([Fragment(0, 0, b"k" * 14, 65528, False, b"x" * 80, 0), Fragment(0, 0, b"k" * 14, 0, True, b"x" * 9, 0)])
    assert r.take_counts() == {fragments.TOO_LONG: 2}
    r.feed([first])
    late = [Fragment(f.index, first.ts + 31 * SECOND, *list(_rest(f))) for f in rest]
    assert r.feed(late) == []
    assert r.take_counts() == {fragments.TIMEOUT: 1}
    r.close()
    assert r.take_counts() == {fragments.TIMEOUT: len(rest)}
    assert len(r) == 0


def _rest(f: Fragment) -> tuple[bytes, int, bool, bytes, int]:
    return f.key, f.offset, f.more, f.payload, f.missing


def test_waiting_is_bounded() -> None:
    r = Reassembler(DEFAULT)
    for i in range(10_000):
        r.feed([Fragment(i, 0, b"\4\6" + i.to_bytes(10, "big"), 0, True, b"x" * 1480, 0)])
    assert len(r) <= min(DEFAULT.fragment_datagrams, fragments.WAITING_BYTES // 1480)
    assert r.take_counts()[fragments.LIMIT] == 10_000 - len(r)
    r = Reassembler(DEFAULT)
    for i in range(8000):
        r.feed([Fragment(i, 0, b"\4\6" + bytes(10), 16 * (i % 4000), True, b"x" * 8, 0)])
    assert sum(r.take_counts().values()) + fragments.MOST_PARTS > 8000


def segments(parts: list[bytes], partitions: int, size: int = 0) -> list[tuple[bytes, int, int, bytes]]:
    """(flow, record, seq, payload) in order, through every partition's slices; `size` records a chunk."""
    reassemblers = [b""] * partitions
    out = []
    for start in range(0, len(parts), size or len(parts)):
        chunk = parts[start : start + (size or len(parts))]
        data = pcap([Frame(start + i, p, len(p)) for i, p in enumerate(chunk)], 101)
        for p, found in enumerate(split(data, partitions, KEY).slices):
            if found is None:
                continue
            r = Reassembler.load(reassemblers[p], DEFAULT)
            merged = merge_fragments(Slice.from_bytes(found.to_bytes()), r)
            reassemblers[p] = r.dump()
            for row in range(merged.rows):
                flow = merged.flows[merged.row_flow[row]].key
                for i in range(int(merged.row_start[row]), int(merged.row_start[row + 1])):
                    at = int(merged.pos[i])
                    payload = merged.data[at : at + int(merged.length[i])]
                    out.append((flow, start + int(merged.index[i]), int(merged.seq[i]), payload))
    return sorted(out)


@given(st.integers(1, 5), st.integers(1, 30), st.randoms(use_true_random=False))
@examples(40)
def test_segments_do_not_depend_on_the_chunks(partitions: int, size: int, random: object) -> None:
    parts = []
    for i in range(6):
        parts += datagram(i, bytes([i]) * 3000, seq=i * 3000, v6=i % 2 == 0)
        parts.append(frames.ipv4(A[0], B[0], frames.tcp(A, B, i, 0, 24, b"plain")))
    random.shuffle(parts)  # type: ignore[attr-defined]
    whole = segments(parts, 1)
    assert len(whole) == 12
    assert segments(parts, partitions, size) == whole


@pytest.mark.parametrize("spoil", [b"", b"\xff"], ids=["sound", "bad TCP header"])
def test_every_fragment_is_in_a_segment_lost_with_a_reason_or_waiting(spoil: bytes) -> None:
    parts = [*datagram(1), *datagram(2), datagram(3)[0]]
    if spoil:  # the data offset of datagram 2 points behind its end
        at = len(datagram(1))
        parts[at] = parts[at][:20] + frames.tcp(A, B, 1, 1, 24, BODY)[:12] + b"\x10" + parts[at][33:]
    found = split(pcap([Frame(i, p, len(p)) for i, p in enumerate(parts)], 101), 1, KEY).slices[0]
    assert found is not None
    r = Reassembler.load(b"", DEFAULT)
    merged = merge_fragments(found, r)
    assert r.fragments == 1
    counts = r.take_counts()
    assert len(merged) + sum(counts.values()) + r.fragments == len(parts)
    assert {reason for reason in counts if reason != "joined"} == ({"badTcp"} if spoil else set())
