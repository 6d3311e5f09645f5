"""What the browser tests of whisperers share."""

from playwright.sync_api import Page, expect

from tests.apps.whisperers.seeding import World

# What comes by itself comes within 5 seconds, on a machine that does nothing else.
expect.set_options(timeout=15_000)


def opened(page: Page, shop: World, name: str = "shop-prod-2", tab: str = "") -> Page:
    """A tab of a whisperer, ready to be used."""
    page.goto(f"/whisperers/{shop[name].pk}/{tab}")
    if tab in ("capture/", "parsing/"):
        expect(page.locator("#config")).to_have_attribute("data-ready", "yes")
    return page


def leave(page: Page) -> None:
    """Give up the edits, so that the next page is opened without a question."""
    page.get_by_role("button", name="Undo all").click()
    expect(page.locator("#changes-bar")).to_be_hidden()


def expected(page: Page, *words: str) -> None:
    """What the browser complains about when the server refuses; anything else still fails the test."""
    complaints: list[str] = page.complaints  # type: ignore[attr-defined]
    complaints[:] = [text for text in complaints if not any(word in text for word in words)]
