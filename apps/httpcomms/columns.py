"""Columns of the grid: which there are, and how an address names some of them. Pure.

A column is a field of the field table, a key of a field with keys of its own (`req.headers.x-trace`), or one of a few
that put fields together, as the usual grid does. A text names columns with commas between, each with its width in
pixels where it was resized: `date,req.method~80,path`. The same text stands in the address and is kept as a preference.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final
from urllib.parse import unquote

from apps.core.errors import ApplicationError
from documents.fields import Field, fields, find, suggest

RESOURCE = "httpcomms"
#: More columns than this cannot be read, and every one of them is written into every row.
MAX_COLUMNS: Final = 40
#: A header's name is rarely longer; the address has to hold all of them.
MAX_NAME: Final = 128
MIN_WIDTH, MAX_WIDTH = 40, 1200
#: The column without a width of its own, which takes what the others leave.
FLEXIBLE: Final = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the address, its head, how its cells look, and what orders it.

    `width` is in pixels, FLEXIBLE for what is left. `narrow` is the width on a phone. `keep` says how long it stays
    when the window gets narrow: columns with less fold away first.
    """

    name: str
    words: str
    kind: str
    description: str
    sort: str = ""  # the field that orders it; empty where nothing can
    unsortable: str = ""  # why nothing can
    width: int = 120
    narrow: int = 0
    keep: int = 70
    resized: bool = False

    @property
    def grows(self) -> bool:
        """Whether it has a use for more room than its width."""
        return self.kind in ("path", "text", "list", "long", "ends", "who")

    @property
    def text(self) -> str:
        """As an address names it."""
        name = self.name.replace("%", "%25").replace(",", "%2C").replace("~", "%7E")
        return f"{name}~{self.width}" if self.resized else name


#: Columns that put fields together. Their names are none of the field table's.
_TOGETHER: Final = (
    Column("path", "Path", "path", "Path and query of the request, with a mark where the traffic was odd.",
           sort="req.path", width=FLEXIBLE, narrow=FLEXIBLE, keep=90),
    Column("ends", "Client → server", "ends", "Who asked whom, by name.", sort="stats.dst.name", width=152, keep=60),
    Column("size", "Size", "whole", "Bytes of the response on the wire, of the request where there is no response.",
           unsortable="It puts two fields together.", width=62, keep=45),
)

#: What the grid shows to whoever chose nothing.
USUAL: Final = (
    "date", "req.method", "stats.statusCode", "req.host", "path", "ends", "stats.src.identification", "stats.duration",
    "size",
)  # fmt: skip

#: Heads that are shorter than a field's name, with their width, width on a phone, and `keep`.
_HEADS: Final[Mapping[str, tuple[str, int, int, int]]] = {
    "date": ("Time", 102, 88, 100),
    "req.method": ("Method", 62, 52, 85),
    "stats.statusCode": ("Status", 62, 52, 95),
    "req.host": ("Host", 112, 0, 30),
    "stats.src.identification": ("Identification", 96, 0, 50),
    "stats.duration": ("Duration", 106, 62, 80),
    "req.date": ("Asked", 102, 0, 70),
    "res.date": ("Answered", 102, 0, 70),
    "req.path": ("Path without query", 200, 0, 70),
    "req.template": ("Template", 120, 0, 70),
    "stats.src.origin": ("Origin", 112, 0, 70),
    "stats.src.name": ("Client", 104, 0, 70),
    "stats.dst.name": ("Server", 104, 0, 70),
    "stats.src.ip": ("Client address", 112, 0, 70),
    "stats.dst.ip": ("Server address", 112, 0, 70),
    "req.httpVersion": ("HTTP version", 88, 0, 70),
    "res.httpVersion": ("Response HTTP version", 100, 0, 70),
    "stats.correlation": ("Correlation", 160, 0, 70),
    "stats.statusClass": ("Class", 62, 0, 70),
    "stats.timings.send": ("Sending", 80, 0, 70),
    "stats.timings.wait": ("Waiting", 80, 0, 70),
    "stats.timings.receive": ("Receiving", 80, 0, 70),
    "parsing.status": ("Parsing", 104, 0, 70),
    "parsing.anomalies": ("Anomalies", 140, 0, 70),
    "whisperer": ("Whisperer", 110, 0, 70),
    "res.location": ("Location", 200, 0, 70),
    "res.reason": ("Reason", 110, 0, 70),
    "req.size": ("Request size", 84, 0, 70),
    "res.size": ("Response size", 92, 0, 70),
    "req.query": ("Query", 160, 0, 70),
    "req.uri": ("URI", 260, 0, 70),
    "tcpSession": ("TCP session", 160, 0, 70),
    "id": ("Id", 180, 0, 70),
}
#: How a field's head begins, by how its name does; the first that fits.
_SIDES: Final = (
    ("req.authorization.", "Authorization"),
    ("req.", "Request"),
    ("res.", "Response"),
    ("stats.src.", "Client"),
    ("stats.dst.", "Server"),
    ("stats.", ""),
)
_WORDS: Final = re.compile(r"[a-z0-9]+|[A-Z][a-z0-9]*")
_WIDTHS: Final = {"date": 102, "number": 80, "size": 84, "duration": 80, "flag": 70, "list": 140, "address": 112,
                  "text": 120, "long": 220}  # fmt: skip
#: Fields whose values are long as a rule.
_LONG: Final = frozenset({"req.body.text", "res.body.text", "req.body.sha256", "res.body.sha256"})


def column(name: str) -> Column | None:
    """The column of that name, None where there is none."""
    return _known().get(name) or _keyed(name)


@cache
def _known() -> dict[str, Column]:
    """Every column with a name of its own, those put together first."""
    plain = {field.name: _of_field(field) for field in fields(RESOURCE).values() if field.type != "flattened"}
    return {one.name: one for one in _TOGETHER} | plain


def known() -> Iterable[Column]:
    """Every column with a name of its own; those of keys are more than can be listed."""
    return _known().values()


def keyed_fields() -> list[Field]:
    """The fields whose keys are columns."""
    return [field for field in fields(RESOURCE).values() if field.type == "flattened"]


def _keyed(name: str) -> Column | None:
    found = find(RESOURCE, name)
    if found is None or found[1] is None:
        return None
    field, key = found
    why = "Values under keys are not kept in an order."
    return Column(f"{field.name}.{key}", key, "list", field.description, width=140, unsortable=why)


def _of_field(field: Field) -> Column:
    kind = _kind(field)
    head, width, narrow, keep = _HEADS.get(field.name, (_head(field.name), _WIDTHS.get(kind, 120), 0, 70))
    return Column(
        field.name,
        head,
        kind,
        field.description,
        sort=field.name if field.sortable else "",
        unsortable="" if field.sortable else _why_not(field),
        width=width,
        narrow=narrow,
        keep=keep,
    )


def _head(name: str) -> str:
    """A field's name as words: res.body.decodedSize is "Response body decoded size"."""
    start, side = next(((start, side) for start, side in _SIDES if name.startswith(start)), ("", ""))
    said = [word.lower() for word in _WORDS.findall(name[len(start) :])]
    head = " ".join([side, *said] if side else said).replace("sha256", "SHA-256")
    return head[:1].upper() + head[1:]


_OWN_KIND: Final = {
    "date": "time", "req.method": "method", "stats.statusCode": "status", "res.status": "status",
    "stats.duration": "bar", "whisperer": "whisperer", "parsing.status": "parsing", "parsing.anomalies": "anomalies",
    "stats.src.identification": "who", "stats.statusClass": "status",
}  # fmt: skip


def _kind(field: Field) -> str:
    """How a field's cells look."""
    if field.name in _OWN_KIND:
        return _OWN_KIND[field.name]
    if field.many:
        return "list"
    if field.unit:
        return "duration" if field.unit == "ms" else "size"
    if field.name in _LONG:
        return "long"
    kinds = {"date": "date", "boolean": "flag", "ip": "address"}
    return kinds.get(field.type, "number" if field.type in ("long", "integer", "short", "double") else "text")


def _why_not(field: Field) -> str:
    if field.many:
        return "A communication has several of these: there is no one value to sort by."
    if field.type == "text":
        return "Text is kept to be searched, not in an order."
    return "The store keeps no column of it, which sorting needs."


@cache
def usual() -> tuple[Column, ...]:
    """The columns of whoever chose nothing."""
    return tuple(_known()[name] for name in USUAL)


def read(text: str) -> tuple[Column, ...]:
    """The columns that a text names, the usual ones for an empty text. ApplicationError for one that there is not."""
    if not text.strip():
        return usual()
    parts = text.split(",")
    if len(parts) > MAX_COLUMNS:
        raise _refused(f"A grid has at most {MAX_COLUMNS} columns.")
    found = [_read_one(part.strip()) for part in parts]
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise _refused(f"The column {name} is there twice.")
    return tuple(found)


def _read_one(part: str) -> Column:
    written, has_width, width = part.partition("~")
    name = unquote(written)
    if not name or len(name) > MAX_NAME:
        raise _refused(f"A column is the name of a field, up to {MAX_NAME} characters, with commas between columns.")
    found = column(name)
    if found is None:
        near = suggest(RESOURCE, name)
        hint = f"did you mean {near}?" if near else "the list of fields has them all."
        if find(RESOURCE, name) is not None:
            hint = f"it has keys: name one, as {name}.example."
        raise _refused(f"There is no column {name}: {hint}")
    if not has_width:
        return found
    if not (width.isascii() and width.isdigit() and len(width) <= 4 and MIN_WIDTH <= int(width) <= MAX_WIDTH):
        raise _refused(f"A column's width is a whole number from {MIN_WIDTH} to {MAX_WIDTH}, as {name}~120.")
    return replace(found, width=int(width), narrow=0, resized=True)


def write(columns: Iterable[Column]) -> str:
    """The text that names these columns."""
    return ",".join(one.text for one in columns)


def check(value: object) -> str:
    """A preference: the text of the columns, as `read` takes it. ApplicationError where it is none."""
    if not isinstance(value, str):
        raise ApplicationError('Give the columns as a text, "date,req.method,path".', code="invalid", field="value")
    return write(read(value))


def _refused(message: str) -> ApplicationError:
    return ApplicationError(message, code="invalid", field="columns")
