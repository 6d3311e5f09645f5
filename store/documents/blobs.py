"""Blobs: packets of a partition's chunk, or a page of bodies. A length, a JSON header, compressed data.

The header says whose they are and where they belong, so a poller needs nothing but the blob to store it. Whoever makes
a blob for the outbox stamps it with `stamp`.
"""

import struct
from dataclasses import dataclass
from typing import Any

import orjson

from store.documents.names import Part, part_of

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a blob belongs. `first` and `last` are the times of its first and last packet."""

    part: Part
    whisperer: str
    capture: str
    partition: int
    chunk: int
    first: int
    last: int


def header(blob: bytes) -> dict[str, Any]:
    """The JSON header. ValueError when the blob is cut off or no blob."""
    if len(blob) < _LENGTH.size:
        raise ValueError("a blob of less than four bytes")
    (length,) = _LENGTH.unpack_from(blob)
    if _LENGTH.size + length > len(blob):
        raise ValueError("a blob cut off within its header")
    try:
        head = orjson.loads(memoryview(blob)[_LENGTH.size : _LENGTH.size + length])
    except orjson.JSONDecodeError as error:
        raise ValueError("a blob whose header is not JSON") from error
    if not isinstance(head, dict):
        raise ValueError("a blob whose header is no object")  # noqa: TRY004  # data from outside, not a caller's mistake
    return head


def stamp(blob: bytes, *, whisperer: str, capture: str, partition: int, chunk: int, day: str, policy: str) -> bytes:
    """The blob with a header that says where it belongs; what else the header holds stays."""
    (length,) = _LENGTH.unpack_from(blob)
    head = header(blob) | {
        "whisperer": whisperer,
        "capture": capture,
        "partition": partition,
        "chunk": chunk,
        "day": day,
        "policy": policy,
    }
    encoded = orjson.dumps(head)
    return b"".join((_LENGTH.pack(len(encoded)), encoded, memoryview(blob)[_LENGTH.size + length :]))


def place(resource: str, blob: bytes) -> BlobPlace:
    """Where the blob belongs. ValueError says which word of its header is missing or wrong."""
    head = header(blob)
    part = part_of(f"spider-{resource}-{head.get('day')}-{head.get('policy')}")
    if part is None:
        raise ValueError("a blob without a day and a policy")
    texts = [head.get(name) for name in ("whisperer", "capture")]
    numbers = [head.get(name) for name in ("partition", "chunk", "first", "last")]
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
        raise ValueError("a blob whose header does not say whose it is")
    return BlobPlace(part, *texts, *numbers)  # type: ignore[arg-type]  # checked just above
