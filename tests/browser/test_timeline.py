"""The time of the search page as a person uses it: the timeline under a real mouse and a real keyboard, live mode with
documents written while the page is open, the clock of the page."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, Route, expect

from apps.core.links import range_url
from apps.core.servers import document_store
from apps.core.words import SECOND, nanoseconds, rfc3339
from documents.build import Document
from documents.bulk import lines
from store.documents import EVERYTHING
from tests.apps.conftest import client_of
from tests.apps.httpcomms.seeding import Seeded, seed
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import ask, put_theme, violations
from tests.captures import Capture, request, response

pytestmark = pytest.mark.browser
LINE = "#timeline"


@pytest.fixture(autouse=True)
def patient(context: BrowserContext) -> Iterator[None]:
    """Live mode asks every few seconds, and the machine may have other work."""
    context.set_default_timeout(40_000)
    expect.set_options(timeout=25_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The search page over all of the shop's traffic."""
    signed_in.goto(range_url("", traffic.first, traffic.last))
    settled(signed_in)
    return signed_in


def settled(page: Page) -> None:
    """The result is there, and the timeline is drawn for the address that the page has."""
    expect(page.locator("#found")).to_contain_text("communication")
    expect(page.locator(LINE)).to_have_attribute("data-drawn", re.compile(r"\d+"))
    wanted = page.locator("#timeline-data").get_attribute("data-url") or ""
    expect(page.locator(LINE)).to_have_attribute("data-shown", wanted)
    page.wait_for_load_state("networkidle")


def address(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def ends(page: Page) -> tuple[int, int]:
    """Both ends of the range in the address, in milliseconds."""
    found = address(page)
    return nanoseconds(found["from"]) // 1_000_000, nanoseconds(found["to"]) // 1_000_000


def chosen(page: Page) -> tuple[int, int]:
    """What is chosen on the timeline, as it draws it."""
    first, _, last = (page.locator(LINE).get_attribute("data-selected") or "0~0").partition("~")
    return int(first), int(last)


def at(page: Page, share: float, y: float = 40) -> tuple[float, float]:
    box = page.locator(LINE).bounding_box()
    assert box is not None
    return box["x"] + box["width"] * share, box["y"] + y


def drag(page: Page, start: float, end: float, y: float = 40, keys: str = "") -> None:
    """With the real mouse, over the canvas."""
    before = page.url
    page.mouse.move(*at(page, start, y))
    if keys:
        page.keyboard.down(keys)
    page.mouse.down()
    page.mouse.move(*at(page, end, y), steps=8)
    page.mouse.up()
    if keys:
        page.keyboard.up(keys)
    expect(page).not_to_have_url(before)
    settled(page)


@contextmanager
def another(page: Page) -> Iterator[None]:
    """What happens inside changes the address, and the page settles there."""
    before = page.url
    yield
    expect(page).not_to_have_url(before)
    settled(page)


def test_a_part_is_chosen_moved_and_resized(shop: Page) -> None:
    whole = ends(shop)
    drag(shop, 0.4, 0.6)
    first = ends(shop)
    length = whole[1] - whole[0]
    assert abs((first[0] - whole[0]) / length - 0.4) < 0.03
    assert abs((first[1] - whole[0]) / length - 0.6) < 0.03
    assert chosen(shop) == first
    expect(shop.locator("#time")).to_contain_text("selected of")

    drag(shop, 0.5, 0.3)  # from inside: all of it moves
    moved = ends(shop)
    assert moved[1] - moved[0] == first[1] - first[0]
    assert abs((first[0] - moved[0]) / length - 0.2) < 0.03

    drag(shop, (moved[1] - whole[0]) / length, 0.8)  # its right handle
    wider = ends(shop)
    assert wider[0] == moved[0]
    assert abs((wider[1] - whole[0]) / length - 0.8) < 0.03

    drag(shop, (wider[0] - whole[0]) / length, 0.1)  # its left one
    assert ends(shop)[1] == wider[1]
    assert abs((ends(shop)[0] - whole[0]) / length - 0.1) < 0.03
    assert address(shop)["wide"].startswith(rfc3339(whole[0] * 1_000_000))

    shop.mouse.click(*at(shop, 0.95))  # beside it: the whole again
    expect(shop).not_to_have_url(re.compile("wide="))
    assert ends(shop) == whole


def test_what_is_being_chosen_is_said_and_escape_lets_it_go(shop: Page) -> None:
    before = shop.url
    shop.mouse.move(*at(shop, 0.4))
    shop.mouse.down()
    shop.mouse.move(*at(shop, 0.6), steps=4)
    expect(shop.locator(".dragged")).to_contain_text("→")
    shop.keyboard.press("Escape")
    expect(shop.locator(".dragged")).to_be_hidden()
    shop.mouse.up()
    assert shop.url == before


def test_the_wheel_zooms_where_the_pointer_is(shop: Page) -> None:
    whole = ends(shop)
    shop.mouse.move(*at(shop, 0.25))
    with another(shop):
        shop.mouse.wheel(0, -300)
    near = ends(shop)
    assert near[1] - near[0] < (whole[1] - whole[0]) * 0.7
    point = whole[0] + (whole[1] - whole[0]) * 0.25
    assert abs((point - near[0]) / (near[1] - near[0]) - 0.25) < 0.03
    with another(shop):
        shop.mouse.wheel(-400, 0)  # sideways: earlier
    assert ends(shop)[0] < near[0]
    assert abs((ends(shop)[1] - ends(shop)[0]) - (near[1] - near[0])) <= 2000


def test_zoom_and_pan_have_keys_and_buttons(shop: Page) -> None:
    whole = ends(shop)
    for way in (lambda: shop.keyboard.press("+"), lambda: shop.get_by_role("button", name="Zoom out").click()):
        with another(shop):
            way()
    assert ends(shop)[1] - ends(shop)[0] >= (whole[1] - whole[0]) * 0.9
    start = ends(shop)
    drag(shop, 0.3, 0.6, keys="Shift")  # what is held goes along: earlier traffic comes in
    assert ends(shop)[0] < start[0]
    before = ends(shop)
    with another(shop):
        shop.get_by_role("button", name="Later").click()
    assert ends(shop)[0] > before[0]


def test_a_double_click_goes_into_what_is_chosen(shop: Page) -> None:
    drag(shop, 0.4, 0.6)
    wanted = ends(shop)
    shop.mouse.dblclick(*at(shop, 0.5))
    expect(shop).not_to_have_url(re.compile("wide="))
    assert ends(shop) == wanted


def test_a_zoom_beside_what_is_chosen_keeps_it(shop: Page) -> None:
    drag(shop, 0.4, 0.6)
    expect(shop).to_have_url(re.compile("wide="))
    wanted, before = ends(shop), address(shop)["wide"]
    with another(shop):
        shop.keyboard.press("-")
    assert address(shop)["wide"] != before
    assert ends(shop) == wanted
    assert chosen(shop) == wanted


def test_one_goes_back_and_forth_through_ranges_whatever_was_asked_between(shop: Page) -> None:
    whole = address(shop)
    drag(shop, 0.4, 0.6)
    part = address(shop)
    ask(shop, "req.method:POST")
    shop.keyboard.press("Escape")  # out of the query
    shop.keyboard.press("Alt+ArrowLeft")
    expect(shop).to_have_url(re.compile(r"^(?!.*wide=).*q=req\.method"))
    assert (address(shop)["from"], address(shop)["to"]) == (whole["from"], whole["to"])
    settled(shop)
    shop.keyboard.press("Alt+ArrowRight")
    expect(shop).to_have_url(re.compile("wide="))
    assert {name: address(shop)[name] for name in ("from", "to", "wide")} == {
        name: part[name] for name in ("from", "to", "wide")
    }
    settled(shop)
    shop.get_by_role("link", name="Back").click()
    expect(shop).not_to_have_url(re.compile("wide="))


def test_shift_and_arrows_go_one_length_on(shop: Page) -> None:
    first = ends(shop)
    with another(shop):
        shop.keyboard.press("Shift+ArrowLeft")
    assert ends(shop) == (2 * first[0] - first[1], first[0])
    expect(shop.locator("#list")).to_contain_text("Nothing matches")
    shop.keyboard.press("Shift+ArrowRight")
    expect(shop.locator("#found b")).not_to_have_text("0")
    assert ends(shop) == first


def test_the_keyboard_chooses_and_hears_what_is_there(shop: Page) -> None:
    line = shop.get_by_role("application", name="Communications over time")
    line.focus()
    shop.keyboard.press("Home")
    expect(shop.locator("#timeline-words")).to_contain_text("communications")
    heard = shop.locator("#timeline-words").inner_text()
    shop.keyboard.press("ArrowRight")
    expect(shop.locator("#timeline-words")).not_to_have_text(heard)
    expect(shop.locator(".tip")).to_be_visible()
    for _ in range(4):
        shop.keyboard.press("Shift+ArrowRight")
    said = shop.locator("#timeline-words").inner_text()
    shop.keyboard.press("Enter")
    expect(shop.locator("#time")).to_contain_text("selected of")
    found = re.search(r": ([\d,]+) communications", said)
    assert found is not None
    expect(shop.locator("#found b")).to_have_text(found[1])
    interval = ends(shop)[1] - ends(shop)[0]
    assert interval == 5 * 2000  # five steps of two seconds
    settled(shop)
    expect(line).to_be_focused()
    before = shop.url
    shop.keyboard.press("PageUp")
    expect(shop).not_to_have_url(before)


def test_the_tooltip_has_counts_and_shares_that_add_up(shop: Page) -> None:
    shop.mouse.move(*at(shop, 0.3))
    tip = shop.locator(".tip")
    expect(tip).to_be_visible()
    total = re.search(r"([\d,]+) communications", tip.inner_text())
    assert total is not None
    counts = [int(text.replace(",", "")) for text in tip.locator(".n").all_inner_texts()]
    assert sum(counts) == int(total[1].replace(",", ""))
    shares = [float(text.rstrip("%")) for text in tip.locator(".share").all_inner_texts()]
    assert abs(sum(shares) - 100) < 1


def test_the_timeline_is_parted_by_another_field(shop: Page) -> None:
    expect(shop.locator("#legend")).to_contain_text("no response")
    shop.locator("#by summary").click()
    shop.locator("#by").get_by_role("link", name="server").click()
    expect(shop.locator("#by summary")).to_contain_text("by server")
    expect(shop.locator("#legend")).to_contain_text("catalog")
    assert address(shop)["by"] == "stats.dst.name"
    total = int(shop.locator("#found b").inner_text().replace(",", ""))
    entry = shop.locator("#legend").get_by_role("link", name="catalog")
    entry.click(modifiers=["Control"])
    expect(shop.locator("#q")).to_have_value("NOT stats.dst.name:catalog")
    settled(shop)
    rest = int(shop.locator("#found b").inner_text().replace(",", ""))
    assert 0 < rest < total
    shop.locator("#legend").get_by_role("link", name="orders").click()
    expect(shop.locator("#q")).to_have_value("NOT stats.dst.name:catalog AND stats.dst.name:orders")
    settled(shop)
    shop.reload()
    expect(shop.locator("#by summary")).to_contain_text("by server")
    shop.locator("#by summary").click()
    shop.get_by_label("Another field, or a tag").fill("req.headers.user-agent")
    shop.locator("#by").get_by_role("button", name="Use").click()
    expect(shop.locator("#by summary")).to_contain_text("by req.headers.user-agent")
    settled(shop)
    expect(shop.locator("#legend a").first).to_be_visible()


def test_a_field_that_is_none_is_said_where_the_timeline_would_be(shop: Page) -> None:
    shop.goto(shop.url + "&by=nothing")
    expect(shop.locator("#timeline-words")).to_contain_text("There is no field nothing")
    shop.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 400


def test_colours_stay_with_their_values_while_the_range_moves(shop: Page) -> None:
    shop.goto(shop.url + "&by=req.path")
    settled(shop)

    def colours() -> dict[str, str]:
        pair = "one => [one.textContent, one.firstChild.firstChild.getAttribute('class')]"
        return dict(shop.locator("#legend a").evaluate_all(f"all => all.map({pair})"))

    before = colours()
    shop.keyboard.press("+")
    settled(shop)
    shop.wait_for_function("before => document.querySelector('#timeline').dataset.drawn > before", arg="1")
    after = colours()
    both = set(before) & set(after)
    assert len(both) > 2
    assert {name: before[name] for name in both} == {name: after[name] for name in both}


# The picker.


def test_a_time_is_chosen_to_the_millisecond(shop: Page, traffic: Seeded) -> None:
    shop.keyboard.press("d")
    middle = (traffic.first + traffic.last) // 2 // SECOND
    local = shop.evaluate("ms => new Date(ms).toLocaleString('sv', {timeZone: 'Europe/Paris'})", middle * 1000)
    shop.get_by_label("From").fill(f"{local}.250")
    shop.get_by_label("To", exact=True).fill(f"{local}.750")
    shop.keyboard.press("Enter")
    expect(shop.locator("#range summary")).to_contain_text(f"{local}.250")
    expect(shop.locator("#range summary")).to_contain_text("500 ms")
    assert ends(shop) == (middle * 1000 + 250, middle * 1000 + 750)


def test_relative_ranges_days_and_everything_are_chosen(shop: Page, traffic: Seeded) -> None:
    shop.locator("#range summary").click()
    shop.get_by_label("The last", exact=True).fill("90")
    shop.get_by_label("Unit").select_option("minutes")
    shop.locator("#range").get_by_role("button", name="Show").click()
    expect(shop.locator("#range summary")).to_contain_text("last 1 h 30 min")
    assert address(shop) == {"from": "now-90m"}
    shop.locator("#range summary").click()
    shop.locator("#range").get_by_role("link", name="Today").click()
    expect(shop).to_have_url(re.compile(r"from=\d{4}-\d\d-\d\dT2[23]%3A00%3A00Z$"))  # midnight in Paris
    shop.locator("#range summary").click()
    expect(shop.locator("#range").get_by_role("link", name="Today")).to_have_attribute("aria-current", "true")
    shop.locator("#range").get_by_role("link", name="Whole of the data").click()
    expect(shop).to_have_url(re.compile("to="))
    settled(shop)
    first, last = ends(shop)
    assert first * 1_000_000 <= min(traffic.first, traffic.last)
    assert str(len(traffic.communications)) in shop.locator("#found b").inner_text().replace(",", "")
    shop.locator("#range summary").click()
    expect(shop.locator("#range-recent")).to_contain_text("last 90m")
    shop.locator("#range-recent").get_by_role("link", name="last 90m").click()
    expect(shop).to_have_url(re.compile("from=now-90m"))
    assert last > first


def test_a_wrong_time_is_refused_and_the_result_stays(shop: Page) -> None:
    shop.keyboard.press("d")
    shop.get_by_label("From").fill("soon")
    shop.keyboard.press("Enter")
    expect(shop.locator("#ask-note")).to_contain_text("Write a date like")
    expect(shop.locator("#rows tr.row").first).to_be_visible()
    shop.complaints.clear()  # type: ignore[attr-defined]


# The clock.


def test_the_page_shows_another_clock_and_the_address_stays(shop: Page) -> None:
    def first_time() -> str:
        return shop.locator("#rows tr.row td:nth-child(2)").first.inner_text()

    before, url = first_time(), shop.url
    shop.locator("#zone summary").click()
    shop.locator("#zone").get_by_role("button", name="UTC", exact=True).click()
    expect(shop.locator("html")).to_have_attribute("data-zone", "UTC")
    settled(shop)
    assert shop.url == url
    assert first_time()[:2] == f"{(int(before[:2]) - 1) % 24:02d}"
    assert first_time()[2:] == before[2:]
    expect(shop.locator("#zone summary")).to_contain_text("UTC")
    shop.locator("#zone summary").click()
    shop.get_by_label("Another time zone").fill("Mars/Olympus")
    shop.locator("#zone").get_by_role("button", name="Use").click()
    expect(shop.locator(".toast")).to_contain_text("no time zone Mars/Olympus")
    shop.get_by_label("Another time zone").fill("Asia/Kolkata")
    shop.keyboard.press("Enter")
    expect(shop.locator("#zone summary")).to_contain_text("UTC+5:30")
    settled(shop)
    shop.locator("#zone summary").click()
    shop.locator("#zone").get_by_role("button", name="My own").click()
    expect(shop.locator("html")).to_have_attribute("data-zone", "Europe/Paris")
    settled(shop)
    assert first_time() == before


# The line below.


@pytest.fixture
def losses(traffic: Seeded) -> Iterator[int]:
    """Packets that the kernel dropped in a minute of the shop; gives the minute's beginning."""
    store = document_store()
    start = (traffic.first + traffic.last) // 2 // (60 * SECOND) * 60 * SECOND
    document = {
        "id": "c-shop-1:1", "version": 1, "kind": "capture", "capture": "c-shop-1", "whisperer": WHISPERER,
        "date": rfc3339(start), "counters": {"packets.dropped.kernel": 412, "packets.session": 9},
    }  # fmt: skip
    day = time.strftime("%Y%m%d", time.gmtime())
    made = Document("c-shop-1:1", 1, "monitoring", day, "default", orjson.dumps(document))
    assert store.write("monitoring", lines([made])).failed == []
    store.refresh("monitoring")
    yield start
    for part in store.days("monitoring"):
        store.drop_day("monitoring", part.day, part.policy)


def live_shop(people: dict[str, User]) -> None:
    """The shop's whisperer listens to an interface: losses are at the time of its packets."""
    from apps.whisperers.models import Whisperer

    Whisperer.objects.filter(pk=WHISPERER).update(mode="INTERFACE")


def test_a_loss_is_drawn_where_it_happened_and_leads_there(
    signed_in: Page, traffic: Seeded, people: dict[str, User], losses: int
) -> None:
    live_shop(people)
    page = signed_in
    page.goto(range_url("", traffic.first, traffic.last))
    settled(page)
    mark = page.locator(".over .mark.loss")
    expect(mark).to_have_count(1)
    box, line = mark.bounding_box(), page.locator(LINE).bounding_box()
    assert box is not None
    assert line is not None
    expect(page.locator("#legend")).to_contain_text("loss")
    x, y = box["x"] + box["width"] / 2, box["y"] + 1
    page.mouse.move(x, y)
    expect(page.locator(".tip")).to_contain_text("Loss on shop-prod-1")
    expect(page.locator(".tip")).to_contain_text("412 packets dropped by the kernel")
    expect(page.locator("#timeline-keys")).to_contain_text("412 packets dropped by the kernel")
    page.mouse.click(x, y)
    expect(page.locator("#time")).to_contain_text("1 min selected of")
    assert ends(page)[0] == losses // 1_000_000


def test_who_was_given_nothing_sees_no_loss(
    page: Page, context: BrowserContext, traffic: Seeded, people: dict[str, User], losses: int, live_server: Any
) -> None:
    live_shop(people)
    session = client_of(people["charlie"]).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page.goto(range_url("", traffic.first, traffic.last))
    expect(page.locator(LINE)).to_have_attribute("data-quality", "Nothing is known to be missing.")
    expect(page.locator(".over .mark")).to_have_count(0)


# Live.


class Arrivals:
    """Writes communications into the store as if they were captured now."""

    def __init__(self) -> None:
        self.number = 0
        self.days: set[str] = set()

    def come(self, *paths: str, answered: bool = True, ago: float = 0.5) -> list[str]:
        """One exchange for each path, now; their ids."""
        self.number += 1
        made = Capture(start=time.time_ns() - int(ago * SECOND))
        for place, path in enumerate(paths):
            talk = made.conversation(
                f"10.77.{self.number}.{place}:40000", "10.20.0.10:80", after=place * 0.001
            ).connect()
            talk.request(request("GET", path)).wait(0.002)
            if answered:
                talk.response(response(200)).close()
        day = time.strftime("%Y%m%d", time.gmtime())
        found = seed(document_store(), made.pcap(), whisperer=WHISPERER, capture=f"c-live-{self.number:04}", day=day)
        return [found.ids(target=path)[0] for path in paths]

    def answer(self, id: str) -> None:
        """The response of a communication that had none came."""
        store = document_store()
        document = store.get("httpcomms", EVERYTHING, id)
        assert document is not None
        document["version"] += 1
        document["parsing"]["status"] = "complete"
        document["stats"] |= {"statusCode": 418, "statusClass": "4xx", "duration": 12.0}
        day, policy = id.split("-")[:2]
        made = Document(id, document["version"], "httpcomms", day, policy, orjson.dumps(document))
        assert store.write("httpcomms", lines([made])).failed == []
        store.refresh("httpcomms")


@pytest.fixture
def arrivals(traffic: Seeded) -> Iterator[Arrivals]:
    """What came is gone after the test: others count the shop's communications."""
    made = Arrivals()
    yield made
    from documents import query

    for resource in ("httpcomms", "tcpsessions"):
        node = query.parse("capture:c-live-*", resource)
        sum(document_store().purge(resource, EVERYTHING, node))


@pytest.fixture
def live(signed_in: Page, arrivals: Arrivals) -> Page:
    signed_in.goto("/?q=req.path%3A%2Flive*&from=now-15m&live=1")
    expect(signed_in.locator("#live")).to_have_attribute("data-state", "on")
    return signed_in


def test_live_mode_is_in_the_address_and_has_a_key(shop: Page) -> None:
    assert "live" not in address(shop)
    length = ends(shop)[1] - ends(shop)[0]
    shop.keyboard.press("l")
    expect(shop.locator("#live")).to_have_attribute("aria-pressed", "true")
    assert address(shop) == {"from": f"now-{length // 1000}s", "live": "1"}
    shop.reload()
    expect(shop.locator("#live")).to_have_attribute("data-state", "on")
    shop.keyboard.press("l")
    expect(shop.locator("#live")).to_have_attribute("aria-pressed", "false")
    assert "live" not in address(shop)


def test_new_rows_come_in_at_the_top_and_the_counts_follow(live: Page, arrivals: Arrivals) -> None:
    arrivals.come("/live/one")
    rows = live.locator("#list tr.row")
    expect(rows).to_have_count(1)
    first = arrivals.come("/live/two", "/live/three")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_have_attribute("data-id", first[1])
    expect(rows.nth(1)).to_have_attribute("data-id", first[0])
    expect(live.locator("#found b")).to_have_text("3")
    expect(live.locator(LINE)).to_have_attribute("data-buckets", re.compile("[123]"))
    ids = live.locator("#list tr.row").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert len(set(ids)) == 3


def test_a_late_row_finds_its_place(live: Page, arrivals: Arrivals) -> None:
    (first,) = arrivals.come("/live/early", ago=20)
    expect(live.locator("#list tr.row")).to_have_count(1)
    (last,) = arrivals.come("/live/now")
    expect(live.locator("#list tr.row")).to_have_count(2)
    (middle,) = arrivals.come("/live/late", ago=10)
    expect(live.locator("#list tr.row")).to_have_count(3)
    ids = live.locator("#list tr.row").evaluate_all("rows => rows.map(row => row.dataset.id)")
    assert ids == [last, middle, first]


def test_a_response_that_comes_later_fills_its_row(live: Page, arrivals: Arrivals) -> None:
    (id,) = arrivals.come("/live/slow", answered=False)
    row = live.locator(f'#list tr.row[data-id="{id}"]')
    expect(row).to_contain_text("none")
    arrivals.answer(id)
    expect(row).to_contain_text("418")
    expect(live.locator("#list tr.row")).to_have_count(1)


def test_rows_wait_while_the_person_reads(live: Page, arrivals: Arrivals, screenshots: Path) -> None:
    arrivals.come("/live/read")
    rows = live.locator("#list tr.row")
    expect(rows).to_have_count(1)
    rows.first.click()
    expect(live.locator("#detail .head")).to_be_visible()
    arrivals.come("/live/a", "/live/b")
    button = live.get_by_role("button", name="2 new")
    expect(button).to_be_visible()
    expect(rows).to_have_count(1)
    expect(live.locator("#found b")).to_have_text("3")
    arrivals.come("/live/c")
    button = live.get_by_role("button", name="3 new")
    expect(button).to_be_visible()
    for theme in ("light", "dark"):
        put_theme(live, theme)
        live.screenshot(path=screenshots / f"time-live-{theme}.png")
    button.click()
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("/live/c")
    expect(live.locator("#fresh")).to_have_count(0)
    expect(live.locator("#detail .head")).to_be_visible()


def test_another_order_is_not_disturbed(signed_in: Page, arrivals: Arrivals) -> None:
    arrivals.come("/live/zero")
    signed_in.goto("/?q=req.path%3A%2Flive*&from=now-15m&live=1&sort=req.path")
    expect(signed_in.locator("#live")).to_have_attribute("data-state", "on")
    arrivals.come("/live/new")
    signed_in.get_by_role("button", name="1 new").click()
    expect(signed_in.locator("#list tr.row")).to_have_count(2)
    expect(signed_in.locator("#list tr.row").first).to_contain_text("/live/new")
    assert "sort=req.path" in signed_in.url


def test_a_hidden_tab_asks_nothing(live: Page, arrivals: Arrivals) -> None:
    asked: list[str] = []
    live.on("request", lambda one: asked.append(one.url) if "/live/?" in one.url else None)
    live.evaluate("""() => {
      Object.defineProperty(document, 'hidden', {value: true, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }""")
    expect(live.locator("#live-words")).to_have_text("Live, paused")
    before = len(asked)
    arrivals.come("/live/unseen")
    live.evaluate("""() => {
      Object.defineProperty(document, 'hidden', {value: false, configurable: true});
      document.dispatchEvent(new Event('visibilitychange'));
    }""")
    expect(live.locator("#list tr.row")).to_have_count(1)
    assert len(asked) >= before


def test_a_server_that_does_not_answer_is_said_and_never_asked_twice_at_once(live: Page, arrivals: Arrivals) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    live.route("**/live/?*", hold)
    live.wait_for_event("request", lambda one: "/live/?" in one.url)
    live.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # one more reason to ask
    live.wait_for_timeout(100)
    assert len(held) == 1
    held[0].abort()
    expect(live.locator("#live-words")).to_have_text("Live: no answer, trying again")
    expect(live.locator("#live-said")).to_have_text("Live: no answer, trying again")
    live.unroute("**/live/?*")
    for route in held[1:]:
        route.abort()
    arrivals.come("/live/again")
    expect(live.locator("#list tr.row")).to_have_count(1)
    expect(live.locator("#live")).to_have_attribute("data-state", "on")
    live.complaints.clear()  # type: ignore[attr-defined]  # the browser logs what was not answered


# Looks.


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_time(shop: Page, theme: str) -> None:
    put_theme(shop, theme)
    shop.locator("#range summary").click()
    assert violations(shop) == []
    shop.keyboard.press("Escape")
    shop.locator("#by summary").click()
    assert violations(shop) == []
    shop.keyboard.press("Escape")
    shop.locator("#zone summary").click()
    assert violations(shop) == []


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800), (1920, 1080)])
def test_the_time_fits_its_window(
    signed_in: Page, traffic: Seeded, people: dict[str, User], losses: int, screenshots: Path, width: int, height: int
) -> None:
    live_shop(people)
    page = signed_in
    page.set_viewport_size({"width": width, "height": height})
    page.goto(range_url("", traffic.first, traffic.last))
    settled(page)
    drag(page, 0.4, 0.6)
    page.mouse.move(*at(page, 0.48))
    for theme in ("light", "dark"):
        put_theme(page, theme)
        page.screenshot(path=screenshots / f"time-{width}-{theme}.png")
    page.locator("#range summary").click()
    page.screenshot(path=screenshots / f"time-picker-{width}-dark.png")
    page.keyboard.press("Escape")
    page.goto(page.url + "&by=stats.dst.name")
    settled(page)
    page.mouse.move(*at(page, 0.55))
    for theme in ("light", "dark"):
        put_theme(page, theme)
        page.screenshot(path=screenshots / f"time-by-{width}-{theme}.png")
    page.locator("#by summary").click()
    page.screenshot(path=screenshots / f"time-menu-{width}-dark.png")
    page.keyboard.press("Escape")
    if width > 760:  # the top bar of a phone has no room for it
        page.locator("#zone summary").click()
        page.screenshot(path=screenshots / f"time-zone-{width}-dark.png")
    assert page.evaluate("document.documentElement.scrollWidth") == width
