"""What the descriptions of the search API have in common, and how documents are sent."""

from typing import Any

import orjson
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from apps.core.api import ErrorSerializer
from apps.core.words import rfc3339
from apps.httpcomms.packetlist import Packet
from apps.httpcomms.requests import MAX_QUERY
from apps.whisperers.api.base import Input

#: A body with a query and a time range. Not a class statement: `from` is no name of Python's.
SearchInput: type[Input] = type(
    "SearchInput",
    (Input,),
    {
        "q": serializers.CharField(required=False, allow_blank=True, max_length=MAX_QUERY, help_text="A query."),
        "from": serializers.CharField(required=False, allow_blank=True, help_text="RFC 3339 or `now-7d`."),
        "to": serializers.CharField(required=False, allow_blank=True, help_text="End of the range, not part of it."),
    },
)
Q = OpenApiParameter(
    "q",
    str,
    description="Lucene syntax over the fields of a communication; empty finds everything.",
    examples=[
        OpenApiExample("Failed writes", "req.method:POST AND stats.statusCode:>=500"),
        OpenApiExample("Slow, but not health checks", 'stats.duration:>800 -req.path:"/health"'),
    ],
)
FROM = OpenApiParameter("from", str, description="First moment, RFC 3339 or `now-15m`; open when absent.")
TO = OpenApiParameter("to", str, description="End of the range, not part of it; open when absent.")
RANGE = [Q, FROM, TO]
REFUSED = OpenApiResponse(
    ErrorSerializer,
    examples=[
        OpenApiExample(
            "Error in the query",
            {"error": {"code": "query", "message": "The range is not closed.", "field": "q", "position": 15}},
        )
    ],
)
ERRORS = {400: REFUSED, 401: ErrorSerializer, 503: ErrorSerializer, 504: ErrorSerializer}
FORBIDDEN = OpenApiResponse(
    ErrorSerializer,
    "The right `packets` on the whisperer is missing.",
    examples=[
        OpenApiExample(
            "Packets are not for everyone",
            {
                "error": {
                    "code": "forbidden",
                    "message": "You may not read packets as they were, credentials unmasked: ask for the right "
                    "'packets' on shop.",
                    "field": None,
                    "right": "packets",
                }
            },
        )
    ],
)
ERRORS_ONE = {401: ErrorSerializer, 404: ErrorSerializer, 503: ErrorSerializer}
TOO_LARGE = OpenApiResponse(ErrorSerializer, "The packets are too many for one download.")
BINARY = OpenApiTypes.BINARY


def orjson_response(data: Any) -> HttpResponse:
    """Documents go out as they are, without a pass through serializers: a page holds up to a thousand."""
    return HttpResponse(orjson.dumps(data), content_type="application/json")


def packet_json(packet: Packet) -> dict[str, Any]:
    """A packet of a list."""
    return {
        "number": packet.number,
        "date": rfc3339(packet.time),
        "direction": packet.direction,
        "flags": packet.flags,
        "seq": packet.seq,
        "ack": packet.ack,
        "window": packet.window,
        "length": packet.length,
        "missing": packet.missing,
    }
