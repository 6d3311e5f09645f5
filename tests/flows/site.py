"""A signed-in person's HTTP client for the real site: each call is a connection of its own, for tests to break."""

import base64
import http.client
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User

from apps.captures.models import Upload
from apps.whisperers.models import Whisperer
from tests.apps.conftest import client_of
from tests.flows import expect
from tests.flows.pump import Pump

CSRF = "a" * 32
BYTES = "application/offset+octet-stream"
DATA = expect.traffic()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


class Site:
    """The tus protocol spoken by hand, so that it can be spoken wrongly."""

    def __init__(self, url: str, user: User) -> None:
        self.address = urlsplit(url).netloc
        session = client_of(user).cookies[settings.SESSION_COOKIE_NAME].value
        self.headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={CSRF}",
            "X-CSRFToken": CSRF,
            "Tus-Resumable": "1.0.0",
        }

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str | None) -> Answer:
        """One request; header names with _ for -, None leaves one out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in (self.headers | named).items() if value is not None}
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def create(self, whisperer: Any, size: int, body: bytes | None = None, **more: str) -> Answer:
        """Begin an upload; `more` goes into its metadata."""
        said = metadata(whisperer=str(whisperer.pk), **({"filename": "a.pcap"} | more))
        kind = {"Content_Type": BYTES} if body is not None else {}
        return self.call("POST", "/api/v1/uploads/", body, Upload_Length=str(size), Upload_Metadata=said, **kind)

    def append(self, path: str, offset: int, body: bytes, **headers: str | None) -> Answer:
        wanted: dict[str, str | None] = {"Content_Type": BYTES, "Upload_Offset": str(offset)}
        return self.call("PATCH", path, body, **(wanted | headers))

    def cut(self, path: str, offset: int, size: int, body: bytes) -> None:
        """Announce `size` bytes, send these, and vanish."""
        lines = [f"PATCH {path} HTTP/1.1", f"Host: {self.address}", f"Content-Length: {size}", f"Content-Type: {BYTES}"]
        lines += [f"Upload-Offset: {offset}", *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall("\r\n".join(lines).encode() + body)

    def files(self, whisperer: Any) -> list[dict[str, Any]]:
        """What the list says."""
        files: list[dict[str, Any]] = self.call("GET", f"/api/v1/uploads/?whisperer={whisperer.pk}").json["files"]
        return files


def metadata(**said: str) -> str:
    """Names and base64 values."""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())


def begin(site: Site, sandbox: Whisperer, size: int = len(DATA), **more: str) -> str:
    """The address of a new upload."""
    answer = site.create(sandbox, size, **more)
    assert answer.status == 201, answer.body
    return str(answer.headers["Location"])


def send(site: Site, sandbox: Whisperer, data: bytes, **more: str) -> Upload:
    """A file, whole in one request."""
    answer = site.create(sandbox, len(data), data, **more)
    assert answer.status == 201, answer.body
    return Upload.objects.get(pk=str(answer.headers["Location"]).split("/")[-2])


def finish(run: Pump, upload: Upload) -> Upload:
    """Let the workers read a file to its end."""
    run.work()
    upload.refresh_from_db()
    if upload.state == "reading":
        run.capture = upload.capture_id
        run.finish()
        upload.refresh_from_db()
    return upload


def until(done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 10
    while not (value := done()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def refused(answer: Answer, status: int, words: str) -> None:
    assert answer.status == status, answer.body
    assert words in answer.error["message"]
