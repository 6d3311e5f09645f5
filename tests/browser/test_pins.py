"""Pinning by hand and by keys, the page of pins, and a purge that is counted before; each for everyone."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from apps.httpcomms import pins, purges
from apps.httpcomms.models import Pin
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import violations

SEARCH = "/?from=now-1h&q=req.method:PUT"


def open_search(page: Page, address: str = SEARCH) -> None:
    page.goto(address)
    page.wait_for_selector("tr.row")
    page.wait_for_selector(".query.painted")


def test_a_selection_is_pinned_by_keys(signed_in: Page) -> None:
    page = signed_in
    open_search(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog", name="Pin")
    expect(dialog).to_contain_text("1 communication selected")
    page.keyboard.type("kept by keys")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_have_text("1 communication pinned as kept by keys.")
    expect(dialog).to_be_hidden()
    pin = Pin.objects.get()
    assert (pin.name, pin.query, pin.communications.count()) == ("kept by keys", "", 1)


def test_what_was_found_is_pinned_opened_and_taken_back(signed_in: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "send", lambda *_, **__: None)
    page = signed_in
    page.goto("/pins/")
    expect(page.get_by_role("heading", name="Nothing is pinned")).to_be_visible()
    assert violations(page) == []
    open_search(page)
    page.get_by_role("button", name="Pin what was found").click()
    page.get_by_role("dialog", name="Pin").get_by_label("Name").fill("all puts")
    assert violations(page) == []
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("pinned as all puts")
    page.goto("/pins/")
    assert violations(page) == []
    page.get_by_role("link", name="all puts", exact=True).click()
    page.wait_for_selector("tr.row")
    assert int(page.inner_text("#found-total")) == min(50, Pin.objects.get().communications.count())
    page.goto("/pins/")
    page.get_by_role("button", name="Take back all puts").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".toast")).to_have_text("all puts was taken back.")
    expect(page.get_by_role("heading", name="Nothing is pinned")).to_be_visible()


def test_a_purge_is_counted_confirmed_and_cancelled(
    signed_in: Page, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(purges, "send", lambda _name, key, **_: sent.append(key))
    page = signed_in
    page.goto(f"/whisperers/{WHISPERER}/purges/")
    page.get_by_label("Query").fill("req.method:PUT")
    page.get_by_role("button", name="Count what would go").click()
    expect(page.get_by_role("heading", name="This would go")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Type shop-prod-1").fill("shop-prod-1")
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("#purges li")).to_contain_text("Waiting")
    assert violations(page) == []
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#purges li")).to_contain_text("Cancelled")
    assert len(sent) == 1
