"""Undo the content codings of a body, within bounds, as far as the bytes allow.

Each decoder takes bytes and a limit and gives what could be decoded with the code of what was wrong. A witness keeps
everything readable: input that ends early gives what there is, a wrong checksum gives the data, bytes after the end are
left out, a coding that was announced but not applied gives the body as it is. Only what browsers decode is decoded:
gzip, deflate (with or without its zlib header), br, zstd.

gzip and deflate go through isal in one bounded call when they are whole and right; everything else takes zlib, slowly
and exactly.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache

import brotli
import msgspec
import zstandard
from isal import isal_zlib

from wire.charset import content_type, text

__all__ = ["CODINGS_LIMIT", "Decoded", "codings", "content_type", "decode", "text"]

#: More codings than this are not undone: nobody means them (curl stops at 5), and each costs a pass over the body.
CODINGS_LIMIT = 8

#: What a body decodes to before its ratio counts, and the ratio. deflate cannot do better than 1,032 to 1 (technical
#: details of zlib), so beyond that are only bombs: br packs 600,000 to 1, and codings within codings without end. With
#: both bounds a byte on the wire costs some 10 µs at worst, whatever it claims to hold; without them, a millisecond.
RATIO_FREE = 255 * 1024
RATIO = 1032

CHECKSUM = "encodingChecksum"
CORRUPT = "encodingCorrupt"
CUT = "encodingCut"
LIMIT = "encodingLimit"
MANY = "encodingMany"
NOT_APPLIED = "encodingNotApplied"
RATIO_LIMIT = "encodingRatio"
TRAILING = "encodingTrailing"
UNKNOWN = "encodingUnknown"

_SLICE = 64 * 1024
_FINE_SLICE = 256
_SMALL = 1024
# A zstd block of 4 bytes may give 128 KB, so this much input gives 32 MB at most in one call.
_ZSTD_SLICE = 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# RFC 9659 §3: the window of zstd as a content coding is at most 8 MB.
_ZSTD_WINDOW = 8 << 20

# The library's stub calls the class an instance.
_ISAL_ERROR: type[Exception] = isal_zlib.IsalError  # type: ignore[assignment]

_SEPARATORS = re.compile(r"[,;\s\x00]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """A body with its codings undone.

    `encodings` are those really undone, first applied first; `truncated` says that more than the limit would have come
    out; `anomalies` are codes of `wire.anomalies`.
    """

    data: bytes
    encodings: tuple[str, ...]
    truncated: bool
    anomalies: tuple[str, ...]


# Making a decompressor costs four times what a small body does; popping from a list is atomic, so threads may share it.
_zstd_pool: list[zstandard.ZstdDecompressor] = []

#: What a decoder gives: the output, at most limit bytes, and a code or "". None: this coding was never applied.
_Result = tuple[bytes, str] | None


@lru_cache(1024)
def _codings(joined: str) -> tuple[str, ...]:
    names = (name.strip("\"'") for name in _SEPARATORS.split(joined.lower()))
    # RFC 9110 §8.4.1: x-gzip is gzip, names are case-insensitive; "identity" and empty list members mean nothing.
    short = (name[2:] if name in ("x-gzip", "x-deflate", "x-compress") else name for name in names)
    return tuple(name for name in short if name and name != "identity" and "=" not in name)


def codings(values: Sequence[str]) -> tuple[str, ...]:
    """The codings that Content-Encoding field lines name, in the order they were applied (RFC 9110 §8.4)."""
    return _codings(values[0] if len(values) == 1 else ",".join(values))


def decode(raw: bytes, encoding: Sequence[str], limit: int) -> Decoded:
    """Undo the content codings of `raw`; `encoding` are the Content-Encoding field values, `limit` bounds every step,
    and so does `RATIO`.

    Never raises on what the bytes are.
    """
    names = codings(encoding) if encoding else ()
    if not names or not raw:
        return Decoded(raw[:limit], (), len(raw) > limit, ())
    bound = max(RATIO_FREE, len(raw) * RATIO)
    if bound >= limit:
        return _decode_one(raw, names, limit) if len(names) == 1 else _decode_all(raw, names, limit)
    decoded = _decode_one(raw, names, bound) if len(names) == 1 else _decode_all(raw, names, bound)
    if LIMIT not in decoded.anomalies:
        return decoded
    anomalies = tuple(RATIO_LIMIT if code == LIMIT else code for code in decoded.anomalies)
    return Decoded(decoded.data, decoded.encodings, decoded.truncated, anomalies)


def _decode_one(raw: bytes, names: tuple[str, ...], limit: int) -> Decoded:
    decoder = _DECODERS.get(names[0])
    result = decoder(raw, limit) if decoder is not None else None
    if result is None:
        return Decoded(raw[:limit], (), len(raw) > limit, (UNKNOWN if decoder is None else NOT_APPLIED,))
    data, code = result
    return Decoded(data, names, code == LIMIT, (code,) if code else ())


def _decode_all(raw: bytes, names: tuple[str, ...], limit: int) -> Decoded:
    if len(names) > CODINGS_LIMIT:
        return Decoded(raw[:limit], (), len(raw) > limit, (MANY,))
    anomalies: list[str] = []
    applied: list[str] = []
    data = raw
    left = 2 * limit  # for all steps together
    for name in reversed(names):
        decoder = _DECODERS.get(name)
        if decoder is None:
            anomalies.append(UNKNOWN)
            break  # what lies below an unknown coding cannot be read
        result = decoder(data, min(limit, left))
        if result is None:
            anomalies.append(NOT_APPLIED)
            continue
        data, code = result
        left -= len(data)
        applied.append(name)
        if code:
            anomalies.append(code)
    applied.reverse()
    truncated = LIMIT in anomalies or len(data) > limit
    return Decoded(data[:limit], tuple(applied), truncated, tuple(dict.fromkeys(anomalies)))


def _gunzip(data: bytes, limit: int) -> _Result:
    if not data.startswith(b"\x1f\x8b"):
        return (b"", CUT) if data == b"\x1f" else None
    return _quick(data, 31, limit) or _gunzip_exact(data, limit)


def _inflate(data: bytes, limit: int) -> _Result:
    """`deflate` is zlib's format (RFC 9110 §8.4.1.2), but many senders leave the zlib header away."""
    header = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    quick = _quick(data, 15 if header else -15, limit)
    if quick is not None:
        return quick
    for start in (2, 0) if header else (0, 2):
        out, end, code = _raw_inflate(data, start, limit)
        if code == CORRUPT and not out:
            continue
        if _plain(data, code):
            return None
        if not code and start == 2:
            code = _check(data[end : end + 4], zlib.adler32(out).to_bytes(4, "big"), data, end + 4)
        elif not code and end < len(data):
            code = TRAILING
        return out, code
    return None


def _quick(data: bytes, wbits: int, limit: int) -> _Result:
    """The output of one whole, right stream, or as much of a stream as fits; None for everything else."""
    # isal's state is so large that filling it costs more than a small body does in zlib.
    inflater = zlib.decompressobj(wbits) if len(data) < _SMALL else isal_zlib.decompressobj(wbits)
    try:
        out = inflater.decompress(data, limit + 1)
    except (zlib.error, _ISAL_ERROR):
        return None
    if len(out) > limit:
        return out[:limit], LIMIT
    return (out, "") if inflater.eof and not inflater.unused_data else None


def _gunzip_exact(data: bytes, limit: int) -> _Result:
    """Member by member (RFC 1952 §2.2), keeping all that can be read."""
    parts: list[bytes] = []
    size, at = 0, 0
    while at < len(data):
        start = _gzip_header(data, at)
        if start is None:
            # The first header must be right, later ones may be padding or anything else behind the data.
            return (b"".join(parts), TRAILING) if parts else None
        if start > len(data):
            return b"".join(parts), CUT
        out, end, code = _raw_inflate(data, start, limit - size)
        parts.append(out)
        size += len(out)
        if code:
            return b"".join(parts), code
        expected = zlib.crc32(out).to_bytes(4, "little") + (len(out) & 0xFFFFFFFF).to_bytes(4, "little")
        if data[end : end + 8] != expected:
            return b"".join(parts), CUT if end + 8 > len(data) else CHECKSUM
        at = end + 8
    return b"".join(parts), ""


def _gzip_header(data: bytes, at: int) -> int | None:
    """Where the deflate stream of the member at `at` begins (beyond the data if it is cut off); None: no member."""
    if data[at : at + 2] != b"\x1f\x8b"[: len(data) - at]:
        return None
    beyond = len(data) + 1
    if at + 10 > len(data):
        return beyond
    flags, pos = data[at + 3], at + 10
    if flags & 4:  # FEXTRA
        pos += 2 + int.from_bytes(data[pos : pos + 2], "little")
    for flag in (8, 16):  # FNAME, FCOMMENT: each ends with a zero byte
        if flags & flag:
            zero = data.find(b"\x00", pos)
            if zero < 0:
                return beyond
            pos = zero + 1
    return pos + 2 if flags & 2 else pos  # FHCRC


def _check(found: bytes, expected: bytes, data: bytes, end: int) -> str:
    if found != expected:
        return CUT if len(found) < len(expected) else CHECKSUM
    return TRAILING if end < len(data) else ""


def _raw_inflate(data: bytes, start: int, limit: int) -> tuple[bytes, int, str]:
    """Deflate (RFC 1951) from `start`: output, where it ended, and "", CUT, CORRUPT or LIMIT.

    zlib drops the output of a call that fails, so a failing slice is done again in ever smaller ones.
    """
    inflater = zlib.decompressobj(-15)
    parts: list[bytes] = []
    size, at, step = 0, start, _SLICE
    while not inflater.eof:
        if at >= len(data):
            return b"".join(parts), at, CUT
        before = inflater.copy()
        try:
            out = inflater.decompress(data[at : at + step], limit + 1 - size)
        except zlib.error:
            if step == 1:
                return b"".join(parts), at, CORRUPT
            inflater, step = before, _FINE_SLICE if step > _FINE_SLICE else 1
            continue
        parts.append(out)
        size += len(out)
        if size > limit:
            return b"".join(parts)[:limit], at, LIMIT
        at = min(at + step, len(data)) - len(inflater.unused_data)
    return b"".join(parts), at, ""


def _unbrotli(data: bytes, limit: int) -> _Result:
    """Brotli (RFC 7932) has no mark to know it by: what fails at once, or fails and is plain text, was never coded."""
    data = _small_window(data, limit)
    decompressor = brotli.Decompressor()
    try:
        out = decompressor.process(data, output_buffer_limit=limit + 1) if len(data) <= _SLICE else b""
    except brotli.error:
        out = b""
    if len(out) > limit:
        return out[:limit], LIMIT
    if out and decompressor.is_finished():  # nearly always: a tenth faster than in parts
        return out, ""
    out, code = _brotli_parts(data, limit)
    if (code == CORRUPT and not out) or _plain(data, code):
        return None
    return out, code


def _small_window(data: bytes, limit: int) -> bytes:
    """The stream with no larger window than `limit` bytes of output need.

    The decoder fills its whole window before it gives anything: 16 MB for the 14 bytes of a bomb. RFC 7932 §9.1: WBITS
    of 18 to 24 are 4 bits, 1 and WBITS - 17; up to the size of the window nothing that is decoded depends on it."""
    wanted = max(1, (limit + 16).bit_length() - 17)
    if not data or not data[0] & 1 or data[0] >> 1 & 7 <= wanted:
        return data
    return bytes([data[0] & 0xF0 | wanted << 1 | 1]) + data[1:]


def _plain(data: bytes, code: str) -> bool:
    """Whether bytes that did not decode are text: 16 or more compressed bytes are hardly ever all printable ASCII."""
    head = data[:_FINE_SLICE]
    return code in (CORRUPT, CUT) and len(head) >= 16 and head.isascii() and not _CONTROL.search(head)


def _brotli_parts(data: bytes, limit: int) -> tuple[bytes, str]:
    """Brotli's decoder drops the output of a call that fails and its state cannot be copied: it begins again, fast to
    the slice that failed and in ever smaller steps from there."""
    decompressor = brotli.Decompressor()
    parts: list[bytes] = []
    size, at, step, sure = 0, 0, _SLICE, 0
    while not decompressor.is_finished():
        given, start = b"", at
        if decompressor.can_accept_more_data() and at < len(data):
            at = min(at + _SLICE, sure) if at < sure else at + step
            given = data[start:at]
        try:
            out = decompressor.process(given, output_buffer_limit=limit + 1 - size)
        except brotli.error:
            if step == 1:
                return b"".join(parts), CORRUPT
            step, sure = _FINE_SLICE if step > _FINE_SLICE else 1, start
            decompressor, parts, size, at = brotli.Decompressor(), [], 0, 0
            continue
        if not out and not given and at >= len(data) and not decompressor.is_finished():
            # It gives its output in pieces: only an empty one says that no more is there.
            return b"".join(parts), CUT
        parts.append(out)
        size += len(out)
        if size > limit:
            return b"".join(parts)[:limit], LIMIT
    return b"".join(parts), TRAILING if at < len(data) else ""


def _unzstd(data: bytes, limit: int) -> _Result:
    """Frame by frame (RFC 8878 §3.1); skippable frames give nothing."""
    # What another coding gave may hold more bombs than the body has bytes.
    step = _ZSTD_SLICE if limit >= len(data) * RATIO else min(_ZSTD_SLICE, max(16, limit >> 15))
    if len(data) <= step and data.startswith(_ZSTD_MAGIC):
        quick = _zstd_quick(data, limit)
        if quick is not None:
            return quick
    parts: list[bytes] = []
    size, at = 0, 0
    while at < len(data):
        if not _zstd_magic(data[at : at + 4]):
            return (b"".join(parts), TRAILING) if at else None
        out, at, code = _zstd_frame(data, at, limit - size, step)
        parts.append(out)
        size += len(out)
        if code:
            return b"".join(parts), code
    return b"".join(parts), ""


def _zstd_quick(data: bytes, limit: int) -> _Result:
    """The output of one whole, right frame, or as much of one as fits, in one call; None for everything else."""
    decompressor = _zstd_pool.pop() if _zstd_pool else zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = decompressor.decompressobj()
    try:
        out = frame.decompress(data)
    except zstandard.ZstdError:
        return None
    if len(out) > limit:
        return out[:limit], LIMIT
    if not frame.eof or frame.unused_data:
        return None
    _zstd_pool.append(decompressor)  # only one that ended well
    return out, ""


def _zstd_frame(data: bytes, at: int, limit: int, step: int) -> tuple[bytes, int, str]:
    decompressor = _zstd_pool.pop() if _zstd_pool else zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame = decompressor.decompressobj()
    parts: list[bytes] = []
    size = 0
    while not frame.eof:
        if at >= len(data):
            return b"".join(parts), at, CUT
        try:
            out = frame.decompress(data[at : at + step])
        except zstandard.ZstdError:
            return b"".join(parts), at, CORRUPT
        at = min(at + step, len(data)) - len(frame.unused_data)
        parts.append(out)
        size += len(out)
        if size > limit:
            return b"".join(parts)[:limit], at, LIMIT
    _zstd_pool.append(decompressor)  # only one that ended well
    return b"".join(parts), at, ""


def _zstd_magic(head: bytes) -> bool:
    if _ZSTD_MAGIC.startswith(head):
        return True
    return len(head) == 4 and head[1:] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


_DECODERS: dict[str, Callable[[bytes, int], _Result]] = {
    "gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
