"""Chunk numbers: what is abandoned, late, sent twice, in conflict, too early or too much is answered and counted."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from apps.captures import services
from apps.captures.headers import Abandoned, ChunkHeaders
from apps.captures.models import Capture
from apps.captures.services import Accepted, chunk_accept
from apps.core import servers
from apps.core.errors import ApplicationError
from apps.whisperers.services import whisperer_create
from store.redis import captures
from tasks import drain, monitoring
from tests.flows import expect
from tests.flows.pump import Pump, cut_at, headers

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS * n // 5 for n in range(1, 5)])
COUNTS = [expect.packets(piece) for piece in PIECES]


@pytest.fixture
def run(pump: Callable[..., Pump]) -> Pump:
    return pump("capture-numbers")


def say(run: Pump, number: int, body: bytes | None = None, **more: Any) -> Accepted:
    """Send a piece under its number."""
    data = PIECES[number] if body is None else body
    told: ChunkHeaders = headers(run.capture, number, expect.packets(data), **more)
    return chunk_accept(whisperer=run.whisperer, headers=told, body=data)


def refused(run: Pump, number: int, body: bytes | None = None) -> tuple[int, str, Any]:
    """Status, word and seconds to wait of a refusal."""
    with pytest.raises(ApplicationError) as error:
        say(run, number, body)
    assert {"word", "next", "have"} <= set(error.value.more)
    return error.value.status_code, error.value.code, error.value.more.get("retry_after")


def given_up(number: int) -> tuple[Abandoned, ...]:
    return (Abandoned(number, COUNTS[number], len(PIECES[number]), "queue"),)


def test_an_abandoned_number_is_a_gap_with_its_counts(run: Pump) -> None:
    say(run, 0)
    say(run, 1)
    answer = say(run, 3, abandoned=given_up(2))
    assert answer.durable == 4
    say(run, 4)
    run.end(4)
    row = run.finish()
    expect.same(expect.found_by(run), expect.whole(expect.without([*PIECES[:2], *PIECES[3:]])))
    totals = expect.balanced(row, RECORDS - COUNTS[2])
    assert totals["packets.abandoned"] == COUNTS[2]
    assert totals["chunks.abandoned"] == 1
    assert row.holes == {"2": COUNTS[2]}
    expect.nothing_left()


def test_what_is_below_oldest_and_unknown_is_gone(run: Pump) -> None:
    answer = say(run, 2, oldest=2)
    assert answer.durable == 3
    say(run, 3)
    say(run, 4)
    run.end(4)
    row = run.finish()
    expect.same(expect.found_by(run), expect.whole(expect.without(PIECES[2:])))
    assert row.holes == {"0": 0, "1": 0}
    expect.balanced(row, sum(COUNTS[2:]))


def test_a_late_chunk_is_counted_once_before_and_after_the_end(run: Pump) -> None:
    say(run, 1, abandoned=(*given_up(0), *given_up(2)))
    assert [say(run, 0).word, say(run, 0).word] == ["late", "late"]
    run.work()
    assert say(run, 0).word == "late"  # passed by all partitions
    say(run, 3)
    run.end(3)
    row = run.finish()
    expect.same(expect.found_by(run), expect.whole(expect.without([PIECES[1], PIECES[3]])))
    totals = expect.balanced(row, COUNTS[0] + COUNTS[1] + COUNTS[3])
    assert (totals["packets.late"], totals["packets.abandoned"]) == (COUNTS[0], COUNTS[2])
    assert [say(run, 2).word, say(run, 2).word, say(run, 0).word] == ["late", "late", "late"]
    row = Capture.objects.get(pk=run.capture)
    totals = expect.balanced(row, sum(COUNTS[:4]))
    assert (totals["packets.late"], totals["packets.abandoned"]) == (COUNTS[0] + COUNTS[2], 0)
    run.collect()
    expect.nothing_left()


def test_late_chunks_of_a_closed_range_of_holes(run: Pump) -> None:
    expect.tune(holes=0)
    lost = COUNTS[0] + COUNTS[1] + COUNTS[2]
    say(run, 3, abandoned=(*given_up(0), *given_up(1), *given_up(2)))
    run.end(3)
    assert run.finish().holes == {"0-2": lost}
    assert [say(run, number).word for number in (0, 1, 0)] == ["late", "late", "late"]
    row = Capture.objects.get(pk=run.capture)
    assert row.holes == {"0-2": COUNTS[2], "0": -1, "1": -1}
    assert expect.balanced(row, sum(COUNTS[:2]) + COUNTS[3])["packets.abandoned"] == COUNTS[2]


def test_sent_twice_in_conflict_and_after_the_end(run: Pump) -> None:
    assert [say(run, 0).word, say(run, 0).word] == ["ok", "dup"]
    assert refused(run, 0, PIECES[1]) == (409, "conflict", None)
    run.end(0)
    assert say(run, 0).word == "dup"
    assert refused(run, 1) == (409, "ended", None)
    row = run.finish()
    expect.balanced(row, COUNTS[0])
    assert say(run, 0).word == "dup"
    assert refused(run, 1) == (409, "ended", None)
    run.end(0)
    expect.nothing_left()
    with services.redis_link() as link:  # nobody opens it again, not even when its tombstone is gone
        link.command("DEL", link.keys.closed)
    assert say(run, 0).word == "dup"
    expect.nothing_left()


def test_too_far_ahead_and_too_much(run: Pump) -> None:
    expect.tune(window=2, soft_bytes=len(PIECES[1]) // 2, hard_bytes=1 << 20)
    assert refused(run, 1) == (503, "full", services.FULL_WAIT)
    assert refused(run, 2) == (429, "window", services.WINDOW_WAIT)
    assert say(run, 0).word == "ok"  # the lowest gets in
    run.upload(PIECES, range(1, 5))
    run.end(4)
    expect.balanced(run.finish(), RECORDS)
    expect.same(expect.found_by(run), expect.whole(DATA))
    expect.nothing_left()


def test_while_a_capture_is_being_closed(run: Pump) -> None:
    say(run, 0)
    run.end(0)
    with patch.object(drain, "finalise_capture"):  # nobody comes to it yet
        run.work()
    assert refused(run, 1)[:2] == (503, "later")
    run.finish()
    assert refused(run, 1)[:2] == (409, "ended")


def test_what_an_agent_miscounts_is_put_right(run: Pump) -> None:
    for number, packets in enumerate((0, 10_000, COUNTS[2])):
        told = headers(run.capture, number, packets)
        chunk_accept(whisperer=run.whisperer, headers=told, body=PIECES[number])
    run.end(2)
    totals = expect.balanced(run.finish(), sum(COUNTS[:3]))
    assert totals["packets.miscounted"] == COUNTS[0] + COUNTS[1] - 10_000


def test_a_silent_capture_ends(run: Pump, settings: Any) -> None:
    say(run, 0)
    say(run, 2)
    run.work()
    settings.CAPTURE_IDLE_SECONDS = 3600
    monitoring.minute()
    assert Capture.objects.get(pk=run.capture).state == "open"
    settings.CAPTURE_IDLE_SECONDS = 0
    monitoring.minute()
    row = run.finish()
    expect.same(expect.found_by(run), expect.whole(expect.without([PIECES[0], PIECES[2]])))
    expect.balanced(row, COUNTS[0] + COUNTS[2])
    assert row.holes == {"1": 0}
    expect.nothing_left()


def test_a_capture_that_redis_forgot_goes_on(run: Pump, settings: Any) -> None:
    say(run, 0)
    run.work()
    with services.redis_link() as link:
        link.command("FLUSHALL")
        captures.bury(link)
    assert say(run, 1).durable == 0  # so the agent sends 0 again
    assert say(run, 0).word == "ok"
    run.end(1)
    expect.balanced(run.finish(), COUNTS[0] + COUNTS[1])
    expect.nothing_left()


def test_a_deleted_capture_is_an_ended_one(run: Pump) -> None:
    say(run, 0)
    run.end(0)
    run.finish()
    Capture.objects.all().delete()
    assert refused(run, 1) == (409, "ended", None)


def left_open(pump: Callable[..., Pump], **more: Any) -> tuple[Pump, Pump]:
    """A capture whose agent died behind chunk 2, without ever sending chunk 1, and the one that its successor began."""
    old, new = pump("capture-old"), pump("capture-new")
    say(old, 0)
    say(old, 2)
    say(new, 0, previous=old.capture, **more)
    return old, new


def test_a_new_capture_ends_the_one_before_at_once(pump: Callable[..., Pump]) -> None:
    old, new = left_open(pump)
    new.work()  # without a redrive: the workers were told
    row = old.finish()
    expect.balanced(row, COUNTS[0] + COUNTS[2])
    assert (row.next_chunk, row.holes) == (3, {"1": 0})
    assert Capture.objects.get(pk=new.capture).state == Capture.State.OPEN
    say(new, 0, previous=old.capture)  # sent twice, and the old one is closed
    say(new, 1, previous=new.capture)  # nothing ends itself
    new.end(1)
    new.finish()


def test_the_capture_of_another_instance_or_whisperer_goes_on(pump: Callable[..., Pump]) -> None:
    old, _ = left_open(pump, instance="another host")
    assert old_is_open(old)
    stranger = whisperer_create(name="stranger", mode="FILE")
    told = headers("capture-stranger", 0, COUNTS[0], previous=old.capture)
    chunk_accept(whisperer=stranger, headers=told, body=PIECES[0])
    assert old_is_open(old)


def old_is_open(run: Pump) -> bool:
    with servers.chunk_store().link() as link:
        state = captures.read_state(link, run.capture)
    return state is not None and state.state == "o"
