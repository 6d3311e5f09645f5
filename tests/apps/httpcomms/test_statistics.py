"""Statistics on a real store: the figures are those of the documents, and wrong choices are named."""

from typing import Any

import pytest
from django.test import Client

from apps.core.errors import ApplicationError
from apps.httpcomms.statistics import OF_NUMBERS, functions_of, group_choices, metric_choices, read_choice
from tests.apps.httpcomms.conftest import Traffic

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/httpcomms/statistics/"


def statistics(client: Client, **parameters: str) -> dict[str, Any]:
    response = client.get(ADDRESS, parameters)
    assert response.status_code == 200, response.content
    return response.json()


def test_calls_by_status_class(as_alice: Client, traffic: Traffic) -> None:
    found = statistics(as_alice, metric="calls", groups="stats.statusClass", per="whole")
    counts = {group["values"]["stats.statusClass"]: group for group in found["groups"]}
    assert {key: group["calls"] for key, group in counts.items()} == {"2xx": 2, "5xx": 1, None: 1}
    assert {key: group["failed"] for key, group in counts.items()} == {"2xx": 0, "5xx": 1, None: 1}
    assert all(group["figure"] == group["calls"] for group in found["groups"])
    assert (found["total"], found["interval"], found["unit"], found["more"]) == (4, None, None, False)
    assert all(group["steps"] == [] for group in found["groups"])


def test_a_duration_is_that_of_the_documents(as_alice: Client, traffic: Traffic) -> None:
    hits = as_alice.get("/api/v1/httpcomms/").json()["hits"]
    durations = [hit["stats"]["duration"] for hit in hits if hit["stats"].get("duration") is not None]
    for function, expected in (("max", max(durations)), ("min", min(durations)), ("sum", sum(durations))):
        (group,) = statistics(as_alice, function=function, groups="", per="whole")["groups"]
        assert group["figure"] == pytest.approx(expected), function
        assert group["values"] == {}


def test_steps_add_up_to_the_whole(as_alice: Client, traffic: Traffic) -> None:
    found = statistics(as_alice, metric="calls", groups="stats.dst.name,req.method")
    assert found["interval"]
    for group in found["groups"]:
        assert sum(step["calls"] for step in group["steps"]) == group["calls"]
        assert sum(step["figure"] for step in group["steps"]) == group["figure"]


def test_different_values_are_counted(as_alice: Client, traffic: Traffic) -> None:
    (group,) = statistics(as_alice, metric="stats.src.ip", groups="", per="whole")["groups"]
    assert group["figure"] == 3


def test_the_query_and_the_scope_apply(as_alice: Client, as_charlie: Client, traffic: Traffic) -> None:
    found = statistics(as_alice, q="req.method:POST", metric="calls", groups="req.method")
    assert [group["values"] for group in found["groups"]] == [{"req.method": "POST"}]
    hidden = statistics(as_charlie, metric="calls", groups="req.host")
    assert (hidden["groups"], hidden["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"metric": "nothing"}, "metric"),
        ({"metric": "req.body.text"}, "metric"),
        ({"metric": "calls", "function": "p95"}, "function"),
        ({"metric": "req.host", "function": "avg"}, "function"),
        ({"groups": "nothing"}, "groups"),
        ({"groups": "req.headers"}, "groups"),
        ({"groups": "req.host,req.path,req.method"}, "groups"),
        ({"as": "xml"}, "as"),
    ],
)
def test_a_wrong_choice_is_named(as_alice: Client, traffic: Traffic, parameters: dict[str, str], field: str) -> None:
    response = as_alice.get(ADDRESS, parameters)
    assert response.status_code == 400
    assert response.json()["error"]["field"] == field


def test_a_csv_has_a_line_for_each_group_and_no_formula(as_alice: Client, traffic: Traffic) -> None:
    response = as_alice.get(ADDRESS, {"metric": "calls", "groups": "req.method", "per": "whole", "as": "csv"})
    lines = response.content.decode().splitlines()
    assert response["Content-Type"].startswith("text/csv")
    assert lines[0].startswith("req.method,calls,failed")
    assert len(lines) == 3


def test_every_offered_choice_can_be_asked_for() -> None:
    for metric, _ in metric_choices():
        for function in functions_of("" if metric == "calls" else metric):
            assert read_choice({"metric": metric, "function": function}).function == function
    for group, _ in group_choices():
        assert read_choice({"groups": group}).groups == (group,)
    assert functions_of("stats.duration") == OF_NUMBERS
    assert read_choice({"groups": "stats.tags.order"}).groups == ("stats.tags.order",)
    with pytest.raises(ApplicationError):
        functions_of("req.headers")
