"""Communications as calls: what sequence diagram and waterfall draw."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import calls, requests, selectors, serializers, waterfall
from apps.httpcomms.api.base import ERRORS, RANGE, orjson_response
from apps.whisperers.rights import scope_for


class CallsApi(PeopleApi):
    """`/api/v1/httpcomms/calls/`"""

    @extend_schema(
        operation_id="httpcomms_calls",
        summary="Communications as calls, each within the one that caused it",
        description="What the sequence diagram and the waterfall draw: the first communications in an order, with the "
        "services in the order of their first appearance. `parent` is the call that a call is within: `joined` says "
        "whether a shared correlation identifier or time alone tells.",
        parameters=[
            *RANGE,
            OpenApiParameter(
                "order", str, enum=list(waterfall.ORDERS), default="start", description="Which come first."
            ),
            OpenApiParameter("size", int, description="At most so many, 1 to 500.", default=selectors.DRAWN),
        ],
        responses={200: serializers.CallsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        parameters = request.query_params
        order = parameters.get("order") or "start"
        if order not in waterfall.ORDERS:
            message = f"Order by one of {', '.join(waterfall.ORDERS)}."
            raise ApplicationError(message, code="invalid", field="order")
        size = requests.whole_number(parameters, "size", selectors.DRAWN, 1, selectors.MAX_DRAWN)
        wanted = requests.read({name: parameters[name] for name in ("q", "from", "to") if name in parameters})
        found = selectors.first_calls(scope_for(request.user), wanted, waterfall.ORDERS[order][1], size)
        return orjson_response(
            {
                "calls": [calls.as_json(one) for one in found.calls],
                "services": calls.lifelines(found.calls),
                "conversations": calls.conversations(found.calls),
                "total": found.total,
                "atLeast": found.at_least,
                "leftOut": found.left_out,
            }
        )
