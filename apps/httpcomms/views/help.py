"""The page of the query language: its syntax with examples that run, and every field, from the field table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.httpcomms import clauses, matching
from apps.httpcomms.selectors.base import RESOURCE
from documents.fields import CONTENT, Field, fields

#: What stands where, with what it means. Every one is a query that can be run.
SYNTAX: Final = (
    ("Conditions", (
        ("req.method:POST", "A field has exactly this value; upper and lower case count."),
        ('req.template:"order detail"', "A value with spaces or other signs stands in quotes."),
        ("req.method:(PUT OR PATCH)", "One of several values."),
        ("payments", "A word without a field: inside hosts, paths and names in any case, and as a word of bodies."),
        ('"payment failed"', "Words one after the other, in the same places."),
    )),
    ("Together", (
        ("req.method:POST stats.statusCode:500", "Side by side: both must hold."),
        ("req.method:POST AND stats.statusCode:500", "The same, said. AND, OR and NOT are written in capitals."),
        ("stats.statusCode:500 OR stats.duration:>2s", "One is enough."),
        ("req.method:GET NOT req.path:/health", "The second must not hold; -req.path:/health says the same."),
        ("req.method:POST (stats.statusCode:500 OR stats.duration:>2s)", "Parentheses say what belongs together."),
    )),
    ("Beginnings and patterns", (
        ("req.path:/v1/*", "Begins so: * is any text."),
        ("req.host:*shop*", "Holds it somewhere."),
        ("req.path:/v?/orders", "? is one character."),
        ("req.host:/shop-[0-9]+/", "A regular expression that the whole value fits."),
    )),
    ("Numbers, dates, addresses", (
        ("stats.statusCode:5xx", "A class of status codes."),
        ("stats.duration:>800", "More than; >=, < and <= as well. Durations are in ms, or say 2s, 5m."),
        ("res.size:>=1mb", "Sizes are in bytes, or say kb, mb."),
        ("stats.duration:[2 TO 800]", "From one to the other, both included; {2 TO 800} leaves both out."),
        ("stats.duration:[2s TO *]", "A star leaves an end open."),
        ("date:2026-11-22", "A date is all of the day, month or year that it names, in UTC."),
        ("date:[2026-11-22T10:00Z TO 2026-11-22T10:05Z]", "From one minute to the other."),
        ("stats.src.origin:10.0.0.0/8", "Addresses of a network."),
    )),
    ("Being there", (
        ("_exists_:res.location", "The field has a value."),
        ("NOT _exists_:stats.statusCode", "It has none: a request without a response."),
        ("req.headers.x-request-id:*", "Inside fields with names of their own, by name: headers, parameters, tags."),
    )),
)  # fmt: skip

_GROUPS: Final = (
    ("req.", "Request"), ("res.", "Response"), ("stats.", "Who, where, how long"), ("parsing.", "How it was read"),
    ("", "Where it comes from"),
)  # fmt: skip
_HOW: Final = {
    "keyword": "value, pattern, range, regular expression",
    "text": "words, beginnings of words",
    "long": "number, range",
    "integer": "number, range",
    "short": "number, range, class like 5xx",
    "double": "number, range",
    "ip": "address, network, range",
    "date": "date, range",
    "boolean": "true or false",
    "flattened": "by name inside: value, beginning",
}
_KEYS: Final = {
    "req.headers": "content-type", "res.headers": "content-type", "req.trailers": "checksum",
    "res.trailers": "checksum", "res.interim.headers": "link", "req.params": "page",
    "req.authorization.jwtHeader": "alg", "req.authorization.jwtClaims": "sub", "stats.tags": "order",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A field as the page shows it; `example` is a query that can be run."""

    field: Field
    letter: str
    how: str
    example: str
    content: bool


def example(field: Field) -> str:
    """A query that asks a field for its example."""
    if field.type == "flattened":
        return f"{field.name}.{_KEYS.get(field.name, 'name')}:{clauses.quote(field.example)}"
    return f"{field.name}:{clauses.quote(field.example)}"


def _lines() -> Iterator[tuple[str, list[Line]]]:
    left = dict(fields(RESOURCE))
    for prefix, title in _GROUPS:
        names = [name for name in left if name.startswith(prefix)]
        found = [left.pop(name) for name in names]
        yield (
            title,
            [
                Line(field, matching.LETTERS[field.type], _HOW[field.type], example(field), field.permission == CONTENT)
                for field in found
            ],
        )


@require_safe
def query_help(request: HttpRequest) -> HttpResponse:
    """The query language and all fields."""
    groups = list(_lines())
    context: dict[str, Any] = {"syntax": SYNTAX, "groups": groups, "total": sum(len(lines) for _, lines in groups)}
    return render(request, "httpcomms/query_help.html", context)
