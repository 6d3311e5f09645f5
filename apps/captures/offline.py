"""Capture files in, communications out, with no server: the work of `manage.py parse_capture`.

A file is read piece by piece, each piece goes through `documents.pipeline`, and what it completes is written at once:
memory does not grow with the file. The garbage collector rests inside a piece (it would take a quarter of the time)
and looks now and then at what is new; there is hardly a cycle in it, so all of memory is looked through only seldom.
"""

import gc
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import orjson
import zstandard

from documents import build
from documents.build import Context
from documents.pipeline import Pipeline
from wire import bodies, pcapfile
from wire.events import Communication, Message, TcpSession

#: Bytes of a piece. Smaller ones cost time (1 MB: 20 %, 8 MB: 3 %), bigger ones memory (16 MB: about 250 MB).
PIECE_BYTES = 16 << 20
#: What these pieces left in memory is searched for garbage. A search costs what lives (some 20,000 objects, 8 ms), not
#: what was made: 160 ns a packet after each piece, 40 after every fourth.
PIECES_BETWEEN_LOOKS = 4
#: All of memory is searched after so many.
PIECES_BETWEEN_SEARCHES = 32


def _unzstd(stream: BinaryIO) -> BinaryIO:
    reader: Any = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
    return cast(BinaryIO, pcapfile.Decompressed(reader, (zstandard.ZstdError,)))


#: What opens a compressed capture, besides the standard library's gzip.
DECOMPRESSORS: dict[str, Callable[[BinaryIO], BinaryIO]] = {"zstd": _unzstd}


class Found:
    """A communication on its way to an output; its document is built once, when first asked for."""

    __slots__ = ("_document", "communication", "context")

    def __init__(self, communication: Communication, context: Context) -> None:
        self.communication = communication
        self.context = context
        self._document: build.Document | None = None

    @property
    def document(self) -> build.Document:
        """The document as the store would get it."""
        if self._document is None:
            self._document = build.httpcomm(self.communication, self.context)
        return self._document

    def bodies(self) -> Iterator[tuple[str, Message, bytes]]:
        """("req" or "res", its message, its decoded body) for each body that would be stored, as it would be."""
        sides = {"req": self.communication.request, "res": self.communication.response}
        for entry_id, raw, about in build.body_entries(self.communication, self.context):
            suffix = entry_id[-3:]
            codings = [about["encoding"]] if about["encoding"] else []
            message = sides[suffix]
            assert message is not None
            yield suffix, message, bodies.decode(raw, codings, self.context.limits.decoded_bytes).data


@dataclass(slots=True)
class Summary:
    """What is in a file, in numbers."""

    file: str
    packets: int = 0
    size: int = 0  # of the uncompressed file, as far as it could be read
    tcp_sessions: int = 0
    communications: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, event: Communication | TcpSession) -> None:
        """Count one event."""
        if event.anomalies:
            self.anomalies.update(event.anomalies)
        if isinstance(event, TcpSession):
            self.tcp_sessions += 1
        else:
            self.communications += 1
            self.by_status[str(event.response.status) if event.response else "none"] += 1

    def as_json(self) -> bytes:
        """One JSON object; `byStatus` counts communications without a response under "none"."""
        return orjson.dumps(
            {
                "file": self.file,
                "packets": self.packets,
                "bytes": self.size,
                "tcpSessions": self.tcp_sessions,
                "communications": self.communications,
                "byStatus": dict(sorted(self.by_status.items())),
                "anomalies": dict(sorted(self.anomalies.items())),
                "seconds": round(self.seconds, 3),
            }
        )


def parse(stream: BinaryIO, context: Context, day: str, each: Callable[[Found], None]) -> Summary:
    """One capture through the pipeline; `each` gets every communication as it completes. `day` goes into the ids.

    Raises `pcapfile.CaptureError` when the stream is no capture; damage inside one is an anomaly of the summary.
    """
    begun = time.perf_counter()
    summary = Summary(context.capture)
    pipeline = Pipeline(context.capture, day, secrets.token_bytes(16), context.limits)
    pieces = pcapfile.cut(pcapfile.open_capture(stream, DECOMPRESSORS), PIECE_BYTES)
    resting = gc.isenabled()
    gc.disable()
    try:
        for number, events in enumerate(_events(pipeline, pieces, summary), 1):
            for event in events:
                if isinstance(event, TcpSession):
                    if event.state == "closed":
                        summary.add(event)
                elif event.final:
                    summary.add(event)
                    each(Found(event, context))
            look_for_garbage(number)
    finally:
        if resting:
            gc.enable()
    summary.packets = pipeline.totals.packets
    summary.seconds = time.perf_counter() - begun
    return summary


def look_for_garbage(piece: int) -> None:
    """What the collector does after a piece (they count from 1)."""
    if piece % PIECES_BETWEEN_SEARCHES == 0:
        gc.collect()
    elif piece % PIECES_BETWEEN_LOOKS == 0:
        gc.collect(1)


def _events(
    pipeline: Pipeline, pieces: Iterable[pcapfile.Piece], summary: Summary
) -> Iterator[Iterable[Communication | TcpSession]]:
    for piece in pieces:
        summary.size = int(str(piece.state["offset"]))
        summary.anomalies.update(piece.anomalies)
        yield pipeline.piece(piece.data, piece.starts)
    yield pipeline.finish()
