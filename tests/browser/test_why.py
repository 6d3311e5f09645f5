"""Why do I see nothing? In Chromium, on the real site."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_capture, whisperer_create
from tests.apps.httpcomms.seeding import Seeded
from tests.apps.whisperers.seeding import agent, talk
from tests.browser.conftest import WHISPERER, sign_in

pytestmark = pytest.mark.browser
NOTHING = "req.method:DELETE AND stats.statusCode:418 AND req.host:shop.example"


def test_an_empty_result_names_the_condition_and_a_click_drops_it(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url(NOTHING, traffic.first, traffic.last))
    expect(signed_in.locator("#list .empty h2")).to_contain_text("Nothing matches")
    reason = signed_in.locator("#why-reason")
    expect(reason).to_contain_text("Query: None of")
    expect(signed_in.locator(".chain .links .first")).to_contain_text("Query")
    reason.get_by_role("link", name="Without the query").click()
    expect(signed_in.locator("#rows tr.row").first).to_be_visible()
    expect(signed_in.locator("#q")).to_have_value("")


def test_the_page_of_its_own_leads_back(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url(NOTHING, traffic.first, traffic.last))
    signed_in.get_by_role("link", name="On a page of its own").click()
    expect(signed_in.get_by_role("heading", level=1)).to_have_text("Why do I see nothing?")
    expect(signed_in.locator(".chain .links li")).to_have_count(10)
    signed_in.get_by_role("link", name="To the search").click()
    expect(signed_in.locator("#q")).to_have_value(NOTHING)


def test_it_is_reached_where_there_are_results_too(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("req.method:POST", traffic.first, traffic.last))
    signed_in.get_by_role("link", name="The way of this result").click()
    expect(signed_in.get_by_role("heading", level=1)).to_have_text("Where does this come from?")
    expect(signed_in.locator("#why-query")).to_contain_text("found")


def test_who_may_see_nothing_is_told_so(page: Page) -> None:
    sign_in(page, "charlie")
    expect(page.locator("#why-reason")).to_contain_text("No whisperer was shared with you yet")
    assert "shop-prod-1" not in page.content()


def test_a_capture_that_was_stopped_leads_to_its_page(signed_in: Page, people: dict[str, User]) -> None:
    edge = _edge(people["alice"], stopped=True)
    signed_in.goto(f'/?q=whisperer:"{edge.pk}"')
    reason = signed_in.locator("#why-reason")
    expect(reason).to_contain_text("shop-edge was stopped by alice")
    reason.get_by_role("link", name="Start shop-edge on its page").click()
    expect(signed_in.get_by_role("heading", name="shop-edge")).to_be_visible()


def _edge(owner: User, *, stopped: bool = False) -> Whisperer:
    """A whisperer whose agent sees packets that never arrive, or that somebody stopped."""
    edge = whisperer_create(name="shop-edge", mode="INTERFACE", actor=owner)
    whisperer_capture(whisperer=edge, capturing=True, actor=owner)
    if stopped:
        whisperer_capture(whisperer=edge, capturing=False, actor=owner)
    talk(agent(edge, "edge-1", "stopped" if stopped else "capturing"))
    return edge


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 1920, 390])
def test_how_it_looks(
    signed_in: Page, people: dict[str, User], traffic: Seeded, screenshots: Path, theme: str, width: int
) -> None:
    edge = _edge(people["alice"])
    Whisperer.objects.filter(pk=WHISPERER).update(created=timezone.now() - timedelta(days=3))
    signed_in.set_viewport_size({"width": width, "height": 900})
    signed_in.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    signed_in.goto(f'/why/?q=whisperer:"{edge.pk}"')
    expect(signed_in.locator("#why-reason")).to_contain_text("Upload: No chunk was ever accepted.")
    signed_in.screenshot(path=screenshots / f"why-page-{width}-{theme}.png", full_page=True)
    signed_in.goto(range_url(NOTHING, traffic.first, traffic.last))
    expect(signed_in.locator("#why-reason")).to_be_visible()
    signed_in.screenshot(path=screenshots / f"why-empty-{width}-{theme}.png")
    signed_in.goto(range_url("", traffic.first, traffic.last).replace("/?", "/why/?"))
    expect(signed_in.locator("#why-query")).to_be_visible()
    signed_in.screenshot(path=screenshots / f"why-found-{width}-{theme}.png", full_page=True)
