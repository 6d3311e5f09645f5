"""Cookies taken apart: those that were sent, and those that were set with what they ask of the client (RFC 6265)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.core.words import SECOND, span
from apps.httpcomms.explain.headers import http_date, relative

MAX_COOKIES = 200
_MAX_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie: its masked value, and for one that was set its attributes in words and what is weak about them."""

    name: str
    value: str
    attributes: list[str]
    warnings: list[str]


def sent(message: Mapping[str, Any] | None) -> list[Cookie]:
    """The cookies of a request."""
    found = []
    for pair in ";".join(_values(message, "cookie")).split(";")[:MAX_COOKIES]:
        name, equals, value = pair.strip().partition("=")
        if pair.strip():
            found.append(Cookie(name if equals else "", (value if equals else name)[:_MAX_VALUE], [], []))
    return found


def received(message: Mapping[str, Any] | None, moment: int) -> list[Cookie]:
    """The cookies that a response sets."""
    return [_set(value, moment) for value in _values(message, "set-cookie")[:MAX_COOKIES]]


def _values(message: Mapping[str, Any] | None, name: str) -> list[str]:
    return [str(value) for value in ((message or {}).get("headers") or {}).get(name) or []]


def _set(line: str, moment: int) -> Cookie:
    pair, *rest = line[:8_000].split(";")
    name, _, value = pair.strip().partition("=")
    said: dict[str, str] = {}
    for attribute in rest[:20]:
        key, _, argument = attribute.strip().partition("=")
        said[key.strip().lower()] = argument.strip()
    words = [_life(said, moment)]
    words += [f"for {said['domain']} and below"] if said.get("domain") else ["for this host alone"]
    words += [f"under {said['path']}"] if said.get("path") else []
    words += ["over HTTPS alone"] if "secure" in said else []
    words += ["not for scripts"] if "httponly" in said else []
    words += [f"SameSite {said['samesite']}"] if said.get("samesite") else []
    warnings = []
    if "secure" not in said:
        warnings.append("not Secure: it also travels unencrypted")
    if "httponly" not in said:
        warnings.append("not HttpOnly: scripts can read it")
    if said.get("samesite", "").lower() == "none" and "secure" not in said:
        warnings.append("SameSite=None without Secure: browsers drop it")
    return Cookie(name, value[:_MAX_VALUE], words, warnings)


def _life(said: dict[str, str], moment: int) -> str:
    """RFC 6265 §5.3: Max-Age wins over Expires; without both the cookie ends with the browser's session."""
    age = said.get("max-age", "")
    if age.lstrip("-").isdigit() and age.isascii() and len(age) < 11:
        return f"for {span(int(age) * SECOND)}" if int(age) > 0 else "deleted at once"
    if "expires" in said:
        at = http_date(said["expires"])
        if at is None:
            return "until the browser closes (its date cannot be read)"
        return "deleted at once" if at <= moment else f"until {relative(at, moment)}"
    return "until the browser closes"
