"""A search that takes long, in Chromium: it shows what it finds as it goes, can be stopped, and goes on."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.apps.httpcomms.slow import SlowStore
from tests.browser.test_search import put_theme

pytestmark = pytest.mark.browser


@pytest.fixture
def slow(postgres_url: str, traffic: Seeded, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowStore]:
    """Searches take a twentieth of the time they search, twelve seconds for all of the shop's traffic."""
    store = SlowStore(postgres_url, 0.05, seconds=10)
    monkeypatch.setattr(import_module("apps.httpcomms.selectors.search"), "document_store", lambda: store)
    yield store
    store.close()


def found(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("#found-total").inner_text()))


def test_a_long_search_shows_what_it_finds_and_ends(signed_in: Page, slow: SlowStore, traffic: Seeded) -> None:
    page = signed_in
    page.goto(range_url("req.method:GET", traffic.first, traffic.last), wait_until="commit", timeout=60_000)
    progress = page.locator("#progress")
    expect(progress).to_have_attribute("data-state", "running")
    expect(progress).to_contain_text("partial, newest first")
    expect(page.locator("#found-total")).to_contain_text("≥")
    expect(page.locator("#found-whole")).to_have_text("partial")
    expect(progress).to_have_attribute("data-state", "done", timeout=60_000)
    expect(page.locator("#found-whole")).to_have_text("complete, not sampled")
    wanted = len(traffic.ids(method="GET"))
    assert found(page) == wanted
    assert page.locator("#rows tr.row").count() == min(wanted, 100)
    dates = page.locator("#rows tr.row a.open").all_inner_texts()
    assert dates == sorted(dates, reverse=True)


def test_a_search_is_stopped_and_goes_on(signed_in: Page, slow: SlowStore, traffic: Seeded, screenshots: Path) -> None:
    page = signed_in
    page.set_viewport_size({"width": 1280, "height": 800})
    slow.factor = 0.5
    page.goto(range_url("req.method:GET", traffic.first, traffic.last), wait_until="commit", timeout=60_000)
    progress = page.locator("#progress")
    expect(progress).to_have_attribute("data-state", "running", timeout=30_000)
    page.wait_for_selector(".query.painted")  # the page's modules are there: keys are answered
    page.screenshot(path=screenshots / "progress-running-light.png")
    page.keyboard.press("Escape")
    expect(progress).to_have_attribute("data-state", "stopped")
    expect(progress).to_contain_text("Not searched:")
    page.screenshot(path=screenshots / "progress-stopped-light.png")
    put_theme(page, "dark")
    page.screenshot(path=screenshots / "progress-stopped-dark.png")
    percent = progress.get_attribute("data-percent")
    expect(page.get_by_role("button", name="Go on")).to_be_focused()
    page.wait_for_timeout(3_000)  # what was on its way, and the slices that its answer is made of
    asked = len(slow.asked)
    page.wait_for_timeout(2_000)
    assert len(slow.asked) == asked, "the server searches on for nobody"
    assert progress.get_attribute("data-percent") == percent
    slow.factor = 0
    page.get_by_role("button", name="Go on").click()
    expect(progress).to_have_attribute("data-state", "done")
    assert found(page) == len(traffic.ids(method="GET"))


def test_the_stretch_that_was_not_searched_is_a_link(signed_in: Page, slow: SlowStore, traffic: Seeded) -> None:
    page = signed_in
    slow.factor = 0.5
    page.goto(range_url("req.method:GET", traffic.first, traffic.last), wait_until="commit", timeout=60_000)
    expect(page.locator("#progress")).to_have_attribute("data-state", "running", timeout=30_000)
    page.wait_for_selector(".query.painted")
    page.get_by_role("button", name="Cancel").click()
    before = found(page)
    slow.factor = 0
    page.locator("#progress a").click()
    expect(page.locator("#progress")).to_have_count(0)
    assert before + found(page) == len(traffic.ids(method="GET"))


def test_what_cannot_be_cut_says_what_to_do(signed_in: Page, slow: SlowStore, traffic: Seeded) -> None:
    page = signed_in
    page.goto(range_url("req.method:GET", traffic.first, traffic.last) + "&sort=stats.duration")
    expect(page.locator("#list")).to_contain_text("This takes too long")
    page.get_by_role("link", name="Order by time").click()
    expect(page.locator("#progress")).to_have_attribute("data-state", "running")


def test_a_search_is_stopped_before_its_first_answer(signed_in: Page, slow: SlowStore, traffic: Seeded) -> None:
    page = signed_in
    slow.factor = 0
    page.goto(range_url("req.method:GET", traffic.first, traffic.last), wait_until="commit", timeout=60_000)
    page.wait_for_selector(".query.painted")
    before = page.locator("#found").get_attribute("data-q")
    slow.factor = 0.5
    page.locator("#q").fill("req.method:POST")
    page.keyboard.press("Enter")
    page.locator("#scroll").focus()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Stopped. The result is the one before.")).to_be_visible()
    assert page.locator("#found").get_attribute("data-q") == before
