"""Bodies: by length, chunked, until close. The bytes are kept up to the limit, all are counted."""

import re

from wire.events import Message
from wire.http1 import exchanges, heads, place, search
from wire.http1.framing import MAX_LENGTH, PLAIN_SIZE, Framing
from wire.http1.state import (
    CHUNK,
    CLOSE,
    LENGTH,
    PEEK,
    RESPONSE,
    SEARCH,
    SIZE,
    START,
    TRAILERS,
    Context,
    Conversation,
    Exchange,
    Reader,
)
from wire.runs import Run

#: Longest chunk-size line with its extensions that is waited for.
SIZE_LINE = 4096

_SPACE = b" \t\r\n\x0b\x0c"
_HEX = b"0123456789abcdefABCDEF"
#: RFC 9112 section 7.1: chunk-size [ chunk-ext ]; up to three bytes of rubbish behind the size are let pass.
_SIZE = re.compile(rb"([0-9a-fA-F]+)(?:[ \t\x0b\x0c]*(?:;[^\n]*)?|[^\n;]{1,3})\r*\n")


def whole(reader: Reader, run: Run, p: int, need: int, exchange: Exchange, talk: Conversation, ctx: Context) -> int:
    """The usual case: a head ends at `p` and all of its body, `need` bytes, is there."""
    stop = p + need
    message = exchange.response if reader.kind == RESPONSE else exchange.request
    assert message is not None
    if need:
        message.body, message.body_size = run.data[p:stop], need
        message.end = run.offset + stop
        message.ended = place.ended(reader, run, stop, ctx)
    reader.mode = START
    if reader.kind == RESPONSE:
        exchanges.response_done(talk, exchange, ctx)
    else:
        exchanges.request_done(talk, exchange, ctx)
    return stop


def begin(
    reader: Reader, run: Run, p: int, framing: Framing, exchange: Exchange, talk: Conversation, ctx: Context
) -> int:
    """A head ends at `p`, its body begins there."""
    if framing.anomaly:
        exchange.note(framing.anomaly)
    if framing.mode == START:
        return whole(reader, run, p, 0, exchange, talk, ctx)
    reader.mode, reader.need, reader.fallback, reader.chunked = framing.mode, framing.need, framing.fallback, 0
    if exchange.request is None:
        reader.mode, reader.then = PEEK, framing.mode
    return p


def peek(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """The request was never seen. If it was HEAD, no body follows but the next response."""
    begins = search.status_line(run.data, p)
    if begins is None:
        return place.wait(reader, run, p)
    if begins:
        # The message ended with its head, and is dated so already.
        conclude(reader, message_of(reader, talk), talk, ctx)
        return p
    reader.mode = reader.then
    return p


def message_of(reader: Reader, talk: Conversation) -> Message:
    """The message a reader is in the middle of."""
    exchange = exchanges.current(talk, reader.kind)
    message = exchange.response if reader.kind == RESPONSE else exchange.request
    assert message is not None
    return message


def finish(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """The message under way ends at `p`."""
    message = message_of(reader, talk)
    message.end = run.offset + p
    message.ended = place.ended(reader, run, p, ctx)
    conclude(reader, message, talk, ctx)
    return p


def conclude(reader: Reader, message: Message, talk: Conversation, ctx: Context) -> None:
    """Hand over the message under way with what there is of its body."""
    if reader.kept:
        message.body = _collect(reader, ctx)
    reader.mode = START
    exchange = exchanges.current(talk, reader.kind)
    if reader.kind == RESPONSE:
        exchanges.response_done(talk, exchange, ctx)
    else:
        exchanges.request_done(talk, exchange, ctx)


def _collect(reader: Reader, ctx: Context) -> bytes:
    """All kept body bytes, those the store holds included."""
    parts = reader.parts
    if reader.spilled:
        assert ctx.fetch is not None
        spilled = ctx.fetch(ctx.session, reader.kind)
        parts = [spilled[: reader.kept - reader.waiting], *parts]
        ctx.dropped.append((ctx.session, reader.kind))
    reader.parts, reader.kept, reader.waiting, reader.spilled = [], 0, 0, False
    return b"".join(parts)


def keep(reader: Reader, data: bytes, talk: Conversation, ctx: Context) -> None:
    """Add body bytes, up to the cap."""
    message = message_of(reader, talk)
    size = len(data)
    message.body_size += size
    room = ctx.limits.body_bytes - reader.kept
    if size > room:
        message.truncated = True
        data, size = data[:room], room
        exchanges.current(talk, reader.kind).note("bodyCut")
    if size:
        reader.parts.append(data)
        reader.kept += size
        reader.waiting += size


def by_length(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """RFC 9112 section 6.3, case 6."""
    need = reader.need
    stop = min(p + need, len(run.data))
    if stop > p:
        keep(reader, run.data[p:stop] if p or stop < len(run.data) else run.data, talk, ctx)
    reader.need = need - (stop - p)
    return finish(reader, run, stop, talk, ctx) if reader.need == 0 else -1


def until_close(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """RFC 9112 section 6.3, case 8."""
    keep(reader, run.data[p:] if p else run.data, talk, ctx)
    return -1


def chunk_data(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """The rest of a chunk that did not come in one piece."""
    stop = min(p + reader.need, len(run.data))
    keep(reader, run.data[p:stop], talk, ctx)
    reader.need -= stop - p
    if reader.need == 0:
        reader.mode = SIZE
    return stop


def chunk_size(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """Chunk-size lines and the chunks behind them, as long as they are plain and whole."""
    data, n = run.data, len(run.data)
    parts: list[bytes] = []
    total, room = 0, ctx.limits.body_bytes - reader.kept
    while True:
        line = PLAIN_SIZE.match(data, p + 2 if data[p : p + 2] == b"\r\n" and reader.chunked else p)
        if line is None:
            break
        size, x = int(line[1], 16), line.end()
        stop = x + size
        if size <= 0 or stop > n or total + size > room:
            break
        parts.append(data[x:stop])
        total += size
        reader.chunked += 1
        p = stop
        if p >= n:
            break
    if parts:
        keep(reader, b"".join(parts) if len(parts) > 1 else parts[0], talk, ctx)
    return _odd_size(reader, run, p, talk, ctx) if p < n else p


def _odd_size(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """The last chunk, one that is not all there, or a size line that is not plain."""
    data = run.data
    n = len(data)
    while p < n and data[p] in _SPACE:
        p += 1
    if p == n:
        return p
    match = _SIZE.match(data, p)
    if match is None:
        if data[p] in _HEX and n - p < SIZE_LINE and data.find(b"\n", p) < 0:
            return place.wait(reader, run, p)
        return _not_chunked(reader, run, p, talk, ctx)
    exchange = exchanges.current(talk, reader.kind)
    if data[match.end(1)] not in b"\r \t;":
        exchange.note("oddChunkSize")
    size = min(int(match[1], 16), MAX_LENGTH)
    reader.chunked += 1
    reader.need = size
    reader.mode = CHUNK if size else TRAILERS
    return match.end()


def _not_chunked(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """No chunk size where one should be: at the first the body was never chunked, later it is broken."""
    exchange = exchanges.current(talk, reader.kind)
    if reader.chunked:
        exchange.note("badChunkSize")
        exchange.broken = True
        finish(reader, run, p, talk, ctx)
        reader.mode = SEARCH
        return p
    exchange.note("notChunked")
    if reader.fallback < 0:
        reader.mode = CLOSE
        return p
    reader.mode, reader.need = LENGTH, reader.fallback
    return p if reader.need else finish(reader, run, p, talk, ctx)


def trailers(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """RFC 9112 section 7.1.2: trailer fields, then an empty line."""
    data = run.data
    if data[p : p + 2] == b"\r\n":
        return finish(reader, run, p + 2, talk, ctx)
    if data[p : p + 1] == b"\n":
        return finish(reader, run, p + 1, talk, ctx)
    found = heads.end(data, p, done=False)
    if found is None:
        if len(data) - p <= ctx.limits.head_bytes:
            reader.line_read = True
            return place.wait(reader, run, p, len(data) - p)
        exchanges.current(talk, reader.kind).note("headTooLong")
        finish(reader, run, p, talk, ctx)
        reader.mode = SEARCH
        return p
    message = message_of(reader, talk)
    message.trailers, odd = heads.trailers(str(data[p : found[0]], "latin-1"))
    for code in odd:
        exchanges.current(talk, reader.kind).note(code)
    return finish(reader, run, found[1], talk, ctx)
