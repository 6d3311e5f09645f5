"""The list of what was put aside: who sees it, how it is asked for, and who may have it tried again."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User

from apps.captures.models import Capture
from apps.core.servers import chunk_store, forget
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from documents import bulk
from documents.build import Document
from spider_site.run.servers import free_port
from store.documents import DocumentStore
from store.documents.rejected import Refusal, keep
from store.redis import work
from store.redis.work import SecondTry
from tests.apps.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_redis")]
CAPTURE = "c-aside-0001"
LIST, AGAIN = "/api/v1/monitoring/aside/", "/api/v1/monitoring/aside/{}/again/"


@pytest.fixture
def site_store_url(either_store_url: str) -> str:
    return either_store_url


@pytest.fixture
def store(site_store: DocumentStore) -> Iterator[DocumentStore]:
    yield site_store
    for resource in ("monitoring", "rejected"):
        for part in site_store.days(resource):
            site_store.drop_day(resource, part.day, part.policy)


@pytest.fixture
def items(store: DocumentStore, whisperer: Whisperer) -> list[SecondTry]:
    """Three of the whisperer's, in three states."""
    Capture.objects.create(pk=CAPTURE, whisperer=whisperer, policy="default", partitions=2)
    made = [SecondTry(CAPTURE, 7), SecondTry(CAPTURE, 8, 1, 3, 9), SecondTry(CAPTURE, 9, 0, flow=b"\x01\x02")]
    for item, state in zip(made, ("waiting", "definite", "repaired"), strict=True):
        put(store, whisperer, item, state, f"2026-11-22T10:15:0{item.chunk}.000000Z")
    return made


def put(store: DocumentStore, whisperer: Whisperer, item: SecondTry, state: str, date: str) -> None:
    """The record of something that was put aside, of the age of `date`."""
    record = {
        "id": item.record, "version": 1, "kind": "quarantine", "item": item.text(), "state": state, "date": date,
        "whisperer": str(whisperer.pk), "capture": item.capture, "chunk": item.chunk, "packets": 1200, "what": "rows",
        "reason": "MemoryError<b>",
    }  # fmt: skip
    day = date[:10].replace("-", "")
    line = bulk.lines([Document(item.record, 1, "monitoring", day, "default", orjson.dumps(record))])
    assert store.write("monitoring", line).stored == 1
    store.refresh("monitoring")


def test_it_is_listed_newest_first_with_counts_by_state(items: list[SecondTry], alice: User) -> None:
    found = client_of(alice).get(LIST).json()
    assert [one["chunk"] for one in found["items"]] == [9, 8, 7]
    assert found["counts"] == {"waiting": 1, "repaired": 1, "definite": 1}
    found = client_of(alice).get(LIST, {"state": "definite"}).json()
    assert [(one["chunk"], one["may_try"]) for one in found["items"]] == [(8, True)]
    page = client_of(alice).get("/monitoring/aside/").content.decode()
    assert "MemoryError&lt;b&gt;" in page
    assert "<b>" not in page.split("Set aside</h1>")[1].split("</table>")[0]
    assert page.count("Try again<span") == 1
    assert page.count("Try now<span") == 1


@pytest.mark.parametrize(("name", "value"), [("state", "lost"), ("whisperer", "shop"), ("after", "nonsense")])
def test_what_cannot_be_asked_is_refused_by_name(items: list[SecondTry], alice: User, name: str, value: str) -> None:
    answer = client_of(alice).get(LIST, {name: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == name


def test_who_sees_nothing_finds_nothing_and_who_sees_may_not_try(
    items: list[SecondTry], whisperer: Whisperer, bob: User
) -> None:
    client, address = client_of(bob), AGAIN.format(items[1].record)
    assert client.get(LIST).json() == {"items": [], "counts": {"waiting": 0, "repaired": 0, "definite": 0},
                                       "total": 0, "after": None}  # fmt: skip
    assert client.post(address).status_code == 404
    grant_set(whisperer=whisperer, user=bob, rights=["search"])
    assert [one["may_try"] for one in client.get(LIST).json()["items"]] == [False] * 3
    answer = client.post(address)
    assert (answer.status_code, answer.json()["error"]["right"]) == (403, "configure")
    grant_set(whisperer=whisperer, user=bob, rights=["search", "configure"])
    assert client.post(address).status_code == 202


def test_trying_again_waits_in_the_due_set(items: list[SecondTry], alice: User) -> None:
    client = client_of(alice)
    back = "/monitoring/aside/?state=definite"
    answer = client.post("/monitoring/aside/again/", {"id": items[1].record, "back": back})
    assert (answer.status_code, answer["Location"]) == (302, back)
    away = client.post("/monitoring/aside/again/", {"id": items[0].record, "back": "//elsewhere.example/"})
    assert away["Location"] == "/monitoring/aside/"
    with chunk_store().link() as link:
        assert set(work.due(link)) == {items[0], items[1]}
    assert client.get(LIST).json()["counts"] == {"waiting": 2, "repaired": 1, "definite": 0}
    assert client.post(AGAIN.format(items[2].record)).status_code == 409
    assert client.post(AGAIN.format("no:such")).status_code == 404


def test_refused_documents_are_shown_to_who_may_see_them(
    store: DocumentStore, whisperer: Whisperer, alice: User, bob: User
) -> None:
    document = orjson.dumps({"id": "20261122-default-9f", "whisperer": str(whisperer.pk)})
    action = orjson.dumps({"index": {"_id": "20261122-default-9f"}})
    keep(store, [Refusal("httpcomms", action, document, "a number where a text belongs")], 1_795_342_500_000_000_000)
    store.refresh("rejected")
    assert "a number where a text belongs" in client_of(alice).get("/monitoring/aside/").content.decode()
    assert "a number where" not in client_of(bob).get("/monitoring/aside/").content.decode()


def test_a_page_without_anything_explains(store: DocumentStore, alice: User) -> None:
    page = client_of(alice).get("/monitoring/aside/").content.decode()
    assert "Nothing was set aside" in page
    assert "tried once more" in page


def test_what_waits_says_when_it_is_tried(items: list[SecondTry], alice: User, settings: Any) -> None:
    client, due = client_of(alice), datetime(2026, 11, 22, 10, 25, 7, tzinfo=UTC)
    with chunk_store().link() as link:
        link.command("ZADD", link.keys.due, int(due.timestamp() * 1000), items[0].text())
    assert [one["due"] for one in client.get(LIST).json()["items"]] == [None, None, "2026-11-22T10:25:07Z"]
    assert "due 2026-11-22 10:25" in client.get("/monitoring/aside/").content.decode()
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    forget()
    found = client.get(LIST).json()["items"]
    assert [(one["state"], one["due"]) for one in found][2] == ("waiting", None)


def test_a_second_page_goes_on_where_the_first_ended(
    items: list[SecondTry], store: DocumentStore, whisperer: Whisperer, alice: User
) -> None:
    for number in range(60):
        put(store, whisperer, SecondTry("c-aside-0002", number), "definite", f"2026-11-22T09:{number:02}:00.000000Z")
    client, seen, after = client_of(alice), [], ""
    while after is not None:
        found = client.get(LIST, {"after": after}).json()
        seen.append([(one["capture"], one["chunk"]) for one in found["items"]])
        after = found["after"]
    assert [len(page) for page in seen] == [50, 13]
    assert seen[0] + seen[1] == [(CAPTURE, n) for n in (9, 8, 7)] + [("c-aside-0002", n) for n in range(59, -1, -1)]
    for address in ("/monitoring/aside/", "/admin/monitoring/aside/"):
        older = re.search(r'href="(\?[^"]*after=[^"]+)"', client.get(address).content.decode())
        assert older
        page = client.get(address + html.unescape(older[1])).content.decode()
        assert (page.count("of c-aside-0002</td>"), "after=" in page.split("</table>")[1]) == (13, False)


def test_the_admin_lists_it_and_has_it_tried_again(items: list[SecondTry], alice: User, bob: User) -> None:
    client, address = client_of(alice), "/admin/monitoring/aside/"
    assert f'href="{address}"' in client.get("/admin/").content.decode()
    page = client.get(address, {"state": "definite"}).content.decode()
    assert "MemoryError&lt;b&gt;" in page
    assert ("Failed again" in page, page.count('<form method="post" action="/admin/monitoring')) == (True, 1)
    back = f"{address}?state=definite"
    answer = client.post(address + "again/", {"id": items[1].record, "back": back})
    assert (answer.status_code, answer["Location"]) == (302, back)
    with chunk_store().link() as link:
        assert work.due(link) == [items[1]]
    assert client.get(LIST).json()["counts"] == {"waiting": 2, "repaired": 1, "definite": 0}
    refused = client.post(address + "again/", {"id": items[2].record, "back": "//elsewhere.example/"}, follow=True)
    assert refused.redirect_chain[-1][0] == address
    assert "there is nothing to try again" in refused.content.decode()
    assert client.get(address, {"state": "lost"}).status_code == 400
    assert client.get(address, {"after": "nonsense"})["Location"] == address
    for asked in (client_of(bob).get(address), client_of(bob).post(address + "again/", {"id": items[1].record})):
        assert (asked.status_code, asked["Location"].split("?")[0]) == (302, "/admin/login/")
