"""Replace secrets by a keyed hash: equal values stay equal and searchable, but unreadable.

Credentials live in header fields (Authorization, cookies, API keys), in queries and fragments of URIs, and, where a
whisperer says so, in bodies. The hash covers the decoded value, so a token in a query, a form and a JSON body gives
the same mask. Who sent it is read before (`documents.identity`); the stored packets keep the truth, under a right of
their own.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import TypeVar
from urllib.parse import unquote, unquote_plus

from wire.events import Headers

V = TypeVar("V")

#: Query parameters kept by name; more stay in the URI alone.
PARAMS = 1000

_CACHE = 8192
_CACHED_LENGTH = 512

#: Header fields whose whole value is a secret, besides Authorization and cookies.
HEADERS = frozenset({"x-api-key", "api-key", "x-auth-token", "x-access-token", "x-amz-security-token"})
#: Names in queries whose values are secrets; case, dashes and underscores do not count.
KEYS = frozenset(
    "password passwd passphrase pwd pass token accesstoken refreshtoken idtoken authtoken sessiontoken securitytoken "
    "xamzsecuritytoken xamzsignature secret clientsecret apikey apitoken privatekey clientassertion samlresponse "
    "signature sig jwt otp pin cvv cvc cardnumber".split()
)

_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_COOKIES = frozenset({"cookie", "set-cookie"})
_LINKS = frozenset({"referer", "location", "content-location"})
# Schemes of the IANA registry that are met; any other first word may itself be the secret.
_SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "ntlm", "hoba", "mutual", "oauth", "dpop", "gnap",
                      "privatetoken", "scram-sha-1", "scram-sha-256", "vapid", "aws4-hmac-sha256", "token", "apikey"})
_USERINFO = re.compile(r"(//[^/?#@:]*:)([^/?#@]*)@")


@dataclass(frozen=True, slots=True)
class Masking:
    """What is masked. Keys are compared without case, dashes and underscores. No body key is masked by default."""

    headers: frozenset[str] = HEADERS
    query_keys: frozenset[str] = KEYS
    body_keys: frozenset[str] = field(default_factory=frozenset)


DEFAULT_MASKING = Masking()


def plain_key(name: str) -> str:
    """A name as `Masking` compares it."""
    return name.lower().replace("-", "").replace("_", "")


class Masker:
    """Masks with one key and one set of rules; small caches make repeated values cheap."""

    __slots__ = ("_cookies", "_hashed", "_queries", "_secret_names", "body_keys", "key", "rules", "sensitive")

    def __init__(self, key: bytes, rules: Masking) -> None:
        self.key = key
        self.rules = rules
        self.body_keys = frozenset(plain_key(name) for name in rules.body_keys)
        #: Header fields that need a look.
        self.sensitive = _CREDENTIALS | _COOKIES | _LINKS | {name.lower() for name in rules.headers}
        self._secret_names: dict[str, bool] = {}
        self._hashed: dict[str, str] = {}
        self._cookies: dict[str, str] = {}
        self._queries: dict[str, tuple[str, dict[str, list[str]], bool]] = {}

    def secret(self, value: str) -> str:
        """The mask of a secret."""
        masked = self._hashed.get(value)
        if masked is None:
            digest = blake2b(value.encode("utf-8", "surrogatepass"), key=self.key[:64], digest_size=8).hexdigest()
            masked = f"masked:{digest}" if value else ""
            _remember(self._hashed, value, masked)
        return masked

    def is_secret(self, name: str) -> bool:
        """Whether a query parameter's value is a secret, by its name."""
        known = self._secret_names.get(name)
        if known is None:
            known = plain_key(name) in _plain_keys(self.rules.query_keys)
            _remember(self._secret_names, name, known)
        return known

    def headers(self, headers: Headers) -> Headers:
        """The header fields with secrets masked; the same object where there are none."""
        if self.sensitive.isdisjoint(headers):  # a third of an intersection's time
            return headers
        masked = dict(headers)
        for name in self.sensitive.intersection(headers):
            masked[name] = [self._header(name, value) for value in headers[name]]
        return masked

    def _header(self, name: str, value: str) -> str:
        if name in _LINKS:
            return self.url(value)
        if name in _COOKIES:
            masked = self._cookies.get(value)
            if masked is None:
                masked = self._cookie(value) if name == "cookie" else self._set_cookie(value)
                _remember(self._cookies, value, masked)
            return masked
        if name in _CREDENTIALS:
            scheme, space, credentials = value.partition(" ")
            if space and scheme.lower() in _SCHEMES:
                return f"{scheme} {self.secret(credentials.strip())}"
        return self.secret(value)

    def _cookie(self, value: str) -> str:
        return "; ".join(self._pair(pair.strip()) for pair in value.split(";"))

    def _set_cookie(self, value: str) -> str:
        pair, semicolon, attributes = value.partition(";")
        return self._pair(pair.strip()) + semicolon + attributes

    def _pair(self, pair: str) -> str:
        """RFC 6265 §4.1.1: a cookie's value may stand in quotes, which are no part of the secret."""
        name, equals, value = pair.partition("=")
        if not equals:
            return self.secret(pair)
        return f"{name}={self.secret(value.strip().strip(chr(34)))}"

    def url(self, value: str) -> str:
        """A URI reference with the password of its userinfo and the secrets of its query and fragment masked."""
        if "@" in value:
            value = _USERINFO.sub(lambda found: f"{found[1]}{self.secret(found[2])}@", value)
        if "=" not in value:
            return value
        rest, hash_sign, fragment = value.partition("#")
        path, mark, query = rest.partition("?")
        if mark:
            query = self.query(query)[0]
        if "=" in fragment:
            fragment = self.query(fragment)[0]
        return f"{path}{mark}{query}{hash_sign}{fragment}"

    def query(self, query: str) -> tuple[str, dict[str, list[str]], bool]:
        """A query with its secrets masked, its parameters by name (decoded as forms are, WHATWG URL §5.1), and whether
        there are more than are kept."""
        known = self._queries.get(query)
        if known is None:
            known = self._parse_query(query)
            if len(query) <= _CACHED_LENGTH:
                _remember(self._queries, query, known)
        return known

    def _parse_query(self, query: str) -> tuple[str, dict[str, list[str]], bool]:
        params: dict[str, list[str]] = {}
        pairs: list[str] = []
        kept = 0
        for pair in query.split("&"):
            raw_name, equals, raw = pair.partition("=")
            name, value = _decoded(raw_name), _decoded(raw)
            if equals and self.is_secret(name):
                value = self.secret(value)
                pair = f"{raw_name}={value}"
            pairs.append(pair)
            if kept < PARAMS and pair:
                params.setdefault(name, []).append(value)
                kept += 1
        return "&".join(pairs), params, len(pairs) > PARAMS


def _decoded(text: str) -> str:
    if "+" in text:
        return unquote_plus(text)
    return unquote(text) if "%" in text else text


@lru_cache(256)
def _plain_keys(names: frozenset[str]) -> frozenset[str]:
    return frozenset(plain_key(name) for name in names)


def _remember(cache: dict[str, V], key: str, value: V) -> None:
    """Put into a bounded cache; a full one starts anew, which costs less than keeping an order."""
    if len(cache) >= _CACHE:
        cache.clear()
    cache[key] = value


@lru_cache(64)
def masker(key: bytes, rules: Masking) -> Masker:
    """The masker of a key and rules, shared so that its caches stay warm from task to task."""
    return Masker(key, rules)
