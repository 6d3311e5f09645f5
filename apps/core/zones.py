"""Whose clock the pages show: the one a person chose, else the browser's own; each is told in a cookie. The site's own
zone is the fallback. Addresses are in UTC, so a link means the same under every clock."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "spider_zone"
CHOSEN = "spider_clock"


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """The time zone that was chosen, else the browser's; None when neither is one that exists."""
    return _zone(request.COOKIES.get(CHOSEN, "")) or _zone(request.COOKIES.get(COOKIE, ""))


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A cookie is the visitor's to write: a path, a folder's name or nonsense is not a zone.
        return None


class ZoneMiddleware:
    """Makes the visitor's time zone the current one while their request is answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = zone_of(request)
        with timezone.override(zone) if zone else timezone.override(timezone.get_default_timezone()):
            return self.get_response(request)
