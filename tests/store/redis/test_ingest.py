"""Opening, accepting, holes and ends: each step normal, repeated and refused."""

import time
from dataclasses import replace

import pytest

from store.redis import captures, chunks, partitions
from store.redis.captures import Hole
from store.redis.chunks import Slice
from store.redis.connection import Link
from store.redis.settings import Settings
from tests.store.redis.conftest import SMALL
from tests.store.redis.tools import CAPTURE, accepted, capture_keys, counters, leased, opened, sizes, split


def pass_chunk(link: Link, number: int) -> None:
    """Brings a chunk of two empty slices through both partitions."""
    split(link, number, [None, None])
    for p in (0, 1):
        lease = leased(link, p)
        assert partitions.commit(link, lease, partitions.Step(number + 1, 0)).word == "ok"
        partitions.release(link, lease)


def test_a_capture_opens_once(link: Link) -> None:
    now = captures.deadline(link)
    assert captures.open_capture(link, CAPTURE, 2, now) == "opened"
    assert captures.open_capture(link, CAPTURE, 2, now) == "done"
    assert captures.partitions_of(link, CAPTURE) == 2


def test_an_open_that_comes_too_late_is_refused(link: Link) -> None:
    assert captures.open_capture(link, CAPTURE, 2, link.now() - 1) == "refused"
    assert not capture_keys(link)


def test_an_open_after_the_close_is_refused_while_the_tombstone_stands(link: Link) -> None:
    link.command("ZADD", link.keys.closed, link.now(), CAPTURE)
    assert captures.open_capture(link, CAPTURE, 2, captures.deadline(link)) == "refused"


@pytest.mark.parametrize("name", ["", "a|b"])
def test_a_capture_id_that_would_break_items_is_an_error(link: Link, name: str) -> None:
    with pytest.raises(ValueError, match="not a capture id"):
        captures.open_capture(link, name, 1, captures.deadline(link))


def test_a_chunk_is_accepted_once_however_often_it_is_sent(link: Link) -> None:
    opened(link)
    first = accepted(link, 0)
    again = accepted(link, 0)
    assert (first.word, first.next, first.have) == ("ok", 0, (0,))
    assert (again.word, again.next, again.have) == ("dup", 0, (0,))
    assert sizes(link)["chunks"] == 100
    assert counters(link) == {
        "packets.captured": 10, "packets.uploaded": 10, "bytes.uploaded": 100, "chunks.uploaded": 1,
    }  # fmt: skip
    assert len([name for name in capture_keys(link) if ":raw:" in name]) == 1


REFUSED = {
    "conflict": lambda link: accepted(link, 0, digest="other"),
    "window": lambda link: accepted(link, 4),
    "full": lambda link: accepted(link, 1, size=2901),
    "late": lambda link: accepted(link, 2),
    "unknown": lambda link: chunks.accept(link, "elsewhere", 0, b"x", digest="d", packets=1),
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_is_refused_leaves_nothing_behind(link: Link, word: str) -> None:
    opened(link)
    accepted(link, 0)
    captures.close_holes(link, CAPTURE, [Hole(2, 7, 70, "abandoned")])
    before = capture_keys(link), sizes(link)
    assert REFUSED[word](link).word == word
    assert (capture_keys(link), sizes(link)) == before


def test_the_lowest_number_gets_in_above_the_soft_limit(link: Link) -> None:
    opened(link)
    assert accepted(link, 1, size=2900).word == "ok"
    assert accepted(link, 2, size=200).word == "full"
    assert accepted(link, 0, size=200).word == "ok"
    assert accepted(link, 3, size=901).word == "full"


def test_a_passed_number_is_a_duplicate(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    pass_chunk(link, 0)
    answer = accepted(link, 0)
    assert (answer.word, answer.next, answer.have) == ("dup", 1, ())


def test_holes_close_only_unknown_numbers_of_the_window(link: Link) -> None:
    opened(link)
    accepted(link, 1)
    answer = captures.close_holes(link, CAPTURE, [Hole(0, 5, 50, "queue"), Hole(1, 9), Hole(4, 9), Hole(99, 9)])
    assert (answer.word, answer.have) == ("ok", (0, 1))
    again = captures.close_holes(link, CAPTURE, [Hole(0, 6, 60, "queue")])
    assert again == answer
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert state.holes == (Hole(0, 5, 50, "queue"),)
    assert counters(link)["packets.abandoned"] == 5


def test_below_the_oldest_number_of_the_agent_nothing_is_waited_for(link: Link) -> None:
    opened(link)
    accepted(link, 1)
    assert captures.close_holes(link, CAPTURE, [Hole(0, 5, 50, "queue")], oldest=3).have == (0, 1, 2)
    assert captures.close_holes(link, CAPTURE, oldest=1_000_000).have == (0, 1, 2, 3)
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert state.holes == (Hole(0, 5, 50, "queue"), Hole(2, 0, 0, "unknown"), Hole(3, 0, 0, "unknown"))


def test_holes_of_an_unknown_capture(link: Link) -> None:
    assert captures.close_holes(link, CAPTURE, [Hole(0)]).word == "unknown"


@pytest.mark.parametrize("passed", [False, True])
def test_a_late_chunk_is_counted_once(link: Link, passed: bool) -> None:
    opened(link)
    captures.close_holes(link, CAPTURE, [Hole(0, 12, 90, "abandoned")])
    if passed:
        for p in (0, 1):
            partitions.commit(link, leased(link, p), partitions.Step(1, 0))
    assert [accepted(link, 0).word for _ in range(3)] == ["late"] * 3
    found = counters(link)
    assert "packets.abandoned" not in found
    assert (found["packets.uploaded"], found["packets.late"]) == (10, 10)


def test_above_their_limit_holes_are_kept_as_ranges(link: Link) -> None:
    opened(link, 1)
    for number in range(20):
        captures.close_holes(link, CAPTURE, [Hole(number, 10, 0, "abandoned")])
        assert partitions.commit(link, leased(link, 0), partitions.Step(number + 1, 0)).word == "ok"
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert [hole.number for hole in state.holes] == list(range(10))
    assert state.ranges == (captures.HoleRange(10, 19, 100),)
    assert [accepted(link, 15, packets=4).word for _ in range(2)] == ["late", "late"]
    assert counters(link)["packets.abandoned"] == 196
    assert counters(link)["packets.late"] == 4
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert state.ranges == (captures.HoleRange(10, 19, 96),)


def test_the_end_marker_is_set_once_and_nothing_comes_after_it(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    assert captures.finish(link, CAPTURE, 0).word == "done"
    assert captures.finish(link, CAPTURE, 3).word == "done"
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert (state.state, state.last) == ("e", 0)
    assert accepted(link, 1).word == "ended"
    assert accepted(link, 0).word == "dup"
    assert captures.finish(link, "elsewhere", 0).word == "unknown"


@pytest.mark.parametrize(("said", "kept"), [(-1, 2), (1, 2), (3, 3), (1_000_000, 3)])
def test_a_last_number_that_cannot_be_is_moved_into_its_bounds(link: Link, said: int, kept: int) -> None:
    opened(link)
    accepted(link, 2)
    captures.finish(link, CAPTURE, said)
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert state.last == kept


def test_a_capture_without_chunks_ends(link: Link) -> None:
    opened(link)
    captures.finish(link, CAPTURE, -1)
    for p in (0, 1):
        assert partitions.commit(link, leased(link, p), partitions.Step(1, 0)).word == "ok"
    assert captures.close_capture(link, CAPTURE) == "closed"
    assert not capture_keys(link)


def test_after_the_end_passed_a_late_chunk_is_told_to_come_again(link: Link) -> None:
    opened(link, 1)
    captures.close_holes(link, CAPTURE, [Hole(0, 1, 1, "abandoned")])
    captures.finish(link, CAPTURE, 0)
    for number in (1, 2):
        assert partitions.commit(link, leased(link), partitions.Step(number, 0)).word == "ok"
    assert accepted(link, 0).word == "later"


def test_a_silent_capture_ends_with_its_missing_numbers_as_holes(link: Link) -> None:
    opened(link)
    accepted(link, 2)
    assert captures.end_idle(link, CAPTURE, 60_000) == "alive"
    assert captures.idle_captures(link, 60_000) == []
    time.sleep(0.01)
    assert captures.idle_captures(link, 5) == [CAPTURE]
    assert captures.end_idle(link, CAPTURE, 5) == "alive"  # the first look is noted
    assert captures.end_idle(link, CAPTURE, 5) == "alive"
    time.sleep(0.01)
    assert captures.end_idle(link, CAPTURE, 5) == "ended"
    state = captures.read_state(link, CAPTURE)
    assert state is not None
    assert (state.state, state.last) == ("e", 2)
    assert state.holes == (Hole(0, 0, 0, "silent"), Hole(1, 0, 0, "silent"))
    assert captures.end_idle(link, CAPTURE, 0) == "ended"
    assert captures.end_idle(link, "elsewhere", 0) == "unknown"


def test_a_clock_that_goes_forward_ends_no_capture_whose_agent_lives(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    meta = link.keys.capture(CAPTURE).meta
    for number in (1, 2):  # an hour forward, twice, and a chunk between
        link.command("HSET", meta, "seen", link.now() - 3_600_000)
        assert captures.end_idle(link, CAPTURE, 600_000) == "alive"
        assert captures.end_idle(link, CAPTURE, 600_000) == "alive"
        accepted(link, number)
        assert captures.end_idle(link, CAPTURE, 600_000) == "alive"
    assert captures.read_state(link, CAPTURE).state == "o"


def test_a_final_that_was_too_high_does_not_stay_open_for_ever(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    captures.finish(link, CAPTURE, 3)
    assert captures.end_idle(link, CAPTURE, 0) == "ended"
    assert captures.close_holes(link, CAPTURE).have == (0, 1, 2, 3)


def test_close_waits_for_the_end_and_the_sums(link: Link) -> None:
    from store.redis import accounting

    opened(link, 1)
    captures.close_holes(link, CAPTURE, [Hole(0, 1, 1, "abandoned")])
    assert captures.close_capture(link, CAPTURE) == "open"
    captures.finish(link, CAPTURE, 0)
    for number in (1, 2):
        partitions.commit(link, leased(link), partitions.Step(number, 0))
    assert captures.close_capture(link, CAPTURE) == "unflushed"
    assert accounting.flush(link, CAPTURE) == "ok"
    assert captures.close_capture(link, CAPTURE) == "closed"
    assert captures.close_capture(link, CAPTURE) == "gone"
    assert not capture_keys(link)
    assert captures.all_captures(link) == []
    assert link.command("ZCARD", link.keys.work) == 0


def test_a_discarded_capture_leaves_nothing_wherever_it_stood(link: Link) -> None:
    opened(link, 2)
    for number in range(3):
        accepted(link, number)
    split(link, 0, [Slice(b"one", [3]), Slice(b"two", [4])])
    lease = leased(link)
    step = partitions.Step(1, 0, changed={b"flow": b"state"}, bodies=[("session", 1, b"body")])
    assert partitions.commit(link, lease, step).word == "ok"
    captures.close_holes(link, CAPTURE, [Hole(3, 1, 1, "abandoned")])
    assert captures.discard_capture(link, CAPTURE) == "discarded"
    assert captures.discard_capture(link, CAPTURE) == "gone"
    assert not capture_keys(link)
    assert set(sizes(link).values()) == {0}
    assert captures.all_captures(link) == []
    assert link.command("ZCARD", link.keys.work) == 0
    assert captures.open_capture(link, CAPTURE, 2, captures.deadline(link)) == "refused"


class TestTombstones:
    @pytest.fixture
    def settings(self) -> Settings:
        from dataclasses import replace

        return replace(SMALL, tombstone_ms=20)

    def test_they_go_away(self, link: Link) -> None:
        link.command("ZADD", link.keys.closed, link.now(), CAPTURE)
        assert captures.bury(link) == 0
        time.sleep(0.03)
        assert captures.bury(link) == 1


class TestShare:
    """One whisperer with many captures, and another beside it."""

    @pytest.fixture
    def settings(self) -> Settings:
        return replace(SMALL, soft_bytes=3000, hard_bytes=4000, share_bytes=1500)

    @pytest.fixture
    def loud(self, link: Link) -> list[str]:
        names = [f"loud{n}" for n in range(30)]
        for name in names:
            captures.open_capture(link, name, 2, captures.deadline(link), "loud")
        return names

    def send(self, link: Link, capture: str, number: int, size: int = 200) -> str:
        return chunks.accept(link, capture, number, b"x" * size, digest="d", packets=1).word

    def waiting(self, link: Link) -> dict[str, int]:
        flat = link.command("HGETALL", link.keys.bytes)
        return {name.decode(): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True) if int(value)}

    def test_above_its_share_only_what_its_captures_wait_for_gets_in(self, link: Link, loud: list[str]) -> None:
        assert [self.send(link, name, 1) for name in loud[:8]] == ["ok"] * 7 + ["share"]
        assert self.waiting(link) == {"chunks": 1400, "w:loud": 1400}
        assert self.send(link, loud[0], 0) == "ok"
        assert self.send(link, loud[0], 2) == "share"

    def test_many_captures_of_one_leave_room_for_another(self, link: Link, loud: list[str]) -> None:
        words = [self.send(link, name, 0) for name in loud]
        assert words.count("ok") == 17  # up to the middle between soft and hard
        assert set(words) == {"ok", "share"}
        captures.open_capture(link, "quiet", 2, captures.deadline(link), "quiet")
        assert self.send(link, "quiet", 0) == "ok"
        assert self.waiting(link) == {"chunks": 3600, "w:loud": 3400, "w:quiet": 200}

    def test_what_is_gone_is_charged_to_nobody(self, link: Link, loud: list[str]) -> None:
        capture = loud[0]
        assert self.send(link, capture, 0) == "ok"
        job = chunks.take_split(link, capture, 0, "t")
        assert job is not None
        parts = [Slice(b"x" * 50, [1]), None]
        chunks.record_split(link, capture, job.chunk, parts, counters={})
        assert self.waiting(link) == {"chunks": 58, "w:loud": 58}
        assert self.send(link, capture, 1) == "ok"
        job = chunks.take_split(link, capture, 1, "t")
        assert job is not None
        chunks.quarantine_chunk(link, job, 2)
        assert self.waiting(link) == {"chunks": 58, "w:loud": 58}
        assert captures.discard_capture(link, capture) == "discarded"
        assert self.waiting(link) == {}

    def test_a_capture_without_an_owner_is_charged_in_all_alone(self, link: Link) -> None:
        opened(link)
        assert [accepted(link, n, size=900).word for n in (1, 2, 3)] == ["ok"] * 3
        assert self.waiting(link) == {"chunks": 2700}
