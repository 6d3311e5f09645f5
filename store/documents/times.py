"""Times of documents: RFC 3339 text in UTC with up to nine digits, and nanoseconds since the epoch.

Neither datetime nor PostgreSQL's timestamps hold nanoseconds, so the digits after the second are handled apart.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache

_FORM = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


@lru_cache(maxsize=4096)
def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def to_nanoseconds(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time in UTC. ValueError for anything else."""
    if len(text) == 30 and text[19] == "." and text[29] == "Z" and text[20:29].isdecimal():
        return _seconds(text[:19]) * 1_000_000_000 + int(text[20:29])
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a time like 2026-11-22T10:15:00.123456789Z")
    return _seconds(found[1]) * 1_000_000_000 + int((found[2] or "").ljust(9, "0"))


def to_text(nanoseconds: int) -> str:
    """The RFC 3339 time with nine digits."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
