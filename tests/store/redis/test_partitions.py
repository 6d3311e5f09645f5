"""Leases and commits: what is stale is refused, what is repeated changes nothing, what kills is put aside."""

import time
from dataclasses import replace

import pytest

from store.redis import captures, chunks, outbox, partitions, work
from store.redis.chunks import Slice
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.partitions import Lease, Quarantine, Refused, Step
from tests.store.redis.tools import CAPTURE, accepted, capture_keys, counters, leased, opened, sizes, split

ROWS = Slice(b"rows", [3, 2, 1, 4])
EXPIRED = 0.13


@pytest.fixture
def ready(link: Link) -> Link:
    """A capture of two partitions, chunk 0 split into four rows of partition 0 and none of partition 1."""
    opened(link)
    accepted(link, 0)
    split(link, 0, [ROWS, None])
    return link


def lease_again(link: Link) -> Lease:
    """As after the death of whoever holds the lease."""
    time.sleep(EXPIRED)
    return leased(link, 0, f"w{time.monotonic()}")


def test_a_lease_is_given_to_one_and_the_same_token_gets_it_again(ready: Link) -> None:
    lease = leased(ready, 0, "a")
    assert leased(ready, 0, "a") == lease
    assert partitions.take_lease(ready, CAPTURE, 0, "b") == Refused("busy")
    assert partitions.take_lease(ready, "elsewhere", 0, "b") == Refused("gone")
    assert (lease.chunk, lease.row, lease.number, lease.mode, lease.ready) == (0, 0, 0, "run", True)


def test_a_full_outbox_stops_leases_and_not_pollers(ready: Link) -> None:
    lease = leased(ready)
    step = Step(0, 1, entries=[Entry("httpcomms", b"x" * 2001, 1)])
    done = partitions.commit(ready, lease, step)
    partitions.release(ready, done.lease)
    assert partitions.take_lease(ready, CAPTURE, 0, "b") == Refused("full")
    assert outbox.confirm(ready, outbox.claim(ready, "httpcomms", "me")) == 1
    assert isinstance(partitions.take_lease(ready, CAPTURE, 0, "b"), Lease)


def test_a_lease_is_renewed_by_its_owner_alone(ready: Link) -> None:
    lease = leased(ready)
    time.sleep(0.07)
    assert partitions.renew(ready, lease)
    time.sleep(0.07)
    assert partitions.take_lease(ready, CAPTURE, 0, "b") == Refused("busy")
    time.sleep(EXPIRED)
    leased(ready, 0, "b")
    assert not partitions.renew(ready, lease)


@pytest.mark.parametrize(("counted", "mode"), [(True, "careful"), (False, "run")])
def test_a_release_without_progress_counts_unless_we_were_to_blame(ready: Link, counted: bool, mode: str) -> None:
    assert partitions.release(ready, leased(ready), counted=counted)
    assert leased(ready, 0, "b").mode == mode


def test_takes_without_a_commit_lead_to_poison(ready: Link) -> None:
    assert [lease_again(ready).mode for _ in range(4)] == ["run", "careful", "poison", "poison"]


def test_a_commit_row_by_row_keeps_an_eye_on_the_next(ready: Link) -> None:
    lease_again(ready)
    careful = lease_again(ready)
    done = partitions.commit(ready, careful, Step(0, 1))
    assert done.lease.mode == "careful"
    assert lease_again(ready).mode == "careful"
    assert lease_again(ready).mode == "poison"


def test_a_commit_saves_sessions_bodies_documents_and_sums_at_once(ready: Link) -> None:
    lease = leased(ready)
    step = Step(
        0,
        2,
        changed={b"f1": b"state1", b"f2": b"state2", partitions.EXTRA: b"fragments"},
        bodies=[("s1", 0, b"ab"), ("s1", 0, b"cd"), ("s1", 1, b"ef")],
        entries=[Entry("httpcomms", b"docs", 3), Entry("httpbodies", b"page" * 100, 2, blob=True)],
        counters={"packets.session": 5, "gaps": 1},
    )
    done = partitions.commit(ready, lease, step)
    assert (done.word, done.more, done.lease.number, done.lease.row) == ("ok", True, 1, 2)
    assert partitions.load_states(ready, CAPTURE, 0, [b"f1", b"f3"]) == {b"f1": b"state1"}
    assert partitions.flows(ready, CAPTURE, 0) == [b"f1", b"f2"]
    assert list(partitions.scan_states(ready, CAPTURE, 0, 1)) == [{b"f1": b"state1"}, {b"f2": b"state2"}]
    assert partitions.fetch_body(ready, CAPTURE, 0, "s1", 0) == b"abcd"
    assert sizes(ready)["state"] == 12 + 9 + 6 == done.lease.state_bytes
    assert sizes(ready)["out"] == 404
    assert counters(ready)["packets.session"] == 5

    step = Step(1, 0, removed=[b"f1", b"f2", b"never"], dropped_bodies=[("s1", 0), ("s1", 1), ("s9", 0)])
    done = partitions.commit(ready, done.lease, step)
    assert (done.word, done.more, done.lease.chunk, done.lease.row) == ("ok", False, 1, 0)
    assert partitions.flows(ready, CAPTURE, 0) == []
    assert partitions.fetch_body(ready, CAPTURE, 0, "s1", 0) == b""
    assert sizes(ready)["state"] == 9
    assert not [name for name in capture_keys(ready) if ":sl:" in name or ":b:" in name or ":bl:" in name]


def test_a_repeated_commit_changes_nothing(ready: Link) -> None:
    lease = leased(ready)
    step = Step(
        0,
        1,
        changed={b"f": b"s"},
        bodies=[("s", 0, b"ab")],
        entries=[Entry("httpcomms", b"doc", 1), Entry("httpbodies", b"page", 1, blob=True)],
        counters={"packets.session": 3},
    )
    first = partitions.commit(ready, lease, step)
    before = capture_keys(ready), sizes(ready), counters(ready)
    again = partitions.commit(ready, lease, step)
    assert again.word == "done"
    assert again == replace(first, word="done")
    assert (capture_keys(ready), sizes(ready), counters(ready)) == before
    assert len(outbox.claim(ready, "httpcomms", "me")) == 1


STALE = {
    "fence": lambda lease: replace(lease, fence=lease.fence + 1),
    "token": lambda lease: replace(lease, token="other"),
    "number ahead": lambda lease: replace(lease, number=lease.number + 1),
    "number behind": lambda lease: replace(lease, number=lease.number - 2),
    "row": lambda lease: replace(lease, row=lease.row + 1),
    "chunk": lambda lease: replace(lease, chunk=lease.chunk + 1),
    "attempt": lambda lease: replace(lease, records=(replace(lease.records[0], attempt="lost"),)),
    "capture": lambda lease: replace(lease, capture="elsewhere"),
}


@pytest.mark.parametrize("what", STALE)
def test_a_stale_commit_is_refused_and_leaves_nothing_behind(ready: Link, what: str) -> None:
    lease = partitions.commit(ready, leased(ready), Step(0, 1)).lease
    before = capture_keys(ready), sizes(ready)
    step = Step(0, 2, changed={b"f": b"s"}, entries=[Entry("httpbodies", b"page", 1, blob=True)])
    done = partitions.commit(ready, STALE[what](lease), step)
    assert (done.word, done.more) == ("stale", False)
    assert (capture_keys(ready), sizes(ready)) == before
    assert partitions.commit(ready, lease, step).word == "ok"


def test_a_commit_cannot_jump_over_a_chunk(ready: Link) -> None:
    assert partitions.commit(ready, leased(ready), Step(2, 0)).word == "stale"


def test_a_paused_worker_cannot_commit_after_another_took_over(ready: Link) -> None:
    old = leased(ready, 0, "old")
    new = lease_again(ready)
    assert partitions.commit(ready, old, Step(0, 1)).word == "stale"
    assert partitions.commit(ready, new, Step(0, 1)).word == "ok"


def test_a_chunk_is_gone_when_every_partition_has_passed_it(ready: Link) -> None:
    partitions.commit(ready, leased(ready, 0), Step(1, 0))
    assert captures.close_holes(ready, CAPTURE).next == 0
    done = partitions.commit(ready, leased(ready, 1), Step(1, 0))
    assert (done.word, done.more, captures.close_holes(ready, CAPTURE).next) == ("ok", False, 1)
    assert sizes(ready)["chunks"] == 0
    assert work.waiting(ready) == []


def test_a_drain_goes_on_with_the_next_chunk_in_one_lease(ready: Link) -> None:
    lease = leased(ready)
    accepted(ready, 1)
    split(ready, 1, [Slice(b"next", [10]), None])
    done = partitions.commit(ready, lease, Step(1, 0))
    assert done.more
    assert done.lease.ready
    found = partitions.read_slice(ready, done.lease)
    assert found is not None
    assert found.data == b"next"


def test_with_one_partition_a_chunk_that_fits_is_never_split(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    lease = leased(link)
    assert lease.current is not None
    assert lease.current.status == "a"
    assert chunks.raw(link, CAPTURE, lease.current) == b"x" * 100
    entries = [Entry("packets", b"packets", 1, blob=True)]
    done = partitions.commit(link, lease, Step(1, 0, entries=entries, counters={"packets.session": 10}))
    assert (done.word, done.more) == ("ok", False)
    assert not [name for name in capture_keys(link) if ":raw:" in name]
    assert sizes(link) == {"chunks": 0, "out": 7, "state": 0}


def test_with_one_partition_a_chunk_may_be_split_under_the_lease(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    lease = leased(link)
    assert lease.current is not None
    assert chunks.record_split(link, CAPTURE, lease.current, [ROWS], counters={}).word == "done"
    assert partitions.commit(link, lease, Step(1, 0)).word == "stale"
    lease = leased(link)
    assert lease.current is not None
    assert lease.current.status == "s"
    assert partitions.commit(link, lease, Step(0, 2)).word == "ok"


def test_a_sweep_works_on_sessions_without_a_chunk(ready: Link) -> None:
    partitions.commit(ready, leased(ready), Step(1, 0, changed={b"f": b"s"}))
    time.sleep(EXPIRED)
    assert partitions.take_lease(ready, CAPTURE, 0, "b") == Refused("idle")
    lease = partitions.take_lease(ready, CAPTURE, 0, "b", sweep=True)
    assert isinstance(lease, Lease)
    assert not lease.ready
    step = Step(1, 0, changed={b"f": b"s2"}, entries=[Entry("httpcomms", b"first", 1)])
    assert partitions.commit(ready, lease, step).word == "ok"
    partitions.release(ready, lease)
    assert partitions.load_states(ready, CAPTURE, 0, [b"f"]) == {b"f": b"s2"}
    assert work.waiting(ready) == [work.WorkItem(CAPTURE, "p", 1)]


def test_a_sweep_that_killed_is_not_tried_again_without_work(ready: Link) -> None:
    partitions.commit(ready, leased(ready), Step(1, 0))
    time.sleep(EXPIRED)
    assert isinstance(partitions.take_lease(ready, CAPTURE, 0, "b", sweep=True), Lease)
    time.sleep(EXPIRED)
    assert partitions.take_lease(ready, CAPTURE, 0, "c", sweep=True) == Refused("idle")


def test_the_keys_of_a_capture_are_bounded(link: Link) -> None:
    opened(link, 8)
    for number in range(link.settings.window):
        accepted(link, number)
        split(link, number, [ROWS] * 8)
    for p in range(8):
        step = Step(1, 0, changed={b"f%d" % i: b"s" for i in range(100)}, entries=[Entry("httpcomms", b"d", 1)])
        partitions.commit(link, leased(link, p), step)
    assert len(capture_keys(link)) <= 8 * (link.settings.window + 2) + 4
    assert link.command("DBSIZE") < 100


def poisoned(link: Link) -> Lease:
    for _ in range(2):
        lease_again(link)
    lease = lease_again(link)
    assert lease.mode == "poison"
    return lease


def test_the_row_that_kills_is_put_aside_alone(ready: Link) -> None:
    lease = poisoned(ready)
    what = partitions.to_quarantine(ready, lease)
    assert what == Quarantine("rows", 1, 4, 3)
    entries = [Entry("monitoring", b"error", 1), Entry("packets", b"p", 1, blob=True)]
    done = partitions.quarantine(ready, lease, what, entries)
    assert (done.word, done.more, done.lease.row, done.lease.mode) == ("ok", True, 1, "careful")
    before = capture_keys(ready), sizes(ready), counters(ready)
    assert partitions.quarantine(ready, lease, what, entries).word == "done"
    assert (capture_keys(ready), sizes(ready), counters(ready)) == before
    assert counters(ready)["packets.quarantined"] == 3
    assert work.due(ready) == [work.SecondTry(CAPTURE, 0, 0, 0, 1)]
    assert partitions.quarantine(ready, replace(done.lease, fence=0), what, entries).word == "stale"
    assert (capture_keys(ready), sizes(ready)) == before[:2]


def test_the_third_time_in_a_slice_all_that_is_left_is_put_aside(ready: Link) -> None:
    for end in (1, 2):
        lease = poisoned(ready)
        what = partitions.to_quarantine(ready, lease)
        assert what.end == end
        partitions.release(ready, partitions.quarantine(ready, lease, what).lease)
    lease = poisoned(ready)
    what = partitions.to_quarantine(ready, lease)
    assert what == Quarantine("rows", 4, 4, 5)
    done = partitions.quarantine(ready, lease, what)
    assert (done.word, done.lease.chunk, done.lease.row, done.lease.mode) == ("ok", 1, 0, "run")
    assert counters(ready)["packets.quarantined"] == 10
    assert not [name for name in capture_keys(ready) if ":sl:" in name]


def test_a_chunk_that_is_not_split_is_put_aside_whole(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    lease = poisoned(link)
    what = partitions.to_quarantine(link, lease)
    assert what == Quarantine("chunk", packets=10)
    done = partitions.quarantine(link, lease, what, [Entry("packets", b"raw", 1, blob=True)])
    assert (done.word, done.more) == ("ok", True)
    assert done.lease.current is not None
    assert done.lease.current.status == "q"
    assert sizes(link) == {"chunks": 0, "out": 3, "state": 0}
    assert not [name for name in capture_keys(link) if ":raw:" in name]
    assert partitions.commit(link, done.lease, Step(1, 0)).word == "ok"


def test_a_session_that_cannot_be_closed_is_put_aside_and_its_bodies_go_with_the_capture(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    step = Step(1, 0, changed={b"g": b"state", b"f": b"bad"}, bodies=[("s1", 0, b"body")])
    partitions.commit(link, leased(link), step)
    captures.finish(link, CAPTURE, 0)
    lease = poisoned(link)
    what = partitions.to_quarantine(link, lease)
    assert what == Quarantine("session", flow=b"f")
    done = partitions.quarantine(link, lease, what)
    assert (done.word, done.more) == ("ok", True)
    assert partitions.flows(link, CAPTURE, 0) == [b"g"]
    assert work.due(link) == [work.SecondTry(CAPTURE, 1, 0, flow=b"f")]
    assert partitions.commit(link, done.lease, Step(2, 0, removed=[b"g"])).word == "ok"
    from store.redis import accounting

    accounting.flush(link, CAPTURE)
    assert captures.close_capture(link, CAPTURE) == "closed"
    assert sizes(link)["state"] == 0
    assert not capture_keys(link)


def test_what_cannot_kill_is_passed_and_not_put_aside(link: Link) -> None:
    opened(link, 1)
    captures.close_holes(link, CAPTURE, [captures.Hole(0)])
    lease = poisoned(link)
    what = partitions.to_quarantine(link, lease)
    assert what == Quarantine("nothing")
    done = partitions.quarantine(link, lease, what)
    assert (done.word, done.lease.chunk) == ("ok", 0)
    partitions.release(link, done.lease)
    assert leased(link, 0, "z").mode == "run"
    assert work.due(link) == []
