"""From a new whisperer to its traffic, as a person does it: Chromium on the whole product, and a real agent that the
pasted command starts."""

import http.server
import os
import pwd
import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from documents import query
from store.documents import EVERYTHING
from tests.agent.test_interface import needs_raw
from tests.bench.generate import Parameters, made
from tests.browser.product import signed_in
from tests.flows.stack import Stack
from tests.waiting import until

pytestmark = pytest.mark.browser
#: Until an agent and workers on a busy machine have done something, in milliseconds.
PATIENCE = 90_000
PACKETS = 20_000


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(SPIDER_WORKERS="2") as one:
        yield one


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Signed in as who runs the site."""
    with signed_in(browser, stack) as one:
        yield one


def test_from_a_new_whisperer_to_its_traffic(context: BrowserContext, tmp_path: Path) -> None:
    capture = made(Parameters(packets=PACKETS, open_sessions=50, seed=11), tmp_path).capture
    page = context.new_page()
    page.goto("/whisperers/new/")
    page.get_by_label("Name", exact=True).fill("replay")
    page.locator("input[value=FILE]").check()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#arrivals")).to_contain_text("none joined yet")
    page.get_by_role("button", name="Make the command").click()
    command = page.locator("#command").inner_text().replace("sudo ", "")
    page.wait_for_timeout(100)
    with pasted(command, tmp_path) as agent:
        expect(page.locator("#arrivals")).to_contain_text("joined", timeout=PATIENCE)
        page.get_by_role("link", name="Capture config").click()
        page.get_by_label("Capture file", exact=True).fill("relative.pcap")
        expect(page.locator("#f-file")).to_have_attribute("data-state", "wrong")
        page.get_by_label("Capture file", exact=True).fill(str(capture))
        expect(page.locator("#f-file")).to_have_attribute("data-state", "valid")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#f-file")).to_have_attribute("data-state", "set")
        page.get_by_role("button", name="START CAPTURE").click()
        page.get_by_role("link", name="Status").click()
        expect(page.locator("#head .sub")).to_contain_text("was read to its end", timeout=PATIENCE)
        sums = page.locator("#figures .big-sums")
        figure = page.locator("#figures .fig", has_text="Packets captured").locator(".v")
        expect(figure).to_have_text(re.compile(r"2\d,\d{3}"), timeout=PATIENCE)
        expect(sums).to_contain_text(figure.inner_text(), timeout=PATIENCE)
        waiting = page.locator("#figures .acc .row", has_text="Waiting").locator(".mono")
        expect(waiting).to_have_text("0", timeout=PATIENCE)
        page.get_by_role("link", name=re.compile("^Instances")).click()
        expect(page.locator("#agents")).to_contain_text("in force")
        page.get_by_role("button", name=re.compile("^Rotate")).click()
        expect(page.locator("#agents")).to_contain_text("new keys on their way")
        expect(page.locator("#agents")).not_to_contain_text("new keys on their way", timeout=PATIENCE)
        page.get_by_role("button", name=re.compile("^Revoke")).click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(page.locator("#agents")).to_contain_text("No agent is enrolled")
        assert agent.wait(60) != 0  # it stops at its next poll
    page.get_by_title("More").click()
    page.get_by_role("link", name="Its traffic").click()
    expect(page.locator("#found")).to_contain_text("communications")


@needs_raw
@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens packet sockets and then becomes somebody else")
def test_a_filter_changed_on_the_page_is_soon_in_force(context: BrowserContext, stack: Stack, tmp_path: Path) -> None:
    page = context.new_page()
    page.goto("/whisperers/new/")
    page.get_by_label("Name", exact=True).fill("live")
    page.locator("input[value=INTERFACE]").check()
    page.get_by_role("button", name="Create").click()
    page.get_by_role("button", name="Make the command").click()
    command = page.locator("#command").inner_text().replace("sudo ", "")
    places = f"--config {tmp_path}/agent.json"
    command = command.replace(" enrol ", f" enrol {places} ")
    command = command.replace(".pyz run", f".pyz run {places} --spool {tmp_path}")
    with serving() as first, serving() as second, pasted(command, tmp_path, {}) as agent:
        expect(page.locator("#arrivals")).to_contain_text("joined", timeout=PATIENCE)
        page.get_by_role("link", name="Capture config").click()
        page.get_by_label("Network interfaces", exact=True).fill("lo")
        filter_to(page, f"tcp port {first}")
        page.get_by_role("button", name="START CAPTURE").click()
        expect(page.locator("#head .sub")).to_contain_text("Capturing", timeout=PATIENCE)
        ask(first, "/seen"), ask(second, "/unseen")
        until("what the filter lets through", lambda: paths(stack) == {"/seen"}, PATIENCE / 1000)
        changed = time.monotonic()
        filter_to(page, f"tcp port {second}")
        until("the other filter", lambda: ask(second, "/other") and "/other" in paths(stack), PATIENCE / 1000)
        print(f"searchable by the other filter after {time.monotonic() - changed:.1f} s")
        ask(first, "/late"), ask(second, "/last")
        until("the last", lambda: "/last" in paths(stack), PATIENCE / 1000)
        assert paths(stack) == {"/seen", "/other", "/last"}
        assert agent.poll() is None


def filter_to(page: Page, text: str) -> None:
    """Change the filter on the tab of the capture configuration."""
    page.get_by_label("Filter (BPF)", exact=True).fill(text)
    expect(page.locator("#f-filter")).to_have_attribute("data-state", "valid")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#f-filter")).to_have_attribute("data-state", "set")


@contextmanager
def serving() -> Iterator[int]:
    """A small web server on a port of its own."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(http.server.BaseHTTPRequestHandler):
    """Answers everything and logs nothing."""

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def ask(port: int, path: str) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return bool(answer.status == 204)


def paths(stack: Stack) -> set[str]:
    """What of the small servers is stored."""
    store = stack.documents()
    store.refresh("httpcomms")
    found = store.scan("httpcomms", EVERYTHING, query.parse('interface:"lo"'))
    return {one["req"]["path"] for batch in found for one in batch}


def _nobody(folder: Path) -> dict[str, str]:
    """Root's agent would keep its keys in the system's own folder: the tests leave that alone."""
    for parent in folder.parents[:2]:  # pytest's own
        parent.chmod(parent.stat().st_mode | 0o011)
    os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    return {"user": "nobody"}


class pasted:
    """The command in a shell of its own, as a person would run it; ended with the `with`."""

    def __init__(self, command: str, folder: Path, who: dict[str, str] | None = None) -> None:
        home = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        self.log = (folder / "agent.log").open("wb")
        if who is None:
            who = _nobody(folder) if os.geteuid() == 0 else {}
        self.process = subprocess.Popen(
            ["sh", "-c", command], cwd=folder, env=home, stdout=self.log, stderr=self.log, start_new_session=True, **who
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
        self.log.close()
