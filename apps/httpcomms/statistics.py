"""What statistics are asked for: a metric, a function over it, and what it is grouped by, read from an address.

`metric` is `calls` or a field; `function` one of `store.documents.FUNCTIONS` that fits it; `groups` at most two fields
with a comma between; `per` is `interval` for steps over the range, else the whole range is one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from apps.core.errors import ApplicationError
from documents.fields import Field, fields
from store.documents import Function, Metric

RESOURCE = "httpcomms"
CALLS = "calls"
NUMBERS = ("long", "integer", "short", "double")
MAX_GROUPS = 2

#: The functions that a kind of metric has, the usual one first.
OF_CALLS: tuple[Function, ...] = ("count",)
OF_NUMBERS: tuple[Function, ...] = ("p95", "p50", "p99", "avg", "min", "max", "sum", "cardinality")
OF_WORDS: tuple[Function, ...] = ("cardinality",)

FUNCTION_WORDS: dict[Function, str] = {
    "count": "number",
    "sum": "sum",
    "avg": "average",
    "min": "least",
    "max": "most",
    "p50": "p50",
    "p95": "p95",
    "p99": "p99",
    "cardinality": "different values",
}

#: What is offered first, with short words; every other field that can be counted follows by its name.
METRIC_WORDS = {
    CALLS: "calls",
    "stats.duration": "duration",
    "stats.timings.wait": "waiting",
    "stats.timings.receive": "receiving",
    "res.size": "response size",
    "req.size": "request size",
    "stats.src.identification": "identifications",
    "stats.src.origin": "origins",
}
GROUP_WORDS = {
    "req.template": "template",
    "stats.dst.name": "server",
    "stats.src.name": "client",
    "req.host": "host",
    "req.method": "method",
    "stats.statusClass": "status class",
    "stats.statusCode": "status",
    "stats.src.identification": "identification",
    "stats.src.origin": "origin",
    "res.contentType": "content type",
    "whisperer": "whisperer",
    "parsing.status": "parsing",
    "req.path": "path",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """The statistics asked for; `metric` is empty for calls."""

    metric: str
    function: Function
    groups: tuple[str, ...]
    per_interval: bool

    @property
    def figure(self) -> Metric:
        """The metric as the store takes it."""
        return Metric(self.function, self.metric)

    @property
    def unit(self) -> str:
        """ms, bytes, or nothing: of numbers alone, not of how many different ones there are."""
        if not self.metric or self.function == "cardinality":
            return ""
        return fields(RESOURCE)[self.metric].unit

    @property
    def words(self) -> str:
        """As a title says it: p95 duration, calls, different identifications."""
        metric = METRIC_WORDS.get(self.metric or CALLS, self.metric)
        if not self.metric:
            return metric
        return f"different {metric}" if self.function == "cardinality" else f"{FUNCTION_WORDS[self.function]} {metric}"


def read_choice(parameters: Mapping[str, str]) -> Choice:
    """The choice of an address; ApplicationError names the parameter that is wrong and what it may be."""
    metric = parameters.get("metric") or "stats.duration"
    metric = "" if metric == CALLS else metric
    known = functions_of(metric)
    function = parameters.get("function") or known[0]
    if function not in known:
        message = f"Of {metric or CALLS} there is no {function!r}. There is: {', '.join(known)}."
        raise ApplicationError(message, code="invalid", field="function")
    groups = tuple(name for name in parameters.get("groups", "stats.dst.name").split(",") if name)
    if len(groups) > MAX_GROUPS:
        raise ApplicationError(f"Group by at most {MAX_GROUPS} fields.", code="invalid", field="groups")
    for name in groups:
        _check_group(name)
    return Choice(metric, cast(Function, function), groups, parameters.get("per", "interval") == "interval")


def functions_of(metric: str) -> tuple[Function, ...]:
    """The functions that a metric has. ApplicationError for a metric that is none."""
    if not metric:
        return OF_CALLS
    field = fields(RESOURCE).get(metric)
    if field is None or not _countable(field):
        message = f"{metric!r} is no metric: give {CALLS}, or a field whose values can be counted."
        raise ApplicationError(message, code="invalid", field="metric")
    return OF_NUMBERS if field.type in NUMBERS and not field.many else OF_WORDS


def metric_choices() -> list[tuple[str, str]]:
    """Every metric with its words, the usual ones first."""
    rest = [(name, name) for name, field in fields(RESOURCE).items() if _countable(field) and name not in METRIC_WORDS]
    return [*METRIC_WORDS.items(), *rest]


def group_choices() -> list[tuple[str, str]]:
    """Every field to group by with its words, the usual ones first."""
    rest = [(name, name) for name, field in fields(RESOURCE).items() if _countable(field) and name not in GROUP_WORDS]
    return [*GROUP_WORDS.items(), *rest]


def group_words(name: str) -> str:
    """What a column of this group is called."""
    return GROUP_WORDS.get(name, name.removeprefix("stats.tags.")).capitalize()


def _countable(field: Field) -> bool:
    return field.type not in ("text", "flattened", "date") and not field.nested


def _check_group(name: str) -> None:
    table = fields(RESOURCE)
    if name in table and _countable(table[name]):
        return
    # A key of a field that has keys of its own: stats.tags.order, req.headers.x-tenant.
    keyed = (key for key, field in table.items() if field.type == "flattened" and not field.nested)
    if any(name.startswith(f"{key}.") for key in keyed):
        return
    message = f"There is no grouping by {name!r}: give a field such as {', '.join(list(GROUP_WORDS)[:4])}, or a tag."
    raise ApplicationError(message, code="invalid", field="groups")
