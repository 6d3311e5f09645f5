"""The waterfall: communications as bars on a time axis."""

import time
from typing import Any

from django.http import HttpRequest

from apps.httpcomms import selectors, waterfall
from apps.httpcomms.screen import Screen
from apps.httpcomms.views.parts import Found, chosen, nothing_found
from apps.whisperers.rights import scope_for


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """The bars of the first communications in the order asked for."""
    scope = scope_for(request.user)
    group = chosen(state, "group", waterfall.GROUPS)
    order = chosen(state, "order", tuple(waterfall.ORDERS))
    scales = waterfall.OWN_SCALES if group == "correlation" else waterfall.SCALES
    scale = chosen(state, "scale", tuple(scales))
    started = time.perf_counter()
    found = selectors.first_calls(scope, state.search, waterfall.ORDERS[order][1])
    took = (time.perf_counter() - started) * 1000
    context: dict[str, Any] = {"found": Found(found.total, found.at_least, took), "calls": found}
    if not found.calls:
        return context | nothing_found(scope, state)
    return context | {
        "fall": waterfall.waterfall(found.calls, group, order, scale),
        "groups": [
            (name, state.url(group=name if name != "correlation" else None), name == group) for name in waterfall.GROUPS
        ],
        "orders": [
            (words, state.url(order=name if name != "start" else None), name == order)
            for name, (words, _) in waterfall.ORDERS.items()
        ],
        "scales": [
            (words, state.url(scale=name if name != "linear" else None), name == scale)
            for name, words in scales.items()
        ],
    }
