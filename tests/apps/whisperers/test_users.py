"""People in the API: found by who shares, made and changed by who may, and staff touched by superusers alone."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import grant_set
from tests.apps.conftest import PASSWORD
from tests.apps.whisperers.conftest import Api

pytestmark = pytest.mark.django_db

USERS = "/api/v1/users/"


def allow(person: User, *permissions: str) -> Api:
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return Api(User.objects.get(pk=person.pk))


def test_who_shares_finds_names_and_nobody_else_does(bob: User, charlie: User, live: Whisperer) -> None:
    assert Api(bob).get(USERS, 403)["error"]["right"] == "view_user"
    grant_set(whisperer=live, user=bob, rights=["share"])
    charlie.is_active = False
    charlie.save()
    assert Api(bob).get(USERS) == {"users": [{"name": "bob"}], "more": False}
    found = allow(bob, "view_user").get(USERS + "?q=CHAR")["users"]
    assert found == [{"name": "charlie", "email": "", "active": False, "staff": False, "teams": []}]
    assert allow(bob, "view_user").get(USERS + "?q=%00")["users"]


def test_a_person_is_made_and_sees_nothing(api: Api, bob: User) -> None:
    body = {"name": "dora", "password": PASSWORD}
    assert Api(bob).post(USERS, body, 403)["error"]["right"] == "add_user"
    assert not api.post(USERS, body, 201)["staff"]
    assert User.objects.get(username="dora").check_password(PASSWORD)
    assert Api(User.objects.get(username="dora")).get("/api/v1/whisperers/") == {"whisperers": []}
    change = Change.objects.get()
    assert (change.action, change.subject, change.actor_name) == ("created", "user dora", "alice")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "bob", "password": PASSWORD}, "name"),
        ({"name": "a b", "password": PASSWORD}, "name"),
        ({"name": "dora", "password": "short"}, "password"),
        ({"name": "dorothea-smith", "password": "dorothea-smith1"}, "password"),
        ({"name": "dora"}, "password"),
        ({"name": "dora", "password": PASSWORD, "email": "x"}, "email"),
        ({"name": "dora", "password": PASSWORD, "staff": True}, "staff"),
    ],
)
def test_a_person_that_cannot_be_is_refused(api: Api, bob: User, body: dict[str, Any], field: str) -> None:
    assert api.post(USERS, body, 400)["error"]["field"] == field


def test_an_account_is_closed_and_opened(api: Api, bob: User) -> None:
    his = Api(bob)
    his.get("/api/v1/whisperers/")
    assert not api.patch(USERS + "bob/", {"active": False})["active"]
    his.get("/api/v1/whisperers/", 401)
    api.patch(USERS + "bob/", {"active": True})
    api.patch(USERS + "bob/", {"active": True})
    api.patch(USERS + "bob/", {"password": "another horse battery"})
    his.get("/api/v1/whisperers/", 401)  # another password ends the sessions
    log = list(Change.objects.order_by("pk").values_list("subject", "before", "after"))
    assert log == [
        ("user bob", {"is_active": True}, {"is_active": False}),
        ("user bob", {"is_active": False}, {"is_active": True}),
        ("user bob", {}, {"password": "changed"}),
    ]
    api.patch(USERS + "nobody/", {"active": True}, 404)
    assert api.patch(USERS + "bob/", {"password": "short"}, 400)["error"]["field"] == "password"


def test_only_superusers_touch_staff(api: Api, alice: User, bob: User, charlie: User) -> None:
    manager = allow(bob, "change_user")
    assert not manager.patch(USERS + "charlie/", {"active": False})["active"]
    for name, body in (("alice", {"password": "another horse battery"}), ("charlie", {"staff": True})):
        assert manager.patch(f"{USERS}{name}/", body, 403)["error"]["right"] == "superuser"
    assert api.patch(USERS + "charlie/", {"staff": True, "active": True})["staff"]
    for body in ({"active": False}, {"staff": False}):
        assert "lock yourself out" in api.patch(USERS + "alice/", body, 400)["error"]["message"]
    assert Api(charlie).patch(USERS + "bob/", {"active": False}, 403)["error"]["right"] == "change_user"
