"""What a page costs a browser: all it fetches comes from the site itself, and is less than a megabyte compressed."""

import gzip
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Response, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded

pytestmark = pytest.mark.browser
MOST = 1_000_000
#: Files that are compressed as they are.
COMPRESSED = (".woff2", ".png", ".pyz")


def weight(answer: Response) -> int:
    """Bytes of an answer as a proxy sends it."""
    body = answer.body() if answer.status == 200 else b""
    return len(body) if urlsplit(answer.url).path.endswith(COMPRESSED) else len(gzip.compress(body, 6))


@pytest.mark.parametrize("view", ["grid", "map", "sequence", "waterfall", "statistics"])
def test_a_page_is_light_and_comes_from_the_site_alone(signed_in: Page, traffic: Seeded, view: str) -> None:
    answers: list[Response] = []
    signed_in.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright wraps functions alone
    signed_in.goto(range_url("", traffic.first, traffic.last) + f"&view={view}")
    expect(signed_in.locator("#found b")).to_be_visible()
    drawn = signed_in.locator("#timeline-data").get_attribute("data-url") or ""
    expect(signed_in.locator("#timeline")).to_have_attribute("data-shown", drawn)
    signed_in.wait_for_load_state("networkidle")
    home = urlsplit(signed_in.url).netloc
    assert {urlsplit(one.url).netloc for one in answers if one.url.startswith("http")} == {home}
    sizes = {urlsplit(one.url).path: weight(one) for one in answers if one.url.startswith("http")}
    total = sum(sizes.values())
    heaviest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    print(f"{view}: {len(sizes)} files, {total / 1000:.0f} KB compressed; the heaviest: {heaviest}")
    assert total < MOST, heaviest
