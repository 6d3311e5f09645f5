"""Whisperers, their tokens, and who may see what they captured."""

import io
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from apps.whisperers.authentication import Agent, IsAgent, WhispererTokenAuthentication
from apps.whisperers.models import Whisperer, WhispererToken
from apps.whisperers.rights import scope_for, visible_whisperers
from apps.whisperers.services import grant_set, token_create, token_revoke, token_use, whisperer_create
from store.documents import EVERYTHING

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_whisperer", *arguments, stdout=out)
    return out.getvalue().strip()


def test_a_mode_is_fixed_at_creation(whisperer: Whisperer) -> None:
    whisperer.mode = "INTERFACE"
    with pytest.raises(ValidationError, match="created as FILE"):
        whisperer.full_clean()


@pytest.mark.parametrize("policy", ["Default", "a-b", "", "1st", "a\n", "x" * 32])
def test_a_policy_that_would_not_fit_a_name_of_an_index_is_refused(policy: str) -> None:
    with pytest.raises(ValidationError):
        whisperer_create(name="shop", mode="FILE", policy=policy)


def test_a_name_is_taken_once(whisperer: Whisperer) -> None:
    with pytest.raises(ValidationError):
        whisperer_create(name="shop", mode="FILE")


def test_a_token_opens_its_whisperer_until_it_is_revoked(whisperer: Whisperer) -> None:
    token, secret = token_create(whisperer=whisperer)
    assert secret.startswith(token.prefix)
    assert secret not in str(WhispererToken.objects.values())
    used = token_use(secret=secret)
    assert used is not None
    assert used.whisperer == whisperer
    assert token_revoke(token=token)
    assert not token_revoke(token=token)
    assert token_use(secret=secret) is None


def test_the_last_use_is_noted_once_a_minute(whisperer: Whisperer) -> None:
    token, secret = token_create(whisperer=whisperer)
    token_use(secret=secret)
    token.refresh_from_db()
    first = token.last_used
    assert first is not None
    token_use(secret=secret)
    token.refresh_from_db()
    assert token.last_used == first
    WhispererToken.objects.update(last_used=timezone.now() - timedelta(minutes=2))
    token_use(secret=secret)
    token.refresh_from_db()
    assert token.last_used is not None
    assert token.last_used >= first


def test_an_agent_proves_itself_by_bearer_token(whisperer: Whisperer) -> None:
    token, secret = token_create(whisperer=whisperer)
    found = WhispererTokenAuthentication().authenticate(
        APIRequestFactory().get("/", headers={"Authorization": f"bearer {secret}"})
    )
    assert found == (Agent(whisperer), token)
    assert IsAgent().has_permission(type("Request", (), {"user": found[0]})(), None)  # type: ignore[arg-type]


def test_a_person_is_no_agent(bob: User) -> None:
    assert not IsAgent().has_permission(type("Request", (), {"user": bob})(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["Bearer", "Bearer wrong", "Bearer spw_ä"])
def test_an_unknown_token_is_refused(header: str) -> None:
    request = APIRequestFactory().get("/", headers={"Authorization": header})
    with pytest.raises(AuthenticationFailed):
        WhispererTokenAuthentication().authenticate(request)


def test_other_ways_to_authenticate_are_left_to_others() -> None:
    request = APIRequestFactory().get("/", headers={"Authorization": "Basic YTpi"})
    assert WhispererTokenAuthentication().authenticate(request) is None


def test_staff_see_everything_others_what_was_shared(
    alice: User, bob: User, charlie: User, whisperer: Whisperer
) -> None:
    whisperer_create(name="secret", mode="INTERFACE")
    grant_set(whisperer=whisperer, user=bob, rights=["search", "packets"])
    assert scope_for(alice) is EVERYTHING
    assert scope_for(bob) == frozenset({str(whisperer.pk)})
    assert scope_for(charlie) == frozenset()
    assert scope_for(AnonymousUser()) == frozenset()
    assert [found.name for found in visible_whisperers(bob)] == ["shop"]
    assert not visible_whisperers(charlie)
    bob.is_active = False
    assert scope_for(bob) == frozenset()


def test_the_command_prints_a_token_and_keeps_one_that_works(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "token"
    secret = command("shop", "--mode", "INTERFACE", "--token-file", str(path))
    assert path.read_text() == secret + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert command("shop", "--mode", "INTERFACE", "--token-file", str(path)) == secret
    token = WhispererToken.objects.get()
    token_revoke(token=token)
    assert command("shop", "--mode", "INTERFACE", "--token-file", str(path)) != secret


def test_the_command_refuses_another_mode() -> None:
    command("shop")
    with pytest.raises(CommandError, match="FILE"):
        command("shop", "--mode", "UPLOAD")


def test_the_admin_shows_a_token_once(as_alice: Client, whisperer: Whisperer) -> None:
    page = f"/admin/whisperers/whisperer/{whisperer.pk}/change/"
    assert "Create a token" in as_alice.get(page).content.decode()
    as_alice.post(f"/admin/whisperers/whisperer/{whisperer.pk}/token/")
    shown = re.search(r"<code>(spw_[\w-]+)</code>", as_alice.get(page).content.decode())
    assert shown is not None
    assert token_use(secret=shown[1]) is not None
    assert shown[1] not in as_alice.get(page).content.decode()


def test_the_admin_revokes_a_token(as_alice: Client, whisperer: Whisperer) -> None:
    token, secret = token_create(whisperer=whisperer)
    address = f"/admin/whisperers/whisperer/tokens/{token.pk}/revoke/"
    assert as_alice.get(address).status_code == 405
    assert as_alice.post(address).status_code == 302
    assert token_use(secret=secret) is None


def test_the_admin_is_closed_to_others(as_bob: Client, whisperer: Whisperer) -> None:
    response = as_bob.post(f"/admin/whisperers/whisperer/{whisperer.pk}/token/")
    assert response.status_code == 302
    assert not whisperer.tokens.exists()


def test_the_admin_keeps_the_mode(as_alice: Client, whisperer: Whisperer) -> None:
    data = {"name": "shop", "mode": "UPLOAD", "policy": "default", "tokens-TOTAL_FORMS": 0, "tokens-INITIAL_FORMS": 0}
    as_alice.post(f"/admin/whisperers/whisperer/{whisperer.pk}/change/", data)
    whisperer.refresh_from_db()
    assert whisperer.mode == "FILE"
