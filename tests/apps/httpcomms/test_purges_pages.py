"""Purges and pins by the API and by their pages."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.httpcomms import pins, purges, requests
from apps.httpcomms.models import Pin, Purge
from apps.whisperers.models import Whisperer
from store.documents import EVERYTHING, DocumentStore
from tasks import maintenance
from tests.apps.httpcomms.conftest import Traffic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("traffic", "at_once")]
JSON = {"content_type": "application/json"}
POSTS = {"q": "req.method:POST", "what": ["communications", "bodies"]}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks are done where they are sent."""
    monkeypatch.setattr(purges, "send", lambda _name, key, **_: maintenance.purge_part(key))
    monkeypatch.setattr(pins, "send", lambda _name, **_: maintenance.unpin())


def address(whisperer: Whisperer, path: str = "") -> str:
    return f"/api/v1/whisperers/{whisperer.pk}/purges/{path}"


def test_the_api_counts_removes_and_tells(
    as_alice: Client, as_bob: Client, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    assert as_bob.post(address(whisperer), POSTS, **JSON).json()["error"]["right"] == "purge"
    plan = as_alice.post(address(whisperer, "plan/"), POSTS, **JSON).json()
    assert plan == {
        "planned": [
            {"kind": "bodies", "count": 1, "exact": False}, {"kind": "communications", "count": 1, "exact": True}
        ],
        "pinned": 0,
    }  # fmt: skip
    assert site_store.count("httpcomms", EVERYTHING, None) == 4
    made = as_alice.post(address(whisperer), POSTS, **JSON)
    assert made.status_code == 202
    found = as_alice.get(address(whisperer, f"{made.json()['id']}/")).json()
    assert (found["state"], found["removed"], found["by"]) == ("done", {"bodies": 1, "communications": 1}, "alice")
    assert [one["id"] for one in as_alice.get(address(whisperer)).json()["purges"]] == [found["id"]]
    assert site_store.count("httpcomms", EVERYTHING, None) == 3
    assert as_alice.delete(address(whisperer, f"{found['id']}/")).json()["state"] == "done"
    assert as_alice.get(address(whisperer, "999/")).status_code == 404
    assert as_alice.post(address(whisperer), POSTS | {"to": "tomorrow"}, **JSON).json()["error"]["field"] == "to"
    assert as_alice.post(address(whisperer), POSTS | {"q": "nothing:1"}, **JSON).json()["error"]["code"] == "query"


def test_one_that_waits_is_cancelled(
    as_alice: Client, alice: User, whisperer: Whisperer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purges, "send", lambda *_, **__: None)
    page = f"/whisperers/{whisperer.pk}/purges/"
    one = as_alice.post(address(whisperer), POSTS, **JSON).json()
    assert "Cancel" in as_alice.get(f"{page}list/").content.decode()
    assert as_alice.delete(address(whisperer, f"{one['id']}/")).json()["state"] == "cancelled"
    two = as_alice.post(address(whisperer), POSTS, **JSON).json()
    assert as_alice.post(f"{page}{two['id']}/cancel/").status_code == 302
    part = as_alice.post(f"{page}{two['id']}/cancel/", headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in part
    assert set(Purge.objects.values_list("state", flat=True)) == {"cancelled"}


def test_the_page_counts_first_and_wants_the_name(
    as_alice: Client, as_bob: Client, alice: User, whisperer: Whisperer, traffic: Traffic, site_store: DocumentStore
) -> None:
    page = f"/whisperers/{whisperer.pk}/purges/"
    assert as_bob.get(page).status_code == 403
    assert "This would go" not in as_alice.get(page).content.decode()
    pins.pin_create(owner=alice, name="kept", wanted=requests.read({}), ids=[traffic.logo])
    asked = {"q": "req.method:GET", "what": ["communications"], "count": "1"}
    text = as_alice.get(page, asked).content.decode()
    assert "This would go" in text
    assert "1 of the communications is pinned" in text
    refused = as_alice.get(page, {"q": "nothing:1", "what": ["communications"], "count": "1"})
    assert (refused.status_code, "nothing" in refused.content.decode()) == (400, True)
    assert as_alice.post(f"{page}start/", asked | {"name": "else"}).status_code == 400
    assert site_store.count("httpcomms", EVERYTHING, None) == 4
    assert as_alice.post(f"{page}start/", asked | {"name": "shop"}).status_code == 302
    assert site_store.count("httpcomms", EVERYTHING, None) == 2
    assert "2 communications" in as_alice.get(page).content.decode()


def test_pins_by_the_api_and_their_page(
    as_alice: Client, as_bob: Client, as_charlie: Client, traffic: Traffic
) -> None:
    assert "Nothing is pinned" in as_alice.get("/pins/").content.decode()
    given: dict[str, Any] = {"name": "incident", "note": "<until May>", "ids": [traffic.order, traffic.logo]}
    assert as_bob.post("/api/v1/pins/", given, **JSON).json()["error"]["right"] == "pin"
    made = as_alice.post("/api/v1/pins/", given, **JSON)
    assert (made.status_code, made.json()["communications"], made.json()["whisperers"]) == (201, 2, ["shop"])
    path = f"/api/v1/pins/{made.json()['id']}/"
    assert [one["mayRemove"] for one in as_bob.get("/api/v1/pins/").json()["pins"]] == [False]
    assert as_charlie.get("/api/v1/pins/").json()["pins"] == []
    assert as_charlie.delete(path).status_code == 404
    assert as_bob.delete(path).status_code == 403
    text = as_alice.get("/pins/").content.decode()
    assert "&lt;until May&gt;" in text
    assert 'data-does="remove"' in text
    assert 'data-does="remove"' not in as_bob.get("/pins/").content.decode()
    assert as_alice.post("/api/v1/pins/", {"name": "x"}, **JSON).json()["error"]["field"] == "ids"
    assert as_alice.post("/api/v1/pins/", given | {"name": " "}, **JSON).json()["error"]["field"] == "name"
    assert as_alice.delete(path).status_code == 204
    assert not Pin.objects.exists()


def test_only_who_may_pin_is_offered_it(as_alice: Client, as_bob: Client) -> None:
    assert 'data-act="pin"' in as_alice.get("/").content.decode()
    assert 'data-act="pin"' not in as_bob.get("/").content.decode()
