"""The target of a request: scheme, host, path, query and the absolute URI they make (RFC 9112 §3.2, §3.3)."""

from functools import lru_cache
from urllib.parse import urljoin

import msgspec

from documents.masking import Masker
from wire.events import Endpoint, Message

_DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443"}


class Target(msgspec.Struct, frozen=True, gc=False):
    """A request target taken apart, secrets masked. `authority` is host and port as the URI has them; `query` is None
    without a question mark; `cut` says that there are more parameters than are kept."""

    scheme: str
    authority: str
    host: str
    path: str
    query: str | None
    params: dict[str, list[str]]
    cut: bool
    uri: str


def target(request: Message, server: Endpoint, masker: Masker) -> Target:
    """Take a request's target apart. Without a Host the server's address stands in for it (RFC 9112 §3.3)."""
    host = request.headers.get("host")
    text = request.target
    if not text.isascii():
        text = _utf8(text)
    scheme, rest = "http", text
    field = host[0] if host and host[0].strip() else _address(server)
    if not text.startswith("/"):
        if request.method == "CONNECT" and "/" not in text:
            # RFC 9112 §3.2.3: authority-form, host and port alone.
            name, authority = _host(text, "")
            return Target("http", authority, name, "", None, {}, False, text)
        if "://" in text[:16]:
            # RFC 9112 §3.2.2: of an absolute-form target the host counts, not the Host field.
            scheme, _, after = text.partition("://")
            scheme = scheme.lower()
            end = min((at for at in map(after.find, "/?#") if at >= 0), default=len(after))
            field, rest = after[:end].rpartition("@")[2], after[end:]
    name, authority = _host(field, scheme)
    if rest == "*":
        # RFC 9112 §3.3: asterisk-form adds neither path nor query to the URI.
        return Target(scheme, authority, name, "*", None, {}, False, f"{scheme}://{authority}")
    path, mark, query = rest.partition("?")
    if not mark:
        return Target(scheme, authority, name, path, None, {}, False, f"{scheme}://{authority}{path}")
    masked, params, cut = masker.query(query)
    return Target(scheme, authority, name, path, masked, params, cut, f"{scheme}://{authority}{path}?{masked}")


@lru_cache(8192)
def _host(field: str, scheme: str) -> tuple[str, str]:
    """Host without port, lower case and without brackets, and the authority without the scheme's own port."""
    authority = _utf8(field.strip()).lower()
    host = authority
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif ":" in host:
        host = host.rpartition(":")[0] if host.count(":") == 1 else host
    default = _DEFAULT_PORTS.get(scheme)
    if default is not None and authority.endswith(default) and not authority.endswith(":" + default):
        authority = authority.removesuffix(default)
    return host, authority


@lru_cache(4096)
def _address(server: Endpoint) -> str:
    ip = f"[{server.ip}]" if ":" in server.ip else server.ip
    return f"{ip}:{server.port}"


def _utf8(text: str) -> str:
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return text


def absolute(where: Target | None, location: str, forwarded: list[str] | None) -> str:
    """A Location made absolute (RFC 9110 §10.2.2), with the scheme a proxy says the client used."""
    if where is None or location.startswith(("http://", "https://")):
        return location
    scheme = forwarded[0].partition(",")[0].strip().lower() if forwarded else ""
    base = where.uri
    if scheme in ("http", "https") and base.startswith("http://"):
        base = scheme + base[4:]
    if location.startswith("/") and not location.startswith("//") and "/." not in location:
        return f"{base[: base.index('://')]}://{where.authority}{location}" if "://" in base else location
    try:
        return urljoin(base, location)
    except ValueError:  # brackets that hold no IPv6 address
        return location
