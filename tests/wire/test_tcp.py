"""Connections as networks make them: order, repetition, loss, ends, and sessions that follow each other."""

import pytest

from tests.wire.segments import ACK, FIN, MILLISECOND, PSH, RST, SYN, Line, Packet, run
from wire.events import COMPLETE, GAP, NO_REQUEST
from wire.limits import SECOND, Limits

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = bytes(range(256)) * 8
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2048\r\n\r\n" + BODY


def line(isn: tuple[int, int] = (1000, 9000)) -> Line:
    return Line(isn=isn).open().ask(GET, 10).answer(OK, 300).shut()


def body_of(packets: list[Packet]) -> bytes:
    (talk,) = run(packets).communications
    assert talk.status == COMPLETE
    assert talk.response
    return talk.response.body


def data_packets(packets: list[Packet], side: int) -> list[int]:
    return [i for i, p in enumerate(packets) if p.side == side and p.data]


@pytest.mark.parametrize("isn", [(1000, 9000), (0xFFFFFFF0, 0xFFFFFE00), (0x7FFFFFFE, 0)])
def test_sequence_numbers_wrap(isn: tuple[int, int]) -> None:
    assert body_of(line(isn).packets) == BODY


@pytest.mark.parametrize("side", [0, 1])
def test_any_order(side: int) -> None:
    packets = line().packets
    places = data_packets(packets, side)
    moved = [packets[i] for i in reversed(places)]
    for place, packet in zip(places, moved, strict=True):
        packets[place] = packet
    assert body_of(packets) == BODY


def test_retransmissions_and_overlaps_change_nothing() -> None:
    packets = line().packets
    a, b = data_packets(packets, 1)[2:4]
    both = Packet(1, packets[a].seq, packets[a].ack, ACK, packets[a].data + packets[b].data, packets[b].time)
    packets[b:b] = [packets[a], both]
    assert body_of(packets) == BODY
    (session,) = run(packets).sessions
    assert session.server.retransmitted == 300 + 300 + 300
    assert session.anomalies == []


def test_of_differing_overlaps_the_first_wins() -> None:
    packets = line().packets
    a, b = data_packets(packets, 1)[2:4]
    packets[a], packets[b] = packets[b], packets[a]
    forged = Packet(1, packets[a].seq, packets[a].ack, ACK, b"?" * 300, packets[a].time)
    packets.insert(a + 1, forged)
    assert body_of(packets) == BODY
    assert run(packets).sessions[0].anomalies == ["overlapConflict"]


def test_keep_alive_probes_are_no_data() -> None:
    packets = line().packets
    last = data_packets(packets, 1)[-1]
    p = packets[last]
    probe = (p.seq + len(p.data) - 1) & 0xFFFFFFFF
    packets[last + 1 : last + 1] = [Packet(1, probe, p.ack, ACK, data, p.time) for data in (b"", b"\0")]
    assert body_of(packets) == BODY
    assert run(packets).sessions[0].anomalies == []


def test_reset_ends_the_session() -> None:
    packets = Line().open().ask(GET).answer(OK[:500]).packets
    packets.append(Packet(1, 9001 + 500, 0, RST, b"", packets[-1].time))
    result = run(packets)
    assert result.sessions[0].end == "rst"
    assert result.communications[0].status == "truncated"


def test_a_wild_reset_is_ignored() -> None:
    packets = line().packets
    place = data_packets(packets, 1)[3]
    packets.insert(place, Packet(1, 0x70000000, 0, RST, b"", packets[place].time))
    assert body_of(packets) == BODY
    assert run(packets).sessions[0].anomalies == ["resetOutOfWindow"]


def test_without_handshake_pairs_are_proven_by_ack_numbers() -> None:
    packets = [p for p in line().packets if not p.flags & SYN][1:]
    assert body_of(packets) == BODY
    assert not run(packets).sessions[0].start_seen


def test_a_session_that_starts_inside_a_body() -> None:
    packets = line().packets
    start = data_packets(packets, 1)[3]
    later = Line(isn=(packets[-1].seq, 9002 + len(OK)), time=packets[-1].time)
    later.ask(GET).answer(OK)
    cut = [p for p in packets[start:] if not p.flags & FIN] + [
        Packet(p.side, p.seq - 1, p.ack - 1, p.flags, p.data, p.time) for p in later.packets
    ]
    (talk,) = run(cut).communications
    assert talk.status == COMPLETE
    assert talk.response
    assert talk.response.body == BODY


def test_one_direction_only() -> None:
    result = run([p for p in line().packets if p.side == 1])
    (talk,) = result.communications
    assert talk.status == NO_REQUEST
    assert talk.response
    assert talk.response.body == BODY


def test_after_a_lost_response_the_next_is_paired_by_ack_numbers() -> None:
    talk = Line().open()
    for i in range(4):
        talk.ask(b"GET /%d HTTP/1.1\r\n\r\n" % i).answer(b"HTTP/1.1 20%d OK\r\nContent-Length: 3\r\n\r\nabc" % i)
    packets = talk.shut().packets
    del packets[data_packets(packets, 1)[1]]
    found = {
        c.request.target: (c.response.status if c.response else 0, c.status)
        for c in run(packets).communications
        if c.request
    }
    assert found == {"/0": (200, COMPLETE), "/1": (0, GAP), "/2": (202, COMPLETE), "/3": (203, COMPLETE)}


def test_after_a_lost_request_its_response_stays_alone() -> None:
    talk = Line().open()
    for i in range(3):
        talk.ask(b"GET /%d HTTP/1.1\r\n\r\n" % i).answer(b"HTTP/1.1 20%d OK\r\nContent-Length: 3\r\n\r\nabc" % i)
    packets = talk.shut().packets
    del packets[data_packets(packets, 0)[1]]
    found = [
        (c.request.target if c.request else "", c.response.status if c.response else 0)
        for c in run(packets).communications
    ]
    assert sorted(found) == [("", 201), ("/0", 200), ("/2", 202)]


def test_a_snap_length_cut_is_a_gap() -> None:
    packets = line().packets
    place = data_packets(packets, 1)[4]
    p = packets[place]
    packets[place] = Packet(p.side, p.seq, p.ack, p.flags, p.data[:100], p.time, len(p.data) - 100)
    (talk,) = run(packets).communications
    assert (talk.status, talk.response and len(talk.response.body)) == (GAP, 2048 - 200)


@pytest.mark.parametrize("reason", ["bytes", "time"])
def test_a_hole_is_given_up(reason: str) -> None:
    """One direction, so that no acknowledgement says anything: by bytes behind it, or by time."""
    packets = [p for p in line().packets if p.side == 1]
    places = data_packets(packets, 1)
    late = places[-1]
    shift = 6 * SECOND if reason == "time" else 0
    p = packets[late]
    packets[late] = Packet(p.side, p.seq, p.ack, p.flags, p.data, p.time + shift)
    del packets[places[2]]
    limits = Limits(gap_bytes=800) if reason == "bytes" else Limits()
    (session,) = run(packets[:late], limits=limits).sessions
    assert (session.server.gaps, session.server.gap_bytes) == (1, 300)


def test_the_same_ports_again() -> None:
    first = line().packets
    second = Line(isn=(70000, 80000), time=first[-1].time).open().ask(GET).answer(OK).shut().packets
    for packets in (first + second, first[:-3] + second):
        result = run(packets)
        assert [c.status for c in result.communications] == [COMPLETE] * 2
        assert len({s.session.id for s in result.sessions}) == 2


def test_a_silent_flow_is_over() -> None:
    talk = Line().open().ask(GET).answer(OK)
    talk.time += 301 * SECOND
    talk.ask(GET).answer(OK)
    result = run(talk.packets)
    assert [s.end for s in result.sessions] == ["idle", "end"]
    assert [c.status for c in result.communications] == [COMPLETE] * 2


def test_stragglers_of_a_closed_session_open_none() -> None:
    packets = line().packets
    packets.append(Packet(1, 9000, 0, RST, b"", packets[-1].time + MILLISECOND))
    packets.append(packets[data_packets(packets, 1)[0]])
    assert len(run(packets).sessions) == 1


def test_syn_with_data() -> None:
    talk = Line()
    talk.put(0, SYN, GET)
    talk.put(1, SYN | ACK)
    talk.put(1, ACK | PSH, b"HTTP/1.1 204 No\r\n\r\n")
    (found,) = run(talk.packets).communications
    assert found.status == COMPLETE


def test_a_response_to_an_unseen_head_request_ends_with_its_head() -> None:
    packets = [p for p in Line().open().ask(b"HEAD / HTTP/1.1\r\n\r\n").packets if p.side == 1]
    line = Line(isn=(1019, 9001), time=packets[-1].time)
    line.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n").answer(OK, 5)
    for fast in (True, False):
        first, second = run([*packets, *line.packets], fast=fast).communications
        assert first.response
        assert second.response
        assert (first.response.body, first.response.ended) == (b"", line.packets[0].time)
        assert second.response.body == BODY
