"""zstd, where this host has it: in the standard library (Python 3.14) or as the zstandard package. Else none: zlib
would cost more time than it saves."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from wire.pcapfile import Decompressed

#: The fastest level that still looks for matches: packets are made small for the wire, not for ever.
LEVEL = 1

Compress = Callable[[bytes], bytes]


def compressor() -> Compress | None:
    """A function that compresses one chunk, None where there is no zstd."""
    native = optional("compression.zstd")
    if native:
        return lambda data: cast(bytes, native.compress(data, LEVEL))
    package = optional("zstandard")
    if package:
        return lambda data: cast(bytes, package.ZstdCompressor(LEVEL).compress(data))
    return None


def decompressors() -> dict[str, Callable[[BinaryIO], BinaryIO]]:
    """What `wire.pcapfile.open_capture` needs to read zstd-compressed files; empty where there is no zstd."""
    native = optional("compression.zstd")
    if native:
        return {"zstd": lambda stream: _quiet(native.ZstdFile(stream), native.ZstdError)}
    package = optional("zstandard")
    if package:
        return {"zstd": lambda stream: _quiet(_reader(package, stream), package.ZstdError)}
    return {}


def _reader(package: Any, stream: BinaryIO) -> io.BufferedReader:
    return io.BufferedReader(package.ZstdDecompressor().stream_reader(stream, read_across_frames=True), 1 << 18)


def _quiet(stream: Any, error: type[BaseException]) -> BinaryIO:
    return cast(BinaryIO, Decompressed(stream, (error,)))


def optional(name: str) -> Any:
    """A module that this host may have, or None."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
