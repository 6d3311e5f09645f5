"""Figures in the words of the screens: durations, sizes, moments. Pure; units are in the names."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_DATE = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?")
SECOND = 1_000_000_000


def nanoseconds(text: str, zone: tzinfo = UTC) -> int:
    """Nanoseconds since the epoch of an RFC 3339 date, in `zone` where it names none. Raises ValueError."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a date: {text}")
    whole, fraction, offset = match.groups()
    moment = datetime.fromisoformat(whole + {None: "", "Z": "+00:00"}.get(offset, offset))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return seconds * SECOND + int((fraction or "").ljust(9, "0"))


def rfc3339(ns: int) -> str:
    """The moment in UTC, with as many digits as it needs: whole seconds, milliseconds or nanoseconds."""
    seconds, rest = divmod(ns, SECOND)
    text = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if rest % 1_000_000:
        return f"{text}.{rest:09d}Z"
    return f"{text}.{rest // 1_000_000:03d}Z" if rest else f"{text}Z"


def local(ns: int, zone: tzinfo) -> tuple[str, str, str]:
    """Day, time to the second, and the nine digits after it, in the zone."""
    seconds, rest = divmod(ns, SECOND)
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
    return moment.strftime("%Y-%m-%d"), moment.strftime("%H:%M:%S"), f"{rest:09d}"


def offset_label(ns: int, zone: tzinfo) -> str:
    """The zone as people say it at that moment: UTC, UTC+1, UTC-3:30."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // SECOND)
    offset = moment.astimezone(zone).utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return "UTC" + (f"{sign}{hours}" + (f":{rest:02d}" if rest else "") if minutes else "")


def duration(milliseconds: float) -> str:
    """Two or three figures and a unit: 412 µs, 8.4 ms, 547 ms, 2.31 s, 4 min 12 s."""
    if milliseconds < 0.9995:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 999.5:
        return f"{milliseconds:.1f} ms" if milliseconds < 99.95 else f"{milliseconds:.0f} ms"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.2f} s" if milliseconds < 9_995 else f"{milliseconds / 1000:.1f} s"
    return span(int(milliseconds * 1_000_000))


def span(ns: int) -> str:
    """A stretch of time in at most two units: 6 min, 1 h 30 min, 3 days."""
    seconds = round(ns / SECOND)
    if seconds < 1:
        return f"{max(ns, 0) // 1_000_000} ms"
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def size(count: int) -> str:
    """Bytes, short: 214, 1.4 K, 18.3 K, 2.1 M, 1.0 G."""
    if count < 1000:
        return str(count)
    value = float(count)
    for unit in ("K", "M", "G"):
        value /= 1024
        if value < 999.5 or unit == "G":
            return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"
    raise AssertionError  # the loop ends at G


def volume(count: int) -> str:
    """Bytes with their unit, for sentences: 214 bytes, 1.4 KB, 1.0 GB."""
    return f"{count} bytes" if count < 1000 else f"{size(count)}B"
