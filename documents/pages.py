"""Pages of bodies: many bodies in one blob, as the packets of a partition are, so that small ones cost little.

    4 bytes   length of the header, big-endian
    header    JSON: {"bodies": [[entry id, offset, length, encoding, content type], …], "capture", "partition", "chunk",
              "first", "last"}
    data      zstd of all the bodies, one after the other

Bodies are as on the wire, content coding and all; offsets count in the data before zstd. A page holds at most a
megabyte, or one body that is larger.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import zstandard

#: Enough to compress well, little enough to read one body quickly.
PAGE_BYTES = 1 << 20
#: Bodies of one page: bounds its header.
PAGE_BODIES = 4096

_LEVEL = 1  # fastest: much of it is compressed already
# A page that claims more than this was not written here.
_MOST = 256 << 20

Entry = tuple[str, bytes, dict[str, str]]


class PageError(ValueError):
    """The blob is no page of bodies."""


@dataclass(frozen=True, slots=True)
class Body:
    """A stored body: bytes as on the wire, the codings to undo and the Content-Type it came with."""

    data: bytes
    encoding: str
    content_type: str


class BodyPage:
    """Collects bodies of one chunk's commits and packs them; `first` and `last` are times of what it holds."""

    def __init__(self, capture: str, partition: int, chunk: int) -> None:
        self._about = {"capture": capture, "partition": partition, "chunk": chunk}
        self._entries: list[Entry] = []
        self._size = 0
        self._first = self._last = 0

    def add(self, entries: Sequence[Entry], first: int, last: int) -> list[bytes]:
        """Take in the bodies of one communication, seen from `first` to `last`; gives each page that became full."""
        full: list[bytes] = []
        for entry in entries:
            size = len(entry[1])
            if self._entries and (self._size + size > PAGE_BYTES or len(self._entries) >= PAGE_BODIES):
                full += self.flush()
            self._entries.append(entry)
            self._size += size
            if first < self._first or not self._first:
                self._first = first
            self._last = max(self._last, last)
        return full

    def flush(self) -> list[bytes]:
        """The page of what is left, if anything is."""
        if not self._entries:
            return []
        bodies: list[tuple[str, int, int, str, str]] = []
        offset = 0
        for entry_id, data, about in self._entries:
            bodies.append((entry_id, offset, len(data), about["encoding"], about["contentType"]))
            offset += len(data)
        header = orjson.dumps({"bodies": bodies, **self._about, "first": self._first, "last": self._last})
        packed = zstandard.compress(b"".join(entry[1] for entry in self._entries), _LEVEL)
        self._entries, self._size, self._first, self._last = [], 0, 0, 0
        return [len(header).to_bytes(4, "big") + header + packed]


def header(blob: bytes) -> dict[str, Any]:
    """The header of a page. Raises PageError."""
    length = int.from_bytes(blob[:4], "big")
    try:
        found = orjson.loads(blob[4 : 4 + length])
    except orjson.JSONDecodeError as error:
        raise PageError("the page has no readable header") from error
    if len(blob) < 4 + length or not isinstance(found, dict) or not isinstance(found.get("bodies"), list):
        raise PageError("the page has no readable header")
    return found


def read(blob: bytes, entry_id: str) -> Body | None:
    """The body with this id; None if it is not on the page. Raises PageError."""
    for found, offset, length, encoding, content_type in header(blob)["bodies"]:
        if found == entry_id:
            data = _data(blob)
            if offset + length > len(data):
                raise PageError("the page is shorter than its header says")
            return Body(data[offset : offset + length], encoding, content_type)
    return None


def _data(blob: bytes) -> bytes:
    start = 4 + int.from_bytes(blob[:4], "big")
    try:
        if zstandard.frame_content_size(blob[start:]) > _MOST:
            raise PageError("the page is too large to be one")
        return zstandard.decompress(blob[start:])
    except zstandard.ZstdError as error:
        raise PageError("the page's data cannot be read") from error


def entries(blob: bytes) -> Iterator[tuple[str, Body]]:
    """Every body of a page, with its id: for whoever reads many. Raises PageError."""
    listed = header(blob)["bodies"]
    data = _data(blob)
    for found, offset, length, encoding, content_type in listed:
        if offset + length > len(data):
            raise PageError("the page is shorter than its header says")
        yield found, Body(data[offset : offset + length], encoding, content_type)


def part(blob: bytes, wanted: Callable[[str], bool]) -> bytes | None:
    """The page with the bodies whose ids are wanted alone; the page itself when all are, None when none is. Raises
    PageError."""
    head = header(blob)
    listed = [one for one in head["bodies"] if wanted(one[0])]
    if len(listed) == len(head["bodies"]):
        return blob
    if not listed:
        return None
    data, bodies, size = _data(blob), [], 0
    for found, _, length, *about in listed:
        bodies.append([found, size, length, *about])
        size += length
    packed = zstandard.compress(b"".join(data[one[1] : one[1] + one[2]] for one in listed), _LEVEL)
    encoded = orjson.dumps(head | {"bodies": bodies})
    return len(encoded).to_bytes(4, "big") + encoded + packed
