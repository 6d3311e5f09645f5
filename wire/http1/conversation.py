"""Both directions together: what arrives, what is missing, what ends, and which side waits for the other."""

from wire.http1 import body, exchanges, messages, place, proof
from wire.http1 import reader as reading
from wire.http1.state import (
    CHUNK,
    CLOSE,
    LEFT,
    LENGTH,
    REQUEST,
    RESPONSE,
    SEARCH,
    SIZE,
    START,
    TRAILERS,
    UNKNOWN,
    Context,
    Conversation,
    Reader,
)
from wire.runs import Run, run_of

#: Packets held back for the other direction. Like `Limits.unpaired_bytes`, for packets of a few bytes.
BLOCKED_PIECES = 4096


def new(client: int) -> Conversation:
    """A conversation of which nothing was read. `client`: the side that opened the connection, -1 when not seen."""
    seen = client >= 0
    readers = Reader(after_gap=not seen), Reader(after_gap=not seen)
    talk = Conversation(readers, client=client, sure=seen, start_seen=seen, ordered=seen)
    if seen:
        talk.readers[client].kind, talk.readers[1 - client].kind = REQUEST, RESPONSE
    return talk


def data(talk: Conversation, side: int, run: Run, ctx: Context) -> None:
    """The next bytes of one direction."""
    reader = talk.readers[side]
    if reader.blocked:
        reader.given += len(run.data)
        place.block(reader, run, 0, talk)
    else:
        reading.feed(reader, run, talk, ctx)
    if talk.blocked:
        settle(talk, run.time, ctx)


def settle(talk: Conversation, now: int, ctx: Context) -> None:
    """Let a direction that waits for the other go on, when it can or has waited for too long."""
    moved = True
    while moved:
        moved = False
        for reader in talk.readers:
            if not reader.blocked:
                continue
            if not _must_wait(talk, reader):
                moved = _replay(reader, talk, ctx)
            elif (
                reader.blocked_bytes > ctx.limits.unpaired_bytes
                or len(reader.blocked) > BLOCKED_PIECES
                or now - reader.blocked_since > ctx.limits.gap_time
            ):
                moved = _force(reader, talk, ctx)
    talk.blocked = any(reader.blocked for reader in talk.readers)


def _must_wait(talk: Conversation, reader: Reader) -> bool:
    if reader.kind == REQUEST:
        return talk.holding
    return talk.sure and not exchanges.unanswered(talk)


def _replay(reader: Reader, talk: Conversation, ctx: Context) -> bool:
    """Read what waited. It may have to wait again, from some later message on. True: something moved."""
    pieces, before = reader.blocked, reader.blocked_bytes
    reader.blocked, reader.blocked_bytes = [], 0
    left = before
    for number, piece in enumerate(pieces):
        left -= len(piece.data)
        reading.feed(reader, run_of(piece), talk, ctx)
        if reader.blocked:
            # All the others wait on as they are: one by one, a flood of requests that wait took the square of its size.
            reader.blocked += pieces[number + 1 :]
            reader.blocked_bytes += left
            break
    return reader.blocked_bytes < before


def _force(reader: Reader, talk: Conversation, ctx: Context) -> bool:
    """What this direction waits for does not come."""
    if reader.kind == REQUEST:
        talk.holding = False
    else:
        # The request was never captured: order proves nothing any more.
        talk.sure = talk.ordered = False
    return _replay(reader, talk, ctx)


def _force_all(reader: Reader, talk: Conversation, ctx: Context) -> None:
    while reader.blocked:
        _force(reader, talk, ctx)


def gap(talk: Conversation, side: int, offset: int, size: int, ctx: Context) -> None:
    """`size` bytes of one direction at a stream offset will never come."""
    reader = talk.readers[side]
    _force_all(reader, talk, ctx)
    reading.settle_peek(reader, talk, ctx)
    mode = reader.mode
    if mode == LEFT:
        return
    if mode in (LENGTH, CHUNK, CLOSE):
        message = body.message_of(reader, talk)
        message.gap = True
        message.body_size += min(size, reader.need) if mode != CLOSE else size
        if mode == CLOSE or size <= reader.need:
            _step_over(reader, offset + size, size, talk, ctx)
            return
    _lose_place(reader, offset, talk, ctx)
    reader.gap_end = offset + size


def _step_over(reader: Reader, stop: int, size: int, talk: Conversation, ctx: Context) -> None:
    """A gap inside a body, of which the end is still known."""
    if reader.mode == CLOSE:
        return
    reader.need -= size
    if reader.need:
        return
    if reader.mode == CHUNK:
        reader.mode = SIZE
        return
    message = body.message_of(reader, talk)
    message.end, message.ended = stop, reader.last
    body.conclude(reader, message, talk, ctx)


def _lose_place(reader: Reader, offset: int, talk: Conversation, ctx: Context) -> None:
    """A gap that may have swallowed the start of a message, or several messages."""
    inside = reader.mode in (LENGTH, SIZE, CHUNK, TRAILERS)
    if inside:
        reader.tail = bytearray()
        if reader.kind == REQUEST:
            talk.heard = exchanges.current(talk, REQUEST).answer_acked
        message = body.message_of(reader, talk)
        message.gap = True
        message.end, message.ended = offset, reader.last
        body.conclude(reader, message, talk, ctx)
        reader.mode = SEARCH
    place.drop_tail(reader, "gap", ctx)
    exchanges.lose_place(talk, reader)
    reader.mode = SEARCH


def end(talk: Conversation, side: int, ctx: Context, *, orderly: bool) -> None:
    """One direction is over: by FIN (`orderly`) or cut off."""
    reader = talk.readers[side]
    if reader.ended:
        return
    _force_all(reader, talk, ctx)
    reading.settle_peek(reader, talk, ctx)
    reader.ended = True
    if reader.mode == START and reader.tail:
        _end_in_head(reader, talk, ctx)
    elif reader.mode in (LENGTH, SIZE, CHUNK, TRAILERS, CLOSE):
        _end_in_body(reader, talk, ctx, orderly=orderly)
    place.drop_tail(reader, "unfinished", ctx)
    if talk.blocked:
        settle(talk, 0, ctx)


def _end_in_head(reader: Reader, talk: Conversation, ctx: Context) -> None:
    if reader.kind == UNKNOWN or (reader.kind == REQUEST and reading.settle_simple(talk, ctx)):
        return
    if reader.kind == RESPONSE and talk.sure and not exchanges.unanswered(talk):
        return
    run = reading.tail_run(reader)
    if b"\n" in run.data:
        text = str(run.data, "latin-1")
        if messages.partial(reader, run, 0, len(run.data), text, talk, ctx, "headCut"):
            reader.tail = bytearray()


def _end_in_body(reader: Reader, talk: Conversation, ctx: Context, *, orderly: bool) -> None:
    message = body.message_of(reader, talk)
    if reader.mode == TRAILERS:
        # RFC 9112 section 8: all chunks came, only the end of the trailers is missing.
        exchanges.current(talk, reader.kind).note("trailersCut")
    elif reader.mode != CLOSE or not orderly:
        message.cut = True
    message.end = reader.offset + len(reader.tail) if reader.tail else reader.position
    message.ended = reader.last
    reader.tail = bytearray()
    body.conclude(reader, message, talk, ctx)


def close(talk: Conversation, ctx: Context) -> None:
    """The session is over: write out whatever waits."""
    for side in (talk.client, 1 - talk.client) if talk.client >= 0 else (0, 1):
        end(talk, side, ctx, orderly=False)
    exchanges.settle(talk, proof.at_end(talk), ctx)
    exchanges.write_orphans(talk, ctx)
    for exchange in talk.exchanges:
        exchanges.emit(talk, exchange, ctx)
    talk.exchanges = []
