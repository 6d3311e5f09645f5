"""Whose clock the pages show: the chosen one before the browser's, and nothing that is no zone."""

from http.cookies import SimpleCookie

import pytest
from django.test import RequestFactory

from apps.core.zones import zone_of


@pytest.mark.parametrize(
    ("cookies", "zone"),
    [
        ({}, None),
        ({"spider_zone": "Europe/Paris"}, "Europe/Paris"),
        ({"spider_zone": "Europe/Paris", "spider_clock": "UTC"}, "UTC"),
        ({"spider_zone": "Europe/Paris", "spider_clock": "Mars/Olympus"}, "Europe/Paris"),
        ({"spider_clock": "../../etc/passwd"}, None),
        ({"spider_clock": "Europe"}, None),
        ({"spider_zone": "\u00e9", "spider_clock": "x" * 5000}, None),
    ],
)
def test_the_chosen_zone_comes_first(cookies: dict[str, str], zone: str | None) -> None:
    request = RequestFactory().get("/")
    request.COOKIES = {name: one.value for name, one in SimpleCookie(cookies).items()}
    found = zone_of(request)
    assert (found.key if found else None) == zone
