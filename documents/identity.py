"""Who sent a request: credentials read before they are masked, and the client's own address behind proxies.

Nothing secret leaves this module: of Basic and Digest the login, of a JSON Web Token header and claims, never password
or signature. Tokens are read, not verified: a witness has no key.
"""

import binascii
import re
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any, NamedTuple

import orjson

from wire.events import Headers

#: A token this long is not one; Apache refuses header lines over 8 KB.
_TOKEN_BYTES = 16 * 1024
#: Longer values are read each time, so that the cache stays under 4,096 times this.
_CACHED = 2048
#: Claims kept of a token.
_CLAIMS = 64
#: Entries of a Forwarded or X-Forwarded-For header that are looked at for an address.
HOPS = 16

_DIGEST_USER = re.compile(r'\busername="((?:[^"\\]|\\.)*)"')
#: The client of each entry of a Forwarded field, in quotes or not.
FORWARDED_FOR = re.compile(r'(?:^|[;,\s])for\s*=\s*(?:"([^"]*)"|([^;,\s]*))', re.IGNORECASE)


class Authorization(NamedTuple):
    """What an Authorization header says: the document's object, who that is, and how it was found."""

    fields: dict[str, Any]
    identification: str
    kind: str


def authorization(value: str) -> Authorization:
    """Read an Authorization field value (RFC 9110 §11.4); callers must not change the fields."""
    return _authorization(value) if len(value) <= _CACHED else _authorization.__wrapped__(value)


@lru_cache(4096)
def _authorization(value: str) -> Authorization:
    scheme, _, credentials = value.strip().partition(" ")
    kind = scheme.lower()
    credentials = credentials.strip()
    if kind == "basic":
        return _with_login(kind, _basic_login(credentials))
    if kind == "digest":
        match = _DIGEST_USER.search(credentials)
        return _with_login(kind, re.sub(r"\\(.)", r"\1", match.group(1)) if match else "")
    token = credentials or value.strip()
    header, claims = _jwt(token)
    if claims is not None:
        subject = claims.get("sub")
        sub = subject if isinstance(subject, str) else ""
        fields = {"kind": kind if credentials else "jwt", "jwtHeader": header, "jwtClaims": claims}
        return Authorization(fields, sub, "jwt" if sub else "")
    # Without a space the whole value may be the secret: then not even its scheme is told.
    return Authorization({"kind": kind if credentials and scheme.isalnum() else "other"}, "", "")


def _with_login(kind: str, login: str) -> Authorization:
    if not login:
        return Authorization({"kind": kind}, "", "")
    return Authorization({"kind": kind, "login": login}, login, kind)


def _basic_login(credentials: str) -> str:
    """The user-id of RFC 7617 §2: all before the first colon."""
    try:
        pair = b64decode(credentials + "=" * (-len(credentials) % 4))
    except (binascii.Error, ValueError):
        return ""
    login = pair.partition(b":")[0]
    try:
        return login.decode()
    except UnicodeDecodeError:
        return login.decode("latin-1")


def _jwt(token: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Header and claims of a JSON Web Token in compact form (RFC 7519 §3); claims None if it is none."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _TOKEN_BYTES or not token.startswith("ey"):
        return {}, None
    header, claims = _segment(parts[0]), _segment(parts[1])
    if header is None or claims is None:
        return {}, None
    return flat(header), flat(claims)


def _segment(part: str) -> dict[str, Any] | None:
    try:
        value = orjson.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):  # orjson's error is a ValueError
        return None
    return value if isinstance(value, dict) else None


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """An object one level deep, all its values text or lists of text: both stores then compare them alike, however a
    number is written. What lies deeper stays as JSON text."""
    result: dict[str, Any] = {}
    for name, value in list(values.items())[:_CLAIMS]:
        if value is None:
            continue
        result[name] = [_as_text(item) for item in value] if isinstance(value, list) else _as_text(value)
    return result


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


@lru_cache(16384)
def address(text: str) -> str | None:
    """An IP address in its canonical form, port, brackets and zone taken away; None if it is none.

    IPv4 addresses mapped into IPv6 become IPv4, as Elasticsearch treats them.
    """
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(found)


def origin(headers: Headers) -> str | None:
    """The first client address that Forwarded (RFC 7239 §5.2) or X-Forwarded-For names; None if neither has one.

    Obfuscated and unknown identifiers (RFC 7239 §6.2, §6.3) are passed over.
    """
    forwarded = headers.get("forwarded")
    if forwarded:
        for match in list(FORWARDED_FOR.finditer(",".join(forwarded)))[:HOPS]:
            found = address(match.group(1) or match.group(2) or "")
            if found is not None:
                return found
    listed = headers.get("x-forwarded-for")
    return _first_address(listed) if listed else None


def _first_address(values: Sequence[str]) -> str | None:
    for entry in ",".join(values).split(",", HOPS)[:HOPS]:
        found = address(entry)
        if found is not None:
            return found
    return None
