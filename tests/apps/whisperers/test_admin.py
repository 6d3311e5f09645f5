"""The admin changes configuration, teams and grants through the services: checked, inherited from, and in the log."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.whisperers.models import Change, Defaults, Grant, Team, Whisperer
from apps.whisperers.services import grant_set, team_create

pytestmark = pytest.mark.django_db

DEFAULTS = "/admin/whisperers/defaults/1/change/"
EMPTY = {"capture": "{}", "parsing": "{}"}


def page_of(whisperer: Whisperer) -> str:
    return f"/admin/whisperers/whisperer/{whisperer.pk}/change/"


def form(**values: Any) -> dict[str, Any]:
    """The form of a whisperer without grants or tokens in it."""
    inlines = {f"{name}-{part}_FORMS": 0 for name in ("grants", "tokens") for part in ("TOTAL", "INITIAL")}
    return {"name": "live", "team": ""} | EMPTY | inlines | values


def actions() -> list[str]:
    return list(Change.objects.order_by("pk").values_list("action", flat=True))


def test_the_servers_level_is_one_row_that_is_always_there(as_alice: Client) -> None:
    assert "server defaults" in as_alice.get("/admin/whisperers/defaults/").content.decode()
    assert as_alice.get("/admin/whisperers/defaults/add/").status_code == 403
    assert as_alice.post("/admin/whisperers/defaults/1/delete/").status_code == 403
    assert as_alice.post(DEFAULTS, EMPTY | {"capture": '{"snap": 100}'}).status_code == 302
    assert Defaults.get().capture == {"snap": 100}
    assert Change.objects.get().subject == "server defaults"
    assert "&quot;snap&quot;: 100" in as_alice.get(DEFAULTS).content.decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [('{"snap": 1}', "snap: 1 is too little."), ('{"snp": 1}', "Did you mean snap?"), ("[1]", "Give an object"),
     ("{", "Enter a valid JSON.")],
)  # fmt: skip
def test_wrong_values_are_refused_as_everywhere(as_alice: Client, text: str, says: str) -> None:
    response = as_alice.post(DEFAULTS, EMPTY | {"capture": text})
    assert response.status_code == 200
    assert says in response.content.decode()
    assert Defaults.get().capture == {}
    assert not Change.objects.exists()


def test_a_whisperer_is_made_renamed_moved_and_configured(as_alice: Client, alice: User) -> None:
    team = team_create(name="shop people")
    add = "/admin/whisperers/whisperer/add/"
    assert 'name="capture"' not in as_alice.get(add).content.decode()
    assert as_alice.post(add, {"name": "live", "mode": "INTERFACE", "team": ""}).status_code == 302
    made = Whisperer.objects.get()
    data = form(name="other", team=team.pk, parsing='{"policy": "long"}')
    assert as_alice.post(page_of(made), data).status_code == 302
    made.refresh_from_db()
    assert (made.name, made.team, made.parsing, made.policy) == ("other", team, {"policy": "long"}, "long")
    assert actions() == ["created", "created", "renamed", "moved", "configured"]
    assert {change.actor for change in made.changes.all()} == {alice}
    assert as_alice.post(page_of(made), form(capture='{"file": "/a"}')).status_code == 200  # not of its mode


def test_what_was_not_touched_is_not_in_the_log(as_alice: Client, live: Whisperer) -> None:
    Whisperer.objects.filter(pk=live.pk).update(capture={"snap": 100})
    before = actions()
    as_alice.post(page_of(live), form(capture=json.dumps({"snap": 100}, indent=2)))
    assert actions() == before


def test_grants_are_given_changed_and_taken(as_alice: Client, live: Whisperer, bob: User, charlie: User) -> None:
    def save(grant: Grant | None, user: User, rights: list[str], gone: bool = False) -> None:
        row = {"grants-0-user": user.pk, "grants-0-team": "", "grants-0-rights": rights, "grants-0-whisperer": live.pk}
        if grant is not None:
            row |= {"grants-0-id": grant.pk}
        if gone:
            row |= {"grants-0-DELETE": "on"}
        data = form(**{"grants-TOTAL_FORMS": 1, "grants-INITIAL_FORMS": int(grant is not None)}, **row)
        response = as_alice.post(page_of(live), data)
        assert response.status_code == 302, re.findall(r"errorlist.*", response.content.decode())

    save(None, bob, ["search"])
    save(Grant.objects.get(), bob, ["search", "packets"])
    assert Grant.objects.get().rights == ["see", "search", "packets"]
    save(Grant.objects.get(), charlie, ["search"])
    assert (Grant.objects.get().user, Grant.objects.get().rights) == (charlie, ["see", "search"])
    save(Grant.objects.get(), charlie, ["search"], gone=True)
    assert not Grant.objects.exists()
    assert actions() == ["created", "shared", "shared", "unshared", "shared", "unshared"]


def test_teams_are_made_and_deleted_with_their_people(as_alice: Client, bob: User) -> None:
    add = "/admin/whisperers/team/add/"
    data = EMPTY | {"name": "shop people", "members": [bob.pk], "capture": '{"snap": 100}'}
    assert as_alice.post(add, data).status_code == 302
    team = Team.objects.get()
    assert (team.capture, list(team.members.all())) == ({"snap": 100}, [bob])
    assert as_alice.post(add, EMPTY | {"name": "server defaults"}).status_code == 200
    page = f"/admin/whisperers/team/{team.pk}/"
    assert as_alice.post(page + "change/", EMPTY | {"name": "shop"}).status_code == 302
    assert as_alice.post(page + "delete/", {"post": "yes"}).status_code == 302
    assert not Team.objects.exists()
    assert actions() == ["created", "configured", "joined", "renamed", "configured", "left", "deleted"]


def test_deleting_is_in_the_log(as_alice: Client, live: Whisperer, whisperer: Whisperer) -> None:
    as_alice.post(f"/admin/whisperers/whisperer/{live.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [str(whisperer.pk)], "post": "yes"}
    as_alice.post("/admin/whisperers/whisperer/", chosen)
    assert not Whisperer.objects.exists()
    assert actions()[-2:] == ["deleted", "deleted"]


def test_tokens_made_by_a_person_are_in_the_log(as_alice: Client, live: Whisperer) -> None:
    as_alice.post(f"/admin/whisperers/whisperer/{live.pk}/token/")
    as_alice.post(f"/admin/whisperers/whisperer/tokens/{live.tokens.get().pk}/revoke/")
    assert actions() == ["created", "created", "revoked"]


def test_the_log_is_read_and_never_changed(as_alice: Client, live: Whisperer, bob: User) -> None:
    grant_set(whisperer=live, user=bob, rights=["see"])
    change = Change.objects.latest("pk")
    assert "shared" in as_alice.get("/admin/whisperers/change/").content.decode()
    page = f"/admin/whisperers/change/{change.pk}/"
    assert as_alice.get(page + "change/").status_code == 200
    for address in (page + "change/", page + "delete/", "/admin/whisperers/change/add/"):
        assert as_alice.post(address, {"action": "x", "post": "yes"}).status_code == 403
    assert Change.objects.filter(pk=change.pk, action="shared").exists()
