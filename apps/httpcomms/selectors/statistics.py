"""Statistics of a result: figures of groups, over the whole range and in steps of it.

Three questions to the store: the figures of each group, how many of its communications failed, and both over time for
the lines of the chart. Only the largest groups are asked about, so an answer is bounded whatever the fields hold.
"""

from dataclasses import dataclass, field
from functools import partial

from apps.core.servers import document_store
from apps.httpcomms import ranges
from apps.httpcomms.ranges import Range
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.base import RESOURCE
from apps.httpcomms.statistics import Choice
from documents import query
from documents.ast import And, Everything
from store.documents import Group, Metric, Scope
from store.documents.questions import MAX_GROUPS

#: Lines of the table, at most.
MAX_LINES = 100
#: Steps over the range: enough for a curve, few enough to read each.
STEPS = 60
#: Communications that did not do what they were asked for: 4xx, 5xx, or no response.
NOT_GOOD = query.parse("NOT stats.statusClass:(1xx OR 2xx OR 3xx)")

#: What every line tells beside the metric that was chosen.
USUAL = (
    Metric("p50", "stats.duration"),
    Metric("p95", "stats.duration"),
    Metric("p99", "stats.duration"),
    Metric("avg", "res.size"),
)

Key = tuple[str | None, ...]


@dataclass(slots=True)
class Line:
    """One group. Durations in ms, size in bytes, None where no document has one; `steps` are (start, calls, figure)."""

    values: Key
    calls: int
    figure: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    size: float | None
    failed: int = 0
    steps: list[tuple[int, int, float | None]] = field(default_factory=list)

    @property
    def failed_share(self) -> float:
        """Of its calls, those without a good answer: 4xx, 5xx or none."""
        return self.failed / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """Lines, largest first; `interval` in ns where steps were asked for; `more` when some groups are not listed."""

    range: Range
    interval: int
    total: int
    lines: list[Line]
    more: bool


def statistics(scope: Scope, wanted: Search, choice: Choice, span: Range) -> Statistics:
    """The statistics over a closed range."""
    store = document_store()
    ask = partial(store.figures, RESOURCE, scope, wanted.node, since=span.since, until=span.until)
    found = ask((choice.figure, *USUAL), by=choice.groups, size=MAX_LINES)
    lines = {group.values: _line(group) for group in found.groups}
    failed = wanted.node if wanted.node is not None else Everything()
    bad = partial(store.figures, RESOURCE, scope, And((failed, NOT_GOOD)), since=span.since, until=span.until)
    for group in bad((Metric("count"),), by=choice.groups, size=MAX_GROUPS).groups:
        line = lines.get(group.values)
        if line is not None:
            line.failed = group.documents
    interval = ranges.interval(span.length, STEPS) if choice.per_interval else 0
    if interval:
        for group in ask((choice.figure,), by=choice.groups, interval=interval, size=MAX_LINES).groups:
            line = lines.get(group.values)
            if line is not None and group.start is not None:
                line.steps.append((group.start, group.documents, group.figures[0]))
    total = store.count(RESOURCE, scope, wanted.node, since=span.since, until=span.until)
    return Statistics(span, interval, total, list(lines.values()), found.more)


def _line(group: Group) -> Line:
    figure, p50, p95, p99, size = group.figures
    return Line(group.values, group.documents, figure, p50, p95, p99, size)
