"""The usual messages in one go: whole, plain heads with no body or all of it, by length or in chunks.

Nine in ten messages are so, and most of what the general reader does for them is deciding that nothing is odd. Here
this is asked once, and they are read where they stand in the payload of a slice, which is not copied for it. At the
first message that is not quite usual these functions stop in front of it and the general reader goes on from there; it
gives the same for every message read here (a test compares both).
"""

from bisect import bisect_right

from wire.events import Headers, Message
from wire.http1 import exchanges, proof
from wire.http1 import reader as reading
from wire.http1.framing import PLAIN_SIZE, plain_length
from wire.http1.heads import METHODS, VERSIONS, OddHead, ResponseHead, fields, response
from wire.http1.state import REQUEST, START, Context, Conversation, Exchange, Reader
from wire.runs import Payload, Run

_WITHOUT_BODY = (204, 304)
_CHUNKED = ["chunked"]


def turn(
    source: Payload, start: int, stop: int, first: int, last: int, shift: int,
    reader: Reader, talk: Conversation, ctx: Context,
) -> None:  # fmt: skip
    """Read what packets `first` to `last` carry, which stands from `start` to `stop`; `shift` makes stream offsets of
    positions."""
    at, head = start, None
    if reader.mode == START and talk.sure and not reader.tail:
        if reader.kind == REQUEST:
            at = _requests(source, start, stop, first, last, shift, talk, ctx)
        else:
            at, head = _responses(source, start, stop, first, last, shift, talk, ctx)
        if at > start:
            reader.given += at - start
            reader.position = at + shift
            reader.last = source.columns.time[last]
    if at < stop:
        reading.feed(reader, _rest(source, at, stop, first, last, shift), talk, ctx, head)
    else:
        ctx.progress = (source.chunk << 24) + source.columns.index[last] + 1


def _rest(source: Payload, at: int, stop: int, first: int, last: int, shift: int) -> Run:
    """The bytes from `at` on as a run."""
    if first != last:
        first = bisect_right(source.columns.end, at, first, last)
    offset = at + shift
    return Run(offset, offset, source.data[at:stop], source.columns, first, last, shift, source.chunk, source.day)


def _requests(
    source: Payload, p: int, stop: int, first: int, last: int, shift: int, talk: Conversation, ctx: Context
) -> int:
    """Read usual requests. Returns the position of the first byte not read."""
    data, columns, limits = source.data, source.columns, ctx.limits
    begun = done = first
    while p < stop and not talk.holding and len(talk.exchanges) < limits.waiting_requests:
        e = data.find(b"\r\n\r\n", p, stop)
        if e < 0 or e - p > limits.head_bytes - 4:
            return p
        lines = str(data[p:e], "latin-1").split("\r\n")
        try:
            method, target, version = lines[0].split(" ")
            number = VERSIONS[version]
            del lines[0]
            headers = fields(lines)
        except (ValueError, KeyError, OddHead):
            return p
        if method not in METHODS or method == "CONNECT" or "upgrade" in headers or not target.isprintable():
            return p
        after, body = e + 4, b""
        if "content-length" in headers or "transfer-encoding" in headers:
            need = plain_length(headers)
            if need < 0 or need > stop - after or need > limits.body_bytes:
                return p
            body = data[after : after + need]
            after += need
        if first != last:
            begun = bisect_right(columns.end, p, first, last)
            done = bisect_right(columns.end, after - 1, first, last)
        if talk.exchanges and talk.exchanges[-1].acked != columns.ack[begun]:
            return p
        started, ended = columns.time[begun], columns.time[done]
        message = Message(
            p + shift, after + shift, started, ended, number, method, target, 0, "", headers, {}, body, len(body)
        )
        talk.exchanges.append(
            Exchange(message, None, [], [], True, False, False, False, source.chunk, source.day, columns.ack[begun])
        )
        if not talk.protocol:
            talk.protocol = "http/1.1"
        p = after
    return p


def _responses(
    source: Payload, p: int, stop: int, first: int, last: int, shift: int, talk: Conversation, ctx: Context
) -> tuple[int, ResponseHead | None]:
    """Read usual responses to requests that wait in order. Returns the position of the first byte not read, and the
    head that stands there if it was taken apart already."""
    data, columns, limits, waiting = source.data, source.columns, ctx.limits, talk.exchanges
    begun = done = first
    while p < stop and waiting:
        exchange = waiting[0]
        request = exchange.request
        if request is None or exchange.response is not None:
            return p, None
        e = data.find(b"\r\n\r\n", p, stop)
        if e < 0 or e - p > limits.head_bytes - 4:
            return p, None
        try:
            head = response(str(data[p:e], "latin-1"))
        except OddHead:
            return p, None
        version, status, reason, headers, _ = head
        body, after = _body(data, e + 4, stop, request.method, status, headers, limits.body_bytes)
        if first != last:
            begun = bisect_right(columns.end, p, first, last)
            done = bisect_right(columns.end, after - 1, first, last)
        if (
            after < 0
            or status < 200
            or not exchange.requested
            or request.method == "CONNECT"
            or proof.received(talk, request.offset + 1, columns.ack[begun]) is False
        ):
            return p, head
        exchange.response = Message(
            p + shift, after + shift, columns.time[begun], columns.time[done], version, "", "", status, reason,
            headers, {}, body, len(body),
        )  # fmt: skip
        exchange.answered = True
        talk.holding = False
        ctx.progress = (source.chunk << 24) + columns.index[done] + 1
        del waiting[0]
        exchanges.emit(talk, exchange, ctx)
        p = after
    return p, None


def _body(
    data: bytes, p: int, end: int, method: str, status: int, headers: Headers, room: int
) -> tuple[bytes, int]:
    """The body that follows a head at `p`, with the position behind it; -1 where it is not all there before `end`, or
    not usual."""
    if method == "HEAD" or status in _WITHOUT_BODY:
        # Bytes behind it may be the next response, or a body that should not be there.
        return b"", p if p == end else -1
    need = plain_length(headers)
    if need >= 0:
        stop = p + need
        return (data[p:stop], stop) if stop <= end and need <= room else (b"", -1)
    if headers.get("transfer-encoding") == _CHUNKED and "content-length" not in headers:
        return chunks(data, p, end, room)
    return b"", -1


def chunks(data: bytes, p: int, end: int, room: int) -> tuple[bytes, int]:
    """A whole chunked body of at most `room` bytes from `p` to `end`, with the position behind it; -1 where it is not
    all there, or has anything but sizes (RFC 9112 section 7.1): extensions, trailers, other line ends."""
    match_size = PLAIN_SIZE.match
    parts: list[bytes] = []
    while True:
        line = match_size(data, p, end)
        if line is None:
            return b"", -1
        size = int(line[1], 16)
        p = line.end()
        stop = p + size
        room -= size
        if room < 0 or stop + 2 > end or data[stop : stop + 2] != b"\r\n":
            return b"", -1
        if not size:
            return b"".join(parts), stop + 2
        parts.append(data[p:stop])
        p = stop + 2
