"""Packets as a grid: what went over the wire in the range, of the sessions that the query finds."""

import time
from typing import Any

from django.http import HttpRequest

from apps.httpcomms import selectors
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.packets import packets, packets_scope
from apps.httpcomms.views.parts import Found

ROWS = 500


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The newest packets of the range."""
    scope = packets_scope(request.user)
    started = time.perf_counter()
    found = packets(scope, state.search, ROWS)
    took = (time.perf_counter() - started) * 1000
    context: dict[str, Any] = {"packets": found, "found": Found(found.total, found.sessions > found.read, took)}
    if not found.rows:
        context["why"] = selectors.explain(scope, state.search)
        context["sees_nothing"] = scope == frozenset()
    return context
