"""Why a search finds nothing: one link broken at a time, and the one that is named is that one."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from apps.captures.models import Capture, Upload
from apps.core.servers import chunk_store
from apps.whisperers.models import Whisperer
from apps.whisperers.services import configuration_set, grant_set, whisperer_capture, whisperer_create
from store.documents import DocumentStore
from store.redis import outbox
from store.redis.connection import Link
from store.redis.outbox import Entry
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import DAY, Traffic
from tests.apps.httpcomms.seeding import seed
from tests.apps.whisperers.seeding import agent, talk
from tests.captures import Capture as Made

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site_redis")]
PATH = "/api/v1/httpcomms/why/"
ALL = {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}
KEYS = ["access", "whisperer", "agent", "capturing", "packets", "chunks", "parsed", "stored", "range", "query"]


@pytest.fixture
def live(site_store: DocumentStore, alice: User) -> Whisperer:
    """A whisperer that captures an interface, with an agent that saw packets for an hour."""
    made = whisperer_create(name="edge", mode="INTERFACE", actor=alice)
    whisperer_capture(whisperer=made, capturing=True, actor=alice)
    return made


def why(client: Client, **parameters: str) -> dict[str, Any]:
    response = client.get(PATH, parameters)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    assert [link["key"] for link in found["links"]] == KEYS
    return found | {link["key"]: link for link in found["links"]}


def nanoseconds(ago: float) -> int:
    return int((timezone.now().timestamp() - ago) * 1e9)


def arrived(whisperer: Whisperer, ago: float = 60, **totals: int) -> Capture:
    """A capture whose packets are of so many seconds ago."""
    return Capture.objects.create(
        pk="c-why-000001", whisperer=whisperer, policy="default", partitions=1, state="closed",
        first_packet=nanoseconds(ago + 60), last_packet=nanoseconds(ago),
        totals={name.replace("_", "."): value for name, value in totals.items()},
    )  # fmt: skip


def test_who_was_given_nothing_is_told_so_and_nothing_else(as_charlie: Client, traffic: Traffic) -> None:
    found = why(as_charlie, **ALL)
    assert (found["broken"], found["access"]["state"]) == ("access", "broken")
    assert {found[key]["state"] for key in KEYS[1:]} == {"unknown"}
    assert not any(found[key]["figures"] for key in KEYS)


def test_a_right_to_see_is_none_to_search(charlie: User, traffic: Traffic, whisperer: Whisperer) -> None:
    grant_set(whisperer=whisperer, user=charlie, rights=["startStop"])
    found = why(client_of(charlie), **ALL)
    assert found["broken"] == "access"
    assert "not search what was captured" in found["access"]["text"]


def test_no_whisperer_at_all(as_alice: Client, site_store: DocumentStore) -> None:
    found = why(as_alice)
    assert (found["broken"], found["whisperer"]["steps"][0]["url"]) == ("whisperer", "/whisperers/new/")


def test_a_hidden_whisperer_and_one_that_does_not_exist_are_told_alike(
    as_bob: Client, traffic: Traffic, alice: User
) -> None:
    hidden = whisperer_create(name="hidden-one", mode="INTERFACE", actor=alice)
    texts = set()
    for id in (str(hidden.pk), "00000000-0000-0000-0000-000000000000"):
        found = why(as_bob, q=f'whisperer:"{id}"', **ALL)
        assert found["broken"] == "whisperer"
        texts.add(found["whisperer"]["text"])
    assert len(texts) == 1


def test_an_agent_that_is_gone(as_alice: Client, live: Whisperer) -> None:
    found = why(as_alice)
    assert found["broken"] == "agent"
    assert found["agent"]["steps"][0]["url"].endswith("/install/")
    agent(live, "edge-1", seen=3600)
    found = why(as_alice)
    assert (found["broken"], found["agent"]["steps"][0]["url"]) == ("agent", f"/whisperers/{live.pk}/")
    assert "1 hour ago" in found["agent"]["text"]
    assert found["agent"]["since"] is not None


def test_who_stopped_the_capture_is_told(as_alice: Client, alice: User, live: Whisperer) -> None:
    whisperer_capture(whisperer=live, capturing=False, actor=alice)
    agent(live, "edge-1", "stopped")
    found = why(as_alice)
    assert found["broken"] == "capturing"
    assert "edge was stopped by alice" in found["capturing"]["text"]
    assert found["agent"]["state"] == "fine"


def test_an_agent_that_says_why_it_does_not_capture(as_alice: Client, live: Whisperer) -> None:
    agent(live, "edge-1", "wrong", reason="interface ens5 does not exist")
    found = why(as_alice)
    assert found["broken"] == "capturing"
    assert "interface ens5 does not exist" in found["capturing"]["text"]


def test_a_filter_that_no_packet_fits(as_alice: Client, alice: User, live: Whisperer) -> None:
    configuration_set(target=live, kind="capture", values={"filter": "tcp port 81"}, actor=alice)
    one = agent(live, "edge-1")
    talk(one, rate=0)
    found = why(as_alice)
    assert found["broken"] == "packets"
    assert {"name": "Filter", "value": "tcp port 81"} in found["packets"]["figures"]
    assert found["packets"]["steps"][0]["url"].endswith("/capture/")


def test_no_chunk_arrived(as_alice: Client, live: Whisperer) -> None:
    talk(agent(live, "edge-1"))
    found = why(as_alice)
    assert (found["broken"], found["packets"]["state"]) == ("chunks", "fine")
    assert found["chunks"]["text"] == "No chunk was ever accepted."
    arrived(live, 86_400)
    assert why(as_alice)["chunks"]["text"] == "No chunk with packets of this range arrived."


def test_packets_that_wait_for_a_worker(as_alice: Client, live: Whisperer) -> None:
    talk(agent(live, "edge-1"))
    arrived(live, packets_uploaded=100, packets_session=40, chunks_uploaded=3, packets_abandoned=7)
    found = why(as_alice)
    assert (found["broken"], found["chunks"]["state"]) == ("parsed", "partly")
    assert found["parsed"]["text"] == "60 packets wait for a worker."
    assert "7 packets" in found["chunks"]["text"]


def test_traffic_that_is_encrypted(as_alice: Client, live: Whisperer, site_store: DocumentStore) -> None:
    talk(agent(live, "edge-1"))
    made = Made()
    for n in range(3):
        conversation = made.conversation(f"10.0.0.1:{41000 + n}", "10.0.0.2:443").connect()
        conversation.request(b"\x16\x03\x01\x00\x80" + bytes(128)).response(b"\x16\x03\x03\x00\x40" + bytes(64)).close()
    seeded = seed(site_store, made.pcap(), whisperer=str(live.pk), capture="c-tls-00001", day=DAY)
    Capture.objects.create(
        pk="c-tls-00001", whisperer=live, policy="default", partitions=1, state="closed",
        first_packet=seeded.first, last_packet=seeded.last, totals={"packets.uploaded": 20, "packets.session": 20},
    )  # fmt: skip
    found = why(as_alice, **{"from": "2020-01-01T00:00:00Z"})
    assert found["broken"] == "parsed"
    assert "3 of 3 TCP sessions are encrypted (TLS)" in found["parsed"]["text"]


def test_documents_that_no_poller_takes(as_alice: Client, as_bob: Client, live: Whisperer, bob: User) -> None:
    grant_set(whisperer=live, user=bob, rights=["search"])
    talk(agent(live, "edge-1"))
    arrived(live, packets_uploaded=10, packets_session=10)
    with chunk_store().link() as link:
        _waiting(link)
    found = why(as_alice)
    assert (found["broken"], found["parsed"]["state"]) == ("stored", "unknown")
    assert {"name": "Waiting to be stored", "value": "1 batch"} in found["stored"]["figures"]
    # What waits may be of whisperers that Bob does not see.
    assert "Waiting" not in str(why(as_bob)["stored"]["figures"])


def _waiting(link: Link) -> None:
    """A batch of somebody's documents in the outbox."""
    packed = outbox.pack(link, [Entry("httpcomms", b"{}", 1)])
    stream, kind, payload, documents, size = packed.args[1:]
    link.command("XADD", str(stream), "*", kind, payload, "n", documents, "s", size)


def test_redis_that_is_away_is_not_known(as_alice: Client, live: Whisperer, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    chunk_store.cache_clear()
    talk(agent(live, "edge-1"))
    arrived(live)
    assert why(as_alice)["stored"]["state"] == "unknown"


def test_a_range_without_traffic_leads_to_the_traffic(as_alice: Client, traffic: Traffic) -> None:
    found = why(as_alice, **{"from": "2001-01-01T00:00:00Z", "to": "2001-01-02T00:00:00Z"})
    assert found["broken"] == "range"
    there = found["range"]["steps"][0]["url"]
    assert traffic.order in as_alice.get(there).content.decode()
    # Whether an agent runs today says nothing about 2001.
    assert {found[key]["state"] for key in ("agent", "capturing", "packets")} <= {"aside", "fine", "unknown"}


def test_a_host_whose_clock_is_ahead(as_alice: Client, traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.httpcomms.requests.now", lambda: traffic.seeded.first - 3600 * 10**9)
    assert why(as_alice)["range"]["state"] == "partly"  # an open end finds it all the same
    found = why(as_alice, **{"from": "now-15m", "to": "now"})
    assert found["broken"] == "range"
    assert "the clock of the host that captured it is ahead" in found["range"]["text"]


def test_a_query_that_removes_everything_names_the_condition(as_alice: Client, traffic: Traffic) -> None:
    found = why(as_alice, q="req.method:POST AND stats.statusCode:200", **ALL)
    assert found["broken"] == "query"
    words = [step["words"] for step in found["query"]["steps"]]
    assert words == ["Without req.method:POST: 2", "Without stats.statusCode:200: 1", "Without the query: 4"]
    first = as_alice.get(found["query"]["steps"][0]["url"]).content.decode()
    assert 'data-total="2"' in first


def test_where_something_is_found_nothing_is_broken(as_bob: Client, traffic: Traffic) -> None:
    found = why(as_bob, **ALL)
    assert (found["broken"], found["total"]) == (None, 4)
    assert found["query"]["state"] == found["parsed"]["state"] == found["range"]["state"] == "fine"


def test_files_have_no_agents(as_alice: Client, alice: User, site_store: DocumentStore) -> None:
    sandbox = whisperer_create(name="sandbox", mode="UPLOAD", actor=alice)
    found = why(as_alice)
    assert (found["broken"], found["agent"]["state"]) == ("capturing", "aside")
    Upload.objects.create(
        whisperer=sandbox, name="x.pcap", size=1, state="failed", error="It is no capture file.",
        expires=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    assert "It is no capture file." in why(as_alice)["capturing"]["text"]


def test_the_page_and_the_part_say_the_same(as_alice: Client, as_charlie: Client, traffic: Traffic) -> None:
    asked = {"q": "req.method:PATCH", **ALL}
    page = as_alice.get("/why/", asked).content.decode()
    assert "the first broken link is" in page
    assert "Without the query: 4" in page
    part = as_alice.get("/why/", asked, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Without the query: 4" in part
    assert 'hx-get="/why/?q=req.method%3APATCH' in as_alice.get("/", asked).content.decode()
    assert "shop" not in as_charlie.get("/why/", ALL).content.decode()
    assert as_alice.get("/why/", {"q": "nothing:1"}).status_code == 400
    assert as_alice.get(PATH, {"q": "nothing:1"}).json()["error"]["field"] == "q"
