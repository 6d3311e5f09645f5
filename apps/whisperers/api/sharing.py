"""Grants: who may do what with a whisperer. Who has the right `share` gives and takes the rights that they have."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import ApplicationError
from apps.whisperers.api.base import READ, WRITE, Input, WhispererApi, found_or_gone, person_named, read_input
from apps.whisperers.models import RIGHTS, Grant, Team, Whisperer
from apps.whisperers.rights import require_to_share
from apps.whisperers.services import grant_set


class GrantSerializer(serializers.Serializer):
    """The rights of one person or one team."""

    id = serializers.IntegerField()
    user = serializers.CharField(allow_null=True, help_text="User name.")
    team = serializers.IntegerField(allow_null=True, help_text="Number of the team.")
    teamName = serializers.CharField(allow_null=True)  # noqa: N815 - a name of the API
    rights = serializers.ListField(child=serializers.ChoiceField(list(RIGHTS)))
    created = serializers.DateTimeField()


class GrantsSerializer(serializers.Serializer):
    """All grants on a whisperer, and what each right allows."""

    grants = GrantSerializer(many=True)
    rights = serializers.DictField(child=serializers.CharField(), help_text="Every right with what it allows.")


class GrantInput(Input):
    """Whom to give what: exactly these rights."""

    user = serializers.CharField(required=False, help_text="User name; this or `team`.")
    team = serializers.IntegerField(required=False, help_text="Number of a team; this or `user`.")
    rights = serializers.ListField(
        child=serializers.ChoiceField(list(RIGHTS)), allow_empty=False, help_text="`see` is always among them."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("user" in attrs) == ("team" in attrs):
            raise serializers.ValidationError({"user": ["Name a user or a team, one of them."]})
        return attrs


def shown(grant: Grant) -> dict[str, Any]:
    """A grant as the API gives it."""
    return {
        "id": grant.pk,
        "user": grant.user.get_username() if grant.user is not None else None,
        "team": grant.team_id,
        "teamName": grant.team.name if grant.team is not None else None,
        "rights": grant.rights,
        "created": grant.created,
    }


class GrantsApi(WhispererApi):
    """`/api/v1/whisperers/{id}/grants/`"""

    @extend_schema(
        operation_id="whisperers_grants",
        summary="Who may do what with a whisperer",
        description="Needs the right `share`. Staff may do everything and are not listed.",
        responses={200: GrantsSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        grants = self.whisperer(request, id, "share").grants.select_related("user", "team")
        return Response({"grants": [shown(grant) for grant in grants], "rights": RIGHTS})

    @extend_schema(
        operation_id="whisperers_grant",
        summary="Give a person or a team exactly these rights",
        description="Needs the right `share`, and each right that is given or taken.",
        request=GrantInput,
        responses={200: GrantSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "share")
        given = read_input(GrantInput, request)
        whom = _whom(given)
        before = whisperer.grants.filter(**whom).first()
        require_to_share(request.user, whisperer, before.rights if before is not None else [], given["rights"])
        grant = grant_set(whisperer=whisperer, rights=given["rights"], actor=request.user, **whom)
        return Response(shown(found_or_gone(grant, "grant")))


class GrantApi(WhispererApi):
    """`DELETE /api/v1/whisperers/{id}/grants/{number}/`"""

    @extend_schema(
        operation_id="whisperers_grant_delete",
        summary="Take all rights of a person or a team away",
        description="Needs the right `share`, and each right that is taken.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: Any, number: int) -> Response:
        whisperer = self.whisperer(request, id, "share")
        grant = found_or_gone(_one(whisperer, number), "grant")
        require_to_share(request.user, whisperer, grant.rights, [])
        grant_set(whisperer=whisperer, rights=[], user=grant.user, team=grant.team, actor=request.user)
        return Response(status=204)


def _one(whisperer: Whisperer, number: int) -> Grant | None:
    return whisperer.grants.select_related("user", "team").filter(pk=number).first()


def _whom(given: dict[str, Any]) -> dict[str, Any]:
    if "user" in given:
        return {"user": person_named(given["user"])}
    team = Team.objects.filter(pk=given["team"]).first()
    if team is None:
        raise ApplicationError(f"There is no team {given['team']}.", code="invalid", field="team")
    return {"team": team}
