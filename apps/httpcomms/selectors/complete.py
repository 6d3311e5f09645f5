"""What could stand at the caret of a query: fields, values with their counts, and words that join.

Only documents in scope are looked at, with the other conditions of the query and its time range. Fields come from the
table at once; what has to be counted is bounded in number and time, and left out when the store does not answer: a
completion that fails must not be in the way of a search.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from apps.core.servers import document_store
from apps.httpcomms import caret, clauses, matching
from apps.httpcomms.caret import Place
from apps.httpcomms.matching import Found, Keys
from apps.httpcomms.ranges import Range
from apps.httpcomms.selectors import values as counted
from apps.httpcomms.selectors.base import RESOURCE
from documents.fields import TIME_FIELD, Field
from store.documents import Scope, StoreError

FIELDS: Final = 10
VALUES: Final = 10
#: Values shown beside a field whose name is not complete yet.
PREVIEW: Final = 5
#: The newest documents whose keys are offered.
SAMPLE: Final = 100

_TO = re.compile(r"\sTO(\s|\Z)")
_OPERATORS = {
    "AND": "both must hold",
    "OR": "one is enough",
    "NOT": "must not hold",
}
_COMPARISONS = (
    (">=", "from here on", ">=", None),
    ("<=", "up to here", "<=", None),
    ("[… TO …]", "between two, both included", "[ TO *]", 1),
)


@dataclass(frozen=True, slots=True)
class Option:
    """Something to put in place of `start` to `end` of the query. `caret` is where in it the caret goes, its end if
    None. `words` say what it is; `count` is None where nothing was counted."""

    text: str
    insert: str
    start: int
    end: int
    words: str = ""
    count: int | None = None
    caret: int | None = None
    missing: bool = False


@dataclass(frozen=True, slots=True)
class FieldOption:
    """A field that may be meant, and what to put in for it."""

    found: Found
    option: Option


@dataclass(slots=True)
class Completion:
    """What could stand at a place. `values` are of the field `of`; `total` is what their counts are shares of, `share`
    the part of the documents that was counted; `note` says why something is not there."""

    place: Place
    fields: list[FieldOption] = field(default_factory=list)
    values: list[Option] = field(default_factory=list)
    operators: list[Option] = field(default_factory=list)
    of: str = ""
    about: Field | None = None
    total: int = 0
    share: float = 1.0
    note: str = ""


def complete(
    scope: Scope, text: str, at: int, span: Range, *, names: Mapping[str, str], now: int, count: bool = True
) -> Completion:
    """What could stand at the caret. `names` are those of the whisperers that the reader may see, by their ids.

    Without `count` the store is not asked: what the field table alone knows.
    """
    place = caret.place(text, at)
    made = Completion(place)
    asked = counted.Asked(scope, caret.others(text, place) if count else None, span, names, now) if count else None
    if place.kind in ("value", "range"):
        _value(made, text, asked)
    else:
        _field(made, text, asked)
    return made


def _field(made: Completion, text: str, asked: counted.Asked | None) -> None:
    """Fields by what is typed; words that join behind a condition; values of the field that is all but written."""
    place = made.place
    if place.kind == "field":
        made.operators = [
            Option(word, f"{word} ", place.start, place.end, meaning)
            for word, meaning in _OPERATORS.items()
            if word.startswith(place.typed.upper()) and (place.follows or (word == "NOT" and not place.negated))
        ]
        if not place.typed and not place.follows:
            made.operators = []
    keys = _sample(made, asked) if asked and len(place.typed) > 1 else {}
    has_colon = text[place.end : place.end + 1] == ":"
    for found in matching.fields(place.typed, keys, FIELDS):
        made.fields.append(FieldOption(found, _named(found, place, text, has_colon)))
    first = made.fields[0].found if made.fields else None
    if first is None or asked is None or place.kind != "field" or has_colon or place.quoted or len(place.typed) < 3:
        return
    if first.rank <= 1 and (first.key or first.field.type in ("keyword", "boolean", "short", "ip")):
        about = replace(place, kind="value", field=first.written, typed="")
        _values(made, about, first.field, first.name, asked, text, PREVIEW)
        made.values = [replace(one, insert=one.insert if one.missing else f"{first.written}:{one.insert}")
                       for one in made.values]  # fmt: skip


def _named(found: Found, place: Place, text: str, has_colon: bool) -> Option:
    inner = found.field.type == "flattened" and found.key is None
    if has_colon:
        insert = found.written
    elif inner:
        insert = f"{found.written}."
    else:
        insert = f"{found.written}{_space(text, place.end)}" if place.kind == "exists" else f"{found.written}:"
    return Option(found.name, insert, place.start, place.end, found.field.description)


def _sample(made: Completion, asked: counted.Asked) -> Keys:
    """The keys of the newest documents that the rest of the query finds."""
    try:
        page = document_store().search(
            RESOURCE, asked.scope, asked.node, since=asked.span.since, until=asked.span.until, sort="-" + TIME_FIELD,
            size=SAMPLE,
        )  # fmt: skip
    except StoreError as error:
        made.note = counted.excuse(error)
        return {}
    return matching.sampled_keys(page.hits)


def _value(made: Completion, text: str, asked: counted.Asked | None) -> None:
    place = made.place
    known = matching.field_of(place.field) if place.field else None
    if known is None:
        return
    about, key = known
    made.of, made.about = place.field, about
    if about.type == "flattened" and key is None:
        return
    if place.kind == "range":
        made.operators = _range_words(place, text)
    elif place.grouped and place.follows:
        made.operators = [
            Option(word, f"{word} ", place.start, place.end, _OPERATORS[word])
            for word in ("OR", "AND") if word.startswith(place.typed.upper())
        ]  # fmt: skip
    elif not place.typed and not place.compared and (about.type in counted.NUMBERS or about.type == "date"):
        made.operators = [
            Option(shown, insert, place.start, place.end, meaning, caret=at)
            for shown, meaning, insert, at in _COMPARISONS
        ]
    if asked is not None and not (place.kind == "range" and made.operators):
        _values(made, place, about, place.field, asked, text, VALUES)


def _range_words(place: Place, text: str) -> list[Option]:
    """Inside a range: TO behind its first end, a bracket behind the second."""
    inside = text[place.begin : place.start]
    if not place.follows or place.typed not in ("", "T", "TO"):
        return []
    if _TO.search(inside):
        done = not inside.rstrip().endswith("TO") and not text[place.end :].lstrip().startswith(("]", "}"))
        return [Option("]", "] ", place.start, place.end, "end of the range, included")] if done else []
    return [Option("TO", "TO ", place.start, place.end, "to")]


def _values(
    made: Completion, place: Place, about: Field, name: str, asked: counted.Asked, text: str, size: int
) -> None:
    """Values of a field in this result; that it has none is one of them."""
    made.of, made.about = name, about
    try:
        found = counted.values(asked, about, name, place, size)
    except StoreError as error:
        made.note = counted.excuse(error)
        return
    space = "" if place.kind == "range" else _space(text, place.end)
    made.values = [
        Option(one.text, _written(about, one, place) + space, place.start, place.end, one.words, one.count)
        for one in found.values
    ]
    made.total, made.share = found.total, found.share
    if place.kind == "value" and not place.grouped and not place.compared and found.missing is not None:
        made.values += _missing(made, place, place.field, text, found.missing)


def _missing(made: Completion, place: Place, name: str, text: str, count: int) -> list[Option]:
    if not count or not "missing".startswith(place.typed.lower()):
        return []
    insert = f"{'' if place.negated else 'NOT '}_exists_:{name}{_space(text, place.finish)}"
    return [Option("missing", insert, place.begin, place.finish, "has no value", count, missing=True)]


def _written(about: Field, one: counted.Value, place: Place) -> str:
    """A value as the query writes it: quoted where it needs to be, or was already."""
    if one.plain or about.type == "ip":
        return one.value
    quoted = clauses.quote(one.value)
    return quoted if not place.quoted or quoted.startswith('"') else f'"{quoted}"'


def _space(text: str, end: int) -> str:
    """A space where the next word begins: at the end of the query."""
    return " " if end >= len(text.rstrip()) and not text[end:].startswith(" ") else ""
