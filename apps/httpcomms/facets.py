"""Which facets there are, what they are called, and how a person has arranged them.

A facet counts the values of a field, or stretches of a number. Every tag that the newest hits have is a facet too. The
preference `facets` keeps the order, what is left out or put in, what is folded, and the column's width.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, preferences
from apps.whisperers.rights import Person
from documents import fields
from store.documents.questions import Ranges, Terms

TAGS: Final = "stats.tags."
MILLISECONDS: Final = (1, 10, 100, 1_000, 10_000)
BYTES: Final = (1 << 10, 10 << 10, 100 << 10, 1 << 20)


@dataclass(frozen=True, slots=True)
class Facet:
    """A field to count: what the page calls it and documents without it, and where stretches of numbers part.
    `usual`: shown unless a person leaves it out."""

    field: str
    title: str
    absent: str = "missing"
    bounds: tuple[float, ...] = ()
    usual: bool = True

    @property
    def is_tag(self) -> bool:
        """Whether it is one of the tags, which come and go with the hits."""
        return self.field.startswith(TAGS)

    def question(self, size: int) -> Terms | Ranges:
        """What to ask the store."""
        return Ranges(self.field, self.bounds) if self.bounds else Terms(self.field, size)

    def stretch(self, number: int) -> tuple[str, str]:
        """The term and the words of one stretch, by its number."""
        low, high = [None, *self.bounds, None][number : number + 2]
        return clauses.between(low, high), stretch_words(self.field, low, high)


FACETS: Final = (
    Facet("stats.statusClass", "Status", "no response"),
    Facet("stats.statusCode", "Status code", "no response", usual=False),
    Facet("req.method", "Method", "no request"),
    Facet("stats.dst.name", "Server"),
    Facet("req.template", "Template"),
    Facet("stats.src.identification", "Identification", "anonymous"),
    Facet("stats.duration", "Duration", "no response", MILLISECONDS),
    Facet("stats.src.name", "Client"),
    Facet("req.host", "Host"),
    Facet("whisperer", "Whisperer"),
    Facet("parsing.status", "Parsing"),
    Facet("parsing.anomalies", "Anomalies", "nothing odd", usual=False),
    Facet("stats.src.origin", "Origin"),
    Facet("res.contentType", "Content type"),
    Facet("req.contentType", "Content type asked", usual=False),
    Facet("req.path", "Path", usual=False),
    Facet("req.size", "Request size", "no request", BYTES),
    Facet("res.size", "Response size", "no response", BYTES),
    Facet("stats.dst.port", "Server port", usual=False),
    Facet("interface", "Interface", usual=False),
)
#: Of TCP sessions: they are few, so nothing of them is arranged.
SESSION_FACETS: Final = (
    Facet("state", "State"),
    Facet("end", "End", "still open"),
    Facet("server.name", "Server"),
    Facet("server.port", "Port"),
    Facet("client.name", "Client"),
    Facet("protocol", "Protocol"),
    Facet("communications", "Communications", "none", (1, 2, 10, 100)),
    Facet("parsing.anomalies", "Anomalies", "nothing odd"),
    Facet("whisperer", "Whisperer"),
    Facet("instance", "Instance"),
)
_BY_FIELD: Final = {facet.field: facet for facet in FACETS}
_OF_SESSIONS: Final = {facet.field: facet for facet in SESSION_FACETS}


def facet_of(field: str, resource: str = "httpcomms") -> Facet:
    """The facet of any field that can be counted. ApplicationError for one that cannot."""
    known = _BY_FIELD if resource == "httpcomms" else _OF_SESSIONS
    if field in known:
        return known[field]
    found = fields.find(resource, field)
    if found is None or found[0].type in ("text", "date") or (found[0].type == "flattened") != bool(found[1]):
        raise ApplicationError(f"There is no field {field!r} to count.", code="invalid", field="field")
    return Facet(field, field.removeprefix(TAGS) if field.startswith(TAGS) else field)


_STEPS: Final = {"ms": ((1_000, "s"), (1, "ms")), "bytes": ((1 << 20, "MB"), (1 << 10, "KB"), (1, "B"))}


def stretch_words(field: str, low: float | None, high: float | None) -> str:
    """A stretch of a number as people say it: under 1 ms, 10–100 ms, 100 ms – 1 s, 10 s and more."""
    known = fields.fields("httpcomms").get(field)
    unit = known.unit if known is not None else ""
    if low is None:
        return f"under {' '.join(_amount(high or 0, unit)).strip()}"
    first = _amount(low, unit)
    if high is None:
        return f"{' '.join(first).strip()} and more"
    last = _amount(high, unit)
    if first[1] == last[1]:
        return f"{first[0]}–{' '.join(last).strip()}"
    return f"{' '.join(first).strip()} – {' '.join(last).strip()}"


def _amount(value: float, unit: str) -> tuple[str, str]:
    steps = _STEPS.get(unit, ((1, ""),))
    size, word = next((step for step in steps if value >= step[0]), steps[-1])
    return f"{value / size:g}", word


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How a person has arranged the facets; `shown` and `hidden` are what differs from usual."""

    order: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    width: int = 0
    closed: bool = False

    def arranged(self, tags: Iterable[str] = ()) -> list[Facet]:
        """Every facet in the person's order; those that the order does not name keep their places after it."""
        every = [*FACETS, *(facet_of(TAGS + name) for name in tags)]
        place = {field: n for n, field in enumerate(self.order)}
        return sorted(every, key=lambda facet: place.get(facet.field, len(place)))

    def is_shown(self, facet: Facet) -> bool:
        """Whether the column has it."""
        return facet.field in self.shown or (facet.usual and facet.field not in self.hidden)


MOST: Final = 100
WIDTHS: Final = (140, 600)


def arrangement_of(user: Person) -> Arrangement:
    """What the person keeps, the usual where nothing is kept."""
    kept = preferences.preference(user, "facets", {})
    names = {name: tuple(kept.get(name, ())) for name in ("order", "shown", "hidden", "folded")}
    return Arrangement(**names, width=kept.get("width", 0), closed=kept.get("closed", False))


def _check(value: Any) -> dict[str, Any]:
    """The preference as it is kept. ApplicationError for what is none."""
    lists = ("order", "shown", "hidden", "folded")
    if not isinstance(value, dict) or not value.keys() <= {*lists, "width", "closed"}:
        raise _bad("Give an object with order, shown, hidden, folded, width and closed.")
    kept: dict[str, Any] = {name: _fields(value.get(name, []), name) for name in lists}
    width, closed = value.get("width", 0), value.get("closed", False)
    if type(width) is not int or not (width == 0 or WIDTHS[0] <= width <= WIDTHS[1]):
        raise _bad(f"width is a whole number from {WIDTHS[0]} to {WIDTHS[1]}, or 0 for the usual.")
    if type(closed) is not bool:
        raise _bad("closed is true or false.")
    return kept | {"width": width, "closed": closed}


def _fields(names: Any, key: str) -> Sequence[str]:
    if not isinstance(names, list) or len(names) > MOST or not all(isinstance(name, str) for name in names):
        raise _bad(f"{key} is a list of at most {MOST} fields.")
    for name in names:
        if name not in _BY_FIELD and not (name.startswith(TAGS) and len(TAGS) < len(name) <= 200):
            raise _bad(f"There is no facet {name[:100]!r}.")
    return list(dict.fromkeys(names))


def _bad(message: str) -> ApplicationError:
    return ApplicationError(message, code="invalid", field="value")


preferences.KNOWN["facets"] = _check
