"""Documents as rows of PostgreSQL's binary COPY: typed columns, then the document as it came.

Each document is read once. A value that does not fit its column fails its own document with a reason; what only the
server can judge (U+0000 in a string) fails the COPY and is found by halving. Rows are built as bytes here because
psycopg's own adaptation of 25 values costs more than everything else in the process.
"""

import socket
import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import orjson

from documents.fields import Field
from store.documents.times import to_nanoseconds

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_NULL = b"\xff\xff\xff\xff"
_COUNT = struct.Struct("!h")
_LENGTH = struct.Struct("!i")
_JSONB = struct.Struct("!ib")  # length, then the format's version, 1
_DOUBLE = struct.Struct("!id")

Encoder = Callable[[Any], bytes]


def _text(value: Any) -> bytes:
    if type(value) is not str:
        raise TypeError("is no text")
    data = value.encode()
    return _LENGTH.pack(len(data)) + data


_cached_text = lru_cache(maxsize=16_384)(_text)


def _integer(size: int) -> Encoder:
    form = struct.Struct("!i" + {2: "h", 4: "i", 8: "q"}[size])

    def encode(value: Any) -> bytes:
        if type(value) is not int:
            raise TypeError("is no whole number")
        try:
            return form.pack(size, value)
        except struct.error as error:
            raise ValueError(f"{value} does not fit {size} bytes") from error

    return encode


def _double(value: Any) -> bytes:
    if type(value) not in (int, float):
        raise TypeError("is no number")
    return _DOUBLE.pack(8, value)


def _boolean(value: Any) -> bytes:
    if type(value) is not bool:
        raise TypeError("is neither true nor false")
    return b"\0\0\0\1\1" if value else b"\0\0\0\1\0"


def _time(value: Any) -> bytes:
    if type(value) is not str:
        raise TypeError("is no time")
    return _BIGINT(to_nanoseconds(value))


@lru_cache(maxsize=65_536)
def _address(value: Any) -> bytes:
    """An inet on the wire: family (2, and 3 for IPv6), prefix length, "is a network", bytes, address."""
    if type(value) is not str:
        raise TypeError("is no IP address")
    try:
        if ":" in value:
            return struct.pack("!iBBBB", 20, 3, 128, 0, 16) + socket.inet_pton(socket.AF_INET6, value)
        return struct.pack("!iBBBB", 8, 2, 32, 0, 4) + socket.inet_pton(socket.AF_INET, value)
    except OSError as error:
        raise ValueError(f"{value[:60]!r} is no IP address") from error


def _json(value: Any) -> bytes:
    data = orjson.dumps(value)
    return _JSONB.pack(len(data) + 1, 1) + data


_BIGINT = _integer(8)
_ENCODERS: dict[str, Encoder] = {
    "smallint": _integer(2),
    "integer": _integer(4),
    "bigint": _BIGINT,
    "double precision": _double,
    "boolean": _boolean,
    "inet": _address,
    "jsonb": _json,
}


class RowEncoder:
    """Makes the rows of a resource's documents. `names` are the columns in the order of a row."""

    def __init__(self, fields: Iterable[Field]) -> None:
        groups: dict[tuple[str, ...], list[tuple[str, str, Encoder]]] = {}
        names: dict[tuple[str, ...], list[str]] = {}
        for field in fields:
            if field.name not in ("id", "version"):
                parents = field.path[:-1]
                groups.setdefault(parents, []).append((field.path[-1], field.name, _encoder(field)))
                names.setdefault(parents, []).append(field.column_name)
        # Fields with the same parent are read together, so each object on the way is looked up once.
        self._groups = list(groups.items())
        self.names = ["id", "version", *[name for group in names.values() for name in group], "doc"]
        self._count = _COUNT.pack(len(self.names))

    def encode(self, id: str, version: int, line: bytes) -> bytes:
        """The row; ValueError says what in the document does not fit, and where."""
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"the document is not JSON: {error}") from error
        if type(document) is not dict:
            raise ValueError("the document is no JSON object")
        parts = [self._count, _text(id), _BIGINT(version)]
        for parents, group in self._groups:
            place: dict[str, Any] = document
            for step in parents:
                inner = place.get(step)
                place = inner if type(inner) is dict else _NOTHING
            for key, name, encode in group:
                value = place.get(key)
                try:
                    parts.append(_NULL if value is None else encode(value))
                except (TypeError, ValueError) as error:
                    raise ValueError(f"{name}: {error}") from error
        parts.append(_JSONB.pack(len(line) + 1, 1))
        parts.append(line)
        return b"".join(parts)


def _encoder(field: Field) -> Encoder:
    if field.type == "date":
        return _time
    if field.column == "text":
        return _text if field.name in _DISTINCT else _cached_text
    return _ENCODERS[field.column or ""]


#: Texts that seldom come twice: looking them up would cost more than it saves.
_DISTINCT = frozenset({"id", "tcpSession", "req.path", "documentId"})
_NOTHING: dict[str, Any] = {}
