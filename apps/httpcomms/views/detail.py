"""One communication: in the panel beside the result, or on a page of its own, and what there is around it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.core.links import range_url
from apps.core.words import SECOND, nanoseconds, rfc3339
from apps.httpcomms import bodyviews, clauses, evidence, panel, preferences, present, screen, selectors
from apps.httpcomms.explain import anomalies, cookies, credentials, headers
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors import related
from apps.httpcomms.views.parts import part, read_screen
from apps.whisperers.rights import may_read_packets, scope_for, visible_whisperers

TABS = [(name, "TCP" if name == "tcp" else name.capitalize()) for name in screen.TABS]
#: Links of a communication on a page of its own lead to what happened so long before and after it.
AROUND = 15 * 60 * SECOND


@part
def communication(request: HttpRequest, id: str) -> HttpResponse:
    """One communication: in the panel beside the grid, or on a page of its own."""
    document = selectors.get(scope_for(request.user), id)
    names = {str(w.pk): w.name for w in visible_whisperers(request.user)}
    parsing = document.get("parsing") or {}
    context = {
        "screen": _screen(request, document),
        "comm": document,
        "row": present.row(document),
        "reason": present.reason(document),
        "first_line": present.first_line(document),
        "timing": present.timing(document),
        "parsing_words": present.PARSING.get(parsing.get("status", ""), parsing.get("status", "")),
        "oddities": anomalies.explain(document),
        "origin_source": present.origin_source(document),
        "tags": present.values((document.get("stats") or {}).get("tags")),
        "whisperer": names.get(document.get("whisperer", ""), document.get("whisperer", "")),
        "req": _message(document, "req"),
        "res": _message(document, "res"),
        "credentials": credentials.explain(document, nanoseconds(document["date"]), timezone.get_current_timezone()),
        "body_side": present.told_body(document),
        "tab_words": TABS,
        "may_packets": may_read_packets(request.user, document["whisperer"]),
        "kept": preferences.preference(request.user, panel.NAME, {}),
    }
    name = "httpcomms/detail.html" if request.htmx else "httpcomms/communication.html"
    return render(request, name, context)


def _screen(request: HttpRequest, document: dict[str, Any]) -> Screen:
    """The search that it belongs to; on a page of its own, opened by its address alone, the time around it."""
    if any(name in request.GET for name in ("q", "from", "to")):
        return read_screen(request)
    at = nanoseconds(document["date"]) // SECOND * SECOND
    given = {"from": rfc3339(at - AROUND), "to": rfc3339(at + AROUND), "tab": request.GET.get("tab", "")}
    return screen.read(given, timezone.get_current_timezone())


def _message(document: dict[str, Any], side: str) -> dict[str, Any] | None:
    """A request or a response as its tab shows it; None where it was not seen."""
    message = document.get(side)
    if not message:
        return None
    moment = nanoseconds(message.get("date") or document["date"])
    found = headers.lines(message, "headers", side, moment)
    return {
        "side": side,
        "message": message,
        "line": present.request_line(document) if side == "req" else present.status_line(document),
        "headers": found,
        "trailers": headers.lines(message, "trailers", side, moment),
        "cookies": cookies.sent(message) if side == "req" else cookies.received(message, moment),
        "masked": sum(line.masked for line in found),
        "params": present.values(message.get("params")),
        "written": bodyviews.pairs(str(message.get("query") or "")),
        "interim": [
            {"status": one.get("status"), "reason": one.get("reason", ""), "date": one.get("date"),
             "headers": headers.lines(one, "headers", "res.interim", moment)}
            for one in message.get("interim") or []
        ],
    }  # fmt: skip


@part
def around(request: HttpRequest, id: str) -> HttpResponse:
    """What the General tab says of others: how it compares, what is linked with it, its place in the TCP session."""
    scope = scope_for(request.user)
    document = selectors.get(scope, id)
    context = {
        "comm": document,
        "screen": _screen(request, document),
        "comparison": related.comparison(scope, document),
        "links": related.links(scope, document),
        "place": related.place(scope, document, related.session(scope, document)),
    }
    return render(request, "httpcomms/around.html", context)


@part
def tcp_session(request: HttpRequest, id: str) -> HttpResponse:
    """The TCP session that carried a communication, and its other communications in their order."""
    scope = scope_for(request.user)
    document = selectors.get(scope, id)
    session = evidence.session(scope, document.get("tcpSession", ""))
    codes = (session.get("parsing") or {}).get("anomalies") or []
    query = clauses.condition("tcpSession", session["id"]).text
    place = related.place(scope, document, session)
    context = {
        "comm": document,
        "session": session,
        "oddities": [anomalies.oddity(str(code)) for code in codes],
        "all_url": range_url(query, nanoseconds(session["date"]), nanoseconds(session["lastDate"])),
        "place": place,
        "rows": [present.row(hit) for hit in place.listed],
        "connect_ms": present.connected_in(session),
        "may_packets": may_read_packets(request.user, document["whisperer"]),
        "screen": _screen(request, document),
    }
    return render(request, "httpcomms/tcp.html", context)
