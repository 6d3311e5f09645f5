"""The search page as a person uses it, in Chromium, on the real site with a real store."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
FAILED_WRITES = "req.method:POST AND stats.statusCode:>=500"


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The search page over all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last))
    expect(signed_in.locator("#found")).to_contain_text("communications")
    expect(signed_in.locator("#timeline")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    return signed_in


def ask(page: Page, query: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_attribute("data-q", query)


def test_from_signing_in_to_a_pcap_that_tshark_opens(page: Page, traffic: Seeded, tmp_path: Path) -> None:
    sign_in(page)
    shop = page
    ask(shop, FAILED_WRITES)
    rows = shop.locator("#rows tr.row")
    wanted = [c for c in traffic.communications.values() if c.request and c.response]
    wanted = [c for c in wanted if c.request.method == "POST" and c.response.status >= 500]
    expect(rows).to_have_count(len(wanted))
    expect(shop.locator("#found b")).to_have_text(str(len(wanted)))

    rows.first.click()
    expect(shop.locator("#detail .head")).to_contain_text("POST http://")
    assert "open=" in shop.url
    shop.get_by_role("tab", name="Body").click()
    expect(shop.locator("#body-tree")).to_contain_text("error")
    assert "tab=body" in shop.url
    shop.locator(".bodybar").get_by_role("button", name="Text").click()
    shown = shop.locator("#body-text").inner_text()
    assert "error" in json.loads(shown)

    with shop.expect_download() as download:
        shop.locator(".acts").get_by_role("link", name="pcap").click()
    file = tmp_path / "one.pcap"
    download.value.save_as(file)
    tshark = shutil.which("tshark")
    assert tshark, "tshark is missing: make test installs it"
    fields = ["-Y", "http", "-T", "fields", "-e", "http.request.method", "-e", "http.response.code"]
    read = subprocess.run([tshark, "-r", str(file), *fields], capture_output=True, text=True, check=True)
    assert read.stdout.split() == ["POST", rows.first.locator(".st").inner_text().strip()]


def test_the_address_opens_exactly_this_view(shop: Page) -> None:
    ask(shop, FAILED_WRITES)
    shop.locator("#rows tr.row").nth(2).click()
    shop.get_by_role("tab", name="Response").click()
    expect(shop.locator("#pane-response")).to_contain_text("content-type")
    id = shop.locator("#detail .head").get_attribute("data-detail")
    shop.goto(shop.url)
    expect(shop.locator("#pane-response")).to_be_visible()
    expect(shop.locator("#q")).to_have_value(FAILED_WRITES)
    expect(shop.locator("#rows tr.cur")).to_have_attribute("data-id", id or "")


def test_going_back_shows_the_search_before(shop: Page) -> None:
    total = shop.locator("#found b").inner_text()
    ask(shop, FAILED_WRITES)
    shop.go_back()
    expect(shop.locator("#found b")).to_have_text(total)
    expect(shop.locator("#q")).to_have_value("")


def test_keys_move_open_and_close(shop: Page) -> None:
    rows = shop.locator("#rows tr.row")
    shop.keyboard.press("j")
    shop.keyboard.press("j")
    expect(rows.nth(1)).to_have_class(re.compile("cur"))
    shop.keyboard.press("k")
    shop.keyboard.press("Enter")
    expect(shop.locator("#detail")).to_be_visible()
    expect(shop.locator("#detail-place")).to_contain_text("1 of")
    shop.keyboard.press("j")
    expect(shop.locator("#detail-place")).to_contain_text("2 of")
    shop.keyboard.press("6")
    expect(shop.locator(".ladder tbody tr").first).to_contain_text("SYN")
    shop.keyboard.press("Escape")
    expect(shop.locator("#detail")).to_be_hidden()
    assert "open=" not in shop.url
    shop.keyboard.press("?")
    expect(shop.locator("#help")).to_be_visible()


def test_a_query_that_cannot_be_read_keeps_the_result(shop: Page) -> None:
    before = shop.locator("#rows tr.row").count()
    shop.fill("#q", "req.method:POST AND nothing:1")
    expect(shop.locator("#verdict")).to_contain_text("nothing")
    shop.keyboard.press("Enter")
    expect(shop.locator("#ask-note")).to_contain_text("column 21")
    expect(shop.locator("#list")).to_have_class(re.compile("stale"))
    expect(shop.locator("#paint .x-bad").first).to_have_text("nothing")
    assert shop.locator("#rows tr.row").count() == before
    shop.fill("#q", "req.method:POST")
    shop.keyboard.press("Enter")
    expect(shop.locator("#ask-note")).to_be_empty()
    expect(shop.locator("#list")).not_to_have_class(re.compile("stale"))
    shop.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 400 that the check was answered with


def test_a_second_wrong_query_does_not_speak_of_a_result_that_never_was(signed_in: Page) -> None:
    signed_in.goto("/?q=nothing:1")
    expect(signed_in.locator("#list")).to_contain_text("Nothing was searched")
    signed_in.fill("#q", "neither:1")
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("#ask-note")).to_contain_text("neither")
    expect(signed_in.get_by_text("The result below")).to_be_hidden()
    signed_in.complaints.clear()  # type: ignore[attr-defined]  # the browser logs both 400


def test_a_facet_adds_and_with_ctrl_excludes(shop: Page) -> None:
    method = shop.locator('.facet[data-field="req.method"]')
    method.get_by_role("link", name="POST", exact=True).click()
    expect(shop.locator("#q")).to_have_value("req.method:POST")
    expect(method.locator("li.on")).to_contain_text("POST")
    method.get_by_role("link", name="POST", exact=True).click(modifiers=["Control"])
    expect(shop.locator("#q")).to_have_value("NOT req.method:POST")
    expect(method.locator("li.not")).to_contain_text("POST")


def test_the_grid_goes_on_as_it_is_scrolled(shop: Page, traffic: Seeded) -> None:
    assert len(traffic.communications) > 200
    expect(shop.locator("#rows tr.row")).to_have_count(100)
    for expected in (200, 300):
        shop.locator("#rows tr.more").scroll_into_view_if_needed()
        expect(shop.locator("#rows tr.row")).to_have_count(expected)
    expect(shop.locator("#shown")).to_contain_text(re.compile(r"Rows \d+–\d+ of"))
    ids = shop.eval_on_selector_all("#rows tr.row", "rows => rows.map(row => row.dataset.id)")
    assert len(set(ids)) == 300


def test_a_part_of_the_timeline_becomes_the_range(shop: Page) -> None:
    total = shop.locator("#found b").inner_text()
    box = shop.locator("#timeline").bounding_box()
    assert box is not None
    y = box["y"] + 40
    shop.mouse.move(box["x"] + box["width"] * 0.4, y)
    shop.mouse.down()
    shop.mouse.move(box["x"] + box["width"] * 0.6, y, steps=6)
    shop.mouse.up()
    expect(shop.locator("#time")).to_contain_text("selected of")
    expect(shop.locator("#found b")).not_to_have_text(total)
    assert "wide=" in shop.url
    shop.get_by_role("link", name="Back").click()
    expect(shop.locator("#found b")).to_have_text(total)


def test_a_range_can_be_given_by_hand(shop: Page) -> None:
    shop.locator("#range summary").click()
    shop.get_by_label("From").fill("2001-01-01T00:00:00")
    shop.get_by_label("To", exact=True).fill("2001-01-02T00:00:00")
    shop.get_by_role("button", name="Search there").click()
    expect(shop.locator("#list")).to_contain_text("Nothing matches in 1 d")
    shop.get_by_role("link", name="Go to that time").click()
    expect(shop.locator("#rows tr.row").first).to_be_visible()


def test_a_value_of_the_detail_is_a_link_into_the_query(shop: Page) -> None:
    ask(shop, FAILED_WRITES)
    shop.locator("#rows tr.row").first.click()
    shop.locator("#pane-general").get_by_role("link", name="payments").first.click()
    expect(shop.locator("#q")).to_have_value(re.compile(r"AND stats\.dst\.name:payments|AND req\.host:payments"))


def test_the_theme_is_kept(shop: Page) -> None:
    shop.get_by_role("button", name="Light or dark").click()
    expect(shop.locator("html")).to_have_attribute("data-theme", "dark")
    shop.reload()
    expect(shop.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_session_that_ended_leads_to_the_sign_in_page(shop: Page) -> None:
    shop.context.clear_cookies()
    shop.fill("#q", "req.method:GET")
    shop.keyboard.press("Enter")
    expect(shop.get_by_role("heading", name="Sign in")).to_be_visible()
    shop.complaints.clear()  # type: ignore[attr-defined]  # the 401 of the check


def test_who_was_given_nothing_sees_nothing(page: Page) -> None:
    sign_in(page, "charlie")
    expect(page.locator("#list")).to_contain_text("No whisperer was shared with you yet")


def test_a_wrong_password_is_said(page: Page) -> None:
    page.goto("/")
    page.get_by_label("User").fill("alice")
    page.get_by_label("Password", exact=True).fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("User and password do not match")


def put_theme(page: Page, theme: str) -> None:
    """As the button does, without the button."""
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    page.evaluate("document.dispatchEvent(new Event('spider:theme'))")


AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong. Its script is put in by the debugger, past the page's policy."""
    page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]} ({len(v['nodes'])})" for v in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_pages(shop: Page, theme: str) -> None:
    put_theme(shop, theme)
    assert violations(shop) == []
    ask(shop, FAILED_WRITES)
    shop.locator("#rows tr.row").first.click()
    for name in ("general", "request", "body", "tcp", "packets"):
        shop.locator(f"#tab-{name}").click()
        expect(shop.locator(f"#pane-{name} .skeleton")).to_have_count(0)
        assert violations(shop) == [], name


def test_everyone_can_sign_in(page: Page) -> None:
    page.goto("/login/")
    assert violations(page) == []


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900), (1920, 1080)])
def test_the_page_fits_its_window(shop: Page, screenshots: Path, width: int, height: int) -> None:
    shop.set_viewport_size({"width": width, "height": height})
    ask(shop, FAILED_WRITES)
    shop.locator("#rows tr.row").nth(3).click()
    expect(shop.locator("#pane-general .timing")).to_be_visible()
    for theme in ("light", "dark"):
        put_theme(shop, theme)
        shop.screenshot(path=screenshots / f"search-{width}-{theme}.png")
    size = shop.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width, height]
    path = shop.locator("#rows tr.row td:nth-child(6)").first.bounding_box()
    assert path is not None
    assert path["width"] >= 100
