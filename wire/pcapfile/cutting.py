"""Cut a capture into pieces of whole records, in bounded memory: one piece and one record at a time.

After a piece, the record that its last read broke is completed with one small read, so the next big read starts at a
record. A piece ends after many records as well, however small they are: then what was read too much is taken back. A
reader per format knows how long a record is and how to walk many.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from wire.pcapfile.compressed import read_exactly
from wire.pcapfile.kinds import (
    ALL_RECORDS,
    CORRUPT,
    CUT_OFF,
    MAX_BLOCK,
    MAX_RECORD,
    MAX_RECORDS,
    CaptureError,
    Piece,
    not_a_capture,
    sniff,
)
from wire.pcapfile.pcap import PCAP_HEADER, pcap_layout, walk_pcap
from wire.pcapfile.pcapng import Blocks, Section
from wire.pcapfile.ring import RING_HEADER, ring_layout, walk_ring

Times = tuple[int, int]  # of the first and the last record, ns since the epoch


class _Reader(Protocol):
    """What a format knows: how long a record is, and how to walk many."""

    head: int  # bytes of a record that tell its size

    @property
    def prelude(self) -> bytes: ...  # what a piece needs in front of the next record

    @property
    def anomalies(self) -> list[str]: ...

    def size(self, head: bytes) -> int: ...  # of the whole record, -1 if absurd

    starts: list[int] | None  # of the records last walked, where a later reader can use them

    def walk(self, buf: bytes, most: int) -> tuple[int, int, bool, Times]: ...  # records, offset behind, absurd, times


class _Pcap:
    def __init__(self, prelude: bytes) -> None:
        self.prelude = prelude
        self.layout = pcap_layout(prelude)
        self.starts: list[int] | None = []
        self.head = self.layout.record_header
        self.anomalies: list[str] = []

    def size(self, head: bytes) -> int:
        length: int = struct.unpack_from(self.layout.order + "I", head, 8)[0]
        return self.head + length if length <= MAX_RECORD else -1

    def walk(self, buf: bytes, most: int) -> tuple[int, int, bool, Times]:
        starts, end, corrupt = walk_pcap(buf, 0, self.layout, most)
        self.starts = starts
        times = (self._time(buf, starts[0]), self._time(buf, starts[-1])) if starts else (0, 0)
        return len(starts), end, corrupt, times

    def _time(self, buf: bytes, at: int) -> int:
        seconds, fraction = struct.unpack_from(self.layout.order + "II", buf, at)
        return int(seconds * 1_000_000_000 + fraction * self.layout.tick)


class _Pcapng:
    head = 12
    starts: list[int] | None = None

    def __init__(self, prelude: bytes) -> None:
        self.blocks = Blocks()
        self.blocks.walk(prelude, 0)
        self.anomalies = self.blocks.anomalies

    @property
    def prelude(self) -> bytes:
        return self.blocks.prelude()

    def size(self, head: bytes) -> int:
        return self.blocks.size(head)

    def walk(self, buf: bytes, most: int) -> tuple[int, int, bool, Times]:
        blocks = self.blocks
        end, corrupt = blocks.walk(buf, 0, most)
        count = sum(s.count() for s in blocks.sections)
        timed = [s for s in blocks.sections if s.packets]
        times = (0, 0)
        if timed:
            times = _packet_time(buf, timed[0], 0), _packet_time(buf, timed[-1], -1)
        del blocks.sections[:-1]
        for section in blocks.sections:
            section.forget()
        return count, end, corrupt, times


def _packet_time(buf: bytes, section: Section, which: int) -> int:
    number: int
    number, high, low = struct.unpack_from(section.order + "III", buf, section.packets[which] + 8)
    if number >= len(section.interfaces):
        return 0
    return section.interfaces[number].nanoseconds(high << 32 | low)


class _Ring:
    head = 48
    starts: list[int] | None = None

    def __init__(self, prelude: bytes) -> None:
        self.prelude = prelude
        self.order, _ = ring_layout(prelude)
        self.anomalies: list[str] = []

    def size(self, head: bytes) -> int:
        size: int = struct.unpack_from(self.order + "I", head, 20)[0]
        return size if 48 <= size <= MAX_BLOCK else -1

    def walk(self, buf: bytes, most: int) -> tuple[int, int, bool, Times]:
        starts, end, corrupt = walk_ring(buf, 0, self.order, most)
        times = (self._time(buf, starts[0]), self._time(buf, starts[-1])) if starts else (0, 0)
        return len(starts), end, corrupt, times

    def _time(self, buf: bytes, at: int) -> int:
        seconds, nanoseconds = struct.unpack_from(self.order + "II", buf, at + 4)
        return int(seconds * 1_000_000_000 + nanoseconds)


def _reader(prelude: bytes) -> _Reader:
    kind = sniff(prelude[:4])
    if kind == "pcapng":
        return _Pcapng(prelude)
    return _Pcap(prelude) if kind == "pcap" else _Ring(prelude)


def cut(stream: BinaryIO, size: int, resume: dict[str, object] | None = None) -> Iterator[Piece]:
    """Pieces of about `size` bytes of an uncompressed capture (see `open_capture`); at least one, even if empty.

    `resume`: the `state` of an earlier piece; the stream must be seekable and cutting goes on behind that piece.
    Raises CaptureError when the stream is no capture; damage inside one ends it with an anomaly on the last piece.
    """
    if resume is None:
        reader, offset = _open(stream)
    else:
        reader, offset = _reader(base64.b64decode(str(resume["prelude"]))), int(str(resume["offset"]))
        stream.seek(offset)
    return _pieces(stream, size, reader, offset, resume is None)


def _open(stream: BinaryIO) -> tuple[_Reader, int]:
    head = read_exactly(stream, 4)
    kind = sniff(head)
    if kind not in ("pcap", "pcapng", "ring"):
        raise CaptureError(not_a_capture(head))
    if kind == "pcapng":
        # The section header is read whole, so that every later read starts behind a known byte order.
        head += read_exactly(stream, 8)
        size = Blocks().size(head) if len(head) == 12 else -1
        if size < 28:
            raise CaptureError("a pcapng file cut off or damaged inside its section header")
        head += read_exactly(stream, size - 12)
        if len(head) < size:
            raise CaptureError("a pcapng file cut off inside its section header")
    else:
        size = PCAP_HEADER if kind == "pcap" else RING_HEADER
        head += read_exactly(stream, size - 4)
    return _reader(head), size


class _Returning:
    """A stream that takes bytes back, to give them again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._back, self._at = b"", 0

    @property
    def damage(self) -> str:
        return str(getattr(self._stream, "damage", ""))

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the stream."""
        got = self._back[self._at : self._at + size]
        self._at += len(got)
        if self._at == len(self._back):
            self._back, self._at = b"", 0
        return got + read_exactly(self._stream, size - len(got)) if len(got) < size else got

    def give_back(self, data: bytes) -> None:
        """Bytes taken last."""
        self._back, self._at = data + self._back[self._at :], 0


def _pieces(stream: BinaryIO, size: int, reader: _Reader, offset: int, empty_too: bool) -> Iterator[Piece]:
    """`carry` is always one whole record, or nothing at the end; `stop` then says why that is the end."""
    told = 0
    source = _Returning(stream)
    carry, stop = _whole_record(source, reader)
    while carry or empty_too:
        empty_too = False
        piece, absurd = _piece(source, size, reader, carry)
        piece.offset, offset = offset, offset + piece.offset
        if absurd:
            carry, stop = b"", CORRUPT
        elif carry:
            carry, stop = _whole_record(source, reader)
        piece.anomalies = reader.anomalies[told:] + ([stop] if stop else [])
        told = len(reader.anomalies)
        piece.state = {"offset": offset, "prelude": base64.b64encode(reader.prelude).decode("ascii")}
        yield piece


def _piece(source: _Returning, size: int, reader: _Reader, carry: bytes) -> tuple[Piece, bool]:
    """A piece that starts with `carry` (its `offset` holds the bytes it took), and whether the file cannot be read
    on."""
    prelude = reader.prelude
    count, _, absurd, (first, last) = reader.walk(carry, ALL_RECORDS)
    if absurd:
        return Piece(prelude, 0, 0, 0, 0), True
    body = source.take(max(size - len(carry), 1)) if carry else b""
    more, end, absurd, times = reader.walk(body, MAX_RECORDS - 1)
    data = b"".join((prelude, carry, memoryview(body)[:end]))
    piece = Piece(data, count + more, len(carry) + end, first or times[0], times[1] or last)
    if reader.starts is not None:
        before = len(prelude) + len(carry)
        piece.starts = [len(prelude)] * count + [before + start for start in reader.starts]
    if not absurd and end < len(body):
        source.give_back(body[end:])
    return piece, absurd


def _whole_record(source: _Returning, reader: _Reader) -> tuple[bytes, str]:
    """The next record; else nothing, and why ("" at a clean end)."""
    record = source.take(reader.head)
    if len(record) < reader.head:
        return b"", source.damage or (CUT_OFF if record else "")
    size = reader.size(record)
    if size < reader.head:
        return b"", CORRUPT
    record += source.take(size - len(record))
    if len(record) < size:
        return b"", source.damage or CUT_OFF
    return record, ""
