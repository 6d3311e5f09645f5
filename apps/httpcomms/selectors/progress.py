"""Searches that take long: answered in slices of their time range, from the newest on.

A search is given a moment to answer as a whole. When it does not, its range is cut: a small slice at the newest end,
then the slice before it, each twice as long as the last while they are quick and a quarter of it when one is not. Each
call works for a bounded time and then says how far it came; whoever wants more calls again with that. So nothing is
kept on the server between two calls, and nothing goes on there when the person has left.
Only the order by time, newest first, can be answered so: any other needs everything before its first row.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apps.core.servers import document_store
from apps.core.words import nanoseconds
from apps.httpcomms.ranges import Range
from apps.httpcomms.requests import DEFAULT_SORT, Search, whole_number
from apps.httpcomms.selectors.search import search
from documents.fields import TIME_FIELD
from store.documents import TOTAL_BOUND, Page, Scope, TookTooLong

#: Seconds that a search has to answer as a whole, and that one call then searches in slices.
QUICK = 1.5
#: The first slice is this part of the range; a range of which not even a `_SMALLEST`th can be searched is given up.
_FIRST = 64
_SMALLEST = 65_536
#: More than any range has slices: what a call may say about the one before is kept within it.
_LARGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a search came: the whole range, the moment down to which it was searched, and the next slice's length."""

    whole: Range
    edge: int
    step: int
    rows: int = 0  # that were given
    total: int = 0  # that were found
    full: bool = False  # a page of rows was given

    @property
    def since(self) -> int:
        """The range's beginning."""
        return self.whole.since or 0

    @property
    def until(self) -> int:
        """The range's end."""
        return self.whole.until or 0

    @property
    def done(self) -> bool:
        """Whether everything was searched that has to be: all of it, or as much as is counted at all."""
        return self.edge <= self.since or (self.full and self.total >= TOTAL_BOUND)

    @property
    def whole_range(self) -> bool:
        """Whether the whole range was searched."""
        return self.edge <= self.since

    @property
    def share(self) -> float:
        """The part of the range that was searched, 0 to 1."""
        return (self.until - self.edge) / max(self.until - self.since, 1)

    def parameters(self) -> dict[str, str]:
        """As an address carries it."""
        numbers = (self.since, self.until, self.edge, self.step, self.rows, self.total, int(self.full))
        return dict(zip(_PARAMETERS, map(str, numbers), strict=True))


_PARAMETERS = ("since", "until", "edge", "step", "rows", "total", "full")


@dataclass(frozen=True, slots=True)
class Slices:
    """What a call found: the next hits, how far it came, and the cursor of the pages after them once a page is full."""

    reached: Reached
    hits: list[dict[str, Any]] = field(default_factory=list)
    after: str | None = None

    @property
    def page(self) -> Page:
        """As a page of the whole search."""
        reached = self.reached
        at_least = not reached.whole_range or reached.total >= TOTAL_BOUND
        return Page(self.hits, self.after, reached.total, at_least)


def begin(scope: Scope, wanted: Search, now: int, seconds: float = QUICK) -> Page | Slices:
    """The first page if it is found quickly, else what the newest slices have. TookTooLong when neither can be."""
    try:
        return search(scope, wanted, seconds=seconds)
    except TookTooLong:
        if wanted.sort != DEFAULT_SORT or wanted.after is not None:
            raise
    whole = _closed(scope, wanted, now)
    step = max((whole.length or 1) // _FIRST, 1)
    return go_on(scope, wanted, Reached(whole, whole.until or 0, step), seconds)


def go_on(scope: Scope, wanted: Search, reached: Reached, seconds: float = QUICK) -> Slices:
    """Search on for so many seconds. TookTooLong when not even a small slice can be searched in that time."""
    end = time.monotonic() + seconds
    hits: list[dict[str, Any]] = []
    after = None
    while not reached.done and (left := end - time.monotonic()) > 0:
        since = max(reached.edge - reached.step, reached.since)
        size = 1 if reached.full else max(wanted.size - reached.rows, 1)
        part = replace(wanted, range=Range(since, reached.edge), size=size, after=None)
        began = time.monotonic()
        try:
            page = search(scope, part, seconds=left)
        except TookTooLong:
            if left < seconds / 2 and reached.step > 1:
                break  # it had too little time: the next call begins with it
            reached = replace(reached, step=max(reached.step // 4, 1))
            if reached.step <= (reached.until - reached.since) // _SMALLEST:
                raise
            break
        rows = reached.rows
        if not reached.full:
            hits += page.hits
            rows += len(page.hits)
            after = page.end if rows >= wanted.size else None
        quick = time.monotonic() - began < seconds / 4
        reached = replace(
            reached,
            edge=since,
            step=min(reached.step * 2, _LARGEST) if quick else reached.step,
            rows=rows,
            total=min(reached.total + page.total, TOTAL_BOUND),
            full=reached.full or after is not None,
        )
    return Slices(reached, hits, after)


def read(parameters: Mapping[str, str]) -> Reached:
    """How far a search came, as `Reached.parameters` wrote it. ApplicationError for anything else."""
    since, until, edge, step, rows, total, full = (_number(parameters, name) for name in _PARAMETERS)
    since = min(since, until)
    edge = min(max(edge, since), until)
    return Reached(Range(since, until), edge, max(step, 1), rows, min(total, TOTAL_BOUND), bool(full))


def _number(parameters: Mapping[str, str], name: str) -> int:
    return whole_number(parameters, name, 0, 0, _LARGEST - 1)


def _closed(scope: Scope, wanted: Search, now: int) -> Range:
    """The range with both ends; an open beginning is the oldest document's, whatever the query: a quick look."""
    asked = wanted.range
    until = asked.until if asked.until is not None else now + 1
    since = asked.since
    if since is None:
        oldest = document_store().search(
            wanted.resource, scope, None, until=until, sort=TIME_FIELD, size=1, seconds=QUICK
        )
        since = nanoseconds(oldest.hits[0][TIME_FIELD]) if oldest.hits else until - 1
    return Range(since, max(until, since + 1))
