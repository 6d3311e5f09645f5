"""Purges of a part of what a whisperer captured: counted, begun, looked at, cancelled."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError
from apps.core.words import rfc3339
from apps.httpcomms import purges
from apps.httpcomms.api.base import SearchInput
from apps.httpcomms.models import Purge
from apps.httpcomms.purges import KINDS, Asked
from apps.whisperers.api.base import READ, WRITE, WhispererApi, read_input

_RULES = (
    "Needs the right `purge`, and with a query `search` too. By time alone communications go that began in the range, "
    "and TCP sessions, packets and bodies that lie wholly in it; the two latter are stored in blocks. By a query the "
    "bodies of what it finds are cut out of their blocks, and TCP sessions and packets go where no other communication "
    "is of them. What is pinned stays, unless `pinned` is `yes`."
)
LISTED = 50

class PurgeInput(SearchInput):  # type: ignore[valid-type,misc]  # made by a call
    """What to remove."""

    what = serializers.ListField(child=serializers.ChoiceField(list(KINDS)), help_text="Kinds of data.")
    pinned = serializers.ChoiceField(["yes", "no"], default="no", help_text="Whether what is pinned goes as well.")


class PlannedSerializer(serializers.Serializer):
    """How many documents of a kind would go: by time packets and bodies in blocks; by a query bodies in communications
    and packets in TCP sessions."""

    kind = serializers.ChoiceField(list(KINDS))
    count = serializers.IntegerField()
    exact = serializers.BooleanField(help_text="Otherwise it is at most so many.")


class PlanSerializer(serializers.Serializer):
    """What a purge would remove as of now."""

    planned = PlannedSerializer(many=True)
    pinned = serializers.IntegerField(help_text="Communications that are pinned: without `pinned` they stay.")


class PurgeSerializer(serializers.Serializer):
    """A purge: what was asked for, and how far it came."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(Purge.State.choices)
    reason = serializers.CharField(help_text="Why it failed, else empty.")
    query = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    what = serializers.ListField(child=serializers.ChoiceField(list(KINDS)))
    pinned = serializers.BooleanField()
    planned = serializers.DictField(child=serializers.IntegerField(), help_text="By kind, as counted before.")
    removed = serializers.DictField(child=serializers.IntegerField(), help_text="By kind, so far.")
    by = serializers.CharField(help_text="User name.")
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)


class PurgesSerializer(serializers.Serializer):
    """Purges, the newest first."""

    purges = PurgeSerializer(many=True)


def shown(purge: Purge) -> dict[str, Any]:
    """A purge as the API gives it."""
    since, until = (None if at is None else rfc3339(at) for at in (purge.since, purge.until))
    return {
        "id": purge.pk,
        "state": purge.state,
        "reason": purge.reason,
        "query": purge.query,
        "since": since,
        "until": until,
        "what": purge.kinds,
        "pinned": purge.pinned,
        "planned": purge.planned,
        "removed": purge.removed,
        "by": purge.actor_name,
        "created": purge.created,
        "ended": purge.ended,
    }


class _PurgeApi(WhispererApi):
    def asked(self, request: Request, id: Any) -> Asked:
        """The purge that a body asks for."""
        whisperer = self.whisperer(request, id, "purge")
        given = read_input(PurgeInput, request)
        return purges.read(request.user, whisperer, given, given["what"])

    def purge(self, request: Request, id: Any, number: int) -> Purge:
        """The purge of the address."""
        found = purges.purges_of(self.whisperer(request, id, "purge")).filter(pk=number).first()
        if found is None:
            raise ApplicationError("There is no such purge.", code="not_found", status_code=404)
        return found


class PurgePlanApi(_PurgeApi):
    """`POST /api/v1/whisperers/{id}/purges/plan/`"""

    @extend_schema(
        operation_id="purges_plan",
        summary="Count what a purge would remove",
        description=_RULES,
        request=PurgeInput,
        responses={200: PlanSerializer, **WRITE, 503: ErrorSerializer, 504: ErrorSerializer},
    )
    def post(self, request: Request, id: Any) -> Response:
        asked = self.asked(request, id)
        lines = [{"kind": line.kind, "count": line.count, "exact": line.exact} for line in purges.purge_plan(asked)]
        return Response({"planned": lines, "pinned": purges.pinned_count(asked)})


class PurgesApi(_PurgeApi):
    """`/api/v1/whisperers/{id}/purges/`"""

    @extend_schema(
        operation_id="purges_list",
        summary="The latest purges of a whisperer",
        description=f"Needs the right `purge`. At most {LISTED}.",
        responses={200: PurgesSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        found = purges.purges_of(self.whisperer(request, id, "purge"))[:LISTED]
        return Response({"purges": [shown(purge) for purge in found]})

    @extend_schema(
        operation_id="purges_create",
        summary="Remove a query or a time range of what a whisperer captured",
        description=f"{_RULES} It cannot be undone. It goes in the background.",
        request=PurgeInput,
        responses={202: PurgeSerializer, **WRITE, 503: ErrorSerializer, 504: ErrorSerializer},
    )
    def post(self, request: Request, id: Any) -> Response:
        asked = self.asked(request, id)
        made = purges.purge_start(asked=asked, planned=purges.purge_plan(asked), actor=request.user)
        return Response(shown(made), status=202)


class PurgeApi(_PurgeApi):
    """`/api/v1/whisperers/{id}/purges/{number}/`"""

    @extend_schema(
        operation_id="purges_get",
        summary="How far a purge came",
        description="Needs the right `purge`.",
        responses={200: PurgeSerializer, **READ},
    )
    def get(self, request: Request, id: Any, number: int) -> Response:
        return Response(shown(self.purge(request, id, number)))

    @extend_schema(
        operation_id="purges_cancel",
        summary="Stop a purge",
        description="Needs the right `purge`. What went is gone; its record stays. Asked again it changes nothing.",
        responses={200: PurgeSerializer, **READ},
    )
    def delete(self, request: Request, id: Any, number: int) -> Response:
        purges.purge_cancel(purge=self.purge(request, id, number), actor=request.user)
        return Response(shown(self.purge(request, id, number)))
