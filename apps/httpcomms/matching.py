"""Which fields a few typed letters mean, the likeliest first. Pure: names and descriptions of the field table, and the
keys that a sample of documents has inside the fields with keys of their own."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from apps.httpcomms import caret
from documents import fields as table
from documents import query
from documents.ast import Leaf
from documents.fields import Field
from documents.query import QueryError

RESOURCE: Final = "httpcomms"
#: What people ask for most, in this order, where nothing is typed yet and between names that fit as well.
USUAL: Final = (
    "req.method", "stats.statusCode", "stats.statusClass", "req.host", "req.path", "stats.duration", "stats.src.name",
    "stats.dst.name", "stats.src.identification", "req.template", "parsing.status", "req.body.text", "res.body.text",
    "stats.tags", "req.headers", "res.headers", "whisperer", "date",
)  # fmt: skip
LETTERS: Final = {
    "keyword": "k", "text": "t", "long": "#", "integer": "#", "short": "#", "double": "#", "ip": "ip", "date": "d",
    "boolean": "b", "flattened": "{}",
}  # fmt: skip
#: Hostile traffic can have any number of names of any length.
MAX_KEYS, KEY_LENGTH, EXAMPLE_LENGTH = 300, 120, 60

_BORDER = re.compile(r"(?<=[.\-_@])|(?<=[a-z0-9])(?=[A-Z])")
_PLAIN = re.compile(r"[\w.@-]+\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """A name inside a field with keys of its own: in how many documents of the sample, and a value of one of them."""

    count: int
    example: str


Keys = Mapping[str, Mapping[str, Key]]


@dataclass(frozen=True, slots=True)
class Found:
    """A field that may be meant. `mark` is the part of its name that was typed; `written` is its name in a query."""

    field: Field
    name: str
    written: str
    mark: tuple[int, int] | None
    rank: int
    key: Key | None = None

    @property
    def letter(self) -> str:
        """Its type in a letter or two; what is under a key is text."""
        return "k" if self.key else LETTERS[self.field.type]


def fields(typed: str, keys: Keys, size: int) -> list[Found]:
    """The fields that the typed letters mean, likeliest first."""
    wanted = typed.strip().lower()
    found = [one for one in _candidates(wanted, keys) if one is not None]
    if not found and len(wanted) > 2 and (near := table.suggest(RESOURCE, typed)):
        found = [Found(table.fields(RESOURCE)[near], near, near, None, 6)]
    usual = {name: place for place, name in enumerate(USUAL)}
    found.sort(key=lambda one: (one.rank, usual.get(one.field.name, 99), -(one.key.count if one.key else 0)))
    return found[:size]


def _candidates(wanted: str, keys: Keys) -> Iterable[Found | None]:
    for name, field in table.fields(RESOURCE).items():
        rank, mark = _rank(name, wanted)
        if rank is None and len(wanted) > 2 and _begins(wanted).search(field.description.lower()):
            rank = 5
        yield None if rank is None else Found(field, name, name, mark, rank)
        for key, sampled in keys.get(name, {}).items():
            full = f"{name}.{key}"
            rank, mark = _rank(full, wanted)
            # What is inside a field is offered when it is looked for: by its own name, or behind the field's dot.
            if rank is None or not wanted or (mark and mark[1] <= len(name)):
                continue
            written = written_name(field, key)
            yield None if written is None else Found(field, full, written, mark, rank, sampled)


def _begins(wanted: str) -> re.Pattern[str]:
    return re.compile(r"\b" + re.escape(wanted))


def _rank(name: str, wanted: str) -> tuple[int | None, tuple[int, int] | None]:
    """How well a name fits, 0 is best, and the part of it that was typed."""
    if not wanted:
        return 0, None
    lower = name.lower()
    if lower.startswith(wanted):
        return 0, (0, len(wanted))
    for match in _BORDER.finditer(name):
        if lower.startswith(wanted, match.start()):
            return (1 if name[match.start() - 1] == "." else 2), (match.start(), match.start() + len(wanted))
    at = lower.find(wanted)
    if at >= 0 and len(wanted) > 1:
        return 3, (at, at + len(wanted))
    return (4, None) if "." in wanted and _abbreviates(lower.split("."), wanted.split(".")) else (None, None)


def _abbreviates(segments: list[str], parts: list[str]) -> bool:
    """Whether the parts are beginnings of segments, in order: `st.dur` of `stats.duration`."""
    rest = iter(segments)
    return all(any(segment.startswith(part) for segment in rest) for part in parts)


def written_name(field: Field, key: str) -> str | None:
    """The name of a key as a query writes it; None for one that no query can name."""
    name = f"{field.name}.{key}"
    if not _PLAIN.match(key):
        name = f"{field.name}." + re.sub(r"([^\w.@-])", r"\\\1", key)
    try:
        node = query.parse(f"{name}:x", RESOURCE)
    except QueryError:
        return None
    return name if isinstance(node, Leaf) and (node.field.name, node.key) == (field.name, key) else None


def sampled_keys(documents: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Key]]:
    """The keys that documents have inside fields with keys of their own, with how many have each."""
    found: dict[str, dict[str, Key]] = {}
    flattened = [field for field in table.fields(RESOURCE).values() if field.type == "flattened"]
    for document in documents:
        for field in flattened:
            known = found.setdefault(field.name, {})
            seen: dict[str, Any] = {}
            for holder in _inside(document, field.path):
                seen |= holder
            for key, value in seen.items():
                if key in known:
                    known[key] = Key(known[key].count + 1, known[key].example)
                elif len(known) < MAX_KEYS and key and len(key) <= KEY_LENGTH and key.isprintable():
                    known[key] = Key(1, _example(value))
    return found


def _inside(value: Any, path: tuple[str, ...]) -> Iterable[Mapping[str, Any]]:
    """What lies at a path; of a list, in each of its items."""
    if isinstance(value, list):
        for item in value:
            yield from _inside(item, path)
    elif isinstance(value, Mapping):
        if not path:
            yield value
        elif path[0] in value:
            yield from _inside(value[path[0]], path[1:])


def _example(value: Any) -> str:
    first = value[0] if isinstance(value, list) and value else value
    return str(first)[:EXAMPLE_LENGTH] if isinstance(first, str | int | float) else ""


def field_of(name: str) -> tuple[Field, str | None] | None:
    """The field a query names, with the key inside it."""
    return table.find(RESOURCE, caret.unescape(name))
