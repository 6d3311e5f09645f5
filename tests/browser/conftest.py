"""Chromium on the real site: a real PostgreSQL store, filled once with the sample shop's traffic."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from pytest_django import DjangoDbBlocker

from apps.captures.sample import shop
from apps.core.servers import document_store
from apps.httpcomms.models import Pin
from apps.whisperers.models import Change, Defaults, Team, Whisperer
from spider_site.environment import text
from spider_site.run import packages
from tests.apps.conftest import client_of
from tests.apps.httpcomms.seeding import Seeded, seed

PASSWORD = "correct horse battery"
WHISPERER = "4d6c6f57-6ad3-4a43-9f3f-2a3c7d0a7c11"
NAMES = {
    "10.20.0.5": "balancer",
    "10.20.0.9": "monitor",
    "10.20.0.10": "gateway",
    "2001:db8:20::10": "gateway",
    "10.20.0.21": "catalog",
    "10.20.0.22": "cart",
    "10.20.0.23": "orders",
    "10.20.0.24": "payments",
    "2001:db8:20::25": "users",
}
CHROMIUM = text("SPIDER_TEST_CHROMIUM") or shutil.which("chromium")
HEADLESS = CHROMIUM if text("SPIDER_TEST_CHROMIUM") else shutil.which(packages.HEADLESS) or CHROMIUM
# The browser talks to the site alone: no updates, no sync, no first-run pages.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Playwright keeps an event loop in this thread; Django's ORM is called beside it, never from it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def traffic(postgres_url: str) -> Iterator[Seeded]:
    """Four minutes of the shop, ending now, in the document store of the site."""
    before = django_settings.DOCUMENT_STORE_URL
    django_settings.DOCUMENT_STORE_URL = postgres_url
    document_store.cache_clear()
    store = document_store()
    store.prepare()
    data = shop.capture(time.time_ns(), seconds=240).pcap()
    day = time.strftime("%Y%m%d", time.gmtime())
    yield seed(store, data, whisperer=WHISPERER, capture="c-shop-1", day=day, partitions=2, names=NAMES)
    for resource in ("packets", "httpbodies", "tcpsessions", "httpcomms"):
        for part in store.days(resource):
            store.drop_day(resource, part.day, part.policy)
    django_settings.DOCUMENT_STORE_URL = before
    document_store.cache_clear()
    store.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=HEADLESS, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def devtools(browser: Browser) -> Iterator[BrowserContext]:
    """Where Chrome's developer tools open as a page: a whole Chromium serves them at its port for debugging."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    flags = [*FLAGS, f"--remote-debugging-port={port}", "--remote-allow-origins=*"]
    own = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    yield own.new_context(viewport={"width": 1400, "height": 800}, base_url=f"http://127.0.0.1:{port}")
    own.close()


@pytest.fixture
def network_panel(devtools: BrowserContext) -> Iterator[Page]:
    """The developer tools' network panel, which opens HTTP archives."""
    page = devtools.new_page()
    page.goto("/devtools/devtools_app.html?panel=network")
    yield page
    page.close()


@pytest.fixture
def transactional_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Stands in for pytest-django's, which empties every table after each test and makes permissions anew."""
    with django_db_blocker.unblock():
        yield
        kept = (Change, Pin, User, Whisperer, Team, Defaults, Session, AccessAttempt, AccessLog, AccessFailureLog)
        for model in kept:
            model._default_manager.all().delete()


@pytest.fixture
def people(transactional_db: None) -> dict[str, User]:
    """Alice may see everything, Charlie nothing."""
    Whisperer.objects.create(pk=WHISPERER, name="shop-prod-1", mode="FILE")
    return {
        "alice": User.objects.create_user("alice", password=PASSWORD, is_staff=True, first_name="Alice", last_name="R"),
        "charlie": User.objects.create_user("charlie", password=PASSWORD),
    }


@pytest.fixture
def context(browser: Browser, live_server: Any) -> Iterator[BrowserContext]:
    made = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 1440, "height": 900},
        timezone_id="Europe/Paris",
        reduced_motion="reduce",
        accept_downloads=True,
    )
    made.set_default_timeout(10_000)
    # Without its cookie a first page is loaded a second time, in the browser's zone.
    made.add_cookies([{"name": "spider_zone", "value": "Europe/Paris", "url": live_server.url}])
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, traffic: Seeded, people: dict[str, User]) -> Iterator[Page]:
    """A page that nobody signed in to. What the browser complains about fails the test: the CSP is strict."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.complaints = complaints  # type: ignore[attr-defined]
    yield page
    assert not complaints


def sign_in(page: Page, name: str = "alice") -> None:
    """Through the form, as a person does; ends on the search page."""
    page.goto("/")
    page.get_by_label("User").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#list .bar-top, #list .empty")
    page.wait_for_selector(".query.painted")  # the page's modules are there: keys are answered


@pytest.fixture
def signed_in(page: Page, context: BrowserContext, people: dict[str, User], live_server: Any) -> Page:
    """A page of Alice's, signed in without the form, which has tests of its own."""
    client = client_of(people["alice"])
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return page


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where screenshots go; SPIDER_SCREENSHOTS keeps them."""
    folder = Path(os.environ.get("SPIDER_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
