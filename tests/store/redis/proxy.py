"""A TCP proxy that passes everything to the server but may swallow the next reply and hang up, as a broken net does."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """`url` is the server's address through the proxy. After `swallow()` the next reply is lost with its connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        login = parts.netloc.rpartition("@")[0]
        self.url = urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}"))
        self.connections = 0
        self._swallow = threading.Event()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        self._swallow.set()

    def close(self) -> None:
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, replies: bool) -> None:
        try:
            while data := source.recv(65536):
                if replies and self._swallow.is_set():
                    self._swallow.clear()
                    _drain(source)
                    break
                target.sendall(data)
        except OSError:
            pass  # either end hung up, which ends this direction
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already


def _drain(source: socket.socket) -> None:
    """Take what comes until it is quiet: a reply may come in pieces, while its request is still on its way."""
    source.settimeout(0.3)
    with suppress(TimeoutError):
        while source.recv(65536):
            continue
