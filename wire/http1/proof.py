"""What proves which request a response answers, after a loss, when order alone proves nothing.

Whole responses without a request wait as `orphans`. A request is their fixed point when it *leads*: it is the first
that was sent after its sender had received all it acknowledges, and so every response before that. The response that
begins there is its own, those before answer earlier requests. Where a client was seen to send requests while it was
still being answered, no request leads.

Then each orphan has a least and a greatest request that it may answer: neighbours without a gap between them differ by
one, a response that is missing between them adds one, and none answers a request that had not arrived when it was sent,
or that was sent when it was being received. Where least and greatest meet, the pair is proven.
"""

from typing import NamedTuple

from wire.http1.state import Conversation, Exchange

_MASK = 0xFFFFFFFF
_HALF = 0x80000000
_FAR = 1 << 30


class Fixed(NamedTuple):
    """A fixed point: response `response` answers request `request`, both counted among those that wait. The response
    may be one behind the last orphan: the next to come. `joined`: the one before it ends where it begins."""

    request: int
    response: int
    joined: bool


def received(talk: Conversation, offset: int, acked: int) -> bool | None:
    """Had the server received the client's byte before `offset` when it sent a packet with this ACK number? None:
    unknown."""
    base = talk.bases[talk.client]
    if acked < 0 or base < 0:
        return None
    return (acked - base - offset) & _MASK < _HALF


def of_next(talk: Conversation, offset: int, acked: int) -> Fixed | None:
    """What a response that begins at a stream offset, in a packet with this ACK number, proves."""
    server, orphans = 1 - talk.client, talk.orphans
    begin = _number(talk, server, offset)
    joined = bool(orphans) and orphans[-1].stop == offset and not talk.readers[server].after_gap
    for index, exchange in enumerate(talk.exchanges):
        request = exchange.request
        if exchange.acked == begin >= 0 and request is not None and _leads(talk, index, talk.heard):
            return Fixed(index, len(orphans), joined) if received(talk, request.end, acked) else None
    return None


def of_orphans(talk: Conversation) -> Fixed | None:
    """What the requests that wait prove about the orphans."""
    server, orphans = 1 - talk.client, talk.orphans
    if not orphans or talk.responding:
        return None
    places = {_number(talk, server, orphan.begin): x for x, orphan in enumerate(orphans)}
    places[_number(talk, server, orphans[-1].stop)] = len(orphans)
    for index, exchange in enumerate(talk.exchanges):
        x = places.get(exchange.acked, -1) if exchange.acked >= 0 else -1
        if x >= 0 and _leads(talk, index, orphans[x - 1].answer_acked if x else -1):
            return Fixed(index, x, x == len(orphans) or not orphans[x].after_gap)
    return None


def at_end(talk: Conversation) -> Fixed | None:
    """What the end of the connection proves. The capture may have joined it between requests that were sent together;
    it did not if, with nothing lost since, each request has one response, and they begin where the first says."""
    orphans, waiting = talk.orphans, talk.exchanges
    if talk.gaps or talk.ahead or not orphans or len(orphans) != len(waiting):
        return None
    begin = _number(talk, 1 - talk.client, orphans[0].begin)
    return Fixed(0, 0, joined=False) if waiting[0].acked == begin >= 0 else None


def pairs(talk: Conversation, fixed: Fixed | None) -> dict[int, int] | None:
    """Which request each orphan answers, both by number, as far as proven. None: the fixed point cannot be one."""
    waiting = talk.exchanges
    gaps = [index for index, exchange in enumerate(waiting) if exchange.after_gap]
    begin, stop = int(bool(waiting) and waiting[0].response is not None), min(gaps, default=len(waiting))
    counted = _between(talk, begin, stop, None, begin) if talk.counted and begin < stop else {}
    if counted is None:
        # More responses than requests: some bytes only looked like one.
        return {}
    if fixed is None:
        return counted
    if talk.counted and fixed.request < stop:
        return _between(talk, begin, stop, fixed, begin)
    begin = max((index for index in gaps if index <= fixed.request), default=begin)
    stop = min((index for index in gaps if index > fixed.request), default=len(waiting))
    proven = _between(talk, begin, stop, fixed, -_FAR)
    return proven if proven is None else counted | proven


def _between(talk: Conversation, begin: int, stop: int, fixed: Fixed | None, first: int) -> dict[int, int] | None:
    """The pairs among requests `begin` to `stop`, between which none is missing. `first`: the least that the first
    orphan answers if nothing is missing before it. None: not everything can be true."""
    orphans = talk.orphans
    least = [-_FAR] * len(orphans)
    most = [_greatest(talk, begin, stop, orphan) for orphan in orphans]
    if orphans:
        least[0] = first + orphans[0].missed
    if fixed is not None:
        y, x, joined = fixed
        if x < len(orphans):
            least[x], most[x] = max(least[x], y), min(most[x], y)
        if x > 0:
            most[x - 1] = min(most[x - 1], y - 1)
            least[x - 1] = max(least[x - 1], y - 1 if joined else -_FAR)
    _spread(orphans, least, most)
    if any(low > high for low, high in zip(least, most, strict=True)):
        return None
    bounds = enumerate(zip(least, most, strict=True))
    return {x: low for x, (low, high) in bounds if low == high and begin <= low < stop}


def _spread(orphans: list[Exchange], least: list[int], most: list[int]) -> None:
    """Let neighbours bound each other."""
    for x in range(1, len(orphans)):
        least[x] = max(least[x], least[x - 1] + 1 + orphans[x].missed)
        if not orphans[x].after_gap:
            most[x] = min(most[x], most[x - 1] + 1)
    for x in range(len(orphans) - 1, 0, -1):
        most[x - 1] = min(most[x - 1], most[x] - 1 - orphans[x].missed)
        if not orphans[x].after_gap:
            least[x - 1] = max(least[x - 1], least[x] - 1)


def _greatest(talk: Conversation, begin: int, stop: int, orphan: Exchange) -> int:
    """The last request of `begin` to `stop` that a response may answer, `_FAR` if it may be one that comes behind."""
    if orphan.hidden:
        return begin - 1
    waiting, acked = talk.exchanges, orphan.answer_acked
    at = _number(talk, 1 - talk.client, orphan.begin)
    for index in range(begin, stop):
        exchange = waiting[index]
        request = exchange.request
        if request is None or received(talk, request.offset + 1, acked) is False:
            return index - 1
        if exchange.acked >= 0 and at >= 0 and (at - exchange.acked) & _MASK >= _HALF:
            return index - 1
    last = waiting[stop - 1].request if stop else None
    return _FAR if last is None or received(talk, last.end + 1, acked) is not False else stop - 1


def _leads(talk: Conversation, index: int, heard: int) -> bool:
    """Is this request the first its sender sent after it had received all it acknowledges? `heard`: the ACK number of
    a packet with bytes from before that, -1 unknown."""
    exchange = talk.exchanges[index]
    request = exchange.request
    if talk.ahead or request is None or exchange.response is not None:
        return False
    if exchange.after_gap:
        # The server had all before this request, so nothing was sent between those bytes and it.
        return bool(received(talk, request.offset, heard))
    # All before the first one that waits was answered, by responses that begin earlier than its own.
    return not index or talk.exchanges[index - 1].acked != exchange.acked


def _number(talk: Conversation, side: int, offset: int) -> int:
    """The sequence number of a stream offset, -1 unknown."""
    base = talk.bases[side]
    return (base + offset) & _MASK if base >= 0 else -1
