"""Statistics of a result: as JSON, or as CSV for a spreadsheet."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.core.errors import ApplicationError
from apps.core.words import rfc3339
from apps.httpcomms import requests, selectors, serializers
from apps.httpcomms.api.base import ERRORS, RANGE, orjson_response
from apps.httpcomms.downloads import attachment
from apps.httpcomms.exports.as_csv import cell
from apps.httpcomms.selectors.statistics import Line, Statistics, statistics
from apps.httpcomms.statistics import Choice, read_choice
from apps.whisperers.rights import scope_for
from store.documents import FUNCTIONS


class StatisticsApi(PeopleApi):
    """`GET /api/v1/httpcomms/statistics/`"""

    @extend_schema(
        operation_id="httpcomms_statistics",
        summary="Figures of groups of communications",
        description="A function over a field, by no, one or two fields, over the whole range or in steps of it. Every "
        "group also tells its calls, how many of them failed (4xx, 5xx, no response), durations in ms and the mean "
        "size of a response.",
        parameters=[
            *RANGE,
            OpenApiParameter(
                "metric", str, description="`calls`, or a field whose values can be counted.", default="stats.duration"
            ),
            OpenApiParameter(
                "function", str, enum=list(FUNCTIONS), description="The usual one of the metric when absent."
            ),
            OpenApiParameter(
                "groups",
                str,
                description="At most two fields, a comma between; empty: all together.",
                default="stats.dst.name",
            ),
            OpenApiParameter("per", str, enum=["interval", "whole"], default="interval"),
            OpenApiParameter("as", str, enum=["json", "csv"], default="json"),
        ],
        responses={
            (200, "application/json"): serializers.StatisticsSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponse:
        wanted, scope = requests.read(request.query_params), scope_for(request.user)
        choice = read_choice(request.query_params)
        form = request.query_params.get("as", "json")
        if form not in ("json", "csv"):
            raise ApplicationError("Statistics are sent as json or csv.", code="invalid", field="as")
        found = statistics(scope, wanted, choice, selectors.closed_range(scope, wanted, requests.now()))
        if form == "csv":
            return attachment(_csv(choice, found), "statistics.csv", "text/csv; charset=utf-8")
        return orjson_response(_json(choice, found))


def _json(choice: Choice, found: Statistics) -> dict[str, Any]:
    return {
        "since": found.range.since,
        "until": found.range.until,
        "interval": found.interval or None,
        "metric": choice.metric or "calls",
        "function": choice.function,
        "unit": choice.unit or None,
        "total": found.total,
        "more": found.more,
        "groups": [_group(choice, line) for line in found.lines],
    }


def _group(choice: Choice, line: Line) -> dict[str, Any]:
    return {
        "values": dict(zip(choice.groups, line.values, strict=True)),
        "calls": line.calls,
        "failed": line.failed,
        "figure": line.figure,
        "p50": line.p50,
        "p95": line.p95,
        "p99": line.p99,
        "size": line.size,
        "steps": [{"start": start, "calls": calls, "figure": figure} for start, calls, figure in line.steps],
    }


def _csv(choice: Choice, found: Statistics) -> bytes:
    """A line for each group; with steps, a line for each step of each group."""
    figure = f"{choice.function} {choice.metric}".strip()
    steps = ("start",) if found.interval else ()
    lines: list[tuple[Any, ...]] = [(*choice.groups, *steps, "calls", "failed", figure, "p50", "p95", "p99", "size")]
    for line in found.lines:
        if not found.interval:
            whole = (line.calls, line.failed, line.figure, line.p50, line.p95, line.p99, line.size)
            lines.append((*line.values, *whole))
        lines += [(*line.values, rfc3339(at), calls, None, value, *(None,) * 4) for at, calls, value in line.steps]
    return "".join(",".join(map(cell, one)) + "\r\n" for one in lines).encode()
