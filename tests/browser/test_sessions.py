"""TCP sessions and packets: their own pages, with a query, a range and a grid of their own."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.core.words import rfc3339
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import ask, put_theme, violations

pytestmark = pytest.mark.browser


def opened(page: Page, path: str, traffic: Seeded) -> Page:
    page.goto(f"{path}?from={rfc3339(traffic.first)}&to={rfc3339(traffic.last + 1_000_000_000)}")
    page.wait_for_selector(".query.painted")
    return page


def test_sessions_are_searched_sorted_and_opened(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, "/tcp/", traffic)
    expect(page.locator("#found")).to_contain_text("TCP sessions")
    total = int(page.locator("#found b").inner_text().replace(",", ""))
    ask(page, "server.name:orders")
    assert 0 < int(page.locator("#found b").inner_text().replace(",", "")) < total
    expect(page.locator("#rows tr.row").first).to_contain_text("orders")
    page.get_by_role("link", name="Client", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_contain_text("Client")
    page.locator("#rows tr.row").first.click()
    expect(page.locator("#detail")).to_contain_text("What each side sent")
    page.get_by_role("tab", name="Packets").click()
    expect(page.locator(".ladder tbody tr").first).to_contain_text("SYN")
    page.reload()
    expect(page.locator("#detail .head")).to_contain_text("orders")
    page.locator(".acts").get_by_role("link", name="Its communications").click()
    expect(page.locator("#q")).to_have_value(re.compile("tcpSession"))
    expect(page.locator("#found")).to_contain_text("communication")


def test_what_is_of_communications_is_not_offered(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, "/tcp/", traffic)
    page.keyboard.press("j")
    for key in (" ", "e", "c", "s"):
        page.keyboard.press(key)
    expect(page.locator("#selection")).to_be_hidden()
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.locator("#saved-button")).to_be_hidden()
    with page.context.expect_page() as other:
        page.locator("#rows tr.row").first.click(modifiers=["Control"])
    expect(other.value.locator(".detail .head")).to_be_visible()


def test_a_facet_of_sessions_asks_for_sessions(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, "/tcp/", traffic)
    page.locator('.facet[data-field="server.name"]').get_by_role("link", name="payments", exact=True).click()
    expect(page.locator("#q")).to_have_value("server.name:payments")
    assert "/tcp/" in page.url


def test_a_wrong_query_of_sessions_is_said_in_its_own_words(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, "/tcp/", traffic)
    page.fill("#q", "req.method:POST")
    expect(page.locator("#verdict")).to_contain_text("req.method")
    page.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 400 that the check was answered with


def test_packets_are_listed_and_lead_to_their_session(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, "/packets/", traffic)
    expect(page.locator("#found")).to_contain_text("packets")
    expect(page.locator("#shown")).to_contain_text("The newest 500 of")
    ask(page, "server.name:orders AND state:closed")
    first = page.locator("#rows tr.row").first
    expect(first).to_contain_text("orders")
    first.click()
    expect(page.locator("#detail .head")).to_contain_text("orders")
    expect(page.locator("#detail .layers")).to_contain_text("TCP")
    page.keyboard.press("j")
    expect(page.locator("#rows tr.row").nth(1)).to_have_class(re.compile("cur"))
    page.locator(".pages").get_by_role("link", name="HTTP").click()
    expect(page.locator("#found")).to_contain_text("communications")


def test_who_may_not_read_packets_is_told_so(page: Page, traffic: Seeded) -> None:
    from tests.browser.conftest import sign_in

    sign_in(page, "charlie")
    page.goto("/packets/")
    expect(page.locator("#list .empty")).to_contain_text("No whisperer was shared with you")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tcp", "packets"])
def test_they_fit_their_window(
    signed_in: Page, traffic: Seeded, screenshots: Path, name: str, theme: str, width: int, height: int
) -> None:
    signed_in.set_viewport_size({"width": width, "height": height})
    page = opened(signed_in, f"/{name}/", traffic)
    put_theme(page, theme)
    page.locator("#rows tr.row").nth(2).click()
    expect(page.locator("#detail .head")).to_be_visible()
    expect(page.locator("#timeline")).to_have_attribute("data-drawn", re.compile(r"\d+"))
    wide = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
    assert page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 200))") == []
    page.screenshot(path=screenshots / f"{name}-{width}-{theme}.png")
    assert violations(page) == []
