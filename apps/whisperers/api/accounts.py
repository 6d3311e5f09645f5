"""Service accounts: programs that use this API. A person makes their own and gives them at most their own rights; staff
see and change all. No program makes or changes them: a token that leaked must not make others."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import PeopleApi
from apps.core.errors import ApplicationError
from apps.whisperers.api.base import READ, WRITE, Input, found_or_gone, person_named, read_input, team_numbered
from apps.whisperers.models import RIGHTS, Grant, ServiceAccount, ServiceToken
from apps.whisperers.rights import Person, is_service, is_staff, rights_of, visible_whisperers
from apps.whisperers.services.accounts import (
    LONGEST_LIFE,
    account_create,
    account_delete,
    account_grant,
    account_token_create,
    account_token_revoke,
    account_update,
)

DEFAULT_DAYS = 90


class AccountGrantSerializer(serializers.Serializer):
    """What an account was given on one whisperer, and what of it its owner has too."""

    whisperer = serializers.UUIDField()
    whispererName = serializers.CharField()  # noqa: N815 - a name of the API
    rights = serializers.ListField(child=serializers.ChoiceField(list(RIGHTS)), help_text="Given.")
    inForce = serializers.ListField(  # noqa: N815 - a name of the API
        child=serializers.ChoiceField(list(RIGHTS)), help_text="Given, to it or its team, and the owner has it too."
    )


class AccountSerializer(serializers.Serializer):
    """A service account."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="As the history and logs name it.")
    about = serializers.CharField()
    owner = serializers.CharField(allow_null=True, help_text="User name of who answers for it.")
    team = serializers.IntegerField(allow_null=True, help_text="Number of the team whose rights it has.")
    active = serializers.BooleanField()
    stopped = serializers.CharField(help_text="Why its tokens open nothing at present; empty when they do.")
    created = serializers.DateTimeField()
    grants = AccountGrantSerializer(many=True)


class AccountsSerializer(serializers.Serializer):
    """The accounts that one sees, by name."""

    accounts = AccountSerializer(many=True)


class AccountInput(Input):
    """What to make."""

    name = serializers.CharField(max_length=100, help_text="`svc-` is put in front.")
    about = serializers.CharField(max_length=200, required=False, allow_blank=True, help_text="What it is for.")
    team = serializers.IntegerField(required=False, allow_null=True, help_text="One of yours; it gets its rights.")


class AccountChange(Input):
    """What to change; what is not named stays."""

    active = serializers.BooleanField(required=False, help_text="Whether its tokens open anything.")
    about = serializers.CharField(max_length=200, required=False, allow_blank=True)
    owner = serializers.CharField(required=False, help_text="User name; for staff to say.")


class AccountTokenSerializer(serializers.Serializer):
    """A token; its text is kept nowhere."""

    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="How its text begins.")
    label = serializers.CharField(help_text="Where it is used.")
    write = serializers.BooleanField(help_text="It may change things; else it only reads (GET).")
    created = serializers.DateTimeField()
    expires = serializers.DateTimeField()
    lastUsed = serializers.DateTimeField(source="last_used", allow_null=True)  # noqa: N815 - a name of the API
    revoked = serializers.DateTimeField(allow_null=True)


class NewAccountTokenSerializer(AccountTokenSerializer):
    """A new token with its text, which is shown this once."""

    token = serializers.CharField()


class AccountTokensSerializer(serializers.Serializer):
    """The tokens of an account, the newest first."""

    tokens = AccountTokenSerializer(many=True)


class AccountTokenInput(Input):
    """What the token is for."""

    label = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    write = serializers.BooleanField(required=False, default=False)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_LIFE.days, required=False, default=DEFAULT_DAYS)


class AccountGrantInput(Input):
    """Exactly these rights; none takes all of them away."""

    rights = serializers.ListField(child=serializers.ChoiceField(list(RIGHTS)))


def accounts_of(user: Person) -> Any:
    """The accounts that a person sees and changes: staff all, others their own."""
    found = ServiceAccount.objects.select_related("user", "owner", "team")
    return found if is_staff(user) else found.filter(owner=user.pk)


def check_person(user: Person) -> None:
    """ApplicationError 403 for a program."""
    if is_service(user):
        message = "Service accounts are made and changed by people: sign in, or ask the account's owner."
        raise ApplicationError(message, code="forbidden", status_code=403)


def account_of(user: Person, id: int) -> ServiceAccount:
    """An account that the person may change; ApplicationError 404 for any other."""
    check_person(user)
    account: ServiceAccount = found_or_gone(accounts_of(user).filter(pk=id).first(), "service account")
    return account


def grants_of(account: ServiceAccount, viewer: Person) -> list[dict[str, Any]]:
    """What an account was given, on whisperers that the viewer sees too."""
    seen = visible_whisperers(viewer).values("pk")
    grants = Grant.objects.filter(user=account.user, whisperer__in=seen).select_related("whisperer")
    return [
        {
            "whisperer": grant.whisperer_id,
            "whispererName": grant.whisperer.name,
            "rights": grant.rights,
            "inForce": [right for right in RIGHTS if right in rights_of(account.user, grant.whisperer)],
        }
        for grant in grants.order_by("whisperer__name")
    ]


def shown(account: ServiceAccount, viewer: Person) -> dict[str, Any]:
    """An account as the API gives it."""
    return {
        "id": account.pk,
        "name": account.name,
        "about": account.about,
        "owner": account.owner.get_username() if account.owner is not None else None,
        "team": account.team_id,
        "active": account.user.is_active,
        "stopped": account.stopped,
        "created": account.created,
        "grants": grants_of(account, viewer),
    }


class AccountsApi(PeopleApi):
    """`/api/v1/service-accounts/`"""

    @extend_schema(
        operation_id="service_accounts_list",
        summary="Service accounts",
        description="Staff see all, others their own.",
        responses={200: AccountsSerializer, **READ},
    )
    def get(self, request: Request) -> Response:
        check_person(request.user)
        return Response({"accounts": [shown(one, request.user) for one in accounts_of(request.user)]})

    @extend_schema(
        operation_id="service_accounts_create",
        summary="Make a service account",
        description="You are its owner: it may never do more than you, and stops when you are not active any more.",
        request=AccountInput,
        responses={201: AccountSerializer, **WRITE},
    )
    def post(self, request: Request) -> Response:
        check_person(request.user)
        given = read_input(AccountInput, request)
        given["team"] = team_numbered(request, given.get("team"))
        account = account_create(**given, owner=request.user, actor=request.user)
        return Response(shown(account, request.user), status=201)


class AccountApi(PeopleApi):
    """`/api/v1/service-accounts/{id}/`"""

    @extend_schema(
        operation_id="service_accounts_get",
        summary="One service account",
        responses={200: AccountSerializer, **READ},
    )
    def get(self, request: Request, id: int) -> Response:
        return Response(shown(account_of(request.user, id), request.user))

    @extend_schema(
        operation_id="service_accounts_change",
        summary="Stop a service account, let it work again, or give it to somebody else",
        description="Another owner is for staff to say.",
        request=AccountChange,
        responses={200: AccountSerializer, **WRITE},
    )
    def patch(self, request: Request, id: int) -> Response:
        account = account_of(request.user, id)
        given = read_input(AccountChange, request)
        if "owner" in given:
            if not is_staff(request.user):
                message = "Only staff give an account to somebody else."
                raise ApplicationError(message, code="forbidden", status_code=403, right="staff")
            given["owner"] = person_named(given["owner"], "owner")
        account_update(account=account, **given, actor=request.user)
        return Response(shown(account, request.user))

    @extend_schema(
        operation_id="service_accounts_delete",
        summary="Delete a service account with its tokens and rights",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: int) -> Response:
        account_delete(account=account_of(request.user, id), actor=request.user)
        return Response(status=204)


class AccountTokensApi(PeopleApi):
    """`/api/v1/service-accounts/{id}/tokens/`"""

    @extend_schema(
        operation_id="service_accounts_tokens",
        summary="The tokens of a service account",
        responses={200: AccountTokensSerializer, **READ},
    )
    def get(self, request: Request, id: int) -> Response:
        tokens = account_of(request.user, id).tokens.all()
        return Response({"tokens": AccountTokenSerializer(tokens, many=True).data})

    @extend_schema(
        operation_id="service_accounts_token_create",
        summary="Make a token",
        description="The text is in this answer alone: send it as `Authorization: Bearer <token>`.",
        request=AccountTokenInput,
        responses={201: NewAccountTokenSerializer, **WRITE},
    )
    def post(self, request: Request, id: int) -> Response:
        account = account_of(request.user, id)
        given = read_input(AccountTokenInput, request)
        life = timedelta(days=given.pop("days"))
        token, text = account_token_create(account=account, life=life, **given, actor=request.user)
        return Response(AccountTokenSerializer(token).data | {"token": text}, status=201)


class AccountTokenApi(PeopleApi):
    """`/api/v1/service-accounts/{id}/tokens/{number}/`"""

    @extend_schema(
        operation_id="service_accounts_token_revoke",
        summary="Refuse a token from now on",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: int, number: int) -> Response:
        account = account_of(request.user, id)
        token: ServiceToken = found_or_gone(account.tokens.filter(pk=number).first(), "token")
        account_token_revoke(token=token, actor=request.user)
        return Response(status=204)


class AccountGrantApi(PeopleApi):
    """`/api/v1/service-accounts/{id}/grants/{whisperer}/`"""

    @extend_schema(
        operation_id="service_accounts_grant",
        summary="Give a service account exactly these rights on a whisperer",
        description="At most those that you have yourself. `see` is always among them; an empty list takes all away.",
        request=AccountGrantInput,
        responses={200: AccountSerializer, **WRITE},
    )
    def put(self, request: Request, id: int, whisperer: UUID) -> Response:
        account = account_of(request.user, id)
        rights = read_input(AccountGrantInput, request)["rights"]
        found = found_or_gone(visible_whisperers(request.user).filter(pk=whisperer).first(), "whisperer")
        account_grant(account=account, whisperer=found, rights=rights, actor=request.user)
        return Response(shown(account, request.user))
