"""Service accounts: at most their owner's rights, tokens that read or also write, and nothing without the owner."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from apps.whisperers.models import Change, ServiceAccount, ServiceToken, Whisperer
from apps.whisperers.rights import rights_of, scope_for
from apps.whisperers.services import grant_set, team_create, team_members_set, token_create
from apps.whisperers.services.accounts import MOST_ACCOUNTS, MOST_TOKENS
from tests.apps.conftest import PASSWORD
from tests.apps.whisperers.conftest import Api, one

pytestmark = pytest.mark.django_db

ACCOUNTS = "/api/v1/service-accounts/"
SEARCH = "/api/v1/httpcomms/query/?q=a"


class Program:
    """Calls with a token and no session."""

    def __init__(self, secret: str) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Bearer {secret}"}

    def call(self, method: str, path: str, status: int, body: Any = None) -> Any:
        response = self.client.generic(method, path, body or "", content_type="application/json", headers=self.headers)
        assert response.status_code == status, response.content
        return response.json() if response.content else None


def made(api: Api, **given: Any) -> str:
    """The address of a new account."""
    return f"{ACCOUNTS}{api.post(ACCOUNTS, {'name': 'reports'} | given, 201)['id']}/"


def program(api: Api, address: str, **given: Any) -> Program:
    return Program(api.post(address + "tokens/", given, 201)["token"])


@pytest.fixture
def bobs(bob: User, live: Whisperer) -> Api:
    grant_set(whisperer=live, user=bob, rights=["search", "startStop"])
    return Api(bob)


def test_an_account_may_do_nothing_until_it_was_given_something(bobs: Api, live: Whisperer) -> None:
    address = made(bobs, about="Weekly report")
    found = bobs.get(address)
    assert (found["name"], found["owner"], found["active"], found["stopped"]) == ("svc-reports", "bob", True, "")
    reads = program(bobs, address)
    assert reads.call("GET", "/api/v1/whisperers/", 200) == {"whisperers": []}
    reads.call("GET", one(live), 404)
    bobs.put(f"{address}grants/{live.pk}/", {"rights": ["search"]})
    assert [row["name"] for row in reads.call("GET", "/api/v1/whisperers/", 200)["whisperers"]] == ["live"]
    account = ServiceAccount.objects.get()
    assert scope_for(account.user) == {str(live.pk)}
    assert scope_for(account.user, "packets") == frozenset()
    bobs.put(f"{address}grants/{live.pk}/", {"rights": []})
    assert reads.call("GET", "/api/v1/whisperers/", 200) == {"whisperers": []}


def test_nobody_gives_a_program_more_than_they_have(bobs: Api, live: Whisperer, whisperer: Whisperer) -> None:
    address = made(bobs)
    refused = bobs.put(f"{address}grants/{live.pk}/", {"rights": ["search", "packets"]}, 403)["error"]
    assert refused["right"] == "packets"
    bobs.put(f"{address}grants/{whisperer.pk}/", {"rights": ["search"]}, 404)
    bobs.put(f"{address}grants/{live.pk}/", {"rights": ["fly"]}, 400)


def test_what_the_owner_loses_the_program_loses(bobs: Api, bob: User, live: Whisperer) -> None:
    address = made(bobs)
    bobs.put(f"{address}grants/{live.pk}/", {"rights": ["search", "startStop"]})
    account = ServiceAccount.objects.get()
    assert rights_of(account.user, live) == {"see", "search", "startStop"}
    grant_set(whisperer=live, user=bob, rights=["startStop"])
    account = ServiceAccount.objects.get()
    assert rights_of(account.user, live) == {"see", "startStop"}
    assert scope_for(account.user) == frozenset()
    assert bobs.get(address)["grants"][0]["inForce"] == ["see", "startStop"]
    grant_set(whisperer=live, user=bob, rights=[])
    assert rights_of(ServiceAccount.objects.get().user, live) == frozenset()


def test_even_others_cannot_give_it_more_than_its_owner_has(api: Api, bobs: Api, live: Whisperer) -> None:
    made(bobs)
    account = ServiceAccount.objects.get()
    grant_set(whisperer=live, user=account.user, rights=["search", "packets", "delete"])
    assert rights_of(account.user, live) == {"see", "search"}


def test_a_program_of_staff_is_no_staff(api: Api, live: Whisperer) -> None:
    address = made(api)
    reads = program(api, address, write=True)
    assert reads.call("GET", "/api/v1/whisperers/", 200) == {"whisperers": []}
    reads.call("PUT", "/api/v1/defaults/config/capture/", 403, "{}")
    User.objects.filter(username="svc-reports").update(is_superuser=True)
    assert reads.call("GET", SEARCH, 401)["error"]["code"] == "stopped"


def test_a_team_gives_its_rights_as_far_as_the_owner_has_them(bobs: Api, bob: User, live: Whisperer) -> None:
    team = team_create(name="shop")
    assert bobs.post(ACCOUNTS, {"name": "x", "team": team.pk}, 400)["error"]["field"] == "team"
    team_members_set(team=team, members=[bob])
    grant_set(whisperer=live, team=team, rights=["search", "packets"])
    made(bobs, team=team.pk)
    account = ServiceAccount.objects.get()
    assert rights_of(account.user, live) == {"see", "search", "packets"}
    team_members_set(team=team, members=[account.user])  # Bob leaves the team, and has but his own grant
    assert rights_of(ServiceAccount.objects.get().user, live) == {"see", "search"}


def test_a_token_that_reads_is_refused_everything_else(bobs: Api, live: Whisperer) -> None:
    address = made(bobs)
    bobs.put(f"{address}grants/{live.pk}/", {"rights": ["search", "startStop"]})
    reads, writes = program(bobs, address), program(bobs, address, write=True)
    assert reads.call("POST", one(live, "start/"), 403)["error"]["code"] == "read_only"
    live.refresh_from_db()
    assert not live.capturing
    writes.call("POST", one(live, "start/"), 200)  # without a CSRF token
    change = Change.objects.filter(action="started").get()
    assert change.actor_name == "svc-reports"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path", ["", "1/", "1/tokens/", "1/tokens/1/", "1/grants/0b7e5c1e-5b0c-4a53-9f7b-0c6f3f3f0a11/"]
)
def test_a_token_that_reads_changes_no_accounts(bobs: Api, method: str, path: str) -> None:
    reads = program(bobs, made(bobs))
    assert reads.call(method, ACCOUNTS + path, 403)["error"]["code"] == "read_only"


def test_no_program_makes_or_sees_accounts(api: Api) -> None:
    address = made(api)
    writes = program(api, address, write=True)
    writes.call("GET", ACCOUNTS, 403)
    writes.call("POST", ACCOUNTS, 403, '{"name": "more"}')
    for rest in ("", "tokens/"):
        writes.call("GET", address + rest, 403)
    writes.call("POST", address + "tokens/", 403, "{}")
    writes.call("DELETE", address, 403)
    assert ServiceAccount.objects.count() == 1


def test_tokens_end(bobs: Api, bob: User) -> None:
    address = made(bobs)
    reads = program(bobs, address, label="laptop", days=1)
    reads.call("GET", SEARCH, 200)
    token = ServiceToken.objects.get()
    assert token.last_used is not None
    assert token.digest not in reads.headers["Authorization"]
    listed = bobs.get(address + "tokens/")["tokens"][0]
    assert listed["prefix"].startswith("sps_")
    assert "token" not in listed
    ServiceToken.objects.update(expires=timezone.now())
    assert reads.call("GET", SEARCH, 401)["error"]["code"] == "expired"
    ServiceToken.objects.update(expires=timezone.now() + timedelta(days=1))
    bobs.delete(f"{address}tokens/{token.pk}/")
    bobs.delete(f"{address}tokens/{token.pk}/")
    assert reads.call("GET", SEARCH, 401)["error"]["code"] == "revoked"
    assert Program("sps_guessed").call("GET", SEARCH, 401)["error"]["message"] == "The token is unknown."


@pytest.mark.parametrize("days", [0, -1, 367, "x"])
def test_a_token_has_an_end(bobs: Api, days: Any) -> None:
    assert bobs.post(made(bobs) + "tokens/", {"days": days}, 400)["error"]["field"] == "days"


def test_an_account_stops_with_its_owner(api: Api, bobs: Api, bob: User, charlie: User) -> None:
    address = made(bobs)
    reads = program(bobs, address)
    bobs.patch(address, {"active": False})
    assert "It was stopped." in reads.call("GET", SEARCH, 401)["error"]["message"]
    bobs.patch(address, {"active": True})
    reads.call("GET", SEARCH, 200)
    bob.is_active = False
    bob.save()
    assert reads.call("GET", SEARCH, 401)["error"]["code"] == "stopped"
    assert "owner is not active" in api.get(address)["stopped"]
    api.patch(address, {"owner": "charlie"})
    reads.call("GET", SEARCH, 200)
    charlie.delete()
    assert "no owner" in reads.call("GET", SEARCH, 401)["error"]["message"]
    assert api.patch(address, {"owner": "svc-reports"}, 400)["error"]["field"] == "owner"


def test_others_do_not_see_it(api: Api, bobs: Api, charlie: User) -> None:
    address = made(bobs)
    other = Api(charlie)
    assert other.get(ACCOUNTS) == {"accounts": []}
    for method, rest, body in [
        ("GET", "", None), ("PATCH", "", {"active": False}), ("DELETE", "", None), ("GET", "tokens/", None),
        ("POST", "tokens/", {}), ("DELETE", "tokens/1/", None),
    ]:  # fmt: skip
        assert other.call(method, address + rest, body, 404)["error"]["message"] == "There is no such service account."
    assert [row["name"] for row in api.get(ACCOUNTS)["accounts"]] == ["svc-reports"]
    assert bobs.patch(address, {"owner": "charlie"}, 403)["error"]["right"] == "staff"


def test_staff_do_not_show_a_person_whisperers_of_others(api: Api, bobs: Api, whisperer: Whisperer) -> None:
    address = made(bobs)
    api.put(f"{address}grants/{whisperer.pk}/", {"rights": ["search"]})
    assert bobs.get(address)["grants"] == []
    assert api.get(address)["grants"][0] | {"whisperer": ""} == {
        "whisperer": "", "whispererName": "shop", "rights": ["see", "search"], "inForce": [],
    }  # fmt: skip


def test_an_account_signs_in_to_no_page(bobs: Api, client: Client) -> None:
    reads = program(bobs, made(bobs))
    for path in ("/", "/whisperers/", "/service-accounts/", "/admin/", "/api/docs/"):
        response = reads.client.get(path, headers=reads.headers)
        assert response.status_code == 302, path
        assert "/login/" in response["Location"]
    user = User.objects.get(username="svc-reports")
    assert not user.has_usable_password()
    user.set_password(PASSWORD)
    user.save()
    client.post("/login/", {"username": user.username, "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    client.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_people_who_change_users_give_it_no_password(bob: User, bobs: Api) -> None:
    made(bobs)
    bob.user_permissions.set(Permission.objects.filter(codename="change_user"))
    manager = Api(User.objects.get(pk=bob.pk))
    assert manager.patch("/api/v1/users/svc-reports/", {"password": PASSWORD}, 400)["error"]["field"] == "password"
    bob.is_superuser = True
    bob.save()
    assert Api(bob).patch("/api/v1/users/svc-reports/", {"staff": True}, 400)["error"]["field"] == "staff"


def test_tokens_of_agents_are_not_tokens_of_people(live: Whisperer, bobs: Api) -> None:
    _, agents = token_create(whisperer=live)
    Program(agents).call("GET", SEARCH, 401)
    writes = program(bobs, made(bobs), write=True)
    writes.call("POST", "/api/v1/captures/cccccccccc/final/", 401, "{}")


def test_everything_done_to_it_is_in_the_history(bobs: Api, live: Whisperer) -> None:
    address = made(bobs)
    bobs.put(f"{address}grants/{live.pk}/", {"rights": ["search"]})
    token = bobs.post(address + "tokens/", {"label": "ci"}, 201)
    bobs.patch(address, {"active": False, "about": "x"})
    bobs.delete(f"{address}tokens/{token['id']}/")
    bobs.delete(address)
    changes = Change.objects.filter(actor_name="bob").order_by("pk")
    assert [change.action for change in changes] == ["created", "shared", "created", "configured", "revoked", "deleted"]
    assert {change.subject for change in changes} == {"service account svc-reports", "live"}
    assert token["token"] not in "".join(f"{change.before}{change.after}" for change in changes)
    assert not User.objects.filter(username="svc-reports").exists()
    assert not ServiceToken.objects.exists()


def test_each_use_is_logged_without_the_token(bobs: Api, caplog: Any) -> None:
    reads = program(bobs, made(bobs))
    with caplog.at_level("INFO"):
        reads.call("GET", SEARCH, 200)
    line = next(record.getMessage() for record in caplog.records if "api.token" in record.getMessage())
    assert "svc-reports" in line
    assert reads.headers["Authorization"].split()[1] not in line
    assert "q=a" not in line


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 200, "a/b", "\0"])
def test_names_are_checked(bobs: Api, name: str) -> None:
    assert bobs.post(ACCOUNTS, {"name": name}, 400)["error"]["field"] == "name"


def test_a_name_is_taken_once(bobs: Api) -> None:
    made(bobs)
    assert bobs.post(ACCOUNTS, {"name": "svc-reports"}, 400)["error"]["field"] == "name"


def test_there_are_only_so_many(bobs: Api, bob: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.whisperers.services.accounts.MOST_ACCOUNTS", 1)
    monkeypatch.setattr("apps.whisperers.services.accounts.MOST_TOKENS", 1)
    address = made(bobs)
    assert "at most 1" in bobs.post(ACCOUNTS, {"name": "two"}, 400)["error"]["message"]
    bobs.post(address + "tokens/", {}, 201)
    assert "at most 1" in bobs.post(address + "tokens/", {}, 400)["error"]["message"]
    assert (MOST_ACCOUNTS, MOST_TOKENS) > (1, 1)


def test_the_schema_tells_of_tokens(bobs: Api) -> None:
    reads = program(bobs, made(bobs))
    schema = reads.call("GET", "/api/schema/?format=json", 200)
    assert schema["components"]["securitySchemes"]["serviceToken"]["scheme"] == "bearer"
    assert {"serviceToken": []} in schema["paths"]["/api/v1/httpcomms/"]["get"]["security"]


PAGES = "/service-accounts/"


def test_pages_are_for_the_owner_alone(bobs: Api, as_charlie: Client, live: Whisperer) -> None:
    address = made(bobs).replace("/api/v1", "")
    token = ServiceAccount.objects.get().tokens.create(prefix="sps_x", digest="d", expires=timezone.now())
    assert b"svc-reports" not in as_charlie.get(PAGES).content
    assert as_charlie.get(address).status_code == 404
    for rest in ("tokens/", f"tokens/{token.pk}/revoke/", "rights/", "state/", "owner/", "delete/"):
        assert as_charlie.post(address + rest, {"whisperer": str(live.pk)}).status_code == 404, rest
    assert ServiceAccount.objects.get().user.is_active
    assert ServiceToken.objects.get().revoked is None


def test_pages_refuse_in_words(bobs: Api, live: Whisperer, whisperer: Whisperer) -> None:
    address, client = made(bobs).replace("/api/v1", ""), bobs.client
    for whom in (str(whisperer.pk), "x", ""):
        refused = client.post(f"{address}rights/", {"whisperer": whom, "rights": "search"})
        assert "There is no such whisperer" in refused.content.decode()
    refused = client.post(f"{address}rights/", {"whisperer": str(live.pk), "rights": "packets"})
    assert refused.status_code == 403
    assert client.post(f"{address}owner/", {"owner": "bob"}).status_code == 403
    assert client.post(f"{address}tokens/", {"days": "9999"}).status_code == 400
    assert client.post(f"{address}tokens/99/revoke/").status_code == 404
    assert client.post(PAGES, {"name": "y", "team": "99"}).status_code == 400
    hostile = client.post(PAGES, {"name": "<script>alert(1)</script>"})
    assert b"<script>alert(1)" not in hostile.content


def test_pages_work_without_scripts(bobs: Api, live: Whisperer) -> None:
    client = bobs.client
    page = client.post(PAGES, {"name": "reports", "about": "x"}, follow=True)
    address = page.request["PATH_INFO"]
    shown = client.post(f"{address}tokens/", {"label": "l", "days": "30", "write": "yes"}).content.decode()
    token = ServiceToken.objects.get()
    assert token.write
    assert f"{token.prefix}" in shown
    assert "shown this once" in shown
    assert client.post(f"{address}rights/", {"whisperer": str(live.pk), "rights": "search"}).status_code == 302
    assert scope_for(ServiceAccount.objects.get().user) == {str(live.pk)}
    assert client.post(f"{address}tokens/{token.pk}/revoke/").status_code == 302
    assert client.post(f"{address}delete/").status_code == 302
    assert not ServiceAccount.objects.exists()


def test_the_admin_gives_it_to_somebody_else(api: Api, bobs: Api, charlie: User) -> None:
    made(bobs)
    User.objects.filter(username="alice").update(is_superuser=True)
    account = ServiceAccount.objects.get()
    address = f"/admin/whisperers/serviceaccount/{account.pk}/change/"
    assert api.client.get("/admin/whisperers/serviceaccount/").status_code == 200
    assert api.client.get(address).status_code == 200
    form = {"owner": charlie.pk, "about": "y", "tokens-TOTAL_FORMS": 0, "tokens-INITIAL_FORMS": 0}
    assert api.client.post(address, form).status_code == 302
    account.refresh_from_db()
    assert (account.owner, account.about) == (charlie, "y")
    assert Change.objects.filter(action="configured", subject="service account svc-reports").exists()
    api.client.post(f"/admin/whisperers/serviceaccount/{account.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="svc-reports").exists()
