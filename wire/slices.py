"""A chunk's share for each partition: columns and payload, sorted by flow, cut into rows.

`split` decodes a chunk once and gives a `Slice` for each partition that has work. What is expensive later is made
cheap here: payloads of one flow lie side by side in `data`, in capture order, so bytes that follow each other in the
stream need no join. Whole packets are not in a slice; `packets_blobs` takes them from the chunk, if they are wanted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from wire import blobs, flows, packets, records
from wire.flows import Flow, Grouping
from wire.fragments import Fragment, Reassembler
from wire.packets import Packets
from wire.records import Ints

#: Payload of one row: the most that one commit must take whole.
ROW_BYTES = 256 * 1024

#: How the columns stand in `to_bytes`: name and little-endian type.
_STORED = (
    ("index", "<u4"),
    ("ts", "<i8"),
    ("side", "u1"),
    ("seq", "<u4"),
    ("ack", "<u4"),
    ("flags", "u1"),
    ("window", "<u2"),
    ("length", "<u4"),
    ("missing", "<u4"),
)
_IN_MEMORY = {"side": np.uint8, "flags": np.uint8, "window": np.uint16}


class _Header(msgspec.Struct, array_like=True):
    version: int
    partition: int
    partitions: int
    key: bytes  # of the flow hash; empty without fragments
    count: int
    flows: list[bytes]
    row_flow: bytes
    row_start: bytes
    fragments: list[Fragment]


@dataclass(slots=True)
class Slice:
    """One partition's part of a chunk. Packet columns (n entries) are sorted by flow, inside a flow as captured.

    Payloads lie in `data` without space between them, in the order of the columns: packet i has
    `data[pos[i]:pos[i] + length[i]]`, and `data[pos[i]:pos[j] + length[j]]` are packets i to j of one flow joined
    (both sides: a run of one side is contiguous as long as the other side's packets between carry no payload).
    """

    partition: int
    flows: list[Flow]
    row_flow: Ints  # r entries: number of the row's flow in `flows`
    row_start: Ints  # r + 1 entries: packets row_start[i] to row_start[i + 1] are row i
    index: Ints  # record number in the chunk
    ts: Ints  # nanoseconds since the epoch
    side: NDArray[np.uint8]  # 0: from flow.a to flow.b, 1: from b to a
    seq: Ints  # 0 to 2**32 - 1
    ack: Ints  # 0 to 2**32 - 1, meaningful if flags has ACK
    flags: NDArray[np.uint8]  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128
    window: NDArray[np.uint16]  # as in the header, not scaled
    pos: Ints  # offset of the payload in `data`
    length: Ints  # payload bytes captured
    missing: Ints  # payload bytes behind these that the snap length cut
    data: bytes
    fragments: list[Fragment] = field(default_factory=list)  # all of the chunk's: see `merge_fragments`
    partitions: int = 1
    key: bytes = b""  # of the flow hash
    source: blobs.Source | None = None  # the chunk, until the slice is stored

    def __len__(self) -> int:
        return len(self.index)

    def __bool__(self) -> bool:
        return True  # a slice without packets may still hold fragments

    @property
    def rows(self) -> int:
        return len(self.row_flow)

    def to_bytes(self) -> bytes:
        """Everything but the source, about 32 bytes a packet and the payload. Integers must be in their ranges."""
        header = _Header(
            version=1,
            partition=self.partition,
            partitions=self.partitions,
            key=self.key if self.fragments else b"",
            count=len(self),
            flows=[f.key for f in self.flows],
            row_flow=self.row_flow.astype("<u4").tobytes(),
            row_start=self.row_start.astype("<u4").tobytes(),
            fragments=self.fragments,
        )
        head = msgspec.msgpack.encode(header)
        columns = [getattr(self, name).astype(kind).tobytes() for name, kind in _STORED]
        return b"".join([len(head).to_bytes(4, "big"), head, *columns, self.data])

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Slice":
        """From `to_bytes`. Raises ValueError (msgspec's errors are ones) when it is not that."""
        size = int.from_bytes(stored[:4], "big")
        header = msgspec.msgpack.decode(memoryview(stored)[4 : 4 + size], type=_Header)
        at = 4 + size
        columns: dict[str, Any] = {}
        for name, kind in _STORED:
            column = np.frombuffer(stored, kind, header.count, at)
            columns[name] = column.astype(_IN_MEMORY.get(name, np.int64))
            at += column.nbytes
        length = columns["length"]
        return cls(
            partition=header.partition,
            flows=[Flow(k) for k in header.flows],
            row_flow=np.frombuffer(header.row_flow, "<u4").astype(np.int64),
            row_start=np.frombuffer(header.row_start, "<u4").astype(np.int64),
            pos=np.cumsum(length) - length,
            data=stored[at:],
            fragments=header.fragments,
            partitions=header.partitions,
            key=header.key,
            **columns,
        )

    def packets_blobs(self) -> list[bytes]:
        """The whole packets, compressed, one blob for each link type (see `wire.blobs`); only before the slice is
        stored. Every partition's blob holds the chunk's IP fragments as well."""
        if self.source is None:
            raise ValueError("the packets of a stored slice are in its chunk or already in the packets documents")
        first = self.row_start[:-1][np.diff(self.row_flow, prepend=-1) != 0]
        loose = np.array([f.index for f in self.fragments], np.int64)
        keys = [f.key for f in self.flows]
        return blobs.pack(self.source, self.index, np.append(first, len(self)), keys, loose, self.partition)


@dataclass(slots=True)
class Split:
    """A chunk split by partition, and where its records went: packets = tcp + not_tcp + undecodable + fragments."""

    slices: list[Slice | None]  # by partition; None where it has neither packet nor fragment
    packets: int  # records in all
    tcp: int  # records that are TCP segments in a slice
    not_tcp: int
    undecodable: dict[str, int]  # records by reason
    fragments: int  # records that are fragments of IP datagrams that may hold TCP
    first: int  # time of the earliest and latest record, 0 without any
    last: int
    links: list[int]
    secrets: list[tuple[int, bytes]]  # pcapng decryption secrets: type (0x544C534B: TLS key log), data
    anomalies: list[str]


def split(data: bytes, partitions: int, key: bytes, starts: list[int] | None = None) -> Split:
    """Split a piece (pcap, pcapng, ring) into slices. `key`: 16 bytes, the same for all chunks of a capture; `starts`:
    `Piece.starts`, if the piece was cut by this process, saves a walk.

    Raises `pcapfile.CaptureError` when `data` is no capture; odd traffic is counted, never raised.
    """
    recs = records.read(data, starts)
    pkts = packets.decode(recs)
    sorted_ = _Sorted(recs.buf, pkts, flows.group(pkts, key))
    sorted_.shared = {
        "fragments": pkts.fragments,
        "partitions": partitions,
        "key": key,
        "source": blobs.source(recs),
    }
    return Split(
        slices=sorted_.slices(partitions),
        packets=len(recs),
        tcp=len(pkts),
        not_tcp=pkts.not_tcp,
        undecodable=pkts.undecodable,
        fragments=len(pkts.fragments),
        first=int(recs.ts.min()) if len(recs) else 0,
        last=int(recs.ts.max()) if len(recs) else 0,
        links=recs.links,
        secrets=recs.secrets,
        anomalies=recs.anomalies,
    )


class _Sorted:
    """The columns of a chunk in flow order, to be cut by partition."""

    def __init__(self, buf: bytes, p: Packets, grouping: Grouping) -> None:
        o = grouping.order
        self.grouping = grouping
        self.index, self.ts, self.seq, self.ack = p.index[o], p.ts[o], p.seq[o], p.ack[o]
        self.side, self.flags, self.window = grouping.side[o], p.flags[o], p.window[o]
        self.length, self.missing = p.length[o], p.missing[o]
        self.end = np.append(0, np.cumsum(self.length))
        self.carrying = np.nonzero(self.length)[0]
        at = p.pos[o[self.carrying]]
        stop = at + self.length[self.carrying]
        view = memoryview(buf)
        self.parts = [view[a:b] for a, b in zip(at.tolist(), stop.tolist(), strict=True)]
        self.shared: dict[str, object] = {}

    def slices(self, partitions: int) -> list[Slice | None]:
        of = flows.partition_of(self.grouping.hash, partitions)
        bounds = np.searchsorted(of, np.arange(partitions + 1)).tolist()
        return [self._slice(p, bounds[p], bounds[p + 1]) for p in range(partitions)]

    def _slice(self, partition: int, first_flow: int, last_flow: int) -> Slice | None:
        if first_flow == last_flow and not self.shared["fragments"]:
            return None
        bounds = self.grouping.start[first_flow : last_flow + 1]
        a, b = int(bounds[0]), int(bounds[-1])
        x, y = np.searchsorted(self.carrying, (a, b)).tolist()
        base = self.end[a]
        row_flow, row_start = cut_rows(bounds - a, self.end[a : b + 1] - base)
        return Slice(
            partition=partition,
            flows=[Flow(k) for k in self.grouping.keys[first_flow:last_flow]],
            row_flow=row_flow,
            row_start=row_start,
            index=self.index[a:b],
            ts=self.ts[a:b],
            side=self.side[a:b],
            seq=self.seq[a:b],
            ack=self.ack[a:b],
            flags=self.flags[a:b],
            window=self.window[a:b],
            pos=self.end[a:b] - base,
            length=self.length[a:b],
            missing=self.missing[a:b],
            data=b"".join(self.parts[x:y]),
            **self.shared,  # type: ignore[arg-type]  # the four fields every slice of the chunk has alike
        )


def cut_rows(bounds: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Cut flows into rows of at most ROW_BYTES of payload (a bigger packet is a row of its own).

    `bounds`: f + 1 packet numbers; `end`: n + 1 running payload sums. Returns row_flow and row_start.
    """
    heavy = np.nonzero(end[bounds[1:]] - end[bounds[:-1]] > ROW_BYTES)[0]
    if not len(heavy):
        return np.arange(len(bounds) - 1), bounds
    extra_flow: list[int] = []
    extra_start: list[int] = []
    for f in heavy.tolist():
        at, stop = int(bounds[f]), int(bounds[f + 1])
        while end[stop] - end[at] > ROW_BYTES:
            at = max(at + 1, int(np.searchsorted(end, end[at] + ROW_BYTES, side="right")) - 1)
            if at < stop:
                extra_flow.append(f)
                extra_start.append(at)
    row_flow = np.concatenate((np.arange(len(bounds) - 1), np.array(extra_flow, np.int64)))
    starts = np.concatenate((bounds[:-1], np.array(extra_start, np.int64)))
    order = np.argsort(starts, kind="stable")
    return row_flow[order], np.append(starts[order], bounds[-1])


def merge_fragments(slice_: Slice, reassembler: Reassembler) -> Slice:
    """The slice with the segments of the datagrams that its fragments complete, each at the place of the record that
    completed it; the same slice if there are none. Rows are numbered anew, the same way for the same state: keep the
    reassembler's state of before until the whole slice is done."""
    wholes = reassembler.feed(slice_.fragments)
    if not wholes:
        return slice_
    buf, recs = _records([w.packet for w in wholes])
    pkts = packets.decode(recs)
    for reason, count in (*pkts.undecodable.items(), ("notTcp", pkts.not_tcp)):
        reassembler.refuse(reason, count)
    done = pkts.index
    pkts.index = np.array([w.index for w in wholes], np.int64)[done]
    pkts.ts = np.array([w.ts for w in wholes], np.int64)[done]
    grouping = flows.group(pkts, slice_.key)
    own = flows.partition_of(grouping.hash, slice_.partitions) == slice_.partition
    flow = np.repeat(np.arange(len(own)), np.diff(grouping.start))
    keep = own[flow]
    if not keep.any():
        return slice_
    names = [grouping.keys[f] for f in flow[keep].tolist()]
    return _inserted(slice_, pkts, grouping.order[keep], grouping.side, names, buf)


def _records(raw: Sequence[bytes]) -> tuple[bytes, records.Records]:
    """IP packets as the records of a capture without link headers."""
    size = np.array([len(r) for r in raw], np.int64)
    zero = np.zeros(len(raw), np.int64)
    buf = b"".join(raw)
    link = np.full(len(raw), 101, np.int32)
    at = np.cumsum(size) - size
    return buf, records.Records(buf, "raw", at, size, size, zero, link, zero.astype(np.int32), [101])


def _inserted(
    slice_: Slice, p: Packets, which: Ints, side: NDArray[np.uint8], names: Sequence[bytes], buf: bytes
) -> Slice:
    """The slice with the packets `which` added to their flows `names`, everything sorted again."""
    numbers = {f.key: i for i, f in enumerate(slice_.flows)}
    added = [numbers.setdefault(name, len(numbers)) for name in names]
    flow = np.concatenate((np.repeat(slice_.row_flow, np.diff(slice_.row_start)), np.array(added, np.int64)))
    index = np.concatenate((slice_.index, p.index[which]))
    order = np.lexsort((index, flow))
    length = np.concatenate((slice_.length, p.length[which]))[order]
    at = np.concatenate((slice_.pos, len(slice_.data) + p.pos[which]))[order]
    view = memoryview(slice_.data + buf)
    end = np.append(0, np.cumsum(length))
    bounds = np.searchsorted(flow[order], np.arange(len(numbers) + 1))
    row_flow, row_start = cut_rows(bounds, end)
    return replace(
        slice_,
        flows=[Flow(k) for k in numbers],
        row_flow=row_flow,
        row_start=row_start,
        index=index[order],
        ts=np.concatenate((slice_.ts, p.ts[which]))[order],
        side=np.concatenate((slice_.side, side[which]))[order],
        seq=np.concatenate((slice_.seq, p.seq[which]))[order],
        ack=np.concatenate((slice_.ack, p.ack[which]))[order],
        flags=np.concatenate((slice_.flags, p.flags[which]))[order],
        window=np.concatenate((slice_.window, p.window[which]))[order],
        pos=end[:-1],
        length=length,
        missing=np.concatenate((slice_.missing, p.missing[which]))[order],
        data=b"".join([view[a : a + n] for a, n in zip(at.tolist(), length.tolist(), strict=True)]),
        fragments=[],
    )
