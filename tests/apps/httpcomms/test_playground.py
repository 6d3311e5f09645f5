"""Parsing rules tried on what is stored: nothing is written, and nobody reads more than they may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import configuration_set, grant_set, whisperer_create
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db


def play(client: Client, whisperer: Whisperer, body: dict[str, Any], status: int = 200) -> Any:
    response = client.post(f"/api/v1/whisperers/{whisperer.pk}/playground/", body, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


VALUES = {
    "templates": [
        {"name": "logo", "path": "png"},
        {"name": r"\1 order", "method": "(.*)", "path": "^/v2/orders"},
    ],
    "tags": [{"name": "order", "where": "req.body", "json": "$.order"}],
    "masking": {"body_keys": ["total"]},
}


def test_rules_are_tried_before_they_are_saved(as_alice: Client, whisperer: Whisperer, traffic: Traffic) -> None:
    found = play(as_alice, whisperer, {"communication": traffic.order, "values": VALUES})
    assert (found["template"], found["templateNumber"]) == ("POST order", 1)
    assert found["tags"] == {"order": ["A-58213"]}
    assert '"total": "masked:' in found["req"]["body"].replace('":"', '": "')
    whisperer.refresh_from_db()
    assert whisperer.parsing == {}
    assert not Change.objects.filter(action="configured").exists()


def test_without_values_those_in_force_are_tried(as_alice: Client, whisperer: Whisperer, traffic: Traffic) -> None:
    assert play(as_alice, whisperer, {"communication": traffic.order})["template"] is None
    configuration_set(target=whisperer, kind="parsing", values=VALUES, actor=None)
    assert play(as_alice, whisperer, {"communication": traffic.order})["template"] == "POST order"
    without = {"communication": traffic.order, "values": {"templates": None}}
    assert play(as_alice, whisperer, without)["template"] is None


def test_a_communication_without_body_or_response_can_be_tried(
    as_alice: Client, whisperer: Whisperer, traffic: Traffic
) -> None:
    assert play(as_alice, whisperer, {"communication": traffic.slow, "values": VALUES})["tags"] == {}
    assert play(as_alice, whisperer, {"communication": traffic.logo, "values": VALUES})["template"] == "logo"


def test_what_cannot_be_tried_is_refused(as_alice: Client, whisperer: Whisperer, traffic: Traffic) -> None:
    wrong = {"communication": traffic.order, "values": {"templates": [{"name": "a", "path": "("}]}}
    assert play(as_alice, whisperer, wrong, 400)["error"]["field"] == "templates[0].path"
    assert play(as_alice, whisperer, {"values": {}}, 400)["error"]["field"] == "communication"
    assert play(as_alice, whisperer, {"communication": traffic.order, "values": []}, 400)["error"]["field"] == "values"
    play(as_alice, whisperer, {"communication": "nothing"}, 404)
    other = whisperer_create(name="other", mode="FILE")
    assert play(as_alice, other, {"communication": traffic.order}, 400)["error"]["field"] == "communication"


def test_it_needs_the_right_to_search(charlie: User, whisperer: Whisperer, traffic: Traffic) -> None:
    body = {"communication": traffic.order}
    play(client_of(charlie), whisperer, body, 404)
    grant_set(whisperer=whisperer, user=charlie, rights=["configure"])
    assert play(client_of(charlie), whisperer, body, 403)["error"]["right"] == "search"
    grant_set(whisperer=whisperer, user=charlie, rights=["search"])
    play(client_of(charlie), whisperer, body)
    other = whisperer_create(name="other", mode="FILE")
    grant_set(whisperer=other, user=charlie, rights=["search"])
    grant_set(whisperer=whisperer, user=charlie, rights=[])
    play(client_of(charlie), other, body, 404)
