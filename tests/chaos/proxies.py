"""What stands between two parts of the product and can be made to fail: a wire, and an HTTP server.

`Gate` passes bytes, or lets them vanish as a broken network does: nobody is told. `Trouble` stands before a real
Elasticsearch and is slow for it, refuses for it, or keeps single documents of a bulk request back and answers in the
server's words that they were refused.
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

_PIECE = 256 << 10

#: Gives the answer's item for a document that is refused, None for one that is passed on: action line, document.
Refuse = Callable[[bytes, bytes], dict[str, Any] | None]


class Gate:
    """A TCP proxy on a port of its own; `url` is where it stands."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open = threading.Event()
        self._open.set()
        self._over = False
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._open.clear()

    def heal(self) -> None:
        """Pass again; connections that saw the cut are gone, as after any long one."""
        with self._lock:
            seen, self._sockets = self._sockets, set()
        for one in seen:
            _hang_up(one)
        self._open.set()

    def close(self) -> None:
        self._over = True
        _hang_up(self._listener)
        self._listener.close()
        self.heal()

    def _accept(self) -> None:
        while not self._over:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with self._lock:
            self._sockets.add(client)
        self._open.wait()
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        with self._lock:
            self._sockets.add(server)
        back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
        back.start()
        self._pass(client, server)
        back.join()
        with self._lock:
            self._sockets -= {client, server}
        client.close()
        server.close()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(_PIECE):
                self._open.wait()
                target.sendall(data)
        except OSError:
            pass  # either end hung up, which ends this direction
        _hang_up(source)
        _hang_up(target)


def _hang_up(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it was closed already


class Trouble:
    """An HTTP proxy before an Elasticsearch; what it does is set while it runs."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.delay = 0.0  # seconds before each answer
        self.status = 0  # answered instead of asking the server
        self.refuse: Refuse | None = None
        self.troubled = 0  # requests or documents that met trouble
        proxy = self

        class Handler(_Handler):
            trouble = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def heal(self) -> None:
        """Only pass from now on."""
        self.delay, self.status, self.refuse = 0.0, 0, None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    trouble: Trouble

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = self.trouble
        if trouble.status:
            trouble.troubled += 1
            self._answer(trouble.status, "application/json", _refusal(trouble.status))
            return
        if trouble.delay:
            trouble.troubled += 1
            time.sleep(trouble.delay)
        refuse = trouble.refuse
        try:
            if refuse is not None and self.path.startswith("/_bulk"):
                self._answer(200, "application/json", self._bulk(body, refuse))
                return
            status, kind, answer = self._ask(body)
        except OSError:  # the server is away, and so are we
            self.close_connection = True
            return
        self._answer(status, kind, answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

    def _ask(self, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.trouble.port, timeout=120)
        try:
            dropped = {"host", "content-length", "connection", "accept-encoding"}
            headers = {name: value for name, value in self.headers.items() if name.lower() not in dropped}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type") or "application/json", answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def _bulk(self, body: bytes, refuse: Refuse) -> bytes:
        """Pass on what is not refused, and put the refusals in their places in the answer."""
        lines = body.split(b"\n")
        pairs = list(zip(lines[:-1:2], lines[1::2], strict=True))
        refused = [refuse(action, document) for action, document in pairs]
        kept = b"".join(
            b"%b\n%b\n" % pair for pair, one in zip(pairs, refused, strict=True) if one is None
        )  # fmt: skip
        items: list[Any] = []
        errors = False
        if kept:
            _, _, said = self._ask(kept)
            answer = orjson.loads(said)
            items, errors = answer["items"], answer["errors"]
        rest = iter(items)
        together = [next(rest) if one is None else {"index": one} for one in refused]
        count = len(refused) - len(items)
        self.trouble.troubled += count
        return orjson.dumps({"errors": bool(errors or count), "items": together})

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _refusal(status: int) -> bytes:
    cause = {"type": "es_rejected_execution_exception", "reason": "the queue is full"}
    return orjson.dumps({"error": {"root_cause": [cause], **cause}, "status": status})
