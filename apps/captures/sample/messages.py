"""HTTP/1 messages in bytes: a start line, header fields, and a body with whatever framing and coding is asked for."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

import brotli
import zstandard

Fields = Sequence[tuple[str, str]]


def _deflate(data: bytes) -> bytes:
    return zlib.compress(data, 6)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 6, mtime=0),
    "deflate": _deflate,
    "br": lambda data: brotli.compress(data, quality=4),
    "zstd": lambda data: zstandard.ZstdCompressor(level=3).compress(data),
    "identity": lambda data: data,
}


def request(
    method: str,
    target: str,
    fields: Fields = (),
    body: bytes | None = None,
    *,
    host: str = "shop.example",
    version: str = "1.1",
    chunked: bool = False,
    coding: str = "",
) -> bytes:
    """A request; `body` None has no body and no framing field."""
    first = f"{method} {target} HTTP/{version}"
    return message(first, [("Host", host), *fields], body, chunked=chunked, coding=coding)


def response(
    status: int,
    fields: Fields = (),
    body: bytes | None = b"",
    *,
    reason: str | None = None,
    version: str = "1.1",
    chunked: bool = False,
    coding: str = "",
) -> bytes:
    """A response; `body` None has neither body nor framing field (HEAD, 204, 304, or until the connection closes)."""
    phrase = HTTPStatus(status).phrase if reason is None else reason
    return message(f"HTTP/{version} {status} {phrase}", fields, body, chunked=chunked, coding=coding)


def message(first: str, fields: Fields, body: bytes | None, *, chunked: bool = False, coding: str = "") -> bytes:
    """Start line, fields and body; codings are applied in the order given ("gzip, br" is gzip inside br)."""
    fields = list(fields)
    if body is not None and coding:
        for name in coding.split(","):
            body = CODINGS[name.strip()](body)
        fields.append(("Content-Encoding", coding))
    if body is not None:
        fields.append(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body))))
    head = first + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    if body is None:
        return head.encode("latin-1")
    return head.encode("latin-1") + (
        chunks([body[i : i + 1000] for i in range(0, len(body), 1000)]) if chunked else body
    )


def chunks(pieces: Iterable[bytes], trailers: Fields = (), extension: str = "") -> bytes:
    """A body in chunked transfer coding (RFC 9112 §7.1); `extension` is put behind every size."""
    parts = [f"{len(piece):x}{extension}\r\n".encode() + piece + b"\r\n" for piece in pieces if piece]
    end = "0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in trailers) + "\r\n"
    return b"".join(parts) + end.encode("latin-1")
