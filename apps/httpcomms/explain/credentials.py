"""What the credentials of a request say, from what was kept of them before masking: scheme, login, header and claims
of a token. Never a password, never a signature. Tokens are read, not verified: a witness has no key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from apps.core.words import SECOND, local, span
from apps.httpcomms.explain.headers import relative

_SCHEMES = {
    "basic": ("Basic", "Login and password, only encoded: over plain HTTP anyone on the way reads both."),
    "digest": ("Digest", "A login, and a hash that proves the password without sending it."),
    "bearer": ("Bearer", "A token: whoever holds it may use it."),
    "dpop": ("DPoP", "A token bound to a key of the client."),
    "negotiate": ("Negotiate", "Kerberos or NTLM, agreed on by both sides."),
    "ntlm": ("NTLM", "Windows' challenge and response."),
    "aws4-hmac-sha256": ("AWS Signature 4", "The request is signed with a key; the key itself is not sent."),
    "jwt": ("JSON Web Token", "A token without a scheme before it."),
    "other": ("Unknown", "No scheme that is known: the whole value was taken for a secret."),
}
_CLAIMS = {
    "iss": "Issuer: who made the token",
    "sub": "Subject: whom it speaks for",
    "aud": "Audience: whom it is meant for",
    "exp": "Expires",
    "nbf": "Not valid before",
    "iat": "Issued",
    "auth_time": "When the person signed in",
    "jti": "Its own identifier",
    "azp": "The client it was issued to",
    "client_id": "The client it was issued to",
    "scope": "What it allows",
    "scp": "What it allows",
    "roles": "Roles",
    "groups": "Groups",
    "sid": "Session",
    "acr": "How strongly the person was authenticated",
    "amr": "How the person was authenticated",
    "nonce": "Binds it to one sign-in",
    "typ": "Kind of token",
    "email": "E-mail address",
    "name": "Name",
    "preferred_username": "Login",
    "alg": "Algorithm of the signature",
    "kid": "Which key signed it",
    "jku": "Where it says its key is",
    "x5t": "Thumbprint of the certificate",
}
#: What people look for first; the others stay in the order of the token.
_FIRST = ("sub", "exp", "iat", "nbf", "iss", "aud", "scope", "scp", "roles")
_TIMES = ("exp", "iat", "nbf", "auth_time")
_MAX_VALUE = 2_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A member of a token: its values, what it is, a moment told relative to the request, its field in a query."""

    name: str
    values: list[str]
    about: str
    moment: str = ""
    state: str = ""  # ok, warn or empty
    field: str = ""


@dataclass(frozen=True, slots=True)
class Explained:
    """What an Authorization field says."""

    scheme: str
    about: str
    login: str = ""
    header: list[Claim] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def token(self) -> bool:
        return bool(self.header or self.claims)


def explain(document: Mapping[str, Any], moment: int, zone: tzinfo) -> Explained | None:
    """The credentials of a communication's request; `moment` is the request's time. None where it had none."""
    said = (document.get("req") or {}).get("authorization")
    if not said:
        return None
    kind = str(said.get("kind", ""))
    scheme, about = _SCHEMES.get(kind, (kind.capitalize(), "A scheme that Spider does not read."))
    header, claims = said.get("jwtHeader") or {}, said.get("jwtClaims") or {}
    return Explained(
        scheme,
        about,
        str(said.get("login") or ""),
        [_claim(name, value, "req.authorization.jwtHeader", moment, zone) for name, value in header.items()],
        [
            _claim(name, claims[name], "req.authorization.jwtClaims", moment, zone)
            for name in sorted(claims, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
        ],
        _warnings(header, claims, moment, (document.get("res") or {}).get("status")),
    )


def _claim(name: str, value: Any, prefix: str, moment: int, zone: tzinfo) -> Claim:
    values = [str(one)[:_MAX_VALUE] for one in (value if isinstance(value, list) else [value])]
    if name in ("scope", "scp") and len(values) == 1:
        values = values[0].split()[:100] or values
    at = _numeric_date(value) if name in _TIMES else None
    told = state = ""
    if at is not None:
        day, time, _ = local(at, zone)
        told = f"{day} {time}, {relative(at, moment // SECOND * SECOND)} this request"
        told = told.replace("at that second this request", "at the second of this request")
        if name in ("exp", "nbf"):
            state = "ok" if (at > moment) == (name == "exp") else "warn"
    whole = len(values) == 1 and name not in ("scope", "scp")
    queryable = name.replace("_", "").replace("-", "").isalnum() and name.isascii()
    return Claim(name, values, _CLAIMS.get(name, ""), told, state, f"{prefix}.{name}" if whole and queryable else "")


def _numeric_date(value: Any) -> int | None:
    """RFC 7519 §2: seconds since the epoch, a fraction allowed; within what a calendar holds."""
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return int(seconds * SECOND) if 0 <= seconds < 250_000_000_000 else None


def _warnings(header: Mapping[str, Any], claims: Mapping[str, Any], moment: int, status: Any) -> list[str]:
    if not header and not claims:
        return []
    warnings = []
    expires, begins, issued = (_numeric_date(claims.get(name)) for name in ("exp", "nbf", "iat"))
    if expires is not None and expires <= moment:
        after = " That may be why it was refused." if status in (401, 403) else ""
        warnings.append(f"The token expired {span(moment - expires)} before this request.{after}")
    if begins is not None and begins > moment:
        warnings.append(f"The token is valid only {span(begins - moment)} after this request: clocks may differ.")
    if issued is not None and issued > moment + SECOND:
        warnings.append(f"The token was issued {span(issued - moment)} after this request: clocks differ.")
    if expires is None and claims:
        warnings.append("The token says no end: it is valid until its issuer takes it back.")
    if str(header.get("alg", "")).lower() == "none":
        warnings.append("The token has no signature (alg none): anyone can write one.")
    return warnings
