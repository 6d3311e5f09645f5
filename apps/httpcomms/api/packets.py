"""Packets of the TCP sessions that a query finds, newest first."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.core.words import rfc3339
from apps.httpcomms import requests, serializers
from apps.httpcomms.api.base import ERRORS, FROM, TO, orjson_response
from apps.httpcomms.selectors.packets import MAX_SESSIONS, packets, packets_scope


class PacketRowsApi(PeopleApi):
    """`GET /api/v1/packets/`"""

    @extend_schema(
        operation_id="packets_search",
        summary="Packets of the TCP sessions that fit",
        description=f"Of the newest {MAX_SESSIONS} sessions that fit the query and had a packet in the range. Only of "
        "whisperers on which you have the right `packets`.",
        parameters=[
            OpenApiParameter("q", str, description="Lucene syntax over the fields of a TCP session."),
            FROM,
            TO,
            OpenApiParameter("size", int, description="At most so many, 1 to 5000.", default=500),
        ],
        responses={200: serializers.PacketRowsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        given = {name: value for name, value in request.query_params.items() if name in ("q", "from", "to")}
        size = requests.whole_number(request.query_params, "size", 500, 1, 5000)
        found = packets(packets_scope(request.user), requests.read(given, resource="tcpsessions"), size)
        return orjson_response(
            {
                "packets": [
                    {
                        "tcpSession": row.session["id"],
                        "number": row.packet.number,
                        "date": rfc3339(row.packet.time),
                        "source": {key: row.source[key] for key in ("ip", "port", "name")},
                        "target": {key: row.target[key] for key in ("ip", "port", "name")},
                        "flags": row.packet.flags,
                        "seq": row.packet.seq,
                        "ack": row.packet.ack,
                        "window": row.packet.window,
                        "length": row.packet.length,
                        "missing": row.packet.missing,
                    }
                    for row in found.rows
                ],
                "total": found.total,
                "sessionsRead": found.read,
                "sessions": found.sessions,
            }
        )
