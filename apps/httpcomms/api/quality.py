"""What is missing from the traffic of a time, and why."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.httpcomms import ranges, requests, selectors, serializers
from apps.httpcomms.api.base import ERRORS, FROM, TO, orjson_response
from apps.httpcomms.api.search import DEFAULT_BUCKETS
from apps.whisperers.rights import scope_for


class QualityApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_quality",
        summary="Losses, gaps and parsing errors over time",
        description="Of the whisperers whose communications the caller may search. Losses are told by the minute.",
        parameters=[
            FROM,
            TO,
            OpenApiParameter("buckets", int, description="At most so many steps, 1 to 400.", default=120),
        ],
        responses={200: serializers.QualitySerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        given = {name: request.query_params[name] for name in ("from", "to") if name in request.query_params}
        wanted, scope = requests.read(given), scope_for(request.user)
        count = requests.whole_number(request.query_params, "buckets", DEFAULT_BUCKETS, 1, selectors.MAX_BUCKETS)
        span = selectors.closed_range(scope, wanted, requests.now())
        found = selectors.quality(scope, span, ranges.interval(span.length, count))
        return orjson_response(quality_data(found))


def quality_data(found: selectors.Quality) -> dict[str, Any]:
    """The quality of a range as the API and the page send it."""
    return {
        "since": found.range.since,
        "until": found.range.until,
        "interval": found.interval,
        "complete": found.complete,
        "totals": found.totals(),
        "marks": [
            {
                "first": mark.first,
                "last": mark.last,
                "kind": mark.kind,
                "whisperer": mark.whisperer,
                "name": found.names.get(mark.whisperer, ""),
                "counts": dict(mark.counts),
                "words": mark.words,
            }
            for mark in found.marks
        ],
    }
