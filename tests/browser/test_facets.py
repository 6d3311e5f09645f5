"""Facets, and values that are clicked into the query, in Chromium on the real site."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The search page over all of the shop's traffic, its facets there."""
    return opened(signed_in, traffic)


def opened(page: Page, traffic: Seeded, query: str = "") -> Page:
    page.goto(range_url(query, traffic.first, traffic.last))
    expect(page.locator(".facet").first).to_be_visible()
    return page


def facet(page: Page, field: str) -> Locator:
    return page.locator(f'.facet[data-field="{field}"]')


def value(page: Page, field: str, name: str) -> Locator:
    return facet(page, field).get_by_role("link", name=name, exact=True)


def total(page: Page) -> int:
    return int(page.locator("#found").get_attribute("data-total") or 0)


def counted(page: Page, field: str, name: str) -> int:
    line = facet(page, field).locator("li").filter(has=page.get_by_role("link", name=name, exact=True))
    return int(line.locator(".c").inner_text().replace(",", ""))


def asked(page: Page, query: str) -> None:
    """The page shows the answer to this query, and its address says so."""
    expect(page.locator("#found")).to_have_attribute("data-q", query)
    expect(page.locator("#q")).to_have_value(query)
    assert parse_qs(urlsplit(page.url).query).get("q", [""])[0] == query
    assert "change=" not in page.url


def test_a_click_asks_for_only_this_and_a_second_takes_it_out(shop: Page) -> None:
    every, posts = total(shop), counted(shop, "req.method", "POST")
    value(shop, "req.method", "POST").click()
    asked(shop, "req.method:POST")
    assert total(shop) == posts
    expect(facet(shop, "req.method").locator("li.on")).to_contain_text("POST")
    # What else could be chosen stays visible, with what it would find.
    assert counted(shop, "req.method", "GET") > 0
    value(shop, "req.method", "POST").click()
    asked(shop, "")
    assert total(shop) == every


def test_shift_adds_a_second_value_and_ctrl_excludes(shop: Page) -> None:
    posts, deletes = counted(shop, "req.method", "POST"), counted(shop, "req.method", "DELETE")
    value(shop, "req.method", "POST").click()
    asked(shop, "req.method:POST")
    value(shop, "req.method", "DELETE").click(modifiers=["Shift"])
    asked(shop, "req.method:(POST OR DELETE)")
    assert total(shop) == posts + deletes
    expect(facet(shop, "req.method").locator("li.on")).to_have_count(2)
    value(shop, "req.method", "POST").click(modifiers=["Control"])
    asked(shop, "req.method:DELETE AND NOT req.method:POST")
    expect(facet(shop, "req.method").locator("li.not")).to_contain_text("POST")


def test_durations_are_stretches_in_words_and_their_counts_are_true(shop: Page) -> None:
    found = counted(shop, "stats.duration", "10–100 ms")
    value(shop, "stats.duration", "10–100 ms").click()
    asked(shop, "stats.duration:[10 TO 100}")
    assert total(shop) == found
    expect(facet(shop, "stats.duration").locator("li.on")).to_contain_text("10–100 ms")


def test_documents_without_a_value_are_counted_and_found(shop: Page) -> None:
    found = counted(shop, "stats.src.identification", "anonymous")
    value(shop, "stats.src.identification", "anonymous").click()
    asked(shop, "NOT _exists_:stats.src.identification")
    assert total(shop) == found


def test_a_facet_is_walked_and_used_by_keys(shop: Page) -> None:
    shop.keyboard.press("f")
    expect(facet(shop, "stats.statusClass").locator("summary")).to_be_focused()
    shop.keyboard.press("ArrowDown")
    expect(value(shop, "stats.statusClass", "2xx")).to_be_focused()
    shop.keyboard.press("Enter")
    asked(shop, "stats.statusClass:2xx")
    expect(value(shop, "stats.statusClass", "2xx")).to_be_focused()
    shop.keyboard.press("Control+Enter")
    asked(shop, "NOT stats.statusClass:2xx")
    shop.keyboard.press("ArrowUp")
    shop.keyboard.press("Escape")


def test_all_values_of_a_facet_are_searched_on_the_server(shop: Page) -> None:
    facet(shop, "stats.src.origin").get_by_role("button", name="More").click()
    shown = shop.locator("#facet-values")
    expect(shown.locator("li").nth(7)).to_be_visible()
    first = shown.locator("li .v").nth(7).inner_text()
    shown.get_by_label("Find a value").fill(first[2:])
    expect(shown.locator("li")).to_have_count(1)
    shown.get_by_role("link", name=first).click()
    expect(shown).to_be_hidden()
    asked(shop, f"stats.src.origin:{first}" if first.isalnum() else shop.locator("#q").input_value())
    assert first in shop.locator("#q").input_value()


def test_folds_order_choice_and_width_are_kept(shop: Page, traffic: Seeded) -> None:
    def kept(action: str) -> None:
        """Until the server has it."""
        expect(shop.locator("body")).to_be_visible()
        answer = shop.evaluate("async () => (await fetch('/api/v1/preferences/facets/')).text()")
        assert action in answer

    with shop.expect_response(lambda answer: "preferences/facets" in answer.url):
        facet(shop, "req.method").locator("summary").click()
    kept('"folded":["req.method"]')
    opened(shop, traffic)
    expect(facet(shop, "req.method")).not_to_have_attribute("open", "")

    shop.get_by_role("button", name="Choose and order facets").click()
    chosen = shop.locator("#facets-chosen")
    chosen.locator('li[data-facet="req.host"] input').uncheck()
    chosen.locator('li[data-facet="req.path"] input').check()
    up = chosen.get_by_role("button", name="Method up")
    for _ in range(2):
        up.click()
    with shop.expect_response(lambda answer: "/facets/?" in answer.url):
        chosen.get_by_role("button", name="Done").click()
    expect(facet(shop, "req.path")).to_be_visible()
    expect(facet(shop, "req.host")).to_have_count(0)
    assert shop.locator(".facet").first.get_attribute("data-field") == "req.method"

    with shop.expect_response(lambda answer: "preferences/facets" in answer.url):
        grip = shop.locator("#facets-grip")
        grip.focus()
        for _ in range(4):
            shop.keyboard.press("ArrowRight")
    wide = shop.locator("#facets").bounding_box()
    with shop.expect_response(lambda answer: "preferences/facets" in answer.url):
        shop.keyboard.press("[")
    expect(shop.locator("#facets")).to_be_hidden()
    shop.goto(range_url("", traffic.first, traffic.last))
    expect(shop.locator("#found")).to_be_visible()
    expect(shop.locator("#facets")).to_be_hidden()
    shop.get_by_role("button", name="Facets", exact=True).click()
    expect(facet(shop, "req.path")).to_be_visible()
    expect(facet(shop, "req.host")).to_have_count(0)
    again = shop.locator("#facets").bounding_box()
    assert wide is not None
    assert again is not None
    assert wide["width"] == again["width"]


def test_a_value_in_the_grid_is_chosen_and_excluded_without_opening_its_row(shop: Page) -> None:
    cell = shop.locator("tr.row").first.locator('[data-field="stats.dst.name"]')
    name = cell.inner_text()
    cell.hover()
    shop.locator(".value-acts").get_by_role("button", name="Only this").click()
    asked(shop, f"stats.dst.name:{name}")
    expect(shop.locator("#detail")).to_be_hidden()
    on_text = {"x": 12, "y": 10}  # beside a short one the row itself is hit
    shop.locator("tr.row").first.locator('[data-field="stats.dst.name"]').click(modifiers=["Control"], position=on_text)
    asked(shop, f"NOT stats.dst.name:{name}")
    shop.locator("tr.row").first.locator('[data-field="req.method"]').click(modifiers=["Alt"], position=on_text)
    expect(shop.locator("#q")).to_have_value(re.compile(r"AND req\.method:"))
    expect(shop.locator("#detail")).to_be_hidden()
    shop.locator("tr.row").first.locator('[data-field="req.path"]').click()
    expect(shop.locator("#detail .head")).to_be_visible()


def test_the_menu_of_a_value_copies_it(shop: Page) -> None:
    shop.context.grant_permissions(["clipboard-read", "clipboard-write"])
    cell = shop.locator("tr.row").first.locator('[data-field="req.path"]')
    path = cell.inner_text()
    cell.click(button="right")
    shop.get_by_role("menuitem", name="Copy value").click()
    expect(shop.locator(".toast")).to_have_text("Value copied.")
    assert shop.evaluate("navigator.clipboard.readText()") == path
    cell.click(button="right")
    expect(shop.get_by_role("menu")).to_be_visible()
    shop.keyboard.press("Escape")
    expect(shop.get_by_role("menu")).to_be_hidden()
    cell.click(button="right")
    shop.get_by_role("menuitem", name="Not this").click()
    expect(shop.locator("#q")).to_have_value(re.compile("^NOT req.path:"))


def test_the_value_of_a_cell_is_used_by_keys(shop: Page) -> None:
    shop.keyboard.press("j")
    row = shop.locator("tr.row").first
    method = row.locator('td[data-field="req.method"]')
    while not method.evaluate("cell => cell === document.activeElement"):
        shop.keyboard.press("ArrowRight")
    name = method.inner_text()
    shop.keyboard.press("-")
    asked(shop, f"NOT req.method:{name}")


def test_a_field_is_shown_as_a_column_from_the_menu(shop: Page) -> None:
    shop.locator("tr.row").first.locator('[data-field="stats.dst.name"]').click(button="right")
    shop.get_by_role("menuitem", name="Show as column").click()
    expect(shop.locator('th[data-name="stats.dst.name"]')).to_be_visible()


def test_a_header_is_asked_for_from_the_detail(shop: Page) -> None:
    shop.locator("tr.row").first.click()
    shop.get_by_role("tab", name="Request").click()
    handle = shop.locator('#pane-request a.val[data-field^="req.headers."]').first
    field, text = handle.get_attribute("data-field"), handle.get_attribute("data-value")
    handle.click()
    asked(shop, f"{field}:{json.dumps(text)}" if not re.fullmatch(r"\w[\w.]*", text or "") else f"{field}:{text}")
    assert total(shop) > 0


def test_a_link_with_a_click_in_it_opens_the_query_it_means(signed_in: Page) -> None:
    signed_in.goto("/?q=req.method:GET&field=req.method&value=PUT&change=also")
    expect(signed_in.locator("#q")).to_have_value("req.method:(GET OR PUT)")
    assert "change" not in signed_in.url


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920, 390])
def test_how_it_looks(signed_in: Page, traffic: Seeded, screenshots: Path, theme: str, width: int) -> None:
    signed_in.set_viewport_size({"width": width, "height": 900})
    signed_in.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    query = "req.method:(GET OR POST) AND NOT stats.dst.name:catalog"
    signed_in.goto(range_url(query, traffic.first, traffic.last))
    expect(signed_in.locator("#found")).to_be_visible()
    if width == 390:
        signed_in.get_by_role("button", name="Facets", exact=True).click()
    expect(signed_in.locator(".facet").first).to_be_visible()
    if width == 1280:
        signed_in.locator("tr.row").nth(3).locator('[data-field="stats.dst.name"]').hover()
        expect(signed_in.locator(".value-acts")).to_be_visible()
    signed_in.screenshot(path=screenshots / f"facets-{width}-{theme}.png")
    if width == 390:
        return
    facet(signed_in, "stats.src.origin").get_by_role("button", name="More").click()
    expect(signed_in.locator("#facet-values li").first).to_be_visible()
    signed_in.screenshot(path=screenshots / f"facets-values-{width}-{theme}.png")
    signed_in.keyboard.press("Escape")
    signed_in.get_by_role("button", name="Choose and order facets").click()
    signed_in.screenshot(path=screenshots / f"facets-chosen-{width}-{theme}.png")
    signed_in.keyboard.press("Escape")
    signed_in.locator("tr.row").nth(3).locator('[data-field="req.path"]').click(button="right")
    signed_in.screenshot(path=screenshots / f"facets-menu-{width}-{theme}.png")
