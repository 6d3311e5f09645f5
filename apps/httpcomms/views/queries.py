"""The page of saved queries: what there is, whose it is, and what it asks for."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.httpcomms import ranges
from apps.httpcomms.models import SavedQuery
from apps.httpcomms.saved import address, may_change, saved_queries, shared_with


@require_safe
def saved_queries_page(request: HttpRequest) -> HttpResponse:
    """All saved queries that the person may see."""
    found = [_line(request, query) for query in saved_queries(request.user)]
    mine = [line for line in found if line["mine"]]
    shared = [line for line in found if not line["mine"]]
    groups = [("Mine", mine), ("Shared with my teams", shared)]
    context = {"groups": [group for group in groups if group[1]], "total": len(found)}
    return render(request, "httpcomms/queries.html", context)


def _line(request: HttpRequest, query: SavedQuery) -> dict[str, Any]:
    parameters = query.parameters
    return {
        "query": query,
        "mine": query.owner_id == request.user.pk,
        "may_change": may_change(request.user, query),
        "teams": shared_with(request.user, query),
        "address": address(query),
        "range": _range(parameters.get("from", ""), parameters.get("to", "")),
        "view": parameters.get("view") or "grid",
    }


def _range(since: str, until: str) -> str:
    """The range in words, empty where none is kept."""
    if not until and since in ranges.PRESETS:
        return f"last {ranges.PRESETS[since]}"
    if not since and not until:
        return ""
    return f"{since or 'the beginning'} → {until or 'now'}"
