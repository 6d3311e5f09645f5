"""Packets as they are kept: records of one slice sorted by flow, compressed, with an index of the flows in front.

A blob is a 4-byte big-endian length, that many bytes of JSON, then zstd. The JSON:
`{"format": "pcap", "link", "nano", "bigEndian", "partition", "first", "last", "packets", "flows": [[flow key in hex,
records, offset, length], …]}`; offsets count in the uncompressed records. IP fragments, which have no flow of their
own, stand under the empty key.

Records are spans of the capture wherever it was a pcap; records of other formats get pcap headers of their own.
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import zstandard

from wire.pcapfile.pcap import pcap_layout
from wire.records import SECOND, Ints, Records

#: zstd level 1. Measured on JSON traffic of 600 bytes a packet: 2.7 µs a packet to 34 % of the size; level 3 3.9 µs
#: to 28 %, level -5 2.0 µs to 65 %.
LEVEL = 1
_PCAP = struct.Struct("<IIII")
_HEADER = struct.Struct("<IHHiIII")
_MAGIC_NANO = 0xA1B23C4D


@dataclass(frozen=True, slots=True)
class Source:
    """The capture that a slice was made from, for as long as its packets are wanted."""

    records: Records
    spans: bool  # records can be taken with their pcap headers as they stand
    nano: bool
    big_endian: bool


def source(records: Records) -> Source:
    """How the records of a piece can be copied."""
    if records.format == "pcap":
        layout = pcap_layout(records.buf)
        if layout.record_header == 16:
            return Source(records, True, layout.tick == 1, layout.order == ">")
    return Source(records, False, True, False)


def pack(src: Source, index: Ints, bounds: Ints, keys: Sequence[bytes], loose: Ints, partition: int) -> list[bytes]:
    """Blobs (one for each link type) of the records `index`, flow i being those from bounds[i] to bounds[i + 1];
    `loose` are records without a flow."""
    index = np.concatenate((index, loose))
    flow = np.repeat(np.arange(len(keys) + 1), np.append(np.diff(bounds), len(loose)))
    names = [*(k.hex() for k in keys), ""]
    links = src.records.links
    if len(links) == 1:
        return [_blob(src, index, flow, names, partition, links[0])] if len(index) else []
    of = src.records.link[index]
    found: list[int] = np.unique(of).tolist()
    return [_blob(src, index[of == n], flow[of == n], names, partition, n) for n in found]


def _blob(src: Source, index: Ints, flow: Ints, names: list[str], partition: int, link: int) -> bytes:
    r = src.records
    end = np.cumsum(r.caplen[index] + 16)
    starts = np.append(np.nonzero(np.diff(flow, prepend=-1))[0], len(index))
    offsets = np.append(0, end)[starts].tolist()
    counts = np.diff(starts).tolist()
    flows = flow[starts[:-1]].tolist()
    ts = r.ts[index]
    header = {
        "format": "pcap",
        "link": link,
        "nano": src.nano,
        "bigEndian": src.big_endian,
        "partition": partition,
        "first": int(ts.min()),
        "last": int(ts.max()),
        "packets": len(index),
        "flows": [[names[f], n, a, b - a] for f, n, a, b in zip(flows, counts, offsets, offsets[1:], strict=False)],
    }
    data = _spans(r, index) if src.spans else _rewritten(r, index)
    head = msgspec.json.encode(header)
    return len(head).to_bytes(4, "big") + head + zstandard.ZstdCompressor(LEVEL).compress(data)


def _spans(r: Records, index: Ints) -> bytes:
    """The records with their headers; neighbours in the file are taken together."""
    start = r.offset[index] - 16
    stop = r.offset[index] + r.caplen[index]
    apart = start[1:] != stop[:-1]
    first = np.concatenate(([True], apart))
    last = np.concatenate((apart, [True]))
    view = memoryview(r.buf)
    return b"".join([view[a:b] for a, b in zip(start[first].tolist(), stop[last].tolist(), strict=True)])


def _rewritten(r: Records, index: Ints) -> bytes:
    ts, caplen = r.ts[index], r.caplen[index]
    heads = np.stack((ts // SECOND, ts % SECOND, caplen, r.origlen[index]), axis=1).astype("<u4").tobytes()
    view, head = memoryview(r.buf), memoryview(heads)
    start = r.offset[index]
    parts: list[memoryview] = []
    for i, (a, b) in enumerate(zip(start.tolist(), (start + caplen).tolist(), strict=True)):
        parts += (head[16 * i : 16 * i + 16], view[a:b])
    return b"".join(parts)


def blob_header(blob: bytes) -> tuple[dict[str, Any], int]:
    """The JSON header and the offset of the compressed records. Raises ValueError when the blob is damaged."""
    size = int.from_bytes(blob[:4], "big")
    if len(blob) < 4 + size:
        raise ValueError("a packets blob is shorter than its header says")
    header: dict[str, Any] = msgspec.json.decode(blob[4 : 4 + size], type=dict[str, Any])
    return header, 4 + size


def records_of(blob: bytes, keys: Collection[bytes] | None) -> tuple[int, list[tuple[int, bytes]]]:
    """Link type, and (time, little-endian nanosecond pcap record) of some flows with the fragments between their
    addresses, or of all flows (None)."""
    header, at = blob_header(blob)
    # Fragments are in every partition's blob: of all flows, one partition's are enough.
    wanted = {"" if keys is not None or header["partition"] == 0 else None, *(key.hex() for key in keys or ())}
    entries = [f for f in header["flows"] if f[0] in wanted or (keys is None and f[0])]
    if not entries:
        return int(header["link"]), []
    data = zstandard.ZstdDecompressor().decompress(blob[at:])
    out: list[tuple[int, bytes]] = []
    for name, _, offset, length in entries:
        found = _records(data[offset : offset + length], header)
        out += found if name or keys is None else [r for r in found if any(_between(r[1], key) for key in keys)]
    return int(header["link"]), out


#: Stretches of time, by the key of a flow in hex; both ends belong to each.
Spans = Mapping[str, Sequence[tuple[int, int]]]


def part(blob: bytes, spans: Spans, *, inside: bool) -> bytes | None:
    """The blob with only the packets of some flows in some stretches of time, or with all but those; None when none is
    left. A fragment belongs to every flow between its two addresses."""
    header, at = blob_header(blob)
    if not any(name in spans or (spans and not name) for name, *_ in header["flows"]):
        return None if inside else blob
    data = zstandard.ZstdDecompressor().decompress(blob[at:])
    flows: list[list[str | int]] = []
    kept: list[tuple[int, bytes]] = []
    size = 0
    for name, _, offset, length in header["flows"]:
        found = [one for one in _records(data[offset : offset + length], header) if _is_in(name, one, spans) is inside]
        if found:
            length = sum(len(record) for _, record in found)
            flows.append([name, len(found), size, length])
            size += length
            kept += found
    if not kept:
        return None
    if len(kept) == header["packets"]:
        return blob
    times = [ts for ts, _ in kept]
    about = {"nano": True, "bigEndian": False, "first": min(times), "last": max(times), "packets": len(kept)}
    head = msgspec.json.encode(header | about | {"flows": flows})
    packed = zstandard.ZstdCompressor(LEVEL).compress(b"".join(record for _, record in kept))
    return len(head).to_bytes(4, "big") + head + packed


def _is_in(name: str, found: tuple[int, bytes], spans: Spans) -> bool:
    ts, record = found
    keys = [name] if name else [key for key in spans if _between(record, bytes.fromhex(key))]
    return any(first <= ts <= last for key in keys for first, last in spans.get(key, ()))


def _records(data: bytes, header: dict[str, Any]) -> list[tuple[int, bytes]]:
    unpack = struct.Struct(">IIII" if header["bigEndian"] else "<IIII").unpack_from
    tick = 1 if header["nano"] else 1000
    out, at = [], 0
    while at + 16 <= len(data):
        seconds, fraction, caplen, origlen = unpack(data, at)
        nanoseconds = fraction * tick
        head = _PCAP.pack(seconds, nanoseconds & 0xFFFFFFFF, caplen, origlen)
        out.append((seconds * SECOND + nanoseconds, head + data[at + 16 : at + 16 + caplen]))
        at += 16 + caplen
    return out


def _between(record: bytes, key: bytes) -> bool:
    """Whether a fragment's bytes hold the two addresses of a flow, in either direction."""
    size = (len(key) - 5) // 2
    a, b = key[1 : 1 + size], key[3 + size : 3 + 2 * size]
    return a + b in record[:120] or b + a in record[:120]


def capture_file(blobs: Iterable[bytes], keys: Collection[bytes] | None) -> bytes:
    """A pcap of some flows (or of all, None) out of several blobs, in time order; pcapng when links differ."""
    by_link: dict[int, list[tuple[int, bytes]]] = {}
    for blob in _of_partitions(list(blobs), keys):
        link, found = records_of(blob, keys)
        by_link.setdefault(link, []).extend(found)
    by_link = {link: found for link, found in by_link.items() if found} or dict(list(by_link.items())[:1])
    if len(by_link) > 1:
        return _pcapng(by_link)
    link, found = next(iter(by_link.items()), (1, []))
    found.sort(key=_time)
    return _HEADER.pack(_MAGIC_NANO, 2, 4, 0, 0, 262144, link) + b"".join(r for _, r in found)


def _of_partitions(blobs: list[bytes], keys: Collection[bytes] | None) -> list[bytes]:
    """The blobs of the partitions that hold the flows; those of others have the same fragments once more."""
    if keys is None:
        return blobs
    wanted = {key.hex() for key in keys}
    headers = [blob_header(b)[0] for b in blobs]
    own = {h["partition"] for h in headers if any(f[0] in wanted for f in h["flows"])}
    return [b for b, h in zip(blobs, headers, strict=True) if h["partition"] in own]


def _time(record: tuple[int, bytes]) -> int:
    return record[0]


def _pcapng(by_link: dict[int, list[tuple[int, bytes]]]) -> bytes:
    parts = [struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)]
    packets: list[tuple[int, bytes]] = []
    for number, (link, found) in enumerate(by_link.items()):
        # if_tsresol (option 9) = 9: nanoseconds.
        parts.append(struct.pack("<IIHHIHHB3xII", 1, 32, link, 0, 262144, 9, 1, 9, 0, 32))
        for ts, record in found:
            _, _, caplen, origlen = _PCAP.unpack_from(record)
            size = 32 + (caplen + 3) // 4 * 4
            head = struct.pack("<IIIIIII", 6, size, number, ts >> 32 & 0xFFFFFFFF, ts & 0xFFFFFFFF, caplen, origlen)
            packets.append((ts, head + record[16:] + bytes(-caplen % 4) + struct.pack("<I", size)))
    packets.sort(key=_time)
    return b"".join(parts + [p for _, p in packets])
