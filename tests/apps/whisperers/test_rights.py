"""Who may do what: every address of the API of a whisperer, called with every right alone."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from apps.whisperers.models import RIGHTS, Change, Enrolment, Grant, Instance, Team, Whisperer, WhispererToken
from apps.whisperers.services import (
    configuration_set,
    enrolment_create,
    grant_set,
    team_create,
    token_create,
    whisperer_create,
)
from tests.apps.conftest import client_of
from tests.apps.whisperers.conftest import Api, one

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Call:
    """A call below a whisperer's address: what it needs, and its status for who has it."""

    method: str
    path: str
    right: str
    body: Any = None
    status: int = 200

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


CALLS = [
    Call("GET", "", "see"),
    Call("GET", "config/capture/", "see"),
    Call("GET", "config/parsing/", "see"),
    Call("GET", "config/capture/schema/", "see"),
    Call("GET", "changes/", "see"),
    Call("GET", "instances/", "see"),
    Call("GET", "instances/{instance}/", "see"),
    Call("POST", "playground/", "search", {"communication": "x", "values": {"x": 1}}, 400),
    Call("POST", "start/", "startStop"),
    Call("POST", "stop/", "startStop"),
    Call("PATCH", "", "configure", {"name": "renamed"}),
    Call("PUT", "config/capture/", "configure", {"values": {}}),
    Call("PATCH", "config/parsing/", "configure", {"values": {"save_packets": False}}),
    Call("PATCH", "config/parsing/?check=1", "configure", {"values": {"save_packets": False}}),
    Call("POST", "config/capture/copy/", "configure", {"source": "{id}"}),
    Call("POST", "changes/{change}/undo/", "configure"),
    Call("POST", "instances/{instance}/rotate/", "configure"),
    Call("DELETE", "instances/{instance}/", "configure", status=204),
    Call("GET", "enrolments/", "configure"),
    Call("POST", "enrolments/", "configure", {"hours": 1}, 201),
    Call("DELETE", "enrolments/{enrolment}/", "configure", status=204),
    Call("GET", "tokens/", "configure"),
    Call("POST", "tokens/", "configure", {"label": "laptop"}, 201),
    Call("DELETE", "tokens/{token}/", "configure", status=204),
    Call("GET", "grants/", "share"),
    Call("POST", "grants/", "share", {"user": "charlie", "rights": ["see"]}),
    Call("DELETE", "grants/{grant}/", "share", status=204),
    Call("POST", "purge/", "purge", status=202),
    Call("DELETE", "", "delete", status=204),
]


@pytest.fixture
def places(live: Whisperer, charlie: User, alice: User, agent_on: Any) -> dict[str, str]:
    """What stands in the addresses."""
    configuration_set(target=live, kind="capture", values={"snap": 100}, actor=alice)
    change = Change.objects.filter(part="capture").latest("pk")
    enrolment, _ = enrolment_create(whisperer=live, life=timedelta(hours=1))
    grant = grant_set(whisperer=live, user=charlie, rights=["see"])
    assert grant is not None
    return {
        "id": str(live.pk),
        "instance": str(agent_on(live).pk),
        "change": str(change.pk),
        "enrolment": str(enrolment.pk),
        "grant": str(grant.pk),
        "token": str(token_create(whisperer=live)[0].pk),
    }


def put_in(text: Any, places: dict[str, str]) -> Any:
    if isinstance(text, dict):
        return {name: put_in(value, places) for name, value in text.items()}
    if not isinstance(text, str):
        return text
    for name, value in places.items():
        text = text.replace("{" + name + "}", value)
    return text


def call(api: Api, whisperer: Whisperer, wanted: Call, places: dict[str, str], status: int) -> Any:
    path = one(whisperer, put_in(wanted.path, places))
    return api.call(wanted.method, path, put_in(wanted.body, places), status)


def state_of(whisperer: Whisperer) -> Any:
    """All that a call could have changed."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Whisperer, Grant, Instance, Enrolment, WhispererToken, Change, Team)
    ]


@pytest.mark.parametrize("right", [*RIGHTS, "nothing"])
@pytest.mark.parametrize("wanted", CALLS, ids=str)
def test_each_right_opens_its_addresses_and_no_other(
    bob: User, live: Whisperer, places: dict[str, str], wanted: Call, right: str
) -> None:
    if right != "nothing":
        grant_set(whisperer=live, user=bob, rights=[right])
    before = state_of(live)
    if right == "nothing":
        assert call(Api(bob), live, wanted, places, 404)["error"]["code"] == "not_found"
    elif wanted.right in (right, "see"):
        call(Api(bob), live, wanted, places, wanted.status)
        return
    else:
        refused = call(Api(bob), live, wanted, places, 403)["error"]
        assert (refused["code"], refused["right"]) == ("forbidden", wanted.right)
        assert wanted.right in refused["message"]
    assert state_of(live) == before


@pytest.mark.parametrize("wanted", CALLS, ids=str)
def test_nothing_is_open_without_a_login(client: Client, live: Whisperer, places: dict[str, str], wanted: Call) -> None:
    path = one(live, put_in(wanted.path, places))
    assert client.generic(wanted.method, path, "{}", content_type="application/json").status_code == 401


@pytest.mark.parametrize("wanted", CALLS, ids=str)
def test_staff_may_do_everything(api: Api, live: Whisperer, places: dict[str, str], wanted: Call) -> None:
    call(api, live, wanted, places, wanted.status)


def test_writes_need_the_token_against_forged_requests(bob: User, live: Whisperer) -> None:
    grant_set(whisperer=live, user=bob, rights=["startStop"])
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(bob, backend="django.contrib.auth.backends.ModelBackend")
    assert forged.post(one(live, "start/")).status_code == 403
    assert client_of(bob).post(one(live, "start/")).status_code == 200


def test_rights_come_by_teams_too(bob: User, live: Whisperer, places: dict[str, str]) -> None:
    team = team_create(name="shop people", members=[bob])
    grant_set(whisperer=live, team=team, rights=["startStop"])
    assert Api(bob).get(one(live))["rights"] == ["see", "startStop"]
    Api(bob).post(one(live, "start/"))
    team.members.clear()
    Api(bob).post(one(live, "start/"), status=404)


def test_a_person_sees_their_whisperers_with_their_rights(bob: User, live: Whisperer, whisperer: Whisperer) -> None:
    grant_set(whisperer=live, user=bob, rights=["search"])
    found = Api(bob).get("/api/v1/whisperers/")["whisperers"]
    assert [(w["name"], w["rights"]) for w in found] == [("live", ["see", "search"])]


def test_only_who_may_add_whisperers_creates_them(bob: User) -> None:
    body = {"name": "mine", "mode": "INTERFACE"}
    assert Api(bob).post("/api/v1/whisperers/", body, 403)["error"]["right"] == "add_whisperer"
    bob.user_permissions.add(Permission.objects.get(codename="add_whisperer"))
    made = Api(User.objects.get(pk=bob.pk)).post("/api/v1/whisperers/", body, 201)
    assert made["rights"] == list(RIGHTS)
    assert made["state"]["word"] == "not_visible"


def test_a_whisperer_goes_to_a_team_of_ones_own_alone(bob: User, live: Whisperer) -> None:
    grant_set(whisperer=live, user=bob, rights=["configure"])
    team = team_create(name="others")
    assert Api(bob).patch(one(live), {"team": team.pk}, 400)["error"]["field"] == "team"
    team.members.add(bob)
    assert Api(bob).patch(one(live), {"team": team.pk})["team"] == {"id": team.pk, "name": "others"}
    assert Api(bob).patch(one(live), {"team": None})["team"] is None
    assert [c.action for c in live.changes.all()][:2] == ["moved", "moved"]


def test_nobody_gives_or_takes_what_they_do_not_have(bob: User, charlie: User, live: Whisperer) -> None:
    grant_set(whisperer=live, user=bob, rights=["share", "search"])
    path, api = one(live, "grants/"), Api(bob)
    assert api.post(path, {"user": "bob", "rights": ["share", "search", "delete"]}, 403)["error"]["right"] == "delete"
    assert api.post(path, {"user": "charlie", "rights": ["packets"]}, 403)["error"]["right"] == "packets"
    assert api.post(path, {"user": "charlie", "rights": ["search"]})["rights"] == ["see", "search"]
    grant = grant_set(whisperer=live, user=charlie, rights=["delete"])
    assert grant is not None
    assert api.call("DELETE", f"{path}{grant.pk}/", status=403)["error"]["right"] == "delete"
    assert api.post(path, {"user": "charlie", "rights": ["see"]}, 403)["error"]["right"] == "delete"
    assert api.post(path, {"user": "charlie", "rights": ["delete", "search"]})["rights"] == ["see", "search", "delete"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rights": ["see"]}, "user"),
        ({"user": "bob", "team": 1, "rights": ["see"]}, "user"),
        ({"user": "nobody", "rights": ["see"]}, "user"),
        ({"team": 99, "rights": ["see"]}, "team"),
        ({"user": "bob", "rights": ["fly"]}, "rights"),
        ({"user": "bob", "rights": []}, "rights"),
        ({"user": "bob"}, "rights"),
        ({"user": "bob", "right": ["see"]}, "right"),
        ({"user": "b\0", "rights": ["see"]}, "user"),
    ],
)
def test_a_grant_that_makes_no_sense_is_refused(
    api: Api, bob: User, live: Whisperer, body: dict[str, Any], field: str
) -> None:
    assert api.post(one(live, "grants/"), body, 400)["error"]["field"] == field


def test_grants_are_in_the_log(api: Api, bob: User, live: Whisperer) -> None:
    made = api.post(one(live, "grants/"), {"user": "bob", "rights": ["search"]})
    assert api.get(one(live, "grants/"))["grants"][0]["user"] == "bob"
    api.delete(one(live, f"grants/{made['id']}/"))
    found = api.get(one(live, "changes/"))["changes"][:2]
    assert [(c["action"], c["actor"]) for c in found] == [("unshared", "alice"), ("shared", "alice")]
    assert found[1]["fields"] == [{"field": "bob", "before": [], "after": ["see", "search"]}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "FILE"}, "name"),
        ({"name": "a", "mode": "TAP"}, "mode"),
        ({"name": "shop", "mode": "FILE"}, "name"),
        ({"name": "x" * 101, "mode": "FILE"}, "name"),
        ({"name": "server defaults", "mode": "FILE"}, "name"),
        ({"name": "a", "mode": "FILE", "policy": "No"}, "policy"),
        ({"name": "a", "mode": "FILE", "team": 99}, "team"),
        ({"name": "a", "mode": "FILE", "colour": "red"}, "colour"),
    ],
)
def test_a_whisperer_that_cannot_be_is_refused(
    api: Api, whisperer: Whisperer, body: dict[str, Any], field: str
) -> None:
    refused = api.post("/api/v1/whisperers/", body, 400)["error"]
    assert refused["field"] == field
    assert Whisperer.objects.count() == 1


def test_the_mode_is_not_changed_and_the_name_stays_its_own(api: Api, live: Whisperer, whisperer: Whisperer) -> None:
    assert api.patch(one(live), {"mode": "FILE"}, 400)["error"]["field"] == "mode"
    assert api.patch(one(live), {"name": "shop"}, 400)["error"]["field"] == "name"
    assert api.patch(one(live), {"name": "y", "policy": "No"}, 400)["error"]["field"] == "policy"
    assert api.get(one(live))["name"] == "live"  # all of it, or nothing
    assert api.patch(one(live), {"policy": "long"})["policy"] == "long"
    assert api.patch(one(live), {"policy": None})["policy"] == "default"


def test_starting_and_stopping_is_noted_once(api: Api, live: Whisperer) -> None:
    assert api.post(one(live, "start/"))["capturing"]
    api.post(one(live, "start/"))
    assert not api.post(one(live, "stop/"))["capturing"]
    assert [c["action"] for c in api.get(one(live, "changes/"))["changes"]] == ["stopped", "started", "created"]
    files = whisperer_create(name="files", mode="UPLOAD")
    assert api.post(one(files, "start/"), status=400)["error"]["code"] == "mode"


def test_a_list_is_asked_by_mode_and_state(api: Api, live: Whisperer, whisperer: Whisperer, agent_on: Any) -> None:
    agent_on(live, state="capturing")
    assert [w["name"] for w in api.get("/api/v1/whisperers/?mode=FILE")["whisperers"]] == ["shop"]
    assert [w["name"] for w in api.get("/api/v1/whisperers/?state=capturing")["whisperers"]] == ["live"]
    assert api.get("/api/v1/whisperers/?mode=%00", 400)["error"]["field"] == "mode"
    assert api.get("/api/v1/whisperers/?state=x", 400)["error"]["field"] == "state"


def test_what_was_deleted_stays_in_the_log(api: Api, live: Whisperer) -> None:
    api.delete(one(live))
    gone = Change.objects.get(action="deleted")
    assert (gone.subject, gone.actor_name, gone.whisperer) == ("live", "alice", None)
    api.get(one(live), 404)
