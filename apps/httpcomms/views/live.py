"""Live mode: the rows that came since the page last asked, and how many communications there are now.

A communication is stored when it is complete but stands at the time of its first byte, so one that took long comes
late, below rows that are shown already: the page asks for some time before the newest row it has and drops, by id and
version, what it knows. Rows that still wait for their response are asked for by their ids.
"""

from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import words
from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, requests, selectors
from apps.httpcomms.ranges import LAST, Range
from apps.httpcomms.screen import Screen
from apps.httpcomms.views import grid
from apps.httpcomms.views.parts import read_screen
from apps.httpcomms.views.time import answered
from apps.whisperers.rights import scope_for
from store.documents import Page, Scope

#: How long before the newest row to look for late ones; answers that take longer are found by the next search.
OVERLAP: Final = 60 * words.SECOND
#: Rows asked for by their ids, at most, and characters of an id.
MAX_PENDING, MAX_ID = 20, 200


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """What is new, as rows of the grid with their versions, and the totals."""
    return answered(request, _live)


def _live(request: HttpRequest) -> dict[str, Any]:
    state, scope = read_screen(request), scope_for(request.user)
    newest = _newest(request.GET.get("newest", ""))
    wanted, span = replace(state.search, sort=requests.DEFAULT_SORT, after=None), state.search.range
    since = max(newest - OVERLAP, span.since or 0) if newest is not None else span.since
    everything = selectors.search(scope, replace(wanted, size=1))
    fresh = selectors.search(scope, replace(wanted, size=grid.ROWS, range=Range(since, span.until)))
    after = Range((newest or 0) + 1, None)
    came = selectors.search(scope, replace(wanted, size=1, range=after)).total if newest is not None else 0
    pending = _pending(scope, state, request.GET.get("pending", ""))
    return {
        "total": everything.total,
        "atLeast": everything.at_least,
        "newest": str(words.nanoseconds(everything.hits[0]["date"])) if everything.hits else None,
        "came": came,
        "rows": grid.drawn(request, state, fresh) if fresh.hits else "",
        "full": len(fresh.hits) == grid.ROWS,
        "done": grid.drawn(request, state, pending) if pending.hits else "",
        "versions": {hit["id"]: hit["version"] for hit in (*pending.hits, *fresh.hits)},
    }


def _newest(text: str) -> int | None:
    """The time of the newest row shown, as nanoseconds; a number that JavaScript cannot hold travels as text."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > LAST:
        raise ApplicationError("Give nanoseconds since the epoch.", code="invalid", field="newest")
    return int(text)


def _pending(scope: Scope, state: Screen, text: str) -> Page:
    """The communications with these ids, whatever the query: a row that is shown may fit no longer."""
    ids = [id for id in text.split(",") if id][:MAX_PENDING]
    if not ids:
        return Page([], None, 0)
    if any(len(id) > MAX_ID for id in ids):
        raise ApplicationError("These are no ids of communications.", code="invalid", field="pending")
    query = " OR ".join(f"id:{clauses.quote(id)}" for id in ids)
    found = replace(state.search, q=query, node=requests.parse(query), sort=requests.DEFAULT_SORT, after=None)
    return replace(selectors.search(scope, replace(found, size=MAX_PENDING)), after=None)
