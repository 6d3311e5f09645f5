"""Exports: what one would be, and the file itself."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms.api.base import BINARY, ERRORS, RANGE, orjson_response
from apps.httpcomms.exports import plan as plans
from apps.httpcomms.exports.registry import FORMATS
from apps.httpcomms.exports.sending import send

_IDS = "Ids of communications with commas, at most 5000; they take the place of query and range."
_LIMIT = "At most so many communications, the earliest; never more than the format's limit."
_COLUMNS = "Of CSV: fields with commas, `req.headers.<name>` too."
_BOM = "Of CSV: begin with a byte order mark, by which Excel knows UTF-8."
_TRAILER = "Of CSV and NDJSON: end with a line that says how many there were and whether that is all."
WANTED = [
    OpenApiParameter("format", str, enum=list(FORMATS), required=True),
    *RANGE,
    OpenApiParameter("ids", str, description=_IDS),
    OpenApiParameter("limit", int, description=_LIMIT),
    OpenApiParameter("columns", str, description=_COLUMNS),
    OpenApiParameter("bom", str, enum=["yes", "no"], default="no", description=_BOM),
    OpenApiParameter("trailer", str, enum=["yes", "no"], default="yes", description=_TRAILER),
]
_HEADERS = [
    OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=about, response=[200])
    for name, kind, about in (
        ("X-Spider-Found", int, "Communications found."),
        ("X-Spider-Cut", str, "`1000 of 12345` where a limit cuts the file; absent otherwise."),
    )
]
_BUSY = OpenApiResponse(ErrorSerializer, "The store is away, or too many exports are under way (`busy`, Retry-After).")
_DESCRIPTION = (
    "In the order of time. The file's last words begin with `end of export: ` and say how many communications it has, "
    "whether that is all, and what was left out and why; a file without them broke off. Secrets stay masked in all "
    "formats but pcap, which has only whisperers on which you have the right `packets`."
)


class FormatSerializer(serializers.Serializer):
    """A format and how many communications it takes."""

    name = serializers.CharField()
    words = serializers.CharField()
    about = serializers.CharField()
    limit = serializers.IntegerField()


class PreviewSerializer(serializers.Serializer):
    """How much an export would be."""

    found = serializers.IntegerField(help_text="Communications that the query finds.")
    written = serializers.IntegerField(help_text="Those that the limit lets through.")
    bytes = serializers.IntegerField(help_text="About so many, told from some of them.")
    cut = serializers.BooleanField()
    name = serializers.CharField(help_text="Name of the file.")
    leftOut = serializers.ListField(  # noqa: N815 - a name of the API
        child=serializers.CharField(), help_text="What will not be in it and why, a sentence each."
    )
    formats = FormatSerializer(many=True)


# A function and not a class: `from` is no name of Python's.
_INPUT = inline_serializer(
    "ExportInput",
    {
        "format": serializers.ChoiceField(list(FORMATS)),
        **{name: serializers.CharField(required=False, allow_blank=True) for name in ("q", "from", "to")},
        "ids": serializers.CharField(required=False, allow_blank=True, help_text=_IDS),
        "limit": serializers.IntegerField(required=False, help_text=_LIMIT),
        "columns": serializers.CharField(required=False, allow_blank=True, help_text=_COLUMNS),
        "bom": serializers.ChoiceField(["yes", "no"], required=False, help_text=_BOM),
        "trailer": serializers.ChoiceField(["yes", "no"], required=False, help_text=_TRAILER),
    },
)


class _AnyFormat(DefaultContentNegotiation):
    """`format` names the file's, and `Accept` may name its type: answers of ours are JSON whatever they say."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ExportApi(PeopleApi):
    """`/api/v1/httpcomms/export/`"""

    content_negotiation_class: Any = _AnyFormat

    @extend_schema(
        operation_id="httpcomms_export",
        summary="Communications as a file",
        description=_DESCRIPTION,
        parameters=[*WANTED, *_HEADERS],
        responses={(200, "application/octet-stream"): BINARY, **ERRORS, 503: _BUSY},
    )
    def get(self, request: Request) -> HttpResponseBase:
        return send(plans.read(request.user, request.query_params), request.user)

    @extend_schema(
        operation_id="httpcomms_export_chosen",
        summary="Communications as a file, asked for in a body",
        description="As GET, for more ids than an address holds.",
        request=_INPUT,
        parameters=_HEADERS,
        responses={(200, "application/octet-stream"): BINARY, **ERRORS, 503: _BUSY},
    )
    def post(self, request: Request) -> HttpResponseBase:
        return send(plans.read(request.user, _texts(request.data)), request.user)


class ExportPreviewApi(PeopleApi):
    """`/api/v1/httpcomms/export/preview/`"""

    content_negotiation_class: Any = _AnyFormat

    @extend_schema(
        operation_id="httpcomms_export_preview",
        summary="What an export would be",
        description="How many communications and about how many bytes, and what will be missing.",
        parameters=WANTED,
        responses={200: PreviewSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        return self._answer(request, request.query_params)

    @extend_schema(
        operation_id="httpcomms_export_preview_chosen",
        summary="What an export would be, asked for in a body",
        description="As GET, for more ids than an address holds.",
        request=_INPUT,
        responses={200: PreviewSerializer, **ERRORS},
    )
    def post(self, request: Request) -> HttpResponse:
        return self._answer(request, _texts(request.data))

    def _answer(self, request: Request, parameters: Mapping[str, str]) -> HttpResponse:
        plan = plans.read(request.user, parameters)
        found = plans.preview(request.user, plan)
        return orjson_response(
            {
                "found": found.found,
                "written": found.written,
                "bytes": found.bytes,
                "cut": found.cut,
                "name": plans.file_name(plan, found.found),
                "leftOut": found.left_out,
                "formats": [
                    {"name": one.name, "words": one.words, "about": one.about, "limit": plans.limit_of(one)}
                    for one in FORMATS.values()
                ],
            }
        )


def _texts(data: Any) -> dict[str, str]:
    """A body's values as the address would have them."""
    if not isinstance(data, dict):
        raise ApplicationError("Send an object with the names of the parameters.", code="invalid")
    for name, value in data.items():
        if not isinstance(value, (str, int)):
            raise ApplicationError("Give a text.", code="invalid", field=str(name))
    return {str(name): str(value) for name, value in data.items()}
