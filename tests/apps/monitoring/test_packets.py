"""Where the packets are: sums that add up on the page and in the API, alarms where they do not, within rights."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from apps.captures.models import Capture as CaptureRow
from apps.core.servers import document_store
from apps.core.words import SECOND, nanoseconds
from apps.httpcomms import selectors
from apps.httpcomms.ranges import Range
from apps.monitoring import alarms
from apps.monitoring.flow import FULL, LEAST, flow
from apps.monitoring.selectors import Row
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set, whisperer_create
from documents.build import Document
from documents.bulk import lines
from store.documents import EVERYTHING, DocumentStore
from tests.apps.conftest import client_of

pytestmark = pytest.mark.django_db

PAGE, API, ALARMS = "/monitoring/", "/api/v1/monitoring/packets/", "/api/v1/monitoring/alarms/"
RANGE = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00Z"}
DAY = "20261122"
SUMS = {
    "packets.captured": 1_200, "packets.filtered": 100, "packets.dropped.kernel": 60, "packets.dropped.queue": 30,
    "packets.abandoned": 10, "packets.uploaded": 1_000, "packets.session": 900, "packets.notTcp": 70,
    "packets.undecodable": 5, "undecodable.badIp": 5, "packets.quarantined": 20, "packets.late": 5,
    "payload.bytes": 800_000, "payload.parsed": 700_000, "payload.skipped.tls": 90_000, "payload.skipped.new": 10_000,
}  # fmt: skip


@pytest.fixture
def site_store_url(either_store_url: str) -> str:
    return either_store_url


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nothing that another test's pages remember."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def live(db: None) -> Whisperer:
    return whisperer_create(name="live", mode="INTERFACE")


@pytest.fixture
def accounting(site_store: DocumentStore) -> Iterator[Any]:
    """Puts the sums of minutes into the store, and takes them out again."""

    def put(whisperer: Whisperer, at: str, capture: str = "c-live-0001", **changes: int) -> None:
        counters = SUMS | {name.replace("_", "."): count for name, count in changes.items()}
        whole = {
            "id": f"{capture}:{at}", "version": 1, "kind": "capture", "whisperer": str(whisperer.pk),
            "capture": capture, "instance": "host-1", "interface": "eth0", "date": at, "counters": counters,
        }  # fmt: skip
        made = [Document(whole["id"], 1, "monitoring", DAY, "default", orjson.dumps(whole))]
        assert site_store.write("monitoring", lines(made)).failed == []
        site_store.refresh("monitoring")

    yield put
    for part in site_store.days("monitoring"):
        site_store.drop_day("monitoring", part.day, part.policy)


def alarm(whisperer: Whisperer, capture: str = "c-live-0001", at: str = "2026-11-22T10:30:00Z") -> CaptureRow:
    """An open alarm of a capture, which is made."""
    row = CaptureRow.objects.create(pk=capture, whisperer=whisperer, policy="default", partitions=1, instance="host-1")
    alarms.write([alarms.of_capture(row, "uploaded", 1_000, 996, nanoseconds(at))], "open")
    document_store().refresh("monitoring")
    return row


def asked(client: Client, path: str, status: int = 200, **parameters: str) -> Any:
    answer = client.get(path, parameters)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_the_sums_of_a_range_add_up_in_the_api(as_alice: Client, live: Whisperer, accounting: Any) -> None:
    accounting(live, "2026-11-22T10:05:00Z")
    accounting(live, "2026-11-22T10:06:00Z", capture="c-live-0002")
    accounting(live, "2026-11-22T11:00:00Z")
    accounting(live, "2026-11-22T09:59:00Z")
    found = asked(as_alice, API, **RANGE)
    (row,) = found["rows"]
    assert (row["key"], row["name"], row["captures"], row["addsUp"]) == (str(live.pk), "live", 2, True)
    assert row["counters"]["packets.uploaded"] == found["total"]["counters"]["packets.uploaded"] == 2_000
    assert row["lost"] == 2 * (60 + 30 + 10 + 5 + 20 + 5)
    for one in row["balances"]:
        assert one["whole"] == sum(one["parts"].values()) + one["rest"]
        assert (one["rest"], one["holds"]) == (0, True)
    first = nanoseconds("2026-11-22T10:05:00Z")
    assert [(one["start"] - first) // (60 * SECOND) for one in found["steps"]] == [0, 1]
    assert [(one["uploaded"], one["lost"]) for one in found["steps"]] == [(1_000, 130)] * 2
    by_capture = asked(as_alice, API, **RANGE, whisperer=str(live.pk))
    assert sorted(one["key"] for one in by_capture["rows"]) == ["c-live-0001", "c-live-0002"]


def test_what_does_not_add_up_is_said_with_the_difference(as_alice: Client, live: Whisperer, accounting: Any) -> None:
    accounting(live, "2026-11-22T10:05:00Z", packets_session=896)
    (row,) = asked(as_alice, API, **RANGE)["rows"]
    wrong = [(one["equation"], one["rest"]) for one in row["balances"] if not one["holds"]]
    assert (row["addsUp"], wrong) == (False, [("uploaded", 4)])
    page = as_alice.get(PAGE, RANGE).content.decode()
    assert "4 packets in no account" in page
    assert "1,000 uploaded = 896 in a session + 70 not tcp + 5 undecodable + 20 set aside + 5 late" in page


def test_the_page_shows_every_account_with_reasons_and_ways_on(
    as_alice: Client, live: Whisperer, accounting: Any
) -> None:
    accounting(live, "2026-11-22T10:05:00Z")
    page = as_alice.get(PAGE, RANGE).content.decode()
    assert page.count("adds up</span>") == 2  # its row and the sum
    for text in ("Captured", "1,200", "Kernel", "TLS", "Damaged IP header", "Where are my packets?"):
        assert text in page
    assert f"/whisperers/{live.pk}/" in page
    assert f"q=whisperer%3A%22{live.pk}%22" in page
    one = as_alice.get(PAGE, {**RANGE, "whisperer": str(live.pk)}).content.decode()
    assert "c-live-0001" in one
    assert f"/whisperers/{live.pk}/capture/#f-ring" in one
    part = as_alice.get(PAGE, RANGE, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="packets"')


def test_an_empty_time_says_what_to_do(as_alice: Client, as_charlie: Client, site_store: DocumentStore) -> None:
    assert b"No packets in this time" not in as_alice.get(PAGE).content  # there is no whisperer at all
    whisperer_create(name="idle", mode="INTERFACE")
    assert b"No packets in this time" in as_alice.get(PAGE).content
    assert b"No whisperer is shared with you" in as_charlie.get(PAGE).content


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": RANGE["to"], "to": RANGE["from"]}, "to"),
        ({"to": "2026-11-22T10:00:00Z", "from": "now"}, "to"),
        ({"whisperer": "shop"}, "whisperer"),
    ],
)
def test_bad_parameters_are_refused_by_name(as_alice: Client, parameters: dict[str, str], field: str) -> None:
    assert asked(as_alice, API, 400, **parameters)["error"]["field"] == field
    assert as_alice.get(PAGE, parameters).status_code == 400


def test_a_person_sees_the_sums_of_their_whisperers_alone(
    bob: User, as_charlie: Client, whisperer: Whisperer, live: Whisperer, accounting: Any
) -> None:
    grant_set(whisperer=live, user=bob, rights=["startStop"])
    accounting(live, "2026-11-22T10:05:00Z")
    accounting(whisperer, "2026-11-22T10:05:00Z", capture="c-shop-0001")
    alarm(whisperer, "c-shop-0001")
    as_bob = client_of(bob)
    found = asked(as_bob, API, **RANGE)
    assert [row["name"] for row in found["rows"]] == ["live"]
    assert found["total"]["counters"]["packets.uploaded"] == 1_000
    assert asked(as_bob, ALARMS)["alarms"] == []
    assert b"shop" not in as_bob.get(PAGE, RANGE).content
    for path in (API, ALARMS):
        assert asked(as_bob, path, 404, whisperer=str(whisperer.pk))["error"]["code"] == "not_found"
    assert as_bob.get(PAGE, {"whisperer": str(whisperer.pk)}).status_code == 404
    nothing = asked(as_charlie, API, **RANGE)
    assert (nothing["rows"], nothing["steps"]) == ([], [])


def test_an_alarm_is_on_the_page_in_the_api_in_the_bar_and_on_the_line(
    as_alice: Client, bob: User, live: Whisperer, accounting: Any
) -> None:
    accounting(live, "2026-11-22T10:05:00Z")
    row = alarm(live)
    (found,) = asked(as_alice, ALARMS)["alarms"]
    assert (found["capture"], found["equation"], found["difference"], found["name"]) == (row.pk, "uploaded", 4, "live")
    page = as_alice.get(PAGE, RANGE).content.decode()
    assert "The sums of live do not add up since" in page
    assert '<span class="alarms"' in page
    assert not asked(as_alice, API, **RANGE)["rows"][0]["addsUp"]
    assert b'class="alarms"' not in client_of(bob).get("/").content
    (mark,) = marked(as_alice)
    assert (mark["name"], mark["words"]) == ("live", "the sums of 1 capture do not add up")
    assert mark["first"] == nanoseconds("2026-11-22T10:29:00Z")
    (old,) = alarms.open_alarms(EVERYTHING)
    alarms.write([alarms.at(old, nanoseconds("2026-11-22T10:40:00Z"))], "cleared")
    document_store().refresh("monitoring")
    cache.clear()
    assert asked(as_alice, ALARMS)["alarms"] == []
    assert marked(as_alice) == []
    assert b'class="alarms"' not in as_alice.get(PAGE, RANGE).content


def marked(client: Client) -> list[dict[str, Any]]:
    """Alarms on the line below the timeline."""
    found = asked(client, "/api/v1/httpcomms/quality/", **RANGE)
    return [mark for mark in found["marks"] if mark["kind"] == "alarm"]


def test_an_alarm_of_a_file_lies_where_its_packets_are(whisperer: Whisperer, site_store: DocumentStore) -> None:
    row = alarm(whisperer, "c-file-0009")
    first, last = nanoseconds("2025-01-01T10:00:00Z"), nanoseconds("2025-01-01T10:10:00Z")
    CaptureRow.objects.filter(pk=row.pk).update(first_packet=first, last_packet=last, closed=timezone.now())
    hour = Range(nanoseconds("2026-11-22T10:00:00Z"), nanoseconds("2026-11-22T11:00:00Z"))
    assert selectors.quality(EVERYTHING, hour, 60 * SECOND).marks == []
    (mark,) = selectors.quality(EVERYTHING, Range(first, last + 1), 10 * SECOND).marks
    assert (mark.kind, mark.first, mark.last) == ("alarm", first, last)


def test_the_picture_shows_every_account_and_loses_nothing() -> None:
    row = Row("", "All")
    row.counters.update(SUMS)
    made = flow(row.balances)
    assert made is not None
    counts = {node.name: node.count for node in made.nodes}
    assert counts["packets.dropped"] == 90
    assert counts["payload.skipped"] == 100_000
    assert "waiting" not in counts
    of_first = [node.height for node in made.nodes if node.x == made.nodes[1].x]
    assert sum(of_first) == pytest.approx(FULL)
    assert min(node.height for node in made.nodes) >= LEAST
    assert len(made.bands) == len(made.nodes) - 1
    assert flow(Row("", "All").balances) is None
