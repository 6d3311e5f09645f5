"""TCP segments out of packets: link, IP and TCP headers of a whole chunk at once.

Each layer takes columns and gives columns. The usual (Ethernet, IPv4 without options) costs one gather of 60 bytes a
packet; the rare (tags, extension headers, options) is a mask and a short loop over what the mask leaves. A header is
read before it is known to be inside the captured bytes, and believed only after the check that it is: every record
gets a reason why it is no segment, and those without a reason are the segments.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wire.fragments import Fragment
from wire.links import IPV4, IPV6, network
from wire.records import Bytes2D, Ints, Records, Words, be16, be32, be64, window

TCP = 6
_FRAGMENT_HEADER, _AUTHENTICATION = 44, 51
#: RFC 8200 §4.1, and mobility, HIP, shim6: headers with a length in units of 8 bytes in their second byte.
_EXTENSIONS = (0, 43, 60, 135, 139, 140)
_MAX_EXTENSIONS = 8

# Why a record is no segment, from the least to the most telling.
_OK, _NOT_TCP, _FRAGMENT, _SHORT, _BAD_IP, _BAD_TCP, _LINK = range(7)
_UNDECODABLE = {_SHORT: "shortCapture", _BAD_IP: "badIp", _BAD_TCP: "badTcp", _LINK: "unknownLink"}


@dataclass(slots=True)
class Packets:
    """The TCP segments of a chunk, in capture order, and what became of the other records."""

    index: Ints  # record number
    ts: Ints  # nanoseconds since the epoch
    v6: NDArray[np.bool_]
    src_hi: Words  # IPv6 address, upper half; 0 for IPv4
    src_lo: Words  # IPv6 address, lower half; or the IPv4 address
    dst_hi: Words
    dst_lo: Words
    sport: Words
    dport: Words
    seq: Ints
    ack: Ints
    flags: NDArray[np.uint8]
    window: NDArray[np.uint16]
    pos: Ints  # of the payload in the records' buf
    length: Ints  # captured payload bytes
    missing: Ints  # payload bytes that the snap length cut
    not_tcp: int = 0
    undecodable: dict[str, int] = field(default_factory=dict)  # records by reason
    fragments: list[Fragment] = field(default_factory=list)  # pieces of IP datagrams that may hold TCP

    def __len__(self) -> int:
        return len(self.index)


@dataclass(slots=True)
class _Ip:
    """The network layer of every record; rows that are not IP hold nonsense."""

    head: Bytes2D  # 60 bytes from the IP header on
    at: Ints
    v6: NDArray[np.bool_]
    some6: bool
    protocol: NDArray[np.uint8]
    inner: Ints  # offset behind the IP headers
    stop: Ints  # offset at which the packet ended on the wire
    fragment: NDArray[np.bool_]


def decode(records: Records) -> Packets:
    """The TCP columns of a chunk; counts of all that is not TCP or cannot be read; fragments apart."""
    end = records.offset + records.caplen
    kind, at, unknown = network(records)
    ip = _ip(records, kind, at, end)
    if ip.some6 or bool((ip.inner - at != 20).any()):
        tcp = window(records.buf, ip.inner, 20)
    else:
        tcp = ip.head[:, 20:40]
    pos = ip.inner + (tcp[:, 12] >> 4).astype(np.int64) * 4
    why = _reasons(ip, kind, end, tcp, pos)
    why[unknown] = _LINK
    counts = np.bincount(why, minlength=_LINK + 1).tolist()
    keep = None if counts[_OK] == len(why) else np.nonzero(why == _OK)[0]
    out = _segments(records, ip, tcp, pos, end, keep)
    out.not_tcp = counts[_NOT_TCP]
    out.undecodable = {name: counts[code] for code, name in _UNDECODABLE.items() if counts[code]}
    if counts[_FRAGMENT]:
        out.fragments = _fragments(records, ip, end, np.nonzero(why == _FRAGMENT)[0])
    return out


def _ip(records: Records, kind: Ints, at: Ints, end: Ints) -> _Ip:
    head = window(records.buf, at, 60)
    v6 = kind == IPV6
    protocol = head[:, 9]
    inner = at + (head[:, 0] & 15).astype(np.int64) * 4
    total = be16(head, 2).astype(np.int64)
    fragment = (be16(head, 6) & 0x3FFF) != 0
    some6 = bool(v6.any())
    if some6:
        protocol = np.where(v6, head[:, 6], protocol)
        inner = np.where(v6, at + 40, inner)
        payload = be16(head, 4).astype(np.int64)
        total = np.where(v6, np.where(payload == 0, 0, payload + 40), total)
        fragment &= ~v6
        _extensions(records.buf, np.nonzero(v6)[0], protocol, inner, fragment, end)
    # Length 0: segmentation offload (or a jumbogram, RFC 2675) sent more than 16 bits can say; all there is counts.
    stop = np.where(total == 0, records.offset + records.origlen, at + total)
    return _Ip(head, at, v6, some6, protocol, inner, stop, fragment)


def _extensions(
    buf: bytes, which: Ints, protocol: NDArray[np.uint8], inner: Ints, fragment: NDArray[np.bool_], end: Ints
) -> None:
    """Step over IPv6 extension headers (RFC 8200 §4) of the packets `which`, in place."""
    skipped = (*_EXTENSIONS, _FRAGMENT_HEADER, _AUTHENTICATION)
    for _ in range(_MAX_EXTENSIONS):
        which = which[np.isin(protocol[which], skipped) & (inner[which] + 8 <= end[which])]
        if not len(which):
            return
        head, this = window(buf, inner[which], 8), protocol[which]
        size = (head[:, 1].astype(np.int64) + 1) * 8
        size = np.where(this == _AUTHENTICATION, (head[:, 1].astype(np.int64) + 2) * 4, size)
        size = np.where(this == _FRAGMENT_HEADER, 8, size)
        # RFC 6946: a fragment header with offset 0 and no more to come is an atomic fragment, a whole packet.
        part = (this == _FRAGMENT_HEADER) & ((be16(head, 2) & 0xFFF9) != 0)
        fragment[which[part]] = True
        # The datagram may hold TCP if TCP or further headers follow; `inner` stays at the fragment header.
        protocol[which[part]] = np.where(np.isin(head[part, 0], (TCP, *_EXTENSIONS)), TCP, 0)
        which, head, size = which[~part], head[~part], size[~part]
        protocol[which] = head[:, 0]
        inner[which] += size


def _reasons(ip: _Ip, kind: Ints, end: Ints, tcp: Bytes2D, pos: Ints) -> NDArray[np.uint8]:
    """Why each record is no segment (_OK: it is one). Later lines see less of the packet and so decide over earlier."""
    why = np.zeros(len(kind), np.uint8)
    why[ip.stop < pos] = _BAD_IP
    why[tcp[:, 12] < 0x50] = _BAD_TCP
    why[ip.inner + 20 > end] = _SHORT
    why[ip.protocol != TCP] = _NOT_TCP
    if ip.fragment.any():
        why[ip.fragment] = np.where(ip.protocol[ip.fragment] == TCP, _FRAGMENT, _NOT_TCP)
    version = ip.head[:, 0] >> 4
    v4 = kind == IPV4
    why[v4 & ((version != 4) | (ip.head[:, 0] & 15 < 5))] = _BAD_IP
    if ip.some6:
        why[ip.v6 & (version != 6)] = _BAD_IP
        why[ip.at + np.where(ip.v6, 40, 20) > end] = _SHORT
    else:
        why[ip.at + 20 > end] = _SHORT
    why[~(v4 | ip.v6)] = _NOT_TCP
    why[ip.at > end] = _SHORT
    return why


def _segments(records: Records, ip: _Ip, tcp: Bytes2D, pos: Ints, end: Ints, keep: Ints | None) -> Packets:
    """The columns of the records `keep` (None: all of them)."""
    head, v6, stop, ts = ip.head, ip.v6, ip.stop, records.ts
    index = np.arange(len(records)) if keep is None else keep
    if keep is not None:
        head, v6, stop, ts, tcp, pos, end = head[keep], v6[keep], stop[keep], ts[keep], tcp[keep], pos[keep], end[keep]
    src_lo, dst_lo = be32(head, 12).astype(np.uint64), be32(head, 16).astype(np.uint64)
    src_hi = dst_hi = np.zeros(len(index), np.uint64)
    if ip.some6:
        src_hi, dst_hi = np.where(v6, be64(head, 8), 0), np.where(v6, be64(head, 24), 0)
        src_lo, dst_lo = np.where(v6, be64(head, 16), src_lo), np.where(v6, be64(head, 32), dst_lo)
    length = np.maximum(np.minimum(stop, end) - pos, 0)
    return Packets(
        index=index,
        ts=ts,
        v6=v6,
        src_hi=src_hi.astype(np.uint64),
        src_lo=src_lo.astype(np.uint64),
        dst_hi=dst_hi.astype(np.uint64),
        dst_lo=dst_lo.astype(np.uint64),
        sport=be16(tcp, 0).astype(np.uint64),
        dport=be16(tcp, 2).astype(np.uint64),
        seq=be32(tcp, 4).astype(np.int64),
        ack=be32(tcp, 8).astype(np.int64),
        flags=tcp[:, 13],
        window=be16(tcp, 14).astype(np.uint16),
        pos=pos,
        length=length,
        missing=stop - pos - length,
    )


def _fragments(records: Records, ip: _Ip, end: Ints, which: Ints) -> list[Fragment]:
    """Fragments as values: they are rare enough for a loop."""
    return [_fragment(records, ip, int(end[i]), i) for i in which.tolist()]


def _fragment(records: Records, ip: _Ip, end: int, i: int) -> Fragment:
    head = ip.head[i].tobytes()
    at, stop = int(ip.inner[i]), int(ip.stop[i])
    if ip.v6[i]:
        extra = records.buf[at : at + 8]
        protocol, number = extra[0], extra[4:8]
        bits = int.from_bytes(extra[2:4], "big")
        offset, more, addresses = bits & 0xFFF8, bool(bits & 1), head[8:40]
        at += 8
    else:
        protocol, number = head[9], head[4:6]
        bits = int.from_bytes(head[6:8], "big")
        offset, more, addresses = (bits & 0x1FFF) * 8, bool(bits & 0x2000), head[12:20]
    return Fragment(
        index=i,
        ts=int(records.ts[i]),
        key=bytes([6 if ip.v6[i] else 4, protocol]) + addresses + number,
        offset=offset,
        more=more,
        payload=records.buf[at : min(stop, end)],
        missing=max(stop - max(at, min(stop, end)), 0),
    )
