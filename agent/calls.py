"""How the server answers: calls, failures, and their time since the last look."""

from __future__ import annotations

import threading

#: Most times that are kept between two looks: a status every 20 s and 8 uploads at a time stay far below.
MOST = 10_000


class Calls:
    """Filled by every thread that calls the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: list[float] = []
        self.count = self.failed = 0

    def note(self, seconds: float, ok: bool) -> None:
        with self._lock:
            self.count += 1
            self.failed += not ok
            if len(self._recent) < MOST:
                self._recent.append(seconds)

    def figures(self) -> dict[str, float]:
        """Numbers for a status: calls and failures since the start, times since the last look."""
        with self._lock:
            times, self._recent = sorted(self._recent), []
            out: dict[str, float] = {"calls": self.count, "calls_failed": self.failed}
        if times:
            out["call_average_ms"] = round(1000 * sum(times) / len(times), 1)
            out["call_p90_ms"] = round(1000 * times[(len(times) * 9 - 1) // 10], 1)
        return out
