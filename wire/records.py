"""A capture's bytes as columns: where each packet lies, when it came and on which link.

Finding the records is the one thing done one by one (a file is a linked list of lengths); the walks are in
`wire.pcapfile`, which the agent uses as well. Everything after the offsets is whole-array work.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wire.pcapfile.kinds import CORRUPT, CUT_OFF, CaptureError, not_a_capture, sniff
from wire.pcapfile.pcap import PCAP_HEADER, pcap_layout, walk_pcap
from wire.pcapfile.pcapng import SIMPLE_PACKET, Blocks, Interface, Section
from wire.pcapfile.ring import RING_HEADER, ring_layout, walk_ring

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Bytes2D = NDArray[np.uint8]

SECOND = 1_000_000_000
UNKNOWN_LINK = -1  # a packet that names an interface nobody described


@dataclass(slots=True)
class Records:
    """The records of one piece; every column has one entry a record, in file order."""

    buf: bytes
    format: str  # "pcap", "pcapng" or "ring"
    offset: Ints  # of the packet's first byte in buf
    caplen: Ints  # bytes of it that are there
    origlen: Ints  # bytes it had on the wire, never less than caplen
    ts: Ints  # nanoseconds since the epoch, 0 where the file has no time (simple packet blocks)
    link: NDArray[np.int32]  # link type (LINKTYPE_ number), UNKNOWN_LINK without a described interface
    interface: NDArray[np.int32]  # number of the interface in the piece, over all sections
    links: list[int]  # the distinct values of `link`
    secrets: list[tuple[int, bytes]] = field(default_factory=list)  # type (0x544C534B: TLS key log), data
    anomalies: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offset)


def read(data: bytes, starts: list[int] | None = None) -> Records:
    """The records of a pcap, pcapng or ring piece; `starts` are `Piece.starts` if whoever cut the piece has them.

    Raises CaptureError when it is none of these."""
    kind = sniff(data[:4])
    if kind == "pcap":
        return _read_pcap(data, starts)
    if kind == "pcapng":
        return _read_pcapng(data)
    if kind == "ring":
        return _read_ring(data)
    raise CaptureError(not_a_capture(data[:8]))


def window(buf: bytes, at: Ints, size: int) -> Bytes2D:
    """The `size` bytes at each offset as an (n, size) array, one memcpy a row; bytes past the end read as zero."""
    last = len(buf) - size
    if len(at) and int(at.max()) > last:
        return _window_at_end(buf, at, size, last)
    view: NDArray[np.void] = np.ndarray((max(last + 1, 0),), dtype=f"V{size}", buffer=buf, strides=(1,))
    return view[at].view(np.uint8).reshape(-1, size)


def be16(a: Bytes2D, i: int) -> NDArray[np.uint16]:
    """The big-endian 16 bits at column `i` of each row."""
    return a[:, i : i + 2].view(">u2")[:, 0]


def be32(a: Bytes2D, i: int) -> NDArray[np.uint32]:
    return a[:, i : i + 4].view(">u4")[:, 0]


def be64(a: Bytes2D, i: int) -> NDArray[np.uint64]:
    return a[:, i : i + 8].view(">u8")[:, 0]


def _window_at_end(buf: bytes, at: Ints, size: int, last: int) -> Bytes2D:
    out = np.zeros((len(at), size), np.uint8)
    inside = at <= last
    if inside.any():
        out[inside] = window(buf, at[inside], size)
    tail = np.frombuffer(buf[max(last + 1, 0) :] + bytes(size), np.uint8)
    outside = np.nonzero(~inside & (at < len(buf)))[0]
    out[outside] = tail[(at[outside] - max(last + 1, 0))[:, None] + np.arange(size)]
    return out


def _anomalies(data: bytes, end: int, absurd: bool) -> list[str]:
    if absurd:
        return [CORRUPT]
    return [] if end == len(data) else [CUT_OFF]


def _one_link(count: int, link: int) -> NDArray[np.int32]:
    return np.full(count, link, np.int32)


def _read_pcap(data: bytes, starts: list[int] | None) -> Records:
    layout = pcap_layout(data)
    end, absurd = len(data), False
    if starts is None:
        starts, end, absurd = walk_pcap(data, PCAP_HEADER, layout)
    at = np.array(starts, np.int64)
    head = window(data, at, 16).view(layout.order + "u4").astype(np.int64)
    return Records(
        buf=data,
        format="pcap",
        offset=at + layout.record_header,
        caplen=head[:, 2],
        origlen=np.maximum(head[:, 3], head[:, 2]),
        ts=head[:, 0] * SECOND + head[:, 1] * layout.tick,
        link=_one_link(len(at), layout.link),
        interface=_one_link(len(at), 0),
        links=[layout.link] if len(at) else [],
        anomalies=_anomalies(data, end, absurd),
    )


def _read_ring(data: bytes) -> Records:
    order, link = ring_layout(data)
    starts, end, absurd = walk_ring(data, RING_HEADER, order)
    at = np.array(starts, np.int64)
    # struct tpacket3_hdr: next offset, seconds, nanoseconds, captured, original length, status, then mac (16 bits).
    head = window(data, at, 24).view(order + "u4").astype(np.int64)
    mac = window(data, at + 24, 2).view(order + "u2")[:, 0].astype(np.int64)
    offset = at + mac
    # What a header says beyond the next one would count the same bytes again and again.
    stop = np.append(at[1:], len(data))
    caplen = np.maximum(np.minimum(head[:, 3], stop - offset), 0)
    return Records(
        buf=data,
        format="ring",
        offset=offset,
        caplen=caplen,
        origlen=np.maximum(head[:, 4], caplen),
        ts=head[:, 1] * SECOND + head[:, 2],
        link=_one_link(len(at), link),
        interface=_one_link(len(at), 0),
        links=[link] if len(at) else [],
        anomalies=_anomalies(data, end, absurd),
    )


def _read_pcapng(data: bytes) -> Records:
    blocks = Blocks()
    end, absurd = blocks.walk(data, 0)
    sections = blocks.sections
    known = _interfaces(sections)
    parts = [part for order in "<>" for part in _columns(data, sections, order, known)]
    columns = [np.concatenate(c) for c in zip(*parts, strict=True)] or [np.zeros(0, np.int64)] * 6
    if len(parts) > 1:
        order = np.argsort(columns[0], kind="stable")
        columns = [c[order] for c in columns]
    offset, caplen, origlen, ts, link, interface = columns
    return Records(
        buf=data,
        format="pcapng",
        offset=offset,
        caplen=caplen,
        origlen=np.maximum(origlen, caplen),
        ts=ts,
        link=link.astype(np.int32),
        interface=interface.astype(np.int32),
        links=np.unique(link).tolist(),
        secrets=blocks.secrets,
        anomalies=_anomalies(data, end, absurd) + blocks.anomalies,
    )


@dataclass(slots=True)
class _Interfaces:
    """The interfaces of all sections in one table, so that a section for each packet costs arrays no more."""

    count: Ints  # by section: how many it describes,
    base: Ints  # the number of its first over all sections,
    first: Ints  # and the row of that; the last row stands for one that nobody described
    link: Ints  # by row
    snap: Ints
    resolution: Ints
    shift: Ints


def _interfaces(sections: list[Section]) -> _Interfaces:
    rows = [i for section in sections for i in section.interfaces] + [Interface(UNKNOWN_LINK, 0)]
    count = np.array([len(section.interfaces) for section in sections], np.int64)
    base = np.cumsum(count) - count
    table = np.array([(i.link, i.snap, i.resolution, i.shift) for i in rows], np.int64)
    return _Interfaces(count, base, np.where(count > 0, base, len(rows) - 1), *table.T)


def _columns(data: bytes, sections: list[Section], order: str, known: _Interfaces) -> list[list[Ints]]:
    """offset, caplen, origlen, ts, link, interface of the packets in one byte order, by kind of block."""
    numbers = [n for n, section in enumerate(sections) if section.order == order]
    out = []
    at, of = _places([(n, sections[n].packets) for n in numbers])
    if len(at):
        head = window(data, at, 28).view(order + "u4").astype(np.int64)
        out.append(_timed_columns(known, of, at, head, head[:, 2]))
    others = [(n, sections[n].others) for n in numbers if sections[n].others]
    at, of = _places([(n, [at for at, kind in found if kind != SIMPLE_PACKET]) for n, found in others])
    if len(at):
        head = window(data, at, 28).view(order + "u4").astype(np.int64)
        # The obsolete packet block has 16 bits of interface and 16 of drops where the enhanced one has 32 bits.
        number = window(data, at + 8, 2).view(order + "u2")[:, 0].astype(np.int64)
        out.append(_timed_columns(known, of, at, head, number))
    at, of = _places([(n, [at for at, kind in found if kind == SIMPLE_PACKET]) for n, found in others])
    if len(at):
        out.append(_simple_columns(known, of, at, window(data, at, 12).view(order + "u4").astype(np.int64)))
    return out


def _places(by_section: list[tuple[int, list[int]]]) -> tuple[Ints, Ints]:
    """Offsets of blocks, and the section of each."""
    at = np.array([at for _, found in by_section for at in found], np.int64)
    numbers = np.array([n for n, _ in by_section], np.int64)
    return at, np.repeat(numbers, [len(found) for _, found in by_section])


def _timed_columns(known: _Interfaces, of: Ints, at: Ints, head: Ints, number: Ints) -> list[Ints]:
    described = number < known.count[of]
    row = np.where(described, known.base[of] + number, known.first[of])
    units = head[:, 3].astype(np.uint64) << np.uint64(32) | head[:, 4].astype(np.uint64)
    ts = np.zeros(len(at), np.int64)
    resolution = known.resolution[row]
    for one in np.unique(resolution).tolist():
        mask = resolution == one
        ts[mask] = _scaled(units[mask], one)
    ts += _shift(known.shift[row])
    link = np.where(described, known.link[row], UNKNOWN_LINK)
    caplen = np.minimum(head[:, 5], head[:, 1] - 32)
    return [at + 28, caplen, head[:, 6], ts, link, known.base[of] + np.where(described, number, 0)]


def _simple_columns(known: _Interfaces, of: Ints, at: Ints, head: Ints) -> list[Ints]:
    """Simple packet blocks: of interface 0, without time, cut at its snap length."""
    row = known.first[of]
    caplen = np.minimum(head[:, 2], head[:, 1] - 16)
    snap = known.snap[row]
    caplen = np.where(snap > 0, np.minimum(caplen, snap), caplen)
    return [at + 12, caplen, head[:, 2], np.zeros(len(at), np.int64), known.link[row], known.base[of]]


def nanoseconds(units: Words, interface: Interface) -> Ints:
    """Times of a pcapng interface (if_tsresol, if_tsoffset) as nanoseconds; absurd resolutions wrap or give 0."""
    return _scaled(units, interface.resolution) + _shift(np.array([interface.shift], np.int64))


def _scaled(units: Words, resolution: int) -> Ints:
    power = resolution & 0x7F
    if resolution & 0x80:
        scaled = _binary_nanoseconds(units, power)
    elif power <= 9:
        scaled = units * np.uint64(10 ** (9 - power))
    else:
        scaled = units // np.uint64(10 ** min(power - 9, 19))
    return scaled.astype(np.int64)


def _shift(seconds: Ints) -> Ints:
    """2**33 s: beyond the year 2200 no offset can be true, and nanoseconds no longer fit."""
    return np.where((seconds > -(1 << 33)) & (seconds < 1 << 33), seconds, 0) * SECOND


def _binary_nanoseconds(units: Words, power: int) -> Words:
    """Units of 2**-power seconds; the fraction is kept to 34 bits, so that it fits 64 bits times 10**9."""
    if power > 63:
        return np.zeros(len(units), np.uint64)
    whole = units >> np.uint64(power)
    fraction = units & np.uint64((1 << power) - 1)
    kept = min(power, 34)
    return whole * np.uint64(SECOND) + (fraction >> np.uint64(power - kept)) * np.uint64(SECOND) // np.uint64(1 << kept)
