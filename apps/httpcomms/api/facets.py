"""Facets: values of fields with their counts, all values of one field, and what choosing one makes of a query."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, requests, selectors, serializers
from apps.httpcomms.api.base import ERRORS, RANGE, REFUSED, Q, orjson_response
from apps.httpcomms.facets import FACETS, Facet, facet_of
from apps.httpcomms.selectors.facets import Counted
from apps.whisperers.rights import scope_for
from store.documents.questions import MAX_GROUPS

MOST_FIELDS = 30
_FIND = OpenApiParameter("find", str, description="Only values that contain this text, whatever its case.")
_ORDER = OpenApiParameter("order", str, enum=["count", "name"], default="count")


def _told(facet: Facet, counted: Counted) -> dict[str, Any]:
    answer = counted.answer
    if facet.bounds:
        stretches = [(*facet.stretch(int(number)), count) for number, count in answer.values]
        values = [{"value": words, "term": term, "count": count} for term, words, count in stretches]
    else:
        values = [{"value": value, "term": clauses.quote(value), "count": count} for value, count in answer.values]
    return {
        "field": facet.field,
        "values": values,
        "missing": answer.missing,
        "others": answer.others,
        "total": counted.total,
        "share": counted.share,
        "withoutChoice": counted.choice,
    }


def _wanted(request: Request, resource: str) -> requests.Search:
    given = request.query_params
    return requests.read({name: given[name] for name in ("q", "from", "to") if name in given}, resource=resource)


class FacetsApi(PeopleApi):
    resource = "httpcomms"
    usual = tuple(facet for facet in FACETS if facet.usual)

    @extend_schema(
        operation_id="httpcomms_facets",
        summary="The most frequent values of fields",
        description="Durations and sizes are counted in stretches. All fields are counted in one go.",
        parameters=[
            *RANGE,
            OpenApiParameter("field", str, many=True, description="Fields to count, also `stats.tags.<name>`; the "
                             "usual ones when absent."),
            OpenApiParameter("size", int, description="Values of a field, 1 to 100.", default=10),
        ],
        responses={200: serializers.FacetsSerializer, **ERRORS},
    )  # fmt: skip
    def get(self, request: Request) -> HttpResponse:
        size = requests.whole_number(request.query_params, "size", 10, 1, 100)
        names = request.query_params.getlist("field")
        if len(names) > MOST_FIELDS:
            raise ApplicationError(f"Ask for at most {MOST_FIELDS} fields at once.", code="invalid", field="field")
        asked = [facet_of(name, self.resource) for name in names] or list(self.usual)
        questions = [facet.question(size) for facet in asked]
        found = selectors.facets(scope_for(request.user), _wanted(request, self.resource), questions)
        return orjson_response({"facets": [_told(facet, one) for facet, one in zip(asked, found, strict=True)]})


class FacetValuesApi(PeopleApi):
    resource = "httpcomms"

    @extend_schema(
        operation_id="httpcomms_facet_values",
        summary="All values of a field among the hits",
        parameters=[
            *RANGE,
            OpenApiParameter("field", str, required=True),
            _FIND,
            _ORDER,
            OpenApiParameter("size", int, description=f"At most so many values, 1 to {MAX_GROUPS}.", default=100),
        ],
        responses={200: serializers.FacetSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        given = request.query_params
        facet = facet_of(given.get("field", ""), self.resource)
        size = requests.whole_number(given, "size", 100, 1, MAX_GROUPS)
        order = given.get("order") or "count"
        if order not in ("count", "name"):
            raise ApplicationError("Order by count or name.", code="invalid", field="order")
        plain = Facet(facet.field, facet.title)  # a number's single values, not its stretches
        told = _told(plain, selectors.values(scope_for(request.user), _wanted(request, self.resource), facet.field,
                                             given.get("find", "").strip(), {}))  # fmt: skip
        if order == "name":
            told["values"].sort(key=lambda one: one["value"].lower())
        told["others"] += sum(one["count"] for one in told["values"][size:])
        told["values"] = told["values"][:size]
        return orjson_response(told)


class ChangeApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_query_change",
        summary="The query after a click on a value",
        parameters=[
            Q,
            OpenApiParameter("field", str, required=True),
            OpenApiParameter("value", str, description="The value; absent (as `term`): documents without one."),
            OpenApiParameter("term", str, description="Instead of the value: as a query has it, `[10 TO 100}`."),
            OpenApiParameter("change", str, required=True, enum=list(clauses.CHANGES), description="`only`: this value "
                             "(taken out if it was there); `not`: exclude it; `also`: it or those chosen already."),
        ],
        responses={200: serializers.ChangedQuerySerializer, 400: REFUSED, 401: ErrorSerializer},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        given = {name: request.query_params[name] for name in request.query_params}
        requests.parse(given.get("q", ""))
        after = requests.changed(given)
        requests.parse(after)
        return Response({"q": after})
