"""One exchange in forms that other tools take, what there is around it, and one packet in its layers."""

from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from apps.core.api import PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import evidence, layers, selectors, serializers
from apps.httpcomms.api.base import BINARY, ERRORS_ONE, FORBIDDEN, TOO_LARGE, orjson_response, packet_json
from apps.httpcomms.curl import curl
from apps.httpcomms.downloads import attachment, in_place
from apps.httpcomms.fetchcode import fetch_code
from apps.httpcomms.packetlist import SessionPackets
from apps.httpcomms.selectors import related
from apps.whisperers.rights import packet_scope, scope_for
from documents import har
from store.documents import Scope

#: Bytes of a packet that are sent: no link carries larger frames, captures of offloaded segments end there too.
MAX_BYTES = 64 * 1024
_TEXT = {(200, "text/plain"): {"type": "string"}}


def body_or_none(scope: Scope, document: dict[str, Any], side: str) -> bytes | None:
    """The decoded body of a side; None where there is none, or it is not kept."""
    try:
        return evidence.body(scope, document, side).decoded.data
    except ApplicationError:
        return None


class HarApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_har",
        summary="One communication as HAR 1.2, with its bodies",
        responses={(200, "application/json"): BINARY, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        scope = scope_for(request.user)
        document = selectors.get(scope, id)
        if "req" not in document:
            message = "HAR has no place for a response without its request: take the JSON or the packets."
            raise ApplicationError(message, code="not_found", status_code=404)
        data = b"".join(har.stream([document], lambda one, side: body_or_none(scope, one, side)))
        return attachment(data, f"{id}.har", "application/json")


class CurlApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_curl",
        summary="The request as a curl command",
        description="Safe to paste into bash or zsh. Secrets stay masked; notes stand above the command as comments.",
        responses={**_TEXT, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        scope = scope_for(request.user)
        document = selectors.get(scope, id)
        command = curl(document, body_or_none(scope, document, "req"))
        return in_place(command.encode("utf-8", "replace"), "text/plain; charset=utf-8")


class FetchApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_fetch",
        summary="The request as a call of fetch() in JavaScript",
        responses={**_TEXT, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        scope = scope_for(request.user)
        document = selectors.get(scope, id)
        code = fetch_code(document, body_or_none(scope, document, "req"))
        return in_place(code.encode("utf-8", "replace"), "text/plain; charset=utf-8")


class RelatedApi(PeopleApi):
    @extend_schema(
        operation_id="httpcomms_related",
        summary="What there is around a communication",
        description="How its duration compares with its kind, how many others share its identifiers, and its place in "
        "its TCP session.",
        responses={200: serializers.RelatedSerializer, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str) -> HttpResponse:
        scope = scope_for(request.user)
        document = selectors.get(scope, id)
        session = related.session(scope, document)
        compared, place = related.comparison(scope, document), related.place(scope, document, session)
        fields = ("like", "query", "count", "faster", "p50", "p95", "p99")
        return orjson_response(
            {
                "comparison": {name: getattr(compared, name) for name in fields} if compared else None,
                "links": [
                    {"value": link.value, "query": link.query, "others": link.others}
                    for link in related.links(scope, document)
                ],
                "session": {name: getattr(place, name) for name in ("position", "total", "before", "after")},
            }
        )


class PacketApi(PeopleApi):
    @extend_schema(
        operation_id="tcpsessions_packet",
        summary="One packet of a TCP session in its layers",
        responses={200: serializers.PacketDetailSerializer, 403: FORBIDDEN, 413: TOO_LARGE, **ERRORS_ONE},
    )
    def get(self, request: Request, id: str, number: int) -> HttpResponse:
        session = evidence.session(scope_for(request.user), id)
        frame = SessionPackets(packet_scope(request.user, session["whisperer"]), session).frame(number)
        found = {
            "packet": packet_json(frame.packet),
            "link": frame.link,
            "layers": [asdict(layer) for layer in layers.dissect(frame.data, frame.link)],
            "bytes": frame.data[:MAX_BYTES].hex(),
            "captured": len(frame.data),
            "original": frame.original,
        }
        return orjson_response(found)
