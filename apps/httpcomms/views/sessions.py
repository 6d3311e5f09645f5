"""TCP sessions as a grid, and one of them beside it: how it went, what it carried, its packets."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.core.errors import TOOK_TOO_LONG, ApplicationError, store_words
from apps.core.links import range_url
from apps.core.words import nanoseconds
from apps.httpcomms import clauses, evidence, present, selectors
from apps.httpcomms.explain import anomalies
from apps.httpcomms.packetlist import SessionPackets
from apps.httpcomms.requests import whole_number
from apps.httpcomms.screen import Screen
from apps.httpcomms.views.grid import sized
from apps.httpcomms.views.packets import PACKETS_SHOWN, dissected
from apps.httpcomms.views.parts import Found, part, read_screen
from apps.whisperers.rights import may_read_packets, packet_scope, scope_for, visible_whisperers
from documents.query import QueryError
from store.documents import BadCursor, BadRequest, StoreUnavailable, TookTooLong

#: How a session ended, in words.
ENDS = {
    "fin": "both finished",
    "rst": "broken off",
    "idle": "went silent",
    "reused": "ports used again",
    "memory": "given up: too many open",
    "end": "capture ended",
}


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The first page of sessions; where there is none, why."""
    scope = scope_for(request.user)
    started = time.perf_counter()
    page = selectors.search(scope, sized(state))
    took = (time.perf_counter() - started) * 1000
    context: dict[str, Any] = {"page": page, "rows": [row(hit) for hit in page.hits]}
    context["found"] = Found(page.total, page.at_least, took)
    if not page.hits:
        context["why"] = selectors.explain(scope, state.search)
        context["sees_nothing"] = scope == frozenset()
    return context


@require_safe
def rows(request: HttpRequest) -> HttpResponse:
    """The next sessions; a failure is a row too, with a way to try again."""
    try:
        state = read_screen(request, "tcp")
        page = selectors.search(scope_for(request.user), sized(state, request.GET.get("after")))
    except (QueryError, ApplicationError, BadRequest, BadCursor, StoreUnavailable, TookTooLong) as error:
        text = store_words(error) if isinstance(error, StoreUnavailable) else str(error)
        text = TOOK_TOO_LONG if isinstance(error, TookTooLong) else text
        return render(request, "httpcomms/rows_failed.html", {"text": text, "again": request.get_full_path()})
    context = {"screen": state, "page": page, "rows": [row(hit) for hit in page.hits]}
    return render(request, "httpcomms/session_rows.html", context)


def row(session: dict[str, Any]) -> dict[str, Any]:
    """A session as a line: both directions together, and what was odd in words."""
    client, server = session["client"], session["server"]
    lost = (client.get("gapBytes") or 0) + (server.get("gapBytes") or 0)
    odd = [present.anomaly(code) for code in (session.get("parsing") or {}).get("anomalies") or []]
    state = session.get("state", "")
    return {
        "session": session,
        "duration": (nanoseconds(session["lastDate"]) - nanoseconds(session["date"])) / 1e6,
        "state": state if state == "open" else ENDS.get(session.get("end", ""), state),
        "broken": session.get("end") == "rst",
        "packets": client["packets"] + server["packets"],
        "lost": lost,
        "odd": " ".join(odd),
        "failed": bool(lost),
    }


@part
def session(request: HttpRequest, id: str) -> HttpResponse:
    """One session: in the panel beside the grid, or on a page of its own. `id~7` opens it at its seventh packet."""
    scope = scope_for(request.user)
    id, _, number = id.partition("~")
    document = evidence.session(scope, id)
    names = {str(w.pk): w.name for w in visible_whisperers(request.user)}
    query = clauses.condition("tcpSession", document["id"]).text
    first, last = nanoseconds(document["date"]), nanoseconds(document["lastDate"])
    context = {
        "screen": read_screen(request, "tcp"),
        "session": document,
        "row": row(document),
        "number": number if number.isdecimal() else "",
        "oddities": [anomalies.oddity(str(code)) for code in (document.get("parsing") or {}).get("anomalies") or []],
        "connect_ms": present.connected_in(document),
        "all_url": range_url(query, first, last),
        "whisperer": names.get(document["whisperer"], document["whisperer"]),
        "may_packets": may_read_packets(request.user, document["whisperer"]),
    }
    return render(request, "httpcomms/session.html" if request.htmx else "httpcomms/session_page.html", context)


@part
def session_packets(request: HttpRequest, id: str) -> HttpResponse:
    """The packets of one session, all of them its own."""
    document = evidence.session(scope_for(request.user), id)
    scope = packet_scope(request.user, document["whisperer"])
    found, at = SessionPackets(scope, document), request.GET.get("at", "")
    if at:
        moment = found.frame(whole_number(request.GET, "at", 1, 1, 999_999_999)).packet.time
        listed, marked = found.around(moment, moment, PACKETS_SHOWN), (moment, moment)
    else:
        listed, marked = found.first(PACKETS_SHOWN), (1, 0)
    context = {"listed": listed, "first": marked[0], "last": marked[1], "session": document, "at": at}
    context["packets_url"] = reverse("tcp-session-packets", args=[id])
    return render(request, "httpcomms/packets.html", context)


@part
def session_packet(request: HttpRequest, id: str, number: int) -> HttpResponse:
    """One packet of a session: its layers beside its bytes."""
    document = evidence.session(scope_for(request.user), id)
    return dissected(request, packet_scope(request.user, document["whisperer"]), document, number)
