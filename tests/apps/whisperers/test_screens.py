"""The pages of whisperers: who may open what, what is refused and how, and what figures come to."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.core.servers import chunk_store
from apps.whisperers.configuration.resolve import resolve
from apps.whisperers.models import Change, Whisperer
from apps.whisperers.screens import overview
from apps.whisperers.screens.history import history
from apps.whisperers.screens.states import agents_of, face_of, wish_of
from apps.whisperers.screens.totals import totals
from apps.whisperers.services import grant_set, whisperer_capture, whisperer_create
from tests.apps.conftest import client_of
from tests.apps.whisperers.seeding import HOUR, World, agent, page, talk, world

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
TABS = {
    "": "see", "capture/": "see", "parsing/": "see", "instances/": "see", "share/": "share", "install/": "configure",
    "changes/": "see", "edit/": "see", "head/": "see", "rail/": "see", "install/arrivals/": "configure",
}  # fmt: skip
ACTIONS = {
    "start/": "startStop", "stop/": "startStop", "share/set/": "share", "install/enrol/": "configure",
    "edit/": "configure", "delete/": "delete", "purge/": "purge",
}  # fmt: skip


@pytest.fixture
def shop(alice: User, bob: User, site_store: Any) -> World:
    return world(alice, bob)


@pytest.fixture
def bare(db: None, site_store: Any) -> Whisperer:
    return whisperer_create(name="bare", mode="INTERFACE")


# ---- rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tab", "right"), TABS.items())
def test_a_tab_needs_its_right(bare: Whisperer, charlie: User, tab: str, right: str) -> None:
    client = client_of(charlie)
    assert client.get(page(bare, tab)).status_code == 404  # not even that it exists
    grant_set(whisperer=bare, user=charlie, rights=["see"])
    answer = client.get(page(bare, tab))
    assert answer.status_code == (200 if right == "see" else 403)
    if right != "see":
        assert right in answer.content.decode()
        grant_set(whisperer=bare, user=charlie, rights=["see", right])
        assert client.get(page(bare, tab)).status_code == 200


@pytest.mark.parametrize(("action", "right"), ACTIONS.items())
def test_an_action_needs_its_right(bare: Whisperer, charlie: User, action: str, right: str) -> None:
    client = client_of(charlie)
    assert client.post(page(bare, action)).status_code == 404
    grant_set(whisperer=bare, user=charlie, rights=["see"])
    answer = client.post(page(bare, action), **HTMX)
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/plain")
    assert right in answer.content.decode()
    assert Whisperer.objects.filter(pk=bare.pk, capturing=False).exists()
    grant_set(whisperer=bare, user=charlie, rights=["see", right])
    assert client.post(page(bare, action)).status_code in (200, 302, 400)


@pytest.mark.parametrize("action", [*ACTIONS, "install/enrol/"])
def test_an_action_is_no_link(bare: Whisperer, as_alice: Client, action: str) -> None:
    assert as_alice.get(page(bare, action)).status_code == (200 if action == "edit/" else 405)


def test_who_is_not_signed_in_signs_in_first(bare: Whisperer) -> None:
    answer = Client().get(page(bare))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_an_agent_of_another_whisperer_is_not_reached(shop: World, as_alice: Client) -> None:
    other = shop["shop-edge"].instances.get()
    url = reverse("instance-revoke", args=[shop["shop-prod-2"].pk, other.pk])
    assert as_alice.post(url).status_code == 404
    other.refresh_from_db()
    assert other.revoked is None


# ---- the list --------------------------------------------------------------------------------------------------------


def test_the_bar_leads_to_whisperers_for_who_sees_one(bare: Whisperer, charlie: User, as_alice: Client) -> None:
    link = 'href="/whisperers/"'
    client = client_of(charlie)
    assert link not in client.get("/").content.decode()
    assert link in as_alice.get("/").content.decode()
    grant_set(whisperer=bare, user=charlie, rights=["see"])
    assert link in client.get("/").content.decode()


def test_a_person_sees_what_was_shared(shop: World, bob: User, as_charlie: Client) -> None:
    mine = client_of(bob).get("/whisperers/").content.decode()
    assert "shop-prod-2" in mine
    assert "shop-staging" not in mine
    assert "1 you may see" in mine
    nothing = as_charlie.get("/whisperers/").content.decode()
    assert "No whisperer was shared with you" in nothing
    assert "shop-prod-2" not in nothing


def test_the_list_finds_by_name_team_mode_and_host(shop: World, alice: User) -> None:
    def found(part: str) -> set[str]:
        return {row.whisperer.name for row in overview.rows(alice, timezone.now(), part)}

    assert found("NODE-B2") == {"shop-prod-2"}
    assert found("upload") == {"sandbox"}
    assert found("canary") == {"orders-canary"}
    assert len(found("shop")) == 9  # the team's name
    assert found("nowhere") == set()


def test_a_row_counts_what_was_lost_and_failed_in_the_hour(shop: World, alice: User) -> None:
    rows = {row.whisperer.name: row for row in overview.rows(alice, timezone.now())}
    busy = rows["shop-prod-2"]
    assert (busy.visible, busy.agents) == (3, 3)
    assert busy.lost == 2316 + 2316 // 5
    assert busy.errors == 9
    assert busy.rate is not None
    assert busy.rate > 15e6
    assert len(busy.spark) == overview.POINTS
    assert rows["warehouse-pi"].rate is None
    needing = {name for name, row in rows.items() if row.needs_care}
    assert needing == {"shop-prod-2", "shop-staging", "warehouse-pi", "checkout-edge"}


def test_rows_cost_a_few_queries_however_many_there_are(
    shop: World, alice: User, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(14):
        overview.rows(alice, timezone.now())


# ---- making and ending -----------------------------------------------------------------------------------------------


def test_who_may_add_whisperers_makes_one(charlie: User) -> None:
    client = client_of(charlie)
    given = {"name": "mine", "mode": "UPLOAD", "team": "", "policy": ""}
    assert client.post("/whisperers/new/", given).status_code == 403
    charlie.user_permissions.add(Permission.objects.get(codename="add_whisperer"))
    answer = client_of(User.objects.get(pk=charlie.pk)).post("/whisperers/new/", given)
    made = Whisperer.objects.get(name="mine")
    assert answer["Location"] == page(made, "files/")
    assert made.grants.get().user == charlie


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "required"),
        ({"name": "bare"}, "bare is taken"),
        ({"name": " "}, "The name is empty: give it one"),
        ({"name": "x" * 101}, "at most 100"),
        ({"mode": "SIDEWAYS"}, "SIDEWAYS"),
        ({"policy": "No Policy"}, "lower-case letters and digits"),
        ({"team": "99"}, "Select a valid choice"),
    ],
)
def test_a_form_says_what_is_wrong(bare: Whisperer, as_alice: Client, given: dict[str, str], words: str) -> None:
    answer = as_alice.post("/whisperers/new/", {"name": "new", "mode": "FILE", "team": "", "policy": ""} | given)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert Whisperer.objects.count() == 1


def test_what_cannot_be_undone_needs_the_name(bare: Whisperer, as_alice: Client) -> None:
    for action in ("delete/", "purge/"):
        answer = as_alice.post(page(bare, action), {"name": "bear"})
        assert answer.status_code == 400
        assert "Type bare." in answer.content.decode()
    assert Whisperer.objects.filter(pk=bare.pk).exists()
    assert as_alice.post(page(bare, "delete/"), {"name": "bare"})["Location"] == "/whisperers/"
    assert not Whisperer.objects.exists()
    assert Change.objects.get(action="deleted").actor_name == "alice"


def test_a_whisperer_stays_in_a_team_that_its_editor_is_not_in(shop: World, charlie: User) -> None:
    edge = shop["shop-edge"]
    grant_set(whisperer=edge, user=charlie, rights=["configure"])
    given = {"name": "edge-renamed", "team": str(shop.team.pk)}
    assert client_of(charlie).post(page(edge, "edit/"), given).status_code == 302
    edge.refresh_from_db()
    assert (edge.name, edge.team) == ("edge-renamed", shop.team)


def test_a_whisperer_for_uploads_has_no_agent(shop: World, as_alice: Client) -> None:
    sandbox = shop["sandbox"]
    shown = as_alice.get(page(sandbox)).content.decode()
    assert page(sandbox, "files/") in shown
    assert page(sandbox, "capture/") not in shown
    for tab in ("capture/", "instances/", "install/"):
        assert as_alice.get(page(sandbox, tab)).status_code == 404
    assert as_alice.post(page(sandbox, "start/")).status_code == 400
    assert as_alice.get(page(sandbox, "parsing/")).status_code == 200


# ---- states ----------------------------------------------------------------------------------------------------------


def test_what_was_asked_and_what_is_told_may_differ(bare: Whisperer, alice: User) -> None:
    def seen() -> tuple[str, str, str, int, int]:
        whisperer = Whisperer.objects.get(pk=bare.pk)
        now = timezone.now()
        agents = agents_of(whisperer, now)
        wish = wish_of(whisperer, agents, now)
        return face_of(whisperer, agents, now).word, wish.wanted, wish.moving, wish.done, wish.of

    assert seen() == ("not_visible", "stop", "", 0, 0)
    one, two = agent(bare, "one", "stopped"), agent(bare, "two", "stopped")
    assert seen() == ("stopped", "stop", "", 2, 2)
    whisperer_capture(whisperer=bare, capturing=True, actor=alice)
    assert seen() == ("connecting", "capture", "starting", 0, 2)
    bare.instances.filter(pk=one.pk).update(state="capturing", applied=_newest(bare))
    assert seen() == ("capturing", "capture", "starting", 1, 2)
    bare.instances.filter(pk=two.pk).update(state="stopped", reason="its time to live is over", applied=_newest(bare))
    assert seen() == ("capturing", "capture", "", 2, 2)
    whisperer_capture(whisperer=bare, capturing=False, actor=alice)
    assert seen() == ("capturing", "stop", "stopping", 1, 2)
    bare.instances.update(state="wrong", applied=_newest(bare))
    assert seen() == ("wrong", "stop", "", 2, 2)


def _newest(whisperer: Whisperer) -> str:
    return resolve(Whisperer.objects.get(pk=whisperer.pk), "capture").revision


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_counters_add_up_over_agents_that_start_again(bare: Whisperer) -> None:
    one = agent(bare, "one")
    now = timezone.now()
    for seconds, count, started in ((100, 50, 1), (80, 70, 1), (60, 5, 2), (40, 9, 2)):
        figures = {"packets_captured": count, "started": started, "memory": 10}
        one.samples.create(at=now - timedelta(seconds=seconds), figures=figures)
    two = agent(bare, "two")
    two.samples.create(at=now - timedelta(seconds=50), figures={"packets_captured": 900, "memory": 30, "started": 1})
    two.samples.create(at=now - timedelta(seconds=30), figures={"packets_captured": 1000, "memory": 30, "started": 1})
    past = history(bare, now, HOUR)
    assert past.gained["packets_captured"] == 20 + 5 + 4 + 100
    short = history(bare, now, timedelta(minutes=15))
    assert short.gained["packets_captured"] == 20 + 5 + 4 + 100
    known = [n for n, value in enumerate(short.lines["packets_captured"]) if value is not None]
    assert known == list(range(known[0], known[-1] + 1))  # no holes between what agents said
    assert max(value or 0 for value in past.lines["memory"]) == 40
    assert len(past.times()) == len(past.lines["memory"])


def test_totals_are_of_all_time(shop: World) -> None:
    found = totals(shop["shop-prod-2"])
    assert (found.captures, found.under_way, found.packets, found.bytes) == (3, 0, 3_000_003, 2_700_000_000)
    assert sum(count for _, count in found.parts) == found.packets
    assert found.stored == {"tcpsessions": 0, "httpcomms": 0}


def test_totals_without_redis_say_so(shop: World, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    chunk_store.cache_clear()
    shop["shop-edge"].captures.create(id="capture-open-1", policy="default", partitions=1)  # type: ignore[attr-defined]
    try:
        found = totals(shop["shop-edge"])
    finally:
        chunk_store.cache_clear()
    assert (found.captures, found.under_way, found.complete) == (1, 1, False)


def test_the_status_of_every_state_can_be_shown(shop: World, as_alice: Client) -> None:
    for whisperer in shop.whisperers.values():
        for more in ({}, HTMX):
            for span in ("", "15m", "24h", "nonsense"):
                assert as_alice.get(page(whisperer), {"span": span}, **more).status_code == 200


def test_figures_of_an_agent_that_tells_nonsense_are_shown(bare: Whisperer, as_alice: Client) -> None:
    one = agent(bare, "odd", interfaces=[{"name": "eth0"}, {"name": 7}, "lo"])
    one.figures = {"bytes_second": -1, "cpu": 1e300}
    one.save()
    talk(one)
    for tab in ("", "capture/", "instances/"):
        assert as_alice.get(page(bare, tab)).status_code == 200
