"""What agents as services call: they join, read what to do, and tell how they are. And the agent itself as one file."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core import bpf
from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError, handle
from apps.whisperers import zipapp
from apps.whisperers.authentication import Agent, IsReader, WhispererTokenAuthentication
from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import Instance, Whisperer, WhispererToken
from apps.whisperers.owntraffic import own_traffic
from apps.whisperers.services.enrolment import Enrolled, agent_enrol, keys_due, keys_rotate
from apps.whisperers.services.status import status_take

ANY = "any"
#: LINKTYPE_RAW: agents capture "any" without link headers.
LINK_RAW = 101
UNAUTHORISED = OpenApiResponse(
    ErrorSerializer, "`revoked`: stop; `expired`, `authentication_failed`: the token opens nothing."
)


class _AgentApi(APIView):
    """A view whose errors have the one shape of the API."""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle


class ReaderApi(_AgentApi):
    """A view for enrolled agents, with the key that reads."""

    authentication_classes: Any = [WhispererTokenAuthentication]
    permission_classes: Any = [IsReader]

    def instance(self) -> Instance:
        """The agent whose key was shown."""
        agent = self.request.user
        if not isinstance(agent, Agent) or agent.instance is None:
            raise TypeError("no instance behind IsReader")
        return agent.instance


class EnrolSerializer(serializers.Serializer):
    """What a host says of itself when it joins."""

    name = serializers.CharField(max_length=200, help_text="The host's name.")
    version = serializers.CharField(max_length=40, required=False, allow_blank=True, help_text="Of the agent.")
    system = serializers.CharField(max_length=200, required=False, allow_blank=True)
    interfaces = serializers.JSONField(required=False, help_text="Name, addresses, up, link (LINKTYPE_) of each.")
    instance = serializers.CharField(max_length=40, required=False, allow_blank=True, help_text="What it was before.")
    proof = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="A key it had then.")


class EnrolledSerializer(serializers.Serializer):
    """The keys of a new agent; they are shown this once."""

    instance = serializers.UUIDField()
    whisperer = serializers.UUIDField()
    mode = serializers.CharField(help_text="INTERFACE, FILE or UPLOAD.")
    upload_key = serializers.CharField(help_text="May upload, nothing else.")
    read_key = serializers.CharField(help_text="May read the configuration and tell the status, nothing else.")


class EnrolApi(_AgentApi):
    """`POST /api/v1/agent/enrol/`"""

    authentication_classes: Any = []  # the token is the enrolment's, checked by the service
    permission_classes: Any = []

    @extend_schema(
        summary="Join a whisperer with an enrolment token",
        request=EnrolSerializer,
        responses={201: EnrolledSerializer, 400: ErrorSerializer, 401: UNAUTHORISED},
        auth=[{"whispererToken": []}],
    )
    def post(self, request: Request) -> Response:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            message = "An enrolment token is needed: Authorization: Bearer spe_…"
            raise ApplicationError(message, code="authentication_failed", status_code=401)
        form = EnrolSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response(EnrolledSerializer(_shown(agent_enrol(secret=secret.strip(), **form.validated_data))).data, 201)


def _shown(enrolled: Enrolled) -> dict[str, Any]:
    whisperer = enrolled.instance.whisperer
    return {
        "instance": enrolled.instance.pk, "whisperer": whisperer.pk, "mode": whisperer.mode,
        "upload_key": enrolled.upload_key, "read_key": enrolled.read_key,
    }  # fmt: skip


class ConfigProblemSerializer(serializers.Serializer):
    """Why an interface cannot be captured as configured."""

    interface = serializers.CharField(help_text="Empty: it concerns all.")
    field = serializers.CharField()
    message = serializers.CharField()


class ConfigSerializer(serializers.Serializer):
    """What an agent is to do."""

    revision = serializers.CharField(help_text="Of the values and of whether to capture; told back as `applied`.")
    capturing = serializers.BooleanField()
    mode = serializers.CharField(help_text="INTERFACE, FILE or UPLOAD.")
    values = serializers.DictField(help_text="Every field of the capture configuration.")
    programs = serializers.DictField(
        child=serializers.ListField(child=serializers.ListField(child=serializers.IntegerField())),
        help_text="The filter compiled for each interface: instructions code, jt, jf, k.",
    )
    problems = ConfigProblemSerializer(many=True)


class ConfigApi(ReaderApi):
    """`GET /api/v1/agent/config/`"""

    @extend_schema(
        summary="Read what to do",
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description="ETag of the last.")],
        responses={
            200: ConfigSerializer,
            304: OpenApiResponse(description="Nothing changed."),
            401: UNAUTHORISED,
            403: ErrorSerializer,
        },
    )
    def get(self, request: Request) -> Response:
        told = configuration_for(self.instance(), own=own_traffic(request.META.get("REMOTE_ADDR", "")))
        digest = hashlib.sha256(json.dumps([told["programs"], told["problems"]]).encode()).hexdigest()[:8]
        # Another interface of the host changes its programs, not the revision of the configuration.
        etag = f'"{told["revision"]}.{digest}"'
        headers = {"ETag": etag, "Cache-Control": "no-store"}
        if request.headers.get("If-None-Match") == etag:
            return Response(status=304, headers=headers)
        return Response(told, headers=headers)


def configuration_for(instance: Instance, own: str = "") -> dict[str, Any]:
    """What one agent is to do, with the filter compiled for the interfaces it has; packets that `own` finds are left
    out."""
    whisperer = instance.whisperer
    resolved = resolve(whisperer, "capture")
    programs: dict[str, list[bpf.Instruction]] = {}
    problems: list[dict[str, str]] = []
    if whisperer.mode == Whisperer.Mode.INTERFACE:
        links = {one["name"]: one["link"] for one in instance.interfaces} | {ANY: LINK_RAW}
        for name in resolved.values["interfaces"]:
            try:
                programs[name] = _program(name, resolved.values["filter"], own, links)
            except _Problem as problem:
                problems.append({"interface": name, "field": problem.field, "message": str(problem)})
    return {
        "revision": resolved.revision, "capturing": whisperer.capturing, "mode": whisperer.mode,
        "values": resolved.values, "programs": programs, "problems": problems,
    }  # fmt: skip


class _Problem(Exception):
    """Why an interface cannot be captured, in words, and the field at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _program(name: str, expression: str, own: str, links: dict[str, int | None]) -> list[bpf.Instruction]:
    """The filter for one interface; empty for none."""
    if name not in links:
        known = ", ".join(links)
        raise _Problem("interfaces", f"there is no interface {name!r} on this host; there are: {known}")
    link = links[name]
    if link is None:
        raise _Problem("interfaces", f"{name} is of a kind that agents cannot capture; try any")
    wanted = [text for text in (expression and f"({expression})", own and f"not ({own})") if text]
    try:
        if expression:
            _compiled(expression, link)  # by itself too: "tcp) or (udp" is a filter between our brackets alone
        return _compiled(" and ".join(wanted), link) if wanted else []
    except (bpf.FilterError, bpf.LibraryMissing) as error:
        if not expression:  # nobody asked for a filter: better all packets than none
            return []
        raise _Problem("filter", f"{name}: {error}") from error


@lru_cache(maxsize=1000)  # every agent asks every few seconds
def _compiled(expression: str, link: int) -> list[bpf.Instruction]:
    return bpf.compile(expression, link)


class AgentStatusSerializer(serializers.Serializer):
    """How an agent is."""

    state = serializers.ChoiceField(Instance.State.choices)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    applied = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    version = serializers.CharField(max_length=40, required=False, allow_blank=True)
    interfaces = serializers.JSONField(required=False, help_text="Name, addresses, up, link (LINKTYPE_) of each.")
    figures = serializers.JSONField(required=False, help_text="Numbers by name, see docs/operations.md.")


class RotateSerializer(serializers.Serializer):
    """New keys; the old ones open nothing once one of these was used for a status."""

    upload_key = serializers.CharField()
    read_key = serializers.CharField()


class AgentStatusAnswerSerializer(serializers.Serializer):
    """What has changed meanwhile."""

    revision = serializers.CharField(help_text="Of the configuration now.")
    rotate = RotateSerializer(required=False)


class StatusApi(ReaderApi):
    """`POST /api/v1/agent/status/`"""

    @extend_schema(
        summary="Tell how the agent is",
        request=AgentStatusSerializer,
        responses={200: AgentStatusAnswerSerializer, 400: ErrorSerializer, 401: UNAUTHORISED, 403: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        form = AgentStatusSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        instance, token = self.instance(), request.auth
        status_take(instance=instance, told=form.validated_data)
        answer: dict[str, Any] = {"revision": resolve(instance.whisperer, "capture").revision}
        due = isinstance(token, WhispererToken) and keys_due(token=token, instance=instance)
        keys = keys_rotate(token=token) if due else None
        if keys is not None:
            answer["rotate"] = {"upload_key": keys[0], "read_key": keys[1]}
        return Response(answer)


@login_not_required
@require_safe
def agent_zipapp(request: HttpRequest) -> HttpResponse:
    """`GET /agent/spider-agent.pyz`: the agent, for whoever has an enrolment. It holds nothing secret."""
    data, digest = zipapp.build()
    etag = f'"{digest}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponseNotModified()
    headers = {"ETag": etag, "Content-Disposition": 'attachment; filename="spider-agent.pyz"'}
    return HttpResponse(data, content_type="application/octet-stream", headers=headers)
