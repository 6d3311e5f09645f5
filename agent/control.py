"""The server's interface for agents as a service: enrolment, configuration, status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

from agent.api import Api, Failure, message_of, word_of
from agent.bpf import Instruction
from agent.errors import AgentError, RefusedError
from agent.settings import Settings


class RevokedError(RefusedError):
    """The server does not know this agent's key any more: it has to stop."""


@dataclass(frozen=True)
class Configuration:
    """What to do."""

    revision: str
    capturing: bool
    mode: str
    settings: Settings
    programs: Mapping[str, list[Instruction]]  # filters, by interface
    problems: Mapping[str, str]  # by interface, "" of the whole


class Unchanged:
    """The configuration is the one we have."""


@dataclass(frozen=True)
class Told:
    """The answer to a status."""

    revision: str
    rotate: Mapping[str, str] | None


ConfigurationAnswer = Union[Configuration, Unchanged, Failure]  # noqa: UP007 - read when the module loads
_JSON = {"Content-Type": "application/json"}


class Control:
    """Calls with the key that may read."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._etag = ""

    def configuration(self) -> ConfigurationAnswer:
        """`GET /api/v1/agent/config/`. Raises RevokedError."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        found = self.api.request("GET", "/api/v1/agent/config/", headers, b"")
        if isinstance(found, Failure):
            return found
        status, said, _ = found
        if status == 304:
            return Unchanged()
        if status != 200 or "revision" not in said:
            return _failure(status, said)
        try:
            configuration = _configuration(said)
        except (ValueError, TypeError, AttributeError) as error:
            return Failure(f"the configuration cannot be read: {error}")
        self._etag = self.api.etag
        return configuration

    def forget(self) -> None:
        """Ask for the whole configuration next time."""
        self._etag = ""

    def status(self, told: Mapping[str, Any]) -> Told | Failure:
        """`POST /api/v1/agent/status/`. Raises RevokedError."""
        found = self.api.request("POST", "/api/v1/agent/status/", _JSON, json.dumps(told).encode())
        if isinstance(found, Failure):
            return found
        status, said, _ = found
        if status != 200 or "revision" not in said:
            return _failure(status, said)
        rotate = said.get("rotate")
        return Told(str(said["revision"]), rotate if isinstance(rotate, dict) else None)


def enrol(api: Api, told: Mapping[str, Any]) -> dict[str, Any]:
    """`POST /api/v1/agent/enrol/` with an enrolment's token. Raises AgentError with the server's words."""
    found = api.request("POST", "/api/v1/agent/enrol/", _JSON, json.dumps(told).encode())
    if isinstance(found, Failure):
        raise AgentError(found.message)
    status, said, _ = found
    if status == 201 and {"instance", "whisperer", "mode", "upload_key", "read_key"} <= said.keys():
        return said
    if word_of(said):
        raise RefusedError(f"the server does not enrol this host: {message_of(said, status)}")
    raise RefusedError(f"there is no Spider interface at this address (status {status}): is --server right?")


def _failure(status: int, said: dict[str, Any]) -> Failure:
    word = word_of(said)
    if status == 401 and word in ("revoked", "authentication_failed"):
        raise RevokedError(f"the server revoked this agent: {message_of(said, status)}")
    if status == 403 and word:
        raise RefusedError(f"the server forbids it: {message_of(said, status)}")
    return Failure(f"the server answered {status}: {message_of(said, status)}")


def _configuration(said: dict[str, Any]) -> Configuration:
    programs = {
        str(name): [(int(code), int(jt), int(jf), int(k)) for code, jt, jf, k in program]
        for name, program in said.get("programs", {}).items()
    }
    problems = {str(one.get("interface") or ""): str(one.get("message") or "") for one in said.get("problems", [])}
    values = said.get("values")
    return Configuration(
        str(said["revision"]),
        bool(said.get("capturing")),
        str(said.get("mode") or "INTERFACE"),
        Settings.read(values if isinstance(values, dict) else {}),
        programs,
        problems,
    )
