"""TCP sessions searched as communications are: the same four questions, over the fields of a session."""

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view

from apps.core.api import ErrorSerializer
from apps.httpcomms import serializers
from apps.httpcomms.api import facets, search
from apps.httpcomms.api.base import ERRORS, FROM, TO
from apps.httpcomms.facets import SESSION_FACETS

_Q = OpenApiParameter("q", str, description="Lucene syntax over the fields of a TCP session; empty finds everything.")
_RANGE = [_Q, FROM, TO]


@extend_schema_view(
    get=extend_schema(
        operation_id="tcpsessions_search",
        summary="Search TCP sessions",
        parameters=[
            *_RANGE,
            OpenApiParameter("sort", str, description="A field, `-` in front for descending.", default="-date"),
            OpenApiParameter("size", int, description="Hits of a page, 1 to 1000.", default=50),
            OpenApiParameter("after", str, description="The `after` of the page before."),
        ],
        responses={200: serializers.SessionPageSerializer, **ERRORS},
    )
)
class SearchApi(search.SearchApi):
    resource = "tcpsessions"


@extend_schema_view(
    get=extend_schema(
        operation_id="tcpsessions_query_check",
        summary="Check a query of TCP sessions without searching",
        parameters=[_Q],
        responses={200: serializers.QueryCheckSerializer, 400: ErrorSerializer, 401: ErrorSerializer},
    )
)
class QueryApi(search.QueryApi):
    resource = "tcpsessions"


@extend_schema_view(
    get=extend_schema(
        operation_id="tcpsessions_histogram",
        summary="TCP sessions by time and state",
        parameters=[
            *_RANGE,
            OpenApiParameter("buckets", int, description="At most so many steps, 1 to 400.", default=120),
            OpenApiParameter("by", str, description="A field of a TCP session.", default="end"),
        ],
        responses={200: serializers.TimelineSerializer, **ERRORS},
    )
)
class TimelineApi(search.HistogramApi):
    resource = "tcpsessions"


@extend_schema_view(
    get=extend_schema(
        operation_id="tcpsessions_facets",
        summary="The most frequent values of fields of TCP sessions",
        parameters=[
            *_RANGE,
            OpenApiParameter("field", str, many=True, description="Fields to count; the usual ones when absent."),
            OpenApiParameter("size", int, description="Values of a field, 1 to 100.", default=10),
        ],
        responses={200: serializers.FacetsSerializer, **ERRORS},
    )
)
class FacetsApi(facets.FacetsApi):
    resource = "tcpsessions"
    usual = SESSION_FACETS
