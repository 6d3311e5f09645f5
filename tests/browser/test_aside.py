"""What was set aside, as a person sees it in Chromium: listed with its reason, tried again, and how it stands then."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.captures.models import Capture
from apps.core.servers import chunk_store, document_store
from apps.whisperers.models import Whisperer
from store.redis import work
from store.redis.work import SecondTry
from tasks import reprocess, runtime
from tests.apps.monitoring.test_aside import put
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import violations

pytestmark = pytest.mark.browser
ITEM = SecondTry("c-aside-browser", 7)


@pytest.fixture
def failed(page: Page, redis_url: str, settings: Any) -> Iterator[SecondTry]:
    """A chunk whose second try failed."""
    settings.REDIS_URL = redis_url
    chunk_store.cache_clear()
    runtime.forget()
    whisperer = Whisperer.objects.get(pk=WHISPERER)
    Capture.objects.create(pk=ITEM.capture, whisperer=whisperer, policy="default", partitions=1)
    put(document_store(), whisperer, ITEM, "definite", "2026-11-22T10:15:00.000000Z")
    yield ITEM
    document_store().drop_day("monitoring", "20261122", "default")
    chunk_store.cache_clear()


@pytest.mark.parametrize("address", ["/monitoring/aside/", "/admin/monitoring/aside/"])
def test_it_is_tried_again_by_a_button(signed_in: Page, failed: SecondTry, address: str) -> None:
    page = signed_in
    page.goto(address)
    row = page.locator("tbody tr")
    expect(row).to_contain_text("MemoryError<b>")
    expect(row).to_contain_text("Failed again")
    row.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("It is tried again now")).to_be_visible()
    expect(row).to_contain_text("Waits for its second try")
    expect(row).to_contain_text(re.compile(r"due \d"))
    with chunk_store().link() as link:
        assert work.due(link) == [failed]
    reprocess.second_try(failed.text())
    page.reload()
    expect(row).to_contain_text("Failed again")
    expect(row).to_contain_text("notKept")
    if address.startswith("/monitoring/"):
        assert violations(page) == []
