"""The search page: the query, the time, and a result in the view that the address names. htmx gets the part it asked
for, a browser the page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core.errors import TOOK_TOO_LONG, ApplicationError, Away, away_of
from apps.httpcomms import screen
from apps.httpcomms.exports.registry import FORMATS
from apps.httpcomms.ranges import PRESETS
from apps.httpcomms.screen import Screen
from apps.httpcomms.views import grid, packet_grid, sequence, sessions, statistics, time, waterfall
from apps.httpcomms.views import map as map_view
from apps.httpcomms.views.parts import read_screen
from documents.query import QueryError
from store.documents import BadRequest, StoreUnavailable, TookTooLong


@dataclass(frozen=True, slots=True)
class ResultView:
    """A way to show a result: the words and icon of its tab, its template, and what makes the template's context.

    The context has `found` (a `Found`) beside what the template itself needs. The template's first element may name a
    module in `data-module`, which then draws into it.
    """

    words: str
    icon: str
    template: str
    result: Callable[[HttpRequest, Screen], dict[str, Any]]


#: What search.js imports, named so that a browser fetches all of it at once instead of import by import. Imports are by
#: the files' own names, not by those of their content, so these are too: no module is fetched under two names.
MODULES = (
    "core/chart.js",
    "core/keys.js",
    "core/site.js",
    *(
        f"httpcomms/{name}.js"
        for name in ("page", "query", "paint", "time", "timeline", "facets", "rows", "detail", "views", "help")
    ),
    *(f"httpcomms/{name}.js" for name in ("grip", "tip", "legend", "quality", "passed", "picker", "live")),
    *(f"httpcomms/{name}.js" for name in ("pages", "columns", "choose", "selection", "progress")),
    *(f"httpcomms/{name}.js" for name in ("texts", "complete", "history", "calls", "saving", "saved")),
    "httpcomms/values.js",
    "httpcomms/export.js",
    "httpcomms/pinning.js",
    *(f"httpcomms/{name}.js" for name in ("body", "copy", "hex", "packets", "panel")),
)

#: By their name in the address, in the order of the tabs.
VIEWS: dict[str, ResultView] = {
    "grid": ResultView("Grid", "grid", "httpcomms/list.html", grid.result),
    "map": ResultView("Map", "map", "httpcomms/map.html", map_view.result),
    "sequence": ResultView("Sequence", "sequence", "httpcomms/sequence.html", sequence.result),
    "waterfall": ResultView("Waterfall", "waterfall", "httpcomms/waterfall.html", waterfall.result),
    "statistics": ResultView("Statistics", "statistics", "httpcomms/statistics.html", statistics.result),
}
#: The other pages with a query: each shows one kind of thing in one way.
SESSIONS = {"grid": ResultView("Grid", "grid", "httpcomms/sessions.html", sessions.result)}
PACKETS = {"grid": ResultView("Grid", "grid", "httpcomms/packet_list.html", packet_grid.result)}


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page with a query and a range: its title, what its results are called, an example query, its views."""

    title: str
    noun: str
    example: str
    views: dict[str, ResultView]


#: By the name of the page's address, in the order of the top bar.
PAGES = {
    "search": SearchPage("HTTP", "communication", "req.method:POST AND stats.statusCode:>=500", VIEWS),
    "tcp": SearchPage("TCP", "TCP session", "server.port:8080 AND client.gaps:>0", SESSIONS),
    "packets": SearchPage("Packets", "packet", "server.name:orders – packets of the TCP sessions that fit", PACKETS),
}


@require_safe
def search_page(request: HttpRequest, page: str = "search") -> HttpResponse:
    """The whole page, or its result alone for htmx. A refused query leaves the result before where it is."""
    try:
        state = read_screen(request, page)
        if "change" in request.GET and not request.htmx:
            return redirect(state.address)  # the address says what is shown, not what was clicked
        context = _context(state) | _result(request, state)
    except (QueryError, ApplicationError, BadRequest) as error:
        return _refused(request, page, error)
    except StoreUnavailable as error:
        return _away(request, page, away_of(error))
    if request.htmx:
        response = render(request, "httpcomms/answer.html", context)
        response["HX-Push-Url"] = state.address
        return response
    return render(request, "httpcomms/search.html", context)


def _result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """What the view shows; when it takes too long, that, and what to do, in its place."""
    try:
        return _view(state).result(request, state)
    except TookTooLong:
        view = replace(_view(state), template="httpcomms/late.html")
        return {"view": view, "late": TOOK_TOO_LONG, "by_time": state.url(sort=None), "address": state.address}


def _view(state: Screen) -> ResultView:
    views = PAGES[state.page].views
    return views.get(state.view, views["grid"])


def _context(state: Screen) -> dict[str, Any]:
    """What the page has around a result, whatever the view."""
    tabs = [(name, one, state.view_url(name)) for name, one in PAGES[state.page].views.items()]
    return _around(state) | {"q": state.search.q, "view": _view(state), "view_tabs": tabs}


def _around(state: Screen) -> dict[str, Any]:
    """What the page needs even where there is no result."""
    pages = [(name, one, state.elsewhere(name)) for name, one in PAGES.items()]
    page = {"screen": state, "presets": PRESETS, "modules": MODULES, "export_formats": FORMATS.values()}
    return page | {"page_kind": PAGES[state.page], "pages": pages} | time.context(state)


def _refused(request: HttpRequest, page: str, error: Exception) -> HttpResponse:
    """Where and why the request was refused."""
    field = "q" if isinstance(error, QueryError) else getattr(error, "field", None)
    position = error.position if isinstance(error, QueryError) else None
    context = {
        "refused": {
            "message": getattr(error, "message", str(error)),
            "field": field,
            "query": request.GET.get("q", ""),
            "position": position,
            "column": position + 1 if position is not None else None,
            "caret": " " * (position or 0) + "^",
        },
        "q": request.GET.get("q", ""),
    }
    if request.htmx:
        response = render(request, "httpcomms/refused.html", context)
        # The result before stays on the page, greyed: only the note is put in.
        response["HX-Retarget"] = "#ask-note"
        response["HX-Reswap"] = "innerHTML"
        response["HX-Push-Url"] = "false"
        response["HX-Trigger-After-Swap"] = "spider:refused"
        return response
    context |= _around(_without_query(request, page, field))
    return render(request, "httpcomms/search.html", context, status=400)


def _without_query(request: HttpRequest, page: str, field: str | None = None) -> Screen:
    """The range and sort of a request whose query, or option `field`, was refused, so that the mended one is asked of
    the same; the usual ones where they cannot be read either."""
    given, zone = request.GET.dict(), timezone.get_current_timezone()
    given.pop("q", None)
    if field in screen.OPTIONS:
        given.pop(field)
    try:
        return screen.read(given, zone, page)
    except (ApplicationError, BadRequest):
        return screen.read({}, zone, page)


def _away(request: HttpRequest, page: str, away: Away) -> HttpResponse:
    """The store does not answer. htmx puts in what comes with 200 alone; a browser is told the truth in the status."""
    context = {"away": away, "address": request.get_full_path(), "q": request.GET.get("q", "")}
    if request.htmx:
        return render(request, "httpcomms/away.html", context)
    context |= _around(screen.read({}, timezone.get_current_timezone(), page))
    response = render(request, "httpcomms/search.html", context, status=503)
    response["Retry-After"] = str(away.wait)
    return response
