"""Signing in, signing out, and what a wrong password leads to."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from apps.core import views
from apps.core.zones import ZoneMiddleware, zone_of
from tests.apps.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_every_page_leads_to_the_sign_in_page(client: Client) -> None:
    response = client.get("/?q=x")
    assert response.status_code == 302
    assert response["Location"] == "/login/?next=/%3Fq%3Dx"


def test_the_right_password_leads_back_to_the_page_asked_for(client: Client, bob: User) -> None:
    response = client.post("/login/", {"username": "bob", "password": PASSWORD, "next": "/?q=req.method:GET"})
    assert (response.status_code, response["Location"]) == (302, "/?q=req.method:GET")


def test_nobody_is_led_to_another_site(client: Client, bob: User) -> None:
    response = client.post("/login/", {"username": "bob", "password": PASSWORD, "next": "https://evil.example/"})
    assert response["Location"] == "/"


def test_a_wrong_password_says_how_many_tries_are_left(client: Client, bob: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 4
    page = client.post("/login/", {"username": "bob", "password": "wrong"}).content.decode()
    assert "User and password do not match. 3 tries left, then a pause of 15 min." in page
    assert 'aria-invalid="true"' in page


def test_a_name_is_locked_after_too_many_tries(client: Client, bob: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    client.post("/login/", {"username": "bob", "password": "wrong"})
    response = client.post("/login/", {"username": "bob", "password": "wrong"})
    assert response.status_code == 429
    assert "paused for 15 min" in response.content.decode()
    assert client.post("/login/", {"username": "bob", "password": PASSWORD}).status_code == 429


def test_signing_out_ends_the_session(as_bob: Client) -> None:
    assert as_bob.post("/logout/").status_code == 302
    assert as_bob.get("/").status_code == 302


def test_an_unknown_address_is_said_in_the_shape_the_caller_reads(rf: RequestFactory) -> None:
    def asked(path: str) -> HttpResponse:
        request = rf.get(path)
        request.user = AnonymousUser()
        return views.not_found(request, ValueError())

    assert asked("/api/v1/nothing/").content.startswith(b'{"error": {"code": "not_found"')
    assert b"There is nothing here" in asked("/nothing/").content
    assert views.broken(rf.get("/api/v1/x/")).content.startswith(b'{"error": {"code": "internal"')
    assert b"Something broke on our side" in views.broken(rf.get("/x/")).content


def test_the_site_answers_so(client: Client, as_bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = client.get("/api/v1/nothing/")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    page = as_bob.get("/nothing/")
    assert (page.status_code, b"There is nothing here" in page.content) == (404, True)

    def fail(*_: Any, **__: Any) -> HttpResponse:
        raise RuntimeError

    monkeypatch.setattr(views.SignIn, "get_context_data", fail)
    client.raise_request_exception = False
    broken = client.get("/login/")
    assert (broken.status_code, b"Something broke on our side" in broken.content) == (500, True)


def test_the_zone_of_the_visitor_is_on_every_page(as_bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.utils import timezone

    zones: list[str] = []

    def look(request: HttpRequest) -> HttpResponse:
        zones.append(timezone.get_current_timezone_name())
        return HttpResponse()

    monkeypatch.setattr(views.SignIn, "dispatch", lambda _, request: look(request))
    as_bob.cookies["spider_zone"] = "Asia/Tokyo"
    as_bob.get("/login/")
    assert zones == ["Asia/Tokyo"]


@pytest.mark.parametrize("name", ["Nowhere/Land", "../etc/passwd", "/etc/passwd", "Europe", "\x00", ""])
def test_a_cookie_that_names_no_zone_is_no_zone(rf: RequestFactory, name: str) -> None:
    request = rf.get("/")
    request.COOKIES["spider_zone"] = name
    assert zone_of(request) is None


def test_pages_are_made_in_the_zone_of_the_visitor(rf: RequestFactory) -> None:
    from django.utils import timezone

    def seen(_: HttpRequest) -> HttpResponse:
        return HttpResponse(timezone.get_current_timezone_name())

    request = rf.get("/")
    request.COOKIES["spider_zone"] = "Asia/Tokyo"
    assert ZoneMiddleware(seen)(request).content == b"Asia/Tokyo"
    assert timezone.get_current_timezone_name() == timezone.get_default_timezone_name()


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
@pytest.mark.parametrize("name", ["a\0b", "x" * 10_000, "\U0001f600" * 151, ""])
def test_a_name_that_nobody_can_have_is_refused(client: Client, bob: User, path: str, name: str) -> None:
    response = client.post(path, {"username": name, "password": "wrong"})
    assert response.status_code == 200
    assert not AccessAttempt.objects.exists()


def test_the_description_of_the_api_asks_who_you_are(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 401
