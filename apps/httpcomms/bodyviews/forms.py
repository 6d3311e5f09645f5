"""A form's fields (application/x-www-form-urlencoded) as lines, decoded, in their order, repeated ones too."""

from dataclasses import dataclass
from urllib.parse import unquote_plus

from apps.httpcomms.bodyviews.limits import MAX_FIELDS, MAX_STRUCTURED, MAX_VALUE


@dataclass(frozen=True, slots=True)
class Pair:
    """A field: its name and value decoded, and what was written where that differs."""

    name: str
    value: str
    written: str = ""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The first fields, and how many more there are."""

    pairs: list[Pair]
    more: int


def pairs(text: str) -> Pairs:
    """The fields of a form or a query (WHATWG URL, "application/x-www-form-urlencoded parsing")."""
    parts = [part for part in text[:MAX_STRUCTURED].strip("\r\n").split("&") if part]
    return Pairs([_pair(part) for part in parts[:MAX_FIELDS]], max(len(parts) - MAX_FIELDS, 0))


def _pair(part: str) -> Pair:
    name, _, value = part.partition("=")
    decoded = unquote_plus(name), unquote_plus(value)
    written = part if decoded != (name, value) else ""
    return Pair(_short(decoded[0]), _short(decoded[1]), _short(written))


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
