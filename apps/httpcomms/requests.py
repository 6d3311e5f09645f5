"""What a caller asked for, read out of an address's parameters: every bad one is refused with its name."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, ranges
from apps.httpcomms.ranges import Range
from documents import fields, query
from documents.query import Node

DEFAULT_SORT = "-date"
DEFAULT_SIZE = 50
MAX_SIZE = 1000
#: A query is typed by a person or built by clicks; parsing a longer one costs more than it can mean.
MAX_QUERY = 4000


@dataclass(frozen=True, slots=True)
class Search:
    """A search as asked for: the query's text with its tree (None: everything), the range, order and page.

    `resource` is the kind of document that is searched.
    """

    q: str
    node: Node | None
    range: Range
    sort: str = DEFAULT_SORT
    size: int = DEFAULT_SIZE
    after: str | None = None
    resource: str = "httpcomms"

    def with_query(self, text: str) -> "Search":
        """The same search for another query. Raises QueryError."""
        return replace(self, q=text, node=parse(text, self.resource), after=None)


def now() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()


def parse(text: str, resource: str = "httpcomms") -> Node | None:
    """The tree of a query, None for an empty one. Raises QueryError, ApplicationError when far too long."""
    text = text.strip()
    if len(text) > MAX_QUERY:
        raise ApplicationError(f"The query is longer than {MAX_QUERY} characters.", code="query", field="q")
    return query.parse(text, resource) if text else None


def changed(parameters: Mapping[str, str], resource: str = "httpcomms") -> str:
    """The query after a click on a value: `change` says what the click does, `field` and `value` (or `term`, as the
    query language writes it) on what; without both of these on documents without a value. Raises ApplicationError."""
    how, field = parameters.get("change", ""), parameters.get("field", "")
    if how not in clauses.CHANGES:
        message = f"There is no change {how!r}. There are: {', '.join(clauses.CHANGES)}."
        raise ApplicationError(message, code="invalid", field="change")
    if fields.find(resource, field) is None:
        raise ApplicationError(f"There is no field {field!r}.", code="invalid", field="field")
    term = clauses.quote(parameters["value"]) if parameters.get("value") else None
    if parameters.get("term"):
        term = clauses.read_term(parameters["term"])
        if term is None:
            raise ApplicationError("Give one value, as a query has it.", code="invalid", field="term")
    parse(parameters.get("q", ""), resource)  # what is no query is not taken apart
    return clauses.change(parameters.get("q", ""), field, term, how)


def read(parameters: Mapping[str, str], zone: tzinfo = UTC, resource: str = "httpcomms") -> Search:
    """The search that the parameters ask for. Raises QueryError and ApplicationError (with the parameter's name)."""
    text = parameters.get("q", "").strip()
    return Search(
        q=text,
        node=parse(text, resource),
        range=read_range(parameters, zone),
        sort=parameters.get("sort") or DEFAULT_SORT,
        size=whole_number(parameters, "size", DEFAULT_SIZE, 1, MAX_SIZE),
        after=parameters.get("after") or None,
        resource=resource,
    )


def read_range(parameters: Mapping[str, str], zone: tzinfo = UTC) -> Range:
    """The time range of `from` and `to`; open ends where they are absent. Dates without a zone are in `zone`."""
    this_moment = now()
    since = _moment(parameters, "from", this_moment, zone)
    until = _moment(parameters, "to", this_moment, zone)
    if since is not None and until is not None and since >= until:
        raise ApplicationError("The range ends before it begins.", code="invalid", field="to")
    return Range(since, until)


def _moment(parameters: Mapping[str, str], name: str, this_moment: int, zone: tzinfo) -> int | None:
    text = parameters.get(name, "").strip()
    if not text:
        return None
    try:
        return ranges.moment(text, this_moment, zone)
    except ValueError:
        message = "Write a date like 2026-11-22T14:05:00Z, or now-15m."
        raise ApplicationError(message, code="invalid", field=name) from None


def whole_number(parameters: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number between two bounds."""
    text = parameters.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or not low <= int(text) <= high:
        raise ApplicationError(f"Give a whole number from {low} to {high}.", code="invalid", field=name)
    return int(text)
