"""Where a reader is: bytes that wait, bytes that are passed over, and which packet carried what."""

from wire.http1.state import LEFT, Context, Conversation, Reader
from wire.runs import Piece, Run


def wait(reader: Reader, run: Run, p: int, searched: int = 0) -> int:
    """Keep the rest of a run until more comes. `searched`: how much of it holds no end of a head. Returns -1."""
    at = run.offset + p
    if at >= run.start and at != reader.found:
        date(reader, run, at)
    reader.tail = bytearray(run.data[p:] if p else run.data)
    reader.offset = at
    reader.searched = searched
    return -1


def date(reader: Reader, run: Run, at: int) -> None:
    """What begins now is dated by the packet with the byte at a stream offset."""
    packet = run.packet(at)
    reader.started, reader.started_ack = run.columns.time[packet], run.columns.ack[packet]
    reader.started_chunk, reader.started_day = run.chunk, run.day


def block(reader: Reader, run: Run, p: int, talk: Conversation) -> int:
    """Hold back the rest of a run, packet by packet, until the other direction says what it is. Returns -1."""
    at = run.offset + p
    first = run.packet(at)
    columns = run.columns
    if not reader.blocked:
        reader.blocked_since = columns.time[first]
    for packet in range(first, run.last + 1):
        end = columns.end[packet] + run.shift if packet < run.last else run.offset + len(run.data)
        data = run.data[at - run.offset : end - run.offset]
        reader.blocked.append(Piece(at, data, columns.time[packet], columns.ack[packet], 0, run.chunk, run.day))
        reader.blocked_bytes += len(data)
        at = end
    reader.given -= len(run.data) - p
    talk.blocked = True
    return -1


def skip(reader: Reader, size: int, reason: str, ctx: Context) -> None:
    """Account for bytes that are no part of a message."""
    if size > 0:
        reader.skipped[reason] = reader.skipped.get(reason, 0) + size
        ctx.count("payload.skipped." + reason, size)


#: Which packets carried a head: times of its first and last, and the first one's ACK number, chunk and day.
Span = tuple[int, int, int, int, str]


def span(reader: Reader, run: Run, p: int, after: int, ctx: Context) -> Span:
    """Dates the bytes from `p` to `after`. What is written now was completed by their last packet."""
    if run.first == run.last and run.offset == run.start and run.offset + p != reader.found:
        columns = run.columns
        time = columns.time[run.first]
        return time, time, columns.ack[run.first], run.chunk, run.day
    started, ack, chunk, day = first(reader, run, p)
    return started, ended(reader, run, after, ctx), ack, chunk, day


def first(reader: Reader, run: Run, p: int) -> tuple[int, int, int, str]:
    """Time, acknowledgement number, chunk and day of the packet with the byte at `p`."""
    at = run.offset + p
    if at < run.start or at == reader.found:
        return reader.started, reader.started_ack, reader.started_chunk, reader.started_day
    packet = run.packet(at)
    return run.columns.time[packet], run.columns.ack[packet], run.chunk, run.day


def ended(reader: Reader, run: Run, p: int, ctx: Context) -> int:
    """Time of the packet with the byte before `p`. What is written now was completed by that packet."""
    at = run.offset + p - 1
    if at < run.start:
        return reader.last
    if run.first == run.last:
        return run.columns.time[run.first]
    packet = run.packet(at)
    ctx.progress = (run.chunk << 24) + run.columns.index[packet] + 1
    return run.columns.time[packet]


def same_packet(run: Run, p: int) -> bool:
    """Are the bytes before and after `p` in one packet of this run?"""
    at = run.offset + p
    return run.start < at < run.offset + len(run.data) and run.packet(at - 1) == run.packet(at)


def leave(talk: Conversation, reason: str, ctx: Context) -> None:
    """The rest of the connection, both ways, is not HTTP."""
    talk.left = reason
    for reader in talk.readers:
        reader.mode = LEFT
        drop_tail(reader, reason, ctx)
        reader.given += reader.blocked_bytes
        skip(reader, reader.blocked_bytes, reason, ctx)
        reader.blocked, reader.blocked_bytes = [], 0
    talk.blocked = False


def drop_tail(reader: Reader, reason: str, ctx: Context) -> None:
    """Pass over the bytes that wait."""
    if reader.tail:
        skip(reader, len(reader.tail), reason, ctx)
        reader.tail = bytearray()
        reader.searched = 0
