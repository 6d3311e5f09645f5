"""Saved queries: what is kept, who sees it, who changes it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.httpcomms.models import SavedQuery
from apps.whisperers.models import Team
from apps.whisperers.services import team_create, team_members_set
from store.documents import DocumentStore
from tests.apps.conftest import client_of

pytestmark = pytest.mark.django_db
LIST = "/api/v1/queries/"


@pytest.fixture
def shop(bob: User, charlie: User) -> Team:
    return team_create(name="shop", members=[bob, charlie])


def save(client: Client, status: int = 201, **given: Any) -> dict[str, Any]:
    response = client.post(LIST, {"name": "EU shop", "query": "req.method:POST", **given}, "application/json")
    assert response.status_code == status, response.content
    return response.json()


def change(client: Client, id: str, status: int = 200, **given: Any) -> dict[str, Any]:
    response = client.patch(f"{LIST}{id}/", given, "application/json")
    assert response.status_code == status, response.content
    return response.json()


def listed(client: Client) -> list[str]:
    return [one["name"] for one in client.get(LIST).json()["queries"]]


def test_a_saved_query_opens_the_page_as_it_was(as_bob: Client) -> None:
    state = {"from": "now-6h", "view": "map", "sort": "-stats.duration", "columns": "date,req.path"}
    made = save(as_bob, parameters=state, note="what the shop sells")
    assert (made["mine"], made["mayChange"], made["owner"], made["teams"]) == (True, True, "bob", [])
    opened = {name: value for name, (value,) in parse_qs(urlsplit(made["address"]).query).items()}
    assert opened == {"q": "req.method:POST", **state, "saved": made["id"]}
    assert as_bob.get(f"{LIST}{made['id']}/").json()["note"] == "what the shop sells"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"query": "nothing:1"}, "q"),
        ({"query": "a" * 4001}, "query"),
        ({"parameters": {"from": "soon"}}, "from"),
        ({"parameters": {"open": "20261122-x"}}, "parameters"),
        ({"parameters": {"columns": "x" * 2001}}, "parameters"),
        ({"parameters": {"from": "now-1h", "to": "now-2h"}}, "to"),
        ({"teams": [1234567]}, "teams"),
        ({"owner": "alice"}, "owner"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_what_could_not_be_opened_is_not_saved(as_bob: Client, given: dict[str, Any], field: str) -> None:
    assert save(as_bob, 400, **given)["error"]["field"] == field
    assert listed(as_bob) == []


def test_a_name_is_taken_once(as_bob: Client, as_charlie: Client) -> None:
    first, other = save(as_bob), save(as_bob, name="Other")
    assert save(as_bob, 400, name=" EU  shop ")["error"]["code"] == "taken"
    assert change(as_bob, other["id"], 400, name="EU shop")["error"]["code"] == "taken"
    change(as_bob, first["id"], name="EU shop", note="same name, new note")
    save(as_charlie)


def test_a_private_one_does_not_exist_for_others(as_bob: Client, as_charlie: Client, as_alice: Client) -> None:
    made = save(as_bob)
    for other in (as_charlie, as_alice):
        assert listed(other) == []
        assert other.get(f"{LIST}{made['id']}/").status_code == 404
        change(other, made["id"], 404, name="mine now")
        assert other.delete(f"{LIST}{made['id']}/").status_code == 404
        assert b"EU shop" not in other.get("/queries/").content
    assert listed(as_bob) == ["EU shop"]


def test_a_shared_one_is_used_and_copied_but_not_changed(
    as_bob: Client, as_charlie: Client, as_alice: Client, shop: Team
) -> None:
    made = save(as_bob, teams=[shop.pk])
    seen = as_charlie.get(f"{LIST}{made['id']}/").json()
    assert (seen["mine"], seen["mayChange"], seen["teams"]) == (False, False, [{"id": shop.pk, "name": "shop"}])
    assert change(as_charlie, made["id"], 403, query="")["error"]["code"] == "forbidden"
    assert as_charlie.delete(f"{LIST}{made['id']}/").status_code == 403
    copy = save(as_charlie, **{name: seen[name] for name in ("name", "note", "query", "parameters")})
    assert copy["mine"]
    change(as_alice, made["id"], note="staff look after what is shared")
    assert as_charlie.get(f"{LIST}{made['id']}/").json()["note"] == "staff look after what is shared"


def test_who_left_the_team_sees_it_no_more(as_bob: Client, as_charlie: Client, bob: User, shop: Team) -> None:
    made = save(as_bob, teams=[shop.pk])
    assert listed(as_charlie) == ["EU shop"]
    team_members_set(team=shop, members=[bob])
    assert listed(as_charlie) == []
    assert as_charlie.get(f"{LIST}{made['id']}/").status_code == 404


def test_an_owner_who_left_shares_no_more(
    as_bob: Client, as_charlie: Client, as_alice: Client, charlie: User, shop: Team
) -> None:
    made = save(as_bob, teams=[shop.pk])
    team_members_set(team=shop, members=[charlie])
    assert listed(as_charlie) == []
    assert listed(as_alice) == []
    assert as_bob.get(f"{LIST}{made['id']}/").json()["teams"] == []


def test_one_shares_with_ones_own_teams_alone(as_bob: Client, alice: User, shop: Team) -> None:
    secret = team_create(name="board", members=[alice])
    error = save(as_bob, 400, teams=[shop.pk, secret.pk])["error"]
    assert "board" not in error["message"]
    assert as_bob.get(LIST).json()["teams"] == [{"id": shop.pk, "name": "shop"}]


def test_a_member_does_not_learn_of_other_teams(as_bob: Client, as_charlie: Client, bob: User, shop: Team) -> None:
    board = team_create(name="board", members=[bob])
    made = save(as_bob, teams=[shop.pk, board.pk])
    assert [team["name"] for team in made["teams"]] == ["board", "shop"]
    assert [team["name"] for team in as_charlie.get(f"{LIST}{made['id']}/").json()["teams"]] == ["shop"]


def test_a_saved_query_carries_no_rights(
    as_alice: Client, as_charlie: Client, alice: User, charlie: User, site_store: DocumentStore
) -> None:
    team = team_create(name="all", members=[alice, charlie])
    made = save(as_alice, query="", teams=[team.pk])
    page = as_charlie.get(made["address"])
    assert b"No whisperer was shared with you yet" in page.content


def test_a_list_has_an_end(as_bob: Client, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.httpcomms.saved.MOST", 1)
    save(as_bob)
    assert save(as_bob, 400, name="one more")["error"]["code"] == "limit"


def test_the_page_lists_them(as_bob: Client, as_charlie: Client, shop: Team) -> None:
    assert b"No saved query yet" in as_bob.get("/queries/").content
    save(as_bob, teams=[shop.pk], name="<b>bold</b>", parameters={"from": "now-6h"})
    page = as_charlie.get("/queries/").content.decode()
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "last 6 h" in page
    assert "bob" in page
    assert "<b>bold" not in page


def test_nobody_sees_any_without_signing_in(client: Client) -> None:
    assert client.get(LIST).status_code == 401
    assert client.get("/queries/").status_code == 302
    assert client.get("/help/query/").status_code == 302


def test_deleting_ends_it_for_all(as_bob: Client, as_charlie: Client, shop: Team) -> None:
    made = save(as_bob, teams=[shop.pk])
    assert as_bob.delete(f"{LIST}{made['id']}/").status_code == 204
    assert listed(as_charlie) == []
    assert not SavedQuery.objects.exists()


def test_a_person_who_goes_takes_theirs_along(as_bob: Client, bob: User) -> None:
    save(as_bob)
    bob.delete()
    assert not SavedQuery.objects.exists()


def test_someone_inactive_sees_none(bob: User, shop: Team) -> None:
    save(client_of(bob))
    bob.is_active = False
    bob.save()
    from apps.httpcomms.saved import saved_queries

    assert not saved_queries(bob).exists()
