"""Reprocessing of what a whisperer captured: counted, begun, looked at, cancelled."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.words import rfc3339
from apps.httpcomms.api.base import SearchInput
from apps.monitoring import reprocessing
from apps.monitoring.models import LeftSession, Reprocessing
from apps.whisperers.api.base import READ, WRITE, WhispererApi, read_input

_RULES = (
    "The TCP sessions of the communications that the query finds are read anew as a whole, from their stored packets, "
    "with the parser and the parsing configuration of now. Without a query the range's TCP sessions without HTTP are "
    "read as well. Without an end the range goes as far as now. Needs the rights `configure` and `search`."
)
LISTED = 50

class ReprocessingInput(SearchInput):  # type: ignore[valid-type,misc]  # made by a call
    """What to read anew."""


class ReprocessingPlanSerializer(serializers.Serializer):
    """What a run would look at as of now."""

    total = serializers.IntegerField(help_text="Communications, and without a query TCP sessions.")


class ReprocessingSerializer(serializers.Serializer):
    """A run: what was asked for, how far it is, and what changed."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(Reprocessing.State.choices)
    query = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField()
    total = serializers.IntegerField(help_text="Documents that the query found when it began.")
    lookedAt = serializers.IntegerField(help_text="Of these, looked at.")  # noqa: N815 - as in JSON
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="`sessions` that were read anew; communications that are the `same`, `changed`, `added`, `removed`; "
        "documents that the store `refused`.",
    )
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.IntegerField(), help_text="Fields that changed, and in how many communications."
    )
    left = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Sessions that were left as they are, by reason: "
        + "; ".join(f"`{reason.value}`: {reason.label}" for reason in LeftSession.Reason)
        + ".",
    )
    by = serializers.CharField(help_text="User name.")
    created = serializers.DateTimeField()
    ended = serializers.DateTimeField(allow_null=True)


class ReprocessingsSerializer(serializers.Serializer):
    """Runs, the newest first."""

    reprocessings = ReprocessingSerializer(many=True)


def shown(run: Reprocessing) -> dict[str, Any]:
    """A run as the API gives it."""
    return {
        "id": str(run.pk),
        "state": run.state,
        "query": run.query,
        "since": None if run.since is None else rfc3339(run.since),
        "until": rfc3339(run.until),
        "total": run.total,
        "lookedAt": run.looked_at,
        "counts": run.counts,
        "fields": run.fields,
        "left": reprocessing.left_of(run),
        "by": run.created_by.get_username() if run.created_by else "",
        "created": run.created,
        "ended": run.ended,
    }


class _ReprocessingApi(WhispererApi):
    def plan(self, request: Request, id: Any) -> Reprocessing:
        """The run that a body asks for, not begun."""
        whisperer = self.whisperer(request, id, "configure")
        given = read_input(ReprocessingInput, request)
        return reprocessing.reprocessing_plan(user=request.user, whisperer=whisperer, parameters=given)


class ReprocessingPlanApi(_ReprocessingApi):
    """`POST /api/v1/whisperers/{id}/reprocessings/plan/`"""

    @extend_schema(
        operation_id="reprocessings_plan",
        summary="Count what a reprocessing would look at",
        description=_RULES,
        request=ReprocessingInput,
        responses={200: ReprocessingPlanSerializer, **WRITE, 503: ErrorSerializer, 504: ErrorSerializer},
    )
    def post(self, request: Request, id: Any) -> Response:
        return Response({"total": self.plan(request, id).total})


class ReprocessingsApi(_ReprocessingApi):
    """`/api/v1/whisperers/{id}/reprocessings/`"""

    @extend_schema(
        operation_id="reprocessings_list",
        summary="The latest reprocessings of a whisperer",
        description=f"Needs the right `configure`. At most {LISTED}.",
        responses={200: ReprocessingsSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        runs = reprocessing.runs_of(self.whisperer(request, id, "configure"))[:LISTED]
        return Response({"reprocessings": [shown(run) for run in runs]})

    @extend_schema(
        operation_id="reprocessings_create",
        summary="Read stored traffic anew",
        description=f"{_RULES} It goes in the background; one at a time for a whisperer (409).",
        request=ReprocessingInput,
        responses={
            202: ReprocessingSerializer, **WRITE,
            409: ErrorSerializer, 503: ErrorSerializer, 504: ErrorSerializer,
        },
    )  # fmt: skip
    def post(self, request: Request, id: Any) -> Response:
        run = reprocessing.reprocessing_start(user=request.user, run=self.plan(request, id))
        return Response(shown(run), status=202)


class ReprocessingApi(_ReprocessingApi):
    """`/api/v1/whisperers/{id}/reprocessings/{run}/`"""

    @extend_schema(
        operation_id="reprocessings_get",
        summary="How far a reprocessing is",
        description="Needs the right `configure`.",
        responses={200: ReprocessingSerializer, **READ},
    )
    def get(self, request: Request, id: Any, run: UUID) -> Response:
        return Response(shown(reprocessing.run_of(self.whisperer(request, id, "configure"), run)))

    @extend_schema(
        operation_id="reprocessings_cancel",
        summary="Cancel a reprocessing",
        description="Needs the right `configure`. What was done stays. Asked again it changes nothing.",
        responses={200: ReprocessingSerializer, **READ},
    )
    def delete(self, request: Request, id: Any, run: UUID) -> Response:
        found = reprocessing.run_of(self.whisperer(request, id, "configure"), run)
        return Response(shown(reprocessing.reprocessing_cancel(run=found)))
