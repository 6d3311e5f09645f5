"""The waterfall as a person uses it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser
CHECKOUT = "stats.dst.name:(orders OR payments) OR req.path:/api/checkout"


def opened(page: Page, traffic: Seeded, query: str = CHECKOUT, **more: str) -> Page:
    address = range_url(query, traffic.first, traffic.last) + "&view=waterfall"
    page.set_default_timeout(30_000)
    page.goto(address + "".join(f"&{name}={value}" for name, value in more.items()))
    expect(page.locator("html")).to_have_attribute("data-zone", "Europe/Paris", timeout=20_000)  # loaded again once
    expect(page.locator("#found")).to_have_attribute("data-view", "waterfall")
    expect(page.locator(".fall tr.row").first).to_be_visible()
    return page


@pytest.fixture
def fall(signed_in: Page, traffic: Seeded) -> Page:
    """The waterfall of checkouts, with what they call."""
    return opened(signed_in, traffic)


def percent(value: str | None) -> float:
    assert value
    return float(value.removesuffix("%"))


def test_calls_stand_within_their_caller_by_correlation(fall: Page) -> None:
    rows = fall.locator(".fall tr.row")
    expect(rows.nth(0)).to_contain_text("balancer→gateway")
    for n, words in ((1, "gateway→orders"), (2, "orders→payments")):
        expect(rows.nth(n)).to_contain_text(words)
        expect(rows.nth(n)).to_have_attribute("data-parent", rows.nth(0).get_attribute("data-id") or "")
        expect(rows.nth(n).locator("td").first).to_have_class(re.compile("i1"))
    bars = [rows.nth(n).locator(".barcell rect[rx]").first for n in range(3)]
    left, width = percent(bars[0].get_attribute("x")), percent(bars[0].get_attribute("width"))
    for bar in bars[1:]:
        assert left <= percent(bar.get_attribute("x"))
        assert percent(bar.get_attribute("x")) + percent(bar.get_attribute("width")) <= left + width + 0.2
    lane = fall.locator(".fall tr.lane").first
    expect(lane).to_contain_text(re.compile(r"3 calls · [\d.]+ ms"))
    lane.locator("a").click()
    expect(fall.locator("#q")).to_have_value(re.compile(r"AND stats\.correlation:\w+$"))
    expect(fall.locator(".fall tr.row")).to_have_count(3)


def test_rows_answer_the_keys_of_the_grid(fall: Page) -> None:
    rows = fall.locator(".fall tr.row")
    fall.keyboard.press("j")
    fall.keyboard.press("j")
    expect(rows.nth(1)).to_have_class(re.compile("cur"))
    fall.keyboard.press("Enter")
    expect(fall.locator("#detail .head")).to_contain_text("POST http://orders")
    expect(fall.locator("#detail-place")).to_contain_text("2 of")
    fall.keyboard.press("Escape")
    expect(fall.locator("#detail")).to_be_hidden()
    rows.nth(2).locator(".barcell").click()
    expect(fall.locator("#detail .head")).to_contain_text("POST http://payments")


def test_lanes_by_client_or_none_are_on_one_axis(fall: Page, traffic: Seeded) -> None:
    lanes = fall.get_by_role("navigation", name="Lanes by")
    lanes.get_by_text("client").click()
    expect(lanes.locator("[aria-current]")).to_have_text("client")
    expect(fall.locator(".fall tr.lane").first).to_contain_text("→ ")
    assert "group=client" in fall.url
    lanes.get_by_text("none").click()
    expect(lanes.locator("[aria-current]")).to_have_text("none")
    expect(fall.locator(".fall tr.lane")).to_have_count(0)
    starts = fall.eval_on_selector_all(
        ".fall .barcell rect[rx]", "bars => bars.map(bar => parseFloat(bar.getAttribute('x')))"
    )
    assert max(starts) > 60
    fall.get_by_role("navigation", name="Time scale").get_by_text("Idle time cut").click()
    expect(fall.locator(".fall .cut").first).to_be_attached()
    expect(fall.locator(".foot")).to_contain_text("idle time, cut out")
    widths = "bars => bars.reduce((sum, bar) => sum + parseFloat(bar.getAttribute('width')), 0)"
    wide = fall.eval_on_selector_all(".fall .barcell rect[rx]", widths)
    opened(fall, traffic, group="none")
    assert fall.eval_on_selector_all(".fall .barcell rect[rx]", widths) < wide


def test_the_slowest_and_the_failed_can_come_first(fall: Page) -> None:
    order = fall.get_by_role("navigation", name="Order")
    lanes = fall.get_by_role("navigation", name="Lanes by")
    lanes.get_by_text("none").click()
    expect(lanes.locator("[aria-current]")).to_have_text("none")
    order.get_by_text("Status").click()
    expect(order.locator("[aria-current]")).to_have_text("Status")
    expect(fall.locator(".fall tr.row").first.locator(".st")).to_have_text("503")
    order.get_by_text("Slowest").click()
    expect(order.locator("[aria-current]")).to_have_text("Slowest")
    shown = fall.locator(".fall .barcell text").first
    expect(shown).to_have_text(re.compile(r"[\d.]+ s"))
    assert "order=slowest" in fall.url


def test_lanes_fold_and_pointing_shows_the_family(fall: Page) -> None:
    rows = fall.locator(".fall tr.row")
    fall.locator(".fall").get_by_role("button", name="Fold").first.click()
    expect(rows.nth(0)).to_be_hidden()
    expect(rows.nth(3)).to_be_visible()
    fall.locator(".fall").get_by_role("button", name="Fold").first.click()
    rows.nth(1).hover()
    expect(fall.locator(".fall tr.kin")).to_have_count(2)
    expect(rows.nth(1).locator("title")).to_contain_text("within its caller, by correlation")


def test_what_is_too_much_is_said(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, traffic, "")
    expect(page.locator("#shown")).to_have_text(re.compile(r"First 200 of [\d,]+: narrow the query"))
    expect(page.locator(".fall tr.row")).to_have_count(200)


def test_nothing_found_says_why(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("req.method:PATCH", traffic.first, traffic.last) + "&view=waterfall")
    expect(signed_in.locator("#list")).to_contain_text("Nothing matches")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_the_waterfall_fits_its_window(
    signed_in: Page, traffic: Seeded, screenshots: Path, width: int, height: int
) -> None:
    signed_in.set_viewport_size({"width": width, "height": height})
    for group in ("correlation", "client"):
        page = opened(signed_in, traffic, group=group)
        for theme in ("light", "dark"):
            put_theme(page, theme)
            page.screenshot(path=screenshots / f"waterfall-{group}-{width}-{theme}.png")
        assert violations(page) == []
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width, height]


def test_the_time_axis_has_most_of_the_room(fall: Page) -> None:
    heads = fall.locator(".fall thead th")
    widths = [heads.nth(n).bounding_box()["width"] for n in range(heads.count())]
    assert max(widths) == widths[-1], widths
    assert max(widths[1:3]) < 70, widths
    link = fall.locator(".fall .row a.open").first
    colour = link.evaluate("a => getComputedStyle(a).color === getComputedStyle(a.parentElement).color")
    assert colour, "the first column reads as text, not as a link"
