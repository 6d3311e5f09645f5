"""The board of the breakers in Redis: one small hash, one script, shared by all processes.

Redis itself may be away. Then this process goes on with a board of its own, and asks Redis again after a while: the
breaker of another server must not make anybody wait for this one.
"""

import threading
import time
from collections.abc import Callable
from typing import Any

from redis.exceptions import RedisError

from store.breakers import LocalBoard, Record, Settings
from store.redis.connection import Store

#: Seconds to wait for Redis: its answer takes less than a millisecond.
TIMEOUT = 0.5
#: Seconds after which a Redis that did not answer is asked again.
AGAIN = 5.0


class RedisBoard:
    """A board for all processes that use the Redis at `url`. Connects at the first use. Methods: see Board."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = Store(url, timeout=TIMEOUT)
        self._own = LocalBoard()
        self._clock = clock
        self._away_until = float("-inf")
        self._lock = threading.Lock()

    def read(self, name: str) -> Record:
        reply = self._ask(name, "read")
        return self._own.read(name) if reply is None else _record(reply)

    def failed(self, name: str, reason: str, settings: Settings) -> Record:
        reply = self._ask(name, "failed", settings, reason)
        return self._own.failed(name, reason, settings) if reply is None else _record(reply)

    def well(self, name: str) -> Record:
        self._own.well(name)
        reply = self._ask(name, "well")
        return self._own.read(name) if reply is None else _record(reply)

    def take(self, name: str, settings: Settings) -> tuple[bool, Record]:
        reply = self._ask(name, "take", settings)
        return self._own.take(name, settings) if reply is None else (bool(reply[0]), _record(reply))

    def close(self) -> None:
        """Close what is idle."""
        self._store.close()

    def _ask(self, name: str, what: str, settings: Settings | None = None, reason: str = "") -> Any:
        """The script's reply; None while Redis does not answer."""
        if self._clock() < self._away_until:
            return None
        one = settings or Settings()
        times = [int(one.pause * 1000), int(one.trial * 1000)]
        try:
            with self._store.link() as link:
                return link.script("breaker", [link.keys.breakers], [name, what, one.failures, *times, reason])
        except (RedisError, OSError):
            with self._lock:
                self._away_until = self._clock() + AGAIN
            return None


def _record(reply: list[Any]) -> Record:
    _, failures, since, wait, trips, tripped, trial, reason = reply
    return Record(
        failures=failures,
        since=since / 1000,
        wait=wait / 1000,
        trips=trips,
        tripped=tripped / 1000,
        reason=reason.decode(errors="replace"),
        trial=bool(trial),
    )
