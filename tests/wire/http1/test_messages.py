"""Messages as they are sent: each case in one packet, byte by byte, and with another exchange behind it."""

import pytest

from tests.wire.segments import Line, Result, run
from wire.events import COMPLETE, ERROR, GAP, NO_REQUEST, NO_RESPONSE, TRUNCATED, Communication, Message
from wire.limits import Limits

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\n\r\n"
NEXT_OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok"


def exchanged(asked: bytes, answered: bytes, *, shut: bool = True, limits: Limits | None = None) -> list[Communication]:
    """What one exchange gives, however it comes."""
    found = []
    for size in (1 << 20, 1):
        line = Line().open().ask(asked, size).answer(answered, size)
        if shut:
            line.shut()
        found.append(run(line.packets, fast=size > 1, limits=limits or Limits()).communications)
    whole, by_byte = found
    assert [_said(c) for c in whole] == [_said(c) for c in by_byte]
    return whole


def one(asked: bytes, answered: bytes, *, trailing: bool = True) -> Communication:
    """The only exchange there is. `trailing`: another one follows, which must stay as it is."""
    if trailing:
        talks = exchanged(asked + NEXT, answered + NEXT_OK)
        first, second = talks
        assert second.request
        assert second.response
        assert (second.request.target, second.response.status, second.response.body) == ("/next", 202, b"ok")
        assert second.status == COMPLETE
    (talk,) = exchanged(asked, answered)
    if trailing:
        assert _said(first) == _said(talk)
    return talk


def _said(talk: Communication) -> object:
    return _words(talk.request), _words(talk.response), [_words(m) for m in talk.interim], talk.status, talk.anomalies


def _words(message: Message | None) -> object:
    if message is None:
        return None
    fields = ("version", "method", "target", "status", "reason", "headers", "trailers", "body", "body_size")
    return [getattr(message, name) for name in (*fields, "truncated", "gap", "cut", "offset", "end")]


def response_of(answered: bytes, *, trailing: bool = True) -> tuple[Message, Communication]:
    talk = one(GET, answered, trailing=trailing)
    assert talk.response
    return talk.response, talk


@pytest.mark.parametrize(
    ("answered", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", b"x"),
        (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", b"hello"),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"hello",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n", b"hello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nxello", b"xello"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello, you\r\n00\r\n\r\n", b"hello, you"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 700\r\n\r\n", b""),
    ],
)
def test_bodies_of_responses(answered: bytes, body: bytes) -> None:
    response, talk = response_of(answered)
    assert (response.body, response.body_size) == (body, len(body))
    assert talk.status == COMPLETE


@pytest.mark.parametrize("size", [b"0x5", b"1_0", b"+5", b" 5", b"5 ", b"00000000005", b""])
def test_odd_sizes_of_chunks_are_read_alike_however_they_come(size: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchanged(GET, head + size + b"\r\nhello\r\n0\r\n\r\n")
    exchanged(GET, head + b"1\r\nx\r\n" + size + b"\r\nhello\r\n0\r\n\r\n")


def test_until_close() -> None:
    response, talk = response_of(b"HTTP/1.0 200 OK\r\n\r\nall of it", trailing=False)
    assert (response.body, talk.status) == (b"all of it", COMPLETE)


def test_trailers_are_kept_apart() -> None:
    response, _ = response_of(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nChecksum: 7\r\nA: b\r\n\r\n"
    )
    assert response.trailers == {"checksum": ["7"], "a": ["b"]}
    assert "checksum" not in response.headers


def test_head_has_no_body() -> None:
    talk = one(b"HEAD / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    assert talk.response
    assert (talk.response.body, talk.status) == (b"", COMPLETE)


def test_interim_responses_are_a_list() -> None:
    talk = one(
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    )
    assert [m.status for m in talk.interim] == [100, 103]
    assert talk.response
    assert talk.response.status == 200
    assert talk.request
    assert talk.request.body == b"ab"


def test_repeated_fields_keep_all_values() -> None:
    response, _ = response_of(b"HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nX: 1\r\nset-cookie: b\r\nContent-Length: 0\r\n\r\n")
    assert response.headers["set-cookie"] == ["a", "b"]


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        (b"get /x HTTP/1.1", "get", "/x"),
        (b"GET http://h:8080/x?y HTTP/1.0", "GET", "http://h:8080/x?y"),
        (b"BREW /pot HTTP/1.1", "BREW", "/pot"),
        (b"OPTIONS * HTTP/1.1", "OPTIONS", "*"),
        (b"GET  /two  HTTP/1.1", "GET", "/two"),
        (b"GET /a b c HTTP/1.1", "GET", "/a b c"),
    ],
)
def test_request_lines(line: bytes, method: str, target: str) -> None:
    talk = one(line + b"\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert talk.request
    assert (talk.request.method, talk.request.target) == (method, target)


def test_http_0_9() -> None:
    talk = one(b"GET /old\r\n", b"<html>bare", trailing=False)
    assert talk.request
    assert talk.response
    assert (talk.request.version, talk.request.target, talk.response.body) == ("0.9", "/old", b"<html>bare")


def test_pipelined_requests_are_answered_in_order() -> None:
    asked = b"".join(b"GET /%d HTTP/1.1\r\n\r\n" % i for i in range(5))
    answered = b"".join(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % i for i in range(5))
    talks = exchanged(asked, answered)
    assert [(c.request and c.request.target, c.response and c.response.body) for c in talks] == [
        (f"/{i}", b"%d" % i) for i in range(5)
    ]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"CONNECT h:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 Established\r\n\r\n"),
        (b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ],
)
def test_what_leaves_http_is_counted(asked: bytes, answered: bytes) -> None:
    line = Line().open().ask(asked).answer(answered).ask(b"\x16\x03\x01raw").answer(b"GET / HTTP/1.1\r\n\r\n").shut()
    result = run(line.packets)
    (talk,) = result.communications
    assert talk.status == COMPLETE
    (session,) = result.sessions
    assert sum(session.client.skipped.values()) == 6
    assert sum(session.server.skipped.values()) == 18


def test_refused_upgrade_stays_http() -> None:
    asked = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    talk = one(asked, b"HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n")
    assert talk.response
    assert talk.response.status == 426


@pytest.mark.parametrize(
    ("asked", "answered", "status"),
    [
        (GET, b"", NO_RESPONSE),
        (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NO_REQUEST),
        (GET, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", TRUNCATED),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort",
            b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n",
            TRUNCATED,
        ),
        (GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nnonsense", ERROR),
    ],
)
def test_what_is_missing_is_said(asked: bytes, answered: bytes, status: str) -> None:
    (talk,) = exchanged(asked, answered)
    assert talk.status == status


@pytest.mark.parametrize("rubbish", [b"{too much}", b"{abc", b"{\0\xff", b"{}\r\n--x--", b"{\r\n\r\n\r\n"])
def test_after_nonsense_the_next_message_is_found(rubbish: bytes) -> None:
    talks = exchanged(b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + rubbish + NEXT, NEXT_OK + NEXT_OK)
    assert [(c.request and c.request.target, c.status) for c in talks] == [("/", COMPLETE), ("/next", COMPLETE)]


def test_a_body_above_the_limit_is_cut_and_counted() -> None:
    answered = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000
    (talk,) = exchanged(GET, answered, limits=Limits(body_bytes=1000))
    assert talk.response
    assert (len(talk.response.body), talk.response.body_size, talk.response.truncated) == (1000, 3000, True)
    assert talk.anomalies == ["bodyCut"]


def test_a_head_above_the_limit_is_cut() -> None:
    asked = b"GET /long HTTP/1.1\r\nA: b\r\nCookie: " + b"c" * 5000 + b"\r\n\r\n" + NEXT
    talks = exchanged(asked, NEXT_OK + NEXT_OK, limits=Limits(head_bytes=2000))
    assert [c.request and c.request.target for c in talks if c.request] == ["/long", "/next"]
    assert "headTooLong" in talks[0].anomalies


@pytest.mark.parametrize(
    "first", [b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 600]
)
def test_other_protocols_are_left(first: bytes) -> None:
    line = Line().open().ask(first).answer(first).ask(b"z" * 5000).shut()
    result: Result = run(line.packets, limits=Limits(detect_bytes=500))
    (session,) = result.sessions
    assert (result.communications, session.protocol) == ([], "other")


def test_a_gap_inside_a_body_is_said() -> None:
    line = Line().open().ask(GET).answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000, 400)
    line.ask(NEXT).answer(NEXT_OK).shut()
    lost = next(i for i, p in enumerate(line.packets) if p.side == 1 and p.data[:1] == b"x")
    del line.packets[lost]
    first, second = run(line.packets).communications
    assert first.response
    assert (first.status, first.response.gap, first.response.body_size) == (GAP, True, 1000)
    assert len(first.response.body) == 600
    assert second.status == COMPLETE
