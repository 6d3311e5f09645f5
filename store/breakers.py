"""Circuit breakers: a server that failed several times in a row is left alone for a moment; then one call tries it.

A breaker only says whether a call may start and is told how calls ended; it holds no lock while one runs, so calls go
on side by side. What is known of a server stands on a board. A board in Redis is shared by all processes: what one
finds out spares the others the wait, and of all of them one makes the trial. While all is well the board is read at
most once in `look` seconds by a process and never written. Calls that the server answered, with a refusal or late, are
no failures: who calls says which errors mean that it cannot be used.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

State = Literal["closed", "open", "halfOpen"]
Judge = Callable[[Exception], bool | None]

#: Characters of a reason: errors of drivers may quote whole statements.
REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Settings:
    """When a breaker opens, and for how long. Times in seconds."""

    #: Failures in a row that open it.
    failures: int = 3
    #: Until one call tries the server again.
    pause: float = 2.0
    #: A trial that says nothing for so long is made again by somebody else.
    trial: float = 10.0
    #: How old what a process knows from the board may be.
    look: float = 1.0


DEFAULT = Settings()


@dataclass(frozen=True, slots=True)
class Record:
    """What a board knows of a server. `since`: when the breaker opened, 0 while it is closed; `tripped`: when it did
    last; seconds since the epoch. `wait`: seconds until the next trial. `trial`: one is under way."""

    failures: int = 0
    since: float = 0.0
    wait: float = 0.0
    trips: int = 0
    tripped: float = 0.0
    reason: str = ""
    trial: bool = False

    @property
    def state(self) -> State:
        """In the words that are shown."""
        if not self.since:
            return "closed"
        return "halfOpen" if self.trial else "open"


class Board(Protocol):
    """Where records stand. No method raises: a board that cannot be reached says what it knows by itself."""

    def read(self, name: str) -> Record:
        """What is known; an empty record when nothing ever was."""

    def failed(self, name: str, reason: str, settings: Settings) -> Record:
        """A call failed: one more in a row, perhaps too many; a failed trial waits anew."""

    def well(self, name: str) -> Record:
        """A call was answered: closed, and counted from the start."""

    def take(self, name: str, settings: Settings) -> tuple[bool, Record]:
        """Whether the caller is the one that may try now."""


class LocalBoard:
    """A board of one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._records: dict[str, tuple[Record, float]] = {}  # with the time of the next trial
        self._lock = threading.Lock()

    def read(self, name: str) -> Record:
        with self._lock:
            return self._now(name)

    def failed(self, name: str, reason: str, settings: Settings) -> Record:
        with self._lock:
            record, now = self._now(name), self._clock()
            record = replace(record, failures=record.failures + 1, reason=reason, trial=False)
            if not record.since and record.failures >= settings.failures:
                record = replace(record, since=now, tripped=now, trips=record.trips + 1)
            self._records[name] = record, now + settings.pause
            return self._now(name)

    def well(self, name: str) -> Record:
        with self._lock:
            record = replace(self._now(name), failures=0, since=0.0, trial=False)
            self._records[name] = record, 0.0
            return self._now(name)

    def take(self, name: str, settings: Settings) -> tuple[bool, Record]:
        with self._lock:
            record = self._now(name)
            if not record.since or record.wait > 0:
                return False, record
            self._records[name] = replace(record, trial=True), self._clock() + settings.trial
            return True, self._now(name)

    def _now(self, name: str) -> Record:
        record, till = self._records.get(name, (Record(), 0.0))
        return replace(record, wait=max(till - self._clock(), 0.0) if record.since else 0.0)


class BreakerOpen(Exception):
    """The server is left alone. `since`: seconds since the epoch; `wait`: seconds until it is tried again."""

    def __init__(self, name: str, record: Record) -> None:
        super().__init__(f"{name} does not answer ({record.reason}), it is tried again in {record.wait:.0f} s")
        self.since = record.since
        self.wait = record.wait
        self.reason = record.reason


class Breaker:
    """The breaker of one server, for the threads of a process. `judge` says what an error means: that the server cannot
    be used (True), that it answered (False), or nothing (None)."""

    def __init__(
        self,
        name: str,
        board: Board | None = None,
        *,
        judge: Judge,
        settings: Settings = DEFAULT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._board = board or LocalBoard()
        self._judge = judge
        self._settings = settings
        self._clock = clock
        self._record = Record()
        self._read = float("-inf")

    def check(self) -> None:
        """Say that a call starts. BreakerOpen when it must not; else the caller is to say how it ended."""
        record = self._known()
        if not record.since:
            return
        if record.wait <= self._clock() - self._read:
            mine, record = self._board.take(self.name, self._settings)
            self._learn(record)
            if mine or not record.since:
                return
        raise BreakerOpen(self.name, replace(record, wait=max(record.wait - (self._clock() - self._read), 0.0)))

    def succeeded(self) -> None:
        """A call was answered. Costs nothing unless there was a failure before."""
        if self._record.failures or self._record.since:
            self._learn(self._board.well(self.name))

    def failed(self, error: BaseException) -> None:
        """A call found the server unusable."""
        self._learn(self._board.failed(self.name, reason_of(error), self._settings))

    def ended(self, error: Exception) -> None:
        """A call ended with an error: what that says of the server."""
        unusable = self._judge(error)
        if unusable:
            self.failed(error)
        elif unusable is not None:
            self.succeeded()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A call. BreakerOpen when it must not start."""
        self.check()
        try:
            yield
        except Exception as error:
            self.ended(error)
            raise
        self.succeeded()

    @property
    def is_open(self) -> bool:
        """Whether a call now would be refused. Takes no trial."""
        record = self._known()
        return bool(record.since) and record.wait > self._clock() - self._read

    def status(self) -> Record:
        """What the board says now: for people, not for calls."""
        self._learn(self._board.read(self.name))
        return self._record

    def _known(self) -> Record:
        """What is known well enough."""
        if self._clock() - self._read >= self._settings.look:
            self._learn(self._board.read(self.name))
        return self._record

    def _learn(self, record: Record) -> None:
        self._record, self._read = record, self._clock()


def reason_of(error: BaseException) -> str:
    """An error in a line: its kind and what it says, short. Addresses in it are the operator's own; logins are not."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    said = " ".join(str(error).split())
    return f"{type(cause).__name__}: {said}"[:REASON_LENGTH]


__all__ = ["Board", "Breaker", "BreakerOpen", "Judge", "LocalBoard", "Record", "Settings", "State", "reason_of"]
