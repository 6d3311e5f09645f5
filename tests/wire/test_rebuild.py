"""The result depends on the packets alone: not on chunks, rows, commits, restarts, or the way through the code."""

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.generated import examples
from tests.wire.segments import ACK, FIN, RST, Line, Packet, Result, run
from wire.events import COMPLETE, NO_RESPONSE
from wire.limits import SECOND, Limits

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

small = Limits(
    head_bytes=2000,
    body_bytes=3000,
    gap_bytes=4000,
    unpaired_bytes=1000,
    orphan_bytes=2000,
    detect_bytes=500,
    state_body_bytes=200,
    waiting_requests=5,
    interim_responses=2,
)

bodies = st.one_of(st.binary(max_size=40), st.binary(min_size=400, max_size=4000), st.just(b"GET / HTTP/1.1\r\n\r\n"))


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 7))
    target = draw(st.sampled_from([b"/", b"/a?b=c", b"http://x/y", b"*"]))
    if kind == 0:
        body = draw(bodies)
        return b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (target, len(body), body)
    if kind == 1:
        head = b"PUT %b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" % target
        return head + chunked(draw(bodies), draw(st.integers(1, 50)))
    if kind == 2:
        return b"HEAD %b HTTP/1.0\r\n\r\n" % target
    if kind == 3:
        odd = [b"\r\nGET / HTTP/1.1\nA: b\n\n", b"nonsense\r\n\r\n", b"GET /old\r\n", b"\x16\x03\x01\x02\x00"]
        return draw(st.sampled_from(odd))
    if kind == 4:
        long = b"GET /l HTTP/1.1\r\nA: %b\r\n\r\n" % (b"a" * 2500)
        away = [b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"]
        return draw(st.sampled_from([long, *away]))
    return b"GET %b HTTP/1.1\r\nHost: x\r\nCookie: %d\r\n\r\n" % (target, draw(st.integers(0, 9)))


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 8))
    if kind == 0:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head + chunked(draw(bodies), draw(st.integers(1, 50)))
    if kind == 1:
        return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
    if kind == 2:
        return b"HTTP/1.0 200 OK\r\n\r\n" + draw(bodies)
    if kind == 3:
        return draw(st.sampled_from([b"HTTP/1.1 101 S\r\n\r\nraw", b"rubbish", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\n\nx"]))
    if kind == 4:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno chunk"
    body = draw(bodies)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@st.composite
def conversations(draw: st.DrawFn, flow: int = 0) -> list[Packet]:
    """A connection: exchanges cut into segments anyhow, then duplicated, dropped, swapped, cut short."""
    top = draw(st.sampled_from([0, 0xFFFFFF00]))
    line = Line(flow=flow, isn=(1000 + top, 9000 + top))
    if draw(st.booleans()):
        line.open()
    for _ in range(draw(st.integers(0, 5))):
        size = draw(st.sampled_from([1460, 300, 40, 7]))
        who = draw(st.integers(0, 3))
        if who != 1:
            line.ask(draw(requests()), size)
        if who != 2:
            line.answer(draw(responses()), size)
    end = draw(st.integers(0, 3))
    if end == 1:
        line.shut()
    elif end == 2:
        line.put(draw(st.integers(0, 1)), RST | ACK)
    return line.packets


@st.composite
def mutated(draw: st.DrawFn, packets: list[Packet]) -> list[Packet]:
    """What networks and captures do to packets."""
    packets = list(packets)
    for _ in range(draw(st.integers(0, 5))):
        if not packets:
            break
        at = draw(st.integers(0, len(packets) - 1))
        packet = packets[at]
        what = draw(st.integers(0, 7))
        if what == 0:
            del packets[at]
        elif what == 1:
            packets.insert(draw(st.integers(0, len(packets))), packet)
        elif what == 2:
            packets.insert(min(len(packets), at + draw(st.integers(1, 4))), packets.pop(at))
        elif what == 3 and packet.data:
            cut = draw(st.integers(0, len(packet.data)))
            packets[at] = _with(packet, data=packet.data[:cut], missing=len(packet.data) - cut)
        elif what == 4 and packet.data:
            shift = draw(st.integers(-20, 20))
            packets.insert(at, _with(packet, seq=(packet.seq + shift) & 0xFFFFFFFF))
        elif what == 5:
            packets[at] = _with(packet, flags=packet.flags | draw(st.sampled_from([FIN, RST, ACK])))
        elif what == 6:
            packets.insert(at, _with(packet, data=b"", seq=(packet.seq - 1) & 0xFFFFFFFF))
        elif what == 7:
            packets[at] = _with(packet, time=packet.time - 5_000_000)
    return packets


def _with(packet: Packet, **changes: object) -> Packet:
    return Packet(**{**packet.__dict__, **changes})  # type: ignore[arg-type]


@st.composite
def traffic(draw: st.DrawFn) -> list[Packet]:
    """Some connections, mixed, with silences."""
    queues = [draw(conversations(flow).flatmap(mutated)) for flow in range(draw(st.integers(1, 2)))]
    merged: list[Packet] = []
    while any(queues):
        queue = draw(st.sampled_from([q for q in queues if q]))
        merged.append(queue.pop(0))
    for silence in draw(st.lists(st.sampled_from([6, 40, 400]), max_size=2)):
        at = draw(st.integers(0, len(merged)))
        merged[at:] = [_with(p, time=p.time + silence * SECOND) for p in merged[at:]]
    return merged


def accounted(packets: list[Packet], result: Result) -> bool:
    skipped = sum(n for name, n in result.counters.items() if name.startswith("payload.skipped."))
    return sum(len(p.data) for p in packets) == result.counters.get("payload.parsed", 0) + skipped


@examples(300, *HealthCheck)
@given(traffic(), st.data())
def test_every_split_and_both_ways_give_the_same(packets: list[Packet], data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(packets)), max_size=6))
    row = data.draw(st.sampled_from([1, 3, 1000]))
    rows_at_once = data.draw(st.sampled_from([1, 2, 1000]))
    whole = run(packets, limits=small)
    assert accounted(packets, whole)
    expected = whole.comparable()
    assert run(packets, limits=small, fast=False).comparable() == expected
    assert run(packets, cuts, limits=small, row=row).comparable() == expected
    split = run(packets, cuts, limits=small, row=row, rows_at_once=rows_at_once, restart=True)
    assert split.comparable() == expected


def test_a_plain_exchange() -> None:
    result = run(Line().open().ask(GET).answer(OK).shut().packets)
    (talk,) = result.communications
    assert talk.request
    assert talk.response
    assert (talk.status, talk.request.target, talk.response.body) == (COMPLETE, "/a", b"hello")
    (session,) = result.sessions
    assert (session.end, session.protocol, session.communications) == ("fin", "http/1.1", 1)
    assert session.client.packets + session.server.packets == 10


def test_a_request_without_response() -> None:
    (talk,) = run(Line().open().ask(GET).shut().packets).communications
    assert (talk.status, talk.response) == (NO_RESPONSE, None)


def test_a_message_ends_with_its_flow() -> None:
    """What the next flow carries stands right behind it in the slice, and completes nothing."""
    parts = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"0\r\n\r\n")
    heads = (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n")
    for begin, more in (parts, heads):
        packets = Line(flow=0).open().ask(GET).answer(begin).packets + Line(flow=1).send(0, more).packets
        (talk,) = run(packets).communications
        assert talk.status != COMPLETE
        assert run(packets).comparable() == run(packets, fast=False).comparable()
