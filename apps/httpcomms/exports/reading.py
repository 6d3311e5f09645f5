"""Bodies and packets for exports: neighbours in time share chunks and sessions, so what was read last is kept, up to a
limit, instead of read again for each communication."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from apps.core.errors import ApplicationError
from apps.httpcomms import evidence
from apps.httpcomms.exports.base import Json, Packet
from documents import pages
from documents.ids import chunk_of
from store.documents import Scope
from wire import bodies, records

#: Bodies (as on the wire) and packets that are kept for the next communication, in bytes.
KEPT_BYTES = 48 << 20

V = TypeVar("V")


class _Recent(Generic[V]):
    """What was read last, up to a number of bytes. What is larger than that is not kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[Any, tuple[V, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: object) -> V | None:
        found = self._found.get(key)
        if found is None:
            return None
        self._found.move_to_end(key)
        return found[0]

    def put(self, key: object, value: V, size: int) -> None:
        if size > self._most:
            return
        self._found[key] = (value, size)
        self._bytes += size
        while self._bytes > self._most:
            _, (_, gone) = self._found.popitem(last=False)
            self._bytes -= gone


class Bodies:
    """Reads decoded bodies; a `BodyReader`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._chunks: _Recent[dict[str, pages.Body]] = _Recent(KEPT_BYTES)
        self._large: set[tuple[str, int]] = set()

    def __call__(self, document: Json, side: str) -> bytes | None:
        about = (document.get(side) or {}).get("body") or {}
        if not about.get("size") or about.get("leftOut"):
            return None
        key = (document["capture"], chunk_of(document["version"]))
        if key in self._large:
            return self._alone(document, side)
        chunk = self._chunks.get(key)
        if chunk is None:
            chunk = self._read(key)
        if chunk is None:
            return self._alone(document, side)
        found = chunk.get(f"{document['id']}-{side}")
        if found is None:
            return None
        return bodies.decode(found.data, [found.encoding] if found.encoding else [], evidence.DECODED_LIMIT).data

    def _read(self, key: tuple[str, int]) -> dict[str, pages.Body] | None:
        """All bodies of a chunk; None where they are too many to keep."""
        found: dict[str, pages.Body] = {}
        size = 0
        for page in evidence.chunk_pages(self._scope, *key):
            for id, body in pages.entries(page):
                found[id] = body
                size += len(body.data) + 200
            if size > KEPT_BYTES:
                self._large.add(key)
                return None
        self._chunks.put(key, found, size)
        return found

    def _alone(self, document: Json, side: str) -> bytes | None:
        try:
            return evidence.body(self._scope, document, side).decoded.data
        except ApplicationError:
            return None


class Packets:
    """Reads the packets of communications; a `PacketReader`. The scope is of the right "packets"."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._sessions: _Recent[records.Records | str] = _Recent(KEPT_BYTES)

    def __call__(self, document: Json) -> Sequence[Packet] | str:
        key = document["tcpSession"]
        found = self._sessions.get(key)
        if found is None:
            found = self._read(key)
            self._sessions.put(key, found, len(found.buf) + 64 * len(found) if not isinstance(found, str) else 64)
        if isinstance(found, str):
            return found
        return _between(found, *evidence.exchange_range(document))

    def _read(self, session: str) -> records.Records | str:
        try:
            return records.read(evidence.session_pcap(self._scope, evidence.session(self._scope, session)))
        except ApplicationError as error:
            if error.code == "too_large":
                return f"the packets of their session are more than {evidence.PCAP_LIMIT >> 20} MB"
            return "their packets are not kept"


def _between(found: records.Records, first: int, last: int) -> list[Packet]:
    """The packets of a stretch of time; both ends belong to it."""
    chosen = np.nonzero((found.ts >= first) & (found.ts <= last))[0].tolist()
    out = []
    for n in chosen:
        at, size = int(found.offset[n]), int(found.caplen[n])
        out.append(Packet(int(found.ts[n]), int(found.link[n]), found.buf[at : at + size], int(found.origlen[n])))
    return out
