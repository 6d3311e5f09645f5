"""Columns of the grid: how they are named, refused, kept and drawn, and where losses stand between the rows."""

import json
import re
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.errors import ApplicationError
from apps.core.words import SECOND, nanoseconds, rfc3339
from apps.httpcomms import cells, columns, lossrows
from apps.httpcomms.cells import Surroundings
from apps.httpcomms.lossrows import Window
from apps.httpcomms.models import Preference
from apps.whisperers.models import Whisperer
from documents.build import Document
from documents.bulk import lines
from documents.fields import fields
from store.documents import DocumentStore
from tests.apps.httpcomms.conftest import DAY, Traffic

AROUND = Surroundings(UTC, days=False, whisperers={"w-1": "shop <1>"})
ALL = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}


def test_a_text_names_columns_and_their_widths() -> None:
    found = columns.read("date, req.method~80 ,path,req.headers.X-Trace,stats.tags.Order")
    assert [one.name for one in found] == ["date", "req.method", "path", "req.headers.x-trace", "stats.tags.Order"]
    assert [one.width for one in found][:3] == [102, 80, columns.FLEXIBLE]
    assert columns.write(found) == "date,req.method~80,path,req.headers.x-trace,stats.tags.Order"
    assert columns.read("") == columns.usual()


@pytest.mark.parametrize("key", ["a,b", "100%", "tilde~12", "a b", "é", "[0]", "x:y"])
def test_a_key_may_hold_what_separates_columns(key: str) -> None:
    one = columns.column(f"req.params.{key}")
    assert one is not None
    assert columns.read(f"date,{one.text}")[1] == one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,req.metod", "There is no column req.metod: did you mean req.method?"),
        ("req.headers", "it has keys: name one, as req.headers.example."),
        ("date,,path", "with commas between columns"),
        ("date,path,date", "The column date is there twice."),
        ("date~5000", "whole number from 40 to 1200"),
        ("date~", "whole number from 40 to 1200"),
        ("date~٣٠٠", "whole number from 40 to 1200"),
        ("req.params." + "x" * 200, "up to 128 characters"),
        (",".join(f"req.params.{n}" for n in range(41)), "at most 40 columns"),
    ],
)
def test_what_names_no_column_is_refused_with_words(text: str, said: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        columns.read(text)
    assert said in refused.value.message
    assert refused.value.field == "columns"


def test_every_field_is_a_column_with_a_head_a_width_and_a_reason() -> None:
    for field in fields("httpcomms").values():
        one = columns.column(field.name if field.type != "flattened" else f"{field.name}.key")
        assert one is not None, field.name
        assert one.words
        assert one.width == columns.FLEXIBLE or columns.MIN_WIDTH <= one.width <= columns.MAX_WIDTH
        assert bool(one.sort) != bool(one.unsortable)
        assert bool(one.sort) == (field.type != "flattened" and field.sortable)
        assert one.kind in cells._KINDS


def drawn(document: dict[str, Any], name: str, around: Surroundings = AROUND) -> str:
    one = columns.column(name)
    assert one is not None
    return str(cells.cell(document, one, around))


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


COMM: dict[str, Any] = {
    "id": "x", "date": "2026-11-22T10:15:00.123456789Z", "whisperer": "w-1",
    "parsing": {"status": "gap", "anomalies": ["gap"]},
    "req": {"method": "POST", "path": "/<b>", "query": "q=<i>", "headers": {"x-a": ["one", "<two>"]}, "size": 1432,
            "body": {"truncated": False, "encoding": ["gzip"]}},
    "res": {"date": "2026-11-22T10:15:00.130001000Z", "size": 20480, "interim": [{"status": 100}, {"status": 103}],
            "body": {"text": "z" * 5000}},
    "stats": {"statusCode": 503, "statusClass": "5xx", "duration": 12.5,
              "src": {"name": "<gw>", "ip": "::1", "port": 1}, "dst": {"name": "orders", "ip": "10.0.0.1", "port": 80},
              "correlation": ["a", "b"]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("date", "10:15:00.123"),
        ("req.method", "POST"),
        ("stats.statusCode", "503"),
        ("path", None),
        ("ends", "&lt;gw&gt; → orders"),
        ("size", "20.0 K"),
        ("req.size", "1.4 K"),
        ("stats.duration", "12.5 ms"),
        ("stats.timings.wait", "–"),
        ("stats.src.identification", "anonymous"),
        ("req.body.truncated", "no"),
        ("res.body.truncated", "–"),
        ("req.headers.x-a", "one &lt;two&gt;"),
        ("req.headers.x-b", "–"),
        ("res.interim.status", "100 103"),
        ("whisperer", "shop &lt;1&gt;"),
        ("parsing.status", "bytes missing"),
        ("stats.correlation", "a b"),
        ("stats.dst.port", "80"),
        ("stats.src.ip", "::1"),
    ],
)
def test_a_cell_shows_its_value_as_its_kind_deserves_and_escaped(name: str, shown: str | None) -> None:
    html = drawn(COMM, name)
    assert html.startswith("<td")
    assert html.endswith("</td>")
    if shown is not None:
        assert text(html) == shown
    for hostile in ("<b>", "<i>", "<two>", "<gw>", "shop <1>"):
        assert hostile not in html


def test_a_cell_copies_what_is_more_exact_and_is_bounded() -> None:
    assert 'data-copy="2026-11-22T10:15:00.123456789Z"' in drawn(COMM, "date")
    assert 'data-copy="1432"' in drawn(COMM, "req.size")
    assert 'title="20,480 bytes"' in drawn(COMM, "size")
    assert len(drawn(COMM, "res.body.text")) < 6000
    many = {"req": {"headers": {"x": [str(n) for n in range(5000)]}}}
    assert "+4992" in drawn(many, "req.headers.x")
    assert len(drawn(many, "req.headers.x")) < 6000
    assert text(drawn(COMM, "date", Surroundings(UTC, days=True, whisperers={}))) == "11-22 10:15:00.123"


def test_a_document_with_nothing_has_a_cell_for_everything() -> None:
    empty = {"id": "x", "date": COMM["date"]}
    for one in columns.known():
        assert str(cells.cell(empty, one, AROUND)).startswith("<td")


@dataclass
class At:
    at: int = 0
    first: int = 0
    last: int = 0


def placed(down: bool, begin: int | None, end: int | None) -> list[tuple[list[int], int | None]]:
    ats = [90, 70, 50] if down else [50, 70, 90]
    losses = [At(first=n, last=n + 5) for n in (20, 60, 75, 95)]
    found = lossrows.place([At(at=n) for n in ats], losses, Window(begin, end, down))
    return [([one.first for one in before], row.at if row else None) for before, row in found]


def test_a_loss_stands_between_the_rows_of_before_and_after() -> None:
    assert placed(down=True, begin=None, end=None) == [([95], 90), ([75], 70), ([60], 50), ([20], None)]
    assert placed(down=False, begin=None, end=None) == [([20], 50), ([60], 70), ([75], 90), ([95], None)]
    # A page has those of its own window alone: the next one begins where this ends.
    assert placed(down=True, begin=95, end=50) == [([], 90), ([75], 70), ([60], 50)]
    assert placed(down=False, begin=50, end=90) == [([], 50), ([60], 70), ([75], 90)]


pytestmark = pytest.mark.django_db


def page(client: Client, path: str = "/", status: int = 200, **parameters: str) -> str:
    response = client.get(path, {**ALL, **parameters})
    assert response.status_code == status, response.content
    return response.content.decode()


def shown_columns(html: str) -> list[str]:
    return re.findall(r'<col [^>]*data-name="([^"]*)"', html)


def test_the_page_shows_the_columns_of_the_address(as_alice: Client, traffic: Traffic) -> None:
    html = page(as_alice, columns="date,req.headers.content-type,res.headers.x-evil~200")
    assert shown_columns(html) == ["date", "req.headers.content-type", "res.headers.x-evil"]
    assert 'width="200" data-name="res.headers.x-evil"' in html
    assert "application/json" in html
    assert "<img src=x" not in html
    assert re.search(r'hx-get="[^"]*columns=', page(as_alice, q="")) is None  # one page: there is no next
    refused = page(as_alice, status=400, columns="date,nothing")
    assert "There is no column nothing" in refused
    assert "columns=" not in refused


def test_a_preference_is_checked_kept_and_each_persons_own(
    as_alice: Client, as_bob: Client, alice: User, traffic: Traffic
) -> None:
    path = "/api/v1/preferences/columns/"
    body = json.dumps({"value": "date,req.path~300"})
    assert as_alice.put(path, body, content_type="application/json").json() == {"value": "date,req.path~300"}
    assert shown_columns(page(as_alice)) == ["date", "req.path"]
    assert shown_columns(page(as_alice, columns="path")) == ["path"]  # the address wins
    assert shown_columns(page(as_bob)) == list(columns.USUAL)
    for bad in ("date,nothing", ["date"], 7, None):
        answer = as_alice.put(path, json.dumps({"value": bad}), content_type="application/json")
        assert answer.status_code == 400, bad
    Preference.objects.filter(user=alice).update(value="date,gone.with.a.version")
    assert shown_columns(page(as_alice)) == list(columns.USUAL)
    assert as_alice.delete(path).status_code == 204


def test_choices_hold_keys_of_traffic_that_may_be_seen(as_alice: Client, as_charlie: Client, traffic: Traffic) -> None:
    mine = page(as_alice, "/columns/")
    assert 'value="res.headers.x-evil"' in mine
    assert 'value="stats.src.origin"' in mine
    other = page(as_charlie, "/columns/")
    assert "x-evil" not in other
    assert 'value="stats.src.origin"' in other
    found = as_alice.get("/api/v1/httpcomms/columns/").json()
    assert {"name": "res.headers.x-evil", "hits": 1} in found["keys"]
    assert found["usual"] == ",".join(columns.USUAL)
    assert as_charlie.get("/api/v1/httpcomms/columns/").json()["keys"] == []
    assert Client().get("/api/v1/httpcomms/columns/").status_code == 401


def test_choices_are_there_even_where_the_address_names_a_wrong_column(as_alice: Client, traffic: Traffic) -> None:
    assert 'data-name="req.host"' in page(as_alice, "/columns/", columns="nothing")


def test_the_next_rows_have_the_same_columns_and_go_on_counting(as_alice: Client, traffic: Traffic) -> None:
    api = as_alice.get("/api/v1/httpcomms/", {**ALL, "size": 2, "sort": "-date"}).json()
    html = page(as_alice, "/rows/", columns="date,req.path", before="2", after=api["after"])
    assert re.findall(r'aria-rowindex="(\d+)"', html) == ["4", "5"]
    assert html.count("<td") == 2 * 3
    assert "There is no column nothing" in page(as_alice, "/rows/", columns="nothing")
    assert "Give nanoseconds" in page(as_alice, "/rows/", seen="soon")
    assert "whole number" in page(as_alice, "/rows/", before="-1")


def lost(store: DocumentStore, whisperer: Whisperer, at: str) -> None:
    """A minute in which the kernel dropped packets."""
    Whisperer.objects.filter(pk=whisperer.pk).update(mode="INTERFACE")
    id = f"{DAY}-default-{at[11:16].replace(':', '')}"
    counters = {"packets.session": 10, "packets.dropped.kernel": 412}
    body = {"id": id, "version": 1, "whisperer": str(whisperer.pk), "kind": "capture", "capture": "c-1", "date": at,
            "counters": counters}  # fmt: skip
    made = Document(id, 1, "monitoring", DAY, "default", orjson.dumps(body))
    assert not store.write("monitoring", lines([made])).failed
    store.refresh("monitoring")


def test_a_loss_is_told_in_the_grid_to_those_who_may_see_it(
    as_alice: Client,
    as_bob: Client,
    as_charlie: Client,
    site_store: DocumentStore,
    whisperer: Whisperer,
    traffic: Traffic,
) -> None:
    when = as_alice.get("/api/v1/httpcomms/", {"sort": "date", "size": 1}).json()["hits"][0]["date"]
    at = nanoseconds(when) // (60 * SECOND) * 60 * SECOND
    lost(site_store, whisperer, rfc3339(at))
    try:
        for client in (as_alice, as_bob):
            html = page(client)
            told = re.search(r'<tr class="loss">.*?</tr>', html, re.S)
            assert told is not None
            assert "1 min with loss on shop : 412 packets dropped by the kernel" in text(told[0])
            assert f"/whisperers/{whisperer.pk}/" in told[0]
        assert 'class="loss"' not in page(as_alice, sort="-stats.duration")
        assert 'class="loss"' not in page(as_charlie)
    finally:
        for part in site_store.days("monitoring"):
            site_store.drop_day("monitoring", part.day, part.policy)
