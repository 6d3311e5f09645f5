"""The circuit breaker around the server: after a failure nobody calls for a while, longer each time; the first call
after a pause is made alone, and what it finds is what the others do."""

from __future__ import annotations

import random

#: Seconds between tries while the server cannot be reached: doubled each time, up to the second value.
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0


class Breaker:
    """Not locked: its owner is."""

    def __init__(self) -> None:
        self.failing_since = 0.0  # 0: all is well
        self.closed_until = 0.0  # nobody calls before
        self._pause = 0.0

    def failed(self, now: float) -> bool:
        """A call failed; whether it is the first since one that did not."""
        first = not self.failing_since
        if first:
            self.failing_since = now
        if now >= self.closed_until:
            self._pause = min(self._pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            self.closed_until = now + self._pause * random.uniform(0.7, 1.0)  # noqa: S311 - spreads agents, no secret
        return first

    def succeeded(self) -> None:
        self.failing_since = self._pause = self.closed_until = 0.0

    def lets(self, now: float, busy: int) -> bool:
        """Whether a call may start, while `busy` are under way."""
        return now >= self.closed_until and not (self.failing_since and busy)
