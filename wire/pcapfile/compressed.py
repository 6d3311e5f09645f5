"""What is inside a compressed capture; damage ends the stream and is named, instead of raising in the middle."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

from wire.pcapfile.kinds import CORRUPT, CUT_OFF, CaptureError, not_a_capture, sniff


class Decompressed(io.RawIOBase):
    """What a compressed stream holds. Damage ends it, and `damage` names it, instead of an exception."""

    def __init__(self, inner: BinaryIO, errors: tuple[type[BaseException], ...]) -> None:
        super().__init__()
        self._read = cast("Callable[[int], bytes]", getattr(inner, "read1", inner.read))
        self._errors = errors
        self.damage = ""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end. All of it is never wanted at once, so `size` must be given."""
        parts: list[bytes] = []
        while size > 0 and not self.damage:
            got = self._next(min(size, 1 << 18))
            if not got:
                break
            parts.append(got)
            size -= len(got)
        return b"".join(parts)

    def _next(self, size: int) -> bytes:
        try:
            return self._read(size)
        except EOFError:
            self.damage = CUT_OFF
        except self._errors:
            self.damage = CORRUPT
        return b""


def gunzip(stream: BinaryIO) -> BinaryIO:
    """The standard library's gzip, several members included."""
    inner = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    return cast(BinaryIO, Decompressed(inner, (gzip.BadGzipFile, zlib.error)))


class _Peeked(io.RawIOBase):
    """A stream of which the first bytes were already taken."""

    def __init__(self, head: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._head, self._stream = head, stream

    @property
    def damage(self) -> str:
        return str(getattr(self._stream, "damage", ""))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._head:
            return self._stream.read(size)
        head, self._head = self._head[:size], self._head[size:]
        return head + read_exactly(self._stream, size - len(head)) if size > len(head) else head


def open_capture(
    stream: BinaryIO, decompressors: Mapping[str, Callable[[BinaryIO], BinaryIO]] | None = None
) -> BinaryIO:
    """The stream itself, or what its gzip or zstd holds. Raises CaptureError when it is no capture or needs a
    decompressor that is not given."""
    known = {"gzip": gunzip, **(decompressors or {})}
    for _ in range(3):
        head = read_exactly(stream, 4)
        kind = sniff(head)
        stream = cast(BinaryIO, _Peeked(head, stream))
        if kind not in ("gzip", "zstd"):
            if kind is None:
                raise CaptureError(not_a_capture(head))
            return stream
        if kind not in known:
            raise CaptureError(f"{kind}-compressed, and this Python has no {kind} (install the zstandard package)")
        stream = known[kind](stream)
    raise CaptureError("compressed more than twice")


def read_exactly(stream: BinaryIO, size: int) -> bytes:
    """Exactly `size` bytes, fewer only at the end of the stream."""
    got = stream.read(size) or b""
    if len(got) == size or not got:
        return got
    parts, left = [got], size - len(got)
    while left:
        got = stream.read(left) or b""
        if not got:
            break
        parts.append(got)
        left -= len(got)
    return b"".join(parts)
