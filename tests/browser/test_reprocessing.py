"""Reprocessing by hand and by keys: counted, begun, followed while it goes on, cancelled; for everyone."""

import pytest
from playwright.sync_api import Page, expect

from apps.monitoring import reprocessing
from apps.monitoring.models import LeftSession, Reprocessing
from apps.whisperers.models import Whisperer
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import violations


def test_a_run_is_counted_begun_followed_and_cancelled(signed_in: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprocessing, "send", lambda *_, **__: None)
    page = signed_in
    page.goto(f"/whisperers/{WHISPERER}/")
    page.locator("details.more > summary").click()
    page.get_by_role("link", name="Reprocess traffic").click()
    page.get_by_label("Query").fill("req.method:PUT")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="communications")).to_be_visible()
    assert violations(page) == []
    expect(page.get_by_role("button", name="Reprocess")).to_be_focused()
    page.keyboard.press("Enter")
    runs = page.locator("#runs")
    expect(runs).to_contain_text("Running")
    run = Reprocessing.objects.get()
    assert (run.query, run.total > 0) == ("req.method:PUT", True)
    reprocessing.sessions_leave(run, ["20260101-default-0123456789abcdef"], LeftSession.Reason.OPEN)
    run.counts, run.fields, run.looked_at = {"sessions": 3, "changed": 1234}, {"req.template": 1234}, run.total // 2
    run.save()
    expect(runs).to_contain_text("1,234 changed")  # it asks again by itself
    expect(runs).to_contain_text("1 session left as it is: It was open still.")
    runs.get_by_text("1 field changed").click()
    expect(runs).to_contain_text("req.template in 1,234")
    assert violations(page) == []
    page.get_by_role("button", name="Cancel the run").focus()
    page.keyboard.press("Enter")
    expect(runs).to_contain_text("Cancelled")
    expect(page.get_by_role("button", name="Cancel the run")).to_have_count(0)
    assert Whisperer.objects.get(pk=WHISPERER).changes.filter(action="reprocessed").count() == 1
