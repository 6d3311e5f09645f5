"""After a loss every exchange that was captured whole is found, and none gets the partner of another."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.generated import examples
from tests.wire.segments import ACK, PSH, Line, Packet, run
from tests.wire.test_rebuild import chunked
from wire.events import COMPLETE, Communication


def get(name: str) -> bytes:
    return f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def ok(name: str, body: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\nX-Of: %b\r\nContent-Length: %d\r\n\r\n%b" % (name.encode(), len(body), body)


def long(name: str) -> bytes:
    """A response in chunks, of which a lost packet hides the end."""
    return b"HTTP/1.1 200 OK\r\nX-Of: %b\r\nTransfer-Encoding: chunked\r\n\r\n" % name.encode() + chunked(
        b"x" * 400, 90
    )


def one(names: str, size: int = 1460) -> Line:
    """Requests of one letter, each answered before the next."""
    line = Line().open()
    for name in names:
        line.ask(get(name), size).answer(ok(name), size)
    return line


def together(line: Line, names: str, answers: Sequence[bytes] | None = None, size: int = 1460) -> Line:
    """Requests sent in one go, answered in one go."""
    line.ask(b"".join(get(name) for name in names))
    return line.answer(b"".join([ok(name) for name in names] if answers is None else answers), size)


def without(packets: list[Packet], *lost: bytes) -> list[Packet]:
    """The packets but those that begin so."""
    kept = [p for p in packets if not any(p.data.startswith(start) for start in lost)]
    assert len(kept) == len(packets) - len(lost)
    return kept


def said(communication: Communication) -> tuple[str, str]:
    """The names in request and response, "" where there is none."""
    request, response = communication.request, communication.response
    return request.target[1:] if request else "", response.headers["x-of"][0] if response else ""


def found(packets: list[Packet]) -> str:
    """The names of the exchanges found complete, after a look that no two names were mixed."""
    whole = run(packets)
    cuts = list(range(0, len(packets), 3))
    assert run(packets, cuts, row=2, restart=True, rows_at_once=1).comparable() == whole.comparable()
    assert run(packets, fast=False).comparable() == whole.comparable()
    for a, b in map(said, whole.communications):
        assert a == b or not (a and b), (a, b)
    return "".join(sorted(said(c)[0] for c in whole.communications if c.status == COMPLETE))


def test_behind_the_lost_head_of_the_first_of_several_responses() -> None:
    line = one("a")
    line.ask(b"".join(map(get, "bcde")))
    line.send(1, ok("b")).send(1, ok("c") + ok("d") + ok("e"))
    packets = one_more(line).packets
    assert found(without(packets, ok("b"))) == "acdef"


def one_more(line: Line) -> Line:
    return line.ask(get("f")).answer(ok("f")).shut()


def test_behind_a_lost_end_of_the_first_of_several_responses() -> None:
    line = together(one("a"), "bcd", [long("b"), ok("c"), ok("d")], 200)
    packets = line.packets
    lost = next(p for p in packets if p.side == 1 and p.data.startswith(b"x"))
    packets = [p for p in one_more(line).packets if p is not lost]
    assert found(packets) == "acdf"


def test_a_request_lost_before_others_of_the_same_turn() -> None:
    line = one("a")
    for name in "bcd":
        line.put(0, ACK | PSH, get(name))
    line.answer(ok("b") + ok("c") + ok("d"))
    assert found(without(one_more(line).packets, get("b"))) == "acdf"


def test_a_request_lost_among_others_of_the_same_turn() -> None:
    line = one("a")
    for name in "bcde":
        line.put(0, ACK | PSH, get(name))
    line.answer(b"".join(ok(name) for name in "bcde"))
    assert found(without(one_more(line).packets, get("d"))) == "abcef"


def test_between_two_lost_responses_of_the_same_turn() -> None:
    line = one("a")
    line.ask(b"".join(map(get, "bcde")))
    for name in "bcde":
        line.put(1, ACK | PSH, ok(name))
    line.put(0, ACK)
    packets = one_more(line).packets
    assert found(without(packets, ok("b"), ok("d"))) == "acef"
    assert found(without(packets, ok("c"), ok("d"))) == "abef"


def test_acknowledgements_count_where_nothing_follows() -> None:
    line = one("a").ask(get("b") + get("c"))
    line.put(1, ACK | PSH, ok("b"))
    line.answer(ok("c")).shut()
    assert found(without(line.packets, ok("b"))) == "ac"


def test_two_histories_with_the_same_packets_make_no_pair() -> None:
    """Was one response lost, and the last request stays without one? Or were two?"""
    line = one("a").ask(get("b") + get("c") + get("d"))
    line.put(1, ACK | PSH, ok("b"))
    line.answer(ok("c")).shut()
    other = one("a").ask(get("b") + get("c") + get("d"))
    other.put(1, ACK | PSH, ok("b")[: len(ok("b")) // 2] + ok("c")[: len(ok("b")) - len(ok("b")) // 2])
    other.answer(ok("d")).shut()
    packets = without(line.packets, ok("b"))
    lost = next(p for p in other.packets if p.side == 1 and p.data and p.seq == 9001 + len(ok("a")))
    assert [(p.seq, p.ack, len(p.data)) for p in packets] == [
        (p.seq, p.ack, len(p.data)) for p in other.packets if p is not lost
    ]
    assert found(packets) == "a"


def test_a_loss_has_no_effect_on_the_next_one() -> None:
    line = one("ab")
    together(line, "cd", [long("c"), ok("d")], 200)
    lost = next(p for p in line.packets if p.side == 1 and p.data.startswith(b"x"))
    packets = [p for p in one_more(line).packets if p is not lost]
    assert found(without(packets, ok("a"))) == "bdf"


def test_the_end_of_an_upload_lost_and_then_a_request() -> None:
    upload = b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"y" * 300, 70)
    line = one("a").ask(upload, 150).answer(ok("b"))
    last = max((p for p in line.packets if p.side == 0 and p.data), key=lambda p: p.seq)
    packets = line.ask(get("c")).answer(ok("c")).shut().packets
    assert found([p for p in packets if p is not last]) == "ac"


def test_a_lost_request_before_a_lost_response() -> None:
    line = together(one("a"), "bc", [ok("b"), ok("c")], len(ok("b")))
    packets = line.ask(get("d")).answer(ok("d")).ask(get("e")).answer(ok("e")).shut().packets
    assert found(without(packets, ok("b"), get("d"))) == "ace"


def test_a_lost_request_and_the_lost_head_of_its_response() -> None:
    line = one("a").ask(get("b")).answer(ok("b", b"x" * 80), 70).ask(get("c")).answer(ok("c")).shut()
    assert found(without(line.packets, get("b"), ok("b", b"x" * 80)[:70])) == "ac"


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_connection_joined_by_the_capture(names: str) -> None:
    assert found([p for p in one(names).shut().packets if p.seq not in {1000, 9000}]) == names


def test_a_connection_joined_between_requests_of_the_same_turn() -> None:
    line = Line()
    for name in "abc":
        line.put(0, ACK | PSH, get(name))
    line.answer(ok("a") + ok("b") + ok("c"))
    assert found(line.packets[1:]) == ""
    assert found(one_more(line).packets[1:]) == "bcf"


def test_a_client_that_is_always_ahead() -> None:
    """Two requests are under way all the time: what a request acknowledges is no fixed point."""
    line = Line().open()
    line.put(0, ACK | PSH, get("a"))
    for asked, answered in zip("bcdefgh", "abcdefg", strict=True):
        line.put(0, ACK | PSH, get(asked))
        line.put(1, ACK | PSH, ok(answered))
        line.put(0, ACK)
    line.answer(ok("h")).shut()
    packets = line.packets
    assert found(packets) == "abcdefgh"
    for name in "bcdefg":
        found(without(packets, get(name)))
        found(without(packets, ok(name)))
        found(without(packets, ok(name), get("e")))


def test_an_interim_response_behind_a_loss() -> None:
    post = b"POST /c HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    line = one("ab").ask(post).answer(b"HTTP/1.1 100 Continue\r\n\r\n").ask(b"hi").answer(ok("c")).shut()
    assert found(without(line.packets, ok("b"))) == "ac"
    assert found(without(line.packets, get("b"))) == "ac"


@st.composite
def turns(draw: st.DrawFn) -> tuple[list[Packet], int]:
    """A client that asks once or more in a turn and waits for all answers; at the end it may not get all. The packets,
    and the first one behind the handshake."""
    line = Line().open()
    number = 0
    count = draw(st.integers(1, 5))
    for turn in range(count):
        names = [f"{number + i}" for i in range(draw(st.sampled_from([1, 1, 2, 3, 4])))]
        number += len(names)
        size = draw(st.sampled_from([1460, 120, 50]))
        line.ask(b"".join(map(get, names)), size)
        if turn == count - 1:
            names = names[: draw(st.integers(0, len(names)))]
        bodies = st.one_of(st.binary(max_size=30), st.integers(60, 300).map(lambda n: b"z" * n))
        answers = [draw(st.sampled_from([ok(name, draw(bodies)), long(name)])) for name in names]
        line.answer(b"".join(answers), draw(st.sampled_from([1460, 400, 90])))
    if draw(st.booleans()):
        line.shut()
    return line.packets, 3


@examples(400)
@given(turns(), st.data())
def test_no_loss_makes_a_wrong_pair(made: tuple[list[Packet], int], data: st.DataObject) -> None:
    packets, first = made
    lost = data.draw(st.sets(st.integers(first, max(first, len(packets) - 1)), max_size=5))
    found([p for i, p in enumerate(packets) if i not in lost])
