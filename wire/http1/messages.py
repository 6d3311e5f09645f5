"""A head was read: open its message, find its exchange, and say how its body is framed."""

from wire.events import Headers, Message
from wire.http1 import body, exchanges, framing, heads, place, search
from wire.http1.state import REQUEST, RESPONSE, Context, Conversation, Exchange, Reader
from wire.runs import Run

#: RFC 9112 section 6.3, case 1: no body, whatever the fields say. So it is with all answers to HEAD and all 1xx.
_BODILESS = (204, 304)


def request(
    reader: Reader, run: Run, p: int, after: int, head: heads.RequestHead, talk: Conversation, ctx: Context
) -> int:
    """A request whose head stands from `p` to `after`. Returns the position where reading goes on."""
    exchange = open_request(reader, run, p, after, head, talk, ctx)
    headers = head[3]
    if "content-length" not in headers and "transfer-encoding" not in headers:
        exchanges.request_done(talk, exchange, ctx)
        return after
    need = framing.plain_length(headers)
    if 0 <= need <= len(run.data) - after and need <= ctx.limits.body_bytes:
        return body.whole(reader, run, after, need, exchange, talk, ctx)
    return body.begin(reader, run, after, framing.of_request(headers), exchange, talk, ctx)


def open_request(
    reader: Reader, run: Run, p: int, after: int, head: heads.RequestHead, talk: Conversation, ctx: Context
) -> Exchange:
    """The exchange of a new request."""
    method, target, version, headers, odd = head
    started, ended, ack, chunk, day = place.span(reader, run, p, after, ctx)
    offset = run.offset
    message = Message(offset + p, offset + after, started, ended, version, method, target, 0, "", headers)
    exchange = exchanges.open_request(talk, message, ack, chunk, day, ctx)
    if odd:
        exchange.anomalies.extend(odd)
    talk.protocol = "http/1.1"
    return exchange


def response(
    reader: Reader, run: Run, p: int, after: int, head: heads.ResponseHead, talk: Conversation, ctx: Context
) -> int:
    """A response whose head stands from `p` to `after`. Returns the position where reading goes on."""
    version, status, _, headers, _ = head
    interim = 100 <= status < 200 and status != 101 and exchanges.unanswered(talk)
    if interim and not _stray_body(run, after, headers) and _of_first(reader, run, p, talk, ctx):
        _interim(reader, run, p, after, head, talk, ctx)
        return after
    exchange = open_response(reader, run, p, after, head, talk, ctx)
    method = exchange.request.method if exchange.request is not None else ""
    if status == 101 or (method == "CONNECT" and 200 <= status < 300):
        # RFC 9110 sections 7.8 and 9.3.6: what follows is another protocol.
        exchanges.response_done(talk, exchange, ctx)
        place.leave(talk, "upgraded" if status == 101 else "tunnel", ctx)
        return after
    if method == "HEAD" or status in _BODILESS or 100 <= status < 200:
        if not _stray_body(run, after, headers):
            return body.whole(reader, run, after, 0, exchange, talk, ctx)
        exchange.note("unexpectedBody")
    need = framing.plain_length(headers)
    if 0 <= need <= len(run.data) - after and need <= ctx.limits.body_bytes and exchange.request is not None:
        return body.whole(reader, run, after, need, exchange, talk, ctx)
    return body.begin(reader, run, after, framing.of_response(headers, version), exchange, talk, ctx)


def _of_first(reader: Reader, run: Run, p: int, talk: Conversation, ctx: Context) -> bool:
    """Does a response at `p` answer the first request that waits?"""
    return talk.sure or exchanges.find_order(talk, run.offset + p, place.first(reader, run, p)[1], ctx)


def _stray_body(run: Run, after: int, headers: Headers) -> bool:
    """Does a body that is announced follow in the head's own packet? Asked where there should be none."""
    if headers.get("content-length", ("0",))[0] == "0" and "transfer-encoding" not in headers:
        return False
    return place.same_packet(run, after) and not search.plausible(run.data, after, RESPONSE)


def _interim(
    reader: Reader, run: Run, p: int, after: int, head: heads.ResponseHead, talk: Conversation, ctx: Context
) -> None:
    """A 1xx response (RFC 9110 section 15.2): the final one is still to come."""
    version, status, reason, headers, odd = head
    exchange = talk.exchanges[0]
    for code in odd:
        exchange.note(code)
    if len(exchange.interim) >= ctx.limits.interim_responses:
        exchange.note("tooManyInterim")
        return
    started, ended = place.first(reader, run, p)[0], place.ended(reader, run, after, ctx)
    begin, end = run.offset + p, run.offset + after
    exchange.interim.append(Message(begin, end, started, ended, version, "", "", status, reason, headers))


def open_response(
    reader: Reader, run: Run, p: int, after: int, head: heads.ResponseHead, talk: Conversation, ctx: Context
) -> Exchange:
    """The exchange that a new final response belongs to."""
    version, status, reason, headers, odd = head
    started, ended, ack, chunk, day = place.span(reader, run, p, after, ctx)
    offset = run.offset
    message = Message(offset + p, offset + after, started, ended, version, "", "", status, reason, headers)
    exchange = exchanges.open_response(talk, message, offset + p, ack, ctx)
    if exchange.request is None:
        exchange.chunk, exchange.day = chunk, day
    for code in odd:
        exchange.note(code)
    talk.protocol = "http/1.1"
    return exchange


def partial(
    reader: Reader, run: Run, p: int, after: int, text: str, talk: Conversation, ctx: Context, anomaly: str
) -> Exchange | None:
    """A message of which only the first part of the head is there; its body is unknown. None when it is no head."""
    if reader.kind == REQUEST:
        request_head = heads.tolerant_request(text)
        if request_head is None:
            return None
        exchange = open_request(reader, run, p, after, request_head, talk, ctx)
        message = exchange.request
    else:
        response_head = heads.tolerant_response(text)
        if response_head is None:
            return None
        exchange = open_response(reader, run, p, after, response_head, talk, ctx)
        message = exchange.response
    assert message is not None
    message.truncated = anomaly == "headTooLong"
    message.cut = anomaly == "headCut"
    exchange.note(anomaly)
    if reader.kind == REQUEST:
        exchanges.request_done(talk, exchange, ctx)
    else:
        exchanges.response_done(talk, exchange, ctx)
    return exchange
