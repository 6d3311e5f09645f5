"""The server's HTTP interface: one method per call, every answer a value.

A refusal that may end (429, 503) and a connection that broke are answers as well; what a person must mend (a wrong
token, a wrong address) raises `RefusedError`.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Union
from urllib.parse import quote, urlencode, urlsplit

from agent import VERSION
from agent.calls import Calls
from agent.errors import RefusedError

#: A chunk of 16 MB over 2 Mbit/s takes a minute.
TIMEOUT = 90
#: Most bytes of an answer that are read.
ANSWER_BYTES = 1 << 20
Body = Union[bytes, Sequence[bytes]]  # noqa: UP007 - read when the module loads, by Python 3.9 too


@dataclass
class Answer:
    """What the server said of a chunk or of a capture's end."""

    word: str  # ok dup late conflict ended window full later unknown done; "refused" for any other refusal
    message: str = ""
    next: int = -1  # lowest number that the server is not done with, -1 unsaid
    have: list[int] = field(default_factory=list)  # numbers from `next` on that it knows
    durable: int | bool = False  # all numbers below are on disk; or whether this one is
    wait: float = 0.0  # seconds after which to try again
    search: str = ""


@dataclass
class Failure:
    """There was no answer, or none of the API's: it is not known whether the chunk arrived."""

    message: str


class Api:
    """One connection to the server, kept open; every upload thread has its own.

    `token` is asked before each call, because keys may change. `patient`: an answer that no Spider server gives, or one
    that refuses the token, is a failure that may pass and is not raised: a proxy's page while the server is away,
    or a key of which somebody else decides what it means that it is refused.
    """

    def __init__(
        self,
        server: str,
        token: Callable[[], str],
        *,
        timeout: Callable[[], float] = lambda: TIMEOUT,
        patient: bool = False,
        calls: Calls | None = None,
    ) -> None:
        parts = urlsplit(server)
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._server, self._prefix, self._secure = server, parts.path, parts.scheme == "https"
        self._token, self._patient, self._calls = token, patient, calls
        self._timeout = timeout
        self.etag = ""  # of the last answer
        self._connection: http.client.HTTPConnection | None = None

    def addresses(self) -> list[str]:
        """The server's IP addresses, as far as they can be resolved."""
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError:
            return []
        return sorted({str(entry[4][0]).partition("%")[0] for entry in found})

    def send_chunk(self, headers: dict[str, str], body: Sequence[bytes]) -> Answer | Failure:
        """`POST /api/v1/chunks/`, the body in parts."""
        headers["Content-Length"] = str(sum(map(len, body)))
        return self._call("POST", "/api/v1/chunks/", headers, body)

    def status(self, capture: str, oldest: int, abandoned: str) -> Answer | Failure:
        """`POST /api/v1/captures/{capture}/status/`: how far the server is; tells what was given up."""
        body = json.dumps({"oldest": oldest, "abandoned": abandoned}).encode("ascii")
        path = f"/api/v1/captures/{quote(capture)}/status/"
        return self._call("POST", path, {"Content-Type": "application/json"}, body)

    def finish(self, capture: str, last: int, dropped: str, captured: int) -> Answer | Failure:
        """`POST /api/v1/captures/{capture}/final/`: the end, and what was lost since the last chunk."""
        body = json.dumps({"last": last, "dropped": dropped, "captured": captured}).encode("ascii")
        path = f"/api/v1/captures/{quote(capture)}/final/"
        return self._call("POST", path, {"Content-Type": "application/json"}, body)

    def compile_filter(self, text: str, link: int) -> list[tuple[int, int, int, int]] | Failure:
        """`GET /api/v1/filters/`: the BPF instructions of a filter. Raises RefusedError with the server's reason."""
        path = "/api/v1/filters/?" + urlencode({"filter": text, "link": link})
        found = self.request("GET", path, {}, b"")
        if isinstance(found, Failure):
            return found
        status, said, _ = found
        if status != 200:
            self._raise_if_final(status, said)
            raise RefusedError(f"the filter {text!r} cannot be used: {message_of(said, status)}")
        return [(int(code), int(jt), int(jf), int(k)) for code, jt, jf, k in said.get("program", [])]

    def check(self) -> None:
        """Find out before the first chunk whether address and token are right. Raises RefusedError if not."""
        found = self.request("GET", "/api/v1/filters/?filter=&link=1", {}, b"")
        if not isinstance(found, Failure):
            self._raise_if_final(found[0], found[1])

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _call(self, method: str, path: str, headers: dict[str, str], body: Body) -> Answer | Failure:
        found = self.request(method, path, headers, body)
        if isinstance(found, Failure):
            return found
        status, said, wait = found
        if status in (429, 503) or status == 409:
            return _answer(said, word_of(said) or "later", message_of(said, status), wait)
        if status >= 500 or word_of(said) in ("digest", "cut_short"):  # the body was damaged on its way
            return Failure(f"the server failed: {message_of(said, status)}")
        if status == 404 and word_of(said) == "unknown":  # a capture of which no chunk arrived yet
            return _answer(said, "unknown", message_of(said, status), wait)
        if self._patient and (status in (401, 403, 404, 405) or 300 <= status < 400 or (status < 300 and not said)):
            return Failure(f"the server answered {status}: {message_of(said, status)}")
        self._raise_if_final(status, said)
        if status >= 300:
            return _answer(said, "refused", message_of(said, status), wait)
        if "word" not in said:
            raise RefusedError(f"{self._server} does not answer like a Spider server: is the address right?")
        return _answer(said, word_of(said), "", wait)

    def _raise_if_final(self, status: int, said: dict[str, Any]) -> None:
        if status == 401:
            raise RefusedError(f"the server does not accept the token: {message_of(said, status)}")
        if status == 403:
            raise RefusedError(f"the server forbids it: {message_of(said, status)}")
        if 300 <= status < 400 or status in (404, 405):
            reason = message_of(said, status)
            raise RefusedError(f"there is no Spider interface at {self._server} ({reason}): is the address right?")

    def request(
        self, method: str, path: str, headers: dict[str, str], body: Body
    ) -> tuple[int, dict[str, Any], float] | Failure:
        """One call: status, the JSON object of the answer (empty if it is none), and Retry-After."""
        began = time.monotonic()
        found = self._request(method, path, headers, body)
        if self._calls:
            ok = not isinstance(found, Failure) and found[0] < 400
            self._calls.note(time.monotonic() - began, ok)
        return found

    def _request(
        self, method: str, path: str, headers: dict[str, str], body: Body
    ) -> tuple[int, dict[str, Any], float] | Failure:
        reused = self._connection is not None
        try:
            try:
                return self._exchange(method, path, headers, body)
            except ConnectionError:
                if not reused:
                    raise
                # The server had closed a connection that was idle: nothing is wrong. Every call may be repeated.
                self.close()
                return self._exchange(method, path, headers, body)
        except (OSError, http.client.HTTPException) as error:
            # The next try starts with a new connection; a body that did arrive is answered as `dup` then.
            self.close()
            return Failure(f"{self.host}:{self.port} cannot be reached: {error or type(error).__name__}")

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], body: Body
    ) -> tuple[int, dict[str, Any], float] | Failure:
        token = self._token()
        sent = {"Authorization": "Bearer " + token, "User-Agent": "spider-agent/" + VERSION, **headers}
        if self._connection is None:
            self._connection = self._connect()
        self._send(self._connection, method, self._prefix + path, body, sent)
        response = self._connection.getresponse()
        data = response.read(ANSWER_BYTES)
        if response.length and len(data) < ANSWER_BYTES:  # read() with a bound says nothing of an answer cut short
            raise http.client.IncompleteRead(data, response.length)
        if response.will_close or not response.isclosed():
            self.close()
        self.etag = response.getheader("ETag") or ""
        if response.status == 401 and self._token() != token:
            return Failure("the key was changed meanwhile")
        return response.status, _json(data), _wait(response.getheader("Retry-After"))

    @staticmethod
    def _send(
        connection: http.client.HTTPConnection, method: str, path: str, body: Body, headers: dict[str, str]
    ) -> None:
        try:
            connection.request(method, path, body or None, headers)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a request may close before it has read the body: its answer says why.
            if connection.sock is None:
                raise

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self.host, self.port, timeout=self._timeout(), context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=self._timeout())


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _error(said: dict[str, Any]) -> dict[str, Any]:
    error = said.get("error")
    return error if isinstance(error, dict) else said


def word_of(said: dict[str, Any]) -> str:
    error = _error(said)
    return str(said.get("word") or error.get("word") or error.get("code") or "")


def message_of(said: dict[str, Any], status: int) -> str:
    return str(_error(said).get("message") or said.get("detail") or f"status {status}")


def _answer(said: dict[str, Any], word: str, message: str, wait: float) -> Answer:
    facts = said if "next" in said else _error(said)
    have = facts.get("have")
    durable = facts.get("durable", False)
    return Answer(
        word=word,
        message=message,
        next=facts["next"] if isinstance(facts.get("next"), int) else -1,
        have=[n for n in have if isinstance(n, int)] if isinstance(have, list) else [],
        durable=durable if isinstance(durable, (int, bool)) else False,
        wait=wait,
        search=str(said.get("search") or ""),
    )


def _wait(header: str | None) -> float:
    """Retry-After in seconds (RFC 9110 §10.2.3); a date, which servers of ours never send, counts as 1."""
    if header is None:
        return 0.0
    return float(min(int(header), 3600)) if header.strip().isdigit() else 1.0
