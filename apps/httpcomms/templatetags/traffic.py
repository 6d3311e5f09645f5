"""Links of the search page as templates write them: each is the page's address with one thing changed."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core.templatetags.spider import icon
from apps.core.words import SECOND, duration, local, nanoseconds, rfc3339
from apps.httpcomms.screen import Screen
from apps.httpcomms.templatetags import values

register = template.Library()

#: "Go to that time" opens so much before and after it.
AROUND = 15 * 60 * SECOND


@register.filter
def preset_url(preset: str, screen: Screen) -> str:
    """The page over a preset range."""
    return screen.preset_url(preset)


@register.filter
def precise(at: int, same: int | None = None) -> str:
    """A moment to the millisecond where it has some, in the zone of the page; without its day where that is the day of
    `same`."""
    zone = timezone.get_current_timezone()
    day, time, fraction = local(at, zone)
    text = f"{time}.{fraction[:3]}" if fraction.strip("0") else time
    return text if same is not None and local(same, zone)[0] == day else f"{day} {text}"


@register.filter
def ns_duration(ns: int) -> str:
    """A stretch of nanoseconds as durations are said."""
    return duration(ns / 1e6)


@register.simple_tag
def asked(screen: Screen, query: str) -> str:
    """The page with another query."""
    return screen.asked(query)


@register.simple_tag
def around(screen: Screen, date: str) -> str:
    """The page at the time of a document."""
    at = nanoseconds(date) // SECOND * SECOND
    return screen.url(from_=rfc3339(at - AROUND), to=rfc3339(at + AROUND), wide=None, open=None, tab=None)


@register.simple_tag
def sort_head(screen: Screen, field: str, words: str, css: str = "") -> SafeString:
    """A column's head: click to order by it, once more to turn the order round."""
    now = screen.search.sort.removeprefix("-") == field
    down = screen.search.sort.startswith("-")
    order = format_html(' aria-sort="{}"', "descending" if down else "ascending") if now else ""
    mark = icon("down" if down else "up", "s") if now else ""
    return format_html(
        '<th scope="col" class="{}"{}><a href="{}">{}{}</a></th>', css, order, screen.sorted_url(field), words, mark
    )


@register.simple_tag
def handle(screen: Screen, field: str, value: Any, shown: str = "") -> SafeString:
    """A value as a link into the query."""
    return values.handle(field, value, screen, shown)


#: Icon and word of each state of a chain's link: colour is never the only sign.
_CHAIN = {
    "fine": ("check", "fine"),
    "partly": ("warn", "partly"),
    "broken": ("x", "broken"),
    "aside": ("minus", "not the reason"),
    "unknown": ("help", "not known"),
}


@register.simple_tag
def chain_icon(state: str) -> SafeString:
    """The mark of a link's state."""
    return icon(_CHAIN[state][0], "s")


@register.simple_tag
def chain_word(state: str) -> str:
    """A link's state in words."""
    return _CHAIN[state][1]


@register.simple_tag
def order_head(screen: Screen, name: str, words: str, chosen: str) -> SafeString:
    """A column of the statistics: click to have its largest figures first."""
    now = name == chosen or (name == "calls" and not chosen)
    return format_html(
        '<th scope="col" class="num"{}><a href="{}">{}{}</a></th>',
        mark_safe(' aria-sort="descending"') if now else "",
        screen.url(largest=None if name == "calls" else name),
        words,
        icon("down", "s") if now else "",
    )


@register.filter
def in_choices(value: str, choices: list[tuple[str, str]]) -> bool:
    """Whether a value is among the choices of a select."""
    return any(value == one for one, _ in choices)


@register.filter
def whole(value: float) -> int:
    """The nearest whole number."""
    return round(value)
