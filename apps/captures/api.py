"""What agents call: chunks in, the end of a capture, and filters compiled for hosts without libpcap."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.captures.headers import DIGITS, LARGEST, ChunkHeaders, read_abandoned, read_dropped, read_headers
from apps.captures.services import capture_finish, capture_status, chunk_accept
from apps.captures.space import require_room
from apps.captures.uploads import not_a_capture, upload_receive
from apps.core import bpf
from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError, handle
from apps.whisperers.authentication import Agent, IsAgent, WhispererTokenAuthentication
from apps.whisperers.models import Whisperer
from wire import pcapfile

ERRORS = {
    400: OpenApiResponse(ErrorSerializer, "A header, the digest or the body is wrong: `field` says which."),
    401: OpenApiResponse(ErrorSerializer, "The token is missing, unknown or revoked."),
    403: OpenApiResponse(ErrorSerializer, "The capture is another whisperer's."),
    409: OpenApiResponse(ErrorSerializer, "`conflict` or `ended`: start a new capture."),
    413: OpenApiResponse(ErrorSerializer, "The chunk or file is larger than the server takes."),
    415: OpenApiResponse(ErrorSerializer, "Neither pcap, pcapng nor ring blocks, or an unknown coding."),
    429: OpenApiResponse(ErrorSerializer, "`window`: wait for Retry-After seconds."),
    503: OpenApiResponse(ErrorSerializer, "`full`, `later` or `unavailable`: keep the chunk, wait, send it again."),
}

#: What a call about one capture may be answered besides.
CAPTURE_ERRORS = {404: ErrorSerializer, **{code: ERRORS[code] for code in (400, 401, 503)}}


def _header(name: str, kind: Any, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description)


class AgentApi(APIView):
    """A view for agents: the token names the whisperer. The body is read by the view itself, never parsed as a form."""

    authentication_classes: Any = [WhispererTokenAuthentication]
    permission_classes: Any = [IsAgent]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle

    def whisperer(self) -> Whisperer:
        """The whisperer whose token was shown."""
        agent = self.request.user
        if not isinstance(agent, Agent):
            raise TypeError("no agent behind IsAgent")
        return agent.whisperer

    def told(self, form: type[serializers.Serializer]) -> dict[str, Any]:
        """What the request's JSON says, checked; what is wrong is answered by name."""
        read = form(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)


class ChunkAnswerSerializer(serializers.Serializer):
    """What became of a chunk, and how far its capture is."""

    word = serializers.ChoiceField(
        ["ok", "dup", "late"], help_text="Accepted now, accepted before, or given up before."
    )
    capture = serializers.CharField()
    chunk = serializers.IntegerField()
    next = serializers.IntegerField(help_text="The lowest number that is not done.")
    have = serializers.ListField(child=serializers.IntegerField(), help_text="Known numbers from `next` on.")
    durable = serializers.IntegerField(help_text="Every number below it is on disk or given up.")


class UploadAnswerSerializer(serializers.Serializer):
    """A whole file was taken."""

    word = serializers.ChoiceField(["ok"])
    capture = serializers.CharField()
    search = serializers.URLField(help_text="Where its communications will be seen.")


class ChunkApi(AgentApi):
    """`POST /api/v1/chunks/`"""

    @extend_schema(
        summary="Send a chunk, or a whole capture",
        description="The raw body is pcap, pcapng or ring blocks, optionally with Content-Encoding zstd or gzip. "
        "Without Spider-Capture it is a whole capture file of any size.",
        parameters=[
            _header("Spider-Capture", str, "Random id of the capture, chosen by the agent."),
            _header("Spider-Previous", str, "A capture of the same instance that was left open: it is ended now."),
            _header("Spider-Chunk", int, "Number of the chunk in its capture, from 0."),
            _header("Spider-Packets", int, "Packets in the chunk."),
            _header("Spider-Digest", str, "SHA-256 of the body as sent, hexadecimal."),
            _header("Spider-Instance", str, "The host."),
            _header("Spider-Interface", str, "The interface or file."),
            _header("Spider-Oldest", int, "The lowest number not yet durable."),
            _header("Spider-Abandoned", str, "Numbers given up: number=packets/bytes/reason, by commas."),
            _header("Spider-Dropped", str, "Lost since the chunk before: reason=packets/bytes, by commas."),
            _header("Spider-Captured", int, "Packets seen since the chunk before: these and the lost ones."),
        ],
        request={"application/vnd.tcpdump.pcap": OpenApiTypes.BINARY, "application/octet-stream": OpenApiTypes.BINARY},
        responses={202: ChunkAnswerSerializer, **ERRORS},
    )
    def post(self, request: Request) -> Response:
        headers = read_headers(request.headers)
        size = _content_length(request)
        if not headers.capture:
            return self._whole(request, headers, size)
        body = _read_chunk(request, headers, size)
        require_room()
        accepted = chunk_accept(whisperer=self.whisperer(), headers=headers, body=body)
        return Response(ChunkAnswerSerializer(accepted).data, status=202)

    def _whole(self, request: Request, headers: ChunkHeaders, size: int) -> Response:
        require_room()
        row = upload_receive(whisperer=self.whisperer(), headers=headers, body=request.stream, size=size)
        return Response({"word": "ok", "capture": row.pk, "search": search_address(request, row.pk)}, status=202)


class StatusSerializer(serializers.Serializer):
    """What an agent tells between chunks."""

    oldest = serializers.IntegerField(min_value=0, max_value=LARGEST, help_text="The lowest number not yet durable.")
    abandoned = serializers.CharField(
        required=False, allow_blank=True, help_text="Numbers given up: number=packets/bytes/reason, by commas."
    )


class StatusAnswerSerializer(serializers.Serializer):
    """How far a capture is."""

    word = serializers.ChoiceField(["ok"])
    next = serializers.IntegerField(help_text="The lowest number that is not done; the window begins here.")
    have = serializers.ListField(child=serializers.IntegerField(), help_text="Known numbers from `next` on.")
    durable = serializers.IntegerField(help_text="Every number below it is on disk or given up.")


class StatusApi(AgentApi):
    """`POST /api/v1/captures/{capture}/status/`"""

    @extend_schema(
        summary="Ask how far a capture is, and tell what was given up",
        description="For an agent that waits for its window or has nothing to send: cheaper than a refused chunk.",
        request=StatusSerializer,
        responses={200: StatusAnswerSerializer, **CAPTURE_ERRORS},
    )
    def post(self, request: Request, capture: str) -> Response:
        told = self.told(StatusSerializer)
        abandoned = read_abandoned(told.get("abandoned", ""))
        status = capture_status(whisperer=self.whisperer(), capture=capture, oldest=told["oldest"], abandoned=abandoned)
        return Response(StatusAnswerSerializer(status).data)


class FinalSerializer(serializers.Serializer):
    """The last chunk's number."""

    last = serializers.IntegerField(min_value=-1, max_value=(1 << 53) - 2, help_text="-1 when no chunk was sent.")
    dropped = serializers.CharField(
        required=False, allow_blank=True, help_text="Lost since the last chunk: reason=packets/bytes, by commas."
    )
    captured = serializers.IntegerField(
        required=False, min_value=0, max_value=LARGEST, help_text="Packets seen since the last chunk, all of them lost."
    )


class FinalAnswerSerializer(serializers.Serializer):
    """The end is on disk."""

    word = serializers.ChoiceField(["done"])
    search = serializers.URLField(help_text="Where the capture's communications are seen.")


class FinalApi(AgentApi):
    """`POST /api/v1/captures/{capture}/final/`"""

    @extend_schema(
        summary="End a capture",
        description="To be sent when every chunk is durable and every number given up was told; may be repeated.",
        request=FinalSerializer,
        responses={202: FinalAnswerSerializer, **CAPTURE_ERRORS},
    )
    def post(self, request: Request, capture: str) -> Response:
        told = self.told(FinalSerializer)
        lost = read_dropped(told.get("dropped", ""))
        if "captured" in told:
            lost["packets.captured"] = told["captured"]
        capture_finish(whisperer=self.whisperer(), capture=capture, last=told["last"], lost=lost)
        return Response({"word": "done", "search": search_address(request, capture)}, status=202)


class FilterSerializer(serializers.Serializer):
    """A filter for SO_ATTACH_FILTER."""

    program = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField(), min_length=4, max_length=4),
        help_text="Instructions: code, jt, jf, k.",
    )


class FilterApi(AgentApi):
    """`GET /api/v1/filters/`"""

    @extend_schema(
        summary="Compile a capture filter",
        parameters=[
            OpenApiParameter("filter", str, required=True, description="In the syntax of pcap-filter(7)."),
            OpenApiParameter("link", int, description="LINKTYPE_ number of the interface; 1 is Ethernet."),
        ],
        responses={200: FilterSerializer, 400: ERRORS[400], 401: ERRORS[401], 503: ERRORS[503]},
    )
    def get(self, request: Request) -> Response:
        link = request.query_params.get("link", "1")
        if not (link.isascii() and link.isdigit() and len(link) < 6):
            raise ApplicationError(f"link is {link[:20]!r}: give a LINKTYPE_ number.", code="invalid", field="link")
        try:
            program = bpf.compile(request.query_params.get("filter", ""), int(link))
        except bpf.LibraryMissing as error:
            raise ApplicationError(str(error), code="libpcap_missing", status_code=503) from error
        except bpf.FilterError as error:
            raise ApplicationError(str(error), code="filter", field="filter") from error
        return Response({"program": program})


def search_address(request: Request, capture: str) -> str:
    """The absolute address of a capture's own time range on the search page."""
    return request.build_absolute_uri(reverse("capture", args=[capture]))


def _content_length(request: Request) -> int:
    value = request.headers.get("Content-Length", "")
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS) or int(value) == 0:
        message = "The body is empty or its Content-Length is missing: send the capture as the raw body."
        raise ApplicationError(message, code="empty", field="Content-Length")
    return int(value)


def _read_chunk(request: Request, headers: ChunkHeaders, size: int) -> bytes:
    """The body of a chunk, bounded and of a kind that can be split."""
    if size > settings.CHUNK_LIMIT:
        message = f"The chunk has {size} bytes, at most {settings.CHUNK_LIMIT} are taken (SPIDER_CHUNK_LIMIT)."
        raise ApplicationError(message, code="too_large", status_code=413, field="Content-Length")
    body: bytes = request.stream.read(size)
    if len(body) < size:
        message = f"The body ended {size - len(body)} bytes before its Content-Length of {size}: send it again."
        raise ApplicationError(message, code="cut_short", field="Content-Length")
    kind = pcapfile.sniff(body[:4])
    if kind is None:
        raise not_a_capture(body)
    if headers.encoding in ("zstd", "gzip") and kind != headers.encoding:
        message = f"Content-Encoding is {headers.encoding}, the body is {kind}: leave the header out or compress."
        raise ApplicationError(message, code="encoding", status_code=415, field="Content-Encoding")
    return body
