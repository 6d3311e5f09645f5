"""Protocol buffers without their schema: field numbers, wire types and values as far as the bytes tell.

A length-delimited field is a message where its bytes read as one to their end, else text, else bytes. gRPC puts five
bytes before each message (flag, length); gRPC-Web ends with a frame of trailers. Bounded in nodes and depth.
"""

import binascii
import struct
from base64 import b64decode
from dataclasses import dataclass, field

from apps.httpcomms.bodyviews.limits import MAX_NODES

_MAX_DEPTH = 12
_MAX_BYTES = 64
_MAX_TEXT = 500
_MAX_DATA = 1 << 20
_TYPES = frozenset(
    f"application/{name}" for name in ("protobuf", "x-protobuf", "vnd.google.protobuf", "x-google-protobuf")
)
_COMPRESSED, _TRAILERS = 1, 0x80


@dataclass(slots=True)
class Node:
    """A field: its number, how it was written, what it may mean, and the fields inside."""

    label: str
    kind: str
    value: str
    inside: "list[Node]" = field(default_factory=list)


class _NoMessage(Exception):
    """The bytes are no message."""


def is_protobuf(media: str) -> bool:
    """Whether a media type says that protocol buffers are inside."""
    return media.startswith("application/grpc") or media in _TYPES


def protobuf(data: bytes, media: str) -> list[Node] | None:
    """The fields of a body; None when it does not read as what its type says."""
    reader = _Reader()
    data = data[:_MAX_DATA]
    try:
        if media.startswith("application/grpc"):
            return reader.frames(_unwrapped(data) if media.startswith("application/grpc-web-text") else data)
        return reader.message(data, 0)
    except _NoMessage:
        return None


def _unwrapped(data: bytes) -> bytes:
    try:
        return b64decode(data)
    except (binascii.Error, ValueError):
        raise _NoMessage from None


class _Reader:
    def __init__(self) -> None:
        self.left = 4 * MAX_NODES

    def frames(self, data: bytes) -> list[Node]:
        found, at = [], 0
        while at < len(data):
            self._count()
            if at + 5 > len(data):
                raise _NoMessage
            flag, length = data[at], int.from_bytes(data[at + 1 : at + 5], "big")
            content = data[at + 5 : at + 5 + length]
            cut = "" if len(content) == length else f", {length - len(content)} bytes are missing"
            at += 5 + length
            node = Node("trailers" if flag & _TRAILERS else "message", f"{length} bytes{cut}", "")
            if flag & _TRAILERS:
                node.value = content[:_MAX_TEXT].decode("utf-8", "replace").strip()
            elif flag & _COMPRESSED:
                node.value = "compressed, as grpc-encoding says"
            else:
                try:
                    node.inside = self.message(content, 0)
                except _NoMessage:
                    node.value = _hex(content)
            found.append(node)
        return found

    def message(self, data: bytes, depth: int) -> list[Node]:
        found, at = [], 0
        while at < len(data):
            self._count()
            tag, at = _varint(data, at)
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise _NoMessage
            node, at = self._field(data, at, wire, depth)
            node.label = str(number)
            found.append(node)
        return found

    def _field(self, data: bytes, at: int, wire: int, depth: int) -> tuple[Node, int]:
        if wire == 0:
            value, at = _varint(data, at)
            return Node("", "varint", _number(value)), at
        if wire in (1, 5):
            size, kind = (8, "<d") if wire == 1 else (4, "<f")
            raw = data[at : at + size]
            if len(raw) < size:
                raise _NoMessage
            value = int.from_bytes(raw, "little")
            return Node("", f"{size * 8} bit", f"{struct.unpack(kind, raw)[0]:.6g} or {value}"), at + size
        if wire != 2:
            raise _NoMessage  # groups (3, 4) went out of use before HTTP carried any
        length, at = _varint(data, at)
        content = data[at : at + length]
        if len(content) < length:
            raise _NoMessage
        return self._content(content, depth), at + length

    def _content(self, content: bytes, depth: int) -> Node:
        text = _text(content)
        # A line feed is the tag of a first field that is a message or text: then the bytes are rather that than text.
        if depth < _MAX_DEPTH and content and (text is None or content[:1] == b"\n"):
            try:
                return Node("", f"{len(content)} bytes", "", self.message(content, depth + 1))
            except _NoMessage:
                pass  # what was tried stays counted: trying is the work that is bounded
        if text is not None:
            return Node("", "text", text)
        return Node("", f"{len(content)} bytes", _hex(content))

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _NoMessage


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _NoMessage
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise _NoMessage


def _number(value: int) -> str:
    """As it is, and as what it may be besides: a negative number or a zigzag one."""
    if value >= 1 << 63:
        return f"{value} or {value - (1 << 64)}"
    return str(value)


def _text(content: bytes) -> str | None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if any(ord(char) < 32 and char not in "\t\r\n" for char in text):
        return None
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _hex(content: bytes) -> str:
    return content[:_MAX_BYTES].hex(" ") + (" …" if len(content) > _MAX_BYTES else "")
