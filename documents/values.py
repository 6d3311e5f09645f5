"""The text of a query value to a value of the field's type, or a message that says what would do.

Dates may be as coarse as a year: each stands for the span it covers, so `date:2026-11-22` is the whole day and
`date:>2026-11-22` begins with the next one. Times of a clock ("now") do not exist here.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from documents.fields import Field
from documents.identity import address

_BITS = {"short": 16, "integer": 32, "long": 64}
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(
    r"([+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:e[+-]?[0-9]{1,3})?)\s*([a-zµ]*)", re.IGNORECASE
)
_UNITS = {
    "ms": {"": 1.0, "ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "min": 6e4, "h": 3.6e6},
    "bytes": {"": 1.0, "b": 1.0, "kb": 1024.0, "k": 1024.0, "mb": 1024.0**2, "m": 1024.0**2, "gb": 1024.0**3},
    "": {"": 1.0},
}
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?)?)?)?",
    re.IGNORECASE,
)
_STATUS_CLASS = re.compile(r"([1-9])xx", re.IGNORECASE)

#: Dates are stored as signed 64-bit nanoseconds; before the epoch there is no capture.
LAST = (1 << 63) - 1


class BadValue(ValueError):
    """The value does not fit the field; the message says what would."""


def number(field: Field, text: str) -> int | float:
    """A number of the field's type, with the units its field knows: "500ms", "2s", "10kb"."""
    match = _NUMBER.fullmatch(text)
    factor = _UNITS[field.unit].get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        units = " (units: " + ", ".join(filter(None, _UNITS[field.unit])) + ")" if field.unit else ""
        raise BadValue(f"{field.name} is a number{units}, {text!r} is not")
    if field.type == "double":
        return float(match.group(1)) * factor
    if factor == 1.0 and _INTEGER.fullmatch(match.group(1)):
        value: float = int(match.group(1))
    else:
        value = float(match.group(1)) * factor
        if value != int(value):
            raise BadValue(f"{field.name} is a whole number, {text!r} is not")
    bound = 1 << (_BITS[field.type] - 1)
    if not -bound <= value < bound:
        raise BadValue(f"{text!r} is out of range for {field.name}")
    return int(value)


def status_class(field: Field, text: str) -> tuple[int, int] | None:
    """The codes that "5xx" means in a field of status codes; None for anything else."""
    match = _STATUS_CLASS.fullmatch(text)
    if match is None or field.type != "short":
        return None
    first = int(match.group(1)) * 100
    return first, first + 99


def boolean(field: Field, text: str) -> bool:
    """Whether the text says true; it may also say false."""
    known = {"true": True, "false": False}.get(text.lower())
    if known is None:
        raise BadValue(f"{field.name} is true or false, {text!r} is neither")
    return known


def ip(field: Field, text: str) -> str:
    """An address in canonical form."""
    found = address(text) if "/" not in text else None
    if found is None:
        raise BadValue(f"{field.name} is an IP address or a network like 10.0.0.0/8, {text!r} is neither")
    return found


def network(field: Field, text: str) -> str:
    """A network in CIDR form; bits behind the mask are cleared."""
    try:
        return str(ip_network(text, strict=False))
    except ValueError as error:
        raise BadValue(f"{field.name} is an IP address or a network like 10.0.0.0/8, {text!r} is neither") from error


def same_version(field: Field, low: str, high: str) -> None:
    """Addresses of the two IP versions have no common order."""
    if type(ip_address(low)) is not type(ip_address(high)):
        raise BadValue(f"a range of {field.name} needs two addresses of one IP version")


def is_ipv4(text: str) -> bool:
    """Whether a canonical address is of version 4."""
    found: IPv4Address | IPv6Address = ip_address(text)
    return found.version == 4


def date(field: Field, text: str) -> tuple[int, int]:
    """First and last nanosecond of the span that a date means; UTC without a zone."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise BadValue(f"{field.name} is a date like 2026-11-22 or 2026-11-22T10:15:00.5Z, {text!r} is not")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0),
                         tzinfo=UTC)
        start -= _offset(zone)
    except (ValueError, OverflowError) as error:
        raise BadValue(f"{text!r} is no date: {error}") from error
    nanoseconds = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * 1_000_000_000
    if fraction:
        first = nanoseconds + int(fraction.ljust(9, "0"))
        span = 10 ** (9 - len(fraction))
    else:
        first = nanoseconds
        span = _span(int(year), month, day, hour, minute, second) * 1_000_000_000
    return min(max(first, 0), LAST), min(max(first + span - 1, 0), LAST)


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"{zone} is no offset")
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if zone[0] == "-" else offset


def _span(year: int, *parts: str | None) -> int:
    """Seconds that a date covers, by the finest part it names."""
    month, day, hour, minute, second = parts
    if second:
        return 1
    if minute:
        return 60
    if hour:
        return 3600
    if day:
        return 86_400
    if month:
        return monthrange(year, int(month))[1] * 86_400
    return 366 * 86_400 if monthrange(year, 2)[1] == 29 else 365 * 86_400
