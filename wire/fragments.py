"""IP datagrams that came in fragments, put together again.

Fragments have no ports, so nobody knows their flow: every slice carries all of a chunk's fragments, each partition
puts all datagrams together and keeps the segments that fall to it. A datagram becomes a segment at the place of the
fragment that completed it. What is never completed is counted, by partition 0 alone, with its reason.

Time is capture time: a datagram's fragments must come within `Limits.fragment_time` of its first.
"""

from collections.abc import Iterable

import msgspec

from wire.limits import Limits

#: 4 MiB: Linux's own bound (net.ipv4.ipfrag_high_thresh) for fragments waiting; above it the oldest go.
WAITING_BYTES = 4 << 20
#: 256: a datagram cut for the smallest MTU that IPv4 hosts must take (576) has 118; more is an attack on our time.
MOST_PARTS = 256

OVERLAP, TIMEOUT, LIMIT, CUT, TOO_LONG = "overlap", "timeout", "limit", "cut", "tooLong"


class Fragment(msgspec.Struct, array_like=True, frozen=True):
    """One fragment of an IP datagram."""

    index: int  # record number in the chunk
    ts: int
    key: bytes  # version (4 or 6), protocol, both addresses, identification: equal for all of a datagram
    offset: int  # of the payload in the datagram's
    more: bool
    payload: bytes
    missing: int  # bytes of it that the snap length cut


class Datagram(msgspec.Struct, array_like=True):
    """A datagram of which fragments are missing."""

    first: int  # time of the fragment that came first
    total: int  # payload size, -1 until the last fragment was seen
    parts: list[tuple[int, bytes]]


class Whole(msgspec.Struct, frozen=True):
    """A datagram put together."""

    index: int  # record number and time of the fragment that completed it
    ts: int
    packet: bytes  # an IP packet without options or fragment header, ready to be decoded
    fragments: int


class Reassembler:
    """Puts datagrams together, within `limits`. `dump` and `load` carry the waiting ones from one slice to the next."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._waiting: dict[bytes, Datagram] = {}  # in the order of their first fragment
        self._bytes = 0
        self._counts: dict[str, int] = {}

    @classmethod
    def load(cls, state: bytes, limits: Limits) -> "Reassembler":
        """From `dump`; empty bytes are an empty state."""
        self = cls(limits)
        if state:
            self._waiting = msgspec.msgpack.decode(state, type=dict[bytes, Datagram])
            self._bytes = sum(len(p) for d in self._waiting.values() for _, p in d.parts)
        return self

    def dump(self) -> bytes:
        return msgspec.msgpack.encode(self._waiting) if self._waiting else b""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def fragments(self) -> int:
        """Fragments that wait for the others of their datagrams."""
        return sum(len(datagram.parts) for datagram in self._waiting.values())

    def feed(self, fragments: Iterable[Fragment]) -> list[Whole]:
        """Take fragments in capture order; gives the datagrams they complete."""
        done = []
        for fragment in fragments:
            self._expire(fragment.ts)
            whole = self._add(fragment)
            if whole:
                done.append(whole)
        return done

    def close(self) -> None:
        """The capture is over: what waits is counted as never completed."""
        for key in list(self._waiting):
            self._drop(key, TIMEOUT)

    def take_counts(self) -> dict[str, int]:
        """Fragments since the last call that were lost, by reason, and "joined": those that became part of another
        record's packet (the completing one is not among them: it counts as the packet)."""
        counts, self._counts = self._counts, {}
        return counts

    def refuse(self, reason: str, number: int) -> None:
        """So many datagrams that were put together hold no TCP segment: the fragments that completed them are lost."""
        if number:
            self._count(reason, number)

    def _count(self, reason: str, number: int) -> None:
        self._counts[reason] = self._counts.get(reason, 0) + number

    def _drop(self, key: bytes, reason: str, more: int = 0) -> None:
        datagram = self._waiting.pop(key, None)
        if datagram:
            self._bytes -= sum(len(p) for _, p in datagram.parts)
            more += len(datagram.parts)
        self._count(reason, more)

    def _expire(self, now: int) -> None:
        while self._waiting:
            key = next(iter(self._waiting))
            if now - self._waiting[key].first <= self._limits.fragment_time:
                return
            self._drop(key, TIMEOUT)

    def _add(self, f: Fragment) -> Whole | None:
        end = f.offset + len(f.payload)
        if f.missing:
            self._drop(f.key, CUT, 1)
            return None
        if end > 65535 or (f.more and len(f.payload) % 8):
            # RFC 791 §3.2: offsets count 8 bytes; a reassembled length over 65,535 is the "ping of death".
            self._drop(f.key, TOO_LONG, 1)
            return None
        datagram = self._waiting.get(f.key)
        if datagram is None:
            datagram = self._waiting[f.key] = Datagram(f.ts, -1, [])
        if (f.offset, f.payload) in datagram.parts:
            self._count("joined", 1)  # the same fragment again
            return None
        if len(datagram.parts) >= MOST_PARTS:
            self._drop(f.key, LIMIT, 1)
            return None
        if self._conflicts(datagram, f, end):
            # RFC 5722 §3: overlapping fragments spoil the datagram; Linux does the same for IPv4.
            self._drop(f.key, OVERLAP, 1)
            return None
        if not f.more:
            datagram.total = end
        datagram.parts.append((f.offset, f.payload))
        self._bytes += len(f.payload)
        whole = self._complete(f, datagram)
        while len(self._waiting) > self._limits.fragment_datagrams or self._bytes > WAITING_BYTES:
            self._drop(next(iter(self._waiting)), LIMIT)
        return whole

    @staticmethod
    def _conflicts(datagram: Datagram, f: Fragment, end: int) -> bool:
        if datagram.total >= 0 and (end > datagram.total or not f.more):
            return True
        if not f.more and any(at + len(p) > end for at, p in datagram.parts):
            return True
        return any(at < end and f.offset < at + len(p) for at, p in datagram.parts)

    def _complete(self, f: Fragment, datagram: Datagram) -> Whole | None:
        if datagram.total < 0 or sum(len(p) for _, p in datagram.parts) < datagram.total:
            return None
        count = len(datagram.parts)
        payload = b"".join(p for _, p in sorted(datagram.parts))
        self._bytes -= len(payload)
        del self._waiting[f.key]
        self._count("joined", count - 1)
        return Whole(f.index, f.ts, _packet(f.key, payload), count)


def _packet(key: bytes, payload: bytes) -> bytes:
    """The datagram as one IP packet; checksums stay zero."""
    version, protocol = key[0], key[1]
    if version == 4:
        total = 20 + len(payload)
        size = (total if total <= 0xFFFF else 0).to_bytes(2, "big")  # 0 is decoded as "all there is"
        return b"\x45\x00" + size + bytes(4) + bytes([64, protocol]) + bytes(2) + key[2:10] + payload
    return b"\x60\x00\x00\x00" + len(payload).to_bytes(2, "big") + bytes([protocol, 64]) + key[2:34] + payload
