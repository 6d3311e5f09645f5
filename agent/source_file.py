"""FILE mode: a capture file, cut into chunks of whole records, as fast as the server takes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO

from agent.chunk import Chunk
from agent.compression import decompressors
from agent.errors import SourceError
from wire.pcapfile import CORRUPT, CUT_OFF, SECRETS_DROPPED, CaptureError, cut, open_capture

_WORDS = {
    CUT_OFF: "the file ends inside a record; every whole record is sent",
    CORRUPT: "the file is damaged; what comes before the damage is sent",
    SECRETS_DROPPED: "the file holds more decryption secrets than are kept",
}


def chunks(name: str, size: int, say: Callable[[str], None]) -> Iterator[Chunk]:
    """The chunks of a file ("-": standard input). Raises SourceError when it cannot be read or is no capture."""
    try:
        with _open(name) as opened:
            for piece in cut(open_capture(opened, decompressors()), size):
                for anomaly in piece.anomalies:
                    say(f"{name}: {_WORDS.get(anomaly, anomaly)}")
                yield Chunk(piece.data, piece.packets)
    except CaptureError as error:
        raise SourceError(f"{name}: {error}") from error
    except OSError as error:
        raise SourceError(f"{name}: {error.strerror or error}") from error


def _open(name: str) -> BinaryIO:
    return sys.stdin.buffer if name == "-" else open(name, "rb")
