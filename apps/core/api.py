"""The base of every API view: who may call it and how its errors look, set here and not in the settings alone, so that
a view cannot be open by accident."""

from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.utils.module_loading import import_string
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, permissions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.errors import ApplicationError, handle

log = structlog.get_logger(__name__)


class SessionAuthentication(authentication.SessionAuthentication):
    """People: the session of the site, with CSRF checked on writes."""

    def authenticate_header(self, request: Request) -> str:
        """Answer 401 and not 403 when nobody is signed in, so that a client knows what to do."""
        return "Session"


class SessionScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI schema about the session."""

    target_class = SessionAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


class TokenAuthentication(authentication.BaseAuthentication):
    """Programs: the token of a service account (RFC 6750 §2.1), in the Authorization header and nowhere else.

    It signs in to no page, and a browser never sends it by itself, so there is no CSRF to check. One that only reads is
    refused every other method.
    """

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        # A layer above knows the tokens: the settings name who to ask.
        user, token = import_string(settings.API_TOKENS)(secret.strip())
        log.info("api.token", account=user.get_username(), token=token.prefix, method=request.method, path=request.path)
        if not token.write and request.method not in permissions.SAFE_METHODS:
            message = "This token only reads: ask with GET, or make one that may write."
            raise ApplicationError(message, code="read_only", status_code=403)
        return user, token

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="spider"'


class TokenScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI schema about the token of a service account."""

    target_class = TokenAuthentication
    name = "serviceToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of a service account."}


class PeopleApi(APIView):
    """An API view for people who are signed in, and for their programs."""

    authentication_classes: Any = [TokenAuthentication, SessionAuthentication]
    permission_classes: Any = [permissions.IsAuthenticated]

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle


class ErrorDetailSerializer(serializers.Serializer):
    """What went wrong."""

    code = serializers.CharField(help_text="Stable word for programs.")
    message = serializers.CharField(help_text="One sentence for people.")
    field = serializers.CharField(allow_null=True, help_text="The parameter at fault.")
    position = serializers.IntegerField(required=False, help_text="Where in the query, counted from 0.")


class ErrorSerializer(serializers.Serializer):
    """The shape of every error."""

    error = ErrorDetailSerializer()
