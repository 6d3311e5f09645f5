"""Storage policies. Everyone who is signed in reads them; staff make, change and delete them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError
from apps.whisperers.api.base import READ, WRITE, Input, StaffApi, read_input
from apps.whisperers.models import StoragePolicy
from apps.whisperers.models.policies import MOST_DAYS
from apps.whisperers.services.policies import DAYS, policy_delete, policy_set


def _days(what: str) -> serializers.IntegerField:
    words = f"Days that {what} stay; null: as long as the server's settings say, 0: for ever."
    return serializers.IntegerField(allow_null=True, min_value=0, max_value=MOST_DAYS, required=False, help_text=words)


class PolicyInput(Input):
    """What to set; what is not named stays."""

    title = serializers.CharField(required=False, allow_blank=True, max_length=200, help_text="What it is for.")
    packets = _days("packets")
    bodies = _days("whole bodies")
    communications = _days("communications, TCP sessions and the accounting")


class PolicySerializer(PolicyInput):
    """How many days what is captured under a policy stays."""

    name = serializers.CharField()


class PoliciesSerializer(serializers.Serializer):
    """Storage policies, by name."""

    policies = PolicySerializer(many=True)


def shown(policy: StoragePolicy) -> dict[str, Any]:
    """A policy as the API gives it."""
    return {"name": policy.pk, "title": policy.title, **{name: getattr(policy, name) for name in DAYS}}


class PoliciesApi(StaffApi):
    """`/api/v1/policies/`"""

    @extend_schema(
        operation_id="policies_list",
        summary="The storage policies",
        responses={200: PoliciesSerializer, 401: ErrorSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response({"policies": [shown(policy) for policy in StoragePolicy.objects.all()]})


class PolicyApi(StaffApi):
    """`/api/v1/policies/{name}/`"""

    @extend_schema(operation_id="policies_get", summary="A storage policy", responses={200: PolicySerializer, **READ})
    def get(self, request: Request, name: str) -> Response:
        return Response(shown(_policy(name)))

    @extend_schema(
        operation_id="policies_set",
        summary="Make a storage policy, or change its days",
        description="For staff. What is stored already under its name follows within the hour, whole days at a time.",
        request=PolicyInput,
        responses={200: PolicySerializer, 201: PolicySerializer, **WRITE},
    )
    def put(self, request: Request, name: str) -> Response:
        self.check_staff(request)
        policy, made = policy_set(name=name, values=read_input(PolicyInput, request), actor=request.user)
        return Response(shown(policy), status=201 if made else 200)

    @extend_schema(
        operation_id="policies_delete",
        summary="Delete a storage policy",
        description="For staff. Refused while whisperers use it. What is stored under it stays as the settings say.",
        responses={204: None, **WRITE},
    )
    def delete(self, request: Request, name: str) -> Response:
        self.check_staff(request)
        policy_delete(policy=_policy(name), actor=request.user)
        return Response(status=204)


def _policy(name: str) -> StoragePolicy:
    policy = StoragePolicy.objects.filter(pk=name).first()
    if policy is None:
        message = f"There is no storage policy {name!r}: what has this name stays as long as the settings say."
        raise ApplicationError(message, code="not_found", status_code=404)
    return policy
