"""The sequence diagram: who called whom, one message below the other. The browser draws it from the API's calls."""

import time
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from apps.httpcomms import clauses, selectors
from apps.httpcomms.screen import Screen
from apps.httpcomms.views.parts import Found, chosen, nothing_found
from apps.whisperers.rights import scope_for

SCALES = {"sequential": "Sequential", "linear": "Linear", "log": "Log"}
CORRELATION = "stats.correlation"


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The frame of the diagram, and how much of the result it can show."""
    scope = scope_for(request.user)
    scale = chosen(state, "scale", tuple(SCALES))
    started = time.perf_counter()
    page = selectors.search(scope, replace(state.search, size=1, after=None))
    took = (time.perf_counter() - started) * 1000
    context: dict[str, Any] = {"found": Found(page.total, page.at_least, took)}
    if not page.hits:
        return context | nothing_found(scope, state)
    return context | {
        "shown": min(page.total, selectors.DRAWN),
        "scale": scale,
        "scales": [
            (words, state.url(scale=name if name != "sequential" else None), name == scale)
            for name, words in SCALES.items()
        ],
        "paths": state.options.get("names") == "path",
        "followed": _followed(state),
    }


def _followed(state: Screen) -> tuple[str, str] | None:
    """The identifier that the query follows, and the page without that."""
    for clause in clauses.split(state.search.q):
        if clause.field == CORRELATION and not clause.negated:
            rest = [one for one in clauses.split(state.search.q) if one != clause]
            return clause.value, state.asked(clauses.join(rest))
    return None
