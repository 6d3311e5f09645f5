"""What can be asked of documents beside a page of them: facets and figures, as plain data that both engines answer.

A field is a name of the field table, or a key of one that has keys of its own (`stats.tags.order`,
`req.headers.x-tenant`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

#: Functions over a field's values. `count` counts documents and needs no field; `cardinality` may be approximate.
Function = Literal["count", "sum", "avg", "min", "max", "p50", "p95", "p99", "cardinality"]
FUNCTIONS: Final[tuple[Function, ...]] = ("count", "sum", "avg", "min", "max", "p50", "p95", "p99", "cardinality")

#: Most groups of one answer; the largest ones are given, and the answer says when there were more.
MAX_GROUPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Terms:
    """The most frequent values of a field; `prefix` keeps those that begin with it, whatever their case."""

    field: str
    size: int = 10
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Ranges:
    """How many values of a number lie in each stretch: below the first bound, between each two, from the last on."""

    field: str
    bounds: Sequence[float]


@dataclass(frozen=True, slots=True)
class Answer:
    """Of `Terms`: the values, most frequent first. Of `Ranges`: one count for each stretch, in order, by its number.

    `missing` counts documents without any value; `others` those with a value that is not among `values` (a document
    with two such values twice, and of `Terms` with a prefix only values that begin with it).
    """

    values: list[tuple[str, int]]
    missing: int
    others: int = 0


@dataclass(frozen=True, slots=True)
class Facets:
    """Answers in the order of the questions, over `total` documents.

    `share` is 1.0 when every document was counted; below that the counts are of a sample or of the newest documents,
    scaled up by nobody: the screen says so.
    """

    answers: list[Answer]
    total: int
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Metric:
    """A function over a field with at most one value: `Metric("p95", "stats.duration")`, `Metric("count")`."""

    function: Function
    field: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One line of an answer: the values it is for (None: documents without one), its time step, its figures.

    `values` are in the order of the fields grouped by; `start` is nanoseconds, None where no interval was asked for;
    `figures` in the order of the metrics, None where no document has the field. A document with several values of a
    field grouped by is in the group of each.
    """

    values: tuple[str | None, ...]
    start: int | None
    documents: int
    figures: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Groups, largest first (by time first, where steps were asked for); `more` when there were too many of them."""

    groups: list[Group]
    more: bool = False


def in_order(groups: list[Group]) -> list[Group]:
    """Groups as `Figures` has them; between equal ones their values decide, absent ones last."""
    values = [tuple((value is None, value or "") for value in group.values) for group in groups]
    keys = [(group.start or 0, -group.documents, key) for group, key in zip(groups, values, strict=True)]
    return [groups[index] for index in sorted(range(len(groups)), key=keys.__getitem__)]
