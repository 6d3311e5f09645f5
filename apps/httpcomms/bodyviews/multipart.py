"""A multipart body taken apart (RFC 2046 §5.1, RFC 7578): each part with its head, and its body as bytes of its own.

Bounded and forgiving: line ends may be CRLF or LF, a missing last delimiter ends the last part with the data, and no
more than some parts and header lines are read. Only `bytes.find` walks the data, once from beginning to end.
"""

import re
from dataclasses import dataclass, field

from apps.httpcomms.bodyviews.limits import MAX_PART_FIELDS, MAX_PART_HEAD, MAX_PARTS

_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;,"]{1,200}))', re.IGNORECASE)
_PARAMETER = re.compile(r';\s*(name|filename)\s*=\s*(?:"((?:[^"\\]|\\.){0,1000})"|([^\s;"]{1,1000}))', re.IGNORECASE)

# RFC 2046 §5.1.1: a delimiter is a line of its own; what only begins like one is content.
_AFTER = re.compile(rb"--|[ \t]{0,100}(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: header fields as lines, and what they say of its body."""

    headers: list[tuple[str, str]]
    data: bytes = field(repr=False)
    name: str = ""
    filename: str = ""
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that were read; `more` says that there are others, `whole` that the last delimiter was there."""

    parts: list[Part]
    more: bool
    whole: bool


def boundary(content_type: str) -> str:
    """The boundary that a Content-Type names; empty when it names none."""
    found = _BOUNDARY.search(content_type[:2000])
    return (found[1] or found[2]) if found else ""


def parts(data: bytes, content_type: str) -> Parts | None:
    """The parts of a body; None when there is not one delimiter in it."""
    named = boundary(content_type).encode("latin-1", "replace")
    if not named:
        return None
    delimiter = b"--" + named
    at = _delimiter(data, delimiter, 0)
    if at < 0:
        return None
    found: list[Part] = []
    while len(found) < MAX_PARTS:
        begin, last = _after(data, at + len(delimiter))
        if last:
            return Parts(found, more=False, whole=True)
        following = _delimiter(data, delimiter, begin)
        found.append(_part(data, begin, _end(data, begin, following)))
        if following < 0:
            return Parts(found, more=False, whole=False)
        at = following
    return Parts(found, more=not data.startswith(b"--", at + len(delimiter)), whole=False)


def _delimiter(data: bytes, delimiter: bytes, start: int) -> int:
    """Where the next delimiter at the beginning of a line is, -1 for nowhere."""
    at = data.find(delimiter, start)
    while at >= 0 and not ((at == 0 or data[at - 1] == 0x0A) and _AFTER.match(data, at + len(delimiter))):
        at = data.find(delimiter, at + 1)
    return at


def _after(data: bytes, at: int) -> tuple[int, bool]:
    """Where the part behind a delimiter begins; True when it was the last delimiter."""
    if data.startswith(b"--", at):
        return at, True
    line = data.find(b"\n", at)
    return (line + 1 if line >= 0 else len(data)), False


def _end(data: bytes, begin: int, following: int) -> int:
    """RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter."""
    if following < 0:
        return len(data)
    end = following - 1 if following > begin and data[following - 1] == 0x0A else following
    return end - 1 if end > begin and data[end - 1] == 0x0D else end


def _part(data: bytes, begin: int, end: int) -> Part:
    head = data[begin : min(end, begin + MAX_PART_HEAD)]
    if head[:1] == b"\n" or head[:2] == b"\r\n":  # no header field at all
        return Part([], data[begin + (2 if head[:1] == b"\r" else 1) : max(end, begin)])
    gaps = [(at, len(gap)) for gap in (b"\r\n\r\n", b"\n\n") if (at := head.find(gap)) >= 0]
    if not gaps:
        return Part([], data[begin:end])
    at, length = min(gaps)
    headers = _headers(head[:at])
    said = {name.lower(): value for name, value in reversed(headers)}
    disposition = {
        found[1].lower(): re.sub(r"\\(.)", r"\1", found[2] or found[3] or "")
        for found in _PARAMETER.finditer(said.get("content-disposition", ""))
    }
    return Part(
        headers,
        data[begin + at + length : end],
        disposition.get("name", ""),
        disposition.get("filename", ""),
        said.get("content-type", ""),
    )


def _headers(head: bytes) -> list[tuple[str, str]]:
    # RFC 7578 §5.1: names are UTF-8 in practice.
    fields: list[tuple[str, str]] = []
    for line in head.decode("utf-8", "replace").splitlines()[:MAX_PART_FIELDS]:
        if line[:1] in (" ", "\t") and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
            continue
        name, _, value = line.partition(":")
        fields.append((name.strip(), value.strip()))
    return fields
