"""Documents as the screens show them: plain values for templates, which escape every one of them. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.words import nanoseconds
from wire import bodies
from wire.anomalies import ANOMALIES

Json = Mapping[str, Any]

#: Bars of durations are logarithmic: a microsecond is nothing, this many ms and more is full.
FULL_BAR_MS = 10_000.0
#: Statuses of parsing that a person should notice, in words.
PARSING = {
    "complete": "complete",
    "noResponse": "no response",
    "noRequest": "no request",
    "gap": "bytes missing",
    "truncated": "cut off",
    "error": "error",
}
#: RFC 9110 §9.2.1, those of them that are seen: what only reads.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Row:
    """A communication as a line of the grid. `digit` is its status class, 0 without a response."""

    id: str
    date: str
    method: str
    writes: bool
    status: str
    digit: str
    host: str
    path: str
    query: str
    client: str
    server: str
    identification: str
    duration: float | None
    bar: str
    size: int | None
    failed: bool
    odd: str


def row(document: Json) -> Row:
    """The grid's line of a communication."""
    req, res, stats = (document.get(part) or {} for part in ("req", "res", "stats"))
    source, target = stats.get("src") or {}, stats.get("dst") or {}
    status, parsing = stats.get("statusCode"), document.get("parsing") or {}
    duration = stats.get("duration")
    return Row(
        id=str(document.get("id", "")),
        date=str(document.get("date", "")),
        method=str(req.get("method", "–")),
        writes=bool(req) and req.get("method") not in SAFE_METHODS,
        status=str(status) if status is not None else "none",
        digit=status_digit(status),
        host=str(req.get("host", "")),
        path=str(req.get("path", "")) if req else "request not seen",
        query=str(req.get("query") or ""),
        client=str(source.get("name") or source.get("ip") or ""),
        server=str(target.get("name") or target.get("ip") or ""),
        identification=str(source.get("identification") or ""),
        duration=duration,
        bar=f"{bar(duration):.0f}%",
        size=res.get("size", req.get("size")),
        failed=status is None or parsing.get("status") in ("error", "gap"),
        odd=oddness(parsing),
    )


def status_digit(status: int | None) -> str:
    """1 to 5, 0 for none or for a code outside the classes."""
    return str(status // 100) if status is not None and 100 <= status <= 599 else "0"


def bar(duration: float | None) -> float:
    """Per cent of a duration's bar, logarithmic; something is always seen of what took time."""
    if duration is None or duration <= 0:
        return 0.0
    return min(max(100 * math.log10(1 + duration) / math.log10(1 + FULL_BAR_MS), 4.0), 100.0)


def oddness(parsing: Json) -> str:
    """What is odd about an exchange, in words for a tooltip; empty when nothing is."""
    words = [anomaly(code) for code in parsing.get("anomalies") or []]
    status = parsing.get("status", "complete")
    if status not in ("complete", "noResponse"):
        words.insert(0, PARSING.get(status, status).capitalize() + ".")
    return " ".join(words)


def anomaly(code: str) -> str:
    """The meaning of an anomaly's code; the code itself where a newer parser wrote it."""
    return ANOMALIES.get(code, code)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the timing bar, in per cent of the whole."""

    name: str
    css: str
    milliseconds: float
    x: str
    width: str


def timing(document: Json) -> list[Part]:
    """The parts of an exchange's time: sending, waiting, receiving; none without a response."""
    timings = (document.get("stats") or {}).get("timings") or {}
    values = [("Sending", "send"), ("Waiting", "wait"), ("Receiving", "receive")]
    if any(timings.get(key) is None for _, key in values):
        return []
    total = sum(timings[key] for _, key in values)
    parts, at = [], 0.0
    for name, key in values:
        share = 100 * timings[key] / total if total else 0.0
        parts.append(Part(name, f"t-{key}", timings[key], f"{at:.2f}%", f"{share:.2f}%"))
        at += share
    return parts


def first_line(document: Json) -> str:
    """The request line as a person says it: method and absolute URI."""
    req = document.get("req")
    return f"{req.get('method', '')} {req.get('uri', '')}" if req else "The request was not seen"


def request_line(document: Json) -> str:
    """The start line of the request, with its target in full."""
    req = document.get("req") or {}
    return f"{req.get('method', '')} {req.get('uri', '')} HTTP/{req.get('httpVersion', '')}" if req else ""


def status_line(document: Json) -> str:
    """The start line of the response."""
    res = document.get("res") or {}
    return f"HTTP/{res.get('httpVersion', '')} {res.get('status', '')} {res.get('reason') or ''}" if res else ""


def told_body(document: Json) -> str:
    """Whose body to show first: the response's, unless only the request has one."""
    sizes = {side: ((document.get(side) or {}).get("body") or {}).get("size", 0) for side in ("req", "res")}
    return "req" if sizes["req"] and not sizes["res"] else "res"


def values(field: Any) -> list[tuple[str, str]]:
    """A field with keys of its own (parameters, claims) as lines, a line for each value."""
    lines = []
    for name, found in (field or {}).items():
        lines += [(name, str(value)) for value in (found if isinstance(found, list) else [found])]
    return lines


def origin_source(document: Json) -> str:
    """The header field that told the client's own address; empty where it is the address that was captured."""
    source = (document.get("stats") or {}).get("src") or {}
    fields = (document.get("req") or {}).get("headers") or {}
    if source.get("origin") == source.get("ip"):
        return ""
    return next((words for name, words in _ORIGINS if fields.get(name)), "")


_ORIGINS = (("forwarded", "Forwarded"), ("x-forwarded-for", "X-Forwarded-For"))


def connected_in(session: Json) -> float | None:
    """Milliseconds from the first packet of a session to the server's agreement; None where either was not seen."""
    if not session.get("startSeen") or not session.get("connected"):
        return None
    return (nanoseconds(session["connected"]) - nanoseconds(session["date"])) / 1_000_000


def charset(content_type: str) -> str:
    """The charset that a Content-Type names, as Python knows it; empty for none."""
    return bodies.content_type(content_type).charset


def reason(document: Json) -> str:
    """The words beside the status code."""
    res = document.get("res")
    if res is None:
        return "No response"
    return str(res.get("reason") or "")
