"""Figures of agents over time, for small charts: gauges as they were, counters as what they gained in each step.

Agents speak at their own times and begin again from nothing, so each is followed alone and the sums are made per step.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from apps.whisperers import selectors
from apps.whisperers.models import Sample, Whisperer

STEPS = 60
GAUGES = ("bytes_second", "cpu", "memory", "chunks_waiting", "spool_bytes", "call_average_ms", "call_p90_ms")
COUNTERS = (
    "bytes_total", "packets_captured", "packets_filtered", "dropped_kernel", "dropped_queue", "dropped_limit",
    "dropped_breaker", "calls", "calls_failed",
)  # fmt: skip
#: Of several agents these are not added: the worst one is shown.
_WORST = ("call_average_ms", "call_p90_ms")

Points = list[float | None]
#: Where in the steps something was said, and what.
Said = list[tuple[float, Mapping[str, Any]]]
#: What is said now is said in the last step.
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class History:
    """`lines`: a value for each step, None where no agent spoke; `gained`: what each counter gained in all of it."""

    since: datetime
    step: timedelta
    lines: dict[str, Points]
    gained: dict[str, float]

    def times(self) -> list[int]:
        """The beginning of each step, in milliseconds since 1970."""
        start, width = self.since.timestamp(), self.step.total_seconds()
        return [int((start + n * width) * 1000) for n in range(STEPS)]


def history(whisperer: Whisperer, now: datetime, length: timedelta) -> History:
    """The figures of a whisperer's agents together, from `length` ago until now."""
    since, step = now - length, length / STEPS
    silence = 3 * timedelta(seconds=selectors.status_seconds(whisperer)) / step
    spoken: dict[Any, Said] = defaultdict(list)
    rows = Sample.objects.filter(instance__whisperer=whisperer, at__gte=since, at__lte=now).order_by("at")
    for key, at, figures in rows.values_list("instance_id", "at", "figures"):
        spoken[key].append((min((at - since) / step, STEPS - _LEAST), figures))
    lines: dict[str, Points] = {name: [None] * STEPS for name in (*GAUGES, *COUNTERS)}
    for said in spoken.values():
        for name in GAUGES:
            _gauge(name, said, lines[name], silence)
        for name in COUNTERS:
            _counter(name, said, lines[name], silence)
    gained = {name: round(sum(value or 0 for value in lines[name]), 3) for name in COUNTERS}
    return History(since, step, lines, gained)


def _gauge(name: str, said: Said, line: Points, silence: float) -> None:
    """One agent's gauge put into the line; a step in which it said nothing has what it said just before."""
    own: Points = [None] * STEPS
    for at, figures in said:
        if name in figures:
            own[int(at)] = float(figures[name])
    silent = 0
    for step in range(1, STEPS):
        silent = silent + 1 if own[step] is None else 0
        if silent and silent <= silence:
            own[step] = own[step - 1]
    for step, value in enumerate(own):
        if value is not None:
            before = line[step]
            line[step] = value if before is None else max(before, value) if name in _WORST else before + value


def _counter(name: str, said: Said, line: Points, silence: float) -> None:
    """What one agent's counter gained, put into the line: over the time from what it said before. A new start counts
    from nothing, and what was gained in a silence is put where that ended."""
    for (then, before), (at, figures) in pairwise(said):
        value = float(figures.get(name, 0))
        same = before.get("started") == figures.get("started")
        gained = max(value - float(before.get(name, 0)), 0) if same else value
        first = then if at - then <= silence else max(int(at), at - 1)
        for step in range(int(first), int(at) + 1):
            share = (min(step + 1, at) - max(step, first)) / (at - first) if at > first else 1.0
            line[step] = (line[step] or 0) + gained * share
