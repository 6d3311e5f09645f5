"""The configuration of whisperers as a person edits it, in Chromium, on the real site."""

import json
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from apps.whisperers.models import Whisperer
from apps.whisperers.services import configuration_set
from tests.apps.httpcomms.seeding import Seeded
from tests.apps.whisperers.seeding import World, world
from tests.browser.conftest import WHISPERER
from tests.browser.test_search import put_theme, violations
from tests.browser.whisperers import expected, leave, opened

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(people: dict[str, User]) -> World:
    """Whisperers in every state."""
    return world(people["alice"], people["charlie"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_edit(signed_in: Page, shop: World, screenshots: Path, theme: str) -> None:
    page = opened(signed_in, shop, tab="capture/")
    put_theme(page, theme)
    page.get_by_label("Parallel uploads", exact=True).fill("99")
    expect(page.locator("#f-uploads")).to_have_attribute("data-state", "wrong")
    page.get_by_label("Filter (BPF)", exact=True).fill("tcp port 80")
    expect(page.locator("#f-filter")).to_have_attribute("data-state", "valid")
    page.get_by_role("button", name="Help on Filter (BPF)").click()
    assert violations(page) == []
    page.get_by_label("CPU limit", exact=True).press_sequentially("7")
    page.screenshot(path=screenshots / f"whisperers-editing-{theme}.png")
    for button, dialog in (("Copy from…", "copy"), ("JSON in and out…", "json"), ("Show the diff", "diff")):
        page.get_by_role("button", name=button).click()
        expect(page.locator(f"#dialog-{dialog}")).to_be_visible()
        assert violations(page) == [], button
        page.keyboard.press("Escape")
    leave(page)


def test_a_value_is_checked_while_typing_saved_told_and_undone(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="capture/")
    uploads = page.locator("#f-uploads")
    queue = page.locator("#f-seconds")
    expect(uploads).to_have_attribute("data-state", "set")
    expect(uploads.locator(".from")).to_contain_text("set here by alice")
    expect(queue).to_have_attribute("data-state", "default")
    expect(queue.locator(".from")).to_contain_text("inherited from team Shop")

    box = page.get_by_label("Parallel uploads", exact=True)
    box.fill("99")
    expect(uploads).to_have_attribute("data-state", "editing")
    expect(uploads.locator(".from")).to_contain_text("being edited")
    expect(uploads).to_have_attribute("data-state", "wrong")
    expect(uploads.locator(".tip")).to_contain_text("99 is too much. Give at most 8.")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#save")).to_be_disabled()
    box.fill("6")
    expect(uploads).to_have_attribute("data-state", "valid")
    expect(uploads.locator(".from")).to_contain_text("changed, valid · was 4")
    expect(page.locator("#changes-bar")).to_contain_text("1 change")
    page.get_by_role("button", name="Show the diff").click()
    expect(page.locator("#diff-body")).to_contain_text("− 4")
    expect(page.locator("#diff-body")).to_contain_text("+ 6")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved.")
    expect(uploads).to_have_attribute("data-state", "set")
    expect(uploads.locator(".from")).to_contain_text("set here by alice")
    first = page.locator("#history .change").first
    expect(first).to_contain_text("alice changed the capture configuration")
    expect(first).to_contain_text("Parallel uploads 4 → 6")
    first.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("taken back")
    expect(page.get_by_label("Parallel uploads", exact=True)).to_have_value("4")
    expect(page.locator("#history .change").first).to_contain_text("took back a change")


def test_a_value_is_inherited_again(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="capture/")
    page.get_by_role("button", name="Inherit Parallel uploads again: 3 from Spider").click()
    expect(page.get_by_label("Parallel uploads", exact=True)).to_have_value("3")
    expect(page.locator("#f-uploads .from")).to_contain_text("inherited again · was 4")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#f-uploads")).to_have_attribute("data-state", "default")
    assert "uploads" not in fresh(shop["shop-prod-2"]).capture


def fresh(whisperer: Whisperer) -> Whisperer:
    return Whisperer.objects.get(pk=whisperer.pk)


def test_interfaces_that_agents_have_are_offered_and_others_refused(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="capture/")
    offered = page.locator("#interface-options")
    expect(offered.get_by_role("button", name="eth0")).to_have_attribute("aria-pressed", "true")
    expect(offered).to_contain_text("10.4.1.21, fe80::1, up")
    expect(offered).to_contain_text("3 of 3")
    offered.get_by_role("button", name="cilium0").click()
    expect(page.get_by_label("Network interfaces", exact=True)).to_have_value("eth0\ncilium0")
    expect(page.locator("#f-interfaces")).to_have_attribute("data-state", "valid")
    page.get_by_label("Network interfaces", exact=True).fill("eth9")
    expect(page.locator("#f-interfaces .tip")).to_contain_text("Choose from any, cilium0, eth0, lo.")
    page.get_by_label("Filter (BPF)", exact=True).fill("tcp prot 80")
    expect(page.locator("#f-filter .tip")).to_contain_text("pcap-filter(7)")
    expect(page.locator("#changes-wrong")).to_contain_text("2 wrong")
    leave(page)


def test_help_advanced_fields_and_units(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="capture/")
    expect(page.locator("#f-queue")).to_be_hidden()
    page.get_by_role("switch", name="Show advanced fields").check()
    queue = page.locator("#f-queue")
    expect(queue).to_be_visible()
    expect(page.get_by_label("Queue size", exact=True)).to_have_value("64")
    expect(page.get_by_label("Unit of Queue size")).to_have_value("MiB")
    for field in page.locator(".field").all():
        expect(field.locator("[data-do=help]")).to_be_visible()
    page.get_by_role("button", name="Help on Queue size").click()
    expect(queue.locator(".help")).to_contain_text("new packets are dropped and counted")
    page.get_by_label("Unit of Queue size").select_option("GiB")
    expect(queue.locator(".tip")).to_contain_text("is too much. Give at most")
    page.get_by_label("Queue size", exact=True).fill("1")
    expect(queue).to_have_attribute("data-state", "valid")
    page.get_by_role("button", name="Save").click()
    expect(queue).to_have_attribute("data-state", "set")
    assert fresh(shop["shop-prod-2"]).capture["queue"] == 1 << 30
    page.goto(f"/whisperers/{shop['shop-edge'].pk}/capture/#f-queue")
    expect(page.get_by_label("Queue size", exact=True)).to_be_focused()


def test_rules_are_added_moved_and_removed_by_keys(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="parsing/")
    templates = page.locator("#f-templates")
    names = templates.locator("input.name")
    expect(names).to_have_count(4)
    page.get_by_label("Name of template 4").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_label("Name of template 3")).to_have_value("Health check")
    expect(page.get_by_label("Name of template 3")).to_be_focused()
    expect(page.locator("#config-said")).to_contain_text("moved to place 3 of 4")
    page.keyboard.press("Alt+Enter")
    expect(page.get_by_label("Name of template 4")).to_be_focused()
    page.keyboard.type("Search")
    expect(templates).to_have_attribute("data-state", "wrong")
    page.get_by_label("Path of template 4").fill("^/v1/sear(ch")
    expect(page.get_by_label("Path of template 4")).to_have_attribute("aria-invalid", "true")
    expect(templates.locator(".said-wrong").nth(3)).to_be_visible()
    page.get_by_label("Path of template 4").fill("^/v1/search")
    expect(templates).to_have_attribute("data-state", "valid")
    page.get_by_label("Name of template 1").focus()
    page.keyboard.press("Alt+Delete")
    expect(names).to_have_count(4)
    page.keyboard.press("Control+s")
    expect(page.locator(".toast")).to_contain_text("Saved.")
    stored = [rule["name"] for rule in fresh(shop["shop-prod-2"]).parsing["templates"]]
    assert stored == [r"Order \1: \2", "Health check", "Search", "Product page"]
    change = page.locator("#history .change").first
    expect(change.locator(".ins", has_text="Search")).to_be_visible()
    expect(change.locator(".del", has_text="Create order")).to_be_visible()


def test_rows_of_a_spreadsheet_are_pasted(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, "shop-edge", "parsing/")
    page.get_by_role("button", name="Add a template").click()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "Cart\\t^GET$\\tcart\\t^/carts/\\nLogin\\t^POST$\\t\\t^/login$\\n");
          const how = { clipboardData: data, bubbles: true, cancelable: true };
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", how));
        }"""
    )
    expect(page.get_by_label("Name of template 2")).to_have_value("Login")
    expect(page.get_by_label("Path of template 1")).to_have_value("^/carts/")
    expect(page.locator("#f-templates")).to_have_attribute("data-state", "valid")
    leave(page)


def test_a_configuration_is_copied_and_goes_in_and_out_as_json(signed_in: Page, shop: World, tmp_path: Path) -> None:
    page = opened(signed_in, shop, "shop-edge", "capture/")
    page.get_by_role("button", name="Copy from…").click()
    page.get_by_label("Whisperer", exact=True).select_option(label="shop-prod-2")
    page.get_by_role("button", name="Copy into the form").click()
    expect(page.get_by_label("Filter (BPF)", exact=True)).to_have_value("tcp port 8080 and not host 10.4.9.9")
    expect(page.locator("#changes-bar")).to_contain_text("4 changes")
    expect(page.locator("#f-filter")).to_have_attribute("data-state", "valid")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#f-filter")).to_have_attribute("data-state", "set")
    assert fresh(shop["shop-edge"]).capture == fresh(shop["shop-prod-2"]).capture

    page.get_by_role("button", name="JSON in and out…").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "shop-edge-capture.json"
    values = json.loads(file.read_text())
    assert values == fresh(shop["shop-edge"]).capture
    file.write_text(json.dumps(values | {"uploads": 7}))
    page.get_by_label("JSON", exact=True).fill("{nonsense")
    page.get_by_role("button", name="Take into the form").click()
    expect(page.locator("#json-trouble")).to_contain_text("This is no JSON")
    page.locator("#json-file").set_input_files(file)
    expect(page.get_by_label("JSON", exact=True)).to_have_value(re.compile('"uploads": 7'))
    page.get_by_role("button", name="Take into the form").click()
    expect(page.locator("#f-uploads .from")).to_contain_text("changed, valid · was 4")
    leave(page)


def test_a_change_made_meanwhile_is_not_written_over(signed_in: Page, shop: World) -> None:
    page = opened(signed_in, shop, tab="capture/")
    page.get_by_label("Parallel uploads", exact=True).fill("5")
    expect(page.locator("#f-uploads")).to_have_attribute("data-state", "valid")
    page.get_by_role("button", name="STOP CAPTURE").click()  # changes the revision, and no value
    expect(page.get_by_role("button", name="STOPPING…")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#f-uploads")).to_have_attribute("data-state", "set")
    page.get_by_label("Parallel uploads", exact=True).fill("6")
    expect(page.locator("#f-uploads")).to_have_attribute("data-state", "valid")
    configuration_set(target=fresh(shop["shop-prod-2"]), kind="capture", values={"uploads": 2}, actor=None)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#config-trouble")).to_contain_text("Somebody else changed this configuration meanwhile")
    assert fresh(shop["shop-prod-2"]).capture["uploads"] == 2
    expected(page, "412")
    leave(page)


# ---- playground ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_rules_are_tried_before_they_are_saved(signed_in: Page, traffic: Seeded, screenshots: Path, theme: str) -> None:
    page = signed_in
    page.goto(f"/whisperers/{WHISPERER}/parsing/")
    put_theme(page, theme)
    expect(page.locator("#play-found button")).to_have_count(20)
    page.get_by_label("Which communications, as in the search").fill("req.method:POST")
    page.keyboard.press("Enter")
    expect(page.locator("#play-found button").first).to_contain_text("POST /")
    result = page.locator("#play-result")
    expect(result).to_contain_text("none fits")
    page.get_by_role("button", name="Add a template").click()
    page.get_by_label("Name of template 1").fill(r"Write \1")
    page.get_by_label("Path of template 1").fill(r"^/(?:v\d+/)?(\w+)")
    expect(result).to_contain_text("Write ")
    expect(result).to_contain_text("rule 1")
    page.get_by_role("button", name="Add a tag").click()
    page.get_by_label("Name of tag 1").fill("kind")
    page.get_by_label("Where of tag 1").fill("req.header:content-type")
    expect(result).to_contain_text("kind application/json")
    page.get_by_label("In headers", exact=True).fill("content-type\nuser-agent")
    expect(result).to_contain_text("Request, masked")
    expect(result).to_contain_text("content-type")
    page.get_by_role("button", name="Try on all of these").click()
    expect(page.locator("#play-sum")).to_contain_text("get a template, 0 stay without. As stored: 0.")
    assert violations(page) == []
    page.screenshot(path=screenshots / f"whisperers-playground-{theme}.png")
    page.get_by_label("Path of template 1").fill("^/(")
    expect(page.locator("#play-note")).to_contain_text("Correct what is wrong")
    leave(page)
    assert Whisperer.objects.get(pk=WHISPERER).parsing == {}
