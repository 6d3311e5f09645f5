"""Which packets belong together: a keyed hash of both ends, one sort, and an exact comparison at the borders.

The two ends of a connection are put in order (`a` < `b` by address, then port), so both directions have the same
hash. The hash is keyed per capture: nobody outside can choose addresses that collide or that all fall on one
partition. Collisions are not trusted to be absent either: neighbours in the sorted order are compared in full.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wire.events import Endpoint
from wire.packets import Packets
from wire.records import Ints, Words

_M1, _M2, _M3 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0xD6E8FEB86659FD93)
_LOW = (1 << 64) - 1
_S32, _S29, _S16 = np.uint64(32), np.uint64(29), np.uint64(16)


@dataclass(frozen=True, slots=True)
class Flow:
    """A pair of TCP endpoints. `key`: version byte (4 or 6), address a, port a, address b, port b, big-endian."""

    key: bytes

    @classmethod
    def between(cls, one: Endpoint, two: Endpoint) -> "Flow":
        """The flow of two ends, in whatever order. Raises ValueError for what is no address."""
        ends = sorted((ip_address(end.ip).packed, end.port) for end in (one, two))
        version = b"\x04" if len(ends[0][0]) == 4 else b"\x06"
        return cls(version + b"".join(address + port.to_bytes(2, "big") for address, port in ends))

    @property
    def a(self) -> Endpoint:
        """The lower end: side 0 sends from here."""
        return self._end(1)

    @property
    def b(self) -> Endpoint:
        return self._end(1 + (len(self.key) - 1) // 2)

    def _end(self, at: int) -> Endpoint:
        size = 4 if self.key[0] == 4 else 16
        address = self.key[at : at + size]
        ip = IPv4Address(address) if size == 4 else IPv6Address(address)
        return Endpoint(str(ip), int.from_bytes(self.key[at + size : at + size + 2], "big"))


@dataclass(slots=True)
class Grouping:
    """Packets put in order of (flow, capture)."""

    order: Ints  # packet numbers, flow by flow, inside a flow as captured
    start: Ints  # where each flow begins in `order`, and the end: f + 1 entries
    hash: Words  # of each flow, ascending
    side: NDArray[np.uint8]  # per packet (not reordered): 0 a→b, 1 b→a
    keys: list[bytes]  # Flow.key of each flow


def partition_of(hash_: Words, partitions: int) -> Ints:
    """Partition of each hash: its share of the range, so ascending hashes give ascending partitions."""
    return ((hash_ >> _S32) * np.uint64(partitions) >> _S32).astype(np.int64)


def _mix(x: Words) -> Words:
    x = x * _M1
    x ^= x >> _S29
    x *= _M2
    x ^= x >> _S32
    return x


def partition_of_flow(flow: Flow, key: bytes, partitions: int) -> int:
    """The partition that `group` and `partition_of` put a flow's packets in; `key` is the capture's."""
    ends = [(int.from_bytes(ip_address(end.ip).packed, "big"), end.port) for end in (flow.a, flow.b)]
    (src_hi, src_lo, sport), (dst_hi, dst_lo, dport) = (
        (np.array([part], np.uint64) for part in (address >> 64, address & _LOW, port)) for address, port in ends
    )
    k = np.frombuffer(key, np.uint64, 2)
    both = _ends(_Columns(np.array([flow.key[0] == 6]), src_hi, src_lo, dst_hi, dst_lo, sport, dport), k)
    return int(partition_of(_hash(both, k), partitions)[0])


class _Columns(NamedTuple):
    """What of `Packets` the ends are made from."""

    v6: NDArray[np.bool_]
    src_hi: Words
    src_lo: Words
    dst_hi: Words
    dst_lo: Words
    sport: Words
    dport: Words


@dataclass(slots=True)
class _Ends:
    """Both ends of each packet in canonical order; `x`, `y` fold an end into 64 bits (exactly, for IPv4)."""

    side: NDArray[np.bool_]
    x: Words
    y: Words
    wide: tuple[Words, Words, Words, Words, Words, Words] | None  # a_hi, a_lo, a_port, b_hi, b_lo, b_port


def _hash(ends: _Ends, k: Words) -> Words:
    return _mix(_mix(ends.x ^ k[0]) + (ends.y ^ k[1]) * _M3)


def _ends(p: Packets | _Columns, k: Words) -> _Ends:
    src, dst = p.src_lo << _S16 | p.sport, p.dst_lo << _S16 | p.dport
    if not p.v6.any():
        return _Ends(src > dst, np.minimum(src, dst), np.maximum(src, dst), None)
    equal_hi, equal_lo = p.src_hi == p.dst_hi, p.src_lo == p.dst_lo
    side = (p.src_hi > p.dst_hi) | (equal_hi & ((p.src_lo > p.dst_lo) | (equal_lo & (p.sport > p.dport))))
    pairs = ((p.src_hi, p.dst_hi), (p.src_lo, p.dst_lo), (p.sport, p.dport))
    a_hi, a_lo, a_port = (np.where(side, d, s) for s, d in pairs)
    b_hi, b_lo, b_port = (np.where(side, s, d) for s, d in pairs)
    x, y = np.where(side, dst, src), np.where(side, src, dst)
    six = p.v6
    top = np.uint64(1 << 63)  # an IPv4 end has 48 bits: the two kinds never meet
    x[six] = _mix(_mix(a_hi[six] ^ k[0]) + a_lo[six] ^ _mix(a_port[six] + k[1])) | top
    y[six] = _mix(_mix(b_hi[six] ^ k[0]) + b_lo[six] ^ _mix(b_port[six] + k[1])) | top
    return _Ends(side, x, y, (a_hi, a_lo, a_port, b_hi, b_lo, b_port))


def _borders(ends: _Ends, order: Ints) -> NDArray[np.bool_]:
    """True where a packet's flow is not that of the packet before it."""
    out = np.ones(len(order), np.bool_)
    columns: Iterable[Words] = (ends.x, ends.y, *(ends.wide or ()))
    out[1:] = False
    for column in columns:
        c = column[order]
        out[1:] |= c[1:] != c[:-1]
    return out


def group(packets: Packets, key: bytes) -> Grouping:
    """Order packets by flow with one sort of `hash | number`; `key` is the capture's 16 secret bytes."""
    k = np.frombuffer(key, np.uint64, 2)
    n = len(packets)
    ends = _ends(packets, k)
    hashes = _hash(ends, k)
    low = np.uint64((1 << max(1, n.bit_length())) - 1)
    packed = (hashes & ~low) | np.arange(n, dtype=np.uint64)
    packed.sort()
    order = (packed & low).astype(np.int64)
    new = _borders(ends, order)
    high = packed >> np.uint64(int(low).bit_length())
    if n and bool((new[1:] & (high[1:] == high[:-1])).any()):
        # Two flows share the bits sorted by: rare by nature, so the exact and slower order is affordable.
        order = np.lexsort((np.arange(n), *(ends.wide or ()), ends.y, ends.x, hashes)).astype(np.int64)
        new = _borders(ends, order)
    start = np.append(np.nonzero(new)[0], n)
    first = order[start[:-1]]
    return Grouping(order, start, hashes[first], ends.side.view(np.uint8), _keys(packets, ends, first))


def _keys(p: Packets, ends: _Ends, first: Ints) -> list[bytes]:
    """Flow.key of the packets `first`."""
    x, y, six = ends.x[first], ends.y[first], p.v6[first]
    raw = np.zeros((len(first), 13), np.uint8)
    raw[:, 0] = 4
    raw[:, 1:7] = x.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    raw[:, 7:13] = y.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    blob = raw.tobytes()
    keys = [blob[i : i + 13] for i in range(0, len(blob), 13)]
    if ends.wide:
        a_hi, a_lo, a_port, b_hi, b_lo, b_port = (c[first].tolist() for c in ends.wide)
        for i in np.nonzero(six)[0].tolist():
            a = (a_hi[i] << 80 | a_lo[i] << 16 | a_port[i]).to_bytes(18, "big")
            b = (b_hi[i] << 80 | b_lo[i] << 16 | b_port[i]).to_bytes(18, "big")
            keys[i] = b"\x06" + a + b
    return keys
