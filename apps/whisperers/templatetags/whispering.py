"""What templates of whisperers say often: how long ago, rates, sizes, states, small charts. Every value is escaped."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core import words
from apps.whisperers.models import StoragePolicy
from apps.whisperers.screens.fields import told as _told
from apps.whisperers.screens.overview import DROPS
from apps.whisperers.screens.states import ago as _ago

register = template.Library()

WIDTH, HEIGHT = 96, 20


@register.filter
def ago(moment: datetime | None) -> str:
    """How long ago a moment was: 4 s, 3 d 2 h; a dash for none."""
    return _ago(timezone.now() - moment) if moment is not None else "–"


@register.filter
def left(moment: datetime) -> str:
    """How long it is until a moment."""
    return _ago(moment - timezone.now())


@register.filter
def when(moment: datetime | None) -> str:
    """Day and time in the zone of the page; today the time alone."""
    if moment is None:
        return "–"
    zone = timezone.get_current_timezone()
    day, time, _ = words.local(int(moment.timestamp()) * words.SECOND, zone)
    today, _, _ = words.local(int(timezone.now().timestamp()) * words.SECOND, zone)
    return time if day == today else f"{day} {time[:5]}"


@register.filter
def number(value: Any) -> str:
    """Bytes as a number without its unit."""
    return words.size(int(value or 0)).partition(" ")[0]


@register.filter
def unit(value: Any) -> str:
    """The unit of the number that `number` gives."""
    found = words.size(int(value or 0)).partition(" ")[2]
    return f"{found}B" if found else "B"


@register.filter
def as_json(value: Any) -> str:
    """Numbers for a data attribute, short."""
    return json.dumps(value, separators=(",", ":"))


@register.filter
def rounded(points: list[float | None]) -> list[float | None]:
    """Points of a chart without digits that nobody sees."""
    return [None if one is None else round(one, 2) for one in points]


@register.filter
def told(value: Any) -> str:
    """A value of a configuration in a line."""
    return _told(value)


@register.simple_tag
def spark(points: list[tuple[float, float]]) -> SafeString:
    """A small line without axes: the shape of the last minutes."""
    line = " ".join(f"{x * WIDTH:.1f} {HEIGHT - 1 - y * (HEIGHT - 3):.1f}" for x, y in points)
    return format_html(
        '<svg class="sparkline" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="spark-fill" d="M{line} L{w} {h} 0 {h}z"/><path class="spark" d="M{line}"/></svg>',
        w=WIDTH, h=HEIGHT, line=line,
    )  # fmt: skip


@register.filter
def address(key: Any) -> str:
    """The page of a whisperer."""
    return reverse("whisperer", args=[key])


@register.filter
def thousands(value: float) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}"


@register.filter
def lost(figures: dict[str, Any]) -> int:
    """Packets that an agent lost since it started, wherever."""
    return int(sum(figures.get(name, 0) for name in DROPS))


@register.simple_tag
def known_policies() -> SafeString:
    """The storage policies that are described, offered to a field whose list is `known-policy`."""
    known = {"default": "", **dict(StoragePolicy.objects.values_list("name", "title"))}
    options = format_html_join("", '<option value="{}">{}</option>', known.items())
    return format_html('<datalist id="known-policy">{}</datalist>', options)
