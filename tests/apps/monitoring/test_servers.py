"""The page and the API of servers: all well, and with each of them away."""

import socket
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from kombu import Connection
from redis import Redis

from apps.core import servers
from apps.core.postgresql.base import DatabaseAway, DatabaseWrapper
from apps.core.tasks import lists_of
from apps.monitoring.selectors import servers as selector
from spider_site.celery import app
from store.breakers import BreakerOpen, Record
from store.documents import StoreUnavailable
from tests.apps.conftest import client_of
from tests.waiting import until

pytestmark = pytest.mark.django_db
#: A database breaker that opened at a quarter past ten.
AWAY = Record(since=1_795_342_500.0, wait=1.5, reason="refused at 10.0.0.1:5432")
PAGE, API = "/monitoring/servers/", "/api/v1/monitoring/servers/"


@pytest.fixture(autouse=True)
def redis(redis_url: str, settings: Any) -> Iterator[None]:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = redis_url
    before, settings.BREAKER_FAILURES = settings.BREAKER_FAILURES, 2
    servers.forget()
    yield
    settings.BREAKER_FAILURES = before  # a question that is still asked may make a breaker
    servers.forget()


def test_messages_of_every_turn_are_counted(site_store: object, alice: User) -> None:
    url, options = settings.CELERY_BROKER_URL, settings.CELERY_BROKER_TRANSPORT_OPTIONS
    # A connection of its own: the program's would stay with this test's broker.
    with Connection(url, transport_options=options) as own, Redis.from_url(url) as broker:
        broker.delete(*lists_of("split"))
        for turn in range(settings.TURNS):
            app.send_task("tasks.split.split", ("capture", turn), queue="split", priority=turn, connection=own)
        assert client_of(alice).get(API).json()["queues"]["split"] == settings.TURNS
        assert [broker.llen(name) for name in lists_of("split")] == [1] * settings.TURNS
        broker.delete(*lists_of("split"))


def test_everything_answers(site_store: object, alice: User, bob: User) -> None:
    assert client_of(bob).get(PAGE).status_code == 403
    assert client_of(bob).get(API).status_code == 403
    found = client_of(alice).get(API).json()
    assert [(one["name"], one["ok"]) for one in found["servers"]] == [
        ("Redis", True), ("Broker", True), ("PostgreSQL", True), ("Document store", True)
    ]  # fmt: skip
    assert all(one["version"] for one in found["servers"])
    assert {one["state"] for one in found["breakers"]} == {"closed"}
    assert [one["name"] for one in found["levels"]] == ["chunks", "out", "state"]
    assert found["waiting"]["work"] == 0
    assert found["queues"]["drain"] == 0
    page = client_of(alice).get(PAGE).content.decode()
    assert page.count("answers</span>") == 4
    part = client_of(alice).get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Circuit breakers" in part


def test_a_store_that_is_away_opens_its_breaker_and_is_said_to_be(alice: User, settings: Any) -> None:
    settings.DOCUMENT_STORE_URL = "http://127.0.0.1:1"
    servers.forget()
    client = client_of(alice)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            servers.document_store().count("httpcomms", frozenset(), None)
    answer = client.get("/api/v1/httpcomms/")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert client.get("/").status_code == 503
    found = client.get(API).json()
    assert [one["ok"] for one in found["servers"]] == [True, True, True, False]
    states = {one["name"]: one for one in found["breakers"]}
    assert (states["documents"]["state"], states["documents"]["trips"]) == ("open", 1)
    assert "StoreUnavailable" in states["documents"]["reason"] or "Connection" in states["documents"]["reason"]
    assert states["database"]["state"] == "closed"
    assert "does not</span>" in client.get(PAGE).content.decode()


def test_without_redis_the_page_still_tells_of_the_rest(site_store: object, alice: User, settings: Any) -> None:
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    servers.forget()
    found = client_of(alice).get(API).json()
    assert [one["ok"] for one in found["servers"]] == [False, False, True, True]
    assert (found["levels"], found["queues"], found["pollers"], found["keys"]) == ([], {}, None, None)
    page = client_of(alice).get(PAGE)
    assert page.status_code == 200
    assert "agents keep what they capture" in page.content.decode()


def test_servers_that_hang_are_said_to_after_a_moment(site_store: object, alice: User, settings: Any) -> None:
    """All of them are given the same seconds, together."""
    client = client_of(alice)
    with socket.create_server(("127.0.0.1", 0)) as deaf, socket.create_server(("127.0.0.1", 0)) as mute:
        settings.REDIS_URL = settings.CELERY_BROKER_URL = f"redis://127.0.0.1:{deaf.getsockname()[1]}/0"
        settings.DOCUMENT_STORE_URL = f"http://127.0.0.1:{mute.getsockname()[1]}"
        servers.forget()
        for _ in range(2):
            began = time.monotonic()
            found = client.get(API).json()
            assert time.monotonic() - began < 10  # Redis alone would be waited for 15 s, Elasticsearch for 60
            assert [one["ok"] for one in found["servers"]] == [False, False, True, False]
            assert "did not answer within" in found["servers"][3]["detail"]
        assert client.get(PAGE).content.decode().count("does not</span>") == 3
    until("the questions end with what they were asked of", lambda: all(one.done() for one in selector._asked.values()))


def test_without_the_database_it_is_said_what_goes_on_meanwhile(alice: User, settings: Any) -> None:
    client = client_of(alice)
    client.raise_request_exception = False
    with patch.object(DatabaseWrapper, "ensure_connection", side_effect=DatabaseAway(BreakerOpen("database", AWAY))):
        page = client.get("/", headers={"Accept": "text/html"})
        answer = client.get("/api/v1/httpcomms/")
        agent = client.post("/api/v1/chunks/", headers={"Authorization": "Bearer spider_x"})
    for one in (page, answer, agent):
        assert (one.status_code, one.headers["Retry-After"]) == (503, "2")
        said = one.content.decode()
        assert "The database does not answer since 10:15:00" in said.replace("2026-11-22 ", "")
        assert "Agents keep what they capture" in said
        assert "refused at 10.0.0.1" not in said
    assert answer.json()["error"]["code"] == "unavailable"
