"""The archive that `parse_capture` writes, opened by the program it is for: the Network panel of Chromium."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.captures.sample import shop
from tests.browser.conftest import CHROMIUM, FLAGS

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def devtools(browser: Browser) -> Iterator[Page]:
    """The developer tools as a page: a Chromium serves them at its port for debugging."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = [*FLAGS, f"--remote-debugging-port={port}", "--remote-allow-origins=*"]
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    page = own.new_page(viewport={"width": 1400, "height": 800})
    page.goto(f"http://127.0.0.1:{port}/devtools/devtools_app.html?panel=network")
    yield page
    own.close()


def test_chrome_opens_the_archive_with_types_and_times(devtools: Page, tmp_path: Path) -> None:
    pcap, har = tmp_path / "shop.pcap", tmp_path / "shop.har"
    pcap.write_bytes(shop.capture(time.time_ns(), seconds=5).pcap())
    with har.open("wb") as out:
        command = [sys.executable, str(ROOT / "manage.py"), "parse_capture", str(pcap), "--format", "har"]
        subprocess.run(command, stdout=out, check=True)
    with devtools.expect_file_chooser() as chooser:
        devtools.locator("[aria-label^='Import HAR'], [title^='Import HAR']").first.click()
    chooser.value.set_files(har)
    rows = devtools.locator("tr.data-grid-data-grid-node")
    page_of_shop = rows.filter(has_text="document").first
    expect(page_of_shop).to_be_visible(timeout=10_000)
    expect(rows.filter(has_text="fetch").first).to_be_visible()
    page_of_shop.click(position={"x": 60, "y": 8})
    devtools.get_by_role("tab", name="Timing").click()
    waited = devtools.get_by_text("Waiting for server response").locator("xpath=ancestor::tr")
    expect(waited).to_contain_text("ms")
