"""The query as a tree that both stores understand: every leaf names a known field and carries a value of its type.

Nothing here is text to be parsed again. A value is already what the field's type says: int (dates too: nanoseconds
since the epoch), float, bool, or text. What a leaf means is said here once; `documents.dsl` and `documents.sql` only
say it in another language, and both must find the same documents.
"""

from dataclasses import dataclass
from enum import Enum

from documents.fields import Field

Value = str | int | float | bool


class Star(Enum):
    """A part of a wildcard pattern that is not literal text."""

    MANY = "*"  # any text, also none
    ONE = "?"  # one character


@dataclass(frozen=True, slots=True)
class Everything:
    """Every document."""


@dataclass(frozen=True, slots=True)
class And:
    """All of the children; at least one."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the children; at least one."""

    children: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The documents that the child does not find."""

    child: "Node"


@dataclass(frozen=True, slots=True)
class Leaf:
    """What all conditions on one field have: the field, and the key inside it if it has keys of its own.

    A field with a list of values is met when one of them is.
    """

    field: Field
    key: str | None


@dataclass(frozen=True, slots=True)
class Equals(Leaf):
    """The value is this one; case counts."""

    value: Value


@dataclass(frozen=True, slots=True)
class Network(Leaf):
    """The address lies in this network ("10.0.0.0/8")."""

    cidr: str


@dataclass(frozen=True, slots=True)
class Range(Leaf):
    """The value lies between the bounds; None is open. Text is compared by code point, addresses as numbers of one IP
    version."""

    low: Value | None
    high: Value | None
    include_low: bool = True
    include_high: bool = True


@dataclass(frozen=True, slots=True)
class Exists(Leaf):
    """The field has a value."""


@dataclass(frozen=True, slots=True)
class Wildcard(Leaf):
    """The whole value fits the pattern: literal text and stars. `fold`: case does not count.

    In a text field a word has to fit, and case never counts.
    """

    parts: tuple[str | Star, ...]
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Regexp(Leaf):
    """The whole value fits the regular expression, of the common part of both engines' syntax (`documents.regexps`)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Words(Leaf):
    """The text has these words, one after the other; case does not count. Words are as UAX #29 parts them."""

    text: str


Node = Everything | And | Or | Not | Equals | Network | Range | Exists | Wildcard | Regexp | Words
