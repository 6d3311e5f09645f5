"""Flows are told apart by their full addresses, whatever the hash says."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.captures import Frame, frames, pcap
from tests.generated import examples
from wire import flows, packets, records
from wire.events import Endpoint
from wire.flows import Flow

KEY = bytes(range(16))


def grouped(pairs: list[tuple[tuple[str, int], tuple[str, int]]], key: bytes = KEY) -> flows.Grouping:
    out = []
    for i, (a, b) in enumerate(pairs):
        segment = frames.tcp(a, b, i, 0, 16)
        packet = frames.ipv6(a[0], b[0], segment) if ":" in a[0] else frames.ipv4(a[0], b[0], segment)
        out.append(Frame(i, packet, len(packet)))
    return flows.group(packets.decode(records.read(pcap(out, 101))), key)


def by_flow(g: flows.Grouping) -> dict[bytes, list[tuple[int, int]]]:
    bounds = g.start.tolist()
    found = {}
    for i, key in enumerate(g.keys):
        numbers = g.order[bounds[i] : bounds[i + 1]].tolist()
        found[key] = [(n, int(g.side[n])) for n in numbers]
    assert len(found) == len(g.keys)  # no flow in two places
    return found


def expected(pairs: list[tuple[tuple[str, int], tuple[str, int]]]) -> dict[bytes, list[tuple[int, int]]]:
    found: dict[bytes, list[tuple[int, int]]] = {}
    for i, ends in enumerate(pairs):
        packed = [frames.ip_address(e[0]).packed + e[1].to_bytes(2, "big") for e in ends]
        side = int(packed[0] > packed[1])
        version = b"\6" if ":" in ends[0][0] else b"\4"
        found.setdefault(version + b"".join(sorted(packed)), []).append((i, side))
    return found


four = st.tuples(st.sampled_from(["1.2.3.4", "1.2.3.5", "255.0.0.1", "0.0.0.0"]), st.sampled_from([1, 80, 65535]))
six = st.tuples(
    st.sampled_from(["::1", "::ffff:1.2.3.4", "1::", "ffff:ffff::1", "1::ffff:ffff:0:0"]),
    st.sampled_from([1, 80, 65535]),
)
pairs = st.lists(st.one_of(st.tuples(four, four), st.tuples(six, six)), max_size=40)


@given(pairs, st.binary(min_size=16, max_size=16))
@examples(150)
def test_packets_are_grouped_by_both_ends(some: list[tuple[tuple[str, int], tuple[str, int]]], key: bytes) -> None:
    assert by_flow(grouped(some, key)) == expected(some)


@pytest.mark.parametrize("hash_", [0, 1 << 63, (1 << 64) - 1])
def test_colliding_hashes_do_not_mix_flows(monkeypatch: pytest.MonkeyPatch, hash_: int) -> None:
    some = [((f"10.0.0.{i % 7}", 40000), ("10.0.1.1", 80)) for i in range(100)]
    some += [((f"10::{i % 5}", 40000), ("10:1::1", 80)) for i in range(100)]
    monkeypatch.setattr(flows, "_mix", lambda x: np.full(len(x), hash_, np.uint64))
    assert by_flow(grouped(some)) == expected(some)


def test_hashes_that_differ_in_low_bits_alone_do_not_mix_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [((f"10.0.0.{i % 7}", 40000), ("10.0.1.1", 80)) for i in range(100)]
    monkeypatch.setattr(flows, "_mix", lambda x: x & np.uint64(7))
    assert by_flow(grouped(some)) == expected(some)


def test_partitions_are_even_stable_and_keyed() -> None:
    some = [((f"10.0.{i >> 8}.{i & 255}", 40000), ("10.0.1.1", 80)) for i in range(4000)]
    g = grouped(some)
    of = flows.partition_of(g.hash, 8)
    assert (np.diff(of) >= 0).all()
    share = np.bincount(of, minlength=8)
    assert share.min() > 400
    assert share.max() < 600
    backwards = grouped([(b, a) for a, b in some])
    assert dict(zip(g.keys, of.tolist(), strict=True)) == dict(
        zip(backwards.keys, flows.partition_of(backwards.hash, 8).tolist(), strict=True)
    )
    other = grouped(some, os.urandom(16))
    assert dict(zip(other.keys, flows.partition_of(other.hash, 8).tolist(), strict=True)) != dict(
        zip(g.keys, of.tolist(), strict=True)
    )


def test_the_key_names_both_ends() -> None:
    (key,) = by_flow(grouped([(("10.0.0.9", 80), ("10.0.0.1", 40000))]))
    assert (Flow(key).a, Flow(key).b) == (Endpoint("10.0.0.1", 40000), Endpoint("10.0.0.9", 80))
    (key,) = by_flow(grouped([(("2001:db8::9", 80), ("2001:db8::1", 40000))]))
    assert (Flow(key).a, Flow(key).b) == (Endpoint("2001:db8::1", 40000), Endpoint("2001:db8::9", 80))


def test_no_packets_are_no_flows() -> None:
    assert by_flow(grouped([])) == {}


@given(pairs, st.binary(min_size=16, max_size=16), st.integers(1, 64))
@examples(60)
def test_a_flow_alone_is_placed_as_its_packets_are(
    some: list[tuple[tuple[str, int], tuple[str, int]]], key: bytes, partitions: int
) -> None:
    found = grouped(some, key)
    placed = flows.partition_of(found.hash, partitions).tolist()
    assert [flows.partition_of_flow(Flow(one), key, partitions) for one in found.keys] == placed
    for one in map(Flow, found.keys):
        assert Flow.between(one.a, one.b) == Flow.between(one.b, one.a) == one
