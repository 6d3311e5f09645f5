"""Exports as a person makes them: what the dialog says before, the file, and what happens when it ends early."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Download, Page, expect

from apps.core.links import range_url
from apps.httpcomms.exports.registry import FORMATS
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The search page over all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last))
    expect(signed_in.locator("#found")).to_contain_text("communications")
    expect(signed_in.locator(".query.painted")).to_be_visible()
    return signed_in


def counted(page: Page) -> None:
    expect(page.locator("#export-told.counting")).to_have_count(0)


def opened(page: Page, format: str = "json") -> None:
    page.keyboard.press("e")
    expect(page.locator("#export")).to_be_visible()
    page.locator(f"#export [value={format}]").check()
    counted(page)


def exported(page: Page) -> Download:
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    return download.value


def test_from_the_key_to_a_whole_file(shop: Page, traffic: Seeded, tmp_path: Path, screenshots: Path) -> None:
    opened(shop)
    total = len(traffic.communications)
    expect(shop.locator("#export-count")).to_have_text(f"{total:,}")
    expect(shop.locator("#export-size")).to_contain_text("about ")
    expect(shop.locator("#export-without li")).not_to_have_count(0)
    for theme in ("light", "dark"):
        put_theme(shop, theme)
        assert violations(shop) == []
        shop.screenshot(path=screenshots / f"export-{theme}.png")
    download = exported(shop)
    download.save_as(tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text())
    assert len(found["communications"]) == total
    assert re.fullmatch(r"spider_all_\d{8}T\d{6}Z-\d{8}T\d{6}Z\.json", download.suggested_filename)
    expect(shop.locator(".toast")).to_have_text(f"Saved: {total} communications, complete.")
    expect(shop.locator("#export")).to_be_hidden()


def test_the_button_says_what_e_does_and_the_query_counts(shop: Page, traffic: Seeded, tmp_path: Path) -> None:
    shop.keyboard.press("/")
    shop.keyboard.type("req.method:POST")
    shop.keyboard.press("Enter")
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:POST")
    shop.locator("#found").get_by_role("button", name="Export what was found").click()
    shop.locator("#export [value=csv]").check()
    shop.get_by_label("byte order mark").check()
    counted(shop)
    wanted = [c for c in traffic.communications.values() if c.request and c.request.method == "POST"]
    expect(shop.locator("#export-count")).to_have_text(f"{len(wanted):,}")
    expect(shop.locator("#export-name")).to_contain_text("spider_req.method-POST_")
    exported(shop).save_as(tmp_path / "x.csv")
    data = (tmp_path / "x.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(data.decode("utf-8-sig").splitlines()))
    assert len(rows) == len(wanted) + 2
    assert rows[-1][0].startswith("# end of export: ")


@pytest.mark.parametrize("format", FORMATS)
def test_chosen_communications_in_every_format(shop: Page, traffic: Seeded, format: str) -> None:
    ids = traffic.ids(method="POST")[:3]
    shop.evaluate("ids => document.dispatchEvent(new CustomEvent('spider:export', { detail: { ids } }))", ids)
    shop.locator(f"#export [value={format}]").check()
    counted(shop)
    expect(shop.locator("#export-what")).to_have_text("3 chosen")
    expect(shop.locator("#export-count")).to_have_text("3")
    download = exported(shop)
    assert download.suggested_filename == f"spider_3-chosen.{FORMATS[format].extension}"
    expect(shop.locator(".toast")).to_have_text("Saved: 3 communications, complete.")


def test_what_is_cut_is_said_before_and_after(shop: Page, settings: Any, screenshots: Path) -> None:
    settings.EXPORT_LIMITS = settings.EXPORT_LIMITS | {"requests": 5}
    opened(shop, "k6")
    expect(shop.locator("#export-cut")).to_contain_text("k6 takes the first 5")
    expect(shop.locator("#export-count")).to_contain_text("5 of ")
    shop.screenshot(path=screenshots / "export-cut.png")
    assert "_first-5-of-" in exported(shop).suggested_filename
    expect(shop.locator(".toast.bad")).to_contain_text("5 communications, cut: only the first 5 are exported")


def test_a_file_that_breaks_off_is_not_saved(shop: Page) -> None:
    opened(shop)
    shop.route("**/httpcomms/export/", lambda route: route.fulfill(status=200, body='{"export":{},"communications":['))
    shop.get_by_role("button", name="Export", exact=True).click()
    expect(shop.locator("#export-problem")).to_contain_text("broke off before its end")
    expect(shop.get_by_role("button", name="Export", exact=True)).to_be_enabled()


def test_an_export_can_be_cancelled(shop: Page) -> None:
    opened(shop)
    shop.route("**/httpcomms/export/", lambda route: None)  # never answered
    shop.get_by_role("button", name="Export", exact=True).click()
    expect(shop.locator("#export-going")).to_be_visible()
    shop.keyboard.press("Escape")
    expect(shop.locator("#export")).to_be_hidden()
    expect(shop.locator(".toast")).to_contain_text("cancelled")
    shop.unroute("**/httpcomms/export/")
    opened(shop, "ndjson")
    exported(shop)


def test_a_refusal_is_shown_in_its_words(shop: Page) -> None:
    answer = json.dumps({"error": {"code": "store_unavailable", "message": "The document store does not answer."}})
    shop.route("**/export/preview/", lambda route: route.fulfill(status=503, body=answer))
    shop.keyboard.press("e")
    expect(shop.locator("#export-problem")).to_have_text("The document store does not answer.")
    expect(shop.get_by_role("button", name="Export", exact=True)).to_be_disabled()
    shop.complaints.clear()  # type: ignore[attr-defined]  # the browser's own words on the 503


def test_it_fits_a_phone(shop: Page, screenshots: Path) -> None:
    shop.set_viewport_size({"width": 390, "height": 780})
    opened(shop, "curl")
    width = shop.locator("#export").evaluate("box => box.scrollWidth - box.clientWidth")
    assert width == 0
    expect(shop.get_by_role("button", name="Export", exact=True)).to_be_in_viewport()
    shop.screenshot(path=screenshots / "export-phone.png")


def test_chrome_opens_the_har_of_a_result(shop: Page, network_panel: Page, tmp_path: Path) -> None:
    opened(shop, "har")
    exported(shop).save_as(tmp_path / "x.har")
    with network_panel.expect_file_chooser() as chooser:
        network_panel.locator("[aria-label^='Import HAR'], [title^='Import HAR']").first.click()
    chooser.value.set_files(tmp_path / "x.har")
    rows = network_panel.locator("tr.data-grid-data-grid-node")
    expect(rows.filter(has_text="fetch").first).to_be_visible(timeout=10_000)
