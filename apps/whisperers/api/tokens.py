"""Tokens: keys for uploads that are made by hand, for `python -m agent` and for curl. Enrolled agents have keys of
their own, which are listed too."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.whisperers.api.base import READ, WRITE, Input, WhispererApi, found_or_gone, read_input
from apps.whisperers.services import token_create, token_revoke


class TokenSerializer(serializers.Serializer):
    """A key; its text is kept nowhere."""

    id = serializers.IntegerField()
    prefix = serializers.CharField(help_text="How its text begins.")
    label = serializers.CharField(help_text="Where it is used.")
    kind = serializers.CharField(help_text="upload: may send chunks; read: may read the configuration, tell status.")
    instance = serializers.UUIDField(source="instance_id", allow_null=True, help_text="The agent whose key it is.")
    created = serializers.DateTimeField()
    lastUsed = serializers.DateTimeField(source="last_used", allow_null=True)  # noqa: N815 - a name of the API
    revoked = serializers.DateTimeField(allow_null=True)


class NewTokenSerializer(TokenSerializer):
    """A new key with its text, which is shown this once."""

    token = serializers.CharField()


class TokensSerializer(serializers.Serializer):
    """The keys of a whisperer, the newest first."""

    tokens = TokenSerializer(many=True)


class TokenInput(Input):
    """What the key is for."""

    label = serializers.CharField(required=False, default="", allow_blank=True, max_length=100)


class TokensApi(WhispererApi):
    """`/api/v1/whisperers/{id}/tokens/`"""

    @extend_schema(
        operation_id="whisperers_tokens",
        summary="The keys of a whisperer",
        description="Needs the right `configure`.",
        responses={200: TokensSerializer, **READ},
    )
    def get(self, request: Request, id: Any) -> Response:
        tokens = self.whisperer(request, id, "configure").tokens.all()
        return Response({"tokens": TokenSerializer(tokens, many=True).data})

    @extend_schema(
        operation_id="whisperers_token_create",
        summary="Make a key for uploads",
        description="Needs the right `configure`. The text is in this answer alone.",
        request=TokenInput,
        responses={201: NewTokenSerializer, **WRITE},
    )
    def post(self, request: Request, id: Any) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        label = read_input(TokenInput, request)["label"]
        token, text = token_create(whisperer=whisperer, label=label, actor=request.user)
        return Response(TokenSerializer(token).data | {"token": text}, status=201)


class TokenApi(WhispererApi):
    """`DELETE /api/v1/whisperers/{id}/tokens/{number}/`"""

    @extend_schema(
        operation_id="whisperers_token_revoke",
        summary="Refuse a key from now on",
        description="Needs the right `configure`.",
        responses={204: None, **READ},
    )
    def delete(self, request: Request, id: Any, number: int) -> Response:
        whisperer = self.whisperer(request, id, "configure")
        token_revoke(token=found_or_gone(whisperer.tokens.filter(pk=number).first(), "token"), actor=request.user)
        return Response(status=204)
