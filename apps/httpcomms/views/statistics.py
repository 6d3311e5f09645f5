"""The statistics of a result: a chart over time, the share that failed, and a table of all figures."""

import time
from typing import Any

import orjson
from django.http import HttpRequest

from apps.core import words
from apps.httpcomms import clauses, present, requests, selectors
from apps.httpcomms import statistics as choices
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.statistics import Line, Statistics, statistics
from apps.httpcomms.statistics import Choice
from apps.httpcomms.views.parts import Found
from apps.whisperers.rights import scope_for, visible_whisperers

#: Lines of the chart: more of them cannot be told apart.
CHARTED = 6
#: Groups of the card of what failed.
FAILING = 7
#: Rows of the table by order: each with the key of a line and whether large comes first.
ORDERS = {
    "calls": lambda line: line.calls,
    "failed": lambda line: line.failed_share,
    "figure": lambda line: line.figure or 0,
    "p50": lambda line: line.p50 or 0,
    "p95": lambda line: line.p95 or 0,
    "p99": lambda line: line.p99 or 0,
    "size": lambda line: line.size or 0,
}
SPARK = (120, 20)


def result(request: HttpRequest, state: Screen) -> dict[str, Any]:
    """What the template needs; the choice is read from the address."""
    choice = choices.read_choice(state.options)
    scope = scope_for(request.user)
    started = time.perf_counter()
    span = selectors.closed_range(scope, state.search, requests.now())
    found = statistics(scope, state.search, choice, span)
    took = (time.perf_counter() - started) * 1000
    names = {str(w.pk): w.name for w in visible_whisperers(request.user)}
    order = state.options.get("largest", "calls")
    lines = sorted(found.lines, key=ORDERS.get(order, ORDERS["calls"]), reverse=True)
    rows = [_row(state, choice, line, found, names) for line in lines]
    context: dict[str, Any] = {
        "found": Found(found.total, False, took),
        "choice": choice,
        "metrics": choices.metric_choices(),
        "functions": [(name, choices.FUNCTION_WORDS[name]) for name in choices.functions_of(choice.metric)],
        "groups": choices.group_choices(),
        "chosen_groups": [*choice.groups, "", ""][:2],
        "heads": [choices.group_words(name) for name in choice.groups],
        "order": order,
        "statistics": found,
        "rows": rows,
        "failing": sorted(rows, key=lambda row: row["line"].failed_share, reverse=True)[:FAILING],
        "series": orjson.dumps(_series(choice, found, names)).decode(),
    }
    if not found.total:
        context["why"] = selectors.explain(scope, state.search)
        context["sees_nothing"] = scope == frozenset()
    return context


def _row(state: Screen, choice: Choice, line: Line, found: Statistics, names: dict[str, str]) -> dict[str, Any]:
    """A line of the table, its values as links into the query."""
    seconds = found.range.length / words.SECOND
    most = max((one.calls for one in found.lines), default=1)
    highest = max((one.p95 or 0 for one in found.lines), default=0)
    return {
        "line": line,
        "values": [
            {
                "shown": _shown(name, value, names),
                "missing": value is None,
                "field": name,
                "value": value,
                "only": state.click_url(name, term),
            }
            for name, value in zip(choice.groups, line.values, strict=True)
            for term in [None if value is None else clauses.quote(value)]
        ],
        "rate": line.calls / seconds if seconds else 0,
        "figure": figure_words(line.figure, choice),
        "calls_share": f"{100 * line.calls / most:.1f}%",
        "p95_share": f"{100 * (line.p95 or 0) / highest:.1f}%" if highest else "0%",
        "failed": f"{100 * line.failed_share:.1f} %",
        "failed_bar": f"{100 * line.failed_share:.1f}%",
        "alarm": "bad" if line.failed_share >= 0.1 else "warn" if line.failed_share >= 0.04 else "",
        "spark": _spark(line, found),
    }


def _shown(name: str, value: str | None, names: dict[str, str]) -> str:
    if value is None:
        return "missing"
    if name == "parsing.status":
        return present.PARSING.get(value, value)
    return names.get(value, value) if name == "whisperer" else value


def figure_words(value: float | None, choice: Choice) -> str:
    """A figure of the chosen metric as people read it."""
    if value is None:
        return "–"
    if choice.unit == "ms":
        return words.duration(value)
    if choice.unit == "bytes":
        return words.size(round(value))
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _label(choice: Choice, line: Line, names: dict[str, str]) -> str:
    parts = [_shown(name, value, names) for name, value in zip(choice.groups, line.values, strict=True)]
    return " · ".join(parts) or "all"


def _series(choice: Choice, found: Statistics, names: dict[str, str]) -> dict[str, Any]:
    """The chart's data: of the largest groups, a figure for each step; whole-range charts have one each."""
    shown = found.lines[:CHARTED]
    return {
        "since": found.range.since,
        "until": found.range.until,
        "interval": found.interval,
        "unit": choice.unit,
        "words": choice.words,
        "lines": [
            {
                "name": _label(choice, line, names),
                "figure": line.figure,
                "steps": [[start, figure] for start, _, figure in line.steps],
            }
            for line in (shown if found.interval else found.lines[:20])
        ],
        "counts": choice.function in ("count", "sum"),
    }


def _spark(line: Line, found: Statistics) -> str:
    """Calls over time as the points of an SVG polyline; empty where there are no steps."""
    if not line.steps or not found.interval:
        return ""
    first = (found.range.since or 0) // found.interval * found.interval
    count = max(-(-((found.range.until or 0) - first) // found.interval), 1)
    calls = [0] * count
    for start, number, _ in line.steps:
        at = (start - first) // found.interval
        if 0 <= at < count:
            calls[at] = number
    width, height = SPARK
    most = max(calls) or 1
    step = width / max(count - 1, 1)
    return " ".join(f"{n * step:.1f},{height - 1 - (height - 2) * c / most:.1f}" for n, c in enumerate(calls))
