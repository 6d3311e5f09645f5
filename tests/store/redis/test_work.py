"""What waits: redrive, uploads, second tries."""

import time

import pytest

from store.redis import captures, partitions, work
from store.redis.connection import Link
from store.redis.partitions import Step
from store.redis.work import SecondTry, WorkItem
from tests.store.redis.tools import CAPTURE, accepted, leased, opened, split, taken


def test_redrive_names_what_waits_and_puts_it_off(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    assert work.redrive(link) == [WorkItem(CAPTURE, "s", 0)]
    assert work.redrive(link) == []
    time.sleep(0.04)
    assert work.redrive(link) == [WorkItem(CAPTURE, "s", 0)]


def test_what_is_taken_is_not_named_before_its_lease_is_over(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    taken(link, 0)
    assert work.redrive(link) == []
    time.sleep(0.13)
    assert work.redrive(link) == [WorkItem(CAPTURE, "s", 0)]


def test_a_clock_that_goes_back_holds_nothing_up(link: Link) -> None:
    """What was taken and put off by a clock an hour ahead, whose owner is dead, is not waited for for an hour."""
    opened(link)
    accepted(link, 0)
    split(link, 0, [None, None])
    accepted(link, 1)
    taken(link, 1, "dead")
    leased(link, 0, "dead")
    work.redrive(link)
    ahead = link.now() + 3_600_000
    chunks_key, partition = link.keys.capture(CAPTURE).chunks, link.keys.capture(CAPTURE).partition(0)
    record = link.command("HGET", chunks_key, 1).split(b"|")
    link.command("HSET", chunks_key, 1, b"|".join([*record[:4], str(ahead).encode(), *record[5:]]))
    link.command("HSET", partition, "till", ahead)
    for item in work.waiting(link):
        link.command("ZADD", link.keys.work, ahead, f"{item.capture}|{item.kind}|{item.number}")
    assert {(item.kind, item.number) for item in work.redrive(link)} == {("s", 1), ("p", 0), ("p", 1)}
    assert work.redrive(link) == []
    assert taken(link, 1, "next").mode == "run"
    assert leased(link, 0, "next").mode == "careful"


def test_every_stage_puts_its_successor_on_the_work_set(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    split(link, 0, [None, None])
    assert {(item.kind, item.number) for item in work.waiting(link)} == {("p", 0), ("p", 1)}
    captures.finish(link, CAPTURE, 0)
    for p in (0, 1):
        lease = partitions.commit(link, leased(link, p), Step(1, 0)).lease
        assert lease.ready
        partitions.commit(link, lease, Step(2, 0))
    assert work.waiting(link) == [WorkItem(CAPTURE, "f", 0)]


def test_one_redrive_is_bounded(link: Link) -> None:
    opened(link)
    for number in range(4):
        accepted(link, number)
    assert len(work.redrive(link, 3)) == 3
    assert len(work.redrive(link, 3)) == 1


def test_an_upload_is_taken_piece_by_piece(link: Link) -> None:
    opened(link)
    work.add_upload(link, CAPTURE)
    work.add_upload(link, CAPTURE)
    assert work.waiting(link) == [WorkItem(CAPTURE, "u", 0)]
    assert work.take_piece(link, CAPTURE, "a") == "run"
    assert work.take_piece(link, CAPTURE, "a") == "run"
    assert work.take_piece(link, CAPTURE, "b") == "no"
    assert not work.done_piece(link, CAPTURE, "b", 0)
    assert work.done_piece(link, CAPTURE, "a", 0)
    assert work.take_piece(link, CAPTURE, "b") == "run"
    assert work.done_piece(link, CAPTURE, "b", None)
    assert work.take_piece(link, CAPTURE, "c") == "no"
    assert work.waiting(link) == []


def test_an_upload_that_kills_twice_is_poison(link: Link) -> None:
    opened(link)
    work.add_upload(link, CAPTURE)
    words = []
    for token in "abc":
        words.append(work.take_piece(link, CAPTURE, token))
        time.sleep(0.13)
    assert words == ["run", "run", "poison"]


def test_an_upload_of_an_unknown_capture(link: Link) -> None:
    work.add_upload(link, CAPTURE)
    assert work.take_piece(link, CAPTURE, "a") == "unknown"
    assert work.waiting(link) == []


@pytest.mark.parametrize(
    "item",
    [
        SecondTry(CAPTURE, 3),
        SecondTry(CAPTURE, 3, 1, 4, 9),
        SecondTry(CAPTURE, 3, 0, flow=b"\x00|\xff"),
    ],
)
def test_a_second_try_runs_once(link: Link, item: SecondTry) -> None:
    link.command("ZADD", link.keys.due, link.now() - 1, item.text())
    assert work.due(link) == [item]
    assert work.take_due(link, item, "a") == "run"
    assert work.take_due(link, item, "a") == "run"
    assert work.take_due(link, item, "b") == "no"
    assert work.due(link) == []
    assert not work.done_due(link, item, "b")
    assert work.done_due(link, item, "a")
    assert not work.done_due(link, item, "a")
    assert work.take_due(link, item, "c") == "no"
    assert link.command("EXISTS", link.keys.due, link.keys.tries) == 0


def test_a_second_try_is_not_taken_before_its_time(link: Link) -> None:
    item = SecondTry(CAPTURE, 0)
    link.command("ZADD", link.keys.due, link.now() + 60_000, item.text())
    assert work.due(link) == []
    assert work.take_due(link, item, "a") == "no"


def test_a_second_try_that_is_asked_for_while_one_runs_stays_due(link: Link) -> None:
    item = SecondTry(CAPTURE, 0)
    work.add_due(link, item)
    assert work.take_due(link, item, "a") == "run"
    work.add_due(link, item)
    assert work.take_due(link, item, "b") == "no"
    assert work.done_due(link, item, "a")
    assert work.due(link) == [item]
    assert work.take_due(link, item, "b") == "run"
    assert work.done_due(link, item, "b")
    assert link.command("EXISTS", link.keys.due, link.keys.tries) == 0


def test_a_second_try_waits_for_what_was_handed_out_before_it(link: Link) -> None:
    item, later = SecondTry(CAPTURE, 0), SecondTry(CAPTURE, 1)
    now = link.now()
    link.command("ZADD", link.keys.due, now - 10, item.text(), now + 60_000, later.text())
    assert work.due_at(link, [later, SecondTry(CAPTURE, 2), item]) == [now + 60_000, None, now - 10]
    link.command("XADD", link.keys.out("packets"), f"{now - 20}-0", "d", "packets of it")
    assert (work.due(link), work.handed_over(link, item)) == ([], False)
    link.command("XTRIM", link.keys.out("packets"), "MAXLEN", 0)
    link.command("XADD", link.keys.out("packets"), f"{now - 5}-0", "d", "of others")
    assert (work.due(link), work.handed_over(link, item)) == ([item], True)


def test_a_second_try_whose_worker_died_comes_again_until_it_is_poison(link: Link) -> None:
    item = SecondTry(CAPTURE, 0)
    link.command("ZADD", link.keys.due, link.now(), item.text())
    words = []
    for token in "abc":
        words.append(work.take_due(link, item, token))
        time.sleep(0.13)
        assert work.due(link) == [item]
    assert words == ["run", "run", "poison"]


def test_a_second_try_that_is_given_back_does_not_count(link: Link) -> None:
    item = SecondTry(CAPTURE, 0)
    link.command("ZADD", link.keys.due, link.now(), item.text())
    for token in "abcd":
        assert work.take_due(link, item, token) == "run"
        assert work.release_due(link, item, token)
        assert not work.release_due(link, item, token)
        assert work.due(link) == []
        time.sleep(0.13)


def test_figures(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    found = work.figures(link)
    assert (found["bytes.chunks"], found["bytes.out"], found["work"], found["captures"]) == (100, 0, 1, 1)
    assert found["outbox.httpcomms"] == 0
