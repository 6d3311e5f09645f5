"""What cannot be digested is put aside alone, with its reason and its packets counted, and the rest goes on."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import zstandard

from store.redis.work import SecondTry
from tests.flows import expect, faults
from tests.flows.pump import DeathError, Pump, cut_at

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 4, RECORDS // 2, RECORDS * 3 // 4])
VICTIM = 4
#: How long a dead worker's take is respected in these tests, in milliseconds.
LEASE = 700


@pytest.fixture(params=[8, 1], ids=["P=8", "P=1"])
def partitions(request: pytest.FixtureRequest, settings: Any) -> int:
    settings.PARTITIONS = request.param
    return int(request.param)


@pytest.fixture
def run(partitions: int, pump: Callable[..., Pump]) -> Pump:
    one = pump("capture-quarantine")
    expect.tune(lease_ms=LEASE)
    return one


def go(run: Pump, fault: Any, pieces: list[bytes] = PIECES) -> dict[str, int]:
    """Send everything while `fault` holds, to the end; the totals."""
    with fault:
        run.upload(pieces, range(len(pieces)))
        run.end(len(pieces) - 1)
        row = run.finish()
    expect.nothing_left()
    return expect.balanced(row, RECORDS)


def errors(run: Pump) -> list[dict[str, Any]]:
    """The error documents."""
    return [one for one in run.documents["monitoring"].values() if one["kind"] == "quarantine"]


def test_a_chunk_whose_compression_is_broken(run: Pump) -> None:
    packed = bytearray(zstandard.compress(PIECES[1]))
    packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    run.packets[1] = expect.packets(PIECES[1])
    totals = go(run, nullcontext(), [PIECES[0], bytes(packed), *PIECES[2:]])
    expect.same(expect.found_by(run), expect.whole(expect.without([PIECES[0], *PIECES[2:]])))
    assert totals["packets.quarantined"] == expect.packets(PIECES[1])
    (error,) = errors(run)
    assert (error["chunk"], error["what"], error["reason"], error["state"]) == (1, "chunk", "CaptureError", "waiting")
    assert error["packets"] == expect.packets(PIECES[1])
    ((item, due),) = expect.second_tries().items()
    assert item == SecondTry(run.capture, 1)
    assert 590 < due <= 600


def test_a_chunk_that_raises(run: Pump) -> None:
    totals = go(run, faults.chunk(PIECES[2], ZeroDivisionError()))
    expect.same(expect.found_by(run), expect.whole(expect.without([*PIECES[:2], PIECES[3]])))
    assert totals["packets.quarantined"] == expect.packets(PIECES[2])
    assert [error["reason"] for error in errors(run)] == ["ZeroDivisionError"]


def test_a_chunk_that_kills_is_put_aside_by_the_third_worker(run: Pump, partitions: int) -> None:
    totals = go(run, faults.chunk(PIECES[2], DeathError()))
    # Where one task splits and drains, the first to die had passed chunks before: takes count from the last commit.
    assert run.deaths == 2 if partitions > 1 else run.deaths in (2, 3)
    expect.same(expect.found_by(run), expect.whole(expect.without([*PIECES[:2], PIECES[3]])))
    assert totals["packets.quarantined"] == expect.packets(PIECES[2])
    assert [error["reason"] for error in errors(run)] == ["workerDied"]
    assert set(expect.second_tries()) == {SecondTry(run.capture, 2)}


def without_row(number: int) -> bytes:
    """The capture less the victim's packets in chunk `number`."""
    pieces = list(PIECES)
    pieces[number] = expect.without([pieces[number]], VICTIM)
    return expect.without(pieces)


def test_a_row_that_raises(run: Pump) -> None:
    totals = go(run, faults.rows({expect.flow(VICTIM)}, 1, ValueError()))
    expect.same(expect.found_by(run), expect.whole(without_row(1)))
    assert totals["packets.quarantined"] == RECORDS - expect.packets(without_row(1))
    (error,) = errors(run)
    assert (error["chunk"], error["what"], error["reason"]) == (1, "rows", "ValueError")
    ((item, _),) = expect.second_tries().items()
    assert (item.chunk, item.end - item.first) == (1, 1)


def test_a_row_that_kills(run: Pump) -> None:
    totals = go(run, faults.rows({expect.flow(VICTIM)}, 1, DeathError()))
    expect.same(expect.found_by(run), expect.whole(without_row(1)))
    assert totals["packets.quarantined"] == RECORDS - expect.packets(without_row(1))
    # Takes count from the last commit: one may have passed rows before it died, and then the careful one did.
    assert run.deaths in (2, 3, 4)
    assert [error["reason"] for error in errors(run)] == ["workerDied"]


def test_after_three_rows_all_that_is_left_of_a_slice_is_put_aside(run: Pump, partitions: int) -> None:
    flows = {expect.flow(number) for number in range(expect.TALKS)}
    totals = go(run, faults.rows(flows, 1, ValueError()))
    pieces = list(PIECES)
    arp = pieces[1]
    for talk in range(expect.TALKS):
        arp = expect.without([arp], talk)
    assert totals["packets.quarantined"] == expect.packets(pieces[1]) - expect.packets(arp)
    expect.same(expect.found_by(run), expect.whole(expect.without([pieces[0], arp, *pieces[2:]])))
    assert len(errors(run)) <= 3 * partitions


@pytest.mark.parametrize("error", [ValueError(), DeathError()], ids=["raises", "kills"])
def test_a_session_that_cannot_be_closed(run: Pump, error: BaseException) -> None:
    victims = {expect.flow(0), expect.flow(3)}
    totals = go(run, faults.end(victims, error))
    assert "packets.quarantined" not in totals  # its packets were in a session before
    lost = [line for line in expect.whole(DATA) if b"/talk0/unanswered" in line or b"/talk3/unanswered" in line]
    assert len(lost) == 2
    expect.same(expect.found_by(run), sorted(set(expect.whole(DATA)) - set(lost)))
    assert sorted(one["what"] for one in errors(run)) == ["session", "session"]
    assert {item.flow for item in expect.second_tries()} == victims
