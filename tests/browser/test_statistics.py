"""The statistics of a result in Chromium: what is counted is chosen, drawn, listed and taken along."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def page_of(signed_in: Page, traffic: Seeded) -> Page:
    """The statistics of all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last) + "&view=statistics")
    expect(signed_in.locator("#stats-chart")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    return signed_in


def test_a_metric_a_function_and_groups_are_chosen(page_of: Page) -> None:
    page = page_of
    expect(page.locator("#stats-title")).to_contain_text("P95 duration per")
    expect(page.locator(".figures tbody tr").filter(has_text="orders")).to_have_count(1)
    page.get_by_label("Group by").select_option(label="template")
    expect(page.locator(".figures th").first).to_have_text("Template")
    assert "groups=req.template" in page.url
    page.get_by_label("Then by").select_option(label="method")
    expect(page.locator(".figures th").nth(1)).to_have_text("Method")
    page.get_by_label("Metric", exact=True).select_option(label="calls")
    expect(page.locator("#stats-title")).to_contain_text("Calls per")
    assert "metric=calls" in page.url
    page.get_by_label("Metric", exact=True).select_option(label="response size")
    page.get_by_label("Function").select_option(label="sum")
    expect(page.locator("#stats-title")).to_contain_text("Sum response size")
    expect(page.locator(".figures th").filter(has_text="sum response size")).to_have_count(1)
    page.go_back()
    expect(page.locator("#stats-title")).to_contain_text("P95 response size")


def test_the_whole_range_has_bars_and_no_steps(page_of: Page) -> None:
    page_of.get_by_text("Whole range").click()
    expect(page_of.locator("#stats-title")).to_have_text("P95 duration")
    expect(page_of.locator(".figures th").filter(has_text="over time")).to_have_count(0)
    assert "per=whole" in page_of.url


def test_all_communications_can_be_one_group(page_of: Page) -> None:
    page_of.get_by_label("Group by").select_option(label="all together")
    expect(page_of.locator(".figures tbody tr")).to_have_count(1)
    page_of.reload()
    expect(page_of.locator(".figures tbody tr")).to_have_count(1)


def test_a_column_orders_and_a_value_asks(page_of: Page) -> None:
    page = page_of
    page.locator(".figures").get_by_role("link", name="p95", exact=True).click()
    expect(page.locator(".figures th[aria-sort]")).to_contain_text("p95")
    page.locator(".figures").get_by_role("link", name="payments", exact=True).click()
    expect(page.locator("#q")).to_have_value("stats.dst.name:payments")
    expect(page.locator(".figures tbody tr")).to_have_count(1)
    page.locator(".figures").get_by_role("link", name="payments", exact=True).click(modifiers=["Control"])
    expect(page.locator("#q")).to_have_value("NOT stats.dst.name:payments")


def test_the_figures_are_taken_along_as_csv(page_of: Page, tmp_path: Path) -> None:
    with page_of.expect_download() as download:
        page_of.get_by_role("link", name="CSV").click()
    file = tmp_path / "statistics.csv"
    download.value.save_as(file)
    head, *lines = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    assert head[:3] == ["stats.dst.name", "start", "calls"]
    groups = page_of.locator(".figures tbody tr").count()
    assert len({line[0] for line in lines}) == groups < len(lines)


def test_a_choice_that_cannot_be_is_said(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("", traffic.first, traffic.last) + "&view=statistics&metric=nothing")
    expect(signed_in.locator("#ask-note")).to_contain_text("'nothing' is no metric")
    signed_in.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 400


def test_keys_lead_to_the_views(page_of: Page) -> None:
    page_of.locator("body").press("g")
    page_of.locator("body").press("g")
    expect(page_of.locator("#rows tr.row").first).to_be_visible()
    page_of.locator("body").press("g")
    page_of.locator("body").press("t")
    expect(page_of.locator("#stats-chart")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_its_window(page_of: Page, screenshots: Path, theme: str, width: int, height: int) -> None:
    page_of.set_viewport_size({"width": width, "height": height})
    put_theme(page_of, theme)
    expect(page_of.locator("#stats-chart canvas")).to_be_visible()
    page_of.screenshot(path=screenshots / f"statistics-{width}-{theme}.png")
    assert violations(page_of) == []
    page_of.get_by_text("Whole range").click()
    expect(page_of.locator("#stats-title")).to_have_text("P95 duration")
    page_of.screenshot(path=screenshots / f"statistics-whole-{width}-{theme}.png")
    assert page_of.evaluate("document.documentElement.scrollWidth <= innerWidth")
