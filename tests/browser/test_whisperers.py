"""The pages of whisperers as a person uses them, in Chromium, on the real site."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page, expect

from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from tests.apps.conftest import client_of
from tests.apps.whisperers.seeding import World, agent, world
from tests.browser.test_search import put_theme, violations
from tests.browser.whisperers import expected, opened

pytestmark = pytest.mark.browser

TABS = ("", "capture/", "parsing/", "instances/", "share/", "install/", "changes/", "edit/")


@pytest.fixture
def shop(people: dict[str, User]) -> World:
    """Whisperers in every state."""
    return world(people["alice"], people["charlie"])


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_fit_their_window(
    signed_in: Page, shop: World, screenshots: Path, theme: str, width: int, height: int
) -> None:
    page = signed_in
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/whisperers/")
    put_theme(page, theme)
    for name, tab in [("list", None), ("new", None), *((tab.strip("/") or "status", tab) for tab in TABS)]:
        if tab is None:
            page.goto("/whisperers/" if name == "list" else "/whisperers/new/")
        else:
            opened(page, shop, tab=tab)
        put_theme(page, theme)
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, name
        page.screenshot(path=screenshots / f"whisperers-{name}-{width}-{theme}.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_pages(signed_in: Page, shop: World, theme: str) -> None:
    page = signed_in
    for url in ("/whisperers/", "/whisperers/new/"):
        page.goto(url)
        put_theme(page, theme)
        assert violations(page) == [], url
    for tab in TABS:
        opened(page, shop, tab=tab)
        put_theme(page, theme)
        assert violations(page) == [], tab
    for name in ("shop-staging", "orders-canary", "warehouse-pi", "checkout-edge", "sandbox", "nightly-load"):
        opened(page, shop, name)
        put_theme(page, theme)
        assert violations(page) == [], name


# ---- states and the button -------------------------------------------------------------------------------------------


def test_every_state_has_an_icon_a_word_and_a_reason(signed_in: Page, shop: World) -> None:
    page = signed_in
    wanted = {
        "warehouse-pi": ("Not visible", "It was last heard of 3 days ago.", "i-unseen"),
        "orders-canary": ("Connecting", "Start was asked", "i-connect"),
        "nightly-load": ("Stopped", "", "i-stop"),
        "shop-prod-2": ("Capturing", "", "i-cap"),
        "checkout-edge": ("Paused", "71 % of a processor", "i-pause"),
        "shop-staging": ("Wrong configuration", "interface ens5 does not exist", "i-wrong"),
    }
    page.goto("/whisperers/")
    for name, (label, reason, icon) in wanted.items():
        row = page.locator(f"#row-{shop[name].pk}")
        expect(row.locator(".state")).to_contain_text(label)
        expect(row.locator(".state")).to_contain_text(reason)
        expect(row.locator(".state use")).to_have_attribute("href", f"#{icon}")
    for name, (label, reason, icon) in wanted.items():
        opened(page, shop, name)
        expect(page.locator("#head .sub")).to_contain_text(label)
        expect(page.locator("#head .sub")).to_contain_text(reason)
        expect(page.locator("#head .big use")).to_have_attribute("href", f"#{icon}")


def test_start_says_what_is_wanted_what_is_reported_and_what_is_between(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, "nightly-load")
    head = page.locator("#head")
    expect(head.locator(".want")).to_contain_text("stop")
    page.get_by_role("button", name="START CAPTURE").click()
    expect(head.get_by_role("button", name="STARTING…")).to_be_disabled()
    expect(head.locator(".want")).to_contain_text("capture, 0 s ago by alice")
    expect(head).to_contain_text("0 of 1 answered, they ask every 5 s")
    expect(head.locator(".state")).to_contain_text("Connecting")
    expect(page.locator("#state-said")).to_contain_text("Connecting")
    answer(shop["nightly-load"], "capturing")
    expect(head.get_by_role("button", name="STOP CAPTURE")).to_be_enabled()
    expect(head.locator(".state")).to_contain_text("Capturing")
    page.get_by_role("button", name="STOP CAPTURE").click()
    expect(head.get_by_role("button", name="STOPPING…")).to_be_disabled()
    page.get_by_role("button", name="Cancel").click()
    expect(head.get_by_role("button", name="STOP CAPTURE")).to_be_enabled()
    assert [change.action for change in shop["nightly-load"].changes.all()[:3]] == ["started", "stopped", "started"]


def answer(whisperer: Whisperer, state: str) -> None:
    """What its agents do at their next poll."""
    whisperer.refresh_from_db()
    revision = resolve(whisperer, "capture").revision
    whisperer.instances.update(state=state, applied=revision, last_seen=timezone.now())


def test_the_list_starts_stops_finds_and_refreshes(signed_in: Page, shop: World) -> None:
    page = signed_in
    page.goto("/whisperers/")
    row = page.locator(f"#row-{shop['nightly-load'].pk}")
    row.get_by_role("button", name="Start capture of nightly-load").click()
    expect(row).to_contain_text("Connecting")
    answer(shop["nightly-load"], "capturing")
    expect(row).to_contain_text("Capturing")  # by itself, within seconds
    page.get_by_label("Find by name, host or team").fill("node-b2")
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    expect(page.locator("#rows tbody tr")).to_contain_text("shop-prod-2")
    assert "find=node-b2" in page.url
    page.reload()
    expect(page.locator("#rows tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Need care").click()
    expect(page.locator("#rows")).to_contain_text("shop-staging")
    expect(page.locator("#rows")).not_to_contain_text("nightly-load")


def test_a_new_whisperer_has_its_mode_for_ever(signed_in: Page, shop: World) -> None:
    page = signed_in
    page.goto("/whisperers/")
    page.get_by_role("link", name="New whisperer").click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".wrong-note")).to_contain_text("The name is empty")
    page.get_by_label("Name", exact=True).fill("shop-edge")
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".wrong-note")).to_contain_text("shop-edge is taken")
    page.get_by_label("Name", exact=True).fill("mirror")
    page.get_by_label("Upload").check()
    page.get_by_label("Team").select_option(label="Shop")
    page.get_by_label("Interface").check()
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".said")).to_contain_text("mirror was created.")
    expect(page.get_by_role("link", name="Install", exact=True)).to_have_attribute("aria-current", "page")
    assert Whisperer.objects.get(name="mirror").mode == "INTERFACE"
    page.get_by_title("More").click()
    page.get_by_role("link", name="Name, team, delete").click()
    page.get_by_label("Name", exact=True).fill("mirror-2")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#head h1")).to_have_text("mirror-2")
    page.locator("#delete-name").fill("mirror-2")
    page.get_by_role("button", name="Delete mirror-2").click()
    expect(page.locator(".said")).to_contain_text("mirror-2 was deleted.")
    expected(page, "400", "404")


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_status_shows_every_figure_with_a_chart_and_refreshes(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop)
    figures = page.locator("#figures")
    for title in (
        "Speed of capture", "CPU, average", "Memory now", "Capture started", "Uploaded", "API calls", "API answers in",
        "API errors", "Packets captured", "Filtered", "Dropped by kernel", "Dropped by queue", "Dropped by limit",
        "Dropped by breaker", "Sessions", "Chunks waiting",
    ):  # fmt: skip
        expect(figures.locator(".fig dt", has_text=title).first).to_be_visible()
    expect(figures.locator(".chart canvas")).to_have_count(15)
    expect(figures).to_contain_text("p90")
    queue = figures.locator(".fig", has_text="Dropped by queue")
    expect(queue).to_contain_text("2,316")
    expect(figures.get_by_role("link", name="Queue size")).to_be_visible()
    expect(figures.locator(".big-sums")).to_contain_text("3,000,003")
    instance = shop["shop-prod-2"].instances.get(name="node-b1")
    instance.figures["chunks_waiting"] = 77
    instance.last_seen = timezone.now()
    instance.save()
    expect(figures.locator(".fig", has_text="Chunks waiting")).to_contain_text("77", timeout=20_000)
    expect(figures.locator(".chart canvas")).to_have_count(15)
    page.locator("#span-15m").click()
    expect(page.locator("#span-15m")).to_have_attribute("aria-current", "true")
    assert "span=15m" in page.url


# ---- agents, rights, enrolment ---------------------------------------------------------------------------------------


def test_an_agent_is_revoked_after_a_question(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="instances/")
    table = page.locator("#agents table").first
    expect(table).to_contain_text("node-b2")
    expect(table).to_contain_text("eth0, cilium0, lo")
    expect(table).to_contain_text("in force")
    expect(table).to_contain_text("1.4.0")
    page.get_by_role("button", name="Revoke node-b2").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("it stops at its next poll")
    page.keyboard.press("Escape")
    assert shop["shop-prod-2"].instances.filter(revoked=None).count() == 3
    page.get_by_role("button", name="Revoke node-b2").click()
    question.get_by_role("button", name="Revoke").click()
    expect(table).not_to_contain_text("node-b2")
    expect(page.locator("#agents")).to_contain_text("1 revoked")
    assert shop["shop-prod-2"].instances.filter(revoked=None).count() == 2


def test_rights_are_given_and_taken(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="share/")
    page.get_by_label("purge, team Shop").check()
    expect(page.get_by_label("purge, team Shop")).to_be_checked()
    expect(page.locator("#grants [role=status]")).to_have_text("Saved.")
    assert "purge" in shop["shop-prod-2"].grants.get(team=shop.team).rights
    page.get_by_label("Person or team").fill("charly")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("There is no user 'charly'")
    page.get_by_label("Person or team").fill("charlie")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.get_by_label("search, charlie")).to_be_checked()
    expect(page.get_by_label("packets, charlie")).not_to_be_checked()
    page.get_by_role("button", name="Remove all rights of charlie").click()
    page.get_by_role("dialog").get_by_role("button", name="Take away").click()
    expect(page.locator("#grants table")).not_to_contain_text("charlie")
    expected(page, "400")


def test_one_command_enrols_a_host(signed_in: Page, context: BrowserContext, shop: World) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened(signed_in, shop, "orders-canary", "install/")
    page.get_by_label("Hosts may join for").select_option(label="1 hour")
    page.get_by_role("button", name="Make the command").click()
    command = page.locator("#command")
    expect(command).to_contain_text("/agent/spider-agent.pyz && python3 spider-agent.pyz enrol --server http")
    expect(page.locator("#enrol")).to_contain_text("shown this once")
    expect(page.locator("#enrol .does")).to_contain_text("trades the enrolment for two keys")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator(".toast")).to_contain_text("clipboard")
    assert page.evaluate("navigator.clipboard.readText()") == command.inner_text()
    agent(shop["orders-canary"], "canary-2", "stopped")
    expect(page.locator("#arrivals")).to_contain_text("canary-2")
    page.reload()
    expect(page.locator("#command")).to_have_count(0)
    page.get_by_role("button", name="Revoke the enrolment").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("#enrol")).to_contain_text("none can be used any more")


def test_who_may_only_see_reads_and_changes_nothing(
    signed_in: Page, shop: World, people: dict[str, User], live_server: Any, context: BrowserContext
) -> None:
    edge = shop["shop-edge"]
    edge.grants.all().delete()
    grant_set(whisperer=edge, user=people["charlie"], rights=["see"])
    session = client_of(people["charlie"]).cookies["spider_session"].value
    context.add_cookies([{"name": "spider_session", "value": session, "url": live_server.url}])
    page = opened(signed_in, shop, "shop-edge", "capture/")
    expect(page.locator("#head")).to_contain_text("you may not start or stop it")
    expect(page.locator("#config-form")).to_contain_text("ask for the right configure")
    expect(page.get_by_label("Filter (BPF)", exact=True)).to_be_disabled()
    expect(page.get_by_role("link", name="Share")).to_have_count(0)
    expect(page.get_by_role("link", name="Install", exact=True)).to_have_count(0)
    assert violations(page) == []
    page.goto(f"/whisperers/{edge.pk}/share/")
    expect(page.locator("main")).to_contain_text("ask for the right 'share' on shop-edge")
    page.goto(f"/whisperers/{shop['shop-staging'].pk}/")
    expect(page.locator("main")).not_to_contain_text("shop-staging")
    expected(page, "403", "404")


def test_a_server_that_is_away_is_said(signed_in: Page, context: BrowserContext, shop: World) -> None:
    page = opened(signed_in, shop)
    context.set_offline(True)
    expect(page.locator("#away")).to_be_visible()
    context.set_offline(False)
    expect(page.locator("#away")).to_be_hidden()
    expected(page, "ERR_INTERNET_DISCONNECTED", "htmx:sendError", "htmx:afterRequest")


def test_it_can_be_read_on_a_phone(signed_in: Page, shop: World, screenshots: Path) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/whisperers/")
    page.screenshot(path=screenshots / "whisperers-list-phone.png")
    for tab in TABS:
        opened(page, shop, tab=tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab
        page.screenshot(path=screenshots / f"whisperers-{tab.strip('/') or 'status'}-phone.png")
