"""The cells of the grid: each field as its kind deserves, as HTML in which every value is escaped.

Made here and not by a template, because a page has thousands of them. `data-copy` holds what copying gives where that
is more exact than what is shown.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.core import words
from apps.core.templatetags.spider import endpoint, icon, shape
from apps.httpcomms import present
from apps.httpcomms.columns import Column
from apps.httpcomms.templatetags.values import askable, handle
from documents.fields import find

Json = Mapping[str, Any]
#: A cell is cut after so many characters: a row is a line, the detail has all of it.
MAX_SHOWN: Final = 300
#: Values of a list that a cell shows.
MAX_LISTED: Final = 8
#: Kinds whose values are so exact that no second one is the same: facets have stretches of them.
_EXACT: Final = frozenset({"time", "date", "bar", "duration", "size"})
_NONE: Final = mark_safe('<td class="none"><span class="dim">–</span></td>')


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the cells of a page have in common: the zone, whether dates need their day, names of whisperers by id."""

    zone: tzinfo
    days: bool
    whisperers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A communication as a line of the grid. `place` counts from 1 over the whole result."""

    id: str
    place: int
    at: int
    failed: bool
    words: str
    cells: list[SafeString]


def row(document: Json, columns: Iterable[Column], around: Surroundings, place: int) -> Row:
    """The grid's line of a communication."""
    stats, req = document.get("stats") or {}, document.get("req") or {}
    parsing = (document.get("parsing") or {}).get("status")
    return Row(
        id=str(document.get("id", "")),
        place=place,
        at=words.nanoseconds(document["date"]),
        failed=stats.get("statusCode") is None or parsing in ("error", "gap"),
        words=cut(f"{req.get('method', '')} {req.get('path', 'request not seen')}"),
        cells=[cell(document, one, around) for one in columns],
    )


def cell(document: Json, column: Column, around: Surroundings) -> SafeString:
    """One cell."""
    if column.kind in _TOGETHER:
        return _TOGETHER[column.kind](document, around)
    found = value(document, column.name)
    if found is None or found in ("", []):
        return _ABSENT.get(column.kind, _NONE)
    made = _KINDS[column.kind](found, document, around)
    return made if column.kind in _EXACT else handled(made, column.name, found)


def handled(cell: SafeString, field: str, found: Any) -> SafeString:
    """A cell that is a handle of its value (values.js), where it has one that a query can ask for."""
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    text = str(found).lower() if isinstance(found, bool) else str(found)
    if found is None or not askable(field, text):
        return cell
    rest = SafeString(cell.removeprefix("<td"))  # escaped as it was
    return format_html('<td data-field="{}" data-value="{}"{}', field, text, rest)


def _part(field: str, text: str) -> SafeString:
    """One of several values in a cell, as a handle."""
    return handle(field, text, None, cut(text)) if text else mark_safe("")


def value(document: Json, name: str) -> Any:
    """What a document has under the name of a field, or of a key of one; None where there is nothing."""
    known = find("httpcomms", name)
    if known is None:
        return None
    field, key = known
    found: Any = document
    for part in field.path if key is None else (*field.path, key):
        if isinstance(found, list):
            found = [one.get(part) for one in found if isinstance(one, dict) and part in one]
        elif isinstance(found, dict):
            found = found.get(part)
        else:
            return None
    return found


def cut(text: str) -> str:
    """No more of a text than a cell can show."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _text(found: Any, document: Json, around: Surroundings) -> SafeString:
    text = str(found)
    if len(text) > MAX_SHOWN:
        return format_html('<td data-copy="{}">{}</td>', text[:4000], cut(text))
    return format_html("<td>{}</td>", text)


def _mono(found: Any, document: Json, around: Surroundings) -> SafeString:
    return format_html('<td class="mono">{}</td>', cut(str(found)))


def _time(found: Any, document: Json, around: Surroundings) -> SafeString:
    day, time, fraction = words.local(words.nanoseconds(str(found)), around.zone)
    shown = format_html('<span class="dim">{} </span>{}.{}', day[5:], time, fraction[:3]) if around.days else None
    return format_html(
        '<td class="mono" data-copy="{}" title="{} {}.{}">{}</td>',
        found, day, time, fraction, shown or f"{time}.{fraction[:3]}",
    )  # fmt: skip


def _method(found: Any, document: Json, around: Surroundings) -> SafeString:
    writes = found not in present.SAFE_METHODS
    return format_html('<td class="m{}">{}</td>', " w" if writes else "", cut(str(found)))


def _status(found: Any, document: Json, around: Surroundings) -> SafeString:
    digit = str(found)[:1] if str(found)[:1] in "12345" else "0"
    return format_html('<td><span class="st c{}">{}{}</span></td>', digit, shape(digit), found)


def _who(found: Any, document: Json, around: Surroundings) -> SafeString:
    return format_html("<td>{}</td>", cut(str(found)))


def _bar(found: Any, document: Json, around: Surroundings) -> SafeString:
    digit = present.status_digit((document.get("stats") or {}).get("statusCode"))
    return format_html(
        '<td class="num dur-c" data-copy="{}"><svg class="dur" aria-hidden="true"><rect class="track" width="100%" '
        'height="5" rx="1"/><rect class="f{}" width="{}%" height="5" rx="1"/></svg><span class="durv">{}</span></td>',
        found, digit, round(present.bar(found)), words.duration(found),
    )  # fmt: skip


def _duration(found: Any, document: Json, around: Surroundings) -> SafeString:
    return format_html('<td class="num" data-copy="{}">{}</td>', found, words.duration(float(found)))


def _size(found: Any, document: Json, around: Surroundings) -> SafeString:
    exact = f"{found:,}"
    return format_html('<td class="num" data-copy="{}" title="{} bytes">{}</td>', found, exact, words.size(found))


def _number(found: Any, document: Json, around: Surroundings) -> SafeString:
    return format_html('<td class="num">{}</td>', found)


def _flag(found: Any, document: Json, around: Surroundings) -> SafeString:
    if found is True:
        return format_html('<td data-copy="true">{} yes</td>', icon("check", "s"))
    return mark_safe('<td data-copy="false"><span class="dim">no</span></td>')


def _list(found: Any, document: Json, around: Surroundings) -> SafeString:
    values = [str(one) for one in (found if isinstance(found, list) else [found])]
    copied = "\n".join(values)[:4000]
    if len(values) == 1:
        return format_html('<td data-copy="{}">{}</td>', copied, cut(values[0]))
    parts = format_html_join(" ", '<span class="chip">{}</span>', ((cut(one),) for one in values[:MAX_LISTED]))
    more = format_html(' <span class="dim">+{}</span>', len(values) - MAX_LISTED) if len(values) > MAX_LISTED else ""
    return format_html('<td data-copy="{}">{}{}</td>', copied, parts, more)


def _whisperer(found: Any, document: Json, around: Surroundings) -> SafeString:
    return format_html('<td data-copy="{}">{}</td>', found, around.whisperers.get(str(found), found))


def _parsing(found: Any, document: Json, around: Surroundings) -> SafeString:
    said = present.PARSING.get(found, str(found))
    if found == "complete":
        return format_html('<td data-copy="{}">{}</td>', found, said)
    mark = icon("warn", "s")
    return format_html('<td class="odd" data-copy="{}" title="{}">{} {}</td>', found, said.capitalize(), mark, said)


def _anomalies(found: Any, document: Json, around: Surroundings) -> SafeString:
    meaning = " ".join(present.anomaly(code) for code in found)
    return format_html('<td class="odd" data-copy="{}" title="{}">{}</td>', "\n".join(found), meaning, ", ".join(found))


def _path(document: Json, around: Surroundings) -> SafeString:
    req = document.get("req") or {}
    odd = present.oddness(document.get("parsing") or {})
    mark = format_html(
        '<span class="odd" title="{}">{}<span class="sr">{}</span></span> ', odd, icon("warn", "s"), odd
    ) if odd else ""  # fmt: skip
    path, query = str(req.get("path", "")) if req else "request not seen", str(req.get("query") or "")
    asked = format_html('<span class="q">?{}</span>', cut(query)) if query else ""
    copied = f"{path}?{query}" if query else path
    shown = _part("req.path", path) if req else path
    return format_html('<td class="mono path" data-copy="{}">{}{}{}</td>', copied[:4000], mark, shown, asked)


def _ends(document: Json, around: Surroundings) -> SafeString:
    stats = document.get("stats") or {}
    client, server = (stats.get(side) or {} for side in ("src", "dst"))
    names = [cut(str(end.get("name") or end.get("ip") or "")) for end in (client, server)]
    fields = ("stats.src.name", "stats.dst.name")
    parts = [_part(field, str(end.get("name") or "")) or name
             for field, end, name in zip(fields, (client, server), names, strict=True)]  # fmt: skip
    return format_html(
        '<td data-copy="{} → {}" title="{} → {}">{}<span class="ar">→</span>{}</td>',
        *names, endpoint(client), endpoint(server), *parts,
    )  # fmt: skip


def _whole_size(document: Json, around: Surroundings) -> SafeString:
    found = (document.get("res") or {}).get("size", (document.get("req") or {}).get("size"))
    return _size(found, document, around) if isinstance(found, int) else mark_safe('<td class="num dim">–</td>')


_TOGETHER: Final[Mapping[str, Callable[[Json, Surroundings], SafeString]]] = {
    "path": _path,
    "ends": _ends,
    "whole": _whole_size,
}
_KINDS: Final[Mapping[str, Callable[[Any, Json, Surroundings], SafeString]]] = {
    "time": _time, "date": _time, "method": _method, "status": _status, "who": _who, "bar": _bar,
    "duration": _duration, "size": _size, "number": _number, "flag": _flag, "list": _list, "text": _text,
    "long": _mono, "address": _mono, "whisperer": _whisperer, "parsing": _parsing, "anomalies": _anomalies,
}  # fmt: skip
#: What says that there is nothing, where a dash is not enough.
_ABSENT: Final[Mapping[str, SafeString]] = {
    "status": format_html('<td><span class="st c0">{}none</span></td>', shape("0")),
    "who": mark_safe('<td class="dim">anonymous</td>'),
    **dict.fromkeys(("bar", "duration", "size", "number"), mark_safe('<td class="num dim">–</td>')),
}
