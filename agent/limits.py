"""What pauses a capture: more bytes a minute than allowed, or more processor time. Paused, blocks of the ring are given
back unread and their packets counted, which costs next to nothing."""

from __future__ import annotations

import threading
import time
from collections import deque

from agent.chunk import Counts, Losses

#: A minute in buckets: what was let through in the last twelve counts against the limit.
BUCKETS, BUCKET_SECONDS = 12, 5.0
#: The processor time is looked at over this time; capture stays paused at least as long as the second value.
CPU_SECONDS, CPU_PAUSE = 5.0, 10.0
#: Capture goes on when the processor time is below this part of the limit.
CPU_LOW = 0.7


class RateLimit:
    """Bytes of the last minute, in buckets."""

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque()  # [began, bytes]
        self._sum = 0.0

    def admit(self, size: int, limit: int, now: float) -> bool:
        """Whether `size` bytes more are within `limit` a minute; they count if so."""
        while self._buckets and now - self._buckets[0][0] >= BUCKETS * BUCKET_SECONDS:
            self._sum -= self._buckets.popleft()[1]
        if self._sum + size > limit:
            return False
        if not self._buckets or now - self._buckets[-1][0] >= BUCKET_SECONDS:
            self._buckets.append([now, 0.0])
        self._buckets[-1][1] += size
        self._sum += size
        return True


class CpuBreaker:
    """Open while the program takes more processor time than allowed."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()  # monotonic time, processor time
        self._open_until = 0.0
        self.open = False
        self.percent = 0.0

    def look(self, limit: int, now: float, used: float) -> bool:
        """Judge anew, given the processor time used so far; `limit` in percent of one processor, 0: none."""
        self._samples.append((now, used))
        while len(self._samples) > 2 and now - self._samples[1][0] >= CPU_SECONDS:
            self._samples.popleft()
        (began, before), span = self._samples[0], now - self._samples[0][0]
        if span >= CPU_SECONDS * 0.8:
            self.percent = 100 * (used - before) / (now - began)
            if limit and self.percent > limit and not self.open:
                self.open, self._open_until = True, now + CPU_PAUSE
        if not limit or (now >= self._open_until and self.percent < limit * CPU_LOW):
            self.open = False
        return self.open


class Gate:
    """Asked for every block of every ring: may it be captured?"""

    def __init__(self, counts: Counts) -> None:
        self._lock = threading.Lock()
        self._counts = counts
        self._rate = RateLimit()
        self.cpu = CpuBreaker()
        self.rate_limit = self.cpu_limit = 0  # MB a minute, percent; 0: none
        self._limited = 0.0

    def look(self) -> None:
        """Judge the processor time; to be called every second or so."""
        with self._lock:
            self.cpu.look(self.cpu_limit, time.monotonic(), time.process_time())

    def admit(self, packets: int, size: int, losses: Losses) -> bool:
        """Whether a block may be captured; else its packets are added to `losses`."""
        with self._lock:
            reason = self._reason(size)
        if not reason:
            return True
        losses.add(reason, packets, size)
        self._counts.add("dropped_" + reason, packets)
        return False

    def _reason(self, size: int) -> str:
        if self.cpu.open:
            return "breaker"
        now = time.monotonic()
        if self.rate_limit and not self._rate.admit(size, self.rate_limit * 1_000_000, now):
            self._limited = now
            return "limit"
        return ""

    def paused(self) -> str:
        """Why capture is paused now, in words; or nothing."""
        with self._lock:
            if self.cpu.open:
                return f"the agent took more than {self.cpu_limit} % of a processor"
            if self.rate_limit and self._limited and time.monotonic() - self._limited < BUCKET_SECONDS:
                return f"the limit of {self.rate_limit} MB a minute is reached"
        return ""
