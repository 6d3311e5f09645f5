"""CSV (RFC 4180): a line a communication, the columns of the grid or any fields of the table.

What was captured is hostile and spreadsheets run what looks like a formula, so a text that begins as one, behind spaces
and quotes too, gets an apostrophe in front (OWASP, CSV injection). Numbers of ours are no text and stay numbers. RFC
4180 has no comments, so the end of the file is a line whose first cell says so; `trailer` leaves it out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import orjson

from apps.core.errors import ApplicationError
from apps.httpcomms.exports.base import Job, Json
from documents.fields import fields

#: The columns where none are chosen: those the grid begins with.
COLUMNS = (
    "date", "req.method", "stats.statusCode", "req.host", "req.path", "req.query", "stats.src.name", "stats.dst.name",
    "stats.src.identification", "stats.duration", "req.size", "res.size", "parsing.status", "id",
)  # fmt: skip
#: Columns of the grid that are several fields.
TOGETHER = {
    "path": ("req.path", "req.query"),
    "ends": ("stats.src.name", "stats.dst.name"),
    "size": ("req.size", "res.size"),
}
MAX_COLUMNS = 100

#: The half-width and full-width signs that spreadsheets take for the beginning of a formula.
_FORMULA = re.compile("[\\s\"'\ufffd]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_QUOTED = re.compile(r'[",\r\n]|^\s|\s$')


def read_columns(text: str) -> tuple[str, ...]:
    """The fields that a list with commas names, as the grid writes its columns too: with a width behind `~`, and some
    that put fields together. Raises ApplicationError for one that is not in the table."""
    given = (unquote(name.partition("~")[0].strip()) for name in text.split(","))
    names = tuple(dict.fromkeys(one for name in given if name for one in TOGETHER.get(name, (name,)))) or COLUMNS
    if len(names) > MAX_COLUMNS:
        raise ApplicationError(f"Choose at most {MAX_COLUMNS} columns.", code="invalid", field="columns")
    for name in names:
        if _known(name) is None:
            message = f"There is no field {name[:80]}: choose columns among the fields of the query language."
            raise ApplicationError(message, code="invalid", field="columns")
    return names


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """The names of the columns, a line a communication, and the end."""
    columns = job.columns or COLUMNS
    paths = [_path(name) for name in columns]
    yield (b"\xef\xbb\xbf" if job.bom else b"") + _line(columns)
    for document in documents:
        job.tally.written += 1
        yield _line([_value(document, path) for path in paths])
    if job.trailer:
        yield _line([f"# {job.tally.ending}", *[""] * (len(columns) - 1)])


def _line(values: Sequence[Any]) -> bytes:
    return (",".join(map(cell, values)) + "\r\n").encode("utf-8", "replace")


def cell(value: Any) -> str:
    """A value as one cell."""
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = _text(value).replace("\0", "\ufffd")
    if _FORMULA.match(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value):
        return " ".join(map(str, value))
    return orjson.dumps(value).decode()


def _known(name: str) -> tuple[str, ...] | None:
    """The way to a field's value; below a field with keys of its own, what is left of the name is one key."""
    table = fields("httpcomms")
    if name in table:
        return table[name].path
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        field = table.get(".".join(parts[:size]))
        if field is not None:
            return (*field.path, ".".join(parts[size:])) if field.type == "flattened" else None
    return None


def _path(name: str) -> tuple[str, ...]:
    path = _known(name)
    assert path is not None, "columns are checked when they are read"
    return path


def _value(document: Json, path: tuple[str, ...]) -> Any:
    found: Any = document
    for step, key in enumerate(path):
        if isinstance(found, list):
            return [_value(one, path[step:]) for one in found if isinstance(one, dict)]
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found
