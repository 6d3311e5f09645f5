"""One communication, its bodies, its TCP session, and the packets of both."""

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import bodyof, evidence, requests, selectors, serializers
from apps.httpcomms.api.base import (
    BINARY,
    ERRORS_ONE,
    FORBIDDEN,
    REFUSED,
    TOO_LARGE,
    orjson_response,
    packet_json,
)
from apps.httpcomms.downloads import attachment
from apps.httpcomms.packetlist import SessionPackets
from apps.whisperers.rights import packet_scope, scope_for


class CommunicationApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_get",
        summary="One communication",
        responses={200: serializers.CommunicationSerializer, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        return orjson_response(selectors.get(scope_for(request.user), id))


class BodyApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_body",
        summary="The body of a request or response",
        description="As a download that no browser will run. `decoded`: content codings undone; `raw`: as on the wire, "
        "chunk framing taken away.",
        parameters=[
            OpenApiParameter("side", str, OpenApiParameter.PATH, enum=["req", "res"]),
            OpenApiParameter("form", str, enum=["decoded", "raw"], default="decoded"),
            OpenApiParameter("part", str, description="A part of a multipart body: `2`, or `2.1` for one inside it."),
        ],
        responses={(200, "application/octet-stream"): BINARY, 400: REFUSED, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str, side: str) -> HttpResponse:
        form = request.query_params.get("form", "decoded")
        if form not in ("decoded", "raw"):
            raise ApplicationError("A body is decoded or raw.", code="invalid", field="form")
        scope = scope_for(request.user)
        part = request.query_params.get("part", "")
        if part and form == "raw":
            message = "A part is of the decoded body: ask for it without form=raw."
            raise ApplicationError(message, code="invalid", field="form")
        found = bodyof.content(scope, selectors.get(scope, id), side, part)
        name = f"{id}-{side}{'-' + part if part else ''}.bin"
        return attachment(found.whole.raw if form == "raw" else found.data, name)


class CommunicationPcapApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_pcap",
        summary="The packets of one communication, as a capture file",
        responses={(200, "application/vnd.tcpdump.pcap"): BINARY, 403: FORBIDDEN, 413: TOO_LARGE, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        document = selectors.get(scope_for(request.user), id)
        data = evidence.communication_pcap(packet_scope(request.user, document["whisperer"]), document)
        return attachment(data, f"{id}.pcap", "application/vnd.tcpdump.pcap")


class TcpSessionApi(PeopleApi):
    @extend_schema(
        operation_id="tcpsessions_get",
        summary="One TCP session",
        responses={200: serializers.TcpSessionSerializer, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        return orjson_response(evidence.session(scope_for(request.user), id))


class PacketsApi(PeopleApi):
    @extend_schema(
        operation_id="tcpsessions_packets",
        summary="The packets of a TCP session",
        parameters=[OpenApiParameter("size", int, description="At most so many, 1 to 5000.", default=1000)],
        responses={200: serializers.PacketsSerializer, 400: REFUSED, 403: FORBIDDEN, 413: TOO_LARGE, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        size = requests.whole_number(request.query_params, "size", 1000, 1, 5000)
        session = evidence.session(scope_for(request.user), id)
        listed = SessionPackets(packet_scope(request.user, session["whisperer"]), session).first(size)
        return orjson_response(
            {
                "packets": [packet_json(packet) for packet in listed.packets],
                "total": listed.total,
                "truncated": listed.truncated,
            }
        )


class TcpSessionPcapApi(PeopleApi):
    @extend_schema(
        operation_id="tcpsessions_pcap",
        summary="The packets of a TCP session, as a capture file",
        responses={(200, "application/vnd.tcpdump.pcap"): BINARY, 403: FORBIDDEN, 413: TOO_LARGE, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        session = evidence.session(scope_for(request.user), id)
        data = evidence.session_pcap(packet_scope(request.user, session["whisperer"]), session)
        return attachment(data, f"{id}.pcap", "application/vnd.tcpdump.pcap")
