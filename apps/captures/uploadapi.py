"""What browsers call to upload files: resumable by the tus protocol, with a list that says what became of each."""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.captures import tus
from apps.captures.checking import upload_read_again
from apps.captures.files import file_rows
from apps.captures.models import Upload
from apps.captures.receiving import upload_append, upload_create, upload_remove
from apps.captures.uploads import Readable
from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, require

#: Seconds after which a client that sends nothing more is given up, so that it holds no thread.
STALL_SECONDS = 60
BUSY_WAIT = 2
_places = threading.BoundedSemaphore(settings.UPLOADS_AT_ONCE)

ERRORS = {
    400: OpenApiResponse(ErrorSerializer, "A header is wrong: `field` says which; or the body ended early."),
    401: OpenApiResponse(ErrorSerializer, "Nobody is signed in."),
    403: OpenApiResponse(ErrorSerializer, "The right `startStop` is missing, or the CSRF token."),
    404: OpenApiResponse(ErrorSerializer, "There is no such upload, or whisperer."),
    409: OpenApiResponse(ErrorSerializer, "Upload-Offset is another than the file's, or its state does not allow it."),
    410: OpenApiResponse(ErrorSerializer, "The upload failed or is too old: send the file again."),
    412: OpenApiResponse(ErrorSerializer, "Tus-Resumable is not 1.0.0."),
    413: OpenApiResponse(ErrorSerializer, "The file is too large, or the body larger than what is missing."),
    415: OpenApiResponse(ErrorSerializer, "No capture, or another Content-Type."),
    423: OpenApiResponse(ErrorSerializer, "Another request is appending: wait for Retry-After seconds."),
    460: OpenApiResponse(ErrorSerializer, "Upload-Checksum does not match; nothing of the body was kept."),
    503: OpenApiResponse(ErrorSerializer, "`busy`: too many files arrive at once; wait for Retry-After seconds."),
    507: OpenApiResponse(ErrorSerializer, "`disk_full` or `quota`: there is no room for the file now."),
}


def _header(name: str, description: str, kind: Any = str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, description=description, required=required)


RESUMABLE = _header("Tus-Resumable", "1.0.0", required=True)
CHECKSUM = _header("Upload-Checksum", "`sha1` or `sha256`, and the base64 digest of this body.")


class Unread(BaseParser):
    """Leaves the body to the view. The framework asks for a form where CSRF is checked; there is none."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        return {}


class FileRowSerializer(serializers.Serializer):
    """A file, and how far it is."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes, as sent.")
    modified = serializers.IntegerField(help_text="Its last change, milliseconds since 1970; 0 when unknown.")
    offset = serializers.IntegerField(help_text="Bytes that are here.")
    state = serializers.ChoiceField(Upload.State.choices)
    word = serializers.CharField(help_text="The state for people.")
    tone = serializers.CharField(help_text="info, ok, warn, bad or nothing.")
    icon = serializers.CharField()
    note = serializers.CharField(help_text="How far it is, or the error, in words.")
    progress = serializers.FloatField(allow_null=True, help_text="Per cent of what it does now.")
    search = serializers.CharField(help_text="Where its communications are seen; empty when there are none.")
    actions = serializers.ListField(child=serializers.CharField(), help_text="resume, again, remove")
    sha256 = serializers.CharField()


class FilesSerializer(serializers.Serializer):
    """The files of a whisperer, the latest first."""

    files = FileRowSerializer(many=True)
    busy = serializers.BooleanField(help_text="Whether something will change by itself soon.")


class TusApi(PeopleApi):
    """A view that answers as the protocol asks."""

    parser_classes: Any = [Unread]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in ("GET", "OPTIONS"):
            tus.require_version(request.headers)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        done = super().finalize_response(request, response, *args, **kwargs)
        done["Tus-Resumable"] = tus.VERSION
        if done.status_code == 412:
            done["Tus-Version"] = tus.VERSION
        if done.status_code == 460:
            done.reason_phrase = "Checksum Mismatch"
        return done

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What the server can do."""
        response = Response(status=204)
        response["Tus-Version"] = tus.VERSION
        response["Tus-Extension"] = tus.EXTENSIONS
        response["Tus-Max-Size"] = str(settings.UPLOAD_LIMIT)
        response["Tus-Checksum-Algorithm"] = ",".join(tus.ALGORITHMS)
        return response


def _whisperer(user: Person, key: UUID, right: str) -> Whisperer:
    whisperer = Whisperer.objects.filter(pk=key).first()
    if whisperer is None:
        raise ApplicationError("There is no such whisperer.", code="not_found", status_code=404, field="whisperer")
    require(user, whisperer, right)
    return whisperer


def _upload(user: Person, key: UUID, right: str) -> Upload:
    """The upload; for who may not even see its whisperer it does not exist."""
    upload = Upload.objects.select_related("whisperer").filter(pk=key).first()
    if upload is None:
        raise ApplicationError("There is no such upload.", code="not_found", status_code=404)
    require(user, upload.whisperer, right)
    return upload


@contextmanager
def _body(request: Request) -> Iterator[Readable]:
    """The request's body, to be read at once; a sender that falls silent is given up.

    Raises ApplicationError 503 while as many files arrive as threads may be spent on.
    """
    if not _places.acquire(blocking=False):
        message = "Too many files arrive at once: wait a moment."
        raise ApplicationError(message, code="busy", status_code=503, retry_after=BUSY_WAIT)
    socket = request.META.get("gunicorn.socket")
    try:
        if socket is not None:
            socket.settimeout(STALL_SECONDS)
        yield request.stream if request.stream is not None else io.BytesIO()
    finally:
        if socket is not None:
            socket.settimeout(None)
        _places.release()


def _append(request: Request, upload: Upload, offset: int) -> Upload:
    size, checksum = tus.body_length(request.headers), tus.checksum(request.headers)
    with _body(request) as body:
        return upload_append(upload=upload, offset=offset, body=body, size=size, checksum=checksum)


def _said(response: Response, upload: Upload) -> Response:
    """How far the upload is, and until when it may be continued."""
    response["Upload-Offset"] = str(upload.offset)
    if upload.state == Upload.State.RECEIVING:
        response["Upload-Expires"] = http_date(upload.expires.timestamp())
    return response


class UploadsApi(TusApi):
    """`/api/v1/uploads/`"""

    @extend_schema(
        summary="The files of a whisperer",
        parameters=[OpenApiParameter("whisperer", UUID, required=True, description="Id of the whisperer.")],
        responses={200: FilesSerializer, **{code: ERRORS[code] for code in (400, 401, 404)}},
    )
    def get(self, request: Request) -> Response:
        key = tus.whisperer_id(request.query_params, "whisperer")
        whisperer = _whisperer(request.user, key, "see")
        return Response(FilesSerializer(file_rows(whisperer, request.user)).data)

    @extend_schema(
        summary="Begin to upload a file",
        description="As in tus 1.0.0. `Upload-Metadata` names the `whisperer` (its id, mode UPLOAD) and may name "
        "`filename`, `modified` (milliseconds since 1970), `sha256` (of the whole file), and `again` (to read the file "
        "even if the same bytes were uploaded before). A body is the first bytes of the file.",
        parameters=[
            RESUMABLE,
            _header("Upload-Length", "Bytes of the whole file.", int, required=True),
            _header("Upload-Metadata", "Names and base64 values, by commas.", required=True),
            CHECKSUM,
        ],
        request={tus.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={
            201: OpenApiResponse(description="Made: its address is in Location, what arrived in Upload-Offset."),
            **{code: ERRORS[code] for code in (400, 401, 403, 404, 409, 412, 413, 415, 460, 503, 507)},
        },
    )
    def post(self, request: Request) -> Response:
        said = tus.metadata(request.headers)
        size = tus.length(request.headers)
        first = tus.body_length(request.headers)
        if first:
            tus.require_content_type(request.headers)
        tus.checksum(request.headers)
        upload = upload_create(
            whisperer=_whisperer(request.user, tus.whisperer_id(said), "startStop"),
            name=tus.file_name(said),
            size=size,
            actor=request.user,
            modified=tus.modified(said),
            expected=tus.expected(said),
            again="again" in said,
            metadata=request.headers.get("Upload-Metadata", ""),
        )
        if first:
            upload = _append(request, upload, 0)
        response = Response(status=201)
        response["Location"] = reverse("upload", args=[upload.pk])
        return _said(response, upload)


class UploadApi(TusApi):
    """`/api/v1/uploads/{id}/`"""

    @extend_schema(exclude=True)
    def head(self, request: Request, id: UUID) -> Response:
        """How far the upload is."""
        upload = _upload(request.user, id, "startStop")
        if upload.state == Upload.State.FAILED:
            raise ApplicationError(upload.error, code="gone", status_code=410)
        response = Response(status=200)
        response["Upload-Length"] = str(upload.size)
        response["Cache-Control"] = "no-store"
        if upload.metadata:
            response["Upload-Metadata"] = upload.metadata
        return _said(response, upload)

    @extend_schema(
        summary="Append to an upload",
        parameters=[RESUMABLE, _header("Upload-Offset", "Bytes that are here.", int, required=True), CHECKSUM],
        request={tus.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={204: OpenApiResponse(description="Kept: Upload-Offset says how much is here."), **ERRORS},
    )
    def patch(self, request: Request, id: UUID) -> Response:
        tus.require_content_type(request.headers)
        upload = _upload(request.user, id, "startStop")
        upload = _append(request, upload, tus.number(request.headers, "Upload-Offset"))
        return _said(Response(status=204), upload)

    @extend_schema(
        summary="Give an upload up, or take it off the list",
        parameters=[RESUMABLE],
        responses={204: None, **{code: ERRORS[code] for code in (401, 403, 404, 409, 412)}},
    )
    def delete(self, request: Request, id: UUID) -> Response:
        upload_remove(upload=_upload(request.user, id, "startStop"), actor=request.user)
        return Response(status=204)

    @extend_schema(exclude=True)
    def post(self, request: Request, id: UUID) -> HttpResponseBase:
        """For clients that cannot send other methods: X-HTTP-Method-Override names the one that is meant."""
        meant = request.headers.get("X-HTTP-Method-Override", "").upper()
        handlers = {"PATCH": self.patch, "DELETE": self.delete, "HEAD": self.head}
        if meant not in handlers:
            message = f"X-HTTP-Method-Override is {meant[:20]!r}: give one of {', '.join(handlers)}."
            raise ApplicationError(message, code="method", status_code=405, field="X-HTTP-Method-Override")
        return handlers[meant](request, id)


class UploadAgainApi(PeopleApi):
    """`/api/v1/uploads/{id}/again/`"""

    @extend_schema(
        summary="Read a duplicate all the same",
        request=None,
        responses={202: None, **{code: ERRORS[code] for code in (401, 403, 404, 409, 410)}},
    )
    def post(self, request: Request, id: UUID) -> Response:
        upload_read_again(upload=_upload(request.user, id, "startStop"), actor=request.user)
        return Response(status=202)


