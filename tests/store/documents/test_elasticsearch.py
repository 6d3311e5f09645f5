"""What is Elasticsearch's own: templates, refresh, generated ids, and a client that repeats nothing by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from apps.captures import space
from apps.core.errors import ApplicationError
from documents.build import Document
from documents.bulk import lines
from store.documents import EVERYTHING, StoreUnavailable
from store.documents.cursor import decode, encode
from store.documents.elastic import ElasticsearchStore, templates
from tests.store.documents.samples import DAY, blob, comm, numbers, write

INTERVALS = {"packets": "5s", "tcpsessions": "3s", "httpcomms": "2s"}


@pytest.fixture(scope="module", params=[0, 1], ids=["elasticsearch-8", "elasticsearch-9"])
def url(request: pytest.FixtureRequest, elasticsearch_urls: list[str]) -> str:
    if request.param >= len(elasticsearch_urls):
        pytest.skip("Elasticsearch 9 needs Java 21 or newer, and there is none here")
    return elasticsearch_urls[request.param]


@pytest.fixture
def store(url: str) -> Iterator[ElasticsearchStore]:
    opened = ElasticsearchStore(url)
    for resource in INTERVALS:
        for day in opened.days(resource):
            opened.drop_day(resource, day.day, day.policy)
    yield opened
    opened.close()


def fill(store: ElasticsearchStore) -> None:
    """One document in each resource that has a refresh interval of its own."""
    body = orjson.dumps({"id": "s1", "version": 1, "whisperer": "w1", "date": "2026-11-22T10:00:00Z"})
    assert store.write_blobs("packets", [blob(1)]).stored == 1
    assert store.write("tcpsessions", lines([Document("s1", 1, "tcpsessions", DAY, "default", body)])).stored == 1
    assert store.write("httpcomms", lines([comm(1)])).stored == 1


def test_refresh_intervals_are_those_of_the_design(store: ElasticsearchStore) -> None:
    fill(store)
    for resource, interval in INTERVALS.items():
        name = f"spider-{resource}-{DAY}-default"
        settings = store._elastic.indices.get_settings(index=name)[name]["settings"]["index"]
        assert settings["refresh_interval"] == interval, resource


def test_documents_become_visible_by_themselves(store: ElasticsearchStore) -> None:
    start = time.monotonic()
    fill(store)
    count = {
        "packets": lambda: len(list(store.blobs("packets", EVERYTHING, "c1", 0, 1, 1))),
        "tcpsessions": lambda: store.count("tcpsessions", EVERYTHING, None),
        "httpcomms": lambda: store.count("httpcomms", EVERYTHING, None),
    }
    seen: dict[str, float] = {}
    while len(seen) < len(count) and time.monotonic() < start + 30:
        for resource in count.keys() - seen.keys():
            if count[resource]():
                seen[resource] = time.monotonic() - start
        time.sleep(0.1)
    # How soon is the interval's matter, which has a test above, and the machine's.
    assert seen.keys() == count.keys(), seen


def test_ids_of_packets_are_the_server_s(store: ElasticsearchStore) -> None:
    store.write_blobs("packets", [blob(1), blob(1)])
    store.refresh("packets")
    hits = store._elastic.search(index="spider-packets", source=False)["hits"]["hits"]
    assert len({hit["_id"] for hit in hits}) == 2


def test_a_resource_has_an_alias_and_a_template_made_from_the_field_table(store: ElasticsearchStore) -> None:
    fill(store)
    assert f"spider-httpcomms-{DAY}-default" in store._elastic.indices.get_alias(name="spider-httpcomms")
    mapping = store._elastic.indices.get_mapping(index="spider-httpcomms")
    properties = mapping[f"spider-httpcomms-{DAY}-default"]["mappings"]["properties"]
    assert properties["date"]["type"] == "date_nanos"
    assert properties["stats"]["properties"]["src"]["properties"]["ip"]["type"] == "ip"
    assert properties["req"]["properties"]["headers"]["type"] == "flattened"
    assert properties["req"]["properties"]["method"]["ignore_above"] == 32_766


def test_fields_that_the_table_gained_reach_the_indexes_there_are(
    store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    original = templates.template
    newer = original("httpcomms")
    newer["version"] += 1
    newer["template"]["mappings"]["properties"]["req"]["properties"]["novel"] = {"type": "keyword"}
    monkeypatch.setattr(
        templates, "template", lambda resource: newer if resource == "httpcomms" else original(resource)
    )
    try:
        store.prepare()
        name = f"spider-httpcomms-{DAY}-default"
        properties = store._elastic.indices.get_mapping(index=name)[name]["mappings"]["properties"]
        assert properties["req"]["properties"]["novel"] == {"type": "keyword"}
        monkeypatch.undo()
        store.prepare()  # an older process leaves the newer template alone
        found = store._elastic.indices.get_index_template(name="spider-httpcomms")["index_templates"][0]
        assert found["index_template"]["version"] == newer["version"]
    finally:
        store._elastic.indices.delete_index_template(name="spider-httpcomms")
        store.prepare()


class _Overloaded(BaseHTTPRequestHandler):
    """Answers 503 to everything and counts."""

    requests = 0

    def do_GET(self) -> None:
        type(self).requests += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(503)
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", "0")
        self.end_headers()

    do_PUT = do_POST = do_GET

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def overloaded() -> Iterator[str]:
    _Overloaded.requests = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Overloaded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_client_never_sends_a_request_twice(overloaded: str) -> None:
    store = ElasticsearchStore(overloaded)
    store._prepared = True
    with pytest.raises(StoreUnavailable, match="503"):
        store.write("httpcomms", lines([comm(1)]))
    store.close()
    assert _Overloaded.requests == 1


def test_a_full_queue_is_no_fault_of_the_documents(store: ElasticsearchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    name = f"spider-httpcomms-{DAY}-default"
    # What a nearly full disk does to every index.
    store._elastic.indices.put_settings(index=name, settings={"blocks.read_only_allow_delete": True})
    with pytest.raises(StoreUnavailable, match="cluster_block"):
        store.write("httpcomms", lines([comm(2)]))
    store._elastic.indices.put_settings(index=name, settings={"blocks.read_only_allow_delete": None})
    assert store.write("httpcomms", lines([comm(2)])).stored == 1


def test_pages_are_read_at_a_point_in_time(store: ElasticsearchStore) -> None:
    write(store, *[comm(n) for n in range(9)])
    first = store.search("httpcomms", EVERYTHING, None, size=3, sort="stats.duration")
    assert decode(first.after or "", "stats.duration").point == "", "most searches have one page"
    second = store.search("httpcomms", EVERYTHING, None, size=3, sort="stats.duration", after=first.after)
    write(store, comm(8, version=2, stats__duration=0.5), comm(100, stats__duration=7.5))
    third = store.search("httpcomms", EVERYTHING, None, size=3, sort="stats.duration", after=second.after)
    assert numbers(first.hits + second.hits + third.hits) == list(range(9))
    assert third.after is None


def test_pages_go_on_when_their_point_in_time_is_gone(store: ElasticsearchStore) -> None:
    write(store, *[comm(n) for n in range(9)])
    first = store.search("httpcomms", EVERYTHING, None, size=3, sort="date")
    second = store.search("httpcomms", EVERYTHING, None, size=3, sort="date", after=first.after)
    store._elastic.close_point_in_time(id=decode(second.after or "", "date").point)
    third = store.search("httpcomms", EVERYTHING, None, size=3, sort="date", after=second.after)
    assert numbers(third.hits) == [6, 7, 8]


def test_a_point_in_time_of_something_else_is_not_used(store: ElasticsearchStore) -> None:
    write(store, *[comm(n) for n in range(4)])
    store.write_blobs("packets", [blob(1), blob(2)])
    store.refresh("packets")
    first = store.search("httpcomms", EVERYTHING, None, size=1, sort="date")
    foreign = store._elastic.open_point_in_time(index="spider-packets", keep_alive="1m")["id"]
    place = decode(first.after or "", "date")
    # Whatever it is, no document of another resource is shown; one that is none may show nothing.
    for point in (foreign, "made up", "AAAA"):
        page = store.search(
            "httpcomms", EVERYTHING, None, size=5, sort="date", after=encode(replace(place, point=point))
        )
        assert numbers(page.hits) in ([1, 2, 3], [])


@pytest.fixture
def watermarks(store: ElasticsearchStore) -> Iterator[Callable[[str], None]]:
    """Sets the watermarks, all three to the same; afterwards they are as they were."""
    prefix = "cluster.routing.allocation.disk"
    names = [f"{prefix}.threshold_enabled", *(f"{prefix}.watermark.{name}" for name in ("low", "high", "flood_stage"))]
    change = store._elastic.cluster.put_settings
    yield lambda text: change(persistent=dict(zip(names, ["true", text, text, text], strict=True))) and None
    change(persistent=dict.fromkeys(names))


def test_chunks_are_refused_before_the_flood_stage(
    store: ElasticsearchStore, watermarks: Callable[[str], None], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "document_store", lambda: store)
    monkeypatch.setattr(space, "LOOK_SECONDS", -1)
    settings.STORE_FREE = 1 << 20
    free = store.free_bytes()
    assert free is not None
    space.require_room()
    watermarks(f"{free >> 21}mb")  # half of what is free
    left = store.free_bytes()
    assert left is not None
    assert 0.4 < left / free < 0.6
    watermarks("1%")  # of the disk may be used
    assert store.free_bytes() == 0
    with pytest.raises(ApplicationError, match="The disk of the document store has 0") as error:
        space.require_room()
    assert (error.value.code, error.value.status_code) == ("disk_full", 503)
