"""States of agents and whisperers, and their figures together."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.whisperers.models import Defaults, Sample, Whisperer
from apps.whisperers.selectors import figures, instance_state, whisperer_list, whisperer_state
from apps.whisperers.services import (
    configuration_set,
    grant_set,
    instance_revoke,
    token_create,
    token_use,
    whisperer_capture,
    whisperer_create,
)
from tests.apps.conftest import client_of

pytestmark = pytest.mark.django_db


def state(whisperer: Whisperer) -> Any:
    return whisperer_state(Whisperer.objects.get(pk=whisperer.pk), timezone.now())


@pytest.mark.parametrize(
    ("said", "word"),
    [("starting", "connecting"), ("stopped", "stopped"), ("capturing", "capturing"), ("paused", "paused"),
     ("wrong", "wrong")],
)  # fmt: skip
def test_an_agent_is_what_it_says(live: Whisperer, agent_on: Any, said: str, word: str) -> None:
    found = instance_state(agent_on(live, state=said, reason="Because."), timezone.now())
    assert (found.word, found.reason) == (word, "Because.")
    assert state(live).word == word


def test_an_agent_that_is_silent_is_not_visible(live: Whisperer, agent_on: Any) -> None:
    now = timezone.now()
    seen = now - timedelta(seconds=61)
    one = agent_on(live, state="capturing", last_seen=seen)
    found = instance_state(one, now)
    assert (found.word, found.reason, found.since) == ("not_visible", "It was last heard of 1 minute ago.", seen)
    configuration_set(target=live, kind="capture", values={"status_seconds": 60}, actor=None)
    one.refresh_from_db()
    assert instance_state(one, now).word == "capturing"  # its own pace is slower now


def test_an_agent_that_was_enrolled_alone_is_connecting(live: Whisperer, agent_on: Any) -> None:
    assert instance_state(agent_on(live, last_seen=None), timezone.now()).word == "connecting"


def test_an_agent_that_was_revoked_counts_no_more(live: Whisperer, agent_on: Any) -> None:
    one = agent_on(live, state="capturing")
    instance_revoke(instance=one)
    one.refresh_from_db()
    assert instance_state(one, timezone.now()).word == "not_visible"
    assert state(live).reason == "No agent is enrolled yet."


def test_a_whisperer_is_what_most_needs_a_look(live: Whisperer, agent_on: Any) -> None:
    agent_on(live, "a", state="capturing")
    agent_on(live, "b", state="stopped")
    assert state(live).word == "capturing"
    assert "Of 2 agents 1 capturing, 1 stopped." in state(live).reason
    agent_on(live, "c", state="paused", reason="The processor is busy.")
    assert state(live).word == "paused"
    assert "c: The processor is busy." in state(live).reason
    agent_on(live, "d", state="wrong", reason="No interface eth7.")
    assert state(live).word == "wrong"


def test_what_was_asked_and_has_not_happened_is_said(live: Whisperer, agent_on: Any) -> None:
    one = agent_on(live, state="stopped")
    whisperer_capture(whisperer=live, capturing=True)
    assert "has not begun" in state(live).reason
    one.state = "capturing"
    one.save()
    found = state(live)
    assert (found.reason, found.since) == ("", live.capturing_since)


def test_an_agent_with_a_token_alone_is_seen_by_its_uploads(live: Whisperer) -> None:
    assert state(live).word == "not_visible"
    token, secret = token_create(whisperer=live)
    token_use(secret=secret)
    assert state(live).word == "capturing"
    token.last_used = timezone.now() - timedelta(hours=2)
    token.save()
    assert "2 hours ago" in state(live).reason


def test_a_whisperer_for_uploads_has_no_agent(db: None) -> None:
    assert "uploaded" in state(whisperer_create(name="files", mode="UPLOAD")).reason


def test_figures_of_agents_are_put_together(live: Whisperer, agent_on: Any) -> None:
    now = timezone.now()
    said = [
        {"cpu": 10.0, "bytes_second": 100, "call_p90_ms": 5.0, "call_average_ms": 2.0, "started": 100, "odd": "x"},
        {"cpu": 20.0, "bytes_second": 50, "call_p90_ms": 9.0, "call_average_ms": 4.0, "started": 50},
    ]
    agents = [agent_on(live, f"n{i}", figures=one) for i, one in enumerate(said)]
    agent_on(live, "gone", figures={"cpu": 99.0}, last_seen=now - timedelta(hours=1))
    start = now.replace(microsecond=0) - timedelta(seconds=int(now.timestamp()) % 20 + 200)
    for step in range(3):
        for one, values in zip(agents, said, strict=True):
            Sample.objects.create(instance=one, at=start + timedelta(seconds=20 * step + 3), figures=values)
    found = figures(live, now - timedelta(minutes=30))
    together = {"cpu": 30.0, "bytes_second": 150, "call_p90_ms": 9.0, "call_average_ms": 3.0, "started": 50}
    assert found.latest == together
    assert [point.figures for point in found.series] == [together] * 3
    assert [(b.at - a.at).seconds for a, b in zip(found.series, found.series[1:], strict=False)] == [20, 20]


def test_a_list_shows_what_a_person_may_see(alice: User, bob: User, live: Whisperer, whisperer: Whisperer) -> None:
    grant_set(whisperer=whisperer, user=bob, rights=["see"])
    assert [one.name for one in whisperer_list(alice)] == ["live", "shop"]
    assert [one.name for one in whisperer_list(bob)] == ["shop"]


def test_a_list_costs_the_same_queries_however_long_it_is(bob: User, agent_on: Any) -> None:
    client = client_of(bob)
    asked = []
    for number in range(3):
        one = whisperer_create(name=f"w{number}", mode="INTERFACE")
        grant_set(whisperer=one, user=bob, rights=["see"])
        agent_on(one)
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get("/api/v1/whisperers/").json()["whisperers"]) == number + 1
        asked.append(len(queries))
    assert asked[0] == asked[1] == asked[2]


def test_a_list_knows_the_servers_values(alice: User, live: Whisperer, agent_on: Any) -> None:
    agent_on(live, state="capturing", last_seen=timezone.now() - timedelta(seconds=100))
    assert whisperer_state(whisperer_list(alice)[0], timezone.now()).word == "not_visible"
    configuration_set(target=Defaults.get(), kind="capture", values={"status_seconds": 60}, actor=None)
    assert whisperer_state(whisperer_list(alice)[0], timezone.now()).word == "capturing"
