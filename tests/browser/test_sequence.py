"""The sequence diagram as a person uses it."""

import re
import struct
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Download, Locator, Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations

pytestmark = pytest.mark.browser
CHECKOUT = "stats.dst.name:(orders OR payments) OR req.path:/api/checkout"
SVG = "{http://www.w3.org/2000/svg}"


def opened(page: Page, traffic: Seeded, query: str, **more: str) -> Page:
    address = range_url(query, traffic.first, traffic.last) + "&view=sequence"
    page.set_default_timeout(30_000)
    page.goto(address + "".join(f"&{name}={quote(value)}" for name, value in more.items()))
    expect(page.locator("html")).to_have_attribute("data-zone", "Europe/Paris", timeout=20_000)  # loaded again once
    expect(page.locator(".seqbox .stage")).to_have_attribute("data-drawn", re.compile(r"\d"), timeout=20_000)
    return page


@pytest.fixture
def failed(signed_in: Page, traffic: Seeded) -> Page:
    """The conversations of checkouts that failed."""
    return opened(signed_in, traffic, "req.path:/api/checkout AND stats.statusCode:502")


def correlation_of(page: Page) -> str:
    """The identifier of the first checkout that failed."""
    value = page.locator('[data-act="seq-follow"] option').nth(1).get_attribute("value")
    assert value
    return value


def followed(page: Page, traffic: Seeded) -> Page:
    """The diagram of one of them: balancer, gateway, orders, payments."""
    opened(page, traffic, f'stats.correlation:"{correlation_of(page)}"')
    expect(page.locator(".call")).to_have_count(3)
    return page


def lanes(page: Page) -> list[str]:
    return [one.get_attribute("aria-label").partition(",")[0] for one in page.locator(".actor").all()]  # type: ignore[union-attr]


def message(page: Page, words: str) -> Locator:
    return page.locator(".call", has=page.get_by_text(words, exact=True))


def test_one_conversation_is_followed_and_drawn(failed: Page, traffic: Seeded) -> None:
    select = failed.get_by_label("Follow")
    value = correlation_of(failed)
    select.select_option(value)
    expect(failed.locator("#q")).to_have_value(
        f'req.path:/api/checkout AND stats.statusCode:502 AND stats.correlation:"{value}"'
    )
    expect(failed.locator(".view-tools .chip")).to_contain_text("following")
    failed.get_by_role("link", name="Follow no longer").click()
    expect(failed.locator("#q")).to_have_value("req.path:/api/checkout AND stats.statusCode:502")
    expect(failed.locator('[data-act="seq-follow"] option').nth(1)).to_be_attached()

    page = followed(failed, traffic)
    assert lanes(page) == ["balancer", "gateway", "orders", "payments"]
    labels = page.locator(".call text").all_text_contents()
    assert labels[0] == "POST /api/checkout"
    assert any(re.match(r"502 · .*s", label) for label in labels)
    assert page.locator(".call .act").count() == 3
    expect(page.locator('[data-part="about"]')).to_have_text("3 of 3 communications")
    words = page.locator('[data-part="words"] li').all_inner_texts()
    assert words[0].startswith("POST /api/checkout, balancer to gateway, 502 after")


def test_a_message_lights_its_pair_tells_its_delay_and_opens(failed: Page, traffic: Seeded) -> None:
    page = followed(failed, traffic)
    payments = message(page, "POST /payments")
    payments.locator("text").first.hover()
    expect(payments).to_have_class(re.compile("over"))
    tip = page.locator('[data-part="tip"]')
    expect(tip).to_contain_text("orders → payments")
    expect(tip).to_contain_text(re.compile(r"\d+ % of POST /api/checkout"))
    expect(tip).to_contain_text("correlation")
    payments.locator("text").first.click()
    expect(page.locator("#detail .head")).to_contain_text("POST http://payments")
    assert f"open={payments.get_attribute('data-id')}" in page.url
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()


def test_keys_move_through_messages_open_and_follow(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, traffic, CHECKOUT + " NOT stats.src.name:monitor")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    current = page.locator(".call.on")
    expect(current).to_be_focused()
    expect(current).to_have_attribute("aria-label", re.compile("^POST /orders, gateway to orders, 201 after"))
    page.keyboard.press("k")
    expect(current).to_have_attribute("aria-label", re.compile("^POST /api/checkout"))
    page.keyboard.press("Enter")
    expect(page.locator("#detail .head")).to_contain_text("/api/checkout")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator("#q")).to_have_value(re.compile(r'^\(.+ OR .+\) AND stats\.correlation:"\w+"$'))
    expect(page.locator(".call")).to_have_count(3)


def test_scales_place_messages_by_order_by_time_and_by_its_logarithm(failed: Page, traffic: Seeded) -> None:
    page = followed(failed, traffic)

    def heights() -> list[float]:
        ys = page.eval_on_selector_all(".call .msg", "all => all.map(one => Number(one.getAttribute('y1')))")
        return sorted(ys)

    steps = [round(b - a) for a, b in zip(heights(), heights()[1:], strict=False)]
    assert len(set(steps)) == 1
    scale = page.get_by_role("navigation", name="Time scale")
    scale.get_by_text("Linear").click()
    assert "scale=linear" in page.url
    durations = page.evaluate("fetch(document.querySelector('.seqbox').dataset.url).then(one => one.json())")["calls"]
    moments = sorted(at for one in durations for at in (one["start"], one["end"]))
    ys = heights()
    for moment, y in zip(moments, ys, strict=True):
        share = (moment - moments[0]) / (moments[-1] - moments[0])
        assert y == pytest.approx(ys[0] + share * (ys[-1] - ys[0]), abs=0.5)
    scale.get_by_text("Log").click()
    logs = heights()
    assert logs == sorted(logs)
    assert logs[-1] - logs[0] < ys[-1] - ys[0]
    page.reload()
    expect(scale.locator("[aria-current]")).to_have_text("Log")
    before = page.locator(".seq:not(.actors)").get_attribute("height")
    page.keyboard.press("+")
    expect(page.locator(".seq:not(.actors)")).not_to_have_attribute("height", before or "")


def test_services_are_moved_by_drag_and_keys_hidden_and_shown_again(failed: Page, traffic: Seeded) -> None:
    page = followed(failed, traffic)
    boxes = [page.locator(".actor rect").nth(n).bounding_box() for n in (3, 1)]
    assert all(boxes)
    (start, end) = ((box["x"] + box["width"] / 2, box["y"] + 10) for box in boxes if box)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()
    expect(page.locator(".actor").nth(1)).to_have_attribute("aria-label", "payments, 2 of 4")
    assert lanes(page) == ["balancer", "payments", "gateway", "orders"]
    page.locator(".actor").nth(1).focus()
    page.keyboard.press("Shift+ArrowRight")
    assert lanes(page) == ["balancer", "gateway", "payments", "orders"]
    page.reload()
    expect(page.locator(".actor")).to_have_count(4)
    assert lanes(page) == ["balancer", "gateway", "payments", "orders"]
    page.locator(".actor").nth(2).focus()
    page.keyboard.press("h")
    assert lanes(page) == ["balancer", "gateway", "orders"]
    expect(page.locator('[data-part="about"]')).to_have_text("2 of 3 communications")
    assert "hide=payments" in page.url
    page.get_by_role("button", name="payments hidden").click()
    expect(page.locator(".call")).to_have_count(3)


def test_what_is_too_much_is_said(signed_in: Page, traffic: Seeded) -> None:
    page = opened(signed_in, traffic, "")
    expect(page.locator("#shown")).to_have_text(re.compile(r"First 200 of [\d,]+: narrow the query"))
    expect(page.locator(".call")).to_have_count(200)
    expect(page.locator('[data-part="words"] li').last).to_contain_text("more are not drawn")
    page.get_by_role("navigation", name="Time scale").get_by_text("Linear").click()
    expect(page.locator('[data-part="about"]')).to_contain_text("on hover")


def saved(page: Page, kind: str, *, light: bool = False) -> Download:
    page.locator(".export summary").click()
    page.locator('[data-part="light"]').set_checked(light)
    with page.expect_download() as download:
        page.locator(".export").get_by_role("button", name=kind).click()
    return download.value


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", head[16:24])


def test_the_diagram_is_saved_as_it_is_shown(failed: Page, traffic: Seeded, tmp_path: Path) -> None:
    page = followed(failed, traffic)
    put_theme(page, "dark")
    dark, light, png = (tmp_path / name for name in ("dark.svg", "light.svg", "one.png"))
    saved(page, "SVG").save_as(dark)
    saved(page, "SVG", light=True).save_as(light)
    saved(page, "PNG").save_as(png)
    assert page.locator("html").get_attribute("data-theme") == "dark"
    grounds = []
    for file in (dark, light):
        tree = ET.parse(file).getroot()
        texts = [one.text or "" for one in tree.iter(f"{SVG}text")]
        assert {"balancer", "gateway", "orders", "payments", "POST /api/checkout"} <= set(texts)
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"var\(|light-dark|class=|href=|url\(", text)
        assert "JetBrains Mono" in text
        grounds.append(tree.find(f"{SVG}rect").get("fill"))  # type: ignore[union-attr]
        size = int(tree.get("width", "0")), int(tree.get("height", "0"))
        assert png_size(png) == (size[0] * 2, size[1] * 2)
    assert grounds[0] != grounds[1] == "rgb(255, 255, 255)"


def test_a_saved_drawing_is_xml_whatever_was_captured(failed: Page) -> None:
    script = """async () => {
      const { made, selfContained } = await import("/static/httpcomms/drawing.js");
      const svg = made("svg", {}, made("text", { x: 1 }, "a\\u0000b\\ud800c</text><script>\\uffff&\\u001f"));
      return selfContained([[svg, 0, 0]], 10, 10);
    }"""
    tree = ET.fromstring(failed.evaluate(script))
    assert [one.text for one in tree.iter(f"{SVG}text")] == ["a\ufffdb\ufffdc</text><script>\ufffd&\ufffd"]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_the_diagram_fits_its_window(
    signed_in: Page, traffic: Seeded, screenshots: Path, width: int, height: int
) -> None:
    signed_in.set_viewport_size({"width": width, "height": height})
    page = opened(signed_in, traffic, CHECKOUT + " NOT stats.src.name:monitor")
    for scale in ("Sequential", "Linear", "Log"):
        page.get_by_role("navigation", name="Time scale").get_by_text(scale).click()
        for theme in ("light", "dark"):
            put_theme(page, theme)
            page.screenshot(path=screenshots / f"sequence-{scale.lower()}-{width}-{theme}.png")
    assert violations(page) == []
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width, height]


def test_nothing_found_says_why(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("req.method:PATCH", traffic.first, traffic.last) + "&view=sequence")
    expect(signed_in.locator("#list")).to_contain_text("Nothing matches")
    expect(signed_in.locator(".seqbox")).to_have_count(0)
