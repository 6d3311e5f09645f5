"""What the templates of a communication say often: values with masked secrets in them, values as links."""

from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core import words
from apps.core.links import range_url
from apps.core.templatetags.spider import icon
from apps.httpcomms.explain.headers import MASKED, Line
from apps.httpcomms.screen import Screen
from apps.httpcomms.templatetags.traffic import handle

register = template.Library()

_WHY = "Masked when it was read: a hash stands for the secret, equal hashes for equal secrets."


@register.filter
def masks(value: Any) -> SafeString:
    """A value with a lock in place of each masked secret; of its hash the beginning is shown."""
    text = str(value)
    if "masked:" not in text:
        return conditional_escape(text)
    drawn, at = [], 0
    for found in MASKED.finditer(text):
        drawn.append(conditional_escape(text[at : found.start()]))
        drawn.append(
            format_html('<span class="masked" title="{}">{}{}…</span>', _WHY, icon("lock", "s"), found[0][7:13])
        )
        at = found.end()
    return format_html_join("", "{}", ((one,) for one in [*drawn, conditional_escape(text[at:])]))


@register.simple_tag
def line_value(screen: Screen, line: Line) -> SafeString:
    """A header's value as a link into the query, or alone where a query cannot ask for it."""
    shown = masks(line.value)
    return handle(screen, line.field, line.value, shown) if line.field and screen else shown


@register.simple_tag
def value_link(screen: Screen, field: str, value: Any) -> SafeString:
    """A value as a link into the query, masked secrets with a lock; long ones alone."""
    text = str(value)
    shown = masks(text)
    return handle(screen, field, text, shown) if field and 0 < len(text) <= 500 else shown


@register.simple_tag
def range_link(query: str, since: int, until: int, view: str = "") -> str:
    """The search page with a query from one moment to another, in a view."""
    return range_url(query, since, until - 1) + (f"&view={view}" if view else "")


@register.filter
def volume(value: Any) -> str:
    """A number of bytes with its unit; a dash for none."""
    return words.volume(value) if isinstance(value, int) else "–"


@register.filter
def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 11th."""
    last = number % 10 if number // 10 % 10 != 1 else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


@register.filter
def compared(share: float) -> str:
    """How a share of faster ones is said: "Slower than 97 %", "Faster than 60 %"."""
    if share >= 100:
        return "Slower than all others"
    if share <= 0:
        return "Faster than all others"
    number = share if share >= 50 else 100 - share
    told = f"{number:.0f}" if number < 99 else f"{min(number, 99.9):.1f}"
    return f"{'Slower' if share >= 50 else 'Faster'} than {told} %"


@register.simple_tag
def nodes(found: Any) -> SafeString:
    """Fields of a message without schema, as a tree to fold."""
    return format_html("<ul>{}</ul>", format_html_join("", "{}", ((_node(one),) for one in found)))


def _node(node: Any) -> SafeString:
    label = format_html('<span class="k">{}</span>: <span class="n">{}</span> ', node.label, node.kind)
    if not node.inside:
        return format_html('<li>{}<span class="s">{}</span></li>', label, node.value)
    return format_html("<li><details open><summary>{}</summary>{}</details></li>", label, nodes(node.inside))
