"""What templates say often: icons, a status with its shape, durations, sizes, moments. Every value is escaped."""

from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.core import words

register = template.Library()

# A shape for each class, so that colour is never the only sign.
_SHAPES = {
    "1": mark_safe('<circle class="k1" cx="4" cy="4" r="3.2" stroke-width="1.5"/>'),
    "2": mark_safe('<circle class="f2" cx="4" cy="4" r="3.2"/>'),
    "3": mark_safe('<path class="f3" d="M4 0 8 4 4 8 0 4z"/>'),
    "4": mark_safe('<path class="f4" d="M4 .4 8 7.6H0z"/>'),
    "5": mark_safe('<rect class="f5" x=".4" y=".4" width="7.2" height="7.2"/>'),
    "0": mark_safe('<circle class="k0" cx="4" cy="4" r="3.2" stroke-width="1.5" stroke-dasharray="2 1.4"/>'),
}


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """An icon of the page's sprite."""
    return format_html('<svg class="i {}" aria-hidden="true"><use href="#i-{}"/></svg>', extra, name)


@register.simple_tag
def shape(status_class: str) -> SafeString:
    """The mark of a status class: "2" or "2xx"; anything unknown is drawn as no response."""
    return format_html(
        '<svg class="g" viewBox="0 0 8 8" aria-hidden="true">{}</svg>', _SHAPES.get(str(status_class)[:1], _SHAPES["0"])
    )


@register.filter
def initials(user: Any) -> str:
    """One or two letters for a person."""
    names = [user.first_name, user.last_name] if user.first_name or user.last_name else user.get_username().split(".")
    return "".join(name[:1] for name in names if name)[:2].upper()


@register.filter
def milliseconds(value: Any) -> str:
    """A duration given in milliseconds; a dash for none."""
    return words.duration(float(value)) if isinstance(value, (int, float)) else "–"


@register.filter
def span(ns: Any) -> str:
    """A stretch of time given in nanoseconds."""
    return words.span(ns) if isinstance(ns, int) else "–"


@register.filter
def endpoint(end: Any) -> str:
    """Address and port, RFC 3986 §3.2.2: an IPv6 address in brackets."""
    ip, port = (end or {}).get("ip", ""), (end or {}).get("port", "")
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


@register.filter
def size(value: Any) -> str:
    """A number of bytes; a dash for none."""
    return words.size(value) if isinstance(value, int) else "–"


@register.filter
def clock(value: Any) -> str:
    """Time of day with milliseconds, in the zone of the page."""
    if not value:
        return "–"
    _, time, fraction = words.local(_ns(value), timezone.get_current_timezone())
    return f"{time}.{fraction[:3]}"


@register.filter
def moment(value: Any) -> str:
    """Day and time to the second, in the zone of the page."""
    if not value:
        return "–"
    day, time, _ = words.local(_ns(value), timezone.get_current_timezone())
    return f"{day} {time}"


@register.filter
def day(value: Any) -> str:
    """Month and day, in the zone of the page."""
    return words.local(_ns(value), timezone.get_current_timezone())[0][5:] if value else ""


@register.filter
def exact_moment(value: Any) -> str:
    """Day and time with all nine digits, in groups of three."""
    if not value:
        return "–"
    day, time, fraction = words.local(_ns(value), timezone.get_current_timezone())
    return f"{day} {time}.{fraction[:3]} {fraction[3:6]} {fraction[6:]}"


@register.simple_tag
def zone_name() -> str:
    """The current time zone."""
    return timezone.get_current_timezone_name()


@register.simple_tag
def zone_label() -> str:
    """The current time zone as UTC+1."""
    now = int(timezone.now().timestamp()) * words.SECOND
    return words.offset_label(now, timezone.get_current_timezone())


def _ns(value: int | str) -> int:
    return value if isinstance(value, int) else words.nanoseconds(value)
