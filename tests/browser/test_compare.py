"""Comparing two communications in Chromium: from the grid to the page and back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.conftest import sign_in
from tests.browser.test_search import ask, put_theme, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def grid(signed_in: Page, traffic: Seeded) -> Page:
    """The grid over all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last))
    signed_in.wait_for_selector(".query.painted")
    ask(signed_in, "req.method:POST AND req.path:/orders")
    return signed_in


def pair(page: Page) -> tuple[str, str]:
    rows = page.locator("#rows tr.row")
    return rows.nth(0).get_attribute("data-id") or "", rows.nth(1).get_attribute("data-id") or ""


def test_two_selected_rows_are_compared_and_back_leads_to_the_grid(grid: Page) -> None:
    a, b = pair(grid)
    grid.locator("#rows tr.row").first.focus()
    grid.keyboard.press("Space")
    grid.keyboard.press("ArrowDown")
    grid.keyboard.press("x")  # one is selected, the keyboard is at another
    expect(grid).to_have_url(re.compile(f"/compare/\\?a={a}&b={b}"))
    expect(grid.get_by_role("heading", name="Compare 2 communications")).to_be_visible()
    general = grid.locator("#section-general")
    expect(general).to_contain_text("TCP session")
    changed = grid.locator("tr.changed").first
    expect(changed.locator("del")).to_be_attached()
    grid.get_by_role("link", name="Swap").click()
    expect(grid).to_have_url(re.compile(f"a={b}&b={a}"))
    before = grid.locator("tbody tr.same").count()
    assert before > 0
    grid.get_by_role("switch", name="Only differences").click()
    expect(grid.locator("tbody tr.same")).to_have_count(0)
    expect(grid.get_by_role("switch", name="Only differences")).to_have_attribute("aria-checked", "true")
    assert "only=differences" in grid.url
    grid.keyboard.press("s")
    expect(grid).to_have_url(re.compile(f"a={a}&b={b}&only=differences"))
    grid.get_by_role("button", name="Back").click()
    expect(grid.locator("#found")).to_contain_text("communications")
    expect(grid.get_by_role("region", name="Selection")).to_contain_text("1 selected")


def test_the_bar_compares_exactly_two(grid: Page) -> None:
    rows, bar = grid.locator("#rows tr.row"), grid.get_by_role("region", name="Selection")
    rows.nth(0).get_by_role("checkbox").click()
    compare = bar.locator('[data-act="compare"]')
    expect(compare).to_have_attribute("aria-disabled", "true")
    compare.click(force=True)
    expect(grid.locator(".toast")).to_contain_text("select two")
    rows.nth(1).get_by_role("checkbox").click()
    bar.get_by_role("link", name="Compare").click()
    expect(grid.locator("table.compare")).to_be_visible()
    with grid.expect_download() as download:
        grid.get_by_role("link", name="Export diff").click()
    assert download.value.suggested_filename == "comparison.json"


def test_bodies_are_compared_by_structure_and_by_line(grid: Page) -> None:
    a, b = pair(grid)
    grid.goto(f"/compare/?a={a}&b={b}")
    body = grid.locator('[id="section-res.body"]')
    expect(body).to_contain_text("JSON, keys sorted")
    expect(body.locator("tr.changed th", has_text="$.").first).to_be_visible()
    expect(grid.locator(".pair.changed del").first).to_be_visible()


def test_who_may_see_nothing_compares_nothing(page: Page, traffic: Seeded) -> None:
    sign_in(page, "charlie")
    ids = list(traffic.communications)[:2]
    page.goto(f"/compare/?a={ids[0]}&b={ids[1]}")
    expect(page.get_by_role("heading", name="These cannot be compared")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The first communication is not there")
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 404


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (390, 844)])
def test_it_looks_right(
    signed_in: Page, traffic: Seeded, screenshots: Path, width: int, height: int
) -> None:
    grid = signed_in
    grid.goto(range_url("req.path:/orders OR stats.statusCode:>=500", traffic.first, traffic.last))
    ids = [grid.locator("#rows tr.row", has_text=text).first.get_attribute("data-id") for text in ("503", "201")]
    grid.set_viewport_size({"width": width, "height": height})
    for query in ("", "&only=differences"):
        grid.goto(f"/compare/?a={ids[0]}&b={ids[1]}{query}")
        for theme in ("light", "dark"):
            put_theme(grid, theme)
            assert violations(grid) == []
            grid.screenshot(path=screenshots / f"compare{'-only' if query else ''}-{width}-{theme}.png")
    assert grid.evaluate("document.documentElement.scrollWidth") == width
