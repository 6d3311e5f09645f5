"""The archive that `parse_capture` writes, opened by the program it is for: the Network panel of Chromium."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.captures.sample import shop

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


def test_chrome_opens_the_archive_with_types_and_times(network_panel: Page, tmp_path: Path) -> None:
    pcap, har = tmp_path / "shop.pcap", tmp_path / "shop.har"
    pcap.write_bytes(shop.capture(time.time_ns(), seconds=5).pcap())
    with har.open("wb") as out:
        command = [sys.executable, str(ROOT / "manage.py"), "parse_capture", str(pcap), "--format", "har"]
        subprocess.run(command, stdout=out, check=True)
    with network_panel.expect_file_chooser() as chooser:
        network_panel.locator("[aria-label^='Import HAR'], [title^='Import HAR']").first.click()
    chooser.value.set_files(har)
    rows = network_panel.locator("tr.data-grid-data-grid-node")
    page_of_shop = rows.filter(has_text="document").first
    expect(page_of_shop).to_be_visible(timeout=10_000)
    expect(rows.filter(has_text="fetch").first).to_be_visible()
    page_of_shop.click(position={"x": 60, "y": 8})
    network_panel.get_by_role("tab", name="Timing").click()
    waited = network_panel.get_by_text("Waiting for server response").locator("xpath=ancestor::tr")
    expect(waited).to_contain_text("ms")
