"""Addresses of screens that other apps point at, built without importing them."""

from urllib.parse import urlencode

from django.urls import reverse

from apps.core import words


def search_url(capture: str, first: int, last: int) -> str:
    """The search page over exactly one capture; `first` and `last` are times of its packets, in nanoseconds."""
    return range_url(f'capture:"{capture}"', first, last)


def range_url(query: str, first: int, last: int) -> str:
    """The search page with a query, from one moment to another, in nanoseconds.

    A range's end is not part of it, so it ends after `last`; both ends are rounded outwards to whole seconds.
    """
    since = first // words.SECOND * words.SECOND
    until = (last // words.SECOND + 1) * words.SECOND
    state = {"q": query, "from": words.rfc3339(since), "to": words.rfc3339(until)}
    return f"{reverse('search')}?{urlencode(state)}"
