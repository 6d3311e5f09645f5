"""People. Who shares a whisperer finds names; who has Django's permissions on users, as in the admin, makes and changes
them. Only superusers touch staff."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers.api.base import REFUSED, WRITE, Input, found_or_gone, read_input
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.services.users import user_create, user_update

#: Names of one answer: a list to choose from.
MOST = 100


class UserSerializer(serializers.Serializer):
    """A person. More than the name is for who has the permission to view users."""

    name = serializers.CharField(source="username")
    email = serializers.CharField(required=False)
    active = serializers.BooleanField(source="is_active", required=False)
    staff = serializers.BooleanField(source="is_staff", required=False, help_text="May do everything.")
    teams = serializers.ListField(child=serializers.CharField(), required=False)


class UsersSerializer(serializers.Serializer):
    """People, by name."""

    users = UserSerializer(many=True)
    more = serializers.BooleanField(help_text="There are others: ask for part of a name.")


class UserInput(Input):
    """Whom to make."""

    name = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False, write_only=True)
    email = serializers.EmailField(required=False, allow_blank=True)


class UserChange(Input):
    """What to change; what is not named stays."""

    active = serializers.BooleanField(required=False, help_text="May sign in.")
    staff = serializers.BooleanField(required=False, help_text="May do everything; for superusers to say.")
    email = serializers.EmailField(required=False, allow_blank=True)
    password = serializers.CharField(required=False, max_length=200, trim_whitespace=False, write_only=True)


def shown(person: User) -> dict[str, Any]:
    """A person as the API gives them."""
    return {
        "name": person.username,
        "email": person.email,
        "active": person.is_active,
        "staff": person.is_staff,
        "teams": [team.name for team in person.teams.all()],
    }


def _need(request: Request, permission: str) -> None:
    if not request.user.has_perm(f"auth.{permission}_user"):
        message = f"You may not {permission} users: ask an administrator for that permission."
        raise ApplicationError(message, code="forbidden", status_code=403, right=f"{permission}_user")


class UsersApi(PeopleApi):
    """`/api/v1/users/`"""

    @extend_schema(
        operation_id="users_list",
        summary="People",
        description="Names alone, of people who may sign in, for who may share a whisperer; all of it for who may view "
        "users.",
        parameters=[OpenApiParameter("q", str, description="Part of a name.")],
        responses={200: UsersSerializer, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        everything = request.user.has_perm("auth.view_user")
        if not everything and not visible_whisperers(request.user, "share").exists():
            _need(request, "view")
        people = User.objects.order_by("username").prefetch_related("teams")
        part = request.query_params.get("q", "").replace("\0", "")
        people = people.filter(username__icontains=part) if part else people
        people = people if everything else people.filter(is_active=True, service=None)
        found = list(people[: MOST + 1])
        users = [shown(person) if everything else {"name": person.username} for person in found[:MOST]]
        return Response({"users": users, "more": len(found) > MOST})

    @extend_schema(
        operation_id="users_create",
        summary="Make a person, who sees nothing yet",
        description="Needs the permission to add users.",
        request=UserInput,
        responses={201: UserSerializer, 400: REFUSED, 401: ErrorSerializer, 403: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        _need(request, "add")
        given = read_input(UserInput, request)
        return Response(shown(user_create(**given, actor=request.user)), status=201)


class UserApi(PeopleApi):
    """`/api/v1/users/{name}/`"""

    @extend_schema(
        operation_id="users_change",
        summary="Open or close a person's account, or change their password",
        description="Needs the permission to change users; for staff one must be a superuser.",
        request=UserChange,
        responses={200: UserSerializer, **WRITE},
    )
    def patch(self, request: Request, name: str) -> Response:
        _need(request, "change")
        given = read_input(UserChange, request)
        person = found_or_gone(User.objects.filter(username=name.replace("\0", "")).first(), "user")
        if (person.is_staff or person.is_superuser or "staff" in given) and not request.user.is_superuser:
            message = "Only a superuser changes staff, or makes somebody staff."
            raise ApplicationError(message, code="forbidden", status_code=403, right="superuser")
        if person.pk == request.user.pk and (given.get("active") is False or given.get("staff") is False):
            message = "You would lock yourself out: let another administrator do it."
            raise ApplicationError(message, code="invalid", field="active" if "active" in given else "staff")
        user_update(person=person, **given, actor=request.user)
        return Response(shown(person))
