"""Facets and figures: what every engine answers to the same question, on a real PostgreSQL and a real Elasticsearch."""

from typing import Any

import pytest

from documents import query
from store.documents import (
    EVERYTHING,
    Answer,
    BadRequest,
    DocumentStore,
    Facets,
    Figures,
    Metric,
    Ranges,
    Scope,
    Terms,
)
from store.documents.elastic import facets as elastic_facets
from store.documents.postgres import facets as postgres_facets
from tests.store.documents.samples import T0, comm, write

W1: Scope = frozenset({"w1"})
MS = 1_000_000


def facets(documents: DocumentStore, *questions: Terms | Ranges, text: str = "", **more: Any) -> Facets:
    node = query.parse(text) if text else None
    return documents.facets("httpcomms", EVERYTHING, node, questions, **more)


def figures(documents: DocumentStore, *metrics: Metric, by: tuple[str, ...] = (), **more: Any) -> Figures:
    return documents.figures("httpcomms", EVERYTHING, None, metrics, by=by, **more)


@pytest.fixture
def shop(documents: DocumentStore) -> DocumentStore:
    write(
        documents,
        comm(0, date=T0, stats__tags={"order": ["A-1", "A-2", "A-1"]}, req__headers={"x-tenant": ["North"]},
             stats__duration=1.0, res__status=200, res__body__truncated=True, req__size=10),
        comm(1, date=T0 + 5 * MS, stats__tags={"order": "A-1", "shop": ["x"]}, stats__duration=3.0, res__status=404,
             stats__src__ip="10.0.0.9", req__size=30, parsing__anomalies=["gap", "cut"]),
        comm(2, date=T0 + 12 * MS, req__method="POST", stats__duration=10.0, res__status=99, stats__src__ip="::1",
             stats__statusClass="5xx", req__headers={"x-tenant": ["north", "South"]}, req__host=None),
        comm(3, date=T0 + 13 * MS, req__method="put", stats__duration=None, req__host="b.example", whisperer="w2",
             day="20261123", stats__src__name="Gateway"),
    )  # fmt: skip
    return documents


# Facets


def test_facets_are_answered_together(shop: DocumentStore) -> None:
    found = facets(
        shop, Terms("req.method"), Terms("req.host", size=1), Ranges("stats.duration", (1, 3)), Terms("res.status")
    )
    assert found == Facets(
        [
            Answer([("GET", 2), ("POST", 1), ("put", 1)], 0),
            Answer([("shop.example", 2)], 1, 1),
            Answer([("0", 0), ("1", 1), ("2", 2)], 1),
            Answer([("99", 1), ("200", 1), ("404", 1)], 1),
        ],
        4,
    )


def test_facets_are_of_the_hits_alone(shop: DocumentStore) -> None:
    assert facets(shop, Terms("req.method"), text="stats.duration:>2", until=T0 + 12 * MS) == Facets(
        [Answer([("GET", 1)], 0)], 1
    )
    assert shop.facets("httpcomms", W1, None, [Terms("whisperer")]) == Facets([Answer([("w1", 3)], 0)], 3)
    assert shop.facets("httpcomms", frozenset(), None, [Terms("whisperer")]) == Facets([Answer([], 0)], 0)
    assert facets(shop) == Facets([], 4)


def test_values_under_a_key_are_counted_by_document(shop: DocumentStore) -> None:
    found = facets(shop, Terms("stats.tags.order"), Terms("req.headers.X-Tenant"), Terms("stats.tags.nothing"))
    assert found.answers == [
        Answer([("A-1", 2), ("A-2", 1)], 2),
        Answer([("North", 1), ("South", 1), ("north", 1)], 2),
        Answer([], 4),
    ]
    assert facets(shop, Terms("stats.tags.order", size=1)).answers == [Answer([("A-1", 2)], 2, 1)]
    assert shop.terms("httpcomms", EVERYTHING, None, "stats.tags.order", size=1) == [("A-1", 2)]
    line = shop.histogram(
        "httpcomms", EVERYTHING, None, since=T0, until=T0 + 20 * MS, interval=10 * MS, by="stats.tags.order"
    )
    assert [(bucket.total, bucket.counts) for bucket in line] == [(2, {"A-1": 2, "A-2": 1}), (2, {})]


def test_several_values_of_a_field(shop: DocumentStore) -> None:
    assert facets(shop, Terms("parsing.anomalies"), Terms("res.body.truncated")).answers == [
        Answer([("cut", 1), ("gap", 1)], 3),
        Answer([("true", 1)], 3),
    ]


def test_a_prefix_keeps_what_begins_with_it_in_any_case(shop: DocumentStore) -> None:
    found = facets(
        shop, Terms("req.method", prefix="P"), Terms("req.headers.x-tenant", prefix="NO"),
        Terms("res.status", prefix="4"), Terms("stats.src.ip", prefix="10.0"), Terms("stats.src.name", prefix="gate"),
        Terms("req.method", prefix="P", size=1),
    )  # fmt: skip
    assert [answer.values for answer in found.answers] == [
        [("POST", 1), ("put", 1)],
        [("North", 1), ("north", 1)],
        [("404", 1)],
        [("10.0.0.1", 2), ("10.0.0.9", 1)],
        [("Gateway", 1)],
        [("POST", 1)],
    ]
    assert [answer.others for answer in found.answers] == [0, 0, 0, 0, 0, 1]


def test_a_prefix_means_its_characters(documents: DocumentStore) -> None:
    paths = ["/a.b", "/axb", "/a%b", "/Ä", "/ä", '/"q"', "/<1>"]
    write(documents, *[comm(n, req__path=path, stats__tags={"k": [path]}) for n, path in enumerate(paths)])
    for prefix, expected in (("/a.", 1), ("/a%", 1), ("/ä", 2), ('/"', 1), ("/<1>", 1), ("/(", 0), ("", 7)):
        found = facets(documents, Terms("req.path", prefix=prefix), Terms("stats.tags.k", prefix=prefix))
        assert [len(answer.values) for answer in found.answers] == [expected, expected], prefix


def test_a_key_means_its_characters(documents: DocumentStore) -> None:
    keys = ["a.b", "a%sb", 'a"b', "a b", "ü", "a'b", "a\\b", "$", "*"]
    write(documents, comm(1, stats__tags={key: ["v"] for key in keys}))
    for key in keys:
        assert facets(documents, Terms(f"stats.tags.{key}")).answers == [Answer([("v", 1)], 0)], key
        groups = figures(documents, Metric("count"), by=(f"stats.tags.{key}", "req.method")).groups
        assert [group.values for group in groups] == [("v", "GET")], key


def test_questions_that_make_no_sense_are_refused(documents: DocumentStore) -> None:
    for question in (
        Terms("req.headers"), Terms("nothing"), Terms("req.body.text"), Terms("date"), Terms("stats.tags.a\0b"),
        Terms("stats.tags.\ud800"), Ranges("req.method", (1,)), Ranges("stats.tags.order", (1,)),
        Terms("req.method", size=0),
        Ranges("req.size", ()), Ranges("req.size", (2, 1)), Ranges("req.size", (float("nan"),)),
        Terms("req.method", prefix="x" * 1000), Terms("req.method", prefix="a\0"),
    ):  # fmt: skip
        with pytest.raises(BadRequest):
            facets(documents, question)
    for metric in (Metric("sum", "req.method"), Metric("cardinality", "stats.tags.order"), Metric("p95", "nothing")):
        with pytest.raises(BadRequest):
            figures(documents, metric)
    count = Metric("count")
    for more in ({"by": ("a",) * 4}, {"interval": MS}, {"size": 0}, {"by": ("date",)}):
        with pytest.raises(BadRequest):
            figures(documents, count, **more)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="fewer"):
        figures(documents, count, by=("req.method",), since=0, until=1000 * MS, interval=MS, size=1000)


def test_nothing_stored_yet_has_facets_and_figures(documents: DocumentStore) -> None:
    found = facets(documents, Terms("req.method"), Ranges("req.size", (1,)))
    assert found == Facets([Answer([], 0), Answer([("0", 0), ("1", 0)], 0)], 0)
    assert figures(documents, Metric("count"), by=("req.method",)).groups == []
    (group,) = figures(documents, Metric("count"), Metric("sum", "req.size")).groups
    assert (group.values, group.documents, group.figures) == ((), 0, (0.0, None))


# Figures

ALL = (
    Metric("count"), Metric("sum", "stats.duration"), Metric("avg", "stats.duration"), Metric("min", "stats.duration"),
    Metric("max", "stats.duration"), Metric("p50", "stats.duration"), Metric("cardinality", "stats.src.ip"),
    Metric("sum", "req.size"),
)  # fmt: skip


def lines(found: Figures) -> list[tuple[Any, ...]]:
    return [
        (*group.values, *([group.start] if group.start is not None else []), *group.figures) for group in found.groups
    ]


def test_figures_of_everything(shop: DocumentStore) -> None:
    (group,) = figures(shop, *ALL).groups
    assert (group.values, group.start, group.documents) == ((), None, 4)
    assert group.figures == pytest.approx((4, 14, 14 / 3, 1, 10, 3, 3, 40))


def test_figures_by_a_field(shop: DocumentStore) -> None:
    found = figures(shop, Metric("count"), Metric("max", "stats.duration"), by=("req.host",))
    assert lines(found) == [("shop.example", 2, 3), ("b.example", 1, None), (None, 1, 10)]
    assert found.more is False
    found = figures(shop, Metric("count"), by=("req.host",), size=1)
    assert (lines(found), found.more) == ([("shop.example", 2)], True)


def test_figures_by_several_fields(shop: DocumentStore) -> None:
    found = figures(shop, Metric("count"), by=("req.host", "stats.src.ip", "res.status"))
    assert lines(found) == [
        ("b.example", "10.0.0.1", None, 1),
        ("shop.example", "10.0.0.1", "200", 1),
        ("shop.example", "10.0.0.9", "404", 1),
        (None, "::1", "99", 1),
    ]
    found = figures(shop, Metric("count"), by=("stats.tags.order", "res.body.truncated"))
    assert lines(found) == [(None, None, 2), ("A-1", "true", 1), ("A-1", None, 1), ("A-2", "true", 1)]


def test_figures_in_steps(shop: DocumentStore) -> None:
    count = {"since": T0, "until": T0 + 20 * MS, "interval": 10 * MS}
    found = figures(shop, Metric("count"), Metric("p95", "stats.duration"), **count)
    assert lines(found) == [(T0, 2, pytest.approx(2.9, rel=0.05)), (T0 + 10 * MS, 2, 10)]
    found = figures(shop, Metric("count"), by=("stats.statusClass",), **count)
    assert lines(found) == [("2xx", T0, 2), ("2xx", T0 + 10 * MS, 1), ("5xx", T0 + 10 * MS, 1)]
    found = figures(shop, Metric("count"), by=("stats.statusClass",), size=1, **count)
    assert (lines(found), found.more) == ([("2xx", T0, 2), ("2xx", T0 + 10 * MS, 1)], True)


def test_the_groups_with_most_documents_are_given(documents: DocumentStore) -> None:
    write(documents, *[comm(n, req__path=f"/{n % 7}", req__host=f"h{n % 2}") for n in range(60)])
    found = figures(documents, Metric("count"), by=("req.path", "req.host"), size=4)
    assert [(group.documents, group.values) for group in found.groups] == [
        (5, ("/0", "h0")), (5, ("/1", "h1")), (5, ("/2", "h0")), (5, ("/3", "h1")),
    ]  # fmt: skip
    assert found.more is True


def test_facets_of_very_many_documents_are_of_a_sample_that_says_so(
    documents: DocumentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The same words mean something else to each engine: rows of random pages, and random documents.
    monkeypatch.setattr(postgres_facets, "COUNTED", 1_000)
    monkeypatch.setattr(elastic_facets, "COUNTED", 1_000)
    write(documents, *[comm(n, req__method="GET" if n % 4 else "PUT", req__size=None) for n in range(5_000)])
    questions = [Terms("req.method"), Ranges("stats.duration", (2_500,)), Terms("req.size")]
    found = documents.facets("httpcomms", EVERYTHING, None, questions, seconds=60)
    assert 0.05 < found.share < 0.5
    assert 0 < found.total < 4_000
    method, duration, size = found.answers
    assert sum(count for _, count in method.values) == pytest.approx(found.total, abs=2)
    assert sum(count for _, count in duration.values) == pytest.approx(found.total, abs=2)
    assert size.missing == pytest.approx(found.total, abs=2)
    whole = documents.facets("httpcomms", EVERYTHING, query.parse("stats.duration:<100"), questions, seconds=60)
    assert (whole.share, whole.total) == (1.0, 100)
