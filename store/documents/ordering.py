"""What can be sorted by, counted and averaged: questions to the field table, with clear refusals."""

from dataclasses import dataclass

from documents.fields import FIELDS, TIME_FIELD, Field, find
from store.documents import schema
from store.documents.base import BadRequest

_NUMBERS = ("long", "integer", "short", "double")


@dataclass(frozen=True, slots=True)
class Order:
    """A field to sort by, and which way. The id decides between equal values, the same way."""

    field: Field
    descending: bool

    @property
    def text(self) -> str:
        """As the search writes it."""
        return ("-" if self.descending else "") + self.field.name


def parse(resource: str, sort: str | None) -> Order:
    """The order of a search; newest first when it names none."""
    text = sort or f"-{TIME_FIELD}"
    name = text.removeprefix("-")
    field = schema.fields(resource).get(name)
    if field is None or not field.sortable:
        raise BadRequest(f"{resource} cannot be sorted by {name!r}")
    return Order(field, text.startswith("-"))


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from: a field, or one key of a field that has keys of its own."""

    field: Field
    key: str | None = None

    @property
    def name(self) -> str:
        """As a question writes it."""
        return self.field.name if self.key is None else f"{self.field.name}.{self.key}"

    @property
    def many(self) -> bool:
        """Whether a document may have several values."""
        return self.field.many or self.key is not None


def counted(resource: str, name: str) -> Source:
    """What can be counted by its values: a field, or a key of a flattened one."""
    source = _source(resource, name)
    if (
        source is None
        or source.field.type in ("text", "date")
        or (source.field.type == "flattened") != bool(source.key)
    ):
        raise BadRequest(f"the values of {name!r} cannot be counted")
    return source


def numeric(resource: str, name: str) -> Field:
    """A field that sums, ranges and percentiles make sense for."""
    field = schema.fields(resource).get(name)
    if field is None or field.many or field.type not in _NUMBERS:
        raise BadRequest(f"{name!r} is no number of {resource}")
    return field


def _source(resource: str, name: str) -> Source | None:
    field = schema.fields(resource).get(name)
    if field is not None:
        return Source(field)
    found = find(resource, name) if resource in FIELDS and is_text(name) else None
    return Source(*found) if found is not None else None


def is_text(name: str) -> bool:
    """Whether it can stand in a document: PostgreSQL's texts have no U+0000, and JSON may bring half a character."""
    try:
        return b"\0" not in name.encode()
    except UnicodeEncodeError:
        return False
