"""Teams and the server's defaults in the API; agents and enrolments; and that the description says what is answered."""

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.whisperers.models import Enrolment, Team, Whisperer
from apps.whisperers.services import grant_set, team_create, token_create, token_digest, token_use, whisperer_move
from tests.apps.whisperers.conftest import Api, one

pytestmark = pytest.mark.django_db

TEAMS = "/api/v1/teams/"


def test_staff_make_teams_and_members_see_theirs(api: Api, bob: User, charlie: User) -> None:
    made = api.post(TEAMS, {"name": "shop people", "members": ["bob"]}, 201)
    assert made["members"] == ["bob"]
    path = f"{TEAMS}{made['id']}/"
    assert [team["name"] for team in Api(bob).get(TEAMS)["teams"]] == ["shop people"]
    assert Api(charlie).get(TEAMS)["teams"] == []
    assert Api(bob).get(path)["name"] == "shop people"
    Api(charlie).get(path, 404)
    assert api.patch(path, {"name": "shop", "members": ["charlie"]})["members"] == ["charlie"]
    Api(bob).get(path, 404)
    found = api.get(path + "changes/")["changes"]
    assert [change["action"] for change in found] == ["left", "joined", "renamed", "joined", "created"]
    api.delete(path)
    assert not Team.objects.exists()


def test_members_change_nothing(bob: User) -> None:
    team = team_create(name="shop people", members=[bob])
    path = f"{TEAMS}{team.pk}/"
    for method, address, body in (
        ("POST", TEAMS, {"name": "x"}),
        ("PATCH", path, {"name": "x"}),
        ("DELETE", path, None),
        ("PUT", path + "config/capture/", {"values": {}}),
        ("PATCH", path + "config/capture/", {"values": {}}),
        ("POST", path + "changes/1/undo/", None),
        ("PUT", "/api/v1/defaults/config/capture/", {"values": {}}),
        ("PATCH", "/api/v1/defaults/config/capture/", {"values": {}}),
        ("GET", "/api/v1/defaults/changes/", None),
        ("POST", "/api/v1/defaults/changes/1/undo/", None),
    ):
        assert Api(bob).call(method, address, body, 403)["error"]["right"] == "staff", address
    assert Api(bob).get(path + "config/capture/")["own"] == {}
    assert Api(bob).get("/api/v1/defaults/config/parsing/")["own"] == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 101}, "name"), ({"name": "taken"}, "name"),
        ({"name": "Server defaults"}, "name"), ({"name": "a", "members": ["nobody"]}, "members"),
        ({"name": "a", "members": "bob"}, "members"), ({"name": "a", "people": []}, "people"),
    ],
)  # fmt: skip
def test_a_team_that_cannot_be_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    team_create(name="taken")
    assert api.post(TEAMS, body, 400)["error"]["field"] == field
    assert Team.objects.count() == 1


def test_a_team_names_the_whisperers_that_a_member_sees(api: Api, bob: User, live: Whisperer) -> None:
    team = team_create(name="shop people", members=[bob])
    whisperer_move(whisperer=live, team=team)
    assert api.get(f"{TEAMS}{team.pk}/")["whisperers"] == [str(live.pk)]
    assert Api(bob).get(f"{TEAMS}{team.pk}/")["whisperers"] == []
    grant_set(whisperer=live, user=bob, rights=["see"])
    assert Api(bob).get(f"{TEAMS}{team.pk}/")["whisperers"] == [str(live.pk)]


def test_wrong_values_of_teams_and_defaults_are_refused_alike(api: Api) -> None:
    team = team_create(name="shop people")
    for path in (f"{TEAMS}{team.pk}/config/", "/api/v1/defaults/config/"):
        assert api.put(path + "capture/", {"values": {"snap": 1}}, 400)["error"]["field"] == "snap"
        assert api.patch(path + "parsing/", {"values": {"tags": [{}]}}, 400)["error"]["field"].startswith("tags[0]")
        assert api.put(path + "capture/", {"values": {"file": "/a", "filter": "tcp"}})["origins"]["file"] != "default"


def test_an_enrolment_is_shown_once_and_ends(api: Api, live: Whisperer) -> None:
    path = one(live, "enrolments/")
    made = api.post(path, {"hours": 2}, 201)
    row = Enrolment.objects.get()
    assert row.digest == token_digest(made["token"])
    assert made["token"].startswith(made["prefix"])
    assert timedelta(hours=1) < row.expires - timezone.now() <= timedelta(hours=2)
    assert f"enrol --server http://testserver --token {made['token']}" in made["command"]
    listed = api.get(path)["enrolments"][0]
    assert "token" not in listed
    assert (listed["createdBy"], listed["usable"], listed["uses"]) == ("alice", True, 0)
    api.delete(f"{path}{made['id']}/")
    api.delete(f"{path}{made['id']}/")
    assert not api.get(path)["enrolments"][0]["usable"]
    assert [c["action"] for c in api.get(one(live, "changes/"))["changes"]] == ["revoked", "enrolment", "created"]
    assert api.post(path, status=201)["usable"]


@pytest.mark.parametrize("hours", [0, 745, "many", None, 1.5])
def test_an_enrolment_lasts_a_month_at_most(api: Api, live: Whisperer, hours: Any) -> None:
    assert api.post(one(live, "enrolments/"), {"hours": hours}, 400)["error"]["field"] == "hours"


def test_an_agent_that_is_revoked_has_no_key_any_more(api: Api, live: Whisperer, agent_on: Any) -> None:
    agent = agent_on(live, applied=api.get(one(live, "config/capture/"))["revision"])
    _, secret = token_create(whisperer=live, instance=agent)
    path = one(live, f"instances/{agent.pk}/")
    assert api.get(path)["upToDate"]
    api.patch(one(live, "config/capture/"), {"values": {"snap": 100}})
    assert not api.get(path)["upToDate"]
    assert api.post(path + "rotate/")["rotating"]
    api.delete(path)
    assert token_use(secret=secret) is None
    assert api.post(path + "rotate/", status=409)["error"]["code"] == "revoked"
    assert api.get(path)["state"]["word"] == "not_visible"
    assert api.get(one(live))["agents"] == 0
    assert api.get(one(live, "changes/"))["changes"][0]["action"] == "revoked"


def test_a_token_is_made_shown_once_and_revoked(api: Api, live: Whisperer) -> None:
    path = one(live, "tokens/")
    made = api.post(path, {"label": "laptop"}, 201)
    assert token_use(secret=made["token"]) is not None
    listed = api.get(path)["tokens"][0]
    assert (listed["label"], listed["kind"], listed["instance"], listed["revoked"]) == ("laptop", "upload", None, None)
    assert "token" not in listed
    api.delete(f"{path}{made['id']}/")
    assert token_use(secret=made["token"]) is None
    assert [c["action"] for c in api.get(one(live, "changes/"))["changes"]] == ["revoked", "created", "created"]
    assert api.post(path, {"label": "x" * 101}, 400)["error"]["field"] == "label"


def test_what_belongs_to_another_whisperer_is_not_found(
    api: Api, live: Whisperer, whisperer: Whisperer, agent_on: Any, bob: User
) -> None:
    agent = agent_on(whisperer)
    enrolment = api.post(one(whisperer, "enrolments/"), status=201)["id"]
    grant = api.post(one(whisperer, "grants/"), {"user": "bob", "rights": ["see"]})["id"]
    token = api.post(one(whisperer, "tokens/"), {}, 201)["id"]
    api.get(one(live, f"instances/{agent.pk}/"), 404)
    for path in (f"instances/{agent.pk}/", f"enrolments/{enrolment}/", f"grants/{grant}/", f"tokens/{token}/"):
        api.delete(one(live, path), 404)
        api.delete(one(whisperer, path))


def test_answers_are_as_the_description_says(api: Api, live: Whisperer, agent_on: Any, bob: User) -> None:
    schema = api.get("/api/schema/?format=json")
    agent = agent_on(live, figures={"cpu": 1.5})
    team = api.post(TEAMS, {"name": "shop people"}, 201)
    answers = {
        "Whisperer": api.get(one(live)),
        "Whisperers": api.get("/api/v1/whisperers/"),
        "Configuration": api.put(one(live, "config/capture/"), {"values": {"snap": 100}}),
        "Schema": api.get("/api/v1/defaults/config/parsing/schema/"),
        "Changes": api.get(one(live, "changes/")),
        "Instances": api.get(one(live, "instances/")),
        "Instance": api.get(one(live, f"instances/{agent.pk}/")),
        "NewEnrolment": api.post(one(live, "enrolments/"), status=201),
        "Enrolments": api.get(one(live, "enrolments/")),
        "Grant": api.post(one(live, "grants/"), {"user": "bob", "rights": ["see"]}),
        "Grants": api.get(one(live, "grants/")),
        "NewToken": api.post(one(live, "tokens/"), {}, 201),
        "Tokens": api.get(one(live, "tokens/")),
        "Team": team,
        "Teams": api.get(TEAMS),
    }
    components = nullable(schema["components"])
    for name, answer in answers.items():
        assert name in components["schemas"], name
        jsonschema.validate(answer, {"$ref": f"#/components/schemas/{name}", "components": components})


def nullable(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema has a second type."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: nullable(value) for key, value in schema.items()}
    if made.get("nullable") is not True:
        return made
    if "type" in made:
        return made | {"type": [made["type"], "null"]}
    return {"anyOf": [{key: value for key, value in made.items() if key != "nullable"}, {"type": "null"}]}
