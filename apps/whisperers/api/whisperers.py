"""Whisperers themselves: listed, made, renamed, moved, started, stopped, deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers import selectors
from apps.whisperers.api.base import READ, REFUSED, WRITE, Input, WhispererApi, read_input, team_numbered
from apps.whisperers.models import RIGHTS, Whisperer
from apps.whisperers.rights import is_staff, rights_of, rights_on
from apps.whisperers.services import (
    configuration_set,
    whisperer_capture,
    whisperer_create,
    whisperer_delete,
    whisperer_move,
    whisperer_purge,
    whisperer_rename,
)

WORDS = ("not_visible", "connecting", "stopped", "capturing", "paused", "wrong")


class StateSerializer(serializers.Serializer):
    """What a whisperer or an agent is doing, and why."""

    word = serializers.ChoiceField(WORDS)
    reason = serializers.CharField(help_text="A sentence; empty where there is nothing to say.")
    since = serializers.DateTimeField(allow_null=True)


class TeamNameSerializer(serializers.Serializer):
    """A team."""

    id = serializers.IntegerField()
    name = serializers.CharField()


class WhispererSerializer(serializers.Serializer):
    """A whisperer as the person who asks sees it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    mode = serializers.ChoiceField(Whisperer.Mode.choices)
    team = TeamNameSerializer(allow_null=True)
    capturing = serializers.BooleanField(help_text="Whether its agents should capture.")
    capturingSince = serializers.DateTimeField(  # noqa: N815 - a name of the API
        allow_null=True, help_text="When that was last changed."
    )
    policy = serializers.CharField(help_text="The storage policy in force.")
    state = StateSerializer()
    agents = serializers.IntegerField(help_text="Agents enrolled and not revoked.")
    rights = serializers.ListField(
        child=serializers.ChoiceField(list(RIGHTS)), help_text="What the person who asks may do."
    )
    created = serializers.DateTimeField()
    updated = serializers.DateTimeField()


class WhisperersSerializer(serializers.Serializer):
    """Every whisperer that the person who asks sees, by name."""

    whisperers = WhispererSerializer(many=True)


class WhispererInput(Input):
    """What to make a whisperer of."""

    name = serializers.CharField(max_length=100)
    mode = serializers.ChoiceField(Whisperer.Mode.choices, help_text="Fixed once it exists.")
    team = serializers.IntegerField(required=False, allow_null=True, help_text="Number of a team.")
    policy = serializers.CharField(required=False, help_text="Storage policy; else team or server decide.")


class WhispererChange(Input):
    """What to change; what is not named stays."""

    name = serializers.CharField(required=False, max_length=100)
    team = serializers.IntegerField(required=False, allow_null=True, help_text="Number of a team; null: none.")
    policy = serializers.CharField(
        required=False, allow_null=True, help_text="Storage policy of new data; null: as team or server say."
    )


def shown(
    whisperer: Whisperer, user: AbstractBaseUser | AnonymousUser, now: datetime, rights: frozenset[str] | None = None
) -> dict[str, Any]:
    """A whisperer as the API gives it. `rights`: those of the person, where the caller knows them."""
    known = rights_of(user, whisperer) if rights is None else rights
    state = selectors.whisperer_state(whisperer, now)
    team = whisperer.team
    return {
        "id": whisperer.pk,
        "name": whisperer.name,
        "mode": whisperer.mode,
        "team": {"id": team.pk, "name": team.name} if team is not None else None,
        "capturing": whisperer.capturing,
        "capturingSince": whisperer.capturing_since,
        "policy": whisperer.policy,
        "state": {"word": state.word, "reason": state.reason, "since": state.since},
        "agents": sum(one.revoked is None for one in whisperer.instances.all()),
        "rights": [right for right in RIGHTS if right in known],
        "created": whisperer.created,
        "updated": whisperer.updated,
    }


class WhispererListApi(PeopleApi):
    """`/api/v1/whisperers/`"""

    @extend_schema(
        operation_id="whisperers_list",
        summary="Whisperers and their states",
        parameters=[
            OpenApiParameter("mode", str, enum=Whisperer.Mode.values),
            OpenApiParameter("state", str, enum=WORDS),
        ],
        responses={200: WhisperersSerializer, 400: ErrorSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        now = timezone.now()
        listed = selectors.whisperer_list(request.user)
        mode = _one_of(request, "mode", Whisperer.Mode.values)
        state = _one_of(request, "state", WORDS)
        rows = list(listed.filter(mode=mode) if mode else listed)
        rights = rights_on(request.user, rows)
        found = [shown(row, request.user, now, rights[row.pk]) for row in rows]
        return Response({"whisperers": [one for one in found if not state or one["state"]["word"] == state]})

    @extend_schema(
        operation_id="whisperers_create",
        summary="Create a whisperer",
        description="Staff may, and who has the permission whisperers.add_whisperer; who creates it has every right on "
        "it.",
        request=WhispererInput,
        responses={201: WhispererSerializer, 400: REFUSED, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        if not (is_staff(request.user) or request.user.has_perm("whisperers.add_whisperer")):
            message = "You may not create whisperers: ask an administrator for the permission to add whisperers."
            raise ApplicationError(message, code="forbidden", status_code=403, right="add_whisperer")
        given = read_input(WhispererInput, request)
        team = team_numbered(request, given.pop("team", None))
        whisperer = whisperer_create(**given, team=team, actor=request.user)
        return Response(shown(whisperer, request.user, timezone.now()), status=201)


def _one_of(request: Request, name: str, words: Sequence[str]) -> str:
    """A parameter that is one of some words, or empty."""
    word: str = request.query_params.get(name, "")
    if word and word not in words:
        raise ApplicationError(f"{name}: {word[:40]!r} is not known: use {', '.join(words)}.", field=name)
    return word


class WhispererOneApi(WhispererApi):
    """`/api/v1/whisperers/{id}/`"""

    @extend_schema(operation_id="whisperers_get", summary="A whisperer", responses={200: WhispererSerializer, **READ})
    def get(self, request: Request, id: Any) -> Response:
        return Response(shown(self.whisperer(request, id), request.user, timezone.now()))

    @extend_schema(
        operation_id="whisperers_change",
        summary="Rename a whisperer, move it, or change its storage policy",
        description="Needs the right `configure`.",
        request=WhispererChange,
        responses={200: WhispererSerializer, **WRITE},
    )
    @transaction.atomic
    def patch(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        given = read_input(WhispererChange, request)
        if "name" in given:
            whisperer_rename(whisperer=whisperer, name=given["name"], actor=request.user)
        if "team" in given:
            team = team_numbered(request, given["team"])
            whisperer_move(whisperer=whisperer, team=team, actor=request.user)
        if "policy" in given:
            values = {"policy": given["policy"]}
            configuration_set(target=whisperer, kind="parsing", values=values, actor=request.user)
        whisperer = self.whisperer(request, id)
        return Response(shown(whisperer, request.user, timezone.now()))

    @extend_schema(
        operation_id="whisperers_delete",
        summary="Delete a whisperer with everything it captured",
        description="Needs the right `delete`. What is stored goes in the background.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: Any) -> Response:
        whisperer_delete(whisperer=self.whisperer(request, id, "delete"), actor=request.user)
        return Response(status=204)


class PurgeApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/purge/`"""

    @extend_schema(
        operation_id="whisperers_purge",
        summary="Remove what a whisperer captured",
        description="Needs the right `purge`. Communications, sessions, bodies and packets that are stored by now go "
        "in the background; captures under way go on.",
        request=None,
        responses={202: None, **READ},
    )
    def post(self, request: Request, id: Any) -> Response:
        whisperer_purge(whisperer=self.whisperer(request, id, "purge"), actor=request.user)
        return Response(status=202)


class StartApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/start/`"""

    @extend_schema(
        operation_id="whisperers_start",
        summary="Ask the agents of a whisperer to capture",
        description="Needs the right `startStop`. Asked again it changes nothing.",
        request=None,
        responses={200: WhispererSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any) -> Response:
        return _capture(self, request, id, capturing=True)


class StopApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/stop/`"""

    @extend_schema(
        operation_id="whisperers_stop",
        summary="Ask the agents of a whisperer to stop",
        description="Needs the right `startStop`. Asked again it changes nothing.",
        request=None,
        responses={200: WhispererSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any) -> Response:
        return _capture(self, request, id, capturing=False)


def _capture(view: WhispererApi, request: Request, id: Any, *, capturing: bool) -> Response:
    whisperer = view.whisperer(request, id, "startStop")
    whisperer_capture(whisperer=whisperer, capturing=capturing, actor=request.user)
    return Response(shown(whisperer, request.user, timezone.now()))
