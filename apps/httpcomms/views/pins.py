"""The page of pins: what outlives its days, by whose wish."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.httpcomms import pins
from apps.httpcomms.models import Pin


@require_safe
def pins_page(request: HttpRequest) -> HttpResponse:
    """All pins of what the person may search."""
    found = [_line(request, pin) for pin in pins.pins_of(request.user)]
    return render(request, "httpcomms/pins.html", {"lines": found, "most": pins.MOST})


def _line(request: HttpRequest, pin: Pin) -> dict[str, Any]:
    return {
        "pin": pin,
        "whisperers": list(pins.whisperers_of(pin)),
        "searches": pins.searches(pin),
        "may_remove": pins.may_remove(request.user, pin),
    }
