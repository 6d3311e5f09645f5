"""Values as handles: what values.js lets a person put into the query, exclude, or copy.

{% load values %}
{% value "req.host" row.host %}                       inside a row, where a click opens the row
{% value "req.host" comm.req.host screen %}           a link of its own: a click asks for only this
{% value "whisperer" comm.whisperer screen name %}    shown as something else
{% value_of "req.headers" name value screen %}        under a key: a header, parameter, claim or tag
"""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.httpcomms.clauses import quote
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.base import RESOURCE
from documents import fields

register = template.Library()

#: A longer value is no condition that a person reads.
LONGEST = 1_000
NOTHING = mark_safe('<span class="dim">–</span>')


@register.simple_tag(name="value")
def handle(field: str, value: Any, screen: Screen | None = None, shown: Any = "", css: str = "") -> SafeString:
    """A value that can be clicked into the query; a dash for none."""
    if value is None or value == "":
        return NOTHING
    text = str(value).lower() if isinstance(value, bool) else str(value)
    words = str(shown) if shown not in (None, "") else text
    if not askable(field, text, screen.search.resource if screen else RESOURCE):
        return format_html('<span class="{}">{}</span>', css, words)
    kind = f"val {css}".strip()
    if screen is None:
        return format_html('<span class="{}" data-field="{}" data-value="{}">{}</span>', kind, field, text, words)
    address = screen.click_url(field, quote(text))
    return format_html(
        '<a class="{}" href="{}" data-field="{}" data-value="{}">{}</a>', kind, address, field, text, words
    )


@register.simple_tag
def value_of(field: str, key: str, value: Any, screen: Screen | None = None, shown: Any = "") -> SafeString:
    """A value under a key of a field that has keys of its own."""
    return handle(f"{field}.{key}", value, screen, shown)


def askable(field: str, text: str, resource: str = RESOURCE) -> bool:
    """Whether a condition can say it: a null character and a line's end in a name cannot be written."""
    known = fields.find(resource, field) is not None
    return known and field.isprintable() and len(text) <= LONGEST and "\0" not in text
