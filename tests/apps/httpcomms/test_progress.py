"""Searches in slices: what they find is what the whole search finds, whatever it takes."""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

import pytest
from django.test import Client

from apps.core.errors import ApplicationError
from apps.httpcomms import requests
from apps.httpcomms.ranges import Range
from apps.httpcomms.selectors import Slices, begin, progress, search
from store.documents import EVERYTHING, DocumentStore, Page, TookTooLong
from tests.apps.httpcomms.conftest import Traffic
from tests.apps.httpcomms.slow import SlowStore
from tests.store.documents.samples import T0, comm, numbers, write

pytestmark = pytest.mark.django_db
SECOND = 10**9
QUICK = 0.2


@pytest.fixture
def slow(site_store: DocumentStore, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowStore]:
    """300 communications in 60 s, and 0.02 s of sleep for each second searched."""
    write(site_store, *[comm(n, date=T0 + n * SECOND // 5) for n in range(300)])
    store = SlowStore(postgres_url, 0.02)
    monkeypatch.setattr(import_module("apps.httpcomms.selectors.search"), "document_store", lambda: store)
    yield store
    store.close()


def asked(text: str = "req.method:GET", size: int = 100, sort: str = "-date") -> requests.Search:
    wanted = requests.Search(text, requests.parse(text), Range(T0, T0 + 60 * SECOND), size=size)
    return replace(wanted, sort=sort)


def everything(wanted: requests.Search) -> tuple[list[int], Slices, str | None]:
    """Call until it is done: the hits, the last call, and the cursor that one of them gave."""
    found = begin(EVERYTHING, wanted, 0, QUICK)
    assert isinstance(found, Slices)
    hits, after = list(found.hits), found.after
    while not found.reached.done:
        before = found.reached
        found = progress.go_on(EVERYTHING, wanted, before, QUICK)
        assert (found.reached.edge, found.reached.step) < (before.edge, before.step) or found.reached.edge < before.edge
        hits += found.hits
        after = after or found.after
    return numbers(hits), found, after


def test_what_is_quick_is_answered_as_a_whole(slow: SlowStore) -> None:
    slow.factor = 0
    found = begin(EVERYTHING, asked(), 0, 5)
    assert isinstance(found, Page)
    assert (len(found.hits), found.total, found.at_least) == (100, 300, False)


def test_slices_find_what_the_whole_finds(slow: SlowStore) -> None:
    hits, last, after = everything(asked(size=1000))
    assert hits == list(range(299, -1, -1))
    assert (last.page.total, last.page.at_least, last.reached.share, after) == (300, False, 1.0, None)
    assert slow.asked[0] == (T0, T0 + 60 * SECOND)
    lengths = [until - since for since, until in slow.asked[1:]]
    assert max(lengths) > lengths[0], "slices grow while they are quick"


def test_a_full_page_goes_on_with_the_next(slow: SlowStore) -> None:
    wanted = asked(size=5)
    hits, last, after = everything(wanted)
    assert hits == [299, 298, 297, 296, 295]
    assert (last.page.total, last.page.at_least) == (300, False)
    slow.factor = 0
    assert numbers(search(EVERYTHING, replace(wanted, after=after)).hits) == [294, 293, 292, 291, 290]


def test_a_part_says_how_far_it_came(slow: SlowStore) -> None:
    found = begin(EVERYTHING, asked(size=1000), 0, QUICK)
    assert isinstance(found, Slices)
    assert 0 < found.reached.share < 1
    assert found.page.at_least
    within = [n for n in range(300) if T0 + n * SECOND // 5 >= found.reached.edge]
    assert found.page.total == len(found.hits) == len(within)
    assert progress.read(found.reached.parameters()) == found.reached


def test_other_orders_and_dead_ends_are_given_up(slow: SlowStore) -> None:
    with pytest.raises(TookTooLong):
        begin(EVERYTHING, asked(sort="stats.duration"), 0, QUICK)
    slow.factor = 1e9
    found = begin(EVERYTHING, asked(), 0, 0.02)
    assert isinstance(found, Slices)
    with pytest.raises(TookTooLong):
        give_up(found)


def give_up(found: Slices) -> None:
    for _ in range(20):
        found = progress.go_on(EVERYTHING, asked(), found.reached, 0.02)


def test_what_somebody_wrote_into_the_address_is_kept_in_bounds() -> None:
    good = {"since": "5", "until": "10", "edge": "7", "step": "1", "rows": "0", "total": "0", "full": "0"}
    for name in good:
        for value in ("x", "-1", "1e3", str(1 << 63)):
            with pytest.raises(ApplicationError):
                progress.read(good | {name: value})
    odd = progress.read({"since": "10", "until": "5", "edge": "99", "step": "0", "total": "99999999"})
    assert (odd.since, odd.until, odd.edge, odd.step, odd.total) == (5, 5, 5, 1, 10_000)
    assert odd.done


ALL = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
AT = {"at-since": "0", "at-until": str(1 << 62), "at-edge": str(1 << 62), "at-step": str(1 << 62)}


def test_the_next_slices_are_rows_of_ones_own(as_alice: Client, as_charlie: Client, traffic: Traffic) -> None:
    html = as_alice.get("/progress/", ALL | AT).content.decode()
    assert f'data-id="{traffic.order}"' in html
    assert 'data-state="done"' in html
    html = as_charlie.get("/progress/", ALL | AT).content.decode()
    assert "data-id" not in html
    assert '<b id="found-total" hx-swap-oob="true">0</b>' in html
    assert as_alice.get("/progress/", ALL | AT | {"at-edge": "x"}).status_code == 400


def test_the_api_says_what_is_partial(as_alice: Client, slow: SlowStore) -> None:
    span = {"q": "req.method:GET", "from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:01:00Z", "size": "1000"}
    slow.factor = 0
    whole = as_alice.get("/api/v1/httpcomms/", span).json()
    assert (whole["partial"], whole["searchedFrom"]) == (False, "2026-11-22T10:00:00.000000000Z")
    slow.factor = 1
    part = as_alice.get("/api/v1/httpcomms/", span).json()
    assert part["partial"] is True
    assert part["atLeast"] is True
    assert part["searchedFrom"] > "2026-11-22T10:00:00.000000000Z"
    assert [hit["date"] >= part["searchedFrom"] for hit in part["hits"]] == [True] * len(part["hits"])
    late = as_alice.get("/api/v1/httpcomms/", span | {"sort": "stats.duration"})
    assert (late.status_code, late.json()["error"]["code"]) == (504, "took_too_long")
