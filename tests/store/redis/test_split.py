"""Splitting a chunk: taken, recorded, quarantined."""

import time

import pytest

from store.redis import captures, chunks, partitions, work
from store.redis.chunks import Slice
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.partitions import Refused
from tests.store.redis.tools import CAPTURE, accepted, capture_keys, counters, leased, opened, sizes, split, taken

SLICES = [Slice(b"one", [3, 2]), Slice(b"two", [4])]


def test_only_one_worker_takes_a_chunk_and_may_ask_again(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    job = taken(link, 0, "a")
    assert taken(link, 0, "a") == job
    assert job.mode == "run"
    assert chunks.raw(link, CAPTURE, job.chunk) == b"x" * 100
    assert chunks.take_split(link, CAPTURE, 0, "b") is None
    assert chunks.take_split(link, CAPTURE, 1, "b") is None


def test_the_third_take_of_a_chunk_is_poison(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    modes = []
    for token in "abc":
        modes.append(taken(link, 0, token).mode)
        time.sleep(0.13)
    assert modes == ["run", "run", "poison"]


def test_a_take_that_is_given_back_does_not_count(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    for token in "abcd":
        job = taken(link, 0, token)
        assert job.mode == "run"
        assert chunks.release_split(link, job)
        assert not chunks.release_split(link, job)
    assert {(item.kind, item.number) for item in work.redrive(link)} == {("s", 0)}
    job = taken(link, 0, "e")
    chunks.record_split(link, CAPTURE, job.chunk, SLICES, counters={})
    assert not chunks.release_split(link, job)


def test_slices_take_the_place_of_the_chunk(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    job = taken(link, 0)
    entries = [Entry("packets", b"p" * 50, 1, blob=True)]
    counts = {"packets.notTcp": 1, "packets.undecodable": 0}
    recorded = chunks.record_split(link, CAPTURE, job.chunk, SLICES, entries=entries, counters=counts)
    assert recorded == chunks.Recorded("done", (0, 1))
    assert chunks.raw(link, CAPTURE, job.chunk) is None
    assert sizes(link) == {"chunks": sum(len(part.pack()) for part in SLICES), "out": 50, "state": 0}
    assert counters(link)["packets.notTcp"] == 1
    for p, part in enumerate(SLICES):
        found = partitions.read_slice(link, leased(link, p))
        assert found is not None
        assert (found.data, list(found.row_packets)) == (part.data, part.row_packets)
    assert {(item.kind, item.number) for item in work.waiting(link)} == {("p", 0), ("p", 1)}


def test_a_repeated_or_late_record_of_a_split_leaves_nothing_behind(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    job = taken(link, 0)
    entries = [Entry("packets", b"p" * 50, 1, blob=True)]
    words, seen = [], []
    for _ in range(3):
        words.append(chunks.record_split(link, CAPTURE, job.chunk, SLICES, entries=entries, counters={"x": 1}).word)
        seen.append((capture_keys(link), sizes(link), counters(link)))
    assert words == ["done", "lost", "lost"]
    assert seen[0] == seen[1] == seen[2]
    assert chunks.take_split(link, CAPTURE, 0, "z") is None


def test_an_empty_slice_is_no_key(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    split(link, 0, [None, SLICES[1]])
    lease = leased(link, 0)
    assert lease.ready
    assert partitions.read_slice(link, lease) is None


def test_a_chunk_of_a_capture_with_several_partitions_waits_for_its_split(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    assert partitions.take_lease(link, CAPTURE, 0, "w") == Refused("idle")


def test_a_chunk_that_cannot_be_split_is_put_aside_with_its_bytes(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    job = taken(link, 0, "t")
    entries = [Entry("packets", b"raw", 1, blob=True), Entry("monitoring", b"error", 1)]
    assert chunks.quarantine_chunk(link, job, 2, entries) == chunks.Recorded("done", (0, 1))
    assert sizes(link) == {"chunks": 0, "out": 8, "state": 0}
    assert counters(link)["packets.quarantined"] == 10
    assert work.due(link) == [work.SecondTry(CAPTURE, 0)]
    before = capture_keys(link)
    assert chunks.quarantine_chunk(link, job, 2, entries).word == "done"
    assert capture_keys(link) == before
    assert counters(link)["packets.quarantined"] == 10
    for p in (0, 1):
        lease = leased(link, p)
        assert lease.current is not None
        assert lease.current.status == "q"
        assert partitions.commit(link, lease, partitions.Step(1, 0)).word == "ok"
    assert captures.close_holes(link, CAPTURE).next == 1


def test_who_lost_a_chunk_does_not_put_it_aside(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    old = taken(link, 0, "a")
    time.sleep(0.13)
    taken(link, 0, "b")
    assert chunks.quarantine_chunk(link, old, 2, [Entry("packets", b"raw", 1, blob=True)]).word == "lost"
    assert not [name for name in capture_keys(link) if ":blob:" in name]


def test_slices_of_what_waits_leave_room_for_what_is_waited_for(link: Link) -> None:
    opened(link)
    grown = [Slice(b"s" * 700, [1]), Slice(b"s" * 700, [1])]
    words = []
    for number in (1, 2, 3):
        assert accepted(link, number).word == "ok"
        words.append(split(link, number, list(grown)).word)
    assert words == ["done", "done", "later"]
    before, bytes_before = capture_keys(link), sizes(link)
    assert accepted(link, 0).word == "ok"
    assert split(link, 0, list(grown)).word == "done"
    for number in range(3):
        for p in (0, 1):
            lease = leased(link, p)
            assert partitions.commit(link, lease, partitions.Step(number + 1, 0)).word == "ok"
            partitions.release(link, lease)
    assert split(link, 3, list(grown)).word == "done"
    assert bytes_before["chunks"] <= link.settings.soft_bytes
    assert sum(":raw:" in name for name in before) == 1
    assert sum(":sl:" in name for name in before) == 4


def test_a_split_that_finds_no_room_is_no_death(link: Link) -> None:
    opened(link)
    accepted(link, 1)
    for _ in range(5):
        assert split(link, 1, [Slice(b"s" * 4000, [1]), None]).word == "later"
    assert taken(link, 1).mode == "run"


@pytest.mark.parametrize("rows", [0, 1, 300])
def test_a_slice_comes_back_as_it_was_packed(rows: int) -> None:
    part = Slice(b"data" * 3, tuple(range(rows)))
    assert Slice.unpack(part.pack()) == part
