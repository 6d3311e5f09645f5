"""The parsing rules of a whisperer, from its configuration to its documents, whatever the split; and a change of them
in the middle of a capture."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from apps.whisperers.models import Defaults, Team, Whisperer
from documents import pages
from documents.rules import compile_rules
from store.documents.blobs import header
from tasks import rules as worker_rules
from tests.flows import expect
from tests.flows.pump import Pump, cut_at

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 3, RECORDS * 2 // 3])
VALUES: dict[str, Any] = {
    "save_packets": False,
    "content_types": ["text/*"],
    "body_limit": 100,
    "templates": [{"name": r"talk \1", "path": r"^/talk(\d+)/turn", "body": "question"},
                  {"name": "other", "path": "."}],
    "tags": [{"name": "turn", "where": "req.path", "regex": r"turn(\d+)"},
             {"name": "first", "where": "res.body", "regex": r"^\w+"}],
    "trusted_proxies": ["10.0.0.0/8"],
}  # fmt: skip


@pytest.fixture(params=[8, 1], ids=["P=8", "P=1"])
def run(request: pytest.FixtureRequest, settings: Any, pump: Callable[..., Pump]) -> Pump:
    settings.PARTITIONS = request.param
    return pump("capture-rules")


def configure(values: dict[str, Any]) -> None:
    """Write the whisperer's own values; workers learn of it by looking again."""
    Whisperer.objects.update(parsing=values)


def send(run: Pump, first: int, last: int) -> None:
    run.upload(PIECES, range(first, last))
    run.work()


def stored_bodies(run: Pump) -> set[str]:
    """Ids of the bodies that were written."""
    return {entry[0] for page in run.blobs["httpbodies"] for entry in pages.header(page)["bodies"]}


def test_documents_are_made_by_the_rules_of_all_levels(run: Pump) -> None:
    """The server says something, the team and the whisperer the rest; it is as `parse_capture --rules` does it."""
    names = list(VALUES)
    defaults = Defaults.get()
    defaults.parsing = {name: VALUES[name] for name in names[:2]} | {"body_limit": 5}
    defaults.save()
    team = Team.objects.create(name="shop", parsing={name: VALUES[name] for name in names[2:4]})
    Whisperer.objects.update(team=team, parsing={name: VALUES[name] for name in names[4:]})
    send(run, 0, 3)
    run.end(2)
    expect.balanced(run.finish(), RECORDS)
    wanted = expect.whole(DATA, compile_rules(VALUES))
    expect.same(expect.found_by(run), wanted)
    assert any(b'"template":"talk 3"' in line and b'"turn":["2"]' in line for line in wanted)
    assert any(b'"template":"other"' in line for line in wanted)
    assert any(b'"truncated":true' in line and b'"first":["answer"]' in line for line in wanted)
    assert run.blobs["packets"] == []
    bodies = stored_bodies(run)
    assert bodies
    assert all(one.endswith("-res") for one in bodies)  # questions have no type
    expect.nothing_left()


def test_a_change_is_in_force_from_the_next_chunk_on(run: Pump) -> None:
    with patch.object(worker_rules, "SECONDS", 0.0):
        send(run, 0, 1)
        assert run.blobs["packets"]
        before, packets = set(run.documents["httpcomms"]), len(run.blobs["packets"])
        configure(VALUES)
        send(run, 1, 2)
        after = set(run.documents["httpcomms"]) - before
        configure({"save_bodies": False})
        send(run, 2, 3)
        run.end(2)
        expect.balanced(run.finish(), RECORDS)
    found = run.documents["httpcomms"]
    assert before
    assert after
    assert all("template" not in found[one]["req"] for one in before if found[one].get("res"))
    answered = [found[one] for one in after if found[one]["parsing"]["status"] == "complete"]
    assert answered
    made = [one for one in answered if one["_version"] >> 24 == 1]
    assert {one["req"]["template"][:4] for one in made} == {"talk"}
    last = [one for one in found.values() if one["_version"] >> 24 == 2 and one.get("res")]
    assert {one["res"]["body"]["leftOut"] for one in last} == {"off"}
    later = [header(blob)["chunk"] for blob in run.blobs["packets"][packets:]]
    assert set(later) == {2}
    expect.nothing_left()


def test_rules_are_looked_at_again_after_some_seconds_alone(run: Pump) -> None:
    whisperer = str(run.whisperer.pk)
    clock = [1000.0]
    with patch.object(worker_rules.time, "monotonic", lambda: clock[0]):
        first = worker_rules.rules_of(whisperer)
        configure({"save_packets": False})
        clock[0] += worker_rules.SECONDS - 0.1
        assert worker_rules.rules_of(whisperer) is first
        clock[0] += 0.2
        second = worker_rules.rules_of(whisperer)
        assert (first.save_packets, second.save_packets) == (True, False)
        clock[0] += worker_rules.SECONDS * 2
        assert worker_rules.rules_of(whisperer) is second  # nothing changed: what was compiled stays
        configure({"save_packets": "perhaps"})
        clock[0] += worker_rules.SECONDS * 2
        assert worker_rules.rules_of(whisperer) is second  # what cannot be used changes nothing
    assert worker_rules.SECONDS <= 9
