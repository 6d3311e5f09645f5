"""Header fields as a table that a person can read: each line as it was sent (but masked), what its field is for, and
what its value means here: dates relative to the exchange, caching in words, cookies taken apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from apps.core.words import SECOND, span, volume
from apps.httpcomms.explain.names import about

Json = Mapping[str, Any]

#: Lines of one head that are shown, and characters of a value; a browser draws no more usefully.
MAX_LINES = 500
MAX_VALUE = 8_000
#: A longer value is no link into the query: a query would be too long for its own field.
MAX_LINKED = 500

MASKED = re.compile(r"masked:[0-9a-f]{16}")
_QUERYABLE = re.compile(r"[A-Za-z0-9_\-]{1,100}\Z")
_DATES = frozenset(
    {"date", "expires", "last-modified", "if-modified-since", "if-unmodified-since", "retry-after", "sunset"}
)
_TRACE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


@dataclass(frozen=True, slots=True)
class Line:
    """One header line: `field` is its name in the query language, empty where a query cannot ask for it."""

    name: str
    value: str
    about: str
    meaning: str
    masked: bool
    field: str


def lines(message: Json | None, part: str, side: str, moment: int) -> list[Line]:
    """The lines of a head, or of trailers, in the order of the wire; `moment` is the message's time in nanoseconds."""
    fields = (message or {}).get(part) or {}
    found = [(name, str(value)) for name, values in fields.items() for value in values]
    return [_line(name, value, f"{side}.{part}", moment) for name, value in found[:MAX_LINES]]


def _line(name: str, value: str, prefix: str, moment: int) -> Line:
    queryable = bool(_QUERYABLE.match(name)) and 0 < len(value) <= MAX_LINKED
    return Line(
        name=name,
        value=value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + "…",
        about=about(name),
        meaning=meaning(name, value, moment),
        masked=MASKED.search(value) is not None,
        field=f"{prefix}.{name}" if queryable else "",
    )


def meaning(name: str, value: str, moment: int) -> str:
    """What a value says, in words; empty where the value says it itself."""
    value = value[:MAX_VALUE]
    name = name.lower()
    if name in _DATES:
        seconds = value.strip()
        if name == "retry-after" and seconds.isascii() and seconds.isdigit() and len(seconds) < 10:
            return f"after {span(int(seconds) * SECOND)}"
        return _date(value, moment)
    teller = _TELLERS.get(name)
    return teller(value) if teller is not None else ""


def relative(at: int, moment: int) -> str:
    """A moment as seen from the exchange: "3 min before", "1 h after", "at that second"."""
    between = at - moment
    if abs(between) < SECOND:
        return "at that second"
    return f"{span(abs(between))} {'after' if between > 0 else 'before'}"


def _date(value: str, moment: int) -> str:
    at = http_date(value)
    return relative(at, moment // SECOND * SECOND) if at is not None else "no date that can be read"


def http_date(value: str) -> int | None:
    """Nanoseconds of a date as HTTP writes it (RFC 9110 §5.6.7); None when it is none."""
    try:
        found = parsedate_to_datetime(value[:100])
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
        return int((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * SECOND
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _seconds(text: str | None) -> str:
    text = (text or "").strip().strip('"')
    return span(int(text) * SECOND) if text.isascii() and text.isdigit() and 0 < len(text) < 11 else "0 s"


_CACHING = {
    "no-store": "nobody may keep it",
    "no-cache": "it must be checked before each use",
    "private": "only the client itself may keep it",
    "public": "any cache may keep it",
    "must-revalidate": "it must be checked once it is stale",
    "proxy-revalidate": "shared caches must check it once it is stale",
    "no-transform": "proxies must not change it",
    "immutable": "it never changes while fresh",
    "only-if-cached": "only an answer from a cache is wanted",
    "must-understand": "only who understands its status may keep it",
}
_CACHING_TIMES = {
    "max-age": "fresh for {}",
    "s-maxage": "fresh in shared caches for {}",
    "stale-while-revalidate": "usable stale for {} while it is checked",
    "stale-if-error": "usable stale for {} if checking fails",
    "min-fresh": "must stay fresh for {}",
    "max-stale": "may be stale for {}",
}


def _cache_control(value: str) -> str:
    words = []
    for directive in value.lower().split(",")[:20]:
        name, _, argument = directive.strip().partition("=")
        if name in _CACHING:
            words.append(_CACHING[name])
        elif name in _CACHING_TIMES:
            words.append(_CACHING_TIMES[name].format(_seconds(argument)))
    return "; ".join(words)


def _transport_security(value: str) -> str:
    found = re.search(r"max-age\s*=\s*\"?(\d{1,10})", value, re.IGNORECASE)
    words = [f"HTTPS alone for {_seconds(found[1])}"] if found else []
    return ", ".join(words + (["subdomains too"] if "includesubdomains" in value.lower() else []))


def _forwarded_for(value: str) -> str:
    hops = [hop.strip() for hop in value.split(",")][:20]
    if len(hops) < 2:
        return ""
    return f"client {hops[0]}, then through {len(hops) - 1} {'proxy' if len(hops) == 2 else 'proxies'}"


def _traceparent(value: str) -> str:
    found = _TRACE.match(value.strip())
    if found is None:
        return "not as W3C Trace Context says"
    return f"trace {found[1]}, caller's span {found[2]}, {'sampled' if int(found[3], 16) & 1 else 'not sampled'}"


def _server_timing(value: str) -> str:
    words = []
    for metric in value.split(",")[:20]:
        name, *parameters = (part.strip() for part in metric.split(";"))
        said = dict(part.partition("=")[::2] for part in parameters if "=" in part)
        took = f" {said['dur']} ms" if "dur" in said else ""
        words.append(f"{said.get('desc', name).strip(chr(34))}{took}")
    return ", ".join(words)


def _etag(value: str) -> str:
    return "weak: same content, not necessarily same bytes" if value.startswith("W/") else ""


def _length(value: str) -> str:
    text = value.strip()
    return volume(int(text)) if text.isascii() and text.isdigit() and 4 <= len(text) < 16 else ""


def _age(value: str) -> str:
    return f"{_seconds(value)} in caches"


_TELLERS = {
    "age": _age,
    "cache-control": _cache_control,
    "content-length": _length,
    "etag": _etag,
    "server-timing": _server_timing,
    "strict-transport-security": _transport_security,
    "traceparent": _traceparent,
    "x-forwarded-for": _forwarded_for,
}
