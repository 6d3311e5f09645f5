"""The packets of exactly these exchanges as pcapng: nanoseconds, several link types, and the communication's id as the
comment of each packet. The last block is an interface's statistics with the end in its comment.

Exchanges come in the order of their first byte, so a packet may be written once no later exchange can have an earlier
one: what waits for that is a heap, and what is in two exchanges (an acknowledgement between them) is written once.
"""

import heapq
import struct
from collections.abc import Iterable, Iterator

from apps.core.words import nanoseconds
from apps.httpcomms.exports.base import Job, Json, Packet

#: Packets that wait for their turn, at most; beyond it the earliest go, though an earlier one may follow.
WAITING_BYTES = 64 << 20
_SNAP = 262144
_COMMENT = 1  # opt_comment
_NANOSECONDS = struct.pack("<HHB3x", 9, 1, 9)  # if_tsresol
_ETHERNET = 1

_Waiting = tuple[int, int, bytes, int, str]  # time, link, data, length, communication


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """Section, interfaces as they are met, packets in the order of time, and the end."""
    links = {_ETHERNET: 0}
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _comment(job.about.text))
    yield _interface(_ETHERNET)
    queue = _Queue()
    for document in documents:
        found = job.packets(document)
        if isinstance(found, str):
            job.tally.left_out[found] += 1
            continue
        job.tally.written += 1
        yield from _written(queue.before(nanoseconds(document["date"])), links)
        for packet in found:
            queue.put(packet, document["id"])
    yield from _written(queue.rest(), links)
    yield _block(5, struct.pack("<III", 0, 0, 0) + _comment(job.tally.ending))


class _Queue:
    """Packets that wait until nothing earlier can come."""

    def __init__(self) -> None:
        self._heap: list[_Waiting] = []
        self._bytes = 0
        self._last: tuple[int, int, bytes] | None = None

    def put(self, packet: Packet, id: str) -> None:
        heapq.heappush(self._heap, (packet.time, packet.link, packet.data, packet.length, id))
        self._bytes += len(packet.data)

    def before(self, time: int) -> Iterator[_Waiting]:
        """Those earlier than a moment, and as many more as wait beyond the limit."""
        while self._heap and (self._heap[0][0] < time or self._bytes > WAITING_BYTES):
            yield from self._take()

    def rest(self) -> Iterator[_Waiting]:
        while self._heap:
            yield from self._take()

    def _take(self) -> Iterator[_Waiting]:
        found = heapq.heappop(self._heap)
        self._bytes -= len(found[2])
        if found[:3] != self._last:
            self._last = found[:3]
            yield found


def _written(packets: Iterable[_Waiting], links: dict[int, int]) -> Iterator[bytes]:
    for time, link, data, length, id in packets:
        if link not in links:
            links[link] = len(links)
            yield _interface(link)
        head = struct.pack("<IIIII", links[link], time >> 32 & 0xFFFFFFFF, time & 0xFFFFFFFF, len(data), length)
        yield _block(6, head + _padded(data) + _comment(id))


def _interface(link: int) -> bytes:
    return _block(1, struct.pack("<HHI", link, 0, _SNAP) + _NANOSECONDS + struct.pack("<HH", 0, 0))


def _comment(text: str) -> bytes:
    data = text.encode("utf-8", "replace")[:60_000]
    return struct.pack("<HH", _COMMENT, len(data)) + _padded(data) + struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
