"""Calls within calls, the time scales they are drawn on, and the waterfall's rows."""

from dataclasses import replace

import pytest
from django.test import Client

from apps.httpcomms import calls, timescale, waterfall
from apps.httpcomms.calls import Call
from tests.apps.httpcomms.conftest import Traffic

MS = 1_000_000


def made(id: str, ends: str, start: float, end: float | None, *correlation: str, **more: str) -> Call:
    client, _, server = ends.partition(">")
    duration = None if end is None else end - start
    call = Call(
        id=id,
        start=round(start * MS),
        end=None if end is None else round(end * MS),
        client=client,
        server=server,
        identification="",
        method="GET",
        path="/",
        template="",
        status="none" if end is None else "200",
        digit="0" if end is None else "2",
        duration=duration,
        timings=None if duration is None else (0.0, duration, 0.0),
        correlation=correlation,
    )
    return replace(call, **more) if more else call  # type: ignore[arg-type]


def parents(*found: Call) -> dict[str, tuple[str, str, int]]:
    return {one.id: (one.parent, one.joined, one.depth) for one in calls.nested(found)}


def test_a_call_is_within_the_one_its_client_answers_with_the_same_identifier() -> None:
    found = parents(
        made("a", "web>gateway", 0, 100, "c1"),
        made("b", "web>gateway", 1, 100, "c2"),
        made("c", "gateway>orders", 10, 20, "c2"),
        made("d", "orders>db", 12, 15, "c2"),
    )
    assert found == {
        "a": ("", "", 0),
        "b": ("", "", 0),
        "c": ("b", "correlation", 1),
        "d": ("c", "correlation", 2),
    }


def test_without_identifier_time_tells_only_where_one_call_fits() -> None:
    alone = parents(made("a", "web>gateway", 0, 100), made("c", "gateway>orders", 10, 20))
    assert alone["c"] == ("a", "time", 1)
    two = parents(
        made("a", "web>gateway", 0, 100), made("b", "web>gateway", 5, 50), made("c", "gateway>orders", 10, 20)
    )
    assert two["c"] == ("", "", 0)
    late = parents(made("a", "web>gateway", 0, 15), made("c", "gateway>orders", 10, 20))
    assert late["c"] == ("", "", 0)


def test_different_identifiers_are_never_joined_by_time() -> None:
    found = parents(made("a", "web>gateway", 0, 100, "c1"), made("c", "gateway>orders", 10, 20, "c2"))
    assert found["c"] == ("", "", 0)


def test_a_service_that_goes_on_after_its_answer_is_within_the_call_around_both() -> None:
    found = parents(
        made("a", "web>gateway", 0, 100, "c"),
        made("b", "gateway>orders", 10, 20, "c"),
        made("c", "orders>payments", 30, 60, "c"),
    )
    assert found["c"] == ("a", "correlation", 1)


def test_a_call_without_response_still_holds_what_carries_its_identifier() -> None:
    found = parents(made("a", "web>gateway", 0, None, "c"), made("b", "gateway>orders", 10, 20, "c"))
    assert found["b"] == ("a", "correlation", 1)


def test_lifelines_are_in_the_order_of_their_first_appearance() -> None:
    found = calls.nested([made("b", "gateway>orders", 10, 20), made("a", "web>gateway", 0, 100)])
    assert calls.lifelines(found) == ["web", "gateway", "orders"]


def test_identifiers_that_meet_in_one_call_are_one_conversation() -> None:
    found = calls.nested(
        [
            made("a", "web>gateway", 0, 100, "trace", "request-1"),
            made("b", "gateway>orders", 10, 20, "request-1"),
            made("c", "orders>db", 12, 18),
            made("d", "web>gateway", 200, 300, "other"),
            made("e", "cron>db", 400, 410),
        ]
    )
    families = calls.families(found)
    assert families["a"] == families["b"] == families["c"] == "request-1"
    assert families["d"] == "other"
    assert families["e"] == ""
    assert calls.conversations(found) == [
        {"correlation": "request-1", "calls": 3, "first": "a"},
        {"correlation": "other", "calls": 1, "first": "d"},
    ]


def test_a_linear_scale_is_true_to_time_and_has_round_marks() -> None:
    scale = timescale.linear(1000 * MS, 1550 * MS)
    assert scale.place(1275 * MS) == pytest.approx(0.5)
    assert (scale.place(0), scale.place(9999 * MS)) == (0, 1)
    assert [tick.after // MS for tick in scale.ticks()] == [0, 100, 200, 300, 400, 500]


def test_long_times_are_marked_by_minutes() -> None:
    scale = timescale.linear(0, 290_000 * MS)
    assert [tick.after // MS for tick in scale.ticks()] == [0, 60_000, 120_000, 180_000, 240_000]


def test_a_scale_of_one_moment_is_no_division_by_zero() -> None:
    assert timescale.linear(5, 5).place(5) == 0
    assert timescale.busy([(5, 5)]).place(5) == 0


def test_idle_time_is_cut_out_and_told() -> None:
    scale = timescale.busy([(0, 10 * MS), (5 * MS, 20 * MS), (60_000 * MS, 60_020 * MS)])
    assert [round(cut[2] / MS) for cut in scale.cuts] == [59_980]
    assert scale.place(20 * MS) == pytest.approx(0.49)
    assert scale.place(60_000 * MS) == pytest.approx(0.51)
    assert scale.place(60_020 * MS) == pytest.approx(1)
    assert 0.49 < scale.place(30_000 * MS) < 0.51
    places = [scale.place(moment * MS) for moment in range(0, 60_020, 7)]
    assert places == sorted(places)


def test_a_thousand_gaps_leave_room_for_what_happened() -> None:
    scale = timescale.busy([(n * 1000 * MS, (n * 1000 + 1) * MS) for n in range(1000)])
    assert sum(piece.right - piece.left for piece in scale.pieces) == pytest.approx(0.7)
    assert scale.pieces[-1].right == pytest.approx(1)


def test_conversations_begin_at_the_left_edge_and_share_a_scale() -> None:
    fall = waterfall.waterfall(
        [
            made("a", "web>gateway", 0, 100, "c1"),
            made("b", "gateway>orders", 20, 60, "c1"),
            made("c", "web>gateway", 5000, 5050, "c2"),
            made("d", "cron>db", 7000, 7010),
        ],
        "correlation",
        "start",
        "linear",
    )
    assert [(lane.title, [line.call.id for line in lane.lines]) for lane in fall.lanes] == [
        ("c1", ["a", "b"]),
        ("c2", ["c"]),
        ("Without correlation identifier", ["d"]),
    ]
    bars = {line.call.id: next(bar for bar in line.bars if bar.thick) for lane in fall.lanes for line in lane.lines}
    assert (bars["a"].x, bars["a"].width) == ("0.00%", "100.00%")
    assert (bars["b"].x, bars["b"].width) == ("20.00%", "40.00%")
    assert (bars["c"].x, bars["c"].width) == ("0.00%", "50.00%")
    assert bars["d"].x == "0.00%"
    assert [mark.text for mark in fall.marks] == ["0", "+20.0 ms", "+40.0 ms", "+60.0 ms", "+80.0 ms", "+100 ms"]


def test_each_conversation_may_have_all_the_room() -> None:
    found = [made("a", "web>gateway", 0, 100, "c1"), made("c", "web>gateway", 5000, 5050, "c2")]
    fall = waterfall.waterfall(found, "correlation", "start", "own")
    assert [bar.width for lane in fall.lanes for bar in lane.lines[0].bars if bar.thick] == ["100.00%", "100.00%"]
    assert [mark.text for mark in fall.marks] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


def test_orders_of_the_waterfall() -> None:
    found = calls.nested(
        [
            made("a", "web>gateway", 0, 100, "c"),
            made("x", "web>other", 5, 300),
            made("b", "gateway>orders", 20, 60, "c", status="503", digit="5"),
            made("n", "web>gateway", 30, None),
        ]
    )
    ids = {order: [one.id for one in waterfall.ordered(found, order)] for order in waterfall.ORDERS}
    assert ids == {
        "start": ["a", "b", "x", "n"],
        "newest": ["n", "b", "x", "a"],
        "slowest": ["x", "a", "b", "n"],
        "status": ["n", "b", "a", "x"],
    }


@pytest.mark.django_db
def test_the_calls_of_the_api(as_alice: Client, traffic: Traffic) -> None:
    found = as_alice.get("/api/v1/httpcomms/calls/", {"size": 3}).json()
    assert [one["id"] for one in found["calls"]] == [traffic.order, traffic.html, traffic.logo]
    assert (found["total"], found["atLeast"], found["leftOut"]) == (4, False, 1)
    assert found["services"][:2] == ["10.0.0.1", "10.0.0.2"]
    slow = as_alice.get("/api/v1/httpcomms/calls/", {"order": "newest", "size": 1}).json()["calls"][0]
    assert (slow["id"], slow["end"], slow["class"], slow["status"]) == (traffic.slow, None, "0", "none")


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "value"), [("order", "random"), ("size", "501"), ("q", "nothing:1")])
def test_calls_that_cannot_be_asked_for(as_alice: Client, traffic: Traffic, name: str, value: str) -> None:
    answer = as_alice.get("/api/v1/httpcomms/calls/", {name: value})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, name)


@pytest.mark.django_db
def test_calls_of_others_are_not_shown(as_charlie: Client, as_bob: Client, client: Client, traffic: Traffic) -> None:
    assert len(as_bob.get("/api/v1/httpcomms/calls/").json()["calls"]) == 4
    nothing = as_charlie.get("/api/v1/httpcomms/calls/").json()
    assert nothing == {
        "calls": [], "services": [], "conversations": [], "total": 0, "atLeast": False, "leftOut": 0
    }  # fmt: skip
    assert client.get("/api/v1/httpcomms/calls/").status_code == 401
    for view in ("map", "sequence", "waterfall"):
        html = as_charlie.get("/", {"view": view, "from": "2020-01-01T00:00:00Z"}).content.decode()
        assert "No whisperer was shared with you yet" in html
        assert "10.0.0.2" not in html


@pytest.mark.django_db
def test_the_waterfall_puts_nothing_of_the_wire_into_html(as_alice: Client, traffic: Traffic) -> None:
    html = as_alice.get("/", {"view": "waterfall", "from": "2020-01-01T00:00:00Z"}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert 'style="' not in html
