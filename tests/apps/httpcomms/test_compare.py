"""Comparing two communications: by structure, line by line, within bounds, and within rights."""

import json
import time
from typing import Any

import pytest
from django.test import Client

from apps.httpcomms import bodydiff, comparing
from apps.httpcomms.bodydiff import Side
from tests.apps.httpcomms.conftest import ORDER, Traffic


def side(text: str | None, data: bytes | None = None, sha: str | None = None) -> Side:
    raw = data if data is not None else (text or "").encode()
    return Side(len(raw), sha or str(hash(raw)), "application/json", text, raw)


def changed(a: Any, b: Any) -> list[tuple[str, str | None, str | None]]:
    return [(one.name, one.a, one.b) for one in bodydiff.changes(a, b)]


def test_json_differs_by_path_whatever_the_order_of_keys() -> None:
    a = {"order": {"id": "A-1", "state": "pending", "total": 184.9}, "retry": True, "odd key": None}
    b = {"order": {"total": 62.0, "state": "confirmed", "id": "A-1"}, "receipt": "R-7", "odd key": 0}
    assert changed(a, b) == [
        ('$["odd key"]', "null", "0"),
        ("$.order.state", '"pending"', '"confirmed"'),
        ("$.order.total", "184.9", "62.0"),
        ("$.receipt", None, '"R-7"'),
        ("$.retry", "true", None),
    ]
    assert changed(a, dict(reversed(a.items()))) == []
    assert changed(1, True) == [("$", "1", "true")]


def test_elements_of_lists_are_matched_where_they_are_equal() -> None:
    assert changed([1, 2, 3, 4], [1, 3, 4]) == [("$[1]", "2", None)]
    assert changed([1, 2], [0, 1, 2]) == [("$[0]", None, "0")]
    assert changed([{"a": 1, "b": 2}], [{"a": 1, "b": 3}]) == [("$[0].b", "2", "3")]
    long = list(range(bodydiff.MAX_MATCHED + 1))
    assert changed(long, [*long[:-1], -1]) == [(f"$[{len(long) - 1}]", str(len(long) - 1), "-1")]


def test_headers_match_by_name_whatever_their_order() -> None:
    a = {"req": {"headers": {"host": ["a"], "accept": ["x", "y"], "x-old": ["1"]}}}
    b = {"req": {"headers": {"accept": ["y", "x"], "host": ["a"], "x-new": ["ord-58212-1"]}}}
    found = next(one for one in comparing.sections(a, b, {}) if one.name == "req.headers")
    assert [(line.name, line.kind) for line in found.lines] == [
        ("host", "same"),
        ("accept", "changed"),
        ("x-old", "removed"),
        ("x-new", "added"),
    ]
    assert (found.differences, found.equal) == (3, 1)


def test_what_two_texts_share_is_set_apart() -> None:
    assert comparing.parts("ord-58213-1", "ord-58212-1") == (("ord-", "58213", "-1"), ("ord-", "58212", "-1"))
    assert comparing.parts("payments", "orders") == (("", "payments", ""), ("", "orders", ""))
    assert comparing.parts("3ds2,split", "3ds2") == (("3ds2", ",split", ""), ("3ds2", "", ""))
    assert comparing.parts("aa", "aaa") == (("", "aa", ""), ("", "aaa", ""))
    for a, b in (("", "x"), ("abcabc", "abc"), ("x" * 1500, "x" * 1499 + "y")):
        one, two = comparing.parts(a, b)
        assert "".join(one) == a
        assert "".join(two) == b
    assert len("".join(comparing.parts("x" * 90_000, "y" * 90_000)[0])) <= comparing.MAX_VALUE + 1


@pytest.mark.parametrize(
    ("a", "b", "kind"),
    [
        ("2026-11-22T10:15:00.123Z", "2026-11-23T10:15:00Z", "ignored"),
        ("Sun, 22 Nov 2026 10:15:00 GMT", "Mon, 23 Nov 2026 10:15:00 GMT", "ignored"),
        ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7a3ce929d0e0e4736", "ignored"),
        ('"0b7e5c1e-5b0c-4a53-9f7b-0c6f3f3f0a11"', '"1b7e5c1e-5b0c-4a53-9f7b-0c6f3f3f0a11"', "ignored"),
        ("1763806500", "1763806501123", "ignored"),
        ("2026-11-22T10:15:00Z", "never", "changed"),
        ("A-58213", "A-58212", "changed"),
        ("same", "same", "same"),
        (None, "4bf92f3577b34da6a3ce929d0e0e4736", "ignored"),
    ],
)
def test_dates_and_ids_can_be_ignored(a: str | None, b: str | None, kind: str) -> None:
    assert comparing.ignoring(comparing.line("x", a, b)).kind == kind


def test_looking_for_ids_in_hostile_values_ends() -> None:
    started = time.process_time()
    for value in ("a" * 200, "a-" * 100, "0" * 15 + ".", "x" * 100_000):
        comparing.ignoring(comparing.line("x", value, value + "!"))
    assert time.process_time() - started < 2


def test_absent_and_empty_differ() -> None:
    assert comparing.line("x", None, "").kind == "added"
    assert comparing.line("x", [], "").kind == "same"
    assert comparing.line("x", None, None).kind == "same"


def test_lines_are_beside_each_other_and_far_equal_ones_are_folded() -> None:
    a = "\n".join([*(f"line {n}" for n in range(50)), "old", "end"])
    b = "\n".join([*(f"line {n}" for n in range(50)), "new", "more", "end"])
    found = bodydiff.compare("res.body", "Response body", side(a), side(b))
    assert found.kind == "text"
    assert [pair.kind for pair in found.pairs] == ["skip", "same", "same", "same", "changed", "added", "same"]
    assert found.pairs[0].skipped == 47
    assert found.pairs[4].a == (51, ("", "old", ""))
    assert found.pairs[5].b == (52, ("", "more", ""))


def test_bodies_equal_to_the_byte_and_binary_ones_are_told_by_hash() -> None:
    equal = bodydiff.compare("b", "Body", side("same", sha="h"), side("same", sha="h"))
    assert (equal.kind, equal.differences) == ("same", 0)
    one = bodydiff.compare("b", "Body", side(None, b"\0" * 9000 + b"a"), side(None, b"\0" * 9000 + b"bc"))
    assert one.kind == "binary"
    assert [(line.name, line.a, line.b) for line in one.lines][-1] == ("From byte 9,000", "61", "62 63")
    none = bodydiff.compare("b", "Body", side("x"), None)
    assert {line.kind for line in none.lines} == {"removed"}
    assert bodydiff.compare("b", "Body", None, None).lines == ()


def test_hostile_bodies_are_bounded_and_what_is_cut_is_said() -> None:
    deep = side("[" * 100_000 + "]" * 100_000)
    assert bodydiff.compare("b", "Body", deep, side("[]")).kind == "text"
    wide = [side(json.dumps({f"k{n}": n + more for n in range(20_000)})) for more in (0, 1)]
    started = time.process_time()
    found = bodydiff.compare("b", "Body", *wide)
    assert len(found.lines) <= bodydiff.MAX_CHANGES + 4
    assert "paths that differ are listed" in found.cut
    assert "lines were not matched" in found.cut
    long = [side(("ab" * n + "\n") * 60_000) for n in (3, 4)]
    assert len(bodydiff.compare("b", "Body", *long).pairs) <= 2 * bodydiff.MAX_LINES + 10
    huge = bodydiff.compare("b", "Body", side("x" * (bodydiff.MAX_TEXT + 1)), side("y"))
    assert "only the first 512 K characters" in huge.cut
    assert all(len("".join(pair.a[1])) <= bodydiff.MAX_LINE + 1 for pair in huge.pairs if pair.a)
    assert time.process_time() - started < 30  # a bound that only an unbounded comparison breaks


pytestmark = pytest.mark.django_db
PATH = "/api/v1/httpcomms/compare/"


def test_the_api_tells_what_differs(as_alice: Client, traffic: Traffic) -> None:
    found = as_alice.get(PATH, {"a": traffic.order, "b": traffic.logo}).json()
    sections = {one["name"]: one for one in found["sections"]}
    status = next(one for one in sections["general"]["lines"] if one["name"] == "Status")
    assert (status["a"], status["b"], status["kind"]) == ("503 Service Unavailable", "200 OK", "changed")
    assert {"name": "q", "a": "<b>", "b": None, "kind": "removed"} in sections["params"]["lines"]
    bodies = {one["name"]: one for one in found["bodies"]}
    assert bodies["res.body"]["kind"] == "binary"
    assert found["differences"] == sum(one["differences"] for one in (*found["sections"], *found["bodies"]))


def test_one_with_itself_has_no_difference(as_alice: Client, traffic: Traffic) -> None:
    found = as_alice.get(PATH, {"a": traffic.order, "b": traffic.order}).json()
    assert found["differences"] == 0
    assert "Nothing differs" in as_alice.get("/compare/", {"a": traffic.order, "b": traffic.order}).content.decode()


def test_the_page_shows_both_and_nothing_from_the_wire_becomes_html(as_alice: Client, traffic: Traffic) -> None:
    for b in (traffic.html, traffic.logo, traffic.slow):
        html = as_alice.get("/compare/", {"a": traffic.order, "b": b}).content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert 'style="' not in html
        assert "&lt;img src=x" in html
    assert json.loads(ORDER)["order"] in html


def test_only_differences_leaves_out_what_is_equal(as_alice: Client, traffic: Traffic) -> None:
    ids = {"a": traffic.order, "b": traffic.html}
    assert 'class="same"' in as_alice.get("/compare/", ids).content.decode()
    only = as_alice.get("/compare/", {**ids, "only": "differences"}).content.decode()
    assert 'class="same"' not in only
    assert 'aria-checked="true"' in only


def test_what_differs_in_dates_and_ids_alone_does_not_count(as_alice: Client, traffic: Traffic) -> None:
    ids = {"a": traffic.order, "b": traffic.html}
    all_of_it, less = (as_alice.get(PATH, {**ids, **more}).json() for more in ({}, {"ignore": "moving"}))
    assert less["differences"] < all_of_it["differences"]
    times = next(one for one in less["sections"] if one["name"] == "timings")
    assert times["lines"][0]["kind"] == "ignored"
    assert as_alice.get(PATH, {**ids, "ignore": "all"}).status_code == 400
    html = as_alice.get("/compare/", {**ids, "ignore": "moving", "only": "differences"}).content.decode()
    assert 'class="ignored"' not in html


@pytest.mark.parametrize("path", [PATH, "/compare/"])
def test_nobody_compares_what_they_may_not_see(
    as_alice: Client, as_bob: Client, as_charlie: Client, traffic: Traffic, path: str
) -> None:
    ids = {"a": traffic.order, "b": traffic.html}
    assert as_bob.get(path, ids).status_code == 200
    refused = as_charlie.get(path, ids)
    assert refused.status_code == 404
    assert b"/v2/orders" not in refused.content
    assert as_alice.get(path, {"a": traffic.order}).status_code == 400
    unknown = {"a": traffic.order, "b": "20261122-default-0000000000000000-q0"}
    assert as_alice.get(path, unknown).status_code == 404
    assert Client().get(path, ids).status_code in (302, 401)
