"""Time ranges as addresses write them: RFC 3339 dates, or relative to now (`now-15m`, `now-7d`)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from apps.core import words

_RELATIVE = re.compile(r"now(?:-(\d{1,6})([smhdw]))?\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

#: What the page offers, and how it calls it.
PRESETS = {"now-15m": "15 min", "now-1h": "1 h", "now-6h": "6 h", "now-24h": "24 h", "now-7d": "7 d"}
DEFAULT = "now-1h"
#: Of any unit, in a relative range.
MOST = 999_999
#: What the time picker offers beside them.
RELATIVE = {
    "now-1m": "1 min", "now-5m": "5 min", "now-30m": "30 min", "now-3h": "3 h", "now-12h": "12 h",
    "now-2d": "2 days", "now-14d": "14 days", "now-30d": "30 days", "now-90d": "90 days",
}  # fmt: skip
#: Units of a relative range, as the picker calls them.
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_STEPS = (
    1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000, 200_000_000, 500_000_000,
    *(n * words.SECOND for n in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)),
    *(n * 86400 * words.SECOND for n in (1, 2, 7, 14, 28, 91, 182, 365)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of time, since ≤ t < until, in nanoseconds; None is open."""

    since: int | None
    until: int | None

    @property
    def length(self) -> int:
        """Nanoseconds between the ends; 0 when one is open."""
        return self.until - self.since if self.since is not None and self.until is not None else 0

    @property
    def parameters(self) -> dict[str, str]:
        """Its ends as an address has them, `from` and `to`, as far as they are closed."""
        ends = {"from": self.since, "to": self.until}
        return {name: words.rfc3339(at) for name, at in ends.items() if at is not None}

    def told(self, zone: tzinfo) -> str:
        """For people."""
        if self.since is None and self.until is None:
            return "any time"
        since, until = (None if at is None else " ".join(words.local(at, zone)[:2]) for at in (self.since, self.until))
        return f"{since or 'the beginning'} → {until or 'the end'}"


#: No capture file can name a moment outside of these: seconds are unsigned, and nanoseconds are kept in 64 bits.
FIRST, LAST = 0, (1 << 63) - 1


def moment(text: str, now: int, zone: tzinfo = UTC) -> int:
    """The moment that `text` means when it is `now`, in `zone` where it names none; what lies beyond all traffic is
    moved to its edge. Raises ValueError."""
    match = _RELATIVE.match(text)
    if match is None:
        return min(max(words.nanoseconds(text, zone), FIRST), LAST)
    count, unit = match.groups()
    return max(now - int(count) * _UNITS[unit] * words.SECOND, FIRST) if count else now


def interval(length: int, buckets: int) -> int:
    """A step that reads well and cuts `length` into at most `buckets` parts."""
    for step in _STEPS:
        if length <= step * buckets:
            return step
    return -(-length // buckets)


def amount(text: str) -> tuple[int, str] | None:
    """How many of which unit a relative beginning goes back: `now-15m` is 15 minutes; None for anything else."""
    match = _RELATIVE.match(text)
    return (int(match[1]), match[2]) if match is not None and match[1] else None


def relative(length: int) -> str:
    """The beginning that goes back so far from now, in the largest unit that says it; the usual one for no length."""
    seconds = -(-length // words.SECOND)
    if seconds <= 0:
        return DEFAULT
    # Seconds have at most six digits: what is longer is rounded up to minutes.
    fits = [(unit, size) for unit, size in _UNITS.items() if seconds % size == 0 and seconds // size <= MOST]
    unit, size = max(fits, key=lambda one: one[1], default=("m", 60))
    return f"now-{min(-(-seconds // size), MOST)}{unit}"


def spoken(text: str) -> str:
    """A relative beginning as people say it: `now-15m` is "15 min"; empty for anything else."""
    found = amount(text)
    return words.span(found[0] * _UNITS[found[1]] * words.SECOND) if found else ""


def calendar(now: int, zone: tzinfo) -> list[tuple[str, str, str]]:
    """Days and weeks of a zone, by name, with their ends in UTC; the end of what is not over is open."""
    moment = datetime.fromtimestamp(now // words.SECOND, zone)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    monday = today - timedelta(days=today.weekday())

    def text(local: datetime) -> str:
        # A day begins where the zone's clock says so: a day with a change of the clock is not 24 hours long.
        return words.rfc3339(int(local.replace(tzinfo=zone).timestamp()) * words.SECOND)

    return [
        ("Today", text(today), ""),
        ("Yesterday", text(today - timedelta(days=1)), text(today)),
        ("This week", text(monday), ""),
        ("Last week", text(monday - timedelta(days=7)), text(monday)),
    ]
