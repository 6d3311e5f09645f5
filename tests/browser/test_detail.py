"""The detail of a communication as a person uses it, in Chromium, on the sample shop's traffic."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.conftest import sign_in
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser
TABS = ["general", "request", "response", "body", "tcp", "packets"]


def find(traffic: Seeded, **wanted: object) -> str:
    """A communication of the middle of the capture: there is something before it to compare with."""
    ids = traffic.ids(**wanted)
    assert ids, wanted
    return ids[len(ids) // 2]


def open_one(page: Page, traffic: Seeded, id: str, tab: str = "general") -> Page:
    """The search page over all of the traffic, with this communication open."""
    page.goto(f"{range_url('', traffic.first, traffic.last)}&open={id}&tab={tab}")
    expect(page.locator("#detail .head")).to_have_attribute("data-detail", id)
    expect(page.locator(f"#pane-{tab}")).to_be_visible()
    expect(page.locator(f"#pane-{tab} > .waiting")).to_have_count(0)
    return page


def open_alone(page: Page, id: str, tab: str) -> Page:
    """The communication on a page of its own, which has nothing else to load."""
    page.goto(f"/httpcomms/{id}/?tab={tab}")
    expect(page.locator(f"#pane-{tab}")).to_be_visible()
    expect(page.locator(f"#pane-{tab} > .waiting")).to_have_count(0)
    return page


@pytest.fixture
def clipboard(signed_in: Page) -> Page:
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return signed_in


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_every_tab_is_worth_looking_at(
    signed_in: Page, traffic: Seeded, screenshots: Path, width: int, height: int
) -> None:
    signed_in.set_viewport_size({"width": width, "height": height})
    paid = find(traffic, method="POST", target="/api/checkout")
    for tab in TABS:
        open_one(signed_in, traffic, paid, tab)
        if tab == "general":
            expect(signed_in.locator("#in-session")).to_contain_text("in it")
        if tab == "packets":
            signed_in.locator("[data-packets] tr.in").nth(1).click()
            expect(signed_in.locator(".layer-tree")).to_contain_text("TCP")
            signed_in.locator(".layer-tree details[open] button").nth(2).click()
        for theme in ("light", "dark"):
            put_theme(signed_in, theme)
            signed_in.screenshot(path=screenshots / f"detail-{tab}-{width}-{theme}.png")
        size = signed_in.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [width, height], tab


def test_general_compares_links_and_places(signed_in: Page, traffic: Seeded) -> None:
    paid = find(traffic, method="POST", target="/payments", status=503)
    page = open_one(signed_in, traffic, paid)
    expect(page.locator("#like")).to_contain_text(
        re.compile(r"(Slower|Faster) than .* POST /payments in the last hour")
    )
    expect(page.locator("#like")).to_contain_text("p95")
    expect(page.locator("#linked")).to_contain_text("other")
    expect(page.locator("#in-session")).to_contain_text(re.compile(r"\d+(st|nd|rd|th) of \d+ in it"))
    correlation = page.locator("#linked a").first
    value = correlation.inner_text()
    assert "view=sequence" in (page.locator("#linked a", has_text="sequence").get_attribute("href") or "")
    correlation.click()
    expect(page.locator("#q")).to_have_value(re.compile(re.escape(value)))
    expect(page.locator("#rows tr.row").first).to_be_visible()


def test_what_is_odd_is_explained(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, target="/api/reports/slow"), "general")
    odd = page.locator(".oddity")
    expect(odd.first).to_contain_text("No response was seen.")
    expect(odd.first).to_contain_text("TCP tab")


def test_headers_are_explained_filtered_and_copied(clipboard: Page, traffic: Seeded) -> None:
    page = open_one(clipboard, traffic, find(traffic, method="POST", target="/api/checkout"), "request")
    pane = page.locator("#pane-request")
    hint = pane.get_by_role("button", name="x-forwarded-for", exact=True)
    tip = pane.get_by_text("Client and proxies on the way")
    expect(tip).to_be_hidden()
    hint.focus()
    expect(tip).to_be_visible()
    expect(hint).to_have_accessible_description(re.compile("Client and proxies"))
    expect(pane.locator("#hdrs-req .masked")).to_have_count(1)
    expect(pane.locator(".masked")).to_have_attribute("title", re.compile("Masked when it was read"))
    pane.get_by_label("Filter the headers").fill("accept")
    expect(pane.locator("#hdrs-req .hdr:visible")).to_have_count(2)
    pane.get_by_role("button", name="Copy all").click()
    expect(page.locator(".toast")).to_have_text("Headers copied.")
    assert [line.partition(":")[0] for line in copied(page).splitlines()] == ["accept", "accept-encoding"]
    pane.locator(".hdr", has_text="accept-encoding").hover()
    pane.get_by_role("button", name="Copy accept-encoding").click()
    expect(page.locator(".toast")).to_have_text("Copied.")
    assert copied(page) == "accept-encoding: gzip, br, zstd"


def test_a_header_is_a_link_into_the_query(signed_in: Page, traffic: Seeded) -> None:
    page = open_one(signed_in, traffic, find(traffic, method="POST", target="/api/checkout"), "request")
    page.locator("#hdrs-req .hdr", has_text="accept-encoding").get_by_role("link").click()
    expect(page.locator("#q")).to_have_value('req.headers.accept-encoding:"gzip, br, zstd"', timeout=20_000)


def test_credentials_are_explained_and_never_shown(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="POST", target="/api/checkout"), "request")
    explained = page.get_by_role("region", name="Authorisation explained")
    expect(explained).to_contain_text("Bearer, JSON Web Token")
    expect(explained.locator(".claims")).to_contain_text("Subject: whom it speaks for")
    expect(explained).to_contain_text("The signature was not checked")
    open_alone(signed_in, find(traffic, method="POST", target="/payments"), "request")
    expect(page.get_by_role("region", name="Authorisation explained")).to_contain_text("Login")
    expect(page.get_by_role("region", name="Authorisation explained")).to_contain_text("orders")
    assert "not-the-real-one" not in page.content()
    assert "b3JkZXJzOm5vdC10aGUtcmVhbC1vbmU" not in page.content()


def test_cookies_are_taken_apart(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="POST", target="/api/login", status=200), "response")
    pane = page.locator("#pane-response")
    expect(pane).to_contain_text("Cookies set")
    expect(pane).to_contain_text("until the browser closes · for this host alone · over HTTPS alone · not for scripts")


def test_json_is_a_tree_with_paths_to_copy_and_words_to_find(clipboard: Page, traffic: Seeded) -> None:
    page = open_alone(clipboard, find(traffic, method="PUT", status=200), "body")
    tree = page.locator("#body-tree")
    tree.locator(".k", has_text="product").first.click()
    expect(page.locator("[data-path]")).to_have_text(re.compile(r"^\$\.items\[0\]\.product$"))
    page.get_by_role("button", name="Path", exact=True).click()
    expect(page.locator(".toast")).to_have_text("Path copied.")
    assert copied(page) == "$.items[0].product"
    tree.locator("summary", has_text="items").click()
    page.get_by_role("button", name="Value", exact=True).click()
    expect(page.locator(".toast")).to_have_text("Value copied.")
    assert json.loads(copied(page)) == [{"product": 101, "count": 2}]
    page.get_by_role("button", name="Fold", exact=True).click()
    expect(tree.locator("details[open]")).to_have_count(1)
    page.keyboard.press("f")
    page.keyboard.type("COUNT")
    expect(page.locator("[data-found]")).to_have_text("1 of 1")
    expect(tree.locator(".k", has_text="count")).to_be_visible()  # its fold was opened
    assert page.evaluate("CSS.highlights.get('found').size") == 1
    page.get_by_label("Find in this body").fill("nowhere")
    expect(page.locator("[data-found]")).to_have_text("not in what is shown")
    page.get_by_role("button", name="Expand", exact=True).click()
    expect(tree.locator("details:not([open])")).to_have_count(0)


def test_a_leaf_can_be_searched_for(signed_in: Page, traffic: Seeded) -> None:
    page = open_one(signed_in, traffic, find(traffic, method="POST", target="/payments", status=503), "body")
    page.locator("#body-tree .s", has_text="connection pool").click()
    page.get_by_role("button", name="Search", exact=True).nth(1).click()
    expect(page.locator("#q")).to_have_value('res.body.text:"connection pool exhausted"')
    expect(page.locator("#rows tr.row").first).to_be_visible()


def test_html_is_text_and_drawn_only_in_a_sandbox(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="GET", target="/", status=200), "body")
    expect(page.locator("#body-markup")).to_contain_text("<li><a href='/products/100'>oak lamp</a></li>")
    expect(page.locator(".about").first).to_contain_text(re.compile(r"br \d.* → \d"))
    assert page.locator("iframe").get_attribute("sandbox") == ""
    page.get_by_text("Preview without scripts").click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("body")).to_contain_text("Home")
    page.locator(".bodybar").get_by_role("button", name="Raw", exact=True).click()
    expect(page.locator(".hex .o")).to_contain_text("000000")


def test_bytes_and_their_text_are_marked_together(signed_in: Page, traffic: Seeded) -> None:
    page = open_one(signed_in, traffic, find(traffic, method="POST", target="/payments", status=503), "body")
    page.locator(".bodybar").get_by_role("button", name="Hex").click()
    hex = page.locator("#pane-body [data-hex]")
    expect(hex).to_have_attribute("data-line", "8")  # the narrow detail
    page.evaluate("""() => {
      const text = document.querySelector('#pane-body .hex .p').firstChild;
      const range = new Range();
      range.setStart(text, 2);
      range.setEnd(text, 7);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }""")
    expect(hex).to_have_attribute("data-marked", "2-7")
    expect(page.locator("[data-hex-said]").first).to_contain_text("5 bytes at 0x2 (2)")
    assert page.evaluate("[...CSS.highlights.get('bytes')].map(String)") == ["65 72 72 6f 72", "error"]


def test_images_are_drawn_and_parts_opened(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="GET", target="/images/avatars/ada.png"), "body")
    image = page.locator("#pane-body img")
    expect(image).to_be_visible()
    expect(page.locator("#pane-body img")).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("figcaption")).to_contain_text("PNG")
    open_alone(signed_in, find(traffic, method="POST", target="/api/users/me/avatar"), "body")
    parts = page.locator("#body-parts > li")
    expect(parts).to_have_count(3)
    parts.nth(0).locator("summary").first.click()
    expect(parts.nth(0).locator("pre[data-text]")).to_contain_text("Ada")
    parts.nth(2).locator("summary").first.click()
    expect(parts.nth(2).locator("img")).to_be_visible()
    expect(page.locator("#body-parts img")).not_to_have_js_property("naturalWidth", 0)


def test_a_form_is_a_table(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="POST", target="/oauth/token"), "body")
    page.locator(".bodybar").get_by_role("button", name=re.compile("Request")).click()
    expect(page.locator("#body-form")).to_contain_text("grant_type")
    expect(page.locator("#body-form tbody tr")).to_have_count(4)


def test_the_session_leads_to_its_other_communications(signed_in: Page, traffic: Seeded) -> None:
    paid = find(traffic, method="POST", target="/api/checkout")
    page = open_one(signed_in, traffic, paid, "tcp")
    current = page.locator("#pane-tcp tr.cur")
    expect(current).to_have_count(1)
    following = current.locator("xpath=following-sibling::tr[1]").get_attribute("data-open-row") or ""
    page.locator("#pane-tcp").get_by_role("link", name="after").click()
    expect(page.locator("#detail .head")).to_have_attribute("data-detail", following)
    expect(page.locator("#pane-tcp tr.cur")).to_have_attribute("data-open-row", following)
    assert f"open={following}" in page.url
    assert "tab=tcp" in page.url
    page.locator(f'#pane-tcp tr[data-open-row="{paid}"]').locator("td").nth(3).click()
    expect(page.locator("#detail .head")).to_have_attribute("data-detail", paid)


def test_a_packet_is_opened_in_its_layers_by_keys(signed_in: Page, traffic: Seeded) -> None:
    page = open_alone(signed_in, find(traffic, method="POST", target="/api/checkout"), "packets")
    expect(page.locator("#packets-count")).to_have_text("3")
    page.get_by_role("button", name=re.compile("This exchange")).click()
    rows = page.locator("[data-packets] tbody tr")
    expect(rows).to_have_count(3)
    rows.first.focus()
    page.keyboard.press("Enter")
    tree = page.locator(".layer-tree")
    expect(tree).to_contain_text("POST /api/checkout HTTP/1.1")
    start = tree.get_by_role("button", name=re.compile("start line"))
    start.click()
    hex = page.locator("#pane-packets [data-hex]")
    expect(hex).to_have_attribute("data-marked", re.compile(r"^\d+-\d+$"))
    marked = page.evaluate("[...CSS.highlights.get('bytes')].map(String).filter((_, n) => n % 2).join('')")
    assert marked == "POST /api/checkout HTTP/1.1"
    page.keyboard.press("ArrowDown")
    expect(tree.locator(".chosen")).to_contain_text("Host")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".packet h3")).to_contain_text(re.compile(r"Layers of packet \d+"))
    expect(tree).not_to_contain_text("POST /api/checkout")


def test_an_exchange_is_copied_and_taken_along(clipboard: Page, traffic: Seeded, tmp_path: Path) -> None:
    page = open_one(clipboard, traffic, find(traffic, method="POST", target="/payments", status=503))
    page.keyboard.press("y")
    expect(page.locator(".toast")).to_have_text("curl command copied.")
    command = copied(page)
    assert "curl http://payments/payments" in command
    assert "Secrets were masked" in command
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator(".acts").get_by_role("button", name="fetch").click()
    expect(page.locator(".toast")).to_have_text("fetch() call copied.")
    assert copied(page).splitlines()[1].startswith('await fetch("http://payments/payments"')
    with page.expect_download() as download:
        page.locator(".acts").get_by_role("link", name="HAR").click()
    file = tmp_path / "one.har"
    download.value.save_as(file)
    (entry,) = json.loads(file.read_text())["log"]["entries"]
    assert entry["response"]["status"] == 503
    assert "pool" in entry["response"]["content"]["text"]
    page.locator(".acts").get_by_role("button", name="Link").click()
    expect(page.locator(".toast")).to_contain_text("Link copied")
    assert "open=" in copied(page)


def test_the_detail_is_folded_and_its_width_is_kept(signed_in: Page, traffic: Seeded) -> None:
    paid = find(traffic, method="POST", target="/api/checkout")
    page = open_one(signed_in, traffic, paid)
    detail = page.locator("#detail")
    box = page.locator("#detail > .grip").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 3, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] - 117, box["y"] + 300, steps=4)
    with page.expect_response(re.compile("preferences/detail")) as answer:
        page.mouse.up()
    assert answer.value.ok
    wide = round((detail.bounding_box() or {})["width"])
    assert wide == pytest.approx(392 + 120, abs=4)
    with page.expect_response(re.compile("preferences/detail")):
        page.keyboard.press("]")
    assert round((detail.bounding_box() or {})["width"]) == 30
    page.reload()
    expect(detail).to_have_class(re.compile("folded"))
    page.keyboard.press("4")  # a tab unfolds it
    expect(page.locator("#pane-body")).to_be_visible()
    assert round((detail.bounding_box() or {})["width"]) == wide


def test_tabs_follow_the_keys(signed_in: Page, traffic: Seeded) -> None:
    page = open_one(signed_in, traffic, find(traffic, method="POST", target="/api/checkout"))
    for number, name in enumerate(TABS, start=1):
        page.keyboard.press(str(number))
        expect(page.locator(f"#pane-{name}")).to_be_visible()
    page.locator("#tab-packets").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-general")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator("#pane-packets")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_detail(signed_in: Page, traffic: Seeded, theme: str) -> None:
    page = open_one(signed_in, traffic, find(traffic, method="POST", target="/api/checkout"))
    put_theme(page, theme)
    for name in TABS:
        page.locator(f"#tab-{name}").click()
        expect(page.locator(f"#pane-{name} > .waiting")).to_have_count(0)
        if name == "packets":
            page.locator("[data-packets] tr.in").first.click()
            expect(page.locator(".layer-tree")).to_contain_text("TCP")
        assert violations(page) == [], name


def test_a_page_of_its_own_and_a_phone(signed_in: Page, traffic: Seeded, screenshots: Path) -> None:
    paid = find(traffic, method="POST", target="/api/checkout")
    signed_in.goto(f"/httpcomms/{paid}/?tab=packets")
    page = signed_in
    page.locator("[data-packets] tr.in").first.click()
    expect(page.locator(".layer-tree")).to_contain_text("POST /api/checkout")
    page.screenshot(path=screenshots / "detail-alone.png")
    page.locator("#tab-tcp").click()
    expect(page.locator("#pane-tcp tr.cur")).to_have_count(1)
    page.locator("#pane-tcp").get_by_role("link", name="before").click()
    page.wait_for_url(lambda url: paid not in url and "tab=tcp" in url)
    expect(page.locator("#pane-tcp tr.cur")).to_have_count(1)
    page.set_viewport_size({"width": 390, "height": 844})
    for tab in ("general", "request", "body"):
        open_one(page, traffic, paid, tab)
        page.screenshot(path=screenshots / f"detail-phone-{tab}.png")
        assert page.evaluate("document.querySelector('#detail').getBoundingClientRect().width") == 390
        sizes = page.eval_on_selector(".pane:not([hidden])", "pane => [pane.scrollWidth, pane.clientWidth]")
        assert sizes[0] <= sizes[1], tab


def test_without_the_right_the_packets_tab_says_so(page: Page, traffic: Seeded, people: dict[str, User]) -> None:
    grant_set(whisperer=Whisperer.objects.get(name="shop-prod-1"), user=people["charlie"], rights=["search"])
    sign_in(page, "charlie")
    open_one(page, traffic, find(traffic, method="POST", target="/api/checkout"), "packets")
    expect(page.locator("#pane-packets")).to_contain_text("ask for the right 'packets' on shop-prod-1")
    expect(page.locator(".acts").get_by_role("link", name="pcap")).to_have_count(0)
