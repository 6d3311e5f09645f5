"""Teams. Members see theirs; staff make, change and delete them."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.whisperers.api.base import READ, REFUSED, WRITE, Input, StaffApi, people_named, read_input
from apps.whisperers.api.configuration import team_of
from apps.whisperers.models import Team
from apps.whisperers.rights import is_staff, visible_whisperers
from apps.whisperers.services import team_create, team_delete, team_members_set, team_rename


class TeamSerializer(serializers.Serializer):
    """People who share whisperers."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    members = serializers.ListField(child=serializers.CharField(), help_text="User names.")
    whisperers = serializers.ListField(
        child=serializers.UUIDField(), help_text="Those that inherit from it, as far as the person who asks sees them."
    )
    created = serializers.DateTimeField()


class TeamsSerializer(serializers.Serializer):
    """Teams, by name."""

    teams = TeamSerializer(many=True)


class TeamInput(Input):
    """What to make a team of."""

    name = serializers.CharField(max_length=100)
    members = serializers.ListField(child=serializers.CharField(), required=False, help_text="User names.")


class TeamChange(Input):
    """What to change; what is not named stays."""

    name = serializers.CharField(required=False, max_length=100)
    members = serializers.ListField(child=serializers.CharField(), required=False, help_text="All of them.")


def shown(team: Team, request: Request) -> dict[str, Any]:
    """A team as the API gives it."""
    return {
        "id": team.pk,
        "name": team.name,
        "members": sorted(person.get_username() for person in team.members.all()),
        "whisperers": list(visible_whisperers(request.user).filter(team=team).values_list("pk", flat=True)),
        "created": team.created,
    }


class TeamsApi(StaffApi):
    """`/api/v1/teams/`"""

    @extend_schema(
        operation_id="teams_list",
        summary="The teams of the person who asks; for staff all",
        responses={200: TeamsSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        teams = Team.objects.all() if is_staff(request.user) else Team.objects.filter(members=request.user.pk)
        return Response({"teams": [shown(team, request) for team in teams.prefetch_related("members")]})

    @extend_schema(
        operation_id="teams_create",
        summary="Make a team",
        description="For staff.",
        request=TeamInput,
        responses={201: TeamSerializer, 400: REFUSED, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        self.check_staff(request)
        given = read_input(TeamInput, request)
        team = team_create(name=given["name"], members=people_named(given.get("members", [])), actor=request.user)
        return Response(shown(team, request), status=201)


class TeamApi(StaffApi):
    """`/api/v1/teams/{id}/`"""

    @extend_schema(operation_id="teams_get", summary="A team", responses={200: TeamSerializer, **READ})
    def get(self, request: Request, id: int) -> Response:
        return Response(shown(team_of(request, id), request))

    @extend_schema(
        operation_id="teams_change",
        summary="Rename a team, or say who is in it",
        description="For staff.",
        request=TeamChange,
        responses={200: TeamSerializer, **WRITE},
    )
    @transaction.atomic
    def patch(self, request: Request, id: int) -> Response:
        team = team_of(request, id)
        self.check_staff(request)
        given = read_input(TeamChange, request)
        if "name" in given:
            team_rename(team=team, name=given["name"], actor=request.user)
        if "members" in given:
            team_members_set(team=team, members=people_named(given["members"]), actor=request.user)
        return Response(shown(team_of(request, id), request))

    @extend_schema(
        operation_id="teams_delete",
        summary="Delete a team",
        description="For staff. Its grants go; its whisperers stay and inherit from the server alone.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: int) -> Response:
        team = team_of(request, id)
        self.check_staff(request)
        team_delete(team=team, actor=request.user)
        return Response(status=204)
