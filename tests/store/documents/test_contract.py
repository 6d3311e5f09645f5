"""What every engine promises: each test runs on a real PostgreSQL and a real Elasticsearch."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from msgspec import structs

from documents import query
from documents.bulk import lines
from store.documents import EVERYTHING, BadCursor, BadRequest, DocumentStore, Scope, StoreUnavailable, open_store
from store.documents.blobs import stamp
from store.documents.cursor import Cursor, encode
from store.documents.elastic import reader as elastic_reader
from store.documents.elastic import store as elastic_store
from store.documents.names import Part
from store.documents.postgres import reader as postgres_reader
from store.documents.postgres import writer as postgres_writer
from tests.store.documents.samples import DAY, T0, blob, comm, numbers, write

W1: Scope = frozenset({"w1"})
MS = 1_000_000


def spanning(chunk: int, first: int, last: int) -> bytes:
    """A blob with packets from one time to another."""
    head = orjson.dumps({"format": "pcap", "first": first, "last": last, "flows": []})
    made = len(head).to_bytes(4, "big") + head
    return stamp(made, whisperer="w1", capture="c1", partition=0, chunk=chunk, day=DAY, policy="default")


def pages(store: DocumentStore, size: int, **search: Any) -> list[int]:
    """Every hit, page by page."""
    found: list[int] = []
    page = store.search("httpcomms", EVERYTHING, None, size=size, **search)
    found += numbers(page.hits)
    while page.after is not None:
        assert len(page.hits) == size
        page = store.search("httpcomms", EVERYTHING, None, size=size, after=page.after, **search)
        found += numbers(page.hits)
    return found


# Writing


def test_a_document_comes_back_as_it_was(documents: DocumentStore) -> None:
    sent = comm(
        1, req__headers={"x-a": ["1", "2"], "x.b": ["ü \U0001f600 \\u0000"]},
        stats__duration=12.345678, unknown={"kept": [1, None, 2.5]},
    )  # fmt: skip
    result = write(documents, sent)
    assert (result.stored, result.conflicts, result.failed) == (1, 0, [])
    assert documents.get("httpcomms", EVERYTHING, sent.id) == orjson.loads(sent.body)


def test_the_same_again_changes_nothing(documents: DocumentStore) -> None:
    sent = [comm(n) for n in range(10)]
    write(documents, *sent)
    again = write(documents, *sent)
    assert (again.stored, again.conflicts, again.failed) == (0, 10, [])
    assert documents.count("httpcomms", EVERYTHING, None) == 10


def test_the_higher_version_wins_in_whatever_order(documents: DocumentStore) -> None:
    write(documents, comm(1, version=5, req__method="PUT"))
    assert write(documents, comm(1, version=4, req__method="OLD")).conflicts == 1
    assert documents.search("httpcomms", EVERYTHING, None).hits[0]["req"]["method"] == "PUT"
    assert write(documents, comm(1, version=6, req__method="NEW", stats__statusCode=None)).stored == 1
    page = documents.search("httpcomms", EVERYTHING, query.parse("req.method:NEW AND NOT stats.statusCode:200"))
    assert numbers(page.hits) == [1]


def test_two_versions_in_one_payload(documents: DocumentStore) -> None:
    result = write(documents, comm(1, version=2, req__method="B"), comm(1, version=1, req__method="A"), comm(2))
    assert result.stored + result.conflicts == 3
    assert not result.failed
    hits = documents.search("httpcomms", EVERYTHING, None, sort="date").hits
    assert [hit["req"]["method"] for hit in hits] == ["B", "GET"]


def test_one_bad_document_fails_alone(documents: DocumentStore) -> None:
    sent = [comm(n) for n in range(3000)]
    sent[1234] = comm(1234, stats__statusCode="not a number")
    result = write(documents, *sent)
    assert result.stored == 2999
    assert [(failure.position, failure.id) for failure in result.failed] == [(1234, sent[1234].id)]
    assert "stats.statusCode" in result.failed[0].reason


def test_what_does_not_fit_fails_with_a_reason(documents: DocumentStore) -> None:
    bad = [
        comm(1, stats__src__ip="not an address"),
        structs.replace(comm(2), body=b'{"id":"x","date":"yesterday"}'),
        comm(3, stats__statusCode=70_000),
        structs.replace(comm(4), body=b'{"id": "cut'),
        structs.replace(comm(5), body=b"[1, 2]"),
    ]
    result = write(documents, comm(10), *bad, comm(11))
    assert result.stored == 2
    assert [(failure.position, failure.id) for failure in result.failed] == [(n, comm(n).id) for n in range(1, 6)]
    assert all(failure.reason for failure in result.failed)


def test_u_0000_costs_at_most_its_own_document(documents: DocumentStore, is_postgres: bool) -> None:
    result = write(documents, *[comm(n, req__reason="a\0b" if n == 500 else "ab") for n in range(1000)])
    # jsonb has no U+0000; Elasticsearch takes it.
    assert [failure.position for failure in result.failed] == ([500] if is_postgres else [])
    assert result.stored == 1000 - len(result.failed)


def test_a_broken_action_fails_alone(documents: DocumentStore) -> None:
    good = [comm(n) for n in range(20)]
    payload = lines(good[:10]) + b'{"index": {"_index"\n{}\n' + lines(good[10:])
    result = documents.write("httpcomms", payload)
    assert result.stored == 20
    assert [failure.position for failure in result.failed] == [10]


def test_days_are_made_by_many_at_once(store_url: str, documents: DocumentStore) -> None:
    stores = [open_store(store_url) for _ in range(4)]
    payloads = [lines([comm(n * 10 + i, day="20261201") for i in range(10)]) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda pair: pair[0].write("httpcomms", pair[1]), zip(stores, payloads, strict=True)))
    for store in stores:
        store.close()
    assert [(result.stored, result.failed) for result in results] == [(10, [])] * 4
    documents.refresh("httpcomms")
    assert documents.count("httpcomms", EVERYTHING, None) == 40


# Searching


def test_order_is_by_nanoseconds_newest_first(documents: DocumentStore) -> None:
    write(documents, comm(1, date=T0 + 1), comm(3, date=T0 + 3), comm(2, date=T0 + 2))
    assert numbers(documents.search("httpcomms", EVERYTHING, None).hits) == [3, 2, 1]
    assert numbers(documents.search("httpcomms", EVERYTHING, None, sort="date").hits) == [1, 2, 3]


def test_the_range_is_from_since_to_before_until_by_nanoseconds(documents: DocumentStore) -> None:
    write(documents, *[comm(n) for n in range(6)])
    page = documents.search("httpcomms", EVERYTHING, None, since=T0 + 2, until=T0 + 4, sort="date")
    assert numbers(page.hits) == [2, 3]
    assert documents.count("httpcomms", EVERYTHING, None, since=T0 + 5) == 1


def test_pages_neither_repeat_nor_skip_while_documents_arrive(documents: DocumentStore) -> None:
    write(documents, *[comm(n, date=T0 + n // 4) for n in range(20)])  # four at each moment
    first = documents.search("httpcomms", EVERYTHING, None, size=7)
    write(documents, comm(100, date=T0 + 100))
    second = documents.search("httpcomms", EVERYTHING, None, size=7, after=first.after)
    third = documents.search("httpcomms", EVERYTHING, None, size=7, after=second.after)
    assert numbers(first.hits + second.hits + third.hits) == list(range(19, -1, -1))
    assert third.after is None
    assert (first.total, second.total, third.total) == (20, 20, 20)


def test_pages_of_any_order_go_through_everything(documents: DocumentStore) -> None:
    some = [
        comm(n, stats__duration=n % 3 * 1.5, stats__src__ip=f"10.0.{n % 4}.9", stats__statusCode=200 + n % 2)
        for n in range(9)
    ]
    none = [
        comm(n, stats__duration=None, stats__statusCode=None, stats__src__ip=None, req__path=None) for n in range(9, 13)
    ]
    write(documents, *some, *none)
    for sort in ("stats.duration", "-stats.duration", "req.path", "-stats.src.ip", "stats.statusCode"):
        found = pages(documents, 2, sort=sort)
        assert sorted(found) == list(range(13)), sort
        assert set(found[-4:]) == {9, 10, 11, 12}, "documents without the value come last, whichever the direction"
        assert found == numbers(documents.search("httpcomms", EVERYTHING, None, size=100, sort=sort).hits), sort


def test_durations_and_addresses_sort_by_value(documents: DocumentStore) -> None:
    write(documents, *[comm(n, stats__duration=float(10 - n), stats__src__ip=f"10.0.0.{n}") for n in (2, 9, 10)])
    assert numbers(documents.search("httpcomms", EVERYTHING, None, sort="stats.duration").hits) == [10, 9, 2]
    assert numbers(documents.search("httpcomms", EVERYTHING, None, sort="stats.src.ip").hits) == [2, 9, 10]


def test_a_total_is_exact_up_to_a_bound(documents: DocumentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_reader, "TOTAL_BOUND", 20)
    monkeypatch.setattr(elastic_reader, "TOTAL_BOUND", 20)
    write(documents, *[comm(n) for n in range(20)])
    page = documents.search("httpcomms", EVERYTHING, None, size=5)
    assert (page.total, page.at_least) == (20, False)
    write(documents, comm(20))
    page = documents.search("httpcomms", EVERYTHING, None, size=5)
    assert (page.total, page.at_least) == (20, True)
    assert documents.count("httpcomms", EVERYTHING, None) == 21


QUERIES = {
    "req.method:POST AND stats.statusCode:>=500": [2],
    "stats.statusCode:[400 TO 503]": [1, 2],
    "NOT stats.statusCode:200": [1, 2, 3],
    "req.path:/orders/*": [0, 1, 2],
    "stats.src.ip:10.1.0.0\\/16": [1],
    "parsing.anomalies:gap": [3],
    "req.headers.x-id:abc": [0],
    "req.params.page:2": [1],
    "req.uri:*cart*": [2],
    'req.body.text:"payment failed"': [2],
    "req.body.size:>100": [1],
    "res.date:>2026-11-22T10:00:00.000000002Z": [3],
    "_exists_:res.reason": [0],
    "shop.example": [0, 1, 3],
    "(req.method:PUT OR stats.duration:<1) AND NOT parsing.status:gap": [0],
}


def test_queries_find_the_same_everywhere(documents: DocumentStore) -> None:
    write(
        documents,
        comm(0, req__headers={"x-id": ["abc", "def"]}, res__reason="OK", stats__duration=0.5),
        comm(1, stats__statusCode=404, stats__src__ip="10.1.2.3", req__params={"page": ["2"]}, req__body__size=101),
        comm(2, req__method="POST", stats__statusCode=503, req__uri="http://b.example/cart/1", req__host="b.example",
             req__body__text="The Payment failed. Sorry"),
        comm(3, req__method="PUT", stats__statusCode=None, parsing__anomalies=["gap", "cut"], parsing__status="gap",
             req__path="/Orders", res__date="2026-11-22T10:00:00.000000003Z"),
    )  # fmt: skip
    found = {text: documents.search("httpcomms", EVERYTHING, query.parse(text), sort="date").hits for text in QUERIES}
    assert {text: numbers(hits) for text, hits in found.items()} == QUERIES


def test_a_scope_hides_the_others(documents: DocumentStore) -> None:
    write(documents, comm(1), comm(2, whisperer="w2"))
    hidden = comm(2).id
    assert numbers(documents.search("httpcomms", W1, None).hits) == [1]
    assert documents.search("httpcomms", W1, None).total == 1
    assert documents.get("httpcomms", W1, hidden) is None
    assert documents.get("httpcomms", EVERYTHING, hidden) is not None
    assert documents.count("httpcomms", W1, query.parse("req.method:GET OR whisperer:w2")) == 1
    assert documents.terms("httpcomms", W1, None, "whisperer") == [("w1", 1)]
    assert sum(b.total for b in documents.histogram("httpcomms", W1, None, since=T0, until=T0 + MS, interval=MS)) == 1
    assert documents.percentiles("httpcomms", W1, None, "stats.duration", [50]) == {50.0: 1.0}
    assert [numbers(batch) for batch in documents.scan("httpcomms", W1, None)] == [[1]]
    assert documents.count("httpcomms", frozenset(), None) == 0
    assert documents.search("httpcomms", frozenset({"w1", "w2"}), None).total == 2
    assert sum(documents.purge("httpcomms", W1, None)) == 1
    documents.refresh("httpcomms")
    assert documents.count("httpcomms", EVERYTHING, None) == 1


def test_a_foreign_or_damaged_cursor_is_refused(documents: DocumentStore) -> None:
    write(documents, comm(1), comm(2))
    foreign = documents.search("httpcomms", EVERYTHING, None, size=1).after
    for after in (foreign, "nonsense", "", "W10", "W1siZGF0ZSIse30sMSwyLDNd"):
        with pytest.raises(BadCursor):
            documents.search("httpcomms", EVERYTHING, None, sort="date", after=after)


@pytest.mark.parametrize("sort", ["date", "-stats.duration", "stats.statusCode", "stats.src.ip", "req.method"])
def test_a_cursor_that_somebody_wrote_is_refused_or_a_place(documents: DocumentStore, sort: str) -> None:
    write(documents, comm(1), comm(2))
    for value in ("x", "a\0b", 1.5, True, 10**10, 1 << 63, -(1 << 63), 1e308, "NaN", "1.2.3.4", "::1%eth0", None):
        for id in ("", "a\0b", "x" * 40_000):
            after = encode(Cursor(sort, value, id, 2, False))
            try:
                assert documents.search("httpcomms", EVERYTHING, None, sort=sort, after=after).total == 2
            except BadCursor:
                continue


def test_an_id_of_any_characters_is_found_or_not(documents: DocumentStore) -> None:
    write(documents, comm(1))
    for id in ("a\0b", "", "'", "*", "../x", "\U0001f600", "x" * 40_000):
        assert documents.get("httpcomms", EVERYTHING, id) is None


def test_impossible_questions_are_refused_in_words(documents: DocumentStore) -> None:
    with pytest.raises(BadRequest, match=r"sorted by 'req\.headers'"):
        documents.search("httpcomms", EVERYTHING, None, sort="req.headers")
    with pytest.raises(BadRequest, match="sorted by 'id; DROP'"):
        documents.search("httpcomms", EVERYTHING, None, sort="id; DROP")
    with pytest.raises(BadRequest, match="'nothing'"):
        documents.terms("httpcomms", EVERYTHING, None, "nothing")
    with pytest.raises(BadRequest, match="milliseconds"):
        documents.histogram("httpcomms", EVERYTHING, None, since=0, until=MS, interval=1)
    with pytest.raises(BadRequest, match="steps"):
        documents.histogram("httpcomms", EVERYTHING, None, since=0, until=T0, interval=MS)
    with pytest.raises(BadRequest, match="items"):
        documents.search("httpcomms", EVERYTHING, None, size=100_000)


def test_nothing_stored_yet_is_an_empty_answer(documents: DocumentStore) -> None:
    page = documents.search("httpcomms", EVERYTHING, None)
    assert (page.hits, page.after, page.total) == ([], None, 0)
    assert documents.count("tcpsessions", EVERYTHING, None) == 0
    assert documents.terms("httpcomms", EVERYTHING, None, "req.method") == []
    assert documents.histogram("httpcomms", EVERYTHING, None, since=T0, until=T0 + MS, interval=MS) == []
    assert documents.percentiles("httpcomms", EVERYTHING, None, "stats.duration", [50]) == {}
    assert list(documents.scan("httpcomms", EVERYTHING, None)) == []
    assert list(documents.blobs("packets", EVERYTHING, "c1", 0, 0, 9)) == []
    assert documents.get("httpcomms", EVERYTHING, comm(1).id) is None


# Counting


def test_a_timeline_by_status_class(documents: DocumentStore) -> None:
    write(
        documents,
        comm(1, date=T0 + 1), comm(2, date=T0 + 10 * MS - 1, stats__statusClass="5xx"),
        comm(3, date=T0 + 10 * MS), comm(4, date=T0 + 35 * MS, stats__statusClass=None),
    )  # fmt: skip
    found = documents.histogram(
        "httpcomms", EVERYTHING, None, since=T0, until=T0 + 100 * MS, interval=10 * MS, by="stats.statusClass"
    )
    assert [((bucket.start - T0) // MS, bucket.total, bucket.counts) for bucket in found] == [
        (0, 2, {"2xx": 1, "5xx": 1}), (10, 1, {"2xx": 1}), (30, 1, {}),
    ]  # fmt: skip


def test_the_most_frequent_values(documents: DocumentStore) -> None:
    write(
        documents,
        comm(1, req__method="PUT", parsing__anomalies=["a", "b"], stats__src__ip="10.0.0.9", res__body__truncated=True),
        comm(2, parsing__anomalies=["b"], stats__src__ip="10.0.0.10", res__status=404),
        comm(3, stats__src__ip="::1", stats__statusCode=None, res__status=404),
        comm(4, req__method=None, res__status=99),
    )
    count = lambda field, **more: documents.terms("httpcomms", EVERYTHING, None, field, **more)  # noqa: E731
    assert count("req.method") == [("GET", 2), ("PUT", 1)]
    assert count("req.method", size=1) == [("GET", 2)]
    assert count("parsing.anomalies") == [("b", 2), ("a", 1)]
    assert count("stats.statusCode") == [("200", 3)]
    assert count("res.status") == [("404", 2), ("99", 1)]
    assert count("res.body.truncated") == [("true", 1)]
    assert dict(count("stats.src.ip")) == {"10.0.0.9": 1, "10.0.0.10": 1, "::1": 1, "10.0.0.1": 1}
    assert documents.terms("httpcomms", EVERYTHING, query.parse("req.method:PUT"), "req.host") == [("shop.example", 1)]


def test_percentiles(documents: DocumentStore) -> None:
    write(documents, *[comm(n, req__size=n * 10) for n in range(101)])
    assert documents.percentiles("httpcomms", EVERYTHING, None, "stats.duration", [50, 95]) == pytest.approx(
        {50: 50, 95: 95}
    )
    assert documents.percentiles("httpcomms", EVERYTHING, None, "req.size", [10]) == pytest.approx({10: 100})


def test_a_scan_sees_everything_as_it_was_when_it_began(documents: DocumentStore) -> None:
    write(documents, *[comm(n) for n in range(25)])
    batches = documents.scan("httpcomms", EVERYTHING, None, size=10)
    first = next(batches)
    write(documents, comm(99))
    assert sorted(numbers(first + [hit for batch in batches for hit in batch])) == list(range(25))


def test_a_purge_deletes_what_it_finds_alone(documents: DocumentStore) -> None:
    write(documents, *[comm(n, stats__statusCode=200 + n % 2) for n in range(10)], comm(11, day="20261123"))
    found = documents.purge("httpcomms", EVERYTHING, query.parse("stats.statusCode:201"), until=T0 + 9)
    assert sum(found) == 4
    documents.refresh("httpcomms")
    assert sorted(pages(documents, 100)) == [0, 2, 4, 6, 8, 9, 11]


def test_a_purge_of_one_part_leaves_the_others_alone(documents: DocumentStore) -> None:
    write(documents, comm(1), comm(2, day="20261123"), structs.replace(comm(3), policy="audit"))
    assert sum(documents.purge("httpcomms", EVERYTHING, None, part=Part("httpcomms", DAY, "audit"))) == 1
    assert sum(documents.purge("httpcomms", EVERYTHING, None, part=Part("httpcomms", DAY, "none"))) == 0
    documents.refresh("httpcomms")
    assert sorted(pages(documents, 100)) == [1, 2]


def test_who_stops_reading_stops_a_purge(documents: DocumentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_writer, "_PURGED", 2)
    monkeypatch.setattr(elastic_store, "_PURGED", 2)
    write(documents, *[comm(n) for n in range(6)])
    assert next(documents.purge("httpcomms", EVERYTHING, None)) == 2
    documents.refresh("httpcomms")
    assert documents.count("httpcomms", EVERYTHING, None) == 4
    assert list(documents.purge("httpcomms", EVERYTHING, None)) == [2, 2]


# Blobs


def test_blobs_come_back_by_chunk(documents: DocumentStore) -> None:
    big = os.urandom(3 << 20)
    sent = [blob(3), blob(1, big), blob(2, partition=1), blob(2, b"a"), blob(2, b"b"), blob(9), blob(2, whisperer="w2")]
    result = documents.write_blobs("packets", sent)
    assert (result.stored, result.failed) == (7, [])
    documents.refresh("packets")
    found = list(documents.blobs("packets", W1, "c1", 0, 1, 3))
    assert found[0] == blob(1, big)
    assert sorted(found[1:3]) == sorted([blob(2, b"a"), blob(2, b"b")])
    assert found[3:] == [blob(3)]
    assert len(list(documents.blobs("packets", EVERYTHING, "c1", 0, 2, 2))) == 3
    assert list(documents.blobs("packets", frozenset(), "c1", 0, 1, 3)) == []


def test_a_blob_stored_twice_is_read_once(documents: DocumentStore) -> None:
    sent = [blob(1), blob(2), blob(3, resource_day="20261123")]
    for _ in range(2):
        assert documents.write_blobs("httpbodies", sent).stored == 3
    documents.refresh("httpbodies")
    assert list(documents.blobs("httpbodies", EVERYTHING, "c1", 0, 0, 9)) == sent


def test_a_range_has_the_blobs_that_lie_wholly_in_it(documents: DocumentStore) -> None:
    documents.write_blobs(
        "packets", [spanning(1, T0, T0 + 4), spanning(2, T0 + 2, T0 + 9), spanning(3, T0 + 5, T0 + 6)]
    )
    documents.refresh("packets")
    assert documents.count("packets", EVERYTHING, None, since=T0, until=T0 + 7) == 2
    assert sum(documents.purge("packets", W1, None, since=T0 + 1, until=T0 + 9)) == 1
    documents.refresh("packets")
    assert sum(documents.purge("packets", W1, None, until=T0 + 5)) == 1
    documents.refresh("packets")
    assert list(documents.blobs("packets", EVERYTHING, "c1", 0, 0, 9)) == [spanning(2, T0 + 2, T0 + 9)]


def test_blobs_are_rewritten_where_they_are(documents: DocumentStore) -> None:
    sent = [blob(1, b"a"), blob(2, b"b"), blob(3, b"c"), blob(2, b"other", partition=1), blob(2, whisperer="w2")]
    documents.write_blobs("packets", [*sent, blob(2, b"b", resource_day="20261123")])
    documents.refresh("packets")
    new = spanning(2, T0, T0 + 5)

    def change(found: bytes) -> bytes | None:
        return {sent[0]: sent[0], sent[1]: new}.get(found)

    part = Part("packets", DAY, "default")
    assert documents.rewrite("packets", W1, "c1", 0, 1, 3, change, part=part) == 2
    documents.refresh("packets")
    assert list(documents.blobs("packets", W1, "c1", 0, 1, 3, part=part)) == [sent[0], new]
    assert len(list(documents.blobs("packets", EVERYTHING, "c1", 0, 1, 3))) == 4
    assert documents.count("packets", W1, None, until=T0 + 5) == 3
    assert list(documents.blobs("packets", W1, "c1", 1, 1, 3)) == [sent[3]]


def test_a_blob_that_is_rewritten_again_keeps_the_first_change(documents: DocumentStore) -> None:
    documents.write_blobs("packets", [blob(1, b"XYZ")])
    documents.refresh("packets")
    for letter in (b"X", b"Y"):
        assert documents.rewrite("packets", W1, "c1", 0, 1, 1, lambda found, out=letter: found.replace(out, b"-")) == 1
    documents.refresh("packets")
    (found,) = documents.blobs("packets", W1, "c1", 0, 1, 1)
    assert found.endswith(b"--Z")


def test_a_blob_without_a_place_fails_alone(documents: DocumentStore) -> None:
    result = documents.write_blobs("packets", [blob(1), b"", b"\0\0\0\2{}", b"\0\0\xff\xff", blob(2)])
    assert result.stored == 2
    assert [(failure.position, bool(failure.reason)) for failure in result.failed] == [(1, True), (2, True), (3, True)]


# Days, and trouble


def test_days_are_listed_and_dropped(documents: DocumentStore) -> None:
    write(documents, comm(1), comm(2, day="20261123"), comm(3, day="20261124"))
    found = [(day.resource, day.day, day.policy) for day in documents.days("httpcomms")]
    assert found == [("httpcomms", day, "default") for day in ("20261122", "20261123", "20261124")]
    assert all(day.bytes > 0 for day in documents.days("httpcomms"))
    assert documents.drop_day("httpcomms", "20261123", "default") is True
    assert documents.drop_day("httpcomms", "20261123", "default") is False
    assert sorted(pages(documents, 10)) == [1, 3]


def test_a_document_later_than_its_day_makes_it_again(documents: DocumentStore) -> None:
    write(documents, comm(1))
    documents.drop_day("httpcomms", DAY, "default")
    assert write(documents, comm(2)).stored == 1
    assert pages(documents, 10) == [2]


def test_a_pattern_that_takes_too_much_is_the_question_s_fault(documents: DocumentStore) -> None:
    write(documents, comm(1))
    node = query.parse("req.path:/[ab]*a[ab]{20}((c{100}){100}){100}/")
    with pytest.raises(BadRequest, match="cannot search for that"):
        documents.search("httpcomms", EVERYTHING, node)
    with pytest.raises(BadRequest):
        documents.count("httpcomms", EVERYTHING, node)


def test_health_names_the_engine(documents: DocumentStore, is_postgres: bool) -> None:
    health = documents.health()
    assert health.ok
    assert health.engine == ("postgresql" if is_postgres else "elasticsearch")
    assert health.version


def test_what_is_free_is_told_by_engines_that_know(documents: DocumentStore, is_postgres: bool) -> None:
    free = documents.free_bytes()
    assert free is None if is_postgres else free is not None and free > 0


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "http://127.0.0.1:1"])
def test_a_server_that_is_away_is_no_fault_of_the_documents(url: str) -> None:
    away = open_store(url)
    with pytest.raises(StoreUnavailable):
        away.write("httpcomms", lines([comm(1)]))
    with pytest.raises(StoreUnavailable):
        away.search("httpcomms", EVERYTHING, None)
    assert away.health().ok is False
    assert away.health().detail
    away.close()


def test_other_addresses_are_refused() -> None:
    with pytest.raises(ValueError, match="'mysql'"):
        open_store("mysql://localhost")
