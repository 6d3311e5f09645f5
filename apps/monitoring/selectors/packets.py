"""Where the packets of a time are: the counters of every capture in it, summed by whisperer, or by capture of one.

Minutes that are over come from their documents in the store, those under way from Redis. The store is read first: a
minute on its way from one to the other is missing for a moment, but none is counted twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from apps.captures.models import Capture
from apps.core.servers import chunk_store, document_store
from apps.core.words import SECOND, nanoseconds
from apps.httpcomms import ranges
from apps.httpcomms.ranges import Range
from apps.monitoring import alarms
from apps.monitoring.alarms import Alarm
from apps.whisperers.models import Whisperer
from documents import query
from documents.counters import CAPTURED, EQUATIONS, UPLOADED, Balance, Bounds, balance
from store.documents import EVERYTHING, Scope, StoreUnavailable, TookTooLong
from store.redis import accounting
from store.redis.connection import UnfitServerError

log = structlog.get_logger(__name__)

MINUTE: Final = 60 * SECOND
#: Minutes of captures that one answer reads, newest first, and captures under way that it asks Redis about.
MAX_DOCUMENTS, MAX_OPEN, PAGE = 20_000, 500, 1_000
#: Steps of the chart, rows of captures.
STEPS, MAX_CAPTURES = 120, 100
#: What no communication can be made of, though it should: what the chart calls lost.
_NOT_LOST: Final = ("packets.uploaded", "packets.filtered")
_LOST_LATER: Final = ("packets.undecodable", "packets.quarantined", "packets.late")


@dataclass(slots=True)
class Row:
    """The sums of a whisperer, of a capture, or of all. `bounds` says what may still wait of captures under way."""

    key: str
    name: str
    note: str = ""
    counters: Counter[str] = field(default_factory=Counter)
    bounds: Bounds = field(default_factory=Bounds)
    captures: set[str] = field(default_factory=set)
    under_way: int = 0
    alarms: list[Alarm] = field(default_factory=list)

    @property
    def balances(self) -> dict[str, Balance]:
        """The equations with their numbers, by name."""
        return {equation.name: balance(equation, self.counters) for equation in EQUATIONS}

    @property
    def lost(self) -> int:
        """Packets that nothing can be made of any more."""
        return lost_of(self.counters)

    def holds(self, name: str) -> bool:
        """Whether an equation adds up in these sums: what is left over is within what waits."""
        found, fragments = self.balances[name], self.counters["fragments.waiting"]
        if name == UPLOADED.name:
            return self.bounds.least <= found.rest - fragments <= self.bounds.most
        # Sessions hold payload from one minute to another: the sums of some minutes prove nothing about it.
        return bool(found.equation.rest) or found.rest == 0

    @property
    def adds_up(self) -> bool:
        """Whether all equations do, and no alarm of it is open."""
        return not self.alarms and all(self.holds(equation.name) for equation in EQUATIONS)


@dataclass(frozen=True, slots=True)
class Packets:
    """The sum of all rows, the rows, and steps of (start, uploaded, lost). `complete`: nothing was left out; `away`:
    servers that did not answer."""

    range: Range
    interval: int
    total: Row
    rows: list[Row]
    steps: list[tuple[int, int, int]]
    complete: bool = True
    away: tuple[str, ...] = ()


def lost_of(counters: Mapping[str, int]) -> int:
    """Packets of these sums that nothing can be made of any more."""
    before = sum(count for name, count in balance(CAPTURED, counters).parts.items() if name not in _NOT_LOST)
    return before + sum(counters.get(name, 0) for name in _LOST_LATER)


def packets(scope: Scope, span: Range, whisperer: Whisperer | None = None) -> Packets:
    """The packets of a closed range, in whole minutes: of all whisperers in scope, or of one by its captures."""
    if whisperer is not None:
        scope = frozenset([str(whisperer.pk)])
    since, until = (span.since or 0) // MINUTE * MINUTE, span.until or 0
    read = _Read(scope, Range(since, until), by_capture=whisperer is not None)
    read.stored()
    read.under_way()
    read.alarmed()
    rows = sorted(read.rows.values(), key=lambda row: (row.adds_up, -row.counters["packets.captured"], row.name))
    return Packets(
        read.span, read.step, _sum(rows), rows[:MAX_CAPTURES], read.line(), read.complete and len(rows) <= MAX_CAPTURES,
        tuple(read.away),
    )  # fmt: skip


def _sum(rows: list[Row]) -> Row:
    total = Row("", "All")
    for row in rows:
        total.counters.update(row.counters)
        total.captures |= row.captures
        total.under_way += row.under_way
        total.alarms += row.alarms
        total.bounds = _both(total.bounds, row.bounds)
    return total


def _both(one: Bounds, other: Bounds) -> Bounds:
    return Bounds(one.least + other.least, one.most + other.most, one.payload or other.payload)


class _Read:
    """Rows and steps while they are put together."""

    def __init__(self, scope: Scope, span: Range, *, by_capture: bool) -> None:
        self.scope, self.span, self.by_capture = scope, span, by_capture
        step = ranges.interval(span.length, STEPS)
        self.step = max(-(-step // MINUTE) * MINUTE, MINUTE)
        self.rows: dict[str, Row] = {}
        self.steps: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.complete = True
        self.away: list[str] = []
        self._seen: set[tuple[str, int]] = set()
        self._names = {str(key): name for key, name in self._whisperers().values_list("pk", "name")}

    def _whisperers(self) -> Any:
        every = Whisperer.objects.all()
        return every if self.scope is EVERYTHING else every.filter(pk__in=self.scope)

    def stored(self) -> None:
        """Add the minutes that are over."""
        if self.scope is not EVERYTHING and not self.scope:
            return
        try:
            for document in self._documents():
                at = nanoseconds(str(document["date"]))
                self._seen.add((str(document["capture"]), at // MINUTE))
                self._add(document, at, document["counters"])
        except (StoreUnavailable, TookTooLong):
            self.away.append("the document store")

    def _documents(self) -> Iterator[dict[str, Any]]:
        store, wanted = document_store(), query.parse("kind:capture", "monitoring")
        after, count = None, 0
        while True:
            page = store.search(
                "monitoring", self.scope, wanted, since=self.span.since, until=self.span.until, size=PAGE, after=after
            )
            yield from page.hits
            count, after = count + len(page.hits), page.after
            if after is None:
                return
            if count >= MAX_DOCUMENTS:
                self.complete = False
                return

    def under_way(self) -> None:
        """Add the minutes that are not over, and what waits."""
        rows = Capture.objects.filter(state=Capture.State.OPEN, whisperer__in=self._names).order_by("-opened")
        found = list(rows[: MAX_OPEN + 1])
        self.complete = self.complete and len(found) <= MAX_OPEN
        if not found:
            return
        try:
            with chunk_store().link() as link:
                standings = [(row, accounting.standing(link, row.pk)) for row in found[:MAX_OPEN]]
        except (RedisError, UnfitServerError, OSError) as error:
            log.warning("packets.redis_away", error=type(error).__name__)
            self.away.append("Redis")
            return
        for row, standing in standings:
            if standing is not None:
                self._add_standing(row, standing)

    def _add_standing(self, row: Capture, standing: accounting.Standing) -> None:
        about = {
            "whisperer": str(row.whisperer_id), "capture": row.pk, "instance": row.instance, "interface": row.interface,
        }  # fmt: skip
        for minute, counters in standing.minutes.items():
            at = minute * MINUTE
            if self._is_inside(at) and (row.pk, minute) not in self._seen:
                self._add(about, at, counters)
        known = self.rows.get(row.pk if self.by_capture else about["whisperer"])
        if known is not None and row.pk in known.captures:
            known.under_way += 1
            for minute, bounds in standing.waiting.items():
                if self._is_inside(minute * MINUTE):
                    known.bounds = _both(known.bounds, bounds)

    def _is_inside(self, at: int) -> bool:
        return (self.span.since or 0) <= at < (self.span.until or 0)

    def _add(self, about: Mapping[str, Any], at: int, counters: Mapping[str, Any]) -> None:
        whisperer, capture = str(about.get("whisperer", "")), str(about["capture"])
        numbers = {name: int(value) for name, value in counters.items()}
        row = self.rows.get(capture if self.by_capture else whisperer)
        if row is None:
            row = self._row(about, whisperer, capture)
        row.counters.update(numbers)
        row.captures.add(capture)
        step = self.steps[at // self.step * self.step]
        step[0] += numbers.get("packets.uploaded", 0)
        step[1] += lost_of(numbers)

    def _row(self, about: Mapping[str, Any], whisperer: str, capture: str) -> Row:
        if self.by_capture:
            note = " · ".join(filter(None, (str(about.get("instance", "")), str(about.get("interface", "")))))
            row = Row(capture, capture, note)
        else:
            row = Row(whisperer, self._names.get(whisperer, "deleted"))
        self.rows[row.key] = row
        return row

    def alarmed(self) -> None:
        """Add the alarms that are open: of whisperers and captures that have packets in the range."""
        try:
            found = alarms.open_alarms(self.scope)
        except (StoreUnavailable, TookTooLong):
            return
        for alarm in found:
            row = self.rows.get(alarm.capture if self.by_capture else alarm.whisperer)
            if row is not None:
                row.alarms.append(alarm)

    def line(self) -> list[tuple[int, int, int]]:
        """The steps in order; those without packets are left out."""
        return [(start, uploaded, lost) for start, (uploaded, lost) in sorted(self.steps.items())]
