"""The map as a person uses it."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Page, expect

from apps.core.links import range_url
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.test_search import put_theme, violations
from tests.browser.test_sequence import SVG, png_size, saved

pytestmark = pytest.mark.browser
CY = "document.querySelector('.mapbox .stage')._cyreg.cy"


def opened(page: Page, traffic: Seeded, query: str = "", **more: str) -> Page:
    address = range_url(query, traffic.first, traffic.last) + "&view=map"
    page.set_default_timeout(30_000)
    page.goto(address + "".join(f"&{name}={value}" for name, value in more.items()))
    expect(page.locator("html")).to_have_attribute("data-zone", "Europe/Paris", timeout=20_000)  # loaded again once
    expect(page.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1", timeout=20_000)
    return page


def spot(page: Page, id: str) -> tuple[float, float]:
    """Where a node is on the screen, or the middle of an edge `a>b`."""
    box = page.locator(".mapbox .stage").bounding_box()
    assert box
    source, edge, target = id.partition(">")
    if edge:
        found = f"{CY}.edges().filter(one => one.data('source') === '{source}' && one.data('target') === '{target}')"
        at = page.evaluate(f"{found}[0].renderedMidpoint()")
    else:
        at = page.evaluate(f"{CY}.getElementById('{source}').renderedPosition()")
    return box["x"] + at["x"], box["y"] + at["y"]


def click(page: Page, id: str, key: str = "") -> None:
    if key:
        page.keyboard.down(key)
    page.mouse.click(*spot(page, id))
    if key:
        page.keyboard.up(key)


def places(page: Page) -> dict[str, Any]:
    return page.evaluate(f"Object.fromEntries({CY}.nodes('.body').map(one => [one.id(), one.position()]))")


def edges(page: Page) -> set[str]:
    return set(page.evaluate(f"{CY}.edges().map(one => one.data('source') + '>' + one.data('target'))"))


@pytest.fixture
def shop(signed_in: Page, traffic: Seeded) -> Page:
    """The map of the whole shop."""
    return opened(signed_in, traffic)


def test_who_calls_whom_is_drawn_with_its_figures(shop: Page, traffic: Seeded) -> None:
    found = edges(shop)
    assert {"balancer>gateway", "gateway>orders", "orders>payments", "monitor>catalog"} <= found
    total = shop.evaluate("fetch(document.querySelector('.mapbox').dataset.url).then(one => one.json())")
    assert total["drawn"] == total["total"] == sum(edge["count"] for edge in total["edges"])
    one = next(edge for edge in total["edges"] if edge["source"] == "orders")
    wanted = [c for c in traffic.communications.values() if c.request and c.request.target == "/payments"]
    failed = [c for c in wanted if c.response and c.response.status >= 500]
    assert (one["count"], one["classes"]["5xx"]) == (len(wanted), len(failed))
    label = shop.evaluate(f"{CY}.edges().filter(one => one.data('source') === 'orders')[0].data('label')")
    assert re.fullmatch(r"[\d.]+/min · p95 [\d.]+ s\n\d+ % 5xx", label)
    widths = shop.evaluate(f"{CY}.edges().map(one => [one.data('edge').count, one.width()])")
    assert [width for _, width in sorted(widths)] == sorted(width for _, width in widths)
    sizes = shop.evaluate(f"Object.fromEntries({CY}.nodes('.body').map(one => [one.id(), one.width()]))")
    assert sizes["gateway"] > sizes["orders"]
    expect(shop.locator('[data-part="about"]')).to_have_text(re.compile(r"\d+ nodes, \d+ edges"))


def test_cytoscape_is_not_fetched_for_the_grid(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("", traffic.first, traffic.last))
    expect(signed_in.locator("#rows tr.row").first).to_be_visible()
    assert signed_in.evaluate("typeof window.cytoscape") == "undefined"
    signed_in.keyboard.press("g")
    signed_in.keyboard.press("m")
    expect(signed_in.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")


def test_a_click_filters_and_with_ctrl_excludes(shop: Page) -> None:
    click(shop, "orders")
    condition = "(stats.src.name:orders OR stats.dst.name:orders)"
    expect(shop.locator("#q")).to_have_value(condition)
    expect(shop.locator(".side")).to_have_attribute("data-loaded", "orders")
    expect(shop.locator(".side h2")).to_have_text("orders")
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert edges(shop) == {"gateway>orders", "monitor>orders", "orders>payments"}
    click(shop, "monitor>orders", "Control")
    expect(shop.locator("#q")).to_have_value(f"{condition} AND NOT (stats.src.name:monitor AND stats.dst.name:orders)")
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert edges(shop) == {"gateway>orders", "orders>payments"}
    click(shop, "orders>payments")
    expect(shop.locator("#found b")).not_to_have_text("0")
    expect(shop.locator("#q")).to_have_value(re.compile(r"AND \(stats.src.name:orders AND stats.dst.name:payments\)$"))
    shop.go_back()
    expect(shop.locator("#q")).to_have_value(re.compile("AND NOT"))


def test_the_panel_says_what_a_node_does(shop: Page, traffic: Seeded) -> None:
    click(shop, "orders", "Shift")
    side = shop.locator(".side")
    expect(side).to_have_attribute("data-loaded", "orders")
    expect(shop.locator("#q")).to_have_value("")
    assert "node=orders" in shop.url
    asked = [c for c in traffic.communications.values() if c.request and c.request.target == "/orders"]
    expect(side).to_contain_text("As a server")
    expect(side).to_contain_text("As a client")
    expect(side).to_contain_text("503 mostly")
    expect(side.locator("dt", has_text="payments").first).to_be_visible()
    count = int(side.locator("dd").first.inner_text().partition(" ")[0])
    assert count > len(asked)  # health checks too
    shop.reload()
    expect(side).to_have_attribute("data-loaded", "orders")
    shop.keyboard.press("Escape")
    expect(side).to_be_hidden()
    assert "node=" not in shop.url
    click(shop, "orders", "Shift")
    side.get_by_role("button", name="Exclude").click()
    expect(shop.locator("#q")).to_have_value("NOT (stats.src.name:orders OR stats.dst.name:orders)")


def test_a_node_leads_to_its_sequence(shop: Page) -> None:
    click(shop, "payments", "Shift")
    shop.locator(".side").get_by_role("button", name="Sequence").click()
    expect(shop.locator(".seqbox .stage")).to_have_attribute("data-drawn", re.compile(r"\d"))
    expect(shop.locator("#q")).to_have_value("(stats.src.name:payments OR stats.dst.name:payments)")


def test_keys_choose_nodes_filter_move_and_zoom(shop: Page) -> None:
    shop.keyboard.press("n")
    side = shop.locator(".side")
    first = side.get_attribute("data-node")
    shop.keyboard.press("n")
    expect(side).not_to_have_attribute("data-node", first or "")
    shop.keyboard.press("p")
    expect(side).to_have_attribute("data-node", first or "")
    before = shop.evaluate(f"[{CY}.pan(), {CY}.zoom()]")
    shop.keyboard.press("ArrowRight")
    assert shop.evaluate(f"{CY}.pan().x") == pytest.approx(before[0]["x"] - 60)
    shop.keyboard.press("+")
    assert shop.evaluate(f"{CY}.zoom()") > before[1]
    shop.get_by_role("button", name="Smaller").click()
    shop.keyboard.press("0")
    assert shop.evaluate(f"{CY}.zoom()") == pytest.approx(before[1], rel=0.3)
    shop.keyboard.press("n")
    chosen = side.get_attribute("data-node") or "?"
    shop.keyboard.press("Enter")
    expect(shop.locator("#q")).to_have_value(re.compile(re.escape(chosen)))


def test_the_same_data_gives_the_same_picture_and_what_is_dragged_stays(shop: Page) -> None:
    before = places(shop)
    shop.set_viewport_size({"width": 1700, "height": 1000})
    shop.reload()
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert places(shop) == before
    x, y = spot(shop, "payments")
    shop.mouse.move(x, y)
    shop.mouse.down()
    shop.mouse.move(x - 80, y + 60, steps=4)
    shop.mouse.up()
    expect(shop.locator(".mapbox")).to_have_attribute("data-kept", "1")
    expect(shop.locator("#q")).to_have_value("")  # a drag is no click
    dragged = places(shop)
    assert dragged["payments"]["x"] < before["payments"]["x"]
    shop.reload()
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert places(shop)["payments"] == pytest.approx(dragged["payments"], abs=0.1)
    assert places(shop)["gateway"] == before["gateway"]
    shop.get_by_role("button", name="Forget positions").click()
    expect(shop.locator(".mapbox")).to_have_attribute("data-kept", "1")
    assert places(shop) == before


def test_gateways_are_hidden_and_what_is_behind_is_joined(shop: Page, traffic: Seeded) -> None:
    shop.get_by_label("Hide gateways").check()
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    expect(shop.locator('[data-part="hint"]')).to_contain_text("gateway hidden")
    expect(shop.locator('[data-part="hint"]')).to_contain_text("by correlation identifier")
    assert "hide=1" in shop.url
    found = edges(shop)
    assert {"balancer>orders", "balancer>catalog", "balancer>users", "balancer>cart"} <= found
    assert not any("gateway" in edge for edge in found)
    wanted = [c for c in traffic.communications.values() if c.request and c.request.target == "/orders"]
    joined = "one => one.data('source') === 'balancer' && one.data('target') === 'orders'"
    one = shop.evaluate(f"{CY}.edges().filter({joined})[0].data('edge')")
    assert (one["count"], one["via"], one["estimated"]) == (len(wanted), ["gateway"], False)


def test_rules_are_tried_while_they_are_written_and_kept(shop: Page) -> None:
    shop.get_by_role("button", name="Rules…").click()
    dialog = shop.get_by_role("dialog")
    expect(dialog.locator('[data-part="preview"]')).to_contain_text("gateway is a gateway")
    dialog.get_by_role("button", name="Rule", exact=True).first.click()
    dialog.get_by_label("Pattern of names").nth(2).fill("^(orders|payments")
    expect(dialog.get_by_role("alert")).to_contain_text("no regular expression")
    expect(dialog.get_by_label("Pattern of names").nth(2)).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Pattern of names").nth(2).fill("^(orders|payments)$")
    dialog.get_by_label("Name of the node").nth(2).fill("money")
    expect(dialog.locator('[data-part="preview"]')).to_contain_text("money is orders, payments")
    shop.complaints.clear()  # type: ignore[attr-defined]  # the 400 of the wrong pattern
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog).to_be_hidden()
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    expect(shop.locator('[data-part="table"] td', has_text="money").first).to_be_attached()
    assert "money>money" in edges(shop)
    click(shop, "money", "Shift")
    expect(shop.locator(".side")).to_contain_text("2 replicas merged")
    shop.get_by_label("Merge replicas").uncheck()
    expect(shop.locator('[data-part="table"] td', has_text="money")).to_have_count(0)
    assert "merge=0" in shop.url
    shop.reload()
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    shop.get_by_role("button", name="Rules…").click()
    expect(dialog.get_by_label("Pattern of names").nth(2)).to_have_value("^(orders|payments)$")
    dialog.get_by_role("button", name="Usual rules").click()
    expect(dialog.locator('[data-rules="replicas"] .rule')).to_have_count(2)
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()


def test_the_table_says_the_same_and_is_sorted(shop: Page) -> None:
    table = shop.locator('[data-part="table"] table')
    assert table.locator("tbody tr").count() == len(edges(shop))
    shop.get_by_role("button", name="As table").click()
    assert "as=table" in shop.url
    counts = [int(one.replace(",", "")) for one in table.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    table.get_by_role("button", name="Communications").click()
    counts = [int(one.replace(",", "")) for one in table.locator("tbody td:nth-child(3)").all_inner_texts()]
    assert counts == sorted(counts)
    expect(table.locator("th").nth(2)).to_have_attribute("aria-sort", "ascending")
    shop.reload()
    expect(table.get_by_role("button", name="orders").first).to_be_visible()
    table.get_by_role("button", name="orders").last.click()
    expect(shop.locator("#q")).to_have_value(re.compile("orders"))


def test_replicas_are_addresses_and_templates_hang_on_their_server(shop: Page) -> None:
    modes = shop.get_by_role("navigation", name="What a node is")
    modes.get_by_text("Replicas").click()
    expect(modes.locator("[aria-current]")).to_have_text("Replicas")
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert "10.20.0.10>10.20.0.23" in edges(shop)
    assert shop.evaluate(f"{CY}.getElementById('10.20.0.23').data('node').known") == "orders"
    modes.get_by_text("Templates").click()
    expect(modes.locator("[aria-current]")).to_have_text("Templates")
    expect(shop.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    assert "orders>template:no template" in edges(shop)


def test_the_map_is_saved_as_it_is_shown(shop: Page, tmp_path: Path) -> None:
    svg, png = tmp_path / "map.svg", tmp_path / "map.png"
    saved(shop, "SVG").save_as(svg)
    saved(shop, "PNG").save_as(png)
    tree = ET.parse(svg).getroot()
    texts = [one.text or "" for one in tree.iter(f"{SVG}text")]
    assert {"balancer", "gateway", "orders", "payments", "monitor"} <= set(texts)
    assert any(re.fullmatch(r"\d+ % 5xx", text) for text in texts)
    gradients = {one.get("id") for one in tree.iter(f"{SVG}linearGradient")}
    strokes = {one.get("stroke", "") for one in tree.iter(f"{SVG}path")}
    assert {f"url(#{one})" for one in gradients} <= strokes
    assert len(gradients) == len(edges(shop))
    assert not re.search(r"var\(|light-dark|class=", svg.read_text(encoding="utf-8"))
    assert png_size(png) == (int(tree.get("width", 0)) * 2, int(tree.get("height", 0)) * 2)


def test_pointing_tells_and_fades_the_rest(shop: Page) -> None:
    shop.mouse.move(*spot(shop, "payments"))
    tip = shop.locator('[data-part="tip"]')
    expect(tip).to_contain_text("payments")
    expect(tip).to_contain_text("4xx · 5xx · none")
    assert shop.evaluate(f"{CY}.getElementById('balancer').hasClass('faded')")
    assert not shop.evaluate(f"{CY}.getElementById('orders').hasClass('faded')")


def test_nothing_found_says_why(signed_in: Page, traffic: Seeded) -> None:
    signed_in.goto(range_url("req.method:PATCH", traffic.first, traffic.last) + "&view=map")
    expect(signed_in.locator("#list")).to_contain_text("Nothing matches")
    expect(signed_in.locator(".mapbox")).to_have_count(0)


def test_a_map_that_is_refused_says_so_and_can_be_asked_again(signed_in: Page, traffic: Seeded) -> None:
    said = '{"error": {"code": "too_long", "message": "The figures were not there within 20 s.", "field": "from"}}'
    figures = re.compile(r"/api/v1/httpcomms/map/\?")
    signed_in.route(figures, lambda route: route.fulfill(status=503, body=said))
    signed_in.goto(range_url("", traffic.first, traffic.last) + "&view=map")
    expect(signed_in.get_by_role("alert")).to_contain_text("not there within 20 s")
    signed_in.unroute(figures)
    signed_in.get_by_role("button", name="Try again").click()
    expect(signed_in.locator(".mapbox .stage")).to_have_attribute("data-drawn", "1")
    signed_in.complaints.clear()  # type: ignore[attr-defined]  # the 503


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080)])
def test_the_map_fits_its_window(signed_in: Page, traffic: Seeded, screenshots: Path, width: int, height: int) -> None:
    signed_in.set_viewport_size({"width": width, "height": height})
    page = opened(signed_in, traffic, node="orders")
    expect(page.locator(".side")).to_have_attribute("data-loaded", "orders")
    for theme in ("light", "dark"):
        put_theme(page, theme)
        page.screenshot(path=screenshots / f"map-{width}-{theme}.png")
    assert violations(page) == []
    size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width, height]
    page.get_by_role("button", name="As table").click()
    page.screenshot(path=screenshots / f"map-table-{width}.png")
    assert violations(page) == []
    page.get_by_role("button", name="Rules…").click()
    expect(page.locator('[data-part="preview"] li').first).to_be_visible()
    page.screenshot(path=screenshots / f"map-rules-{width}.png")
    assert violations(page) == []


@pytest.mark.parametrize("view", ["map", "sequence", "waterfall"])
def test_the_views_can_be_read_on_a_phone(signed_in: Page, traffic: Seeded, screenshots: Path, view: str) -> None:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    signed_in.goto(range_url("req.path:/api/checkout", traffic.first, traffic.last) + f"&view={view}")
    drawn = {"map": ".stage canvas", "sequence": ".call", "waterfall": ".fall tr.row"}[view]
    expect(signed_in.locator(drawn).first).to_be_attached(timeout=20_000)
    signed_in.locator(".view-tools").scroll_into_view_if_needed()
    signed_in.screenshot(path=screenshots / f"{view}-phone.png")
    assert signed_in.evaluate("document.documentElement.scrollWidth") <= 390
