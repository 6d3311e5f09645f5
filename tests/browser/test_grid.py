"""The grid in Chromium: its columns, keys, selection and rows without end, on the real site with a real store."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Locator, Page, expect

from apps.core.links import range_url
from apps.core.servers import document_store
from apps.core.words import SECOND, rfc3339
from apps.httpcomms.models import Preference
from apps.whisperers.models import Whisperer
from documents.build import Document
from documents.bulk import lines
from tests.apps.httpcomms.seeding import Seeded
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import ask, put_theme, violations

pytestmark = pytest.mark.browser
MINUTE = 60 * SECOND


@pytest.fixture
def grid(signed_in: Page, traffic: Seeded) -> Iterator[Page]:
    """The grid over all of the shop's traffic."""
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    signed_in.goto(range_url("", traffic.first, traffic.last))
    expect(signed_in.locator("#found")).to_contain_text("communications")
    signed_in.wait_for_selector(".query.painted")
    yield signed_in
    Preference.objects.all().delete()


def rows(page: Page) -> Locator:
    return page.locator("#rows tr.row")


def heads(page: Page) -> list[str]:
    return page.locator("#rows th.head").evaluate_all("all => all.map(one => one.dataset.name)")


def parameter(page: Page, name: str) -> str:
    return page.evaluate("name => new URL(location.href).searchParams.get(name) ?? ''", name)


def copied(page: Page) -> str:
    return page.evaluate("navigator.clipboard.readText()")


def go(page: Page, **changes: str) -> None:
    """The page at its own address with some parameters changed."""
    page.goto(
        page.evaluate(
            """changes => { const url = new URL(location.href);
            for (const [name, value] of Object.entries(changes)) url.searchParams.set(name, value);
            return url.href; }""",
            changes,
        )
    )
    page.wait_for_selector(".query.painted")


def test_a_click_on_a_cell_opens_its_row_and_leaves_the_clipboard_alone(grid: Page) -> None:
    grid.evaluate("navigator.clipboard.writeText('mine')")
    rows(grid).first.locator("td.path").click()
    expect(grid.locator("#detail .head")).to_be_visible()
    assert copied(grid) == "mine"


def test_columns_are_chosen_found_and_kept(grid: Page, traffic: Seeded) -> None:
    grid.keyboard.press("c")
    dialog = grid.get_by_role("dialog", name="Columns")
    expect(dialog).to_be_visible()
    find = dialog.get_by_label("Find a column")
    expect(find).to_be_focused()
    find.fill("client behind proxies")
    dialog.get_by_role("checkbox", name=re.compile("Origin")).check()
    find.fill("req.headers.x-forwarded-for")
    keyed = dialog.locator(".choice:visible")
    expect(keyed).to_have_count(1)
    expect(keyed).to_contain_text("x-forwarded-for")
    find.press("Enter")
    find.fill("nothing is called so")
    expect(dialog.locator("#choose-none")).to_be_visible()
    find.fill("req.headers.X-By-Hand")
    expect(dialog.locator("#choose-hand")).to_contain_text("req.headers.x-by-hand")
    find.press("Enter")
    dialog.get_by_role("button", name="Host: take it away").click()
    expect(dialog.locator("#choose-count")).to_have_text("11")
    dialog.get_by_role("button", name="Show these").click()
    added = ["stats.src.origin", "req.headers.x-forwarded-for", "req.headers.x-by-hand"]
    expect(grid.locator('#rows th[data-name="req.headers.x-by-hand"]')).to_be_attached()
    assert heads(grid)[-3:] == added
    assert "req.host" not in heads(grid)
    assert parameter(grid, "columns").endswith(",".join(added))

    # A new visit has them without the address's help; the address then says so.
    grid.goto(range_url("", traffic.first, traffic.last))
    grid.wait_for_selector(".query.painted")
    assert heads(grid)[-3:] == added
    assert parameter(grid, "columns").endswith(",".join(added))
    grid.keyboard.press("c")
    dialog.get_by_role("button", name="Usual columns").click()
    expect(grid.locator('#rows th[data-name="req.host"]')).to_be_attached()
    assert parameter(grid, "columns") == ""
    assert not Preference.objects.exists()


def test_a_shared_link_has_its_own_columns_and_keeps_nothing(grid: Page) -> None:
    go(grid, columns="date,res.date,stats.src.port,req.path~200")
    assert heads(grid) == ["date", "res.date", "stats.src.port", "req.path"]
    assert grid.locator("#rows col").nth(4).evaluate("col => col.offsetWidth || col.style.width") in (200, "200px")
    ask(grid, "req.method:POST")
    assert heads(grid) == ["date", "res.date", "stats.src.port", "req.path"]
    assert not Preference.objects.exists()


def test_an_unknown_column_is_said_and_can_be_mended(grid: Page) -> None:
    go(grid, columns="date,req.metod")
    expect(grid.get_by_role("alert")).to_contain_text("There is no column req.metod: did you mean req.method?")
    grid.get_by_role("button", name="Search", exact=True).click()
    expect(rows(grid).first).to_be_visible()
    grid.complaints.clear()  # type: ignore[attr-defined]  # the browser logs the 400


def test_a_column_is_resized_by_mouse_and_keys_and_fitted(grid: Page) -> None:
    head = grid.locator('#rows th[data-name="req.method"]')
    before = head.bounding_box()
    assert before is not None
    right, middle = before["x"] + before["width"] - 3, before["y"] + 12
    grid.mouse.move(right, middle)
    grid.mouse.down()
    grid.mouse.move(right + 60, middle, steps=4)
    with grid.expect_response("**/api/v1/preferences/columns/"):
        grid.mouse.up()
    after = head.bounding_box()
    assert after is not None
    assert abs(after["width"] - before["width"] - 60) <= 2
    assert f"req.method~{round(after['width'])}" in parameter(grid, "columns")

    head.get_by_role("link").focus()
    with grid.expect_response("**/api/v1/preferences/columns/"):
        grid.keyboard.press("Alt+ArrowDown")
    narrower = head.bounding_box()
    assert narrower is not None
    assert round(after["width"] - narrower["width"]) == 16
    with grid.expect_response("**/api/v1/preferences/columns/"):
        grid.locator('#rows th[data-name="path"] .grip').dblclick()
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
    assert grid.locator("#rows td.path").evaluate_all(cut) == 0
    grid.reload()
    grid.wait_for_selector(".query.painted")
    fitted = head.bounding_box()
    assert fitted is not None
    assert fitted["width"] == narrower["width"]


def test_what_was_resized_stays_so_in_the_next_search(grid: Page) -> None:
    go(grid, columns="date,req.method,path")
    grid.locator('#rows th[data-name="req.method"]').get_by_role("link").focus()
    with grid.expect_response("**/api/v1/preferences/columns/"):
        grid.keyboard.press("Alt+ArrowUp")
    assert parameter(grid, "columns") == "date,req.method~78,path"
    grid.locator('.facet[data-field="req.method"]').get_by_role("link", name="POST", exact=True).click()
    expect(grid.locator("#found")).to_have_attribute("data-q", "req.method:POST")
    assert parameter(grid, "columns") == "date,req.method~78,path"
    grid.locator('#rows th[data-name="req.method"]').get_by_role("link").focus()
    with grid.expect_response("**/api/v1/preferences/columns/"):
        grid.keyboard.press("Alt+ArrowUp")
    grid.fill("#q", "req.method:GET")
    grid.keyboard.press("Enter")
    expect(grid.locator("#found")).to_have_attribute("data-q", "req.method:GET")
    assert parameter(grid, "columns") == "date,req.method~94,path"


def test_columns_are_put_in_order_by_drag_and_keys(grid: Page) -> None:
    host = grid.locator('#rows th[data-name="req.host"]')
    host.drag_to(grid.locator('#rows th[data-name="date"]'), target_position={"x": 4, "y": 10})
    expect(grid.locator("#rows th.head").first).to_have_attribute("data-name", "req.host")
    host.get_by_role("link").focus()
    grid.keyboard.press("Alt+ArrowRight")
    expect(grid.locator("#rows th.head").first).to_have_attribute("data-name", "date")
    expect(host.get_by_role("link")).to_be_focused()
    assert parameter(grid, "columns").startswith("date,req.host,req.method")


def test_heads_sort_and_say_why_they_cannot(grid: Page) -> None:
    grid.get_by_role("link", name="Duration").click()
    head = grid.locator('#rows th[data-name="stats.duration"]')
    expect(head).to_have_attribute("aria-sort", "descending")
    assert parameter(grid, "sort") == "-stats.duration"
    durations = grid.locator("#rows td.dur-c").evaluate_all("all => all.map(one => Number(one.dataset.copy))")
    assert durations == sorted(durations, reverse=True)
    size = grid.locator('#rows th[data-name="size"]')
    expect(size.get_by_role("link")).to_have_count(0)
    expect(size).to_have_attribute("title", re.compile("Not sortable: It puts two fields together"))


def test_kinds_are_shown_as_they_deserve(grid: Page) -> None:
    kinds = "date,res.date,stats.statusClass,res.size,stats.timings.wait,res.body.truncated,whisperer,parsing.status"
    go(grid, columns=f"{kinds},res.body.encoding,stats.dst.ip,req.headers.user-agent,res.body.sha256,version")
    first = rows(grid).first
    expect(first.locator("td").nth(1)).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
    expect(first.locator("td").nth(3).locator("svg")).to_be_visible()
    expect(first.locator("td").nth(7)).to_have_text("shop-prod-1")
    expect(first.locator("td").nth(8)).to_have_text("complete")


def test_narrow_windows_fold_columns_and_say_so(grid: Page) -> None:
    expect(grid.locator("#folded")).to_be_hidden()
    grid.set_viewport_size({"width": 800, "height": 700})
    folded = grid.locator("#folded")
    expect(folded).to_contain_text("folded")
    expect(folded).to_have_attribute("title", re.compile("Host"))
    scroll = grid.locator("#scroll")
    assert scroll.evaluate("one => one.scrollWidth - one.clientWidth") <= 0
    folded.click()
    assert scroll.evaluate("one => one.scrollWidth - one.clientWidth") > 100
    folded.click()
    assert scroll.evaluate("one => one.scrollWidth - one.clientWidth") <= 0


def test_keys_go_through_rows_and_cells(grid: Page) -> None:
    press = grid.keyboard.press
    press("ArrowDown")
    expect(rows(grid).first).to_have_class(re.compile("cur"))
    expect(rows(grid).first).to_be_focused()
    press("PageDown")
    place = int(grid.locator("#rows tr.cur").get_attribute("aria-rowindex") or 0)
    assert place > 10
    press("PageUp")
    expect(rows(grid).first).to_be_focused()
    press("End")
    expect(grid.locator('#rows tr.cur[aria-rowindex="101"]')).to_be_visible()
    press("Home")
    press("ArrowRight")
    press("ArrowRight")
    expect(rows(grid).first.locator("td").nth(2)).to_be_focused()
    press("Control+c")
    expect(grid.get_by_role("status").filter(has_text="copied")).to_be_visible()
    assert copied(grid) == rows(grid).first.locator("td").nth(2).inner_text()
    press("ArrowLeft")
    press("ArrowLeft")
    press("Control+c")
    expect(grid.locator(".toast")).to_contain_text("The row is copied")
    line = copied(grid).split("\t")
    assert len(line) == len(heads(grid))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line[0])
    press("Enter")
    expect(grid.locator("#detail-place")).to_contain_text(re.compile("^1 of"))
    press("Escape")
    expect(grid.locator("#detail")).to_be_hidden()


def test_rows_are_selected_by_keys_and_clicks(grid: Page) -> None:
    bar = grid.get_by_role("region", name="Selection")
    expect(bar).to_be_hidden()
    grid.keyboard.press("ArrowDown")
    grid.keyboard.press("Space")
    expect(bar).to_contain_text("1 selected")
    grid.keyboard.press("Shift+ArrowDown")
    grid.keyboard.press("Shift+ArrowDown")
    expect(bar).to_contain_text("3 selected")
    expect(grid.locator('#rows tr[aria-selected="true"]')).to_have_count(3)
    grid.keyboard.press("Shift+ArrowUp")
    expect(bar).to_contain_text("2 selected")
    rows(grid).nth(5).get_by_role("checkbox").click()
    expect(bar).to_contain_text("3 selected")
    rows(grid).nth(9).locator("td").nth(5).click(modifiers=["Shift"])
    expect(bar).to_contain_text("7 selected")
    expect(grid.locator("#detail")).to_be_hidden()
    assert grid.locator("#pick-all").evaluate("box => box.indeterminate")
    grid.locator("#pick-all").click()
    expect(bar).to_contain_text("100 selected")
    grid.locator("#pick-all").click()
    expect(bar).to_be_hidden()
    rows(grid).nth(1).focus()
    grid.keyboard.press("Control+a")
    expect(bar).to_contain_text("100 selected")
    bar.get_by_role("button", name="Copy ids").click()
    expect(grid.locator(".toast")).to_contain_text("100 ids are copied")
    assert len(set(copied(grid).split("\n"))) == 100
    bar.get_by_role("button", name="Select nothing").click()
    expect(bar).to_be_hidden()
    assert parameter(grid, "select") == ""


def test_a_selection_outlives_searches_scrolling_and_reloading(grid: Page) -> None:
    bar = grid.get_by_role("region", name="Selection")
    picked = [rows(grid).nth(n).get_attribute("data-id") for n in (0, 3)]
    for n in (0, 3):
        rows(grid).nth(n).get_by_role("checkbox").click()
    ask(grid, "stats.statusCode:>=500")
    expect(bar).to_contain_text("2 selected")
    assert parameter(grid, "select").split(",") == picked
    other = rows(grid).first.get_attribute("data-id")
    rows(grid).first.get_by_role("checkbox").click()
    grid.go_back()
    expect(grid.locator("#found")).to_have_attribute("data-q", "")
    grid.wait_for_selector(".query.painted")
    expect(bar).to_contain_text("3 selected")
    expect(grid.locator('#rows tr[aria-selected="true"]').first).to_have_attribute("data-id", picked[0] or "")
    grid.reload()
    expect(bar).to_contain_text("3 selected")
    # The link alone has it too, in a browser that knows nothing of it.
    address = grid.url
    grid.evaluate("sessionStorage.clear()")
    grid.goto("/whisperers/")
    grid.goto(address)
    expect(bar).to_contain_text("3 selected")
    assert parameter(grid, "select").split(",") == [*picked, other]


def test_what_does_not_fit_into_the_address_is_said(grid: Page) -> None:
    bar = grid.get_by_role("region", name="Selection")
    grid.locator("#pick-all").click()
    expect(bar).to_contain_text("100 selected kept in this tab, 50 of them in the link")
    ids = parameter(grid, "select").split(",")
    assert len(ids) == 51
    assert ids[-1] == "+50"
    grid.reload()
    expect(bar).to_contain_text("100 selected")


def test_export_is_told_what_is_selected(grid: Page) -> None:
    grid.evaluate("document.addEventListener('spider:export', (event) => { window.asked = event.detail.ids; })")
    for n in (1, 2):
        rows(grid).nth(n).get_by_role("checkbox").click()
    grid.get_by_role("region", name="Selection").get_by_role("button", name="Export").click()
    assert grid.evaluate("window.asked") == [rows(grid).nth(n).get_attribute("data-id") for n in (1, 2)]


def test_a_row_opens_in_a_new_tab(grid: Page) -> None:
    id = rows(grid).nth(2).get_attribute("data-id") or ""
    for how in ({"modifiers": ["Control"]}, {"button": "middle"}):
        with grid.context.expect_page() as opened:
            # Beside the values: with Ctrl a click on one excludes it.
            rows(grid).nth(2).locator("td").nth(1).click(**how)  # type: ignore[arg-type]
        opened.value.wait_for_load_state()
        assert f"/httpcomms/{id}/" in opened.value.url
        opened.value.close()
    expect(grid.locator("#detail")).to_be_hidden()


def test_thousands_of_rows_leave_the_document_and_come_back(grid: Page, traffic: Seeded) -> None:
    total = len(traffic.communications)
    assert total > 1500
    first = rows(grid).first.get_attribute("data-id") or ""
    rows(grid).first.get_by_role("checkbox").click()
    pages = total // 100 + 1
    for page in range(2, pages + 1):
        grid.locator("#rows tr.more").scroll_into_view_if_needed()
        expect(grid.locator("#rows tbody.leaf")).to_have_count(page)
    expect(grid.locator("#rows tr.more")).to_have_count(0)
    grid.locator("#scroll").evaluate("one => one.scrollTo(0, one.scrollHeight)")
    expect(grid.locator("#shown")).to_contain_text(f"–{total:,} of {total:,}")
    expect(grid.locator(f'tr[data-id="{first}"]')).to_have_count(0)
    assert rows(grid).count() <= 1000
    grid.locator("#scroll").evaluate("one => one.scrollTo(0, 0)")
    expect(grid.locator("#shown")).to_contain_text(re.compile(r"^Rows 1–\d\d of"))
    expect(grid.locator(f'tr[data-id="{first}"]')).to_have_attribute("aria-selected", "true")
    rows(grid).first.focus()
    grid.keyboard.press("Control+a")
    expect(grid.get_by_role("region", name="Selection")).to_contain_text(f"{total:,} selected")
    grid.keyboard.press("End")
    expect(grid.locator(f'#rows tr.cur[aria-rowindex="{total + 1}"]')).to_be_visible()


@pytest.fixture
def lost(traffic: Seeded) -> Iterator[None]:
    """A minute in which the kernel dropped packets, in the middle of the traffic."""
    at = (traffic.first + traffic.last) // 2 // MINUTE * MINUTE
    Whisperer.objects.filter(pk=WHISPERER).update(mode="INTERFACE")
    counters = {"packets.session": 900, "packets.dropped.kernel": 412}
    about = {"kind": "capture", "whisperer": WHISPERER, "capture": "c-shop-1", "counters": counters}
    day = time.strftime("%Y%m%d", time.gmtime())
    id = f"{day}-default-loss"
    body = orjson.dumps(about | {"id": id, "version": 1, "date": rfc3339(at)})
    store = document_store()
    assert not store.write("monitoring", lines([Document(id, 1, "monitoring", day, "default", body)])).failed
    store.refresh("monitoring")
    yield
    for part in store.days("monitoring"):
        store.drop_day("monitoring", part.day, part.policy)


def test_a_loss_is_told_at_its_moment(grid: Page, traffic: Seeded, lost: None, screenshots: Path) -> None:
    grid.reload()
    told = grid.locator("#rows tr.loss")
    while not told.count() and grid.locator("#rows tr.more").count():
        before = grid.locator("#rows tbody.leaf").count()
        grid.locator("#rows tr.more").scroll_into_view_if_needed()
        expect(grid.locator("#rows tbody.leaf")).not_to_have_count(before)
    told.scroll_into_view_if_needed()
    expect(told).to_contain_text("1 min with loss on shop-prod-1: 412 packets dropped by the kernel")
    expect(told.get_by_role("link", name="Why?")).to_have_attribute("href", f"/whisperers/{WHISPERER}/")
    grid.screenshot(path=screenshots / "grid-loss-light.png")
    grid.get_by_role("link", name="Duration").click()
    expect(grid.locator('#rows th[aria-sort="descending"]')).to_have_attribute("data-name", "stats.duration")
    expect(told).to_have_count(0)


def test_the_grid_is_one_for_screen_readers(grid: Page, traffic: Seeded) -> None:
    table = grid.get_by_role("grid", name="Communications")
    expect(table).to_have_attribute("aria-rowcount", str(len(traffic.communications) + 1))
    expect(table).to_have_attribute("aria-multiselectable", "true")
    expect(rows(grid).first).to_have_attribute("aria-rowindex", "2")
    rows(grid).first.get_by_role("checkbox").click()
    expect(rows(grid).first).to_have_attribute("aria-selected", "true")
    for theme in ("light", "dark"):
        put_theme(grid, theme)
        assert violations(grid) == []
        grid.keyboard.press("c")
        expect(grid.locator("#choose")).to_be_visible()
        assert violations(grid) == []
        grid.keyboard.press("Escape")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (390, 844)])
def test_it_looks_right(grid: Page, screenshots: Path, width: int, height: int) -> None:
    grid.set_viewport_size({"width": width, "height": height})
    for n in (3, 4, 7):
        rows(grid).nth(n).get_by_role("checkbox").click()
    for theme in ("light", "dark"):
        put_theme(grid, theme)
        grid.screenshot(path=screenshots / f"grid-{width}-{theme}.png")
    if width > 400:
        rows(grid).nth(7).click()
        expect(grid.locator("#pane-general .timing")).to_be_visible()
        grid.screenshot(path=screenshots / f"grid-open-{width}-dark.png")
        grid.keyboard.press("Escape")
    put_theme(grid, "light")
    grid.locator('[data-act="columns"]').click()
    expect(grid.locator("#choose")).to_be_visible()
    grid.screenshot(path=screenshots / f"grid-columns-{width}-light.png")
    grid.keyboard.press("Escape")
    chosen = "date,res.date,stats.statusCode,req.method,req.path,stats.src.origin,req.template,req.headers.user-agent"
    more = "whisperer,parsing.status,stats.timings.wait,res.size,res.body.truncated,res.body.encoding"
    go(grid, columns=f"{chosen},{more}")
    grid.screenshot(path=screenshots / f"grid-other-{width}-light.png")
    assert grid.evaluate("document.documentElement.scrollWidth") == width
