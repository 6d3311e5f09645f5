"""Service accounts as a person makes them: rights, a token that is shown once, and what a program gets with it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, expect

from apps.whisperers.models import ServiceAccount, Whisperer
from apps.whisperers.services import grant_set
from tests.apps.conftest import client_of
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import put_theme, violations
from tests.browser.whisperers import expected

pytestmark = pytest.mark.browser


@pytest.fixture
def charlies(page: Page, context: BrowserContext, people: dict[str, User], live_server: Any) -> Page:
    """Charlie may search the shop, and nothing else."""
    shop = Whisperer.objects.get(pk=WHISPERER)
    grant_set(whisperer=shop, user=people["charlie"], rights=["search"])
    session = client_of(people["charlie"]).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return page


def made(page: Page, name: str = "reports") -> None:
    page.goto("/service-accounts/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("What for").fill("Weekly report")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"svc-{name}")


def test_from_nothing_to_a_program_that_searches(charlies: Page, traffic: Any, screenshots: Path) -> None:
    page = charlies
    page.goto("/")
    page.get_by_title("Account of charlie").click()
    page.get_by_role("link", name="Service accounts").click()
    expect(page.locator(".empty")).to_contain_text("No program of yours uses Spider yet")
    page.screenshot(path=screenshots / "accounts-empty.png", full_page=True)
    made(page)
    page.get_by_role("button", name="Let it search").click()
    expect(page.get_by_label("search on shop-prod-1")).to_be_checked()
    expect(page.get_by_label("packets on shop-prod-1")).to_be_disabled()

    page.get_by_label("Where it is used").fill("pipeline")
    page.get_by_role("button", name="Make a token").click()
    secret = page.locator("#secret").inner_text()
    for theme in ("light", "dark"):
        put_theme(page, theme)
        page.screenshot(path=screenshots / f"account-{theme}.png", full_page=True)
    command = page.locator("#example").inner_text().replace("from=now-1h", "from=now-1d")
    assert secret in command
    found = json.loads(subprocess.check_output(["bash", "-c", command]))
    assert found["total"] > 0

    page.reload()
    expect(page.locator("#secret")).to_have_count(0)
    assert secret not in page.content()
    page.get_by_role("button", name="Revoke the token").click()
    page.locator("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("#account")).to_contain_text("revoked")
    said = json.loads(subprocess.check_output(["bash", "-c", command]))
    assert said["error"]["code"] == "revoked"


def test_it_is_stopped_and_deleted(charlies: Page) -> None:
    page = charlies
    made(page)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#account .note.warn")).to_contain_text("It was stopped.")
    page.get_by_role("button", name="Let it work again").click()
    expect(page.locator(".chip.ok")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(".said")).to_contain_text("svc-reports was deleted.")
    expect(page.locator(".empty")).to_be_visible()
    assert not ServiceAccount.objects.exists()


def test_a_name_that_is_none_is_refused_in_words(charlies: Page) -> None:
    page = charlies
    page.goto("/service-accounts/")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("Give it a name")
    page.get_by_label("Name", exact=True).fill("a b")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("valid username")
    expected(page, "400")


def test_staff_see_all_and_name_another_owner(signed_in: Page, people: dict[str, User], screenshots: Path) -> None:
    page = signed_in
    made(page, "alerts")
    page.get_by_label("Give it to").fill("charlie")
    page.get_by_role("button", name="Give", exact=True).click()
    expect(page.locator("#account")).to_contain_text("Owned by charlie")
    page.get_by_role("button", name="Let it search").click()
    expect(page.locator(".t4")).to_have_count(2)  # Charlie may neither see nor search it
    page.goto("/service-accounts/")
    expect(page.locator("tbody tr")).to_contain_text("charlie")
    page.screenshot(path=screenshots / "accounts.png", full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_pages(signed_in: Page, theme: str) -> None:
    page = signed_in
    made(page)
    page.get_by_role("button", name="Let it search").click()
    expect(page.get_by_label("search on shop-prod-1")).to_be_checked()
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("#secret")).to_be_visible()
    put_theme(page, theme)
    assert violations(page) == []
    for width in (390, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.goto("/service-accounts/")
    put_theme(page, theme)
    assert violations(page) == []
