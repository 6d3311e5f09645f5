"""The packets of a TCP session, numbered from 1 in the order of their capture, and single ones as they were.

Columns for all of them come from `wire.packets` at once; only those that are shown become objects, so a session of a
million packets costs what its bytes do.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import numpy as np

from apps.core.errors import ApplicationError
from apps.httpcomms import evidence
from store.documents import Scope
from wire import packets, records

_FLAGS = (("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32), ("ECE", 64), ("CWR", 128))
_ACK = 16
#: Packets before those of an exchange that a list begins with: the handshake, or the end of the exchange before.
LEAD = 20


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of a session; `seq` and `ack` count from the first byte seen of their direction."""

    number: int
    time: int
    direction: str
    flags: tuple[str, ...]
    seq: int
    ack: int | None
    window: int
    length: int
    missing: int


@dataclass(frozen=True, slots=True)
class PacketList:
    """Some packets of a session in the order of their capture; `total` counts those that are not listed too, `inside`
    those of the exchange that the list is about."""

    packets: list[Packet]
    total: int
    inside: int = 0

    @property
    def truncated(self) -> bool:
        return self.total > len(self.packets)


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet as it was captured: its link type, its bytes, and how many it had on the wire."""

    packet: Packet
    link: int
    data: bytes
    original: int


@dataclass(frozen=True, slots=True)
class _Side:
    """One end of a session as packet columns have it: halves of the address, and the port."""

    high: int
    low: int
    port: int

    @classmethod
    def of(cls, end: dict[str, Any]) -> "_Side":
        number = int(ip_address(end["ip"]))
        return cls(number >> 64, number & (1 << 64) - 1, int(end["port"]))


class SessionPackets:
    """The kept packets of a session. Raises ApplicationError 404 when there is none, 413 when they are too many."""

    def __init__(self, scope: Scope, record: dict[str, Any]) -> None:
        self.records = records.read(evidence.session_pcap(scope, record))
        self.found = packets.decode(self.records)
        self.client = _Side.of(record["client"])
        self.bases: dict[str, int] = {}
        for n in range(len(self.found)):
            if len(self.bases) == 2:
                break
            self._packet(n)

    def __len__(self) -> int:
        return len(self.found)

    def first(self, size: int) -> PacketList:
        """The first packets of the session."""
        return PacketList([self._packet(n) for n in range(min(len(self), size))], len(self))

    def between(self, since: int | None, until: int | None, size: int) -> PacketList:
        """The last packets of a stretch of time; `inside` counts all of that stretch."""
        times, end = self.found.ts, until if until is not None else np.iinfo(np.int64).max
        inside = np.nonzero((times >= (since or 0)) & (times < end))[0]
        return PacketList([self._packet(int(n)) for n in inside[-size:]], len(self), len(inside))

    def around(self, first: int, last: int, size: int, *, only: bool = False) -> PacketList:
        """The packets of an exchange, by the times of its first and last byte, with those around them unless `only`."""
        inside = np.nonzero((self.found.ts >= first) & (self.found.ts <= last))[0]
        if only:
            wanted = inside[:size].tolist()
        else:
            begin = int(inside[0]) - LEAD if len(inside) and len(self) > size else 0
            begin = max(begin, 0)
            wanted = list(range(begin, min(len(self), begin + size)))
        return PacketList([self._packet(n) for n in wanted], len(self), len(inside))

    def frame(self, number: int) -> Frame:
        """A packet by its number; ApplicationError 404 when the session has none of this number."""
        if not 1 <= number <= len(self):
            message = f"The session has packets 1 to {len(self)}." if len(self) else "The session has no packets."
            raise ApplicationError(message, code="not_found", status_code=404)
        at = int(self.found.index[number - 1])
        begin, size = int(self.records.offset[at]), int(self.records.caplen[at])
        return Frame(
            self._packet(number - 1),
            int(self.records.link[at]),
            self.records.buf[begin : begin + size],
            int(self.records.origlen[at]),
        )

    def _packet(self, n: int) -> Packet:
        found = self.found
        source = _Side(int(found.src_hi[n]), int(found.src_lo[n]), int(found.sport[n]))
        direction, other = ("client", "server") if source == self.client else ("server", "client")
        flags, seq, ack = int(found.flags[n]), int(found.seq[n]), int(found.ack[n])
        # RFC 9293 §3.4: a SYN takes a sequence number, so the first byte after it is 1 as other tools count.
        base = self.bases.setdefault(direction, seq)
        has_ack = bool(flags & _ACK)
        other_base = self.bases.setdefault(other, (ack - 1) & 0xFFFFFFFF) if has_ack else 0
        return Packet(
            number=n + 1,
            time=int(found.ts[n]),
            direction=direction,
            flags=tuple(name for name, bit in _FLAGS if flags & bit),
            seq=(seq - base) & 0xFFFFFFFF,
            ack=(ack - other_base) & 0xFFFFFFFF if has_ack else None,
            window=int(found.window[n]),
            length=int(found.length[n]),
            missing=int(found.missing[n]),
        )
