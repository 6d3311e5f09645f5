"""Where the packets are, as a person sees it in Chromium: sums, the picture, the line by time, an alarm in the bar."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from playwright.sync_api import Page, expect

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.monitoring import alarms
from apps.whisperers.models import Whisperer
from documents.build import Document
from documents.bulk import lines
from tests.apps.monitoring.test_packets import SUMS
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser

MINUTES = 50
BROKEN = "shop-staging"


@pytest.fixture
def accounts(people: dict[str, User]) -> Iterator[dict[str, Whisperer]]:
    """Fifty minutes of three whisperers: one is well, one loses packets, the sums of one do not add up."""
    made = {"shop-prod-1": Whisperer.objects.get(pk=WHISPERER)}
    made |= {name: Whisperer.objects.create(name=name, mode="INTERFACE") for name in ("shop-prod-2", BROKEN)}
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    written = []
    for number, (name, whisperer) in enumerate(made.items()):
        capture = f"c-accounts-{number}"
        Capture.objects.create(pk=capture, whisperer=whisperer, policy="default", partitions=1, state="closed")
        for minute in range(1, MINUTES):
            at = now - timedelta(minutes=minute)
            counters = sums(name, minute)
            body = {
                "id": f"{capture}:{minute}", "version": 1, "kind": "capture", "whisperer": str(whisperer.pk),
                "capture": capture, "instance": f"host-{number}", "interface": "eth0",
                "date": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "counters": counters,
            }  # fmt: skip
            day = at.strftime("%Y%m%d")
            written.append(Document(body["id"], 1, "monitoring", day, "default", orjson.dumps(body)))
    document_store().write("monitoring", lines(written))
    row = Capture.objects.get(whisperer__name=BROKEN)
    alarms.write([alarms.of_capture(row, "uploaded", 48_900, 48_896, time.time_ns() - 15 * 60 * 10**9)], "open")
    cache.clear()
    yield made
    for part in document_store().days("monitoring"):
        document_store().drop_day("monitoring", part.day, part.policy)
    cache.clear()


def sums(name: str, minute: int) -> dict[str, int]:
    """The counters of a minute, about as real ones are."""
    scale = 900 + (minute * 37) % 300
    found = {counter: count * scale for counter, count in SUMS.items()}
    if name == "shop-prod-1":
        lost = [one for one in found if "dropped" in one or one in ("packets.abandoned", "packets.late")]
        for one in lost:
            whole = "packets.session" if one == "packets.late" else ""
            if whole:
                found[whole] += found[one]
            else:
                found["packets.captured"] -= found[one]
            found[one] = 0
    if name == BROKEN and minute == 20:
        found["packets.session"] -= 4
    return found


def test_every_account_is_seen_and_each_sum_is_judged(signed_in: Page, accounts: dict[str, Whisperer]) -> None:
    page = signed_in
    page.goto("/monitoring/")
    expect(page.locator("#packet-line")).to_have_attribute("data-drawn", "yes")
    row = page.locator(f'tr[data-key="{accounts[BROKEN].pk}"]')
    expect(row).to_contain_text("4 packets in no account")
    expect(page.locator(f'tr[data-key="{WHISPERER}"]')).to_contain_text("adds up")
    expect(page.locator(".way")).to_have_attribute("aria-label", re.compile("Captured [0-9,]+, Uploaded"))
    expect(page.locator(".nav .alarms")).to_contain_text("1")
    expect(page.locator("p.alarm")).to_contain_text(f"The sums of {BROKEN} do not add up")
    row.get_by_role("link", name=BROKEN).click()
    expect(page.locator("tr[data-key='c-accounts-2']")).to_contain_text("host-2 · eth0")
    page.get_by_role("link", name="15 min").click()
    expect(page).to_have_url(re.compile("whisperer=.*from=now-15m"))
    expect(page.locator("tr[data-key='c-accounts-2']")).to_contain_text("alarm")


def test_it_is_refreshed_by_itself(signed_in: Page, accounts: dict[str, Whisperer]) -> None:
    page = signed_in
    page.goto("/monitoring/")
    expect(page.locator("#packet-line")).to_have_attribute("data-drawn", "yes")
    page.evaluate("htmx.ajax('GET', location.href, {target: '#packets', swap: 'outerHTML'})")
    expect(page.locator("#packets")).to_have_count(1)
    expect(page.locator("#packet-line")).to_have_attribute("data-drawn", "yes")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (390, 844)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_its_window_and_everyone_can_use_it(
    signed_in: Page, accounts: dict[str, Whisperer], screenshots: Path, theme: str, width: int, height: int
) -> None:
    page = signed_in
    page.set_viewport_size({"width": width, "height": height})
    page.goto("/monitoring/")
    put_theme(page, theme)
    expect(page.locator("#packet-line")).to_have_attribute("data-drawn", "yes")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.screenshot(path=screenshots / f"monitoring-packets-{width}-{theme}.png", full_page=True)
    assert violations(page) == []
