"""curl of a communication: bash reads it back as what was meant, and what curl sends is what the client had sent."""

import re
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.httpcomms.curl import ARGUMENT_BYTES, BODY_BYTES, MASKED_NOTE, NO_REQUEST, curl, shell_quoted
from documents import build
from tests.documents.examples import CONTEXT, communication, request, response
from wire.events import Message


def document(message: Message | None, **changes: Any) -> dict[str, Any]:
    made = orjson.loads(build.httpcomm(communication(message, response()), CONTEXT).body)
    if message is not None:
        made["req"] |= changes
    return made


class Server:
    """Keeps what it is sent: one request a connection, told by Content-Length or chunks."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.heard: list[bytes] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                head = b"".join(iter(stream.readline, b"\r\n"))
                length = re.search(rb"(?im)^content-length: (\d+)", head)
                self.heard.append(head + b"\r\n" + (stream.read(int(length[1])) if length else b""))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def close(self) -> None:
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def run(command: str, server: Server) -> tuple[str, dict[str, list[str]], bytes]:
    """What the server is sent by the command: the first line, the fields by name, the body."""
    wrapped = f'curl() {{ command curl -q -sS --max-time 20 --connect-to ::127.0.0.1:{server.port} "$@"; }}\n'
    done = subprocess.run(["bash"], input=(wrapped + command).encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    head, _, body = server.heard.pop().partition(b"\r\n\r\n")
    first, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    fields: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())
    return first, fields, body


def test_a_get_is_sent_as_it_was(server: Server) -> None:
    headers = {"host": ["API.shop.example"], "x-two": ["1", "2"], "x-empty": [""], "accept": ["*/*"]}
    first, fields, body = run(curl(document(request("/a/../b?x=[1]&y={2}&z=%27", headers=headers)), None), server)
    assert first == "GET /a/../b?x=[1]&y={2}&z=%27 HTTP/1.1"
    assert fields == headers | {"host": ["api.shop.example"]}  # its case says nothing
    assert body == b""


def test_a_body_is_sent_to_the_byte(server: Server) -> None:
    headers = {"host": ["h"], "content-type": ["application/json"], "content-length": ["5"]}
    large = b"x" * (ARGUMENT_BYTES + 1)
    for data in (b"{'a': \"!x\"}\n", b"@/etc/passwd", bytes(range(256)), "é\x1b[2J".encode(), large):
        first, fields, body = run(curl(document(request("/", "POST", headers, data)), data), server)
        assert (first, body) == ("POST / HTTP/1.1", data)
        assert fields["content-type"] == ["application/json"]
        assert fields["content-length"] == [str(len(data))]
        assert "user-agent" not in fields


def test_other_methods_and_empty_bodies(server: Server) -> None:
    assert run(curl(document(request("/", "POST")), None), server)[1]["content-length"] == ["0"]
    assert "content-type" not in run(curl(document(request("/", "PUT", body=b"x")), b"x"), server)[1]
    assert run(curl(document(request("/", "HEAD")), None), server)[0] == "HEAD / HTTP/1.1"
    assert run(curl(document(request("*", "OPTIONS")), None), server)[0] == "OPTIONS * HTTP/1.1"
    assert run(curl(document(request("/", "GET", body=b"q")), b"q"), server)[0] == "GET / HTTP/1.1"
    assert run(curl(document(request("/", version="1.0")), None), server)[0] == "GET / HTTP/1.0"
    first, _, _ = run(curl(document(request("proxy.example:443", "CONNECT")), None), server)
    assert first == "CONNECT proxy.example:443 HTTP/1.1"


def test_a_body_that_was_coded_is_sent_decoded_without_the_coding(server: Server) -> None:
    headers = {"host": ["h"], "content-encoding": ["gzip"]}
    made = document(request("/", "POST", headers, b"12"))
    made["req"]["body"]["encoding"] = ["gzip"]
    _, fields, body = run(curl(made, b"decoded"), server)
    assert body == b"decoded"
    assert "content-encoding" not in fields


def test_what_is_masked_stays_masked_and_is_said() -> None:
    command = curl(document(request("/?token=abc", headers={"host": ["h"], "authorization": ["Bearer s3cret"]})), None)
    assert command.startswith(MASKED_NOTE)
    assert "s3cret" not in command
    assert "abc" not in command
    assert MASKED_NOTE not in curl(document(request("/")), None)


def test_what_cannot_be_sent_is_said() -> None:
    assert curl(document(None), None) == NO_REQUEST
    large = b"x" * (BODY_BYTES + 1)
    assert "too large" in curl(document(request("/", "POST", body=large)), large)
    assert "(2 bytes) is not kept" in curl(document(request("/", "POST", body=b"ab")), None)
    assert "no body with HEAD" in curl(document(request("/", "HEAD", body=b"ab")), b"ab")
    odd = curl(document(request("/", headers={"host": ["h"], "@/etc/passwd": ["x"]})), None)
    assert "1 header fields have names" in odd
    assert "passwd" not in odd


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x", "dict://h:11/d:x"])
def test_only_http_is_asked_for(target: str) -> None:
    assert re.match(r"curl '?http://", curl(document(request(target)), None))


def test_a_hostile_host_is_no_part_of_the_address(server: Server) -> None:
    for host in ("evil/../x", "a b", "u:p@h", "h';touch x;'", "$(id)"):
        _, fields, _ = run(curl(document(request("/p", headers={"host": [host]})), None), server)
        assert fields["host"] == [host]


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=60)
def test_bash_reads_a_quoted_text_as_that_text(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    said = subprocess.run(["bash", "-c", f"printf %s {shell_quoted(text)}"], capture_output=True, check=True).stdout
    assert said.decode() == text.replace("\0", "")


@given(st.text(max_size=300))
@settings(deadline=None)
def test_a_quoted_text_holds_nothing_that_a_terminal_acts_on(text: str) -> None:
    assert shell_quoted(text).isprintable()


@given(
    value=st.text(st.characters(exclude_categories=("Cs",)), max_size=80),
    path=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace")),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_request_is_one_command_and_nothing_else(server: Server, value: str, path: str, body: bytes) -> None:
    made = document(request("/", "POST", {"host": ["h.example"]}, body or b"x"))
    made["req"] |= {"path": "/" + path, "uri": f"http://h.example/{path}"}
    made["req"]["headers"]["x-any"] = [value]
    first, fields, sent = run(curl(made, body or b"x"), server)
    assert sent == (body or b"x")
    assert first.startswith("POST /")
    assert first.endswith(" HTTP/1.1")
    said = re.sub(r"[\r\n\0]", " ", value).strip()
    assert fields["x-any"][0] == said.strip(" \t") or not said
    assert set(fields) <= {"host", "x-any", "content-length"}


def test_binary_goes_through_a_pipe() -> None:
    command = curl(document(request("/", "POST", body=b"\0")), b"\0")
    assert command.startswith(f"printf %s {b64encode(bytes(1)).decode()} | base64 -d | curl ")
