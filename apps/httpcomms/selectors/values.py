"""Values of one field to choose from, counted among the documents that the rest of a query finds.

What is counted depends on the field's type: names and addresses by their frequency, status codes with their classes,
durations and sizes by percentiles, because no two are alike. Dates are not counted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from apps.core import words
from apps.core.servers import document_store
from apps.httpcomms.caret import Place
from apps.httpcomms.ranges import Range
from apps.httpcomms.selectors.base import RESOURCE
from documents.ast import Node
from documents.fields import Field
from store.documents import Metric, Scope, StoreError, Terms, TookTooLong
from store.documents.questions import Function

_AWAY = "The document store does not answer: only fields are shown."
_SLOW = "Counting takes too long here: a shorter time range has values."
NUMBERS: Final = ("long", "integer", "short", "double")
#: Seconds that counting may take: what is not counted by then is counted in part.
SECONDS: Final = 1.0
#: The most frequent values that are looked through when none begins with what is typed.
LOOKED_THROUGH: Final = 100
#: Longer values are no help in a list, and hostile ones have any length.
LENGTH: Final = 400
_Ladder = tuple[tuple[Function, str], ...]
_SLOWEST: Final[_Ladder] = (("p50", "the slower half"), ("p95", "the slowest 5 %"), ("p99", "the slowest 1 %"))
_LARGEST: Final[_Ladder] = (("p50", "the larger half"), ("p95", "the largest 5 %"), ("p99", "the largest 1 %"))
_STARS = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Asked:
    """Among which documents to count: whose, which, when. `names` are those of whisperers by their ids."""

    scope: Scope
    node: Node | None
    span: Range
    names: Mapping[str, str]
    now: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it is searched for, as it is shown, and what it is. `plain`: it is written without quotes."""

    value: str
    text: str
    count: int | None = None
    words: str = ""
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Values:
    """Values to choose from; `missing` is None where nobody counted documents without one."""

    values: list[Value]
    missing: int | None = None
    total: int = 0
    share: float = 1.0


def excuse(error: StoreError) -> str:
    """Why there are no values, for the person who types."""
    return _SLOW if isinstance(error, TookTooLong) else _AWAY


def values(asked: Asked, about: Field, name: str, place: Place, size: int) -> Values:
    """Values of a field that begin with what is typed; where none does, those that hold it."""
    typed = place.typed.removesuffix("*") if not place.quoted else place.typed
    if _STARS.search(typed) or about.type == "text":
        return Values([])
    if about.type == "date":
        return Values(_dates(asked, typed, place.compared or place.kind == "range"))
    if about.type in ("long", "double"):
        return _by_percentile(asked, about, typed, place)
    if about.name == "whisperer":
        return _whisperers(asked, typed, size)
    found = _counted(asked, name, typed, size)
    if about.type == "short" and not place.compared and place.kind == "value":
        found = replace(found, values=[*_classes(found, typed), *found.values][:size])
    return found


def _counted(asked: Asked, name: str, typed: str, size: int) -> Values:
    """The most frequent values."""
    questions = [Terms(name, size, typed)]
    if len(typed) > 1:
        questions.append(Terms(name, LOOKED_THROUGH))
    found = document_store().facets(
        RESOURCE, asked.scope, asked.node, questions, since=asked.span.since, until=asked.span.until, seconds=SECONDS
    )
    first = found.answers[0]
    pairs = first.values
    if not pairs and len(questions) > 1:
        pairs = [pair for pair in found.answers[1].values if typed.lower() in pair[0].lower()][:size]
    shown = [Value(value, value, count) for value, count in pairs if value and len(value) <= LENGTH]
    return Values(shown, first.missing, found.total, found.share)


def _classes(found: Values, typed: str) -> list[Value]:
    """Classes of status codes (`5xx`) that stand for several of the values."""
    sums: dict[str, list[int]] = {}
    for one in found.values:
        sums.setdefault(f"{one.value[:1]}xx", []).append(one.count or 0)
    classes = [(name, counts) for name, counts in sums.items() if len(counts) > 1 and name.startswith(typed.lower())]
    if len(typed) > 1 and not typed.lower().endswith("x"):
        return []
    return [Value(name, name, sum(counts), "all of this class", plain=True) for name, counts in classes]


def _whisperers(asked: Asked, typed: str, size: int) -> Values:
    """Whisperers by their names; what is searched for is their ids."""
    found = _counted(asked, "whisperer", "", LOOKED_THROUGH)
    shown = [replace(one, text=asked.names.get(one.value, one.value)) for one in found.values]
    wanted = typed.lower()
    near = [one for one in shown if wanted in one.text.lower() or one.value.startswith(wanted)]
    return replace(found, values=near[:size])


def _by_percentile(asked: Asked, about: Field, typed: str, place: Place) -> Values:
    """Bounds that leave half, a twentieth, a hundredth."""
    if typed or about.many:
        return Values([])
    ladder = _SLOWEST if about.unit == "ms" else _LARGEST
    figures = document_store().figures(
        RESOURCE, asked.scope, asked.node, [Metric(function, about.name) for function, _ in ladder],
        since=asked.span.since, until=asked.span.until, seconds=SECONDS,
    )  # fmt: skip
    found = figures.groups[0].figures if figures.groups else ()
    bare = place.compared or place.kind == "range"
    shown = []
    for (_, meaning), value in zip(ladder, found, strict=False):
        if value is None:
            continue
        bound = _number(about, value)
        shown.append(Value(bound if bare else f">={bound}", f"≥ {_said(about, value)}", None, meaning, True))
    return Values(list({one.value: one for one in shown}.values()))


def _number(about: Field, value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if about.type == "double" else str(int(value))


def _said(about: Field, value: float) -> str:
    if about.unit == "ms":
        return words.duration(value)
    return words.size(value) if about.unit == "bytes" else f"{int(value):,}"


def _dates(asked: Asked, typed: str, bare: bool) -> list[Value]:
    """Days and moments near now, and the ends of the range searched."""
    day = 86_400 * words.SECOND
    today, before = (words.rfc3339(ns)[:10] for ns in (asked.now, asked.now - day))
    hour = words.rfc3339((asked.now - 3600 * words.SECOND) // words.SECOND * words.SECOND)
    shown = [Value(today, today, None, "today, UTC", True), Value(before, before, None, "yesterday, UTC", True)]
    shown.append(Value(hour if bare else f">={hour}", hour if bare else f"≥ {hour}", None, "since an hour ago", True))
    return [one for one in shown if one.value.startswith(typed)]
