"""One direction's bytes → messages. Each step takes a run and a position in it, and answers the position after what it
understood, or -1: it needs more, and what is left waits in `tail`.

No byte is looked at again for nothing: a head that comes in small pieces remembers how far it was searched, a body
goes straight into its parts. What a reader knows after n bytes depends on those bytes and their packets alone.
"""

import re

from wire.http1 import body, exchanges, framing, heads, messages, place, proof, search
from wire.http1.state import PEEK, REQUEST, RESPONSE, SEARCH, START, TRAILERS, UNKNOWN, Context, Conversation, Reader
from wire.runs import Run, past_run

_SPACE = b" \t\r\n\0\x0b\x0c"
#: A head that waits with more bytes than this is searched for its end before it is copied.
LONG_TAIL = 512
#: RFC 1945 section 4.1, Simple-Request: "GET" SP Request-URI CRLF.
_SIMPLE = re.compile(rb"\s*GET +\S+[ \t]*\r?\n", re.I)


def feed(
    reader: Reader, run: Run, talk: Conversation, ctx: Context, head: heads.ResponseHead | None = None
) -> None:
    """Read a run that follows directly on what this reader has read. `head`: the one that it begins with, if it was
    taken apart before."""
    size = len(run.data)
    reader.given += size
    reader.position = run.offset + size
    index = run.columns.index
    last = (run.chunk << 24) + index[run.last] + 1 if index else ctx.progress
    if run.first == run.last:
        ctx.progress = last
    p = 0
    if head is not None:
        p = messages.response(reader, run, 0, run.data.index(b"\r\n\r\n") + 4, head, talk, ctx)
    elif reader.tail and not _join(reader, run, ctx):
        p = -1
    n = len(run.data)
    while 0 <= p < n:
        p = _STEPS[reader.mode](reader, run, p, talk, ctx)
    reader.last = run.columns.time[run.last]
    ctx.progress = last


def _join(reader: Reader, run: Run, ctx: Context) -> bool:
    """Put the waiting bytes before the run. False: there is no end of the head in it, so do not copy it all again."""
    tail = reader.tail
    before = len(tail)
    known = reader.line_read or b"\n" not in run.data
    tail += run.data
    whole_head = reader.mode in (START, TRAILERS) and reader.searched and known
    grows = before >= LONG_TAIL and whole_head and len(tail) <= ctx.limits.head_bytes
    if grows and heads.end(tail, max(0, reader.searched - 4), done=False) is None:
        reader.searched = len(tail)
        return False
    run.data = bytes(tail)
    run.offset -= before
    reader.tail = bytearray()
    if reader.mode != SEARCH:
        reader.searched = 0
    return True


def _start(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """A message begins. The usual head in one go; anything else is `_odd`."""
    data = run.data
    try:
        if reader.kind == REQUEST:
            if talk.holding:
                return place.block(reader, run, p, talk)
            e = data.find(b"\r\n\r\n", p, p + ctx.limits.head_bytes)
            if e >= 0:
                return messages.request(reader, run, p, e + 4, heads.request(str(data[p:e], "latin-1")), talk, ctx)
        elif reader.kind == RESPONSE:
            if talk.sure and not exchanges.unanswered(talk) and not _unasked(reader, run, p, talk, ctx):
                return place.block(reader, run, p, talk)
            e = data.find(b"\r\n\r\n", p, p + ctx.limits.head_bytes)
            if e >= 0:
                return messages.response(reader, run, p, e + 4, heads.response(str(data[p:e], "latin-1")), talk, ctx)
    except heads.OddHead:
        pass
    return _odd(reader, run, p, talk, ctx)


def _odd(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """No plain complete head: empty lines before it, not all there yet, malformed, or no head at all."""
    data = run.data
    q = p
    while q < len(data) and data[q] in _SPACE:
        q += 1
    if q > p:
        # RFC 9112 section 2.2: empty lines before a request line are ignored; browsers do it for responses too.
        place.skip(reader, q - p, "emptyLines", ctx)
        return q
    if reader.kind == UNKNOWN:
        return _recognise(reader, run, p, talk, ctx)
    if not search.plausible(data, p, reader.kind):
        return _implausible(reader, run, p, talk, ctx)
    if data.startswith(b"PRI * HTTP/2", p):
        return _lose(reader, run, p, talk, ctx)
    found = heads.end(data, p, done=False)
    if found is None or found[1] - p > ctx.limits.head_bytes:
        if len(data) - p > ctx.limits.head_bytes:
            return _cut_head(reader, run, p, talk, ctx)
        reader.line_read = b"\n" in data[p:]
        return place.wait(reader, run, p, len(data) - p)
    return _malformed(reader, run, p, found, talk, ctx)


def _malformed(reader: Reader, run: Run, p: int, found: tuple[int, int], talk: Conversation, ctx: Context) -> int:
    """A whole head that the plain reader refused."""
    text, after = str(run.data[p : found[0]], "latin-1"), found[1]
    if reader.kind == REQUEST:
        request = heads.tolerant_request(text)
        if request is not None:
            return messages.request(reader, run, p, after, request, talk, ctx)
    else:
        response = heads.tolerant_response(text)
        if response is not None:
            return messages.response(reader, run, p, after, response, talk, ctx)
    return _lose(reader, run, p, talk, ctx)


def _cut_head(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """A head above the limit: keep its first lines, give up its body and look for what follows."""
    limit = p + ctx.limits.head_bytes
    stop = run.data.rfind(b"\n", p, limit)
    text = str(run.data[p : stop if stop > p else limit], "latin-1")
    reader.mode = SEARCH
    return limit if messages.partial(reader, run, p, limit, text, talk, ctx, "headTooLong") else p


def _implausible(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """These bytes begin no message, unless they answer an HTTP/0.9 request: such an answer has no head."""
    if reader.kind == RESPONSE and exchanges.unanswered(talk):
        request = talk.exchanges[0].request
        if request is not None and request.version == "0.9":
            exchange = messages.open_response(reader, run, p, p, ("0.9", 0, "", {}, []), talk, ctx)
            return body.begin(reader, run, p, framing.UNTIL_CLOSE, exchange, talk, ctx)
    return _lose(reader, run, p, talk, ctx)


def _lose(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """What should be a start line is none: leave for good when it is another protocol, else find the next one."""
    if not talk.protocol:
        other = search.signature(run.data, p)
        if other:
            place.leave(talk, other, ctx)
            return p
    elif reader.kind != UNKNOWN:
        talk.note("nonsense")
    reader.mode = SEARCH
    return p


def _recognise(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """The first bytes of a stream whose direction is not known."""
    kind, undecided = search.recognise(run.data, p)
    if kind != UNKNOWN:
        set_client(talk, reader, kind, ctx)
        return p
    return place.wait(reader, run, p) if undecided else _lose(reader, run, p, talk, ctx)


def set_client(talk: Conversation, reader: Reader, kind: int, ctx: Context) -> None:
    """One direction was recognised, so the other is known."""
    side = 0 if talk.readers[0] is reader else 1
    talk.client = side if kind == REQUEST else 1 - side
    talk.readers[talk.client].kind = REQUEST
    talk.readers[1 - talk.client].kind = RESPONSE
    ctx.key = None
    ctx.keys.pop(ctx.session, None)


def _unasked(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> bool:
    """Bytes from the server while no request waits. True: read them now, an HTTP/0.9 request was found, or they are
    surely no answer. False: their request may still be seen."""
    if settle_simple(talk, ctx):
        return True
    if run.data[p] in _SPACE or not search.plausible(run.data, p, RESPONSE):
        return True
    asker = talk.readers[talk.client]
    idle = asker.mode == START and not asker.tail and not asker.blocked
    return idle and proof.received(talk, asker.position + 1, place.first(reader, run, p)[1]) is False


def settle_simple(talk: Conversation, ctx: Context) -> bool:
    """A lone request line without version, now that it is answered (or over), is an HTTP/0.9 request."""
    reader = talk.readers[talk.client] if talk.client >= 0 else None
    if reader is None or reader.mode != START or not _SIMPLE.fullmatch(reader.tail):
        return False
    run = tail_run(reader)
    reader.tail, reader.searched = bytearray(), 0
    head = heads.tolerant_request(str(run.data, "latin-1").strip())
    assert head is not None
    exchange = messages.open_request(reader, run, 0, len(run.data), head, talk, ctx)
    exchanges.request_done(talk, exchange, ctx)
    return True


def tail_run(reader: Reader) -> Run:
    """The bytes that wait, as a run of one packet in the past."""
    chunk, day = reader.started_chunk, reader.started_day
    return past_run(reader.offset, bytes(reader.tail), reader.started, reader.started_ack, chunk, day)


def settle_peek(reader: Reader, talk: Conversation, ctx: Context) -> None:
    """Nothing follows directly: what looked like the begin of a response is body."""
    if reader.mode == PEEK:
        reader.mode = reader.then
        run = tail_run(reader)
        reader.tail = bytearray()
        p = 0
        while 0 <= p < len(run.data):
            p = _STEPS[reader.mode](reader, run, p, talk, ctx)


def _search(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """Look for the next start line; what is passed over is counted."""
    # Only bytes that waited were searched before.
    searched = reader.searched if run.offset < run.start else 0
    reader.searched = 0
    found = search.find(run.data, p, reader.kind, searched)
    passed = (found.at if found.at >= 0 else found.keep) - p
    if passed > 0 and run.offset + p == reader.gap_end and reader.kind == RESPONSE:
        exchanges.pass_over(talk, place.first(reader, run, p)[1])
    if not talk.protocol and talk.start_seen:
        # A connection seen from its start is HTTP within the first bytes, or never.
        room = ctx.limits.detect_bytes - reader.skipped.get("searched", 0)
        if passed > room:
            place.skip(reader, room, "searched", ctx)
            place.leave(talk, "notHttp", ctx)
            return p + room
    place.skip(reader, passed, "searched", ctx)
    if found.at < 0:
        searched = max(0, len(run.data) - search.AHEAD - found.keep)
        return place.wait(reader, run, found.keep, searched)
    if reader.kind == UNKNOWN:
        set_client(talk, reader, found.kind, ctx)
    reader.mode = START
    reader.found = run.offset + found.at
    place.date(reader, run, run.offset + found.decided)
    return found.at


def _left(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> int:
    """Another protocol: only counted."""
    place.skip(reader, len(run.data) - p, talk.left, ctx)
    return -1


#: What reads in each mode.
_STEPS = (
    _start,
    body.by_length,
    body.chunk_size,
    body.chunk_data,
    body.trailers,
    body.until_close,
    _search,
    _left,
    body.peek,
)
