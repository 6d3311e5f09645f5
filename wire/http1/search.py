"""Finding HTTP in bytes: what can begin a message, where the next message begins, and what is surely something else."""

import re
from typing import NamedTuple

from wire.http1.heads import METHODS, request_line
from wire.http1.state import REQUEST, RESPONSE, UNKNOWN

#: Longest request line that a search finds: a line that began earlier may have been dropped already.
LINE = 8 * 1024
#: Bytes from "HTTP/" on that decide whether it ends a request line or begins a status line.
AHEAD = 32

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}")
_STATUS = re.compile(rb"HTTP/1\.[01] \d{3}[ \r\n]")
_STATUS_SIZE = 13
_DIGITS = frozenset([b"", *(b"%d" % digit for digit in range(10))])
_VERSION_END = re.compile(rb"HTTP/1\.[01][ \t]*\r?\n")
_LINE_START = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) +\S[^\r\n]*")
_NAMES = sorted((method.encode() for method in METHODS), key=lambda name: -len(name))
_KNOWN = re.compile(rb"(?:%b) \S[^\r\n]*" % b"|".join(_NAMES))
_SIGNATURES = (
    (re.compile(rb"[\x14-\x17]\x03[\x00-\x04]"), "tls"),
    (re.compile(rb"PRI \* HTTP/2"), "http2"),
    (re.compile(rb"SSH-\d"), "ssh"),
)


def signature(data: bytes, at: int) -> str:
    """The protocol that surely begins here, "" when none of those we know."""
    for pattern, name in _SIGNATURES:
        if pattern.match(data, at):
            return name
    return ""


def plausible(data: bytes, at: int, kind: int) -> bool:
    """Can these bytes, or what they are the first part of, be the start line of a message?"""
    if kind == RESPONSE:
        return b"http/".startswith(data[at : at + 5].lower()) and data[at + 5 : at + 6] in _DIGITS
    match = _METHOD.match(data, at)
    if match is None:
        return False
    if match.end() < len(data) and data[match.end()] not in b" \t\0":
        return False
    stop = data.find(b"\n", at)
    if stop < 0:
        return True
    line = str(data[at:stop], "latin-1").replace("\0", "").strip("\r").split("\r")[0]
    return request_line(line) is not None


def recognise(data: bytes, at: int) -> tuple[int, bool]:
    """What a stream of unknown direction begins with: (REQUEST, RESPONSE or UNKNOWN, may more bytes decide it)."""
    if data[at : at + 5].lower() == b"http/":
        return RESPONSE, False
    if not plausible(data, at, REQUEST):
        return UNKNOWN, plausible(data, at, RESPONSE)
    stop = data.find(b"\n", at, at + LINE)
    if stop < 0:
        return UNKNOWN, len(data) - at < LINE
    return REQUEST, False


def status_line(data: bytes, at: int) -> bool | None:
    """Does a response begin here? None: more bytes are needed."""
    if _STATUS.match(data, at):
        return True
    short = len(data) - at < _STATUS_SIZE
    return None if short and b"HTTP/1.".startswith(data[at : at + 7]) else False


class Found(NamedTuple):
    """The next start line, or where it may still begin."""

    at: int  # -1: not found
    kind: int = UNKNOWN
    decided: int = -1  # position of the byte that decided it: what came with that byte dates the message
    keep: int = 0  # without a find: bytes before this cannot matter any more


def find(data: bytes, at: int, kind: int, searched: int = 0) -> Found:
    """The next start line from `at`. What begins before `searched` was looked at already: the answer to the last call,
    less the `AHEAD` bytes that it could not decide on."""
    q = max(at, searched)
    while True:
        q = data.find(b"HTTP/1.", q)
        if q < 0:
            break
        if kind != REQUEST:
            if _STATUS.match(data, q):
                return Found(q, RESPONSE, q + _STATUS_SIZE - 1)
            if kind == RESPONSE and len(data) - q < _STATUS_SIZE:
                break
        if kind != RESPONSE:
            match = _VERSION_END.match(data, q)
            if match is not None:
                start = _request_line(data, at, q)
                if start >= 0:
                    return Found(start, REQUEST, match.end() - 1)
            elif len(data) - q < AHEAD and data.find(b"\n", q) < 0:
                return Found(-1, keep=_line_start(data, at, q))
        q += 1
    return Found(-1, keep=_keep(data, at, kind))


def _line_start(data: bytes, at: int, version: int) -> int:
    low = max(at, version - LINE)
    return data.rfind(b"\n", low, version) + 1 or low


def _request_line(data: bytes, at: int, version: int) -> int:
    """Where the request line begins whose version stands at `version`, -1 when it is none."""
    start = _line_start(data, at, version)
    match = _LINE_START.match(data, start, version)
    if match is None or match.end() != version or data[version - 1] not in b" \t":
        match = None
    if match is not None and (match[1].decode() in METHODS):
        return start
    # A message without a line end of its own may stand right before it: {"a":1}GET / HTTP/1.1
    known = _KNOWN.search(data, start, version)
    if known is not None:
        return known.start()
    return start if match is not None else -1


def _keep(data: bytes, at: int, kind: int) -> int:
    """From where a start line may still grow."""
    n = len(data)
    if kind == RESPONSE:
        return max(at, n - _STATUS_SIZE)
    return max(at, n - LINE - 64, data.rfind(b"\n", at, max(at, n - _STATUS_SIZE)) + 1)
