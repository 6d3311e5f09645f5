"""Two communications beside each other: what differs and what does not, line by line. Pure.

Header fields and parameters are matched by name, whatever their order on the wire; the values of one name keep theirs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Final

from apps.core import words
from apps.httpcomms import present

if TYPE_CHECKING:
    from apps.httpcomms.bodydiff import BodyComparison

Json = Mapping[str, Any]
#: Kinds of lines that are no difference.
EQUAL: Final = ("same", "ignored")

#: Names of one section that are compared; hostile messages can have as many as they like.
MAX_LINES: Final = 500
#: Characters of a value that may be a date or an id.
MAX_MOVING: Final = 100
#: Characters of a value that are shown and compared by their parts.
MAX_VALUE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One thing of both communications. A side is None where it is missing; `kind` is same, changed, added, removed, or
    ignored.

    `a_parts` and `b_parts` are the beginning that both share, what differs, and the end that both share.
    """

    name: str
    a: str | None
    b: str | None
    kind: str
    a_parts: tuple[str, str, str] = ("", "", "")
    b_parts: tuple[str, str, str] = ("", "", "")
    note: str = ""  # of b against a: how much longer, how much larger


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under one heading. `cut` is how many names are not compared."""

    name: str
    words: str
    lines: Sequence[Line]
    cut: int = 0

    @property
    def differences(self) -> int:
        return sum(line.kind not in EQUAL for line in self.lines)

    @property
    def equal(self) -> int:
        return len(self.lines) - self.differences


def line(name: str, a: Any, b: Any, note: str = "") -> Line:
    """What both sides have under a name. What is absent and what is empty differ."""
    left, right = _text(a), _text(b)
    if left == right:
        return Line(name, _shown(left), _shown(right), "same", note="")
    if left is None or right is None:
        kind = "added" if left is None else "removed"
        whole = (("", _shown(left) or "", ""), ("", _shown(right) or "", ""))
        return Line(name, _shown(left), _shown(right), kind, *whole)
    return Line(name, _shown(left), _shown(right), "changed", *parts(left, right), note=note)


def parts(a: str, b: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    """Both texts as: what they begin with alike, what differs, what they end with alike."""
    short = min(len(a), len(b), MAX_VALUE)
    head = next((n for n in range(short) if a[n] != b[n]), short)
    while head and _inside_word(a, head) | _inside_word(b, head):
        head -= 1
    rest = min(min(len(a), len(b)) - head, MAX_VALUE)
    tail = next((n for n in range(rest) if a[-1 - n] != b[-1 - n]), rest)
    while tail and _inside_word(a, len(a) - tail) | _inside_word(b, len(b) - tail):
        tail -= 1
    return _three(a, head, tail), _three(b, head, tail)


def _inside_word(text: str, at: int) -> bool:
    """Whether a place has a letter or a figure on both sides: a word differs as a whole."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()


def _three(text: str, head: int, tail: int) -> tuple[str, str, str]:
    middle = text[head : len(text) - tail]
    if len(middle) > MAX_VALUE:
        middle = middle[:MAX_VALUE] + "…"
    return text[:head], middle, text[len(text) - tail :] if tail else ""


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _shown(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def sections(a: Json, b: Json, whisperers: Mapping[str, str], zone: tzinfo | None = None) -> list[Section]:
    """Everything but the bodies, in the order in which a person asks for it; sections that both lack are left out.

    Dates are told in a zone, or as they are stored.
    """
    made = [
        Section("general", "General", _general(a, b, whisperers)),
        Section("timings", "Times and sizes", _timings(a, b, zone)),
        Section("request", "Request line", _request_line(a, b)),
        _named("params", "Query parameters", _at(a, "req.params"), _at(b, "req.params")),
        _named("req.headers", "Request headers", _at(a, "req.headers"), _at(b, "req.headers")),
        _named("claims", "Token claims", _at(a, "req.authorization.jwtClaims"), _at(b, "req.authorization.jwtClaims")),
        _named("res.headers", "Response headers", _at(a, "res.headers"), _at(b, "res.headers")),
        _named("req.trailers", "Request trailers", _at(a, "req.trailers"), _at(b, "req.trailers")),
        _named("res.trailers", "Response trailers", _at(a, "res.trailers"), _at(b, "res.trailers")),
        _named("tags", "Tags", _at(a, "stats.tags"), _at(b, "stats.tags")),
    ]
    return [one for one in made if one.lines]


def _named(name: str, heading: str, a: Any, b: Any) -> Section:
    """Two mappings of names to values, whatever their order."""
    left, right = a or {}, b or {}
    names = list(dict.fromkeys([*left, *right]))
    lines = [line(one, left.get(one), right.get(one)) for one in names[:MAX_LINES]]
    return Section(name, heading, lines, cut=max(len(names) - MAX_LINES, 0))


#: What is told first: head, field.
_GENERAL: Final = (
    ("Host", "req.host"),
    ("Client", "stats.src.name"),
    ("Client address", "stats.src.ip"),
    ("Server", "stats.dst.name"),
    ("Server address", "stats.dst.ip"),
    ("Server port", "stats.dst.port"),
    ("Identification", "stats.src.identification"),
    ("Origin", "stats.src.origin"),
    ("Template", "req.template"),
    ("Correlation", "stats.correlation"),
    ("Location", "res.location"),
    ("Protocol", "protocol"),
    ("TCP session", "tcpSession"),
    ("Anomalies", "parsing.anomalies"),
)


def _general(a: Json, b: Json, whisperers: Mapping[str, str]) -> list[Line]:
    made = [line("Status", _status(a), _status(b))]
    for heading, name in _GENERAL:
        left, right = _at(a, name), _at(b, name)
        if left not in (None, [], "") or right not in (None, [], ""):
            made.append(line(heading, left or None, right or None))
    readings = [present.PARSING.get(_at(one, "parsing.status") or "", "") for one in (a, b)]
    made.append(line("Parsing", *readings))
    names = [whisperers.get(one.get("whisperer", ""), one.get("whisperer", "")) for one in (a, b)]
    made.append(line("Whisperer", *names))
    return made


def _status(document: Json) -> str:
    code = _at(document, "stats.statusCode")
    return f"{code} {present.reason(document)}".strip() if code is not None else "no response"


_TIMES: Final = (
    ("Duration", "stats.duration"),
    ("Sending", "stats.timings.send"),
    ("Waiting", "stats.timings.wait"),
    ("Receiving", "stats.timings.receive"),
)
_SIZES: Final = (("Request size", "req.size"), ("Response size", "res.size"))


def _timings(a: Json, b: Json, zone: tzinfo | None) -> list[Line]:
    """Durations and sizes, with what the second is more or less than the first."""
    dates = (("Asked", "req.date"), ("Answered", "res.date"))
    made = [line(heading, *(_moment(_at(one, name), zone) for one in (a, b))) for heading, name in dates]
    for heading, name in _TIMES:
        left, right = _at(a, name), _at(b, name)
        shown = [words.duration(float(one)) if one is not None else None for one in (left, right)]
        made.append(line(heading, *shown, note=_more(left, right, words.duration)))
    for heading, name in _SIZES:
        left, right = _at(a, name), _at(b, name)
        shown = [words.volume(one) if one is not None else None for one in (left, right)]
        made.append(line(heading, *shown, note=_more(left, right, lambda size: words.volume(int(size)))))
    return [one for one in made if one.a is not None or one.b is not None]


def _moment(date: str | None, zone: tzinfo | None) -> str | None:
    if date is None or zone is None:
        return date
    day, time, fraction = words.local(words.nanoseconds(date), zone)
    return f"{day} {time}.{fraction[:3]} {fraction[3:6]} {fraction[6:]}"


def _more(a: float | None, b: float | None, said: Any) -> str:
    if a is None or b is None or a == b:
        return ""
    return f"{'+' if b > a else '−'}{said(abs(b - a))}"


def _request_line(a: Json, b: Json) -> list[Line]:
    names = (("Method", "req.method"), ("Scheme", "req.scheme"), ("Path", "req.path"), ("Query", "req.query"),
             ("HTTP version", "req.httpVersion"))  # fmt: skip
    made = [line(heading, _at(a, name), _at(b, name)) for heading, name in names]
    return [one for one in made if one.a is not None or one.b is not None]


def _at(document: Json, name: str) -> Any:
    """What a document has at a path of names."""
    found: Any = document
    for key in name.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


#: What is another in every communication: dates as people and programs write them, ids and hashes.
_MOVING: Final = re.compile(
    r"""["']?(?:
    \d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d. ]*(?:Z|[+-]\d\d:?\d\d)? |
    [A-Z][a-z]{2},\ \d\d\ [A-Z][a-z]{2}\ \d{4}\ \d\d:\d\d:\d\d\ GMT |
    1\d{9}(?:\d{3}){0,3} |
    [\w.:-]*?(?:[0-9a-f]{16,64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})[\w.:-]{0,40}
    )["']?""",
    re.X | re.I,
)


def ignoring(line: Line) -> Line:
    """The line, as one that does not count where dates or ids are all that differs."""
    values = [one for one in (line.a, line.b) if one is not None]
    if line.kind == "same" or not all(len(one) <= MAX_MOVING and _MOVING.fullmatch(one) for one in values):
        return line
    return replace(line, kind="ignored")


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of two communications: sections, and bodies as `bodydiff` compares them."""

    sections: Sequence[Section]
    bodies: Sequence["BodyComparison"] = ()

    @property
    def differences(self) -> int:
        return sum(one.differences for one in self.sections) + sum(one.differences for one in self.bodies)

    def without_moving(self) -> "Comparison":
        """The same, but that dates and ids do not count as differences."""
        sections = [replace(one, lines=[ignoring(line) for line in one.lines]) for one in self.sections]
        bodies = [replace(one, lines=[ignoring(line) for line in one.lines]) for one in self.bodies]
        return Comparison(sections, bodies)
