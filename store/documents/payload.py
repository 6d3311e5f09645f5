"""Bulk payloads as the outbox holds them: pairs of lines, an action and a document, both JSON.

Elasticsearch takes them as they are; PostgreSQL reads the pairs. A batch that an engine refuses as a whole is halved
until the document that it chokes on stands alone, so one bad document costs about two more writes of its batch and
never the others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import orjson

from store.documents.base import BatchRefused, Failure, WriteResult
from store.documents.names import Part, part_of


@dataclass(frozen=True, slots=True)
class Action:
    """Where one document goes."""

    part: Part
    id: str
    version: int


Pair = tuple[bytes, bytes]
T = TypeVar("T")


def pairs(payload: bytes) -> list[Pair]:
    """The (action line, document line) pairs of a payload. BatchRefused if a line is left over."""
    lines = payload.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) % 2:
        raise BatchRefused(f"a bulk payload of {len(lines)} lines is not made of pairs")
    return list(zip(lines[::2], lines[1::2], strict=True))


def join(items: Sequence[Pair]) -> bytes:
    """The payload made of these pairs."""
    return b"".join([b"%b\n%b\n" % item for item in items])


def action(line: bytes) -> Action:
    """Read an action line. ValueError says what is wrong with it."""
    try:
        index = orjson.loads(line)["index"]
        part, id, version = part_of(index["_index"]), index["_id"], index["version"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"not a bulk index action: {type(error).__name__}") from error
    if part is None or not isinstance(id, str) or not isinstance(version, int):
        raise ValueError("the bulk action names no index, id or version of ours")
    return Action(part, id, version)


def document_id(line: bytes) -> str:
    """The id an action line names, or an empty string: for messages about lines that may be broken."""
    try:
        id = orjson.loads(line)["index"]["_id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return id if isinstance(id, str) else ""


def isolate(
    items: Sequence[T], attempt: Callable[[Sequence[T]], WriteResult], describe: Callable[[T], tuple[int, str]]
) -> WriteResult:
    """Write `items` with `attempt`; when it raises BatchRefused, halve until the culprits stand alone as failures.

    `describe` gives an item's position in its payload and its id.
    """
    if not items:
        return WriteResult()
    try:
        return attempt(items)
    except BatchRefused as refusal:
        if len(items) == 1:
            return WriteResult(failed=[Failure(*describe(items[0]), str(refusal))])
    middle = len(items) // 2
    result = isolate(items[:middle], attempt, describe)
    result.add(isolate(items[middle:], attempt, describe))
    return result
