"""Where a page of hits ended: sort, sort value and id of the last hit, and the total that the first page counted.

It holds all that the next page needs, so a link to a page works for as long as its documents, whatever the server has
forgotten meanwhile. With Elasticsearch it also names the point in time that the pages before were read at, as long as
there is one. Text from outside: whatever does not read as one is BadCursor.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from ipaddress import ip_address

import orjson

from documents.fields import Field
from store.documents.base import BadCursor

Value = str | int | float | None

#: Bits of the whole numbers that a sort value may be.
_BITS = {"short": 15, "integer": 31, "long": 63, "date": 63}


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last hit's place in the order, and the total of the search."""

    sort: str
    value: Value
    id: str
    total: int
    at_least: bool
    point: str = ""


def encode(cursor: Cursor) -> str:
    """The opaque text that `after` takes."""
    fields: list[Value] = [cursor.sort, cursor.value, cursor.id, cursor.total, cursor.at_least]
    if cursor.point:
        fields.append(cursor.point)
    return urlsafe_b64encode(orjson.dumps(fields)).rstrip(b"=").decode()


def decode(text: str, sort: str) -> Cursor:
    """Read an `after` of a search sorted by `sort`."""
    try:
        fields = orjson.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise BadCursor("the cursor is damaged") from error
    if not (isinstance(fields, list) and len(fields) in (5, 6) and fields[0] == sort):
        raise BadCursor("the cursor belongs to another search")
    _, value, id, total, at_least, *rest = fields
    point = rest[0] if rest else ""
    sound = isinstance(value, str | int | float | None) and isinstance(id, str) and "\0" not in id
    if not (sound and isinstance(total, int) and isinstance(at_least, bool) and isinstance(point, str)):
        raise BadCursor("the cursor is damaged")
    return Cursor(sort, value, id, total, at_least, point)


def fits(value: Value, field: Field) -> bool:
    """Whether a hit may have this value in a field that it was sorted by, dates as nanoseconds."""
    if value is None:
        return True
    if field.type in _BITS:
        limit = 1 << _BITS[field.type]
        return type(value) is int and -limit <= value < limit
    if field.type == "double":
        return type(value) is float or (type(value) is int and abs(value) < 1 << 63)
    if field.type == "boolean":
        return type(value) is bool
    if not isinstance(value, str) or "\0" in value:
        return False
    return field.type != "ip" or _is_address(value)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # a zone is nothing that a column holds
