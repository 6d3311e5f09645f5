"""What every page knows of the health of everything: whether an alarm is open, for the bar."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.monitoring.alarms import badge


def health(request: HttpRequest) -> dict[str, Any]:
    """`open_alarms`, counted only by a template that uses it."""
    user = getattr(request, "user", None)
    return {"open_alarms": SimpleLazyObject(lambda: badge(user) if user is not None and user.is_authenticated else 0)}
