"""The audit log: who changed what and when, and changes of a configuration taken back."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError
from apps.whisperers.api.base import READ, WRITE, StaffApi, WhispererApi, found_or_gone
from apps.whisperers.api.configuration import ConfigurationSerializer, kind_of, read, team_of
from apps.whisperers.configuration.resolve import Target
from apps.whisperers.models import Change, Defaults
from apps.whisperers.services import configuration_undo

MOST = 200
PAGE = 50

_PAGING = [
    OpenApiParameter("size", int, description=f"At most so many, 1 to {MOST}.", default=PAGE),
    OpenApiParameter("before", int, description="Only those before this change: the `next` of the page before."),
]


class ChangedFieldSerializer(serializers.Serializer):
    """One value that changed; null where nothing was set, so that the value was inherited."""

    field = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class ChangeSerializer(serializers.Serializer):
    """One entry of the log."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(help_text="User name; empty: the server itself or an agent.")
    subject = serializers.CharField(help_text="Name of the whisperer, the team, or the server's defaults.")
    action = serializers.CharField()
    part = serializers.CharField(help_text="capture or parsing where a configuration changed.")
    fields_ = ChangedFieldSerializer(many=True)
    undoable = serializers.BooleanField(help_text="It changed a configuration.")

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        found["fields"] = found.pop("fields_")  # a serializer's own word
        return found


class ChangesSerializer(serializers.Serializer):
    """A page of the log, the newest first."""

    changes = ChangeSerializer(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="For `before`; null on the last page.")


def shown(change: Change) -> dict[str, Any]:
    """A change as the API gives it."""
    return {
        "id": change.pk,
        "at": change.at,
        "actor": change.actor_name,
        "subject": change.subject,
        "action": change.action,
        "part": change.part,
        "fields": [
            {"field": name, "before": change.before.get(name), "after": change.after.get(name)}
            for name in dict.fromkeys([*change.before, *change.after])
        ],
        "undoable": bool(change.part),
    }


def page(request: Request, changes: QuerySet[Change]) -> Response:
    """The newest of some changes, or those before one."""
    size = _number(request, "size", PAGE, MOST)
    if "before" in request.query_params:
        changes = changes.filter(pk__lt=_number(request, "before", 0, (1 << 63) - 1))
    found = list(changes.order_by("-pk")[: size + 1])
    more = len(found) > size
    return Response({"changes": [shown(one) for one in found[:size]], "next": found[size - 1].pk if more else None})


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:20]) <= most:
        raise ApplicationError(f"{name} is {text[:20]!r}: give a number from 1 to {most}.", code="invalid", field=name)
    return int(text)


def _undone(request: Request, changes: QuerySet[Change], number: int, target: Target) -> Response:
    change = found_or_gone(changes.filter(pk=number).first(), "change")
    configuration_undo(change=change, actor=request.user)
    target.refresh_from_db()
    return read(target, kind_of(change.part))


_UNDO: dict[str, Any] = {
    "summary": "Take a change of the configuration back",
    "request": None,
    "responses": {200: ConfigurationSerializer, 409: ErrorSerializer, **WRITE},
}


class ChangesApi(WhispererApi):
    """`GET /api/v1/whisperers/{id}/changes/`"""

    @extend_schema(
        operation_id="whisperers_changes",
        summary="What was done to a whisperer, by whom and when",
        parameters=_PAGING,
        responses={200: ChangesSerializer, 400: ErrorSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        return page(request, self.whisperer(request, id).changes.all())


class UndoApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/changes/{number}/undo/`"""

    @extend_schema(
        operation_id="whisperers_undo",
        description="Needs the right `configure`. Refused with 409 where a later change touched one of its fields.",
        **_UNDO,
    )
    def post(self, request: Request, id: Any, number: int) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        return _undone(request, whisperer.changes.all(), number, whisperer)


class TeamChangesApi(StaffApi):
    """`GET /api/v1/teams/{id}/changes/`"""

    @extend_schema(
        operation_id="teams_changes",
        summary="What was done to a team, by whom and when",
        parameters=_PAGING,
        responses={200: ChangesSerializer, 400: ErrorSerializer, **READ},
    )
    def get(self, request: Request, id: int) -> Response:
        return page(request, team_of(request, id).changes.all())


class TeamUndoApi(StaffApi):
    """`POST /api/v1/teams/{id}/changes/{number}/undo/`"""

    @extend_schema(operation_id="teams_undo", description="For staff.", **_UNDO)
    def post(self, request: Request, id: int, number: int) -> Response:
        team = team_of(request, id)
        self.check_staff(request)
        return _undone(request, team.changes.all(), number, team)


class DefaultsChangesApi(StaffApi):
    """`GET /api/v1/defaults/changes/`"""

    @extend_schema(
        operation_id="defaults_changes",
        summary="What was done to the server's defaults, by whom and when",
        description="For staff.",
        parameters=_PAGING,
        responses={200: ChangesSerializer, 400: ErrorSerializer, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        self.check_staff(request)
        return page(request, _of_defaults())


class DefaultsUndoApi(StaffApi):
    """`POST /api/v1/defaults/changes/{number}/undo/`"""

    @extend_schema(operation_id="defaults_undo", description="For staff.", **_UNDO)
    def post(self, request: Request, number: int) -> Response:
        self.check_staff(request)
        return _undone(request, _of_defaults(), number, Defaults.get())


def _of_defaults() -> QuerySet[Change]:
    return Change.objects.filter(whisperer=None, team=None, subject=str(Defaults()))
