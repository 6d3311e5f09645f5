"""The list of what was put aside: who sees it, how it is asked for, and who may have it tried again."""

from collections.abc import Iterator

import orjson
import pytest
from django.contrib.auth.models import User

from apps.captures.models import Capture
from apps.core.servers import chunk_store
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from documents import bulk
from documents.build import Document
from store.documents import DocumentStore
from store.documents.rejected import Refusal, keep
from store.redis import work
from store.redis.work import SecondTry
from tests.apps.conftest import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_redis")]
CAPTURE = "c-aside-0001"
LIST, AGAIN = "/api/v1/monitoring/aside/", "/api/v1/monitoring/aside/{}/again/"


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
        record = {
            "id": item.record, "version": 1, "kind": "quarantine", "item": item.text(), "state": state,
            "whisperer": str(whisperer.pk), "capture": CAPTURE, "chunk": item.chunk, "packets": 1200,
            "date": f"2026-11-22T10:15:0{item.chunk}.000000Z", "what": "rows", "reason": "MemoryError<b>",
        }  # fmt: skip
        line = bulk.lines([Document(item.record, 1, "monitoring", "20261122", "default", orjson.dumps(record))])
        assert store.write("monitoring", line).stored == 1
    return made


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
    assert "a number where a text belongs" in client_of(alice).get("/monitoring/aside/").content.decode()
    assert "a number where" not in client_of(bob).get("/monitoring/aside/").content.decode()


def test_a_page_without_anything_explains(store: DocumentStore, alice: User) -> None:
    page = client_of(alice).get("/monitoring/aside/").content.decode()
    assert "Nothing was set aside" in page
    assert "tried once more" in page
