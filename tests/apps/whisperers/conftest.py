"""Calls of the API as JSON, and whisperers of every mode."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.whisperers.models import Instance, Whisperer
from apps.whisperers.services import whisperer_create
from tests.apps.conftest import client_of

#: What an agent on a usual host reports.
INTERFACES = [
    {"name": "lo", "addresses": ["127.0.0.1"], "up": True, "link": 1},
    {"name": "eth0", "addresses": ["10.0.0.7"], "up": True, "link": 1},
]


class Api:
    """A signed-in person's calls: `api.get(path)`, `api.put(path, body)`, … give the JSON and check the status."""

    def __init__(self, user: User) -> None:
        self.client: Client = client_of(user)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        response = self.client.generic(
            method, path, "" if body is None else json.dumps(body), content_type="application/json", headers=headers
        )
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def get(self, path: str, status: int = 200) -> Any:
        return self.call("GET", path, status=status)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self.call("POST", path, body, status)

    def put(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self.call("PUT", path, body, status, **headers)

    def patch(self, path: str, body: Any, status: int = 200, **headers: str) -> Any:
        return self.call("PATCH", path, body, status, **headers)

    def delete(self, path: str, status: int = 204) -> Any:
        return self.call("DELETE", path, status=status)


def one(whisperer: Whisperer, rest: str = "") -> str:
    """Address of a whisperer in the API."""
    return f"/api/v1/whisperers/{whisperer.pk}/{rest}"


@pytest.fixture
def api(alice: User) -> Api:
    """Alice's calls: she may do everything."""
    return Api(alice)


@pytest.fixture
def live(db: None) -> Whisperer:
    """A whisperer of an interface, without agents."""
    return whisperer_create(name="live", mode="INTERFACE")


@pytest.fixture
def agent_on() -> Callable[..., Instance]:
    """Makes an agent of a whisperer, seen just now."""

    def make(whisperer: Whisperer, name: str = "node-1", **said: Any) -> Instance:
        given = {"interfaces": INTERFACES, "last_seen": timezone.now(), "state": "stopped"} | said
        return Instance.objects.create(whisperer=whisperer, name=name, **given)

    return make
