"""Communications for exports: all of a search or those that were chosen, in the order of time, page by page.

Nothing stays open between two pages, so a slow download holds no cursor and no transaction of the store. The range's
end is fixed before the first page: an export ends however much arrives meanwhile.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from apps.core.servers import document_store
from apps.httpcomms.ranges import Range
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.base import RESOURCE
from documents.ast import Equals, Node, Or
from documents.fields import TIME_FIELD, fields
from store.documents import EVERYTHING, Page, Scope

#: Documents in memory at once, and ids in one question.
PAGE = 500


def in_order(scope: Scope, wanted: Search, ids: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """Every communication of the search, or those that were chosen, the earliest first."""
    if not ids:
        yield from _pages(scope, wanted.node, wanted.range)
    elif len(ids) <= PAGE:
        yield from _pages(scope, one_of(ids), wanted.range)
    else:
        # Ids are of no order: their times are asked for first, so that no more than a page is in memory then.
        found = (hit for part in parts(ids) for hit in _pages(scope, one_of(part), wanted.range))
        times = [(hit[TIME_FIELD], hit["id"]) for hit in found]
        for part in parts([id for _, id in sorted(times)]):
            yield from _pages(scope, one_of(part), wanted.range)


def some(scope: Scope, wanted: Search, ids: Sequence[str], size: int) -> list[dict[str, Any]]:
    """A few of the earliest and of the latest, to tell from them what all are like."""
    node = one_of(ids[:PAGE]) if ids else wanted.node
    found = {}
    for sort in (TIME_FIELD, "-" + TIME_FIELD):
        found |= {hit["id"]: hit for hit in _page(scope, node, wanted.range, sort, size).hits}
    return list(found.values())


def count(scope: Scope, wanted: Search, ids: Sequence[str] = ()) -> int:
    """How many there are, exactly."""
    nodes = [one_of(part) for part in parts(ids)] if ids else [wanted.node]
    span = wanted.range
    return sum(document_store().count(RESOURCE, scope, node, since=span.since, until=span.until) for node in nodes)


def both(one: Scope, other: Scope) -> Scope:
    """What is in both scopes."""
    if one is EVERYTHING:
        return other
    return one if other is EVERYTHING else one & other


def _pages(scope: Scope, node: Node | None, span: Range) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        page = _page(scope, node, span, TIME_FIELD, PAGE, after)
        yield from page.hits
        after = page.after
        if after is None:
            return


def _page(scope: Scope, node: Node | None, span: Range, sort: str, size: int, after: str | None = None) -> Page:
    return document_store().search(
        RESOURCE, scope, node, since=span.since, until=span.until, sort=sort, size=size, after=after
    )


def one_of(ids: Sequence[str], name: str = "id", resource: str = RESOURCE) -> Node:
    """The query of some documents by their ids, or by a field that names others."""
    field = fields(resource)[name]
    return Or(tuple(Equals(field, None, id) for id in ids))


def parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids as many as one question takes."""
    return (ids[first : first + PAGE] for first in range(0, len(ids), PAGE))
