"""How an agent proves for whom it works: `Authorization: Bearer <token>`.

A token is of one kind and opens the doors of that kind alone: one that may upload reads nothing, one that may read its
configuration and tell its status uploads nothing.
"""

from dataclasses import dataclass

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import authentication, exceptions, permissions
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.whisperers.models import Instance, Whisperer, WhispererToken
from apps.whisperers.services import token_digest, token_use


@dataclass(frozen=True, slots=True)
class Agent:
    """`request.user` of a call made with a token. It is no person: it does for one whisperer what its kind allows."""

    whisperer: Whisperer
    kind: str = WhispererToken.Kind.UPLOAD
    instance: Instance | None = None
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False

    @property
    def pk(self) -> str:
        """Names the agent's whisperer in throttles and logs."""
        return f"whisperer:{self.whisperer.pk}"


class WhispererTokenAuthentication(authentication.BaseAuthentication):
    """RFC 6750 §2.1: the token is sent in the Authorization header, and nowhere else."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Agent, WhispererToken] | None:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        token = token_use(secret=secret.strip())
        if token is None:
            raise self._refused(secret.strip())
        return Agent(token.whisperer, token.kind, token.instance), token

    def _refused(self, secret: str) -> exceptions.AuthenticationFailed:
        """An agent that was revoked hears it, so that it stops; who guesses hears nothing more than before."""
        if WhispererToken.objects.filter(digest=token_digest(secret)).exists():
            return exceptions.AuthenticationFailed("The token was revoked.", code="revoked")
        return exceptions.AuthenticationFailed("The token is unknown or was revoked.")

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="spider"'


class IsAgent(permissions.BasePermission):
    """Only a whisperer's token that may upload opens this: a signed-in person has no chunk to send."""

    message = "This needs a token of a whisperer that may upload."
    kind: str = WhispererToken.Kind.UPLOAD

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, Agent) and request.user.kind == self.kind


class IsReader(IsAgent):
    """Only the token with which an enrolled agent reads its configuration and tells its status opens this."""

    message = "This needs the token of an enrolled agent that may read its configuration."
    kind: str = WhispererToken.Kind.READ

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and request.user.instance is not None


class WhispererTokenScheme(OpenApiAuthenticationExtension):
    """Tells the OpenAPI schema about the token."""

    target_class = WhispererTokenAuthentication
    name = "whispererToken"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "The token of a whisperer."}
