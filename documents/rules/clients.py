"""Who the client of a request is, by the sources in their order, and where it comes from behind proxies.

Sources are words: `basic` (login of Basic or Digest), `jwt:<claim>`, `header:<name>`, and `certificate:<header>` for
the common name of a client certificate that a proxy checked and tells of. Without trusted proxies the origin is the
first address that an origin header names. With them it is the nearest that is none of them, counted from the connection
itself: what stands further left anyone may have written.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import unquote

from documents.identity import FORWARDED_FOR, HOPS, address
from documents.rules import errors
from documents.rules.errors import RuleError, shown

#: How clients are identified where no rule says so, and the fields that tell of their address.
IDENTIFICATION = ("basic", "jwt:sub")
ORIGIN_HEADERS = ("forwarded", "x-forwarded-for")

SOURCES, HEADERS, PROXIES = 20, 10, 200
#: Characters of an identification.
NAME = 256
#: Characters of a header field that are looked at for a certificate's subject.
_SUBJECT = 4096

_KINDS = ("jwt", "header", "certificate")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
# RFC 4514: parts between commas, a value in quotes or with escapes. OpenSSL's older form is /C=DE/CN=alice.
_CN = re.compile(r'(?:^|[,+;])[ \t]*CN[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|((?:[^,+;"\\]|\\.)*))', re.IGNORECASE)
_SLASH_CN = re.compile(r"/CN=([^/]*)", re.IGNORECASE)
# Envoy's X-Forwarded-Client-Cert: Key=value;Key="value" for each proxy, the client's own first.
_ENVOY = re.compile(r'(?:^|;)[ \t]*(Subject|URI)=(?:"((?:[^"\\]|\\.)*)"|([^;,"]*))', re.IGNORECASE)

Network = IPv4Network | IPv6Network


class Clients:
    """The rules about clients. `headers` are the request's fields that may tell of one."""

    __slots__ = ("_hops", "_networks", "_origins", "_sources", "headers", "usual")

    def __init__(self, sources: Sequence[str], origins: Sequence[str], networks: Sequence[Network]) -> None:
        self._sources = [(kind, name) for kind, _, name in (one.partition(":") for one in sources)]
        self._origins = tuple(origins)
        self._networks = tuple(networks)
        self._hops: dict[str, bool] = {}
        named = {name for kind, name in self._sources if kind in ("header", "certificate")}
        self.headers = frozenset({"authorization", *origins, *named})
        #: Whether they are those where nothing is configured, which `documents.identity` knows by heart.
        self.usual = (
            set(sources) == set(IDENTIFICATION) and self._origins == ORIGIN_HEADERS and not networks
        )  # fmt: skip

    def source(self, req: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
        """The source of a communication with what its request (the document's `req`) tells of the client."""
        headers = req.get("headers", {})
        found = source | {"origin": self._origin(headers, source["ip"])}
        who = self._identified(req.get("authorization", {}), headers)
        if who is not None:
            found["identification"], found["identificationKind"] = who
        return found

    def _identified(self, credentials: dict[str, Any], headers: dict[str, list[str]]) -> tuple[str, str] | None:
        """Name and kind by the first source that gives one. Fields that are masked give the mask."""
        for kind, name in self._sources:
            if kind == "basic":
                found, kind = credentials.get("login", ""), credentials.get("kind", kind)
            elif kind == "jwt":
                claim = credentials.get("jwtClaims", {}).get(name, "")
                found = claim[0] if isinstance(claim, list) and claim else claim
            else:
                values = headers.get(name)
                found = values[0].strip() if values else ""
                if found and kind == "certificate":
                    found = common_name(found)
            if found and isinstance(found, str):
                return found[:NAME], kind
        return None

    def _origin(self, headers: dict[str, list[str]], peer: str) -> str:
        if self._networks and not self._trusts(peer):
            return peer
        for name in self._origins:
            values = headers.get(name)
            hops = _hops(name, values) if values else []
            if self._networks:
                found = self._last_untrusted(hops)
            else:
                found = next((hop for hop in hops[:HOPS] if hop), None)
            if found:
                return found
        return peer

    def _last_untrusted(self, hops: list[str | None]) -> str | None:
        """From the right: the first address that is no trusted proxy. What hides itself (None) ends the search, and the
        last address before it is all that is known."""
        known = None
        for hop in hops[: -HOPS - 1 : -1]:
            if hop is None:
                break
            known = hop
            if not self._trusts(hop):
                break
        return known

    def _trusts(self, hop: str) -> bool:
        known = self._hops.get(hop)
        if known is None:
            if len(self._hops) >= 8192:
                self._hops.clear()
            found = ip_address(hop) if address(hop) else None
            known = self._hops[hop] = found is not None and any(found in network for network in self._networks)
        return known


def _hops(name: str, values: list[str]) -> list[str | None]:
    """The addresses a header names, None for what is none."""
    line = ",".join(values)
    if name == "forwarded":
        return [address(match[1] or match[2] or "") for match in FORWARDED_FOR.finditer(line)]
    return [address(entry) for entry in line.split(",")]


@lru_cache(4096)
def common_name(value: str) -> str:
    """The CN in what a proxy says of a client's certificate: a subject, X-Forwarded-Client-Cert, or either encoded as
    in URIs. Where the certificate has only a URI (as of a service mesh), that one; else empty."""
    text = value[:_SUBJECT]
    if "%" in text:
        text = unquote(text)
    fields: dict[str, str] = {}
    for found in _ENVOY.finditer(text):
        fields.setdefault(found[1].lower(), re.sub(r"\\(.)", r"\1", found[2]) if found[2] else found[3] or "")
    subject = fields.get("subject", "" if fields else text).strip()
    match = (_SLASH_CN if subject.startswith("/") else _CN).search(subject)
    name = (match[1] or (match[2] if match.re is _CN else "") or "") if match else ""
    return re.sub(r"\\(.)", r"\1", name).strip() or fields.get("uri", "").strip()


def compile_sources(field: str, value: Any) -> list[str]:
    """Sources in their order, names of header fields in lower case. Raises RuleError."""
    found: list[str] = []
    for at, one in enumerate(errors.items(field, value, SOURCES)):
        said = errors.text(f"{field}[{at}]", one, 160).strip()
        kind, _, name = said.partition(":")
        kind, name = kind.strip().lower(), name.strip()
        wrong = kind not in _KINDS or not name or (kind != "jwt" and not _TOKEN.fullmatch(name))
        if said.lower() != "basic" and wrong:
            fix = "Use basic, jwt:<claim>, header:<name> or certificate:<header>."
            raise RuleError(f"{field}[{at}]", one, f"{shown(one)} identifies nobody.", fix)
        found.append("basic" if said.lower() == "basic" else f"{kind}:{name if kind == 'jwt' else name.lower()}")
    return list(dict.fromkeys(found))


def compile_headers(field: str, value: Any, most: int = HEADERS) -> tuple[str, ...]:
    """Names of header fields, in lower case. Raises RuleError."""
    found = errors.names(field, value, most)
    for at, name in enumerate(found):
        if not _TOKEN.fullmatch(name):
            fix = "Write its name alone, like x-request-id."
            raise RuleError(f"{field}[{at}]", name, f"{shown(name)} is no header field.", fix)
    return tuple(found)


def compile_networks(field: str, value: Any) -> tuple[Network, ...]:
    """Addresses and networks in CIDR form. Raises RuleError."""
    found: list[Network] = []
    for at, one in enumerate(errors.items(field, value, PROXIES)):
        said = errors.text(f"{field}[{at}]", one, 64).strip()
        try:
            found.append(ip_network(said, strict=False))
        except ValueError as error:
            fix = "Write one like 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32."
            raise RuleError(f"{field}[{at}]", one, f"{shown(one)} is no network.", fix) from error
    return tuple(found)
