"""Breakers on a clock of the test's own, on both boards; and a board that two processes share."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from spider_site.places import BASE
from store.breakers import Board, Breaker, BreakerOpen, LocalBoard, Settings
from store.redis.board import RedisBoard

QUICK = Settings(failures=3, pause=0.1, trial=0.2, look=0.0)


class AwayError(Exception):
    """The server cannot be used."""


class LateError(Exception):
    """Nobody knows."""


def judge(error: Exception) -> bool | None:
    return None if isinstance(error, LateError) else isinstance(error, AwayError)


class Clock:
    """Time that goes on when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("store", LocalBoard(clock), judge=judge, settings=QUICK, clock=clock)


def call(breaker: Breaker, error: Exception | None = None) -> str:
    """What becomes of a call: "ok", "refused", or the name of its error."""
    try:
        with breaker.calling():
            if error is not None:
                raise error
    except BreakerOpen:
        return "refused"
    except (AwayError, LateError, ValueError) as found:
        return type(found).__name__
    return "ok"


def test_failures_in_a_row_open_it_and_one_call_closes_it(breaker: Breaker, clock: Clock) -> None:
    assert [call(breaker, AwayError("gone")) for _ in range(4)] == ["AwayError"] * 3 + ["refused"]
    record = breaker.status()
    assert (record.state, record.trips, record.since, record.tripped) == ("open", 1, 1_000.0, 1_000.0)
    assert record.reason == "AwayError: gone"
    assert breaker.is_open
    clock.now += 0.11
    assert not breaker.is_open
    assert call(breaker) == "ok"
    assert call(breaker) == "ok"
    closed = breaker.status()
    assert (closed.state, closed.trips, closed.failures, closed.tripped) == ("closed", 1, 0, 1_000.0)


def test_while_one_tries_the_others_are_refused_and_a_failed_trial_waits_anew(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        call(breaker, AwayError())
    clock.now += 0.11
    breaker.check()  # the trial starts
    assert breaker.status().state == "halfOpen"
    assert call(breaker) == "refused"
    breaker.ended(AwayError())
    assert breaker.status().state == "open"
    assert call(breaker) == "refused"
    clock.now += 0.11
    assert call(breaker, AwayError()) == "AwayError"
    assert breaker.status().trips == 1  # it never closed between
    assert breaker.status().since == 1_000.0


def test_a_trial_that_says_nothing_is_made_again(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        call(breaker, AwayError())
    clock.now += 0.11
    assert call(breaker, LateError()) == "LateError"
    assert call(breaker) == "refused"
    clock.now += 0.21
    assert call(breaker) == "ok"
    assert breaker.status().state == "closed"


@pytest.mark.parametrize("between", [None, ValueError("the store refused it")])
def test_an_answer_between_failures_counts_from_the_start(breaker: Breaker, between: Exception | None) -> None:
    for _ in range(5):
        call(breaker, AwayError())
        call(breaker, AwayError())
        call(breaker, between)
    assert breaker.status().state == "closed"


def test_what_took_too_long_says_nothing(breaker: Breaker) -> None:
    for _ in range(10):
        assert call(breaker, LateError()) == "LateError"
    assert breaker.status().failures == 0


class Counting(LocalBoard):
    """Counts how often it is asked."""

    asked = 0

    def read(self, name: str) -> object:  # type: ignore[override]
        self.asked += 1
        return super().read(name)

    def well(self, name: str) -> object:  # type: ignore[override]
        self.asked += 1
        return super().well(name)


def test_while_all_is_well_the_board_is_read_once_in_a_while(clock: Clock) -> None:
    board = Counting(clock)
    breaker = Breaker("store", board, judge=judge, settings=Settings(look=1.0), clock=clock)  # type: ignore[arg-type]
    for _ in range(10_000):
        assert call(breaker) == "ok"
    assert board.asked == 1
    clock.now += 1.0
    call(breaker)
    assert board.asked == 2


@pytest.fixture
def board(redis_url: str) -> Iterator[RedisBoard]:
    one = RedisBoard(redis_url)
    yield one
    one.close()


@pytest.fixture(params=["local", "redis"])
def any_board(request: pytest.FixtureRequest) -> Board:
    return LocalBoard() if request.param == "local" else request.getfixturevalue("board")


def test_both_boards_say_the_same(any_board: Board) -> None:
    settings = Settings(failures=2, pause=0.05, trial=0.05)
    assert any_board.read("x") == type(any_board.read("x"))()
    assert any_board.failed("x", "A|B: odd", settings).state == "closed"
    opened = any_board.failed("x", "A|B: odd", settings)
    assert (opened.state, opened.failures, opened.trips, opened.reason) == ("open", 2, 1, "A|B: odd")
    assert 0 < opened.wait <= 0.05
    assert any_board.take("x", settings)[0] is False
    until(lambda: any_board.read("x").wait == 0)
    mine, record = any_board.take("x", settings)
    assert (mine, record.state) == (True, "halfOpen")
    assert any_board.take("x", settings)[0] is False
    assert any_board.failed("x", "again", settings).state == "open"
    closed = any_board.well("x")
    assert (closed.state, closed.failures, closed.trips, closed.reason) == ("closed", 0, 1, "again")
    assert any_board.read("y").trips == 0


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.001)


OTHER = """
import sys
from store.breakers import Breaker, BreakerOpen, Settings
from store.redis.board import RedisBoard
settings = Settings(failures=3, pause=60.0)
one = Breaker("store", RedisBoard(sys.argv[1]), judge=lambda error: True, settings=settings)
for _ in range(3):
    one.failed(OSError("nobody there"))
try:
    one.check()
except BreakerOpen as error:
    print(error.reason)
"""


def test_what_one_process_found_out_spares_another_the_wait(board: RedisBoard, redis_url: str) -> None:
    mine = Breaker("store", board, judge=judge, settings=QUICK)
    assert call(mine) == "ok"
    command = [sys.executable, "-c", OTHER, redis_url]
    done = subprocess.run(command, cwd=BASE, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "OSError: nobody there"
    assert call(mine) == "refused"
    mine.succeeded()  # a call that had begun before was answered
    assert RedisBoard(redis_url).read("store").state == "closed"
    assert call(mine) == "ok"


def test_without_redis_a_process_knows_by_itself() -> None:
    board = RedisBoard("redis://127.0.0.1:1/0")
    breaker = Breaker("store", board, judge=judge, settings=QUICK)
    for _ in range(3):
        call(breaker, AwayError())
    assert call(breaker) == "refused"
    assert breaker.status().trips == 1
    breaker.succeeded()
    assert call(breaker) == "ok"
