"""The tabs of a whisperer that change something: configuration, rights, enrolment, keys, and the log of it all."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from apps.whisperers.models import Whisperer
from apps.whisperers.screens.fields import change_view, interfaces, told
from apps.whisperers.services import configuration_set, grant_set, whisperer_capture, whisperer_create
from tests.apps.conftest import client_of
from tests.apps.whisperers.seeding import World, page, world

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def shop(alice: User, bob: User, site_store: Any) -> World:
    return world(alice, bob)


@pytest.fixture
def bare(db: None, site_store: Any) -> Whisperer:
    return whisperer_create(name="bare", mode="INTERFACE")


def test_interfaces_are_offered_with_how_many_have_them(shop: World) -> None:
    busy = shop["shop-prod-2"]
    busy.instances.filter(name="node-b3").update(interfaces=[{"name": "bond0", "addresses": [], "up": False}])
    found = {one["name"]: (one["on"], one["of"], one["about"]) for one in interfaces(busy.instances.all())}
    assert found["any"] == (3, 3, "all of a host together")
    assert found["eth0"] == (2, 3, "10.4.1.21, fe80::1, up")
    assert found["bond0"] == (1, 3, "no address, down")


def test_a_change_is_told_as_a_diff(shop: World) -> None:
    change = shop["shop-prod-2"].changes.filter(part="parsing").latest("pk")
    view = change_view(change, may_undo=True)
    fields = {one.label: one for one in view.fields}
    assert (view.actor, view.undoable) == ("alice", True)
    assert [line.sign for line in fields["Templates"].lines] == ["+"] * 4
    assert fields["Templates"].lines[0].text == "Create order · host orders · method ^POST$ · path ^/v2/orders$"
    assert (fields["Save packets"].before, fields["Save packets"].after) == ("inherited", "on")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "inherited"),
        (True, "on"),
        (False, "off"),
        (65536, "65,536"),
        ([], "none"),
        (["a", "b"], "a, b"),
        ("", "empty"),
    ],
)
def test_values_are_told_in_a_line(value: Any, words: str) -> None:
    assert told(value) == words


def test_text_of_a_configuration_cannot_become_markup(bare: Whisperer, as_alice: Client, alice: User) -> None:
    evil = "</script><img src=x onerror=alert(1)>"  # in a data block it would end that
    values = {"templates": [{"name": evil, "path": "^/"}]}
    configuration_set(target=bare, kind="parsing", values=values, actor=alice)
    for tab in ("parsing/", "changes/"):
        shown = as_alice.get(page(bare, tab)).content.decode()
        assert "<img" not in shown


def test_rights_are_given_by_who_has_them(shop: World, bob: User, charlie: User) -> None:
    busy = shop["shop-prod-2"]
    grant_set(whisperer=busy, user=bob, rights=["share", "search"])
    client = client_of(bob)
    given = {"name": "charlie", "rights": ["see", "search"]}
    assert client.post(page(busy, "share/set/"), given).status_code == 302
    refused = client.post(page(busy, "share/set/"), {"name": "charlie", "rights": ["see", "purge"]}, **HTMX)
    assert refused.status_code == 403
    assert "purge" in refused.content.decode()
    assert busy.grants.get(user=charlie).rights == ["see", "search"]
    number = busy.grants.get(user=charlie).pk
    assert client.post(page(busy, "share/set/"), {"grant": number, "rights": ["see"]}, **HTMX).status_code == 200
    assert busy.grants.get(user=charlie).rights == ["see"]
    client.post(page(busy, "share/set/"), {"grant": number})
    assert not busy.grants.filter(user=charlie).exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "nobody", "rights": "see"}, "There is no user 'nobody'"),
        ({"name": "team Nobody", "rights": "see"}, "There is no team 'Nobody'"),
        ({"name": "charlie"}, "Tick at least one right"),
        ({"grant": "99999", "rights": "see"}, "taken away meanwhile"),
        ({"grant": "x", "rights": "see"}, "taken away meanwhile"),
        ({}, "There is no user ''"),
    ],
)
def test_a_share_that_cannot_be_is_explained(
    bare: Whisperer, charlie: User, as_alice: Client, given: dict[str, str], words: str
) -> None:
    answer = as_alice.post(page(bare, "share/set/"), given, **HTMX)
    assert answer.status_code in (400, 404)
    assert words in answer.content.decode()


def test_an_enrolment_is_shown_once(bare: Whisperer, as_alice: Client) -> None:
    refused = as_alice.post(page(bare, "install/enrol/"), {"hours": "7"}, **HTMX)
    assert (refused.status_code, refused.content.decode()) == (400, "hours is '7': choose one of 1, 8, 24, 168, 720.")
    shown = as_alice.post(page(bare, "install/enrol/"), {"hours": "24"}).content.decode()
    prefix = bare.enrolments.get().prefix
    assert shown.count(f'<span class="t">{prefix}') == 1
    assert "http://testserver/agent/spider-agent.pyz" in shown
    again = as_alice.get(page(bare, "install/")).content.decode()
    assert f"{prefix}…" in again
    assert "spider-agent.pyz enrol --server" not in again


def test_keys_change_and_end(shop: World, as_alice: Client) -> None:
    busy = shop["shop-prod-2"]
    one = busy.instances.get(name="node-b1")
    shown = as_alice.post(reverse("instance-rotate", args=[busy.pk, one.pk]), **HTMX).content.decode()
    assert "new keys on their way" in shown
    as_alice.post(reverse("instance-revoke", args=[busy.pk, one.pk]))
    one.refresh_from_db()
    assert one.revoked is not None
    assert [change.action for change in busy.changes.all()[:2]] == ["revoked", "rotated"]


def test_old_changes_are_on_further_pages(bare: Whisperer, as_alice: Client, alice: User) -> None:
    for n in range(60):
        whisperer_capture(whisperer=bare, capturing=n % 2 == 0, actor=alice)
    first = as_alice.get(page(bare, "changes/")).content.decode()
    assert first.count('class="change"') == 50
    oldest = bare.changes.order_by("-pk")[49].pk
    assert f"?before={oldest}" in first
    assert as_alice.get(page(bare, "changes/"), {"before": str(oldest)}).content.decode().count('class="change"') == 11
    assert as_alice.get(page(bare, "changes/"), {"before": "9" * 40}).status_code == 200
    assert as_alice.get(page(bare, "changes/"), {"before": "x"}).status_code == 200
