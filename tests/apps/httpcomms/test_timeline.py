"""The timeline by any field, what is missing from the traffic, and what live mode asks for; all within rights."""

import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.captures.models import Capture as CaptureRow
from apps.core.words import SECOND, nanoseconds, rfc3339
from apps.httpcomms import selectors
from apps.httpcomms.ranges import Range
from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_create
from documents.build import Document
from documents.bulk import lines
from store.documents import EVERYTHING, DocumentStore
from tests.apps.httpcomms.conftest import DAY, Traffic
from tests.apps.httpcomms.seeding import seed
from tests.captures import CLIENT, SERVER, Capture, request, response

pytestmark = pytest.mark.django_db
MINUTE = 60 * SECOND


def asked(client: Client, path: str, status: int = 200, **parameters: str) -> Any:
    answer = client.get(path, parameters)
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ("", {"2xx": 2, "5xx": 1}),
        ("req.method", {"GET": 3, "POST": 1}),
        ("stats.dst.port", {"8080": 3, "80": 1}),
        ("req.host", {"shop.example": 3, "cdn.example": 1}),
        ("res.headers.x-evil", {'"><img src=x onerror=alert(1)>': 1}),
        ("parsing.anomalies", {}),
    ],
)
def test_a_timeline_is_parted_by_any_field(as_alice: Client, traffic: Traffic, by: str, values: dict[str, int]) -> None:
    found = asked(as_alice, "/api/v1/httpcomms/histogram/", **({"by": by} if by else {}))
    assert {one["value"]: one["count"] for one in found["values"]} == values
    assert sum(bucket["total"] for bucket in found["buckets"]) == 4
    counted: dict[str, int] = {}
    for bucket in found["buckets"]:
        for value, count in bucket["counts"].items():
            counted[value] = counted.get(value, 0) + count
    assert counted == values


@pytest.mark.parametrize("by", ["nothing", "date", "res.body.text", "req.headers", "stats.tags", "a" * 3000])
def test_what_cannot_be_counted_is_refused(as_alice: Client, traffic: Traffic, by: str) -> None:
    assert asked(as_alice, "/api/v1/httpcomms/histogram/", 400, by=by)["error"]["field"] == "by"
    assert asked(as_alice, "/timeline/", 400, by=by)["error"]["field"] == "by"


def test_more_values_than_colours_are_others(site_store: DocumentStore, whisperer: Whisperer, as_alice: Client) -> None:
    made = Capture()
    talk = made.conversation("10.0.0.1:40000", "10.0.0.2:80").connect()
    for number in range(12):
        for _ in range(12 - number):
            talk.request(request("GET", f"/{number}")).wait(0.001)
            talk.response(response(200)).wait(0.001)
    talk.close()
    seed(site_store, made.pcap(), whisperer=str(whisperer.pk), capture="c-many-001", day=DAY)
    found = asked(as_alice, "/api/v1/httpcomms/histogram/", by="req.path")
    assert [one["value"] for one in found["values"]] == [f"/{number}" for number in range(8)]
    assert sum(bucket["total"] for bucket in found["buckets"]) == 78
    assert sum(sum(bucket["counts"].values()) for bucket in found["buckets"]) == sum(range(5, 13))


def test_the_page_has_names_and_links_beside_the_counts(as_alice: Client, traffic: Traffic) -> None:
    found = asked(as_alice, "/timeline/", to="now", by="whisperer", q="req.method:GET")
    (one,) = found["values"]
    assert (one["label"], one["count"]) == ("shop", 3)
    assert "field=whisperer" in one["only"]
    assert one["only"].endswith("change=only")
    assert "field=whisperer" in one["exclude"]
    assert one["exclude"].endswith("change=not")
    assert "by=whisperer" in one["only"]
    methods = asked(as_alice, "/timeline/", to="now")
    assert methods["absent"]["label"] == "no response"
    assert methods["absent"]["count"] == 1


def test_the_whole_of_the_data_is_from_the_first_to_the_last(
    as_alice: Client, as_charlie: Client, traffic: Traffic
) -> None:
    answer = as_alice.get("/whole/", {"q": "req.path:/logo.png", "by": "req.method"})
    assert answer.status_code == 302
    assert "by=req.method" in answer["Location"]
    page = as_alice.get(answer["Location"])
    assert b"/logo.png" in page.content
    everything = as_alice.get(as_alice.get("/whole/")["Location"])
    assert b'<b id="found-total">4</b>' in everything.content
    assert as_charlie.get("/whole/")["Location"] == "/?from=now-1h"


# What is missing.


@pytest.fixture
def live(db: None) -> Whisperer:
    return whisperer_create(name="live", mode="INTERFACE")


@pytest.fixture
def accounting(site_store: DocumentStore) -> Iterator[Any]:
    """Puts documents of the accounting into the store, and takes them out again."""

    def put(*documents: dict[str, Any]) -> None:
        made = []
        for number, one in enumerate(documents):
            whole = {"id": f"m{number}:{one['date']}", "version": 1, "capture": "c-live-0001", **one}
            made.append(Document(whole["id"], 1, "monitoring", DAY, "default", orjson.dumps(whole)))
        assert site_store.write("monitoring", lines(made)).failed == []
        site_store.refresh("monitoring")

    yield put
    for part in site_store.days("monitoring"):
        site_store.drop_day("monitoring", part.day, part.policy)


def minute(whisperer: Whisperer, at: str, **counters: int) -> dict[str, Any]:
    named = {name.replace("_", "."): count for name, count in counters.items()}
    return {"kind": "capture", "whisperer": str(whisperer.pk), "date": at, "counters": named}


RANGE = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00Z"}
SPAN = Range(nanoseconds(RANGE["from"]), nanoseconds(RANGE["to"]))


def test_losses_are_said_in_words_by_the_minute(as_alice: Client, live: Whisperer, accounting: Any) -> None:
    accounting(
        minute(live, "2026-11-22T10:05:00Z", packets_session=500),
        minute(live, "2026-11-22T10:06:00Z", packets_session=500, packets_dropped_kernel=412, packets_late=1),
        minute(live, "2026-11-22T10:30:00Z", chunks_abandoned=2),
        minute(live, "2026-11-22T10:40:00Z", chunks_abandoned=1, packets_abandoned=30),
        minute(live, "2026-11-22T11:00:00Z", packets_dropped_kernel=9),
    )
    found = asked(as_alice, "/api/v1/httpcomms/quality/", **RANGE)
    first = nanoseconds("2026-11-22T10:06:00Z")
    assert [(mark["kind"], mark["words"]) for mark in found["marks"]] == [
        ("loss", "412 packets dropped by the kernel, 1 packet came too late"),
        ("gap", "2 chunks never came, nobody knows with how many packets"),
        ("loss", "30 packets in chunks that the agent gave up"),
    ]
    mark = found["marks"][0]
    assert (mark["first"], mark["last"], mark["name"]) == (first, first + MINUTE, "live")
    assert found["totals"]["loss"] == {"dropped.kernel": 412, "late": 1, "abandoned": 30}
    assert found["complete"]


def test_what_was_put_aside_is_lost_until_it_is_repaired(live: Whisperer, accounting: Any) -> None:
    aside = {"kind": "quarantine", "whisperer": str(live.pk), "what": "rows", "packets": 3, "reason": "MemoryError"}
    accounting(
        aside | {"date": "2026-11-22T10:05:00.5Z", "state": "waiting"},
        aside | {"date": "2026-11-22T10:15:00.5Z", "state": "repaired"},
        aside | {"date": "2026-11-22T10:25:00.5Z", "state": "definite"},
    )
    found = selectors.losses(EVERYTHING, SPAN)
    assert [(rfc3339(loss.first), loss.packets, loss.kind) for loss in found] == [
        ("2026-11-22T10:05:00.500Z", 3, "loss"),
        ("2026-11-22T10:25:00.500Z", 3, "loss"),
    ]
    assert found[0].words == "3 packets put aside, they could not be read"


def test_minutes_that_follow_one_another_are_one_loss(live: Whisperer, accounting: Any) -> None:
    accounting(
        minute(live, "2026-11-22T10:05:00Z", packets_dropped_queue=1),
        minute(live, "2026-11-22T10:06:00Z", packets_dropped_queue=2),
        minute(live, "2026-11-22T10:08:00Z", packets_dropped_queue=4),
    )
    found = selectors.losses(EVERYTHING, SPAN)
    assert [(loss.packets, (loss.last - loss.first) // MINUTE) for loss in found] == [(3, 2), (4, 1)]
    assert selectors.losses(frozenset({str(live.pk)}), SPAN) == found


def test_a_file_loses_at_the_time_of_its_packets_and_not_of_its_upload(
    as_alice: Client, whisperer: Whisperer, accounting: Any
) -> None:
    first, last = nanoseconds("2025-01-01T10:00:00Z"), nanoseconds("2025-01-01T10:10:00Z")
    CaptureRow.objects.create(
        pk="c-file-0001", whisperer=whisperer, policy="default", partitions=1, first_packet=first, last_packet=last
    )
    accounting(
        {
            "kind": "quarantine", "whisperer": str(whisperer.pk), "capture": "c-file-0001", "packets": 5,
            "state": "definite", "date": "2026-11-22T10:05:00Z",
        }
    )  # fmt: skip
    assert asked(as_alice, "/api/v1/httpcomms/quality/", **RANGE)["marks"] == []
    old = {"from": "2025-01-01T09:00:00Z", "to": "2025-01-01T11:00:00Z"}
    (mark,) = asked(as_alice, "/api/v1/httpcomms/quality/", **old)["marks"]
    assert (mark["first"], mark["last"], mark["counts"]) == (first, last, {"putAside": 5})


def test_gaps_and_errors_are_where_they_happened(
    as_alice: Client, site_store: DocumentStore, whisperer: Whisperer
) -> None:
    made = Capture()
    talk = made.conversation("10.0.0.1:40000", "10.0.0.2:80").connect()
    talk.request(request("GET", "/whole")).wait(0.001).response(response(200, body=b"x" * 100)).wait(1)
    talk.request(request("GET", "/cut")).wait(0.001)
    talk.send(SERVER, response(200, body=b"x" * 3000), size=1000)
    del talk.segments[-2]
    talk.send(CLIENT, request("GET", "/after")).wait(0.001).response(response(200)).close()
    seed(site_store, made.pcap(), whisperer=str(whisperer.pk), capture="c-gaps-001", day=DAY)
    hits = site_store.search("httpcomms", EVERYTHING, None, sort="date").hits
    torn = [hit for hit in hits if hit["parsing"]["status"] == "gap"]
    assert torn
    begin = rfc3339(nanoseconds(hits[0]["date"]) - SECOND)
    found = asked(as_alice, "/api/v1/httpcomms/quality/", **{"from": begin, "to": "now", "buckets": "400"})
    gaps = [mark for mark in found["marks"] if "gap" in mark["counts"]]
    assert sum(mark["counts"]["gap"] for mark in gaps) == len(torn)
    (session,) = site_store.search("tcpsessions", EVERYTHING, None).hits
    assert found["totals"]["gap"]["bytes"] == session["server"]["gapBytes"] > 0
    assert found["totals"]["gap"]["sessions"] == 1
    assert all(mark["first"] <= nanoseconds(torn[0]["date"]) < mark["last"] for mark in gaps[:1])


def test_quality_is_told_to_who_may_search_alone(
    as_bob: Client, as_charlie: Client, bob: User, whisperer: Whisperer, live: Whisperer, accounting: Any
) -> None:
    accounting(minute(live, "2026-11-22T10:06:00Z", packets_dropped_kernel=412))
    for client in (as_bob, as_charlie):  # bob has rights on the other whisperer
        found = asked(client, "/api/v1/httpcomms/quality/", **RANGE)
        assert found["marks"] == []
        assert found["totals"] == {"alarm": {}, "loss": {}, "gap": {}, "error": {}}
        assert b"live" not in client.get("/quality/", RANGE).content
    assert selectors.losses(frozenset(), SPAN) == []


def test_more_losses_than_are_read_are_said_to_be_more(
    as_alice: Client, live: Whisperer, accounting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["apps.httpcomms.selectors.quality"]
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 1)
    monkeypatch.setattr(module, "PAGE", 1)
    accounting(*(minute(live, f"2026-11-22T10:0{n}:00Z", packets_late=1) for n in range(3)))
    assert not asked(as_alice, "/api/v1/httpcomms/quality/", **RANGE)["complete"]


# Live.


def test_live_gives_rows_newer_than_the_newest_with_their_versions(as_alice: Client, traffic: Traffic) -> None:
    everything = {"from": "2000-01-01T00:00:00Z"}
    first = asked(as_alice, "/live/", **everything)
    assert (first["total"], first["came"], first["full"]) == (4, 0, False)
    assert set(first["versions"]) == set(traffic.seeded.communications)
    assert first["rows"].count('class="row') == 4
    assert "<script>alert" not in first["rows"]
    again = asked(as_alice, "/live/", newest=str(int(first["newest"]) - 1), **everything)
    assert again["came"] == 1
    assert asked(as_alice, "/live/", newest=first["newest"], **everything)["came"] == 0


def test_live_looks_at_rows_that_wait_whatever_the_query(as_alice: Client, traffic: Traffic) -> None:
    found = asked(
        as_alice, "/live/", pending=f"{traffic.slow},nobody", q="req.method:NONE", **{"from": "2000-01-01T00:00:00Z"}
    )
    assert found["total"] == 0
    assert list(found["versions"]) == [traffic.slow]
    assert traffic.slow in found["done"]


def test_live_shows_nobody_more_than_a_search(as_charlie: Client, traffic: Traffic) -> None:
    found = asked(as_charlie, "/live/", pending=traffic.slow, **{"from": "2000-01-01T00:00:00Z"})
    assert (found["total"], found["rows"], found["done"], found["versions"]) == (0, "", "", {})
    assert asked(as_charlie, "/timeline/", to="now")["buckets"] == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [({"newest": "soon"}, "newest"), ({"newest": "9" * 30}, "newest"), ({"pending": "x" * 300}, "pending")],
)
def test_live_refuses_what_it_cannot_read(
    as_alice: Client, traffic: Traffic, parameters: dict[str, str], field: str
) -> None:
    assert asked(as_alice, "/live/", 400, **parameters)["error"]["field"] == field


def test_the_parts_of_the_page_need_a_login(client: Client) -> None:
    for path in ("/timeline/", "/quality/", "/live/", "/whole/"):
        assert client.get(path).status_code in (302, 401), path
        assert client.get(path).get("Location", "/login/").startswith("/login/"), path
    assert client.get("/api/v1/httpcomms/quality/").status_code == 401


def test_live_is_a_range_without_an_end(as_alice: Client, traffic: Traffic) -> None:
    page = as_alice.get("/", {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T10:06:00Z", "by": "req.method"})
    assert b'data-href="/?from=now-6m&amp;by=req.method&amp;live=1"' in page.content
    page = as_alice.get("/", {"from": "now-15m", "live": "1"})
    assert b'id="live" data-href="/?from=now-15m" aria-pressed="true"' in page.content
