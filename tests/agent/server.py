"""A server for the agent's tests: it speaks the upload protocol, keeps what it accepts, and can be told to misbehave.

It follows the rules of ingest: a number is accepted once, a window of numbers from `next`, holes for what was given
up. `mishaps` are taken one per chunk request, before anything is looked at.
"""

import hashlib
import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

WINDOW = 8
TOKEN = "secret-token"
READ = "secret-read-key"
SEARCH = "http://search.example/captures/"


class Server:
    """Use as a context; `url` is its address."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.captures: dict[str, dict[int, bytes]] = {}
        self.holes: dict[str, dict[int, str]] = {}
        self.ended: dict[str, int] = {}
        self.told_at_end: dict[str, dict[str, Any]] = {}
        self.next: dict[str, int] = {}
        self.requests: list[dict[str, str]] = []  # headers of chunk requests
        self.questions = 0
        self.mishaps: deque[str] = deque()
        self.processed = True  # False: `next` stands still, as when nobody parses
        self.program: Any = [[6, 0, 0, 262144]]
        self.busy = self.most_busy = 0
        self.keys = {"upload": TOKEN, "read": READ}
        self.old_keys: set[str] = set()  # revoked
        self.configuration: dict[str, Any] = {"revision": "", "capturing": False, "mode": "INTERFACE", "values": {}}
        self.statuses: list[dict[str, Any]] = []
        self.rotate: dict[str, str] | None = None
        self.unchanged = 0
        self.away = False  # connections are cut without an answer
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def chunk(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        """The answer to an upload: status, JSON, headers."""
        with self.lock:
            self.requests.append(headers)
            mishap = self.mishaps.popleft() if self.mishaps else ""
            if mishap.isdigit():
                return int(mishap), {"error": {"code": "told", "message": "told to"}}, {"Retry-After": "0"}
            if mishap in ("conflict", "ended"):
                return 409, {"error": {"code": mishap, "message": "told to", "word": mishap}}, {}
            if mishap in ("full", "later", "window"):
                status = 429 if mishap == "window" else 503
                return status, {"error": {"code": mishap, "message": "told to", "word": mishap}}, {"Retry-After": "0"}
            answer = self._accept(headers, body)
            if mishap == "lost":
                return 0, {}, {}
            if mishap == "torn":  # its head arrives, its body does not
                return answer[0], answer[1], {"Torn": "yes"}
            return answer

    def _accept(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any], dict[str, str]]:
        capture, number = headers["Spider-Capture"], int(headers["Spider-Chunk"])
        assert hashlib.sha256(body).hexdigest() == headers["Spider-Digest"]
        have = self.captures.setdefault(capture, {})
        holes = self.holes.setdefault(capture, {})
        if capture in self.ended and number > self.ended[capture]:
            return 409, {"error": {"code": "ended", "message": "over", "word": "ended"}}, {}
        if number >= self.next.get(capture, 0) + WINDOW:
            return 429, {"error": {"code": "window", "message": "ahead", "word": "window"}}, {"Retry-After": "0"}
        word = "late" if number in holes else "dup" if number in have else "ok"
        if word == "ok":
            have[number] = body
        elif word == "dup":
            assert have[number] == body
        self._give_up(capture, headers.get("Spider-Abandoned", ""))
        return 202, {"word": word, **self._far(capture)}, {}

    def status(self, capture: str, abandoned: str) -> tuple[int, dict[str, Any], dict[str, str]]:
        """The answer to a question: how far the capture is."""
        with self.lock:
            self.questions += 1
            if capture not in self.captures:
                return 404, {"error": {"code": "unknown", "message": "no such capture"}}, {}
            self._give_up(capture, abandoned)
            return 200, {"word": "ok", **self._far(capture)}, {}

    def _give_up(self, capture: str, abandoned: str) -> None:
        for part in filter(None, abandoned.split(",")):
            given_up, _, facts = part.partition("=")
            if int(given_up) not in self.captures[capture]:
                self.holes[capture].setdefault(int(given_up), facts)

    def _far(self, capture: str) -> dict[str, Any]:
        have, holes = self.captures[capture], self.holes[capture]
        durable = 0
        while durable in have or durable in holes:
            durable += 1
        if self.processed:
            self.next[capture] = durable
        after = self.next.get(capture, 0)
        return {"next": after, "have": sorted(n for n in {**have, **holes} if n >= after), "durable": durable}

    def final(self, capture: str, told: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        with self.lock:
            if capture not in self.captures:
                return 404, {"error": {"code": "unknown", "message": "no such capture"}}, {}
            self.ended[capture] = told["last"]
            self.told_at_end[capture] = told
            return 202, {"word": "done", "search": SEARCH + capture}, {}

    def configure(self, *, capturing: bool = True, mode: str = "INTERFACE", **values: Any) -> None:
        """What an agent is to do from its next poll on. `programs` and `problems` go beside the values."""
        with self.lock:
            beside = {name: values.pop(name) for name in ("programs", "problems") if name in values}
            values = {"poll_seconds": 1, "status_seconds": 1, **values}
            revision = hashlib.sha256(repr((capturing, mode, values, beside)).encode()).hexdigest()[:16]
            self.configuration = {
                "revision": revision, "capturing": capturing, "mode": mode, "values": values, **beside,
            }  # fmt: skip

    def said(self) -> dict[str, Any]:
        """The last status."""
        with self.lock:
            return self.statuses[-1] if self.statuses else {"state": "", "reason": "", "applied": "", "figures": {}}

    def only(self) -> dict[int, bytes]:
        """The chunks of the one capture there is."""
        ((_, chunks),) = self.captures.items()
        return chunks


class _Handler(BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.owner.away:
            self._send(0, {}, {})
        elif self.path == "/api/v1/agent/config/":
            self._configuration()
        elif self.path.startswith("/api/v1/filters/") and self._allowed():
            program = self.owner.program
            if isinstance(program, list):
                self._send(200, {"program": program}, {})
            else:
                self._send(*program, {})
        else:
            self._send(401, {"error": {"code": "token", "message": "unknown token"}}, {})

    def do_POST(self) -> None:
        owner = self.owner
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if owner.away:
            self._send(0, {}, {})
        elif self.path == "/api/v1/agent/status/":
            self._status(json.loads(body))
        elif not self._allowed():
            self._send(401, {"error": {"code": "token", "message": "unknown token"}}, {})
        elif self.path == "/api/v1/chunks/":
            with owner.lock:
                owner.busy += 1
                owner.most_busy = max(owner.most_busy, owner.busy)
            time.sleep(0.02)  # time for uploads to be seen side by side
            self._send(*owner.chunk(dict(self.headers), body))
            with owner.lock:
                owner.busy -= 1
        elif self.path.endswith("/status/"):
            told = json.loads(body)
            self._send(*owner.status(self.path.split("/")[-3], told["abandoned"]))
        elif self.path.endswith("/final/"):
            self._send(*owner.final(self.path.split("/")[-3], json.loads(body)))
        else:
            self._send(404, {"detail": "not found"}, {})

    def _configuration(self) -> None:
        owner = self.owner
        with owner.lock:
            told = owner.configuration
            etag = f'"{told["revision"]}"'
            if not self._allowed("read"):
                self._send(401, {"error": {"code": "revoked", "message": "The token was revoked."}}, {})
            elif self.headers["If-None-Match"] == etag:
                owner.unchanged += 1
                self._send(304, {}, {"ETag": etag})
            else:
                self._send(200, told, {"ETag": etag})

    def _status(self, told: dict[str, Any]) -> None:
        owner = self.owner
        with owner.lock:
            if not self._allowed("read"):
                self._send(401, {"error": {"code": "revoked", "message": "The token was revoked."}}, {})
                return
            owner.statuses.append(told)
            answer: dict[str, Any] = {"revision": owner.configuration["revision"]}
            if owner.rotate is not None:
                answer["rotate"] = owner.rotate
                owner.old_keys |= set(owner.keys.values())
                owner.keys = {"upload": owner.rotate["upload_key"], "read": owner.rotate["read_key"]}
                owner.rotate = None
            self._send(200, answer, {})

    def _allowed(self, kind: str = "upload") -> bool:
        return self.headers["Authorization"] == "Bearer " + self.owner.keys[kind]

    def _send(self, status: int, said: dict[str, Any], headers: dict[str, str]) -> None:
        if not status:
            self.close_connection = True  # the answer is lost
            return
        data = json.dumps(said).encode() if status != 304 else b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if "Torn" in headers:
            self.close_connection = True
            return
        self.wfile.write(data)
