"""Which response belongs to which request.

As long as nothing was lost, in order (RFC 9112 section 9.3.2). A loss in what the client sent leaves the order of the
requests before it; the first one behind it, and after a loss in what the server sent the next response, need a proof
(see `proof`). Responses wait for it, so that a later exchange may prove an earlier one; then order holds again. Without
one a response stays alone: a wrong pair is worse than none.
"""

from wire.events import COMPLETE, ERROR, GAP, NO_REQUEST, NO_RESPONSE, TRUNCATED, Communication, Message
from wire.http1 import proof
from wire.http1.state import RESPONSE, START, Context, Conversation, Exchange, Reader

_MASK = 0xFFFFFFFF
_HALF = 0x80000000
#: Responses that wait for a proof. No client sends more requests at a time in earnest.
ORPHANS = 64
#: What a communication is taken to weigh without its bodies, for the size of a commit.
MESSAGE_BYTES = 512


def open_request(talk: Conversation, message: Message, acked: int, chunk: int, day: str, ctx: Context) -> Exchange:
    """A request's head was read: from now on it may be answered."""
    exchange = Exchange(message, None, [], [], False, False, False, False, chunk, day, acked)
    waiting = talk.exchanges
    reader = talk.readers[talk.client]
    exchange.after_gap, exchange.missed = reader.after_gap, reader.missed
    reader.after_gap, reader.missed = False, 0
    if waiting and waiting[-1].request is not None and waiting[-1].acked != acked:
        talk.ahead = talk.ahead or _being_answered(talk, acked)
    waiting.append(exchange)
    if talk.orphans:
        _look_back(talk, ctx)
    if len(waiting) > ctx.limits.waiting_requests > 1:
        give_up_first(talk, ctx)
    return exchange


def give_up_first(talk: Conversation, ctx: Context) -> None:
    """Write out the oldest request without an answer; order is no proof any more."""
    place = 1 if talk.exchanges[0].response else 0
    exchange = talk.exchanges.pop(place)
    exchange.note("tooManyWaiting")
    talk.exchanges[place].after_gap = True
    talk.sure = talk.ordered = talk.counted = False
    emit(talk, exchange, ctx)


def _being_answered(talk: Conversation, acked: int) -> bool:
    """Is a request sent while an earlier one was being answered, all that it acknowledges having been read?"""
    base = talk.bases[1 - talk.client]
    if not talk.sure or talk.blocked or base < 0 or acked < 0:
        return False
    return (talk.readers[1 - talk.client].position + base - acked) & _MASK < _HALF


def request_done(talk: Conversation, exchange: Exchange, ctx: Context) -> None:
    """The request is whole; its answer may be already."""
    exchange.requested = True
    request = exchange.request
    assert request is not None
    if request.method == "CONNECT" or "upgrade" in request.headers:
        talk.holding = not exchange.response
    if exchange.answered:
        talk.exchanges.remove(exchange)
        emit(talk, exchange, ctx)


def unanswered(talk: Conversation) -> bool:
    """Is there a request that a response starting now would answer?"""
    waiting = talk.exchanges
    return bool(waiting) and waiting[0].response is None


def open_response(talk: Conversation, message: Message, offset: int, acked: int, ctx: Context) -> Exchange:
    """The exchange that a final response starting at a stream offset answers; a new one when there is none."""
    waiting = talk.exchanges
    hidden = not talk.sure and _asked_unseen(talk)
    if not talk.sure:
        find_order(talk, offset, acked, ctx)
    talk.responding = True
    if waiting and waiting[0].response is None and talk.ordered and not _too_early(talk, waiting[0], acked):
        exchange = waiting[0]
    else:
        exchange = _open_orphan(talk, offset, hidden=hidden)
    exchange.response, exchange.answer_acked = message, acked
    if exchange.request is None or exchange.request.gap:
        talk.heard = acked
    talk.holding = False
    return exchange


def _too_early(talk: Conversation, exchange: Exchange, acked: int) -> bool:
    """A response sent before the first byte of the request arrived does not answer it (408 does so, for one)."""
    request = exchange.request
    return request is not None and proof.received(talk, request.offset + 1, acked) is False


def find_order(talk: Conversation, offset: int, acked: int, ctx: Context) -> bool:
    """A response begins at a stream offset, while not all is in order. Does it answer the first request that waits,
    after what it proves was written?"""
    waiting = talk.exchanges
    if talk.ordered and (not waiting or waiting[0].after_gap):
        talk.ordered = False
    if not talk.ordered:
        fixed = proof.of_next(talk, offset, acked)
        if fixed is not None:
            reader = talk.readers[1 - talk.client]
            reader.after_gap, reader.missed = False, 0
            settle(talk, fixed, ctx)
    return talk.ordered


def pass_over(talk: Conversation, acked: int) -> None:
    """Behind a gap follow bytes of a response whose start is lost. They answer a lost request if none waits that came
    before one."""
    waiting, reader = talk.exchanges, talk.readers[1 - talk.client]
    if reader.missed and (not waiting or waiting[0].after_gap):
        talk.heard = acked


def _asked_unseen(talk: Conversation) -> bool:
    """Is the request that a response beginning now answers surely one of those lost?"""
    waiting = talk.exchanges
    return talk.ordered and bool(waiting[0].missed if waiting else talk.readers[talk.client].missed)


def _open_orphan(talk: Conversation, offset: int, *, hidden: bool) -> Exchange:
    """A response whose request is not known."""
    reader = talk.readers[1 - talk.client]
    exchange = Exchange(None, None, [], [], True)
    exchange.lost = not talk.sure
    exchange.missed, reader.missed = reader.missed, 0
    exchange.after_gap = reader.after_gap or not talk.orphans or talk.orphans[-1].stop != offset
    exchange.hidden, reader.after_gap = hidden, False
    talk.exchanges.insert(0, exchange)
    return exchange


def lose_place(talk: Conversation, reader: Reader) -> None:
    """Bytes of one direction are lost up to the next start line that is found. Where a message should have begun, one
    is missing, or only an interim response that was asked for."""
    expected = any(e.request is not None and "expect" in e.request.headers for e in talk.exchanges)
    if reader.mode == START:
        reader.missed = 0 if reader.kind == RESPONSE and expected else 1
    reader.after_gap, talk.gaps, talk.sure = True, True, False
    for exchange in talk.exchanges:
        exchange.lost = exchange.lost or exchange.response is None
    if reader.kind == RESPONSE:
        talk.counted = talk.counted or talk.ordered
        talk.ordered = False


def settle(talk: Conversation, fixed: proof.Fixed | None, ctx: Context) -> None:
    """Pair what is proven, with or without a fixed point; write it and what is now known to stay alone. From a fixed
    point all goes on in order."""
    pairs = proof.pairs(talk, fixed)
    if pairs is None:
        # A request did not wait for all answers before it, as if it led.
        talk.ahead = True
        write_orphans(talk, ctx)
    if not pairs and (fixed is None or pairs is None):
        return
    orphans, waiting = talk.orphans, talk.exchanges
    talk.orphans = []
    for number, orphan in enumerate(orphans):
        if number in pairs:
            _join(waiting[pairs[number]], orphan)
        else:
            emit(talk, orphan, ctx)
    done = max([fixed.request if fixed is not None else 0, *(number + 1 for number in pairs.values())])
    settled = waiting[:done]
    waiting[:done] = [exchange for exchange in settled if not exchange.requested]
    for exchange in settled:
        exchange.lost = exchange.response is None
        if exchange.requested:
            emit(talk, exchange, ctx)
    _go_on(talk, complete=(fixed is not None and fixed.response == len(orphans)) or len(orphans) - 1 in pairs)


def _look_back(talk: Conversation, ctx: Context) -> None:
    """Settle if a request that waits is a fixed point among the orphans."""
    fixed = proof.of_orphans(talk)
    if fixed is not None:
        settle(talk, fixed, ctx)


def _join(exchange: Exchange, orphan: Exchange) -> None:
    """A request has found its response."""
    exchange.response, exchange.answered, exchange.broken = orphan.response, True, orphan.broken or exchange.broken
    exchange.interim += orphan.interim
    for code in orphan.anomalies:
        exchange.note(code)


def _go_on(talk: Conversation, *, complete: bool) -> None:
    """In order from here on, if what was settled reaches as far as what was read."""
    waiting, gap = talk.exchanges, talk.readers[1 - talk.client].after_gap
    talk.ordered, talk.counted = complete and not gap, complete and gap
    if waiting and complete:
        waiting[0].after_gap, waiting[0].missed = False, 0
    missing = talk.readers[talk.client].after_gap or any(exchange.after_gap for exchange in waiting)
    talk.sure = talk.ordered and not missing


def write_orphans(talk: Conversation, ctx: Context) -> None:
    """No proof will come any more."""
    orphans, talk.orphans = talk.orphans, []
    if orphans:
        talk.counted = False
    for orphan in orphans:
        emit(talk, orphan, ctx)


def response_done(talk: Conversation, exchange: Exchange, ctx: Context) -> None:
    """The response is whole; the exchange is written once its request is, or is known."""
    exchange.answered = True
    talk.responding = False
    if not exchange.requested:
        return
    talk.exchanges.pop(0)
    assert exchange.response is not None
    if exchange.request is None and not talk.ordered and not 100 <= exchange.response.status < 200:
        _add_orphan(talk, exchange, ctx)
    else:
        emit(talk, exchange, ctx)


def _add_orphan(talk: Conversation, exchange: Exchange, ctx: Context) -> None:
    """A whole response whose request may be told by what comes."""
    talk.orphans.append(exchange)
    _look_back(talk, ctx)
    if _too_many(talk.orphans, ctx):
        settle(talk, None, ctx)
    while _too_many(talk.orphans, ctx):
        emit(talk, talk.orphans.pop(0), ctx)
        talk.counted = False


def _too_many(orphans: list[Exchange], ctx: Context) -> bool:
    return len(orphans) > ORPHANS or sum(_body_bytes(orphan) for orphan in orphans) > ctx.limits.orphan_bytes


def _body_bytes(exchange: Exchange) -> int:
    return sum(len(message.body) for message in (exchange.response, *exchange.interim) if message is not None)


def emit(talk: Conversation, exchange: Exchange, ctx: Context, *, final: bool = True) -> None:
    """Write a communication. Later versions of one document grow."""
    request, response = exchange.request, exchange.response
    if not exchange.version:
        ctx.count("documents.httpcomms", 1)
    exchange.version = version = max(ctx.progress, exchange.version + 1)
    if final:
        talk.communications += 1
    size = MESSAGE_BYTES
    if request is not None:
        size += len(request.body)
    if response is not None:
        size += len(response.body)
    ctx.bytes_out += size
    ctx.events.append(
        Communication(
            ctx.key or ctx.make_key(),
            request,
            response,
            exchange.interim,
            status(exchange),
            exchange.anomalies,
            exchange.chunk,
            exchange.day,
            version,
            final,
        )
    )


def status(exchange: Exchange) -> str:
    """How much of an exchange there is, in one word; the worst word wins."""
    request, response = exchange.request, exchange.response
    if request is None:
        return NO_REQUEST
    if response is None:
        return GAP if exchange.lost or request.gap else NO_RESPONSE
    if request.gap or response.gap:
        return GAP
    if request.cut or response.cut:
        return TRUNCATED
    return ERROR if exchange.broken else COMPLETE


def waiting_since(talk: Conversation) -> int:
    """When the oldest request that has no document yet began, 0 without any."""
    for exchange in talk.exchanges:
        if exchange.request is not None and not exchange.version:
            return exchange.request.started
    return 0


def write_waiting(talk: Conversation, before: int, ctx: Context) -> None:
    """First versions of requests that began before a time and have no document yet."""
    for exchange in talk.exchanges:
        request = exchange.request
        if request is not None and not exchange.version and request.started < before:
            emit(talk, exchange, ctx, final=False)


def current(talk: Conversation, kind: int) -> Exchange:
    """The exchange whose message a reader is in."""
    return talk.exchanges[0 if kind == RESPONSE else -1]
