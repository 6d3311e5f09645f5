"""Searching: pages of communications, their timeline, and whether a query can be read."""

import time

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.httpcomms import requests, selectors, serializers, verdict
from apps.httpcomms.api.base import ERRORS, RANGE, Q, orjson_response
from apps.whisperers.rights import scope_for
from documents.build import stamp

DEFAULT_BUCKETS = 120


class SearchApi(PeopleApi):
    resource = "httpcomms"

    @extend_schema(
        operation_id="httpcomms_search",
        summary="Search communications",
        description="A search ordered by `-date` that takes long is answered in part (`partial`): nothing before "
        "`searchedFrom` was looked at. Ask again with `to` = `searchedFrom` to go on. Any other that takes too long is "
        "refused with 504 and the code `took_too_long`.",
        parameters=[
            *RANGE,
            OpenApiParameter("sort", str, description="A field, `-` in front for descending.", default="-date"),
            OpenApiParameter("size", int, description="Hits of a page, 1 to 1000.", default=50),
            OpenApiParameter("after", str, description="The `after` of the page before."),
        ],
        responses={200: serializers.PageSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = requests.read(request.query_params, resource=self.resource)
        started = time.perf_counter()
        answer = selectors.begin(scope_for(request.user), wanted, requests.now())
        page = answer.page if isinstance(answer, selectors.Slices) else answer
        since = answer.reached.edge if isinstance(answer, selectors.Slices) else wanted.range.since
        took = round((time.perf_counter() - started) * 1000, 1)
        return orjson_response(
            {
                "hits": page.hits,
                "after": page.after,
                "total": page.total,
                "atLeast": page.at_least,
                "partial": isinstance(answer, selectors.Slices) and not answer.reached.whole_range,
                "searchedFrom": stamp(since) if since is not None else None,
                "took": took,
            }
        )


class QueryApi(PeopleApi):
    resource = "httpcomms"

    @extend_schema(
        operation_id="httpcomms_query_check",
        summary="Check a query without searching",
        description="Answers 200 for a query that is none as well: `error` says what is wrong, where, and what would "
        "mend it. `doubt` is said of a query that is hardly meant as it is read.",
        parameters=[Q],
        responses={200: serializers.QueryCheckSerializer, 400: ErrorSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        valid, said = verdict.check(request.query_params.get("q", ""), self.resource)
        if said is None:
            return Response({"valid": valid})
        return Response({"valid": valid, "doubt" if valid else "error": said.as_json()})


class HistogramApi(PeopleApi):
    resource = "httpcomms"

    @extend_schema(
        operation_id="httpcomms_histogram",
        summary="Communications by time and the values of a field",
        parameters=[
            *RANGE,
            OpenApiParameter("buckets", int, description="At most so many steps, 1 to 400.", default=120),
            OpenApiParameter(
                "by",
                str,
                description="A field, or a key of one that has keys of its own (`stats.tags.order`). Counts are given "
                "for its 8 most frequent values; a communication with several values counts for each.",
                default=selectors.STATUS_CLASS,
            ),
        ],
        responses={200: serializers.TimelineSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = requests.read(request.query_params, resource=self.resource)
        scope = scope_for(request.user)
        count = requests.whole_number(request.query_params, "buckets", DEFAULT_BUCKETS, 1, selectors.MAX_BUCKETS)
        by = selectors.field_of(request.query_params.get("by") or selectors.USUAL[self.resource], self.resource)
        span = selectors.closed_range(scope, wanted, requests.now())
        line = selectors.timeline(scope, wanted, span, count, by)
        return orjson_response(
            {
                "since": line.range.since,
                "until": line.range.until,
                "interval": line.interval,
                "by": line.by,
                "values": [{"value": value, "count": count} for value, count in line.values],
                "buckets": [{"start": b.start, "total": b.total, "counts": b.counts} for b in line.buckets],
            }
        )
