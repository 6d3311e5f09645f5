"""Completion on a real store: what is offered, where it goes, and that nobody learns of what they may not see."""

import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.servers import document_store
from apps.httpcomms import matching, selectors
from apps.httpcomms.ranges import Range
from documents import query
from documents.fields import fields
from store.documents import EVERYTHING, StoreUnavailable
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import Traffic
from tests.apps.httpcomms.test_caret import odd_text

pytestmark = pytest.mark.django_db


def complete(client: Client, marked: str, **more: str) -> dict[str, Any]:
    """`|` marks the caret."""
    at = marked.index("|")
    text = marked[:at] + marked[at + 1 :]
    response = client.get("/api/v1/httpcomms/complete/", {"q": text, "at": at, **more})
    assert response.status_code == 200, response.content
    return response.json()


def names(found: dict[str, Any]) -> list[str]:
    return [one["name"] for one in found["fields"]]


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {one["text"]: one["count"] for one in found["values"]}


def put(marked: str, one: dict[str, Any]) -> str:
    text = marked.replace("|", "", 1)
    return text[: one["start"]] + one["insert"] + text[one["end"] :]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("stats.src.id", "stats.src.identification"),
        ("identif", "stats.src.identification"),
        ("statusC", "stats.statusCode"),
        ("status", "stats.statusCode"),
        ("dur", "stats.duration"),
        ("st.dur", "stats.duration"),
        ("METH", "req.method"),
        ("host", "req.host"),
        ("req.metod", "req.method"),
        ("behind prox", "stats.src.origin"),
    ],
)
def test_a_field_is_found_by_parts_of_its_name(as_alice: Client, traffic: Traffic, typed: str, first: str) -> None:
    assert names(complete(as_alice, f"{typed}|"))[0] == first


def test_a_field_says_what_it_is(as_alice: Client, traffic: Traffic) -> None:
    found = complete(as_alice, "req.host:a AND stats.dur|")
    first = found["fields"][0]
    table = fields("httpcomms")["stats.duration"]
    assert (first["letter"], first["description"], first["unit"]) == ("#", table.description, "ms")
    assert put("req.host:a AND stats.dur|", first) == "req.host:a AND stats.duration:"
    assert first["mark"] == [0, 9]


def test_keys_inside_fields_come_from_the_newest_documents(as_alice: Client, traffic: Traffic) -> None:
    found = complete(as_alice, "x-e|")
    assert names(found)[0] == "res.headers.x-evil"
    assert found["fields"][0]["example"] == '"><img src=x onerror=alert(1)>'
    assert found["fields"][0]["sampled"] == 1
    assert "req.headers.content-type" in names(complete(as_alice, "req.headers.|"))
    assert names(complete(as_alice, "req.headers|"))[0] == "req.headers"
    assert complete(as_alice, "req.headers|")["fields"][0]["insert"] == "req.headers."


def test_values_are_counted_among_the_other_conditions(as_alice: Client, traffic: Traffic) -> None:
    assert counts(complete(as_alice, "req.method:|")) == {"GET": 3, "POST": 1}
    assert counts(complete(as_alice, "req.method:p|")) == {"POST": 1}
    assert counts(complete(as_alice, "req.host:cdn.example AND req.method:|")) == {"GET": 1}
    assert counts(complete(as_alice, "req.method:| AND req.host:cdn.example")) == {"GET": 1}
    assert counts(complete(as_alice, "req.method:POST AND NOT req.method:|")) == {"POST": 1}
    assert counts(complete(as_alice, "req.method:(POST OR |)")) == {"GET": 3, "POST": 1}
    assert counts(complete(as_alice, "req.method:|", to="2001-01-01T00:00:00Z")) == {}


def test_status_codes_come_with_their_class_and_without(as_alice: Client, traffic: Traffic) -> None:
    found = complete(as_alice, "stats.statusCode:|")
    assert counts(found) == {"2xx": 2, "200": 2, "503": 1, "missing": 1} or counts(found) == {
        "200": 2, "503": 1, "missing": 1,
    }  # fmt: skip
    missing = next(one for one in found["values"] if one["missing"])
    assert put("stats.statusCode:|", missing).strip() == "NOT _exists_:stats.statusCode"
    marked = "req.method:GET AND NOT stats.statusCode:m|"
    missing = complete(as_alice, marked)["values"][0]
    assert put(marked, missing).strip() == "req.method:GET AND _exists_:stats.statusCode"


def test_values_are_quoted_where_they_need_to_be(as_alice: Client, traffic: Traffic) -> None:
    marked = "req.path:/<|"
    one = complete(as_alice, marked)["values"][0]
    assert one["text"] == "/<script>alert(1)</script>"
    text = put(marked, one)
    assert text.strip() == 'req.path:"/<script>alert(1)</script>"'
    response = as_alice.get("/api/v1/httpcomms/", {"q": text})
    assert [hit["id"] for hit in response.json()["hits"]] == [traffic.html]
    assert complete(as_alice, "req.path:script|")["values"][0]["text"] == "/<script>alert(1)</script>"


def test_numbers_offer_comparisons_and_bounds(as_alice: Client, traffic: Traffic) -> None:
    found = complete(as_alice, "stats.duration:|")
    assert [one["text"] for one in found["operators"]] == [">=", "<=", "[… TO …]"]
    assert any("slowest 5 %" in one["words"] for one in found["values"])
    for one in found["values"]:
        query.parse(put("stats.duration:|", one))
    between = found["operators"][2]
    assert put("stats.duration:|", between) == "stats.duration:[ TO *]"
    assert between["caret"] == 1
    assert [one["text"] for one in complete(as_alice, "stats.duration:[2 |")["operators"]] == ["TO"]
    assert [one["text"] for one in complete(as_alice, "stats.duration:[2 TO 8 |")["operators"]] == ["]"]
    for one in complete(as_alice, "date:|")["values"]:
        query.parse(put("date:|", one))


def test_words_that_join_come_behind_a_condition(as_alice: Client, traffic: Traffic) -> None:
    assert [one["text"] for one in complete(as_alice, "req.method:GET |")["operators"]] == ["AND", "OR", "NOT"]
    assert [one["text"] for one in complete(as_alice, "req.method:GET a|")["operators"]] == ["AND"]
    assert complete(as_alice, "|")["operators"] == []
    assert names(complete(as_alice, "|"))[0] == "req.method"
    assert names(complete(as_alice, "_exists_:loca|")) == ["res.location"]


def test_values_of_a_field_that_is_all_but_written(as_alice: Client, traffic: Traffic) -> None:
    found = complete(as_alice, "req.meth|")
    assert found["of"] == "req.method"
    assert [put("req.meth|", one).strip() for one in found["values"]] == ["req.method:GET", "req.method:POST"]


def test_whisperers_are_found_by_their_name(as_alice: Client, traffic: Traffic, whisperer: Any) -> None:
    found = complete(as_alice, "whisperer:sho|")
    assert counts(found) == {"shop": 4}
    assert str(whisperer.pk) in found["values"][0]["insert"]


def test_without_counting_the_store_is_not_asked(as_alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreUnavailable("away")

    for name in ("complete", "values"):  # the package has a function of the same name
        monkeypatch.setattr(sys.modules[f"apps.httpcomms.selectors.{name}"], "document_store", away)
    found = complete(as_alice, "req.meth|", values="no")
    assert (names(found)[0], found["values"], found["note"]) == ("req.method", [], "")
    found = complete(as_alice, "req.method:|")
    assert "does not answer" in found["note"]


@pytest.mark.parametrize(
    "marked", ["req.method:|", "stats.duration:|", "whisperer:|", "x-e|", "req.meth|", "req.headers.|"]
)
def test_who_was_given_nothing_learns_nothing(as_charlie: Client, traffic: Traffic, marked: str) -> None:
    found = complete(as_charlie, marked)
    assert (found["values"], found["total"]) == ([], 0)
    assert all(one["sampled"] is None for one in found["fields"])
    assert set(names(found)) <= set(fields("httpcomms"))


def test_bob_sees_what_he_was_given(as_bob: Client, traffic: Traffic) -> None:
    assert counts(complete(as_bob, "req.method:|")) == {"GET": 3, "POST": 1}


def test_nobody_is_told_without_signing_in(client: Client) -> None:
    assert client.get("/api/v1/httpcomms/complete/", {"q": "req."}).status_code == 401


@pytest.mark.parametrize("wrong", [{"at": "-1"}, {"at": "x"}, {"q": "a" * 4001}, {"from": "soon"}])
def test_what_is_wrong_is_refused(as_alice: Client, wrong: dict[str, str]) -> None:
    response = as_alice.get("/api/v1/httpcomms/complete/", {"q": "a", **wrong})
    assert response.status_code == 400
    assert response.json()["error"]["field"] == next(iter(wrong))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_text, st.integers(0, 60))
def test_whatever_is_typed_the_store_is_asked_sensibly(traffic: Traffic, text: str, at: int) -> None:
    selectors.complete(EVERYTHING, text, at, Range(None, None), names={}, now=1_800_000_000_000_000_000)
    assert document_store()


@given(st.text(min_size=1, max_size=30))
def test_a_key_is_offered_only_as_a_query_can_name_it(key: str) -> None:
    field = fields("httpcomms")["stats.tags"]
    written = matching.written_name(field, key)
    if written is not None:
        found = matching.field_of(written)
        assert found is not None
        assert found[0].name == "stats.tags"


def test_keys_of_hostile_documents_are_bounded() -> None:
    tags = {f"k{n}" * 3: ["x" * 5000] for n in range(5000)}
    document = {"stats": {"tags": tags}, "req": {"headers": {"a" * 5000: ["1"]}}}
    found = matching.sampled_keys([document, {"stats": None}, {"req": {"headers": ["odd"]}}])
    assert len(found["stats.tags"]) == matching.MAX_KEYS
    assert not found["req.headers"]
    assert all(len(key.example) <= matching.EXAMPLE_LENGTH for key in found["stats.tags"].values())


def test_the_check_of_a_query_says_what_would_mend_it(as_alice: Client, db: None) -> None:
    error = as_alice.get("/api/v1/httpcomms/query/", {"q": "req.metod:POST"}).json()["error"]
    assert error["message"] == "there is no field 'req.metod'; did you mean req.method?"
    assert error["short"] == "no field req.metod"
    assert error["correction"] == {"start": 0, "end": 9, "text": "req.method"}
    assert as_alice.get("/api/v1/httpcomms/query/", {"q": "req.method"}).json()["doubt"]["short"] == "value missing"


def test_a_client_needs_a_session(alice: User) -> None:
    assert client_of(alice).get("/api/v1/httpcomms/complete/").status_code == 200
