"""The playground: what a parsing configuration would make of a communication that is stored, before it is saved."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer
from apps.core.errors import ApplicationError
from apps.httpcomms import evidence, selectors
from apps.whisperers.api.base import WRITE, Input, WhispererApi, read_input
from apps.whisperers.rights import scope_for
from apps.whisperers.services import ConfigurationError, configuration_try
from documents.rules import compile_rules, try_rules
from store.documents import Scope

SIDES = ("req", "res")


class PlaygroundInput(Input):
    """What to try on which communication."""

    communication = serializers.CharField(help_text="Id of a communication of this whisperer.")
    values = serializers.JSONField(
        required=False, help_text="Parsing values to try in place of those in force; null: as inherited."
    )

    def validate_values(self, values: Any) -> dict[str, Any]:
        if not isinstance(values, dict):
            raise serializers.ValidationError('Give an object, {"field": value}.')
        return values


class SideSerializer(serializers.Serializer):
    """A message as it would be stored."""

    headers = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), required=False)
    uri = serializers.CharField(required=False)
    query = serializers.CharField(required=False)
    location = serializers.CharField(required=False)
    body = serializers.CharField(allow_null=True, help_text="The beginning of its masked text.")
    leftOut = serializers.CharField(  # noqa: N815 - a name of the API
        allow_blank=True, help_text="Why the body would not be kept: type, off, or nothing."
    )


class PlaygroundSerializer(serializers.Serializer):
    """What the rules make of the communication."""

    template = serializers.CharField(allow_null=True)
    templateNumber = serializers.IntegerField(  # noqa: N815 - a name of the API
        allow_null=True, help_text="Which template fits, from 0."
    )
    tags = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    identification = serializers.CharField(allow_null=True)
    identificationKind = serializers.CharField(allow_null=True)  # noqa: N815 - a name of the API
    origin = serializers.CharField()
    correlation = serializers.ListField(child=serializers.CharField())
    req = SideSerializer(required=False)
    res = SideSerializer(required=False)


class PlaygroundApi(WhispererApi):
    """`POST /api/v1/whisperers/{id}/playground/`"""

    @extend_schema(
        operation_id="whisperers_playground",
        summary="Try parsing rules on a stored communication",
        description="Needs the right `search`. Nothing is written. What was masked when it was stored stays masked.",
        request=PlaygroundInput,
        responses={200: PlaygroundSerializer, 503: ErrorSerializer, **WRITE},
        examples=[
            OpenApiExample(
                "A template",
                {
                    "communication": "c0ffee-0-1-0",
                    "values": {"templates": [{"name": "order", "path": r"^/orders/\d+$"}]},
                },
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "search")
        given = read_input(PlaygroundInput, request)
        resolved, found = configuration_try(target=whisperer, kind="parsing", values=given.get("values", {}))
        if found:
            raise ConfigurationError(found)
        scope = scope_for(request.user)
        document = selectors.get(scope, given["communication"])
        if document["whisperer"] != str(whisperer.pk):
            message = "This communication is another whisperer's: choose one of this."
            raise ApplicationError(message, code="invalid", field="communication")
        bodies = {side: _body(scope, document, side) for side in SIDES}
        return Response(try_rules(compile_rules(resolved.values), document, bodies, key=settings.MASK_KEY))


def _body(scope: Scope, document: dict[str, Any], side: str) -> bytes | None:
    """A decoded body; None where there is none, or none was kept."""
    try:
        return evidence.body(scope, document, side).decoded.data
    except ApplicationError as error:
        if error.status_code == 404:
            return None
        raise
