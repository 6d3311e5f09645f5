"""The time of the search page: what its menus offer, and the data of the timeline and of the line below it.

The data is made for the page, from its own address: values come with their names and with links into the query. The
API has the same figures under `histogram/` and `quality/`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.core import words
from apps.core.errors import ApplicationError, body, store_words
from apps.httpcomms import clauses, present, ranges, selectors
from apps.httpcomms.api.base import orjson_response
from apps.httpcomms.api.quality import quality_data
from apps.httpcomms.ranges import Range
from apps.httpcomms.screen import BUCKETS, Screen
from apps.httpcomms.selectors import Timeline
from apps.httpcomms.views.parts import read_screen
from apps.whisperers.rights import Person, scope_for, visible_whisperers
from documents.fields import FIELDS
from documents.query import QueryError
from store.documents import BadRequest, StoreUnavailable, TookTooLong

#: What the timeline may be parted by without typing: field, its name, what is without it. The first is the usual one.
_BY_COMMUNICATION: Final = (
    ("", "status class", "no response"),
    ("req.method", "method", "no request"),
    ("stats.dst.name", "server", "no server"),
    ("stats.src.name", "client", "no client"),
    ("req.host", "host", "no host"),
    ("req.template", "template", "no template"),
    ("whisperer", "whisperer", "no whisperer"),
    ("stats.src.identification", "identification", "anonymous"),
    ("stats.statusCode", "status code", "no response"),
    ("parsing.status", "parsing", "unknown"),
)
_BY_SESSION: Final = (
    ("", "end", "open"),
    ("state", "state", "unknown"),
    ("server.name", "server", "no server"),
    ("client.name", "client", "no client"),
    ("protocol", "protocol", "unknown"),
    ("whisperer", "whisperer", "no whisperer"),
)
BY: Final = {"httpcomms": _BY_COMMUNICATION, "tcpsessions": _BY_SESSION}
#: Fields whose values are few enough to be told apart; others can be typed.
_SUGGESTED: Final = ("keyword", "ip", "short", "boolean")


def context(state: Screen) -> dict[str, Any]:
    """What the template of the time bar needs beside the page's state."""
    now, zone = state.now, timezone.get_current_timezone()
    calendar = [
        (name, state.span_url(since, until), (since, until) == (state.since, state.until))
        for name, since, until in ranges.calendar(now, zone)
    ]
    relative = [(name, state.preset_url(text), text == state.since and not state.until)
                for text, name in ranges.RELATIVE.items()]  # fmt: skip
    parts = [(name, state.by_url(field), field == state.by) for field, name, _ in BY[state.search.resource]]
    return {
        "calendar": calendar,
        "relative": relative,
        "units": ranges.UNITS,
        "amount": ranges.amount(state.since) if not state.until else None,
        "spoken": ranges.spoken(state.since) if not state.until else "",
        "by_fields": parts,
        "by_name": name_of(state.by, state.search.resource),
        "by_known": [name for name, field in FIELDS[state.search.resource].items() if field.type in _SUGGESTED],
    }


def name_of(field: str, resource: str = "httpcomms") -> str:
    """What the page calls a field that the timeline is parted by."""
    names = {known or selectors.USUAL[resource]: name for known, name, _ in BY[resource]}
    field = field or selectors.USUAL[resource]
    return names.get(field) or (f"tag {field[11:]}" if field.startswith("stats.tags.") else field)


@require_safe
def timeline(request: HttpRequest, page: str = "search") -> HttpResponse:
    """The timeline of the page's address, as JSON."""
    return answered(request, partial(_timeline, page=page))


@require_safe
def quality(request: HttpRequest) -> HttpResponse:
    """The quality line of the page's address, as JSON."""
    return answered(request, _quality)


@require_safe
def whole(request: HttpRequest, page: str = "search") -> HttpResponse:
    """To the page over everything that the query finds; without such, over everything there is."""
    try:
        state = read_screen(request, page)
        scope, resource = scope_for(request.user), state.search.resource
        every = partial(selectors.whole_range, scope, resource=resource)
        found = every(state.search.node) or every(None)
    except (QueryError, ApplicationError, BadRequest, StoreUnavailable, TookTooLong):
        return redirect(f"{reverse(page)}?{request.GET.urlencode()}")  # the page says what is wrong
    if found is None or found.since is None or found.until is None:
        return redirect(state.url(from_=ranges.DEFAULT, to=None, wide=None))
    since, until = found.since // words.SECOND * words.SECOND, -(-found.until // words.SECOND) * words.SECOND
    return redirect(state.url(from_=words.rfc3339(since), to=words.rfc3339(until), wide=None))


def answered(request: HttpRequest, made: Callable[[HttpRequest], dict[str, Any]]) -> HttpResponse:
    """An answer for the page's own scripts; what is refused comes in the shape of the API."""
    try:
        return orjson_response(made(request))
    except QueryError as error:
        refused, status = body("query", error.message, "q", position=error.position), 400
    except ApplicationError as error:
        refused, status = body(error.code, error.message, error.field), error.status_code
    except BadRequest as error:
        refused, status = body("invalid", str(error)), 400
    except TookTooLong:
        refused, status = body("too_long", "This took too long: choose a shorter time, or another field."), 503
    except StoreUnavailable as error:
        refused, status = body("store_unavailable", store_words(error)), 503
    response = orjson_response(refused)
    response.status_code = status
    return response


def shown_range(request: HttpRequest, state: Screen) -> Range:
    """What the timeline shows, closed."""
    wanted = replace(state.search, range=state.wide_range)
    return selectors.closed_range(scope_for(request.user), wanted, state.now)


def _timeline(request: HttpRequest, page: str) -> dict[str, Any]:
    state = read_screen(request, page)
    scope, span = scope_for(request.user), shown_range(request, state)
    line = selectors.timeline(scope, state.search, span, BUCKETS, state.by or selectors.USUAL[state.search.resource])
    names = value_names(request.user, line.by)
    return {
        "since": line.range.since,
        "until": line.range.until,
        "interval": line.interval,
        "by": line.by,
        "words": name_of(line.by, state.search.resource),
        "selected": _selected(state),
        "shown": _shown(state),
        "values": [_value(state, line.by, value, count, names) for value, count in line.values],
        "absent": _absent(state, line),
        "buckets": [_bucket(line, bucket) for bucket in line.buckets],
    }


def _selected(state: Screen) -> list[int] | None:
    """The range searched where the timeline shows more than it."""
    found = state.search.range
    return [found.since or 0, found.until or state.now] if state.wide else None


def _shown(state: Screen) -> list[str]:
    """Both ends of the range searched, as the time bar says them."""
    zone, found = timezone.get_current_timezone(), state.search.range

    def text(at: int) -> str:
        day, time, _ = words.local(at, zone)
        return f"{day} {time}"

    return [text(found.since) if found.since is not None else "", text(found.until) if found.until is not None else ""]


def _bucket(line: Timeline, bucket: Any) -> list[Any]:
    """Start, total, counts by value, and how many have none: a list, for there are many of them."""
    if line.missing is None:
        absent = bucket.total - sum(bucket.counts.values())
    else:
        absent = line.missing.get(bucket.start, 0)
    return [bucket.start, bucket.total, bucket.counts, max(absent, 0)]


def _value(state: Screen, by: str, value: str, count: int, names: dict[str, str]) -> dict[str, Any]:
    return {
        "value": value,
        "label": names.get(value, value)[:80],
        "count": count,
        "only": state.click_url(by, clauses.quote(value)),
        "exclude": state.click_url(by, clauses.quote(value), "not"),
    }


def _absent(state: Screen, line: Timeline) -> dict[str, Any]:
    resource = state.search.resource
    words_of = {field or selectors.USUAL[resource]: absent for field, _, absent in BY[resource]}
    return {
        "value": "",
        "label": words_of.get(line.by, "without it"),
        "count": sum(_bucket(line, bucket)[3] for bucket in line.buckets),
        "only": state.click_url(line.by, None),
        "exclude": state.click_url(line.by, None, "not"),
    }


def value_names(user: Person, by: str) -> dict[str, str]:
    """What values of a field are called where they are no words of their own."""
    if by == "whisperer":
        return {str(key): name for key, name in visible_whisperers(user).values_list("pk", "name")}
    return present.PARSING if by == "parsing.status" else {}


def _quality(request: HttpRequest) -> dict[str, Any]:
    state = read_screen(request)
    scope, span = scope_for(request.user), shown_range(request, state)
    found = selectors.quality(scope, span, ranges.interval(span.length, BUCKETS))
    return quality_data(found)
