"""Files dropped in the site, as a person does it: Chromium on the whole product, with workers that read them."""

import gzip
import re
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.bench.generate import Parameters, made
from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.product import signed_in
from tests.browser.test_search import put_theme, violations
from tests.flows.stack import Stack

pytestmark = pytest.mark.browser
#: Until the workers of a busy machine have read a file, in milliseconds.
PATIENCE = 90_000
SLOW = 3 << 20


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(SPIDER_WORKERS="2") as one:
        yield one


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """24 MB of busy sessions."""
    parameters = Parameters(packets=60_000, open_sessions=300, seed=5)
    return made(parameters, tmp_path_factory.mktemp("big")).capture.read_bytes()


@pytest.fixture(scope="module")
def whole(browser: Browser) -> Iterator[Browser]:
    """A whole Chromium, as people have: these tests are about its network."""
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=FLAGS)
    yield own
    own.close()


@pytest.fixture
def context(whole: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Signed in as who runs the site."""
    with signed_in(whole, stack, timezone_id="UTC") as one:
        yield one


@pytest.fixture
def files(context: BrowserContext, stack: Stack, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The files of a whisperer of this test's own. What the browser complains about fails the test; errors of the site
    are meant."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    name = f"{request.node.name[:60]} {secrets.token_hex(3)}"
    stack.token(name, "UPLOAD")
    find = f"from apps.whisperers.models import Whisperer as W; print(W.objects.get(name={name!r}).pk)"
    key = stack.manage("shell", "-v0", "-c", find).split()[-1]
    page.goto(f"/whisperers/{key}/files/")
    expect(page.get_by_role("heading", name="No files yet")).to_be_visible()
    yield page
    assert [one for one in complaints if not one.startswith(("Failed to load resource", "htmx:"))] == []


def choose(page: Page, *paths: Path) -> None:
    page.get_by_label("choose them").set_input_files([str(path) for path in paths])


def row(page: Page, name: str) -> Locator:
    return page.locator(".files tbody tr", has=page.get_by_role("rowheader", name=name, exact=True))


def word(page: Page, name: str) -> Locator:
    return row(page, name).locator("[data-part=word]")


def progress(page: Page, name: str) -> float:
    return float(row(page, name).locator("progress").evaluate("bar => bar.value"))


def slow_down(context: BrowserContext, page: Page, speed: int) -> None:
    """Let this many bytes a second leave the browser; -1 for as many as there are."""
    session = context.new_cdp_session(page)
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": speed}
    session.send("Network.emulateNetworkConditions", conditions)


def test_several_at_once_each_with_its_end(files: Page, capture: bytes, tmp_path: Path, screenshots: Path) -> None:
    given = {
        "gateway.pcap": capture,
        "cart.pcap.gz": gzip.compress(capture[: len(capture) // 3], 1),
        "notes.docx": b"PK\x03\x04" + bytes(40_000),
        "damaged.pcap": capture[:24] + b"\xff" * 5_000,
    }
    for name, data in given.items():
        (tmp_path / name).write_bytes(data)
    choose(files, *(tmp_path / name for name in given))
    expect(word(files, "notes.docx")).to_have_text("failed")
    expect(row(files, "notes.docx")).to_contain_text("50 4b 03 04")
    expect(word(files, "gateway.pcap")).to_have_text("reading", timeout=PATIENCE)
    expect(word(files, "gateway.pcap")).to_have_text("done", timeout=PATIENCE)
    assert progress(files, "gateway.pcap") == 100
    expect(word(files, "cart.pcap.gz")).to_have_text("cut off", timeout=PATIENCE)
    expect(word(files, "damaged.pcap")).to_have_text("failed", timeout=PATIENCE)
    expect(row(files, "damaged.pcap")).to_contain_text("No packet could be read")
    expect(files.locator(".files tbody tr")).to_have_count(4)

    (tmp_path / "again.pcap").write_bytes(capture)
    choose(files, tmp_path / "again.pcap")
    expect(word(files, "again.pcap")).to_have_text("known", timeout=PATIENCE)
    expect(row(files, "again.pcap")).to_contain_text("same bytes as gateway.pcap")
    for theme in ("light", "dark"):
        put_theme(files, theme)
        assert violations(files) == []
        for width, height in ((1280, 800), (1920, 1080), (390, 844)):
            files.set_viewport_size({"width": width, "height": height})
            files.screenshot(path=screenshots / f"files-{width}-{theme}.png")
            assert files.evaluate("document.documentElement.scrollWidth") == width

    files.set_viewport_size({"width": 1280, "height": 800})
    row(files, "notes.docx").get_by_role("button", name="Remove").click()
    expect(row(files, "notes.docx")).to_have_count(0)
    row(files, "again.pcap").get_by_role("button", name="Read again").click()
    expect(word(files, "again.pcap")).to_have_text("done", timeout=PATIENCE)
    row(files, "gateway.pcap").get_by_role("link", name="Show").click()
    expect(files.locator("#found")).to_contain_text("communications", timeout=PATIENCE)


def test_a_reload_in_the_middle(files: Page, context: BrowserContext, capture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    path.write_bytes(capture)
    slow_down(context, files, SLOW)
    choose(files, path)
    expect(row(files, "long.pcap").locator("small")).to_contain_text("left")
    while progress(files, "long.pcap") < 25:
        time.sleep(0.1)
    files.reload()
    slow_down(context, files, SLOW)
    expect(word(files, "long.pcap")).to_have_text("stopped", timeout=15_000)
    expect(row(files, "long.pcap")).to_contain_text("choose the same file again")
    kept = progress(files, "long.pcap")
    assert 10 < kept < 90

    (tmp_path / "other.pcap").write_bytes(capture[:-1])
    with files.expect_file_chooser() as chooser:
        row(files, "long.pcap").get_by_role("button", name="Go on").click()
    chooser.value.set_files(tmp_path / "other.pcap")
    expect(files.get_by_role("alert")).to_contain_text("other.pcap is not the file that was begun")

    with files.expect_request(lambda request: request.method == "PATCH") as first:
        choose(files, path)
    assert int(first.value.headers["upload-offset"]) >= len(capture) * 0.1
    slow_down(context, files, -1)
    expect(files.locator(".files tbody tr")).to_have_count(1)
    expect(row(files, "long.pcap")).to_contain_text("all of them read", timeout=PATIENCE)
    expect(word(files, "long.pcap")).to_have_text("done")


def test_by_keyboard_paused_gone_on_with_and_cancelled(
    files: Page, context: BrowserContext, capture: bytes, tmp_path: Path
) -> None:
    for name in ("one.pcap", "two.pcap", "three.pcap"):
        (tmp_path / name).write_bytes(capture + name.encode())
    slow_down(context, files, SLOW)
    choose(files, *(tmp_path / name for name in ("one.pcap", "two.pcap", "three.pcap")))
    expect(files.locator("[data-part=status]")).to_have_text("2 being sent, 1 waiting")
    files.get_by_role("button", name="Pause: one.pcap").focus()
    files.keyboard.press("Enter")
    expect(word(files, "one.pcap")).to_have_text("paused")
    expect(word(files, "three.pcap")).to_have_text("sending")
    expect(files.get_by_role("status").filter(has_text="one.pcap: paused")).to_have_count(1)
    expect(files.get_by_role("button", name="Go on: one.pcap")).to_be_focused()
    for name in ("two.pcap", "three.pcap"):
        files.get_by_role("button", name=f"Cancel: {name}").press("Enter")
        expect(row(files, name)).to_have_count(0)
    files.get_by_role("button", name="Go on: one.pcap").press("Enter")
    expect(word(files, "one.pcap")).to_have_text("sending")
    slow_down(context, files, -1)
    expect(word(files, "one.pcap")).to_have_text(re.compile("done|cut off"), timeout=PATIENCE)


def test_a_web_server_that_dies_is_followed_by_another(
    files: Page, context: BrowserContext, stack: Stack, capture: bytes, tmp_path: Path
) -> None:
    (tmp_path / "lost.pcap").write_bytes(capture)
    slow_down(context, files, SLOW)
    choose(files, tmp_path / "lost.pcap")
    while progress(files, "lost.pcap") < 20:
        time.sleep(0.1)
    web = stack.started()["web"]
    for process in (web, *web.children()):
        process.kill()
    expect(word(files, "lost.pcap")).to_have_text("interrupted")
    expect(row(files, "lost.pcap")).to_contain_text("tried again in")
    slow_down(context, files, -1)
    expect(word(files, "lost.pcap")).to_have_text("sending", timeout=PATIENCE)
    expect(word(files, "lost.pcap")).to_have_text("done", timeout=PATIENCE)
    expect(files.get_by_text("The server does not answer")).to_be_hidden()


def test_files_are_dropped_anywhere_on_the_page(files: Page, capture: bytes) -> None:
    transfer = files.evaluate_handle(
        """text => { const transfer = new DataTransfer();
        for (const name of ["a.pcap", "b.pcap"]) {
          transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), name], name));
        }
        return transfer; }""",
        "1MOyoQIABAAAAAAAAAAAAAAABAABAAAA",
    )
    files.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    expect(files.locator(".drop.over")).to_have_count(1)
    files.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(files.locator(".files tbody tr")).to_have_count(2)
    expect(files.locator(".drop.over")).to_have_count(0)
    expect(word(files, "a.pcap")).to_have_text("failed", timeout=PATIENCE)


def test_a_big_file_leaves_the_web_process_small_and_the_page_quick(files: Page, stack: Stack, tmp_path: Path) -> None:
    """Nothing can be read in it: only what the web process does is looked at."""
    path = tmp_path / "big.pcap"
    with path.open("wb") as file:
        file.write(bytes.fromhex("d4c3b2a1020004000000000000000000000004000100 0000".replace(" ", "")))
        for _ in range(400):
            file.write(b"\xff" * (1 << 20))
    web = stack.started()["web"]
    before = {process.pid: process.memory_info().rss for process in web.children()}
    most: dict[int, int] = {}
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            for process in web.children():
                most[process.pid] = max(most.get(process.pid, 0), process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    seen, waits = [], []
    try:
        choose(files, path)
        while word(files, "big.pcap").inner_text() in ("waiting", "sending", "sent"):
            seen.append(progress(files, "big.pcap"))
            waits.append(
                files.evaluate(
                    "async () => { const start = performance.now(); await (await fetch('/')).text(); "
                    "return performance.now() - start; }"
                )
            )
        expect(word(files, "big.pcap")).to_have_text("failed", timeout=PATIENCE)
    finally:
        done.set()
        watcher.join()
    grown = {pid: (most[pid] - rss) >> 20 for pid, rss in before.items() if psutil.pid_exists(pid)}
    print(f"web processes grew by {sorted(grown.values())} MB; a page took {max(waits):.0f} ms at most")
    assert len(grown) == 2
    assert max(grown.values()) < 48, grown
    assert max(waits) < 3_000
    assert len(set(seen)) > 3, "progress is shown while it is made"
