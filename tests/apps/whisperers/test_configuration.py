"""Configuration by levels: what is inherited, who changed it, what is undone and copied, when a revision changes."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from apps.whisperers.configuration.resolve import Resolved, resolve
from apps.whisperers.models import Change, Defaults, Team, Whisperer
from apps.whisperers.services import (
    configuration_set,
    team_create,
    team_delete,
    token_create,
    whisperer_capture,
    whisperer_create,
    whisperer_move,
    whisperer_rename,
)
from tests.apps.whisperers.conftest import Api, one

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(alice: User) -> Team:
    return team_create(name="shop people", actor=alice)


@pytest.fixture
def ours(live: Whisperer, team: Team) -> Whisperer:
    whisperer_move(whisperer=live, team=team)
    return live


def fresh(whisperer: Whisperer) -> Whisperer:
    return Whisperer.objects.select_related("team").get(pk=whisperer.pk)


def in_force(whisperer: Whisperer, kind: Any = "capture") -> Resolved:
    return resolve(fresh(whisperer), kind)


def put(target: Any, values: dict[str, Any], kind: Any = "capture", actor: User | None = None) -> Resolved:
    return configuration_set(target=target, kind=kind, values=values, actor=actor)


def test_a_value_comes_from_the_nearest_level_that_says_one(ours: Whisperer, team: Team) -> None:
    assert (in_force(ours).values["snap"], in_force(ours).origins["snap"]) == (262144, "default")
    for target, snap, origin in ((Defaults.get(), 1000, "server"), (team, 2000, "team"), (ours, 3000, "whisperer")):
        put(target, {"snap": snap})
        assert (in_force(ours).values["snap"], in_force(ours).origins["snap"]) == (snap, origin)
    for target, snap, origin in ((ours, 2000, "team"), (team, 1000, "server"), (Defaults.get(), 262144, "default")):
        put(target, {"snap": None})
        assert (in_force(ours).values["snap"], in_force(ours).origins["snap"]) == (snap, origin)


def test_a_whisperer_that_moves_inherits_from_its_new_team(ours: Whisperer, team: Team) -> None:
    put(team, {"uploads": 5})
    assert in_force(ours).values["uploads"] == 5
    whisperer_move(whisperer=ours, team=None)
    assert in_force(ours).values["uploads"] == 3


def test_the_same_value_set_twice_stays_when_the_level_above_changes(ours: Whisperer, team: Team) -> None:
    put(team, {"uploads": 5})
    put(ours, {"uploads": 5})
    put(team, {"uploads": 6})
    assert in_force(ours).values["uploads"] == 5


def test_masking_that_is_given_in_part_is_kept_whole(live: Whisperer) -> None:
    put(live, {"masking": {"body_keys": ["iban"]}}, "parsing")
    masking = in_force(live, "parsing").values["masking"]
    assert masking["body_keys"] == ["iban"]
    assert "x-api-key" in masking["headers"]
    assert "password" in masking["query_keys"]


def test_what_another_version_knew_is_left_out(live: Whisperer) -> None:
    Whisperer.objects.filter(pk=live.pk).update(capture={"colour": "red", "snap": 100})
    found = in_force(live)
    assert "colour" not in found.values
    assert found.own == {"snap": 100}


def test_a_revision_changes_with_the_values_in_force_and_with_nothing_else(
    ours: Whisperer, team: Team, alice: User
) -> None:
    known = {in_force(ours).revision}

    def changes(does: bool) -> None:
        revision = in_force(ours).revision
        assert (revision not in known) == does
        known.add(revision)

    put(ours, {"snap": 262144})  # as inherited
    changes(False)
    put(ours, {"snap": None})
    changes(False)
    whisperer_rename(whisperer=fresh(ours), name="other")
    token_create(whisperer=ours)
    put(ours, {"save_packets": False}, "parsing")
    changes(False)
    put(team, {"snap": 1000})
    changes(True)
    put(Defaults.get(), {"snap": 500})  # the team's is nearer
    changes(False)
    put(Defaults.get(), {"uploads": 2})
    changes(True)
    whisperer_capture(whisperer=fresh(ours), capturing=True)
    changes(True)
    parsing = in_force(ours, "parsing").revision
    whisperer_capture(whisperer=fresh(ours), capturing=False)
    assert in_force(ours, "parsing").revision == parsing
    put(ours, {"templates": [{"name": "a", "path": "/a"}]}, "parsing")
    assert in_force(ours, "parsing").revision != parsing


def test_a_configuration_goes_out_and_in_as_json(api: Api, live: Whisperer) -> None:
    values = {"filter": "tcp port 80", "address_blacklist": ["10.0.0.0/8"]}
    said = api.put(one(live, "config/capture/"), {"values": values})
    assert said["own"] == values
    assert said["kind"] == "capture"
    assert len(said["revision"]) == 32
    other = whisperer_create(name="other", mode="INTERFACE")
    taken = api.put(one(other, "config/capture/"), {"values": said["own"]})
    assert taken["values"] == said["values"]
    assert taken["revision"] == said["revision"]


def test_put_replaces_and_patch_adds(api: Api, live: Whisperer) -> None:
    path = one(live, "config/capture/")
    api.put(path, {"values": {"snap": 100, "uploads": 2}})
    assert api.patch(path, {"values": {"seconds": 2, "snap": None}})["own"] == {"uploads": 2, "seconds": 2}
    assert api.put(path, {"values": {"snap": 200}})["own"] == {"snap": 200}


def test_the_revision_is_the_etag_and_guards_a_write(api: Api, live: Whisperer) -> None:
    path = one(live, "config/capture/")
    before = api.client.get(path)
    assert before["ETag"] == f'"{before.json()["revision"]}"'
    guard = {"If-Match": before["ETag"]}
    api.patch(path, {"values": {"snap": 100}}, **guard)
    refused = api.patch(path, {"values": {"snap": 200}}, 412, **guard)["error"]
    assert refused["code"] == "changed"
    assert fresh(live).capture == {"snap": 100}
    api.patch(path, {"values": {"snap": 200}}, **{"If-Match": "*"})


def test_a_check_writes_nothing(api: Api, live: Whisperer) -> None:
    path = one(live, "config/capture/?check=1")
    tried = api.put(path, {"values": {"snap": 100}})
    assert (tried["values"]["snap"], tried["origins"]["snap"], tried["problems"]) == (100, "whisperer", [])
    assert tried["revision"] != api.get(one(live, "config/capture/"))["revision"]
    assert api.patch(path, {"values": {"snap": 1}})["problems"][0]["field"] == "snap"
    assert fresh(live).capture == {}
    assert not Change.objects.filter(action="configured").exists()


def test_every_change_is_in_the_log_with_its_difference(api: Api, live: Whisperer, alice: User) -> None:
    path = one(live, "config/capture/")
    api.put(path, {"values": {"snap": 100, "uploads": 2}})
    api.patch(path, {"values": {"snap": 200}})
    api.patch(path, {"values": {"snap": 200}})  # nothing new, nothing to tell
    api.patch(path, {"values": {"uploads": None}})
    found = api.get(one(live, "changes/"))["changes"]
    assert [change["action"] for change in found] == ["configured", "configured", "configured", "created"]
    assert found[0]["fields"] == [{"field": "uploads", "before": 2, "after": None}]
    assert found[1]["fields"] == [{"field": "snap", "before": 100, "after": 200}]
    assert (found[1]["actor"], found[1]["part"], found[1]["subject"]) == ("alice", "capture", "live")
    assert [change["undoable"] for change in found] == [True, True, True, False]


def test_the_log_is_read_in_pages(api: Api, live: Whisperer) -> None:
    for snap in range(100, 105):
        api.patch(one(live, "config/capture/"), {"values": {"snap": snap}})
    ids, before = [], ""
    while True:
        page = api.get(one(live, f"changes/?size=2{before}"))
        ids += [change["id"] for change in page["changes"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert len(ids) == len(set(ids)) == 6
    assert ids == sorted(ids, reverse=True)
    for wrong in ("size=0", "size=x", "size=201", "before=x", "before=0", "size=٣"):
        assert api.get(one(live, f"changes/?{wrong}"), 400)["error"]["field"] == wrong.partition("=")[0]


def undo(api: Api, whisperer: Whisperer, number: int, status: int = 200) -> Any:
    return api.post(one(whisperer, f"changes/{number}/undo/"), status=status)


def last(**wanted: Any) -> Change:
    found = Change.objects.filter(**wanted).order_by("-pk").first()
    assert found is not None
    return found


def test_a_change_is_undone_and_that_is_undone_too(api: Api, live: Whisperer) -> None:
    path = one(live, "config/capture/")
    api.put(path, {"values": {"snap": 100}})
    api.put(path, {"values": {"snap": 200, "uploads": 2}})
    changed = last()
    assert undo(api, live, changed.pk)["own"] == {"snap": 100}
    assert last().action == "undone"
    assert undo(api, live, last().pk)["own"] == {"snap": 200, "uploads": 2}


def test_a_change_is_not_undone_over_a_later_one(api: Api, live: Whisperer) -> None:
    path = one(live, "config/capture/")
    api.patch(path, {"values": {"snap": 100}})
    first = last()
    api.patch(path, {"values": {"uploads": 2}})
    api.patch(path, {"values": {"snap": 200}})
    refused = undo(api, live, first.pk, 409)["error"]
    assert (refused["code"], refused["field"]) == ("changed_since", "snap")
    undo(api, live, last().pk)
    assert undo(api, live, first.pk)["own"] == {"uploads": 2}


def test_only_changes_of_its_own_configuration_are_undone(api: Api, live: Whisperer, whisperer: Whisperer) -> None:
    assert undo(api, live, last(whisperer=live).pk, 400)["error"]["code"] == "not_undoable"
    api.patch(one(live, "config/capture/"), {"values": {"snap": 100}})
    undo(api, whisperer, last().pk, 404)
    undo(api, live, 1 << 80, 404)


def test_changes_of_teams_and_defaults_are_undone_too(api: Api, team: Team) -> None:
    for base in (f"/api/v1/teams/{team.pk}/", "/api/v1/defaults/"):
        api.patch(base + "config/capture/", {"values": {"snap": 100}})
        change = api.get(base + "changes/")["changes"][0]
        assert change["fields"] == [{"field": "snap", "before": None, "after": 100}]
        assert api.post(f"{base}changes/{change['id']}/undo/")["own"] == {}


def test_old_values_that_cannot_be_used_any_more_are_refused(api: Api, live: Whisperer, agent_on: Any) -> None:
    path = one(live, "config/capture/")
    api.put(path, {"values": {"interfaces": ["wlan9"]}})
    api.put(path, {"values": {}})
    agent_on(live)
    assert undo(api, live, last().pk, 400)["error"]["field"] == "interfaces"


def test_a_copy_is_in_force_as_its_source_is(api: Api, live: Whisperer, team: Team) -> None:
    put(team, {"uploads": 5, "seconds": 3})
    put(Defaults.get(), {"snap": 1000})
    source = whisperer_create(name="source", mode="INTERFACE", team=team)
    put(source, {"filter": "tcp", "seconds": 4})
    put(live, {"snap": 2000, "queue": 1 << 22})
    said = api.post(one(live, "config/capture/copy/"), {"source": str(source.pk)})
    assert said["values"] == in_force(source).values
    assert said["own"] == {"filter": "tcp", "seconds": 4, "uploads": 5}  # what both inherit stays inherited
    assert last().action == "configured"


def test_a_copy_takes_the_fields_of_its_own_mode_and_those_asked_for(api: Api, live: Whisperer) -> None:
    source = whisperer_create(name="source", mode="FILE")
    put(source, {"file": "/a.pcap", "uploads": 5, "queue": 1 << 22})
    path = one(live, "config/capture/copy/")
    assert api.post(path, {"source": str(source.pk), "only": ["uploads"]})["own"] == {"uploads": 5}
    assert api.post(path, {"source": str(source.pk)})["own"] == {"uploads": 5, "queue": 1 << 22}
    assert api.post(path, {"source": str(source.pk), "only": ["nothing"]}, 400)["error"]["field"] == "only"
    assert api.post(path, {"source": "x"}, 400)["error"]["field"] == "source"
    assert api.post(path, {}, 400)["error"]["field"] == "source"


def test_a_copy_of_an_interface_that_no_agent_here_has_is_refused(api: Api, live: Whisperer, agent_on: Any) -> None:
    source = whisperer_create(name="source", mode="INTERFACE")
    put(source, {"interfaces": ["wlan9"], "uploads": 5})
    agent_on(live)
    path = one(live, "config/capture/copy/")
    assert api.post(path, {"source": str(source.pk)}, 400)["error"]["field"] == "interfaces"
    assert fresh(live).capture == {}


def test_the_storage_policy_in_force_follows_every_level(ours: Whisperer, team: Team) -> None:
    for target, policy in ((Defaults.get(), "server"), (team, "team"), (ours, "own")):
        put(target, {"policy": policy}, "parsing")
        assert fresh(ours).policy == policy
    put(ours, {"policy": None}, "parsing")
    assert fresh(ours).policy == "team"
    team_delete(team=team)
    assert fresh(ours).policy == "server"
    assert whisperer_create(name="new", mode="FILE").policy == "server"
    assert whisperer_create(name="newer", mode="FILE", policy="long").policy == "long"
