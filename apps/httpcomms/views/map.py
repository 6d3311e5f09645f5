"""The map: clients and servers as a graph. The browser draws it from the API's nodes and edges."""

import json
import time
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from apps.httpcomms import selectors
from apps.httpcomms.preferences import preference
from apps.httpcomms.screen import Screen
from apps.httpcomms.views.parts import Found, chosen, nothing_found
from apps.whisperers.rights import scope_for

WORDS = {"services": "Services", "replicas": "Replicas", "templates": "Templates"}


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The frame of the map: what a node is, and what the rules do."""
    scope = scope_for(request.user)
    mode = chosen(state, "mode", tuple(WORDS))
    started = time.perf_counter()
    page = selectors.search(scope, replace(state.search, size=1, after=None))
    took = (time.perf_counter() - started) * 1000
    context: dict[str, Any] = {"found": Found(page.total, page.at_least, took)}
    if not page.hits:
        return context | nothing_found(scope, state)
    merge = state.options.get("merge", "" if mode == "replicas" else "1") == "1"
    hide = state.options.get("hide") == "1"
    usual = mode != "replicas"
    return context | {
        "mode": mode,
        "modes": [
            (words, state.url(mode=name if name != "services" else None, merge=None, node=None), name == mode)
            for name, words in WORDS.items()
        ],
        "merge": merge,
        "merge_url": state.url(merge=None if merge != usual else "10"[merge], node=None),
        "hide": hide,
        "hide_url": state.url(hide=None if hide else "1", node=None),
        "table": state.options.get("as") == "table",
        "drawn": True,
        "positions": json.dumps(preference(request.user, "map-positions", {})),
    }
