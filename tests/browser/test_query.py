"""The query bar as a person uses it: completion, colours, corrections, history, saved queries, help."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from apps.core.links import range_url
from apps.whisperers.services import team_create
from documents.fields import fields
from tests.apps.conftest import client_of
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations
from tests.waiting import until

pytestmark = pytest.mark.browser
# What is counted takes its time on a busy machine; nothing here is about how long.
expect.set_options(timeout=20_000)


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The search page over all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last))
    expect(signed_in.locator("#found")).to_contain_text("communications")
    return signed_in


def write(page: Page, text: str) -> None:
    page.locator("#q").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def ask(page: Page, query: str) -> None:
    page.locator("#q").fill(query)
    page.locator("#q").press("Enter")
    expect(page.locator("#found")).to_have_attribute("data-q", query)


def option(page: Page, text: str) -> Any:
    return page.locator('#complete [role="option"]', has_text=text)


def caret(page: Page) -> int:
    return int(page.evaluate("document.getElementById('q').selectionStart"))


def eventually(page: Page, condition: str) -> None:
    """The page's policy forbids what `wait_for_function` does."""
    until(condition, lambda: page.evaluate(condition), 10)


def test_a_field_and_a_value_are_taken_with_tab(shop: Page) -> None:
    write(shop, "meth")
    popup = shop.locator("#complete")
    expect(option(shop, "req.method").first).to_have_attribute("aria-selected", "true")
    expect(shop.locator("#complete-about")).to_contain_text("Request method, as sent.")
    expect(shop.locator("#q")).to_have_attribute("aria-expanded", "true")
    shop.keyboard.press("Tab")
    expect(shop.locator("#q")).to_have_value("req.method:")
    expect(popup).to_contain_text("Values of req.method in this result")
    expect(option(shop, "POST").locator("svg.share")).to_be_visible()
    shop.keyboard.type("po")
    expect(option(shop, "GET")).to_have_count(0)
    expect(option(shop, "POST")).to_have_attribute("aria-selected", "true")
    shop.keyboard.press("Tab")
    expect(shop.locator("#q")).to_have_value("req.method:POST ")
    expect(option(shop, "AND").first).to_be_visible()
    shop.keyboard.press("Enter")
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:POST")
    expect(popup).to_be_hidden()


def test_enter_searches_unless_an_arrow_chose(shop: Page) -> None:
    write(shop, "req.method:")
    expect(option(shop, "GET")).to_be_visible()
    shop.keyboard.press("ArrowDown")
    wanted = shop.locator('#complete [aria-selected="true"] .grow').inner_text()
    expect(shop.locator("#complete .takes")).to_be_visible()
    shop.keyboard.press("Enter")
    expect(shop.locator("#q")).to_have_value(f"req.method:{wanted} ")
    shop.keyboard.press("Escape")
    expect(shop.locator("#complete")).to_be_hidden()
    shop.keyboard.press("Enter")
    expect(shop.locator("#found")).to_have_attribute("data-q", f"req.method:{wanted}")


def test_the_mouse_takes_too_and_the_caret_goes_on(shop: Page) -> None:
    write(shop, "stats.statusC")
    option(shop, "stats.statusClass").click()
    expect(shop.locator("#q")).to_have_value("stats.statusClass:")
    option(shop, "5xx").click()
    expect(shop.locator("#q")).to_have_value("stats.statusClass:5xx ")
    expect(shop.locator("#q")).to_be_focused()


def test_it_completes_in_the_middle(shop: Page) -> None:
    write(shop, "req.method:PUT AND stats.statusClass:5xx")
    for _ in range(len("UT AND stats.statusClass:5xx")):
        shop.keyboard.press("ArrowLeft")
    expect(option(shop, "POST")).to_have_attribute("aria-selected", "true")
    expect(option(shop, "GET")).to_have_count(0)
    shop.keyboard.press("Tab")
    expect(shop.locator("#q")).to_have_value("req.method:POST AND stats.statusClass:5xx")
    assert caret(shop) == len("req.method:POST")


def test_only_the_other_conditions_count(shop: Page) -> None:
    write(shop, "req.method:")
    everything = option(shop, "POST").locator(".num").inner_text()
    write(shop, "stats.statusClass:5xx AND req.method:")
    expect(option(shop, "POST").locator(".num")).not_to_have_text(everything)


def test_missing_is_a_value(shop: Page) -> None:
    write(shop, "stats.statusCode:miss")
    option(shop, "missing").click()
    expect(shop.locator("#q")).to_have_value("NOT _exists_:stats.statusCode ")


def test_keys_of_headers_are_found(shop: Page) -> None:
    write(shop, "req.headers.user")
    expect(option(shop, "req.headers.user-agent").first).to_contain_text("of the newest")
    shop.keyboard.press("Tab")
    expect(shop.locator("#q")).to_have_value("req.headers.user-agent:")
    expect(shop.locator("#complete")).to_contain_text("Values of req.headers.user-agent")


def test_a_range_is_offered_with_the_caret_inside(shop: Page) -> None:
    write(shop, "stats.duration:")
    expect(shop.locator("#complete")).to_contain_text("the slowest 5 %")
    option(shop, "[… TO …]").click()
    expect(shop.locator("#q")).to_have_value("stats.duration:[ TO *]")
    assert caret(shop) == len("stats.duration:[")


def test_typing_and_enter_wait_for_nothing(shop: Page) -> None:
    held: list[Route] = []
    shop.route("**/api/v1/httpcomms/complete/**", lambda route: held.append(route))  # noqa: PLW0108 - it has a signature
    write(shop, "req.method:POST")
    shop.keyboard.press("Enter")
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:POST")
    for route in held:
        route.abort()
    expect(shop.locator("#complete")).to_be_hidden()


def test_an_answer_that_comes_late_is_not_shown(shop: Page) -> None:
    write(shop, "req.method:POST")
    expect(option(shop, "POST")).to_have_count(0)  # what stands there already is no offer
    expect(shop.locator("#complete")).to_be_hidden()


def test_positions_behind_an_emoji_are_right(shop: Page) -> None:
    write(shop, '"😀😀" AND meth')
    shop.wait_for_selector('#complete [aria-selected="true"]')
    shop.keyboard.press("Tab")
    expect(shop.locator("#q")).to_have_value('"😀😀" AND req.method:')
    write(shop, '"😀😀" AND req.metod:1')
    expect(shop.locator("#verdict")).to_contain_text("no field req.metod at 10")
    expect(shop.locator("#paint .x-bad").first).to_have_text("req.metod")


def test_an_error_says_where_and_mends_itself(shop: Page) -> None:
    write(shop, "req.method:POST AND statuscode:500")
    chip = shop.locator("#verdict button").first
    expect(chip).to_have_text("no field statuscode at 21")
    chip.click()
    assert caret(shop) == 20
    shop.locator("#verdict").get_by_role("button", name="stats.statusCode?").click()
    expect(shop.locator("#q")).to_have_value("req.method:POST AND stats.statusCode:500")
    expect(shop.locator("#verdict")).to_have_text("valid")
    write(shop, "req.method:POST AND stats.src.identification:")
    expect(shop.locator("#verdict")).to_have_text("value missing at 46")
    write(shop, "req.method:POST and payments")
    expect(shop.locator("#verdict")).to_contain_text("“and” is a word here at 17")


def test_the_colours_stay_in_step_with_what_is_typed(shop: Page) -> None:
    long = " AND ".join(f'req.path:"/api/{n}/ünïcode/日本"' for n in range(60))
    shop.fill("#q", long)
    for key in ("Home", "End", "PageUp", "Home"):
        shop.locator("#q").press(key)
        eventually(shop, "document.getElementById('q').scrollLeft === document.getElementById('paint').scrollLeft")
    shop.locator("#q").press("End")
    eventually(shop, "document.getElementById('paint').scrollLeft > 500")
    assert shop.locator("#paint").inner_text().strip() == long
    shop.fill("#q", 'a:"<img src=x onerror=alert(1)>\\" AND ((((')
    expect(shop.locator("#paint img")).to_have_count(0)


def test_queries_are_recalled_and_forgotten(shop: Page) -> None:
    ask(shop, "req.method:POST")
    ask(shop, "req.method:PUT")
    write(shop, "")
    shop.keyboard.press("ArrowUp")
    expect(shop.locator("#q")).to_have_value("req.method:PUT")
    shop.keyboard.press("ArrowUp")
    expect(shop.locator("#q")).to_have_value("req.method:POST")
    shop.keyboard.press("ArrowDown")
    expect(shop.locator("#q")).to_have_value("req.method:PUT")
    shop.get_by_role("button", name="Queries asked before").click()
    history = shop.locator("#history")
    expect(history).to_contain_text("Kept in this browser only")
    expect(history.locator(".ask-again")).to_have_text(["req.method:PUT", "req.method:POST"])
    shop.keyboard.press("Delete")
    expect(history.locator(".ask-again")).to_have_text(["req.method:POST"])
    shop.keyboard.press("Enter")
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:POST")
    shop.get_by_role("button", name="Queries asked before").click()
    history.get_by_role("button", name="Forget all").click()
    expect(history).to_contain_text("Nothing was asked yet")
    shop.keyboard.press("Escape")
    expect(history).to_be_hidden()


def save_as(page: Page, name: str, *teams: str) -> None:
    page.locator("#save-star").click()
    dialog = page.locator("#save-dialog")
    dialog.get_by_label("Name", exact=True).fill(name)
    dialog.get_by_label("Note").fill("Orders that fail")
    for team in teams:
        dialog.get_by_label(team).check()
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_be_hidden()
    # The page is asked again, so that all its links know the saved query.
    expect(page.locator("#found")).to_have_attribute("data-state", re.compile("saved="))


def test_a_query_is_saved_opened_updated_and_deleted(shop: Page, people: dict[str, User]) -> None:
    ask(shop, "req.method:POST")
    save_as(shop, "EU shop")
    expect(shop.locator("#saved-name")).to_have_text("EU shop")
    expect(shop.locator("#save-star")).to_have_attribute("aria-pressed", "true")
    assert "saved" in parse_qs(urlsplit(shop.url).query)
    ask(shop, "req.method:PUT")
    expect(shop.locator("#saved-button")).to_have_class(re.compile("changed"))
    shop.locator("#saved-button").focus()
    shop.keyboard.press("Escape")
    shop.keyboard.press("s")
    menu = shop.locator("#saved-menu")
    menu.get_by_role("button", name="Update EU shop").click()
    expect(shop.locator("#saved-button")).not_to_have_class(re.compile("changed"))
    ask(shop, "req.method:GET")
    shop.keyboard.press("Escape")
    shop.locator("#saved-button").click()
    menu.get_by_role("link", name="EU shop").click()
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:PUT")
    expect(shop.locator("#q")).to_have_value("req.method:PUT")
    shop.reload()
    expect(shop.locator("#saved-name")).to_have_text("EU shop")
    shop.locator("#saved-button").click()
    menu.get_by_role("button", name="Delete EU shop").click()
    shop.locator("#delete-dialog").get_by_role("button", name="Delete").click()
    expect(shop.locator("#saved-name")).to_have_text("Saved")
    assert not people["alice"].saved_queries.exists()  # type: ignore[attr-defined]


def test_a_name_that_is_taken_is_said_in_the_dialog(shop: Page) -> None:
    save_as(shop, "EU shop")
    ask(shop, "req.method:POST")
    shop.locator("#save-star").click()
    dialog = shop.locator("#save-dialog")
    dialog.get_by_label("Name", exact=True).fill("EU shop")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("already")
    dialog.get_by_label("Name", exact=True).fill("EU shop 2")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(shop.locator("#saved-name")).to_have_text("EU shop 2")


def test_the_page_of_saved_queries(shop: Page, people: dict[str, User]) -> None:
    team = team_create(name="Payments team", members=people.values())
    shop.goto("/queries/")
    expect(shop.locator(".empty")).to_contain_text("No saved query yet")
    body = {"name": "Shared by Charlie", "query": "stats.statusClass:5xx", "teams": [team.pk]}
    assert client_of(people["charlie"]).post("/api/v1/queries/", body, "application/json").status_code == 201
    shop.goto("/")
    ask(shop, "req.method:POST")
    save_as(shop, "EU shop", "Payments team")
    shop.locator("#saved-button").click()
    expect(shop.locator("#saved-menu")).to_contain_text("Shared by Charlie")
    shop.locator("#saved-menu").get_by_role("link", name="Manage").click()
    row = shop.locator("tr", has_text="EU shop")
    expect(row).to_contain_text("Payments team")
    row.get_by_role("button", name="Rename or share").click()
    shop.locator("#save-dialog").get_by_label("Name", exact=True).fill("EU shop, writes")
    shop.locator("#save-dialog").get_by_role("button", name="Save", exact=True).click()
    expect(shop.locator("tr", has_text="EU shop, writes")).to_be_visible()
    shop.locator("#find").fill("charlie")
    expect(shop.locator(".saved-table tbody tr:visible")).to_have_count(1)
    shop.get_by_role("button", name="Copy Shared by Charlie").click()
    shop.locator("#save-dialog").get_by_role("button", name="Save", exact=True).click()
    expect(shop.locator("section", has_text="Mine").locator("tr", has_text="Shared by Charlie")).to_be_visible()
    shop.get_by_role("link", name="EU shop, writes").click()
    expect(shop.locator("#found")).to_have_attribute("data-q", "req.method:POST")


def test_every_example_of_the_help_page_can_be_asked(shop: Page) -> None:
    shop.goto("/help/query/")
    links = shop.eval_on_selector_all(".reading a[href*='?q=']", "all => all.map(a => a.getAttribute('href'))")
    assert len(links) > len(fields("httpcomms"))
    for link in links:
        query = parse_qs(urlsplit(link).query)["q"][0]
        answer = shop.request.get("/api/v1/httpcomms/query/", params={"q": query})
        assert answer.status == 200, query
        assert answer.json() == {"valid": True}, query
    shop.locator("#find").fill("proxies")
    expect(shop.locator(".fields tbody tr:visible")).to_have_count(1)
    shop.locator("#find").fill("")
    shop.get_by_role("link", name="req.method:POST", exact=True).click()
    expect(shop.locator("#q")).to_have_value("req.method:POST")


THEMES = pytest.mark.parametrize("theme", ["light", "dark"])
SIZES = ((1920, 1080), (390, 844), (1280, 800))


@THEMES
def test_everyone_can_use_the_completion(shop: Page, screenshots: Path, theme: str) -> None:
    put_theme(shop, theme)
    for width, height in SIZES:
        shop.set_viewport_size({"width": width, "height": height})
        write(shop, "req.method:POST AND stats.src.na")
        expect(shop.locator("#complete")).to_contain_text("Values of stats.src.name in this result")
        shop.screenshot(path=screenshots / f"query-fields-{width}-{theme}.png")
    assert violations(shop) == []
    write(shop, "stats.duration:")
    expect(shop.locator("#complete")).to_contain_text("the slowest 5 %")
    shop.screenshot(path=screenshots / f"query-numbers-{theme}.png")
    write(shop, "req.method:POST AND statuscode:5")
    expect(shop.locator("#verdict button")).to_have_count(2)
    shop.locator("#q").press("ControlOrMeta+a")
    shop.screenshot(path=screenshots / f"query-error-{theme}.png")
    assert violations(shop) == []


@THEMES
def test_everyone_can_use_saved_queries(shop: Page, people: dict[str, User], screenshots: Path, theme: str) -> None:
    team = team_create(name="Payments team", members=people.values())
    body = {"name": "Card refused", "query": "stats.statusClass:5xx AND req.host:payments", "teams": [team.pk]}
    assert client_of(people["charlie"]).post("/api/v1/queries/", body, "application/json").status_code == 201
    put_theme(shop, theme)
    shop.set_viewport_size({"width": 1280, "height": 800})
    ask(shop, "req.method:PUT")
    save_as(shop, "EU shop", "Payments team")
    expect(shop.locator("#saved-name")).to_have_text("EU shop")
    ask(shop, "req.method:POST")
    shop.locator("#saved-button").click()
    expect(shop.locator("#saved-menu")).to_contain_text("Card refused")
    shop.screenshot(path=screenshots / f"query-saved-{theme}.png")
    assert violations(shop) == []
    shop.locator("#saved-as").click()
    expect(shop.locator("#save-dialog")).to_be_visible()
    shop.screenshot(path=screenshots / f"query-save-{theme}.png")
    assert violations(shop) == []
    shop.keyboard.press("Escape")
    expect(shop.locator("#save-dialog")).to_be_hidden()
    shop.locator("#history-button").click()
    shop.screenshot(path=screenshots / f"query-history-{theme}.png")
    assert violations(shop) == []
    shop.goto("/queries/")
    seen(shop, screenshots, "list", theme)


@THEMES
def test_everyone_can_use_the_help_page(signed_in: Page, screenshots: Path, theme: str) -> None:
    signed_in.goto("/help/query/")
    seen(signed_in, screenshots, "help", theme)
    signed_in.goto("/queries/")
    put_theme(signed_in, theme)
    signed_in.screenshot(path=screenshots / f"query-none-{theme}.png")
    assert violations(signed_in) == []


def seen(page: Page, screenshots: Path, name: str, theme: str) -> None:
    """A page in every width: nothing of it lies outside."""
    put_theme(page, theme)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=screenshots / f"query-{name}-{width}-{theme}.png")
        assert page.evaluate("document.documentElement.scrollWidth") == width
    assert violations(page) == []
