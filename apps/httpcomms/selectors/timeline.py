"""Communications over time, parted by the values of a field.

A field may have any number of values: only the most frequent ones of the whole range are told apart, the rest of a step
is what its total says more. A document with several values is counted for each of them.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.words import nanoseconds
from apps.httpcomms import ranges
from apps.httpcomms.ranges import Range
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.base import RESOURCE
from documents import query
from documents.ast import And, Node, Not
from documents.fields import TIME_FIELD, find, suggest
from store.documents import Bucket, Metric, Scope

MAX_BUCKETS = 400
STATUS_CLASS = "stats.statusClass"
#: What a timeline is parted by where nothing else is asked for.
USUAL = {"httpcomms": STATUS_CLASS, "tcpsessions": "end"}
#: Values with a colour of their own.
MAX_VALUES = 8
#: A field of documents' JSON may have to be read out of each: longer than this nobody waits for colours.
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Timeline:
    """Documents by time and value; steps without any are left out.

    `values` are the most frequent ones with their numbers of documents, most frequent first. `missing` says how many of
    a step's documents have no value, by the step's start; what is in neither has another value.
    """

    range: Range
    interval: int
    buckets: list[Bucket]
    by: str = STATUS_CLASS
    values: tuple[tuple[str, int], ...] = ()
    missing: dict[int, int] | None = None


def closed_range(scope: Scope, wanted: Search, now: int) -> Range:
    """The range with both ends, as a timeline needs: an open one is taken from the oldest and newest hit."""
    since, until = wanted.range.since, wanted.range.until
    if since is None:
        since = _oldest(scope, wanted, until or now)
    if until is None:
        until = max(now, since + 1)
    return Range(since, until)


def _oldest(scope: Scope, wanted: Search, fallback: int) -> int:
    store = document_store()
    page = store.search(wanted.resource, scope, wanted.node, until=wanted.range.until, sort=TIME_FIELD, size=1)
    return nanoseconds(page.hits[0][TIME_FIELD]) if page.hits else fallback - 1


def whole_range(scope: Scope, node: Node | None, resource: str = RESOURCE) -> Range | None:
    """From the first to the last document that a query finds, both of them in it; None where there is none."""
    store = document_store()
    ends = [store.search(resource, scope, node, sort=sort, size=1).hits for sort in (TIME_FIELD, f"-{TIME_FIELD}")]
    if not all(ends):
        return None
    first, last = (nanoseconds(hits[0][TIME_FIELD]) for hits in ends)
    return Range(first, last + 1)


def field_of(name: str, resource: str = RESOURCE) -> str:
    """The name of a field that a timeline can be parted by. ApplicationError for any other."""
    found = find(resource, name)
    if found is None:
        near = suggest(resource, name)
        hint = f" Is it {near}?" if near else ""
        raise ApplicationError(f"There is no field {name}.{hint}", code="invalid", field="by")
    field, key = found
    if field.type in ("text", "date") or (field.type == "flattened" and not key):
        hint = f": name one of its keys, as {name}.order" if field.type == "flattened" else ""
        message = f"The values of {name} cannot be counted{hint}."
        raise ApplicationError(message, code="invalid", field="by")
    return name


def timeline(scope: Scope, wanted: Search, span: Range, buckets: int, by: str = STATUS_CLASS) -> Timeline:
    """Communications by time and by the values of a field over a closed range."""
    field_of(by, wanted.resource)
    step = ranges.interval(span.length, buckets)
    if by == STATUS_CLASS:
        found = _steps(scope, wanted, span, step, by)
        return Timeline(span, step, found, by, _sums(found))
    return _parted(scope, wanted, span, step, by)


def _parted(scope: Scope, wanted: Search, span: Range, step: int, by: str) -> Timeline:
    totals = _steps(scope, wanted, span, step)
    # One group more than there are colours: the documents without a value may be one of them.
    found = document_store().figures(
        wanted.resource, scope, wanted.node, [Metric("count")], by=[by], since=span.since, until=span.until,
        interval=step, size=MAX_VALUES + 1, seconds=SECONDS,
    )  # fmt: skip
    sums, counts, missing = Counter[str](), defaultdict[int, dict[str, int]](dict), dict[int, int]()
    for group in found.groups:
        (value,), start = group.values, group.start or 0
        if value is None:
            missing[start] = group.documents
        else:
            counts[start][value] = group.documents
            sums[value] += group.documents
    if not missing and found.more:
        without = Not(query.parse(f"_exists_:{by}", wanted.resource))
        absent = replace(wanted, node=_both(wanted.node, without))
        missing = {bucket.start: bucket.total for bucket in _steps(scope, absent, span, step)}
    values = sorted(sums.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]
    chosen = {value for value, _ in values}
    buckets = [
        Bucket(one.start, one.total, {value: n for value, n in counts[one.start].items() if value in chosen})
        for one in totals
    ]
    return Timeline(span, step, buckets, by, tuple(values), missing)


def _both(first: Node | None, second: Node) -> Node:
    return second if first is None else And((first, second))


def _steps(scope: Scope, wanted: Search, span: Range, step: int, by: str | None = None) -> list[Bucket]:
    return document_store().histogram(
        wanted.resource, scope, wanted.node, since=span.since or 0, until=span.until or 0, interval=step, by=by
    )


def _sums(buckets: list[Bucket]) -> tuple[tuple[str, int], ...]:
    sums: dict[str, int] = {}
    for bucket in buckets:
        for value, count in bucket.counts.items():
            sums[value] = sums.get(value, 0) + count
    return tuple(sorted(sums.items(), key=lambda item: (-item[1], item[0])))
