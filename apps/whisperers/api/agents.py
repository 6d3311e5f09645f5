"""The agents of a whisperer: those enrolled, and the enrolments that let others join."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError
from apps.whisperers import selectors
from apps.whisperers.api.base import READ, WRITE, Input, WhispererApi, found_or_gone, read_input
from apps.whisperers.api.whisperers import StateSerializer
from apps.whisperers.models import Enrolment, Instance
from apps.whisperers.services import (
    enrolment_create,
    enrolment_revoke,
    install_command,
    instance_revoke,
    instance_rotate,
)

#: Hours that an enrolment lets agents join: a working day where nobody says otherwise, a month at most.
HOURS, MOST_HOURS = 8, 31 * 24


class InstanceSerializer(serializers.Serializer):
    """An agent on one host."""

    id = serializers.UUIDField()
    name = serializers.CharField(help_text="The host's name.")
    version = serializers.CharField()
    state = StateSerializer(help_text="What it is doing, as far as is known.")
    reported = serializers.ChoiceField(Instance.State.choices, help_text="What it said last.")
    applied = serializers.CharField(help_text="Revision of the configuration in force there.")
    upToDate = serializers.BooleanField(help_text="That is the newest one.")  # noqa: N815 - a name of the API
    interfaces = serializers.ListField(child=serializers.JSONField(), help_text="Name, addresses, up, link.")
    figures = serializers.DictField(child=serializers.FloatField(), help_text="What its last status said in numbers.")
    enrolled = serializers.DateTimeField()
    lastSeen = serializers.DateTimeField(allow_null=True)  # noqa: N815 - a name of the API
    revoked = serializers.DateTimeField(allow_null=True)
    rotating = serializers.DateTimeField(allow_null=True, help_text="When new keys were asked for, until it has them.")


class InstancesSerializer(serializers.Serializer):
    """The agents of a whisperer, by host."""

    instances = InstanceSerializer(many=True)


class EnrolmentSerializer(serializers.Serializer):
    """Lets new hosts join until it expires or is revoked."""

    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="How its text begins.")
    created = serializers.DateTimeField()
    createdBy = serializers.CharField(allow_null=True)  # noqa: N815 - a name of the API
    expires = serializers.DateTimeField()
    revoked = serializers.DateTimeField(allow_null=True)
    uses = serializers.IntegerField()
    usable = serializers.BooleanField()


class NewEnrolmentSerializer(EnrolmentSerializer):
    """A new enrolment with its text, which is shown this once."""

    token = serializers.CharField()
    command = serializers.CharField(help_text="To be pasted on a host: it fetches the agent, joins and captures.")


class EnrolmentsSerializer(serializers.Serializer):
    """The enrolments of a whisperer, the newest first."""

    enrolments = EnrolmentSerializer(many=True)


class EnrolmentInput(Input):
    """How long agents may join."""

    hours = serializers.IntegerField(required=False, default=HOURS, min_value=1, max_value=MOST_HOURS)


def instance_shown(one: Instance, revision: str, now: datetime, pace: int) -> dict[str, Any]:
    """An agent as the API gives it."""
    state = selectors.instance_state(one, now, pace)
    return {
        "id": one.pk,
        "name": one.name,
        "version": one.version,
        "state": {"word": state.word, "reason": state.reason, "since": state.since},
        "reported": one.state,
        "applied": one.applied,
        "upToDate": one.applied == revision,
        "interfaces": one.interfaces,
        "figures": one.figures,
        "enrolled": one.enrolled,
        "lastSeen": one.last_seen,
        "revoked": one.revoked,
        "rotating": one.rotating,
    }


def enrolment_shown(one: Enrolment, now: datetime) -> dict[str, Any]:
    """An enrolment as the API gives it."""
    return {
        "id": one.pk,
        "prefix": one.prefix,
        "created": one.created,
        "createdBy": one.created_by.get_username() if one.created_by is not None else None,
        "expires": one.expires,
        "revoked": one.revoked,
        "uses": one.uses,
        "usable": one.revoked is None and one.expires > now,
    }


class InstancesApi(WhispererApi):
    """`GET /api/v1/whisperers/{id}/instances/`"""

    @extend_schema(
        operation_id="whisperers_instances",
        summary="The agents of a whisperer",
        responses={200: InstancesSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id)
        resolved = selectors.capture_of(whisperer)
        now, pace = timezone.now(), int(resolved.values["status_seconds"])
        found = [instance_shown(one, resolved.revision, now, pace) for one in whisperer.instances.all()]
        return Response({"instances": found})


class InstanceApi(WhispererApi):
    """`/api/v1/whisperers/{id}/instances/{instance}/`"""

    @extend_schema(operation_id="whisperers_instance", summary="An agent", responses={200: InstanceSerializer, **READ})
    def get(self, request: Request, id: Any, instance: Any) -> Response:
        whisperer = self.whisperer(request, id)
        one = found_or_gone(whisperer.instances.filter(pk=instance).first(), "agent")
        resolved = selectors.capture_of(whisperer)
        pace = int(resolved.values["status_seconds"])
        return Response(instance_shown(one, resolved.revision, timezone.now(), pace))

    @extend_schema(
        operation_id="whisperers_instance_revoke",
        summary="Refuse an agent's keys from now on",
        description="Needs the right `configure`. The agent stops when it next asks; its record stays.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: Any, instance: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        one = found_or_gone(whisperer.instances.filter(pk=instance).first(), "agent")
        instance_revoke(instance=one, actor=request.user)
        return Response(status=204)


class RotateApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/instances/{instance}/rotate/`"""

    @extend_schema(
        operation_id="whisperers_instance_rotate",
        summary="Give an agent new keys",
        description="Needs the right `configure`. The agent gets them with its next status; the old ones open nothing "
        "once it has used them.",
        request=None,
        responses={200: InstanceSerializer, 409: ErrorSerializer, **READ},
    )
    def post(self, request: Request, id: Any, instance: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        one = found_or_gone(whisperer.instances.filter(pk=instance).first(), "agent")
        if not instance_rotate(instance=one, actor=request.user):
            message = f"{one.name} was revoked: it has no keys, and joins again with an enrolment."
            raise ApplicationError(message, code="revoked", status_code=409)
        resolved = selectors.capture_of(whisperer)
        pace = int(resolved.values["status_seconds"])
        return Response(instance_shown(one, resolved.revision, timezone.now(), pace))


class EnrolmentsApi(WhispererApi):
    """`/api/v1/whisperers/{id}/enrolments/`"""

    @extend_schema(
        operation_id="whisperers_enrolments",
        summary="What lets agents join a whisperer",
        description="Needs the right `configure`.",
        responses={200: EnrolmentsSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        found = whisperer.enrolments.select_related("created_by")
        return Response({"enrolments": [enrolment_shown(one, timezone.now()) for one in found]})

    @extend_schema(
        operation_id="whisperers_enrol",
        summary="Let agents join a whisperer for a while",
        description="Needs the right `configure`. The text is in this answer alone.",
        request=EnrolmentInput,
        responses={201: NewEnrolmentSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        hours = read_input(EnrolmentInput, request)["hours"]
        one, text = enrolment_create(whisperer=whisperer, life=timedelta(hours=hours), actor=request.user)
        command = install_command(request.build_absolute_uri("/").rstrip("/"), text)
        return Response(enrolment_shown(one, timezone.now()) | {"token": text, "command": command}, status=201)


class EnrolmentApi(WhispererApi):
    """`DELETE /api/v1/whisperers/{id}/enrolments/{number}/`"""

    @extend_schema(
        operation_id="whisperers_enrolment_revoke",
        summary="Let no further agent join with an enrolment",
        description="Needs the right `configure`. Agents that joined with it stay.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: Any, number: int) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        one = found_or_gone(whisperer.enrolments.filter(pk=number).first(), "enrolment")
        enrolment_revoke(enrolment=one, actor=request.user)
        return Response(status=204)
