"""Start lines and header fields (RFC 9112 sections 2 to 5).

Nearly every line of a head was seen before, so a bounded dictionary maps whole lines to (name, values) and a normal
head costs one decode, one split and one look-up a line. Any line that is not plainly right raises `OddHead`, and the
same head is read again by the tolerant reader, which follows what browsers accept and notes each oddity. A head is
never refused: we witness, we do not serve.
"""

import re
import sys

from wire.events import Headers

#: Lines remembered, and the longest of them: together at most some 10 MB.
CACHED_LINES = 20_000
CACHED_LINE = 256

VERSIONS = {"HTTP/1.1": "1.1", "HTTP/1.0": "1.0"}

METHODS = frozenset(
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH REPORT "
    "MKACTIVITY CHECKOUT MERGE NOTIFY SUBSCRIBE UNSUBSCRIBE PURGE LINK UNLINK BIND REBIND UNBIND ACL MKCALENDAR "
    "QUERY BATCH VIEW".split()
)

#: Fields that hardly ever repeat: not worth remembering.
_VARYING = frozenset(
    "cookie set-cookie last-modified expires etag if-none-match if-modified-since age x-request-id "
    "x-correlation-id request-id traceparent x-b3-traceid x-b3-spanid x-amzn-trace-id content-md5 location".split()
)
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f]*")
_DIGITS = re.compile("[0-9]{3}")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_VERSION = re.compile(r"HTTP/(\d[\d.]*)", re.I)
_STATUS = re.compile(r"\s*HTTP/(\d[\d.]*)[^\d]*(\d{1,3})?(.*)", re.I | re.S)
_STRICT_STATUS = re.compile(r"HTTP/1\.[01] \d{3}(?: [^\0]*)?")
_END = re.compile(rb"\n(\r{0,2})\n")
_NEXT_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*:")

_ANY_METHOD = "|".join(sorted(METHODS))
_GLUED = re.compile(rf".*[a-z0-9](?:{_ANY_METHOD})")
_INSIDE = re.compile(rf"(?:{_ANY_METHOD}) \S")

#: What a head says: start line fields, header fields, codes of what was odd.
RequestHead = tuple[str, str, str, Headers, list[str]]  # method, target, version
ResponseHead = tuple[str, int, str, Headers, list[str]]  # version, status, reason


class OddHead(Exception):
    """This head needs the tolerant reader. Never leaves the package."""


class _Names(dict[str, str]):
    """Field name as sent → lower case; fills itself and starts afresh when full."""

    def __missing__(self, name: str) -> str:
        if not _TOKEN.fullmatch(name):
            raise OddHead
        lower = sys.intern(name.lower())
        if len(self) >= CACHED_LINES:
            self.clear()
        self[name] = lower
        return lower


class _Lines(dict[str, tuple[str, list[str]]]):
    """Header line → (lower-case name, [value]); fills itself and starts afresh when full."""

    def __missing__(self, line: str) -> tuple[str, list[str]]:
        raw, colon, value = line.partition(":")
        if not colon or not (value.isprintable() or _VALUE.fullmatch(value)):
            raise OddHead
        name = _NAMES[raw]
        field = (name, [value.strip(" \t")])
        if len(line) <= CACHED_LINE and name not in _VARYING:
            if len(self) >= CACHED_LINES:
                self.clear()
            self[line] = field
        return field


class _StatusLines(dict[str, tuple[str, int, str]]):
    """Status line → (version, status, reason)."""

    def __missing__(self, line: str) -> tuple[str, int, str]:
        # RFC 9112 section 4: HTTP-version SP status-code SP [ reason-phrase ]; the last SP is often left out.
        digits, rest = line[9:12], line[12:]
        if line[:9] not in ("HTTP/1.1 ", "HTTP/1.0 ") or not _DIGITS.fullmatch(digits):
            raise OddHead
        if rest[:1] not in ("", " ") or "\n" in rest or "\r" in rest or "\0" in rest:
            raise OddHead
        parsed = (line[5:8], int(digits), rest[1:])
        if len(line) <= CACHED_LINE:
            if len(self) >= CACHED_LINES:
                self.clear()
            self[line] = parsed
        return parsed


_NAMES = _Names()
_LINES = _Lines()
_STATUS_LINES = _StatusLines()
_field = _LINES.__getitem__


def fields(lines: list[str]) -> Headers:
    """Header lines to values by name. Raises OddHead. The lists are shared between messages: never change one."""
    headers = dict(map(_field, lines))
    if len(headers) != len(lines):
        headers = {}
        own: set[str] = set()  # names whose list is this message's own, to be added to
        for name, values in map(_field, lines):
            known = headers.get(name)
            if known is None:
                headers[name] = values
            elif name in own:
                known += values
            else:
                headers[name] = known + values
                own.add(name)
    return headers


def request(text: str) -> RequestHead:
    """A request head without its empty line. Raises OddHead where it is not plainly right."""
    lines = text.split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3:
        raise OddHead
    method, target, version = parts
    number = VERSIONS.get(version)
    if number is None or not target or not target.isprintable():
        raise OddHead
    if method not in METHODS and not _is_method(method):
        raise OddHead
    del lines[0]
    return method, target, number, fields(lines), []


def response(text: str) -> ResponseHead:
    """A response head without its empty line. Raises OddHead where it is not plainly right."""
    lines = text.split("\r\n")
    version, status, reason = _STATUS_LINES[lines[0]]
    del lines[0]
    return version, status, reason, fields(lines), []


def end(data: bytes | bytearray, start: int, done: bool) -> tuple[int, int] | None:
    """Where the head that begins at `start` ends: (last byte of its text + 1, first byte after it), or None for more.

    An empty line may end with a bare LF (RFC 9112 section 2.2). A line of one CR ends the head as well, unless a header
    field follows it: that needs the next line, or `done` when no more will come.
    """
    at = start
    while True:
        match = _END.search(data, at)
        if match is None:
            return None
        if len(match[1]) == 2:
            following = match.end()
            if _NEXT_FIELD.match(data, following):
                at = following - 1
                continue
            if not done and data.find(b"\n", following) < 0 and len(data) - following < CACHED_LINE:
                return None
        text_end = match.start()
        if text_end > start and data[text_end - 1] == 13:
            text_end -= 1
        return text_end, match.end()


def _is_method(name: str) -> bool:
    """Any token may be a method, but rather than `xGET` it is the end of something and a GET."""
    return bool(_TOKEN.fullmatch(name)) and not _GLUED.fullmatch(name)


def request_line(line: str) -> tuple[str, str, str] | None:
    """Method, target and version of anything that can be called a request line; None when it is nonsense."""
    # Split, not matched: a pattern with white space on both sides of the target takes cubic time on spaces.
    words = line.split(None, 1)
    if len(words) != 2:
        return None
    method, rest = words
    *before, last = rest.rsplit(None, 1)
    version = _VERSION.fullmatch(last)
    # A target may be empty between two spaces.
    targeted = bool(before) or line[line.index(method) + len(method) :][1:2].isspace()
    if version is not None and targeted and _is_method(method):
        target = before[0] if before else ""
        if method in METHODS or not _INSIDE.search(target):
            return method, target, version[1]
        return None
    if method.upper() in METHODS:
        # RFC 1945 section 4.1: a Simple-Request has no version. With header fields it is only malformed.
        return method, rest.rstrip(), "0.9"
    return None


def tolerant_request(text: str) -> RequestHead | None:
    """Any head that can be called a request; None when it is nonsense."""
    line, headers, odd = _tolerant(text)
    parts = request_line(line)
    if parts is None:
        return None
    method, target, version = parts
    if version == "0.9":
        odd.append("noVersion")
    elif len(line.split(" ")) != 3 or version not in ("1.0", "1.1"):
        odd.append("oddStartLine")
    return method, target, version, headers, odd


def tolerant_response(text: str) -> ResponseHead | None:
    """Any head that can be called a response; None when it is nonsense."""
    line, headers, odd = _tolerant(text)
    match = _STATUS.fullmatch(line)
    if match is None:
        return None
    if _STRICT_STATUS.fullmatch(line) is None:
        odd.append("oddStartLine")
    return match[1], int(match[2] or 0), match[3].strip(), headers, odd


def trailers(text: str) -> tuple[Headers, list[str]]:
    """Trailer fields and their oddities."""
    try:
        return fields(text.split("\r\n")), []
    except OddHead:
        _, headers, odd = _tolerant("\n" + text)
        return headers, odd


def _tolerant(text: str) -> tuple[str, Headers, list[str]]:
    """Start line, fields and oddities of any text."""
    odd: list[str] = []
    if "\0" in text:
        odd.append("nulInHead")
        text = text.replace("\0", "")
    lines = _logical_lines(text, odd)
    headers: Headers = {}
    last = ""
    for line in lines[1:]:
        last = _add_field(headers, line, last, odd)
    return lines[0], headers, list(dict.fromkeys(odd))


def _logical_lines(text: str, odd: list[str]) -> list[str]:
    """Lines with folds taken out. Bare CR breaks the start line, and all lines where there is no LF at all."""
    if "\n" not in text:
        lines = text.split("\r")
    else:
        lines = [line.strip("\r") for line in text.split("\n")]
        first, *rest = lines[0].split("\r")
        if rest:
            lines[:1] = [first, *rest]
    if "\r" in text.replace("\r\n", ""):
        odd.append("bareCr")
    if "\n" in text.replace("\r\n", ""):
        odd.append("bareLf")
    logical = [lines[:1]]
    for line in lines[1:]:
        # RFC 9112 section 5.2: obs-fold is replaced by a space.
        if line[:1] in (" ", "\t"):
            odd.append("foldedLine")
            if len(logical) > 1:
                logical[-1].append(line.strip())
        elif line:
            logical.append([line])
    return [" ".join(parts) for parts in logical]


def _add_field(headers: Headers, line: str, last: str, odd: list[str]) -> str:
    """Add one logical line to `headers`; answers the name the next line may continue."""
    raw, colon, value = line.partition(":")
    name, value = raw.strip().lower(), value.strip()
    if not colon:
        odd.append("lineWithoutColon")
        if last and headers[last][-1] == "":
            headers[last][-1] = line.strip()
        return last
    if not name:
        odd.append("oddHeaderName")
        return last
    if name != raw.lower() or not _TOKEN.fullmatch(name):
        odd.append("oddHeaderName")
    if value[:1] == ":":
        odd.append("oddHeaderValue")
        value = value.lstrip(": \t")
    headers.setdefault(name, []).append(value)
    return name
