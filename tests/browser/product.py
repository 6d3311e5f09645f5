"""The whole product in Chromium: who runs the site, signed in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext

from tests.flows.stack import Stack


@contextmanager
def signed_in(browser: Browser, stack: Stack, **more: Any) -> Iterator[BrowserContext]:
    """A visitor of a stack, signed in as the user that its start names."""
    one = browser.new_context(
        base_url=stack.site, viewport={"width": 1280, "height": 800}, reduced_motion="reduce", **more
    )
    one.set_default_timeout(20_000)
    page = one.new_page()
    page.goto("/login/")
    page.get_by_label("User").fill("admin")
    page.get_by_label("Password", exact=True).fill(re.search(r"Password:\s+(\S+)", stack.said())[1])  # type: ignore[index]
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("#list")
    page.close()
    yield one
    one.close()
