"""The page that removes a query or a time range of what a whisperer captured: asked, counted, confirmed, followed."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import ApplicationError, refusal_words
from apps.httpcomms import purges
from apps.httpcomms.models import Purge
from apps.whisperers.models import Whisperer
from apps.whisperers.views.base import frame, screen, typed, whisperer_for
from documents.query import QueryError
from store.documents import BadRequest, StoreUnavailable, TookTooLong

LISTED = 20
TITLES = {
    "communications": "Communications",
    "sessions": "TCP sessions",
    "bodies": "Bodies",
    "packets": "Packets",
}
#: What is counted: by time, and by a query.
_UNITS = {
    "communications": ("communications", "communications"),
    "sessions": ("TCP sessions", "TCP sessions"),
    "bodies": ("blocks of bodies", "communications with bodies"),
    "packets": ("blocks of packets", "TCP sessions with packets"),
}


@screen
@require_safe
def purges_page(request: HttpRequest, id: UUID) -> HttpResponse:
    """What was removed, and the form; with something to remove in the address, how much it is."""
    whisperer = whisperer_for(request, id, "purge")
    context = frame(request, whisperer, "") | _asked(request, whisperer) | _listed(whisperer)
    return render(request, "httpcomms/purges.html", context, status=400 if context.get("problem") else 200)


@screen
@require_safe
def purges_part(request: HttpRequest, id: UUID) -> HttpResponse:
    """The list alone, again and again."""
    whisperer = whisperer_for(request, id, "purge")
    return render(request, "httpcomms/purges_list.html", {"whisperer": whisperer} | _listed(whisperer))


@screen
@require_POST
def purge_action(request: HttpRequest, id: UUID) -> HttpResponse:
    """Begin one, if the name was typed."""
    whisperer = whisperer_for(request, id, "purge")
    typed(request, whisperer)
    try:
        asked = purges.read(request.user, whisperer, request.POST, request.POST.getlist("what"))
        purges.purge_start(asked=asked, planned=purges.purge_plan(asked), actor=request.user)
    except (QueryError, BadRequest, StoreUnavailable, TookTooLong) as error:
        raise ApplicationError(f"Nothing was removed. {refusal_words(error)}") from error
    return redirect("whisperer-purges", id=whisperer.pk)


@screen
@require_POST
def cancel_action(request: HttpRequest, id: UUID, number: int) -> HttpResponse:
    """Stop one."""
    whisperer = whisperer_for(request, id, "purge")
    purge = purges.purges_of(whisperer).filter(pk=number).first()
    if purge is None:
        raise ApplicationError("There is no such purge.", code="not_found", status_code=404)
    purges.purge_cancel(purge=purge, actor=request.user)
    if request.htmx:
        return render(request, "httpcomms/purges_list.html", {"whisperer": whisperer} | _listed(whisperer))
    return redirect("whisperer-purges", id=whisperer.pk)


def _asked(request: HttpRequest, whisperer: Whisperer) -> dict[str, Any]:
    """The form as it was filled in, and what it would remove."""
    what = request.GET.getlist("what") or list(TITLES)
    form = {name: request.GET.get(name, "").strip() for name in ("q", "from", "to", "pinned")}
    kinds = [(kind, title, kind in what) for kind, title in TITLES.items()]
    context: dict[str, Any] = {"form": form, "kinds": kinds}
    if "count" not in request.GET:
        return context
    try:
        asked = purges.read(request.user, whisperer, form, request.GET.getlist("what"))
        lines, pinned = purges.purge_plan(asked), purges.pinned_count(asked)
    except (ApplicationError, QueryError, BadRequest, StoreUnavailable, TookTooLong) as error:
        return context | {"problem": refusal_words(error)}
    by_query = asked.search.node is not None
    told = [(line, _UNITS[line.kind][by_query]) for line in reversed(lines)]
    # The moments are fixed now, so that what is confirmed is what was counted.
    span = asked.search.range
    nothing = not any(line.count for line in lines)
    context["plan"] = {"lines": told, "nothing": nothing, "by_query": by_query, "pinned": pinned}
    return context | {"fixed": span.parameters, "range": span.told(timezone.get_current_timezone()), "asked": asked}


def _listed(whisperer: Whisperer) -> dict[str, Any]:
    found = list(purges.purges_of(whisperer)[:LISTED])
    return {"purges": [_line(purge) for purge in found], "active": any(purge.active for purge in found)}


def _line(purge: Purge) -> dict[str, Any]:
    """A purge in words; `share` is how much of what was planned is gone."""
    by_query = bool(purge.query)
    counts = [
        (purge.removed.get(kind, 0), purge.planned.get(kind, 0), _UNITS[kind][by_query])
        for kind in TITLES
        if kind in purge.kinds
    ]
    planned = sum(count for _, count, _ in counts)
    removed = sum(min(count, of) for count, of, _ in counts)
    done = purge.state == Purge.State.DONE
    return {
        "purge": purge,
        "counts": counts,
        "share": 1 if done or not planned else removed / planned,
        "range": purge.span.told(timezone.get_current_timezone()),
    }

