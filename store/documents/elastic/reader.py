"""Searches: the query's DSL, with scope and time as filters beside it, over the alias of a resource.

Nothing is scored. Pages continue by the last hit's sort value and id (`search_after`). From the second page on they are
read at a point in time: an index is refreshed every two seconds, and a document that grew a newer version between two
pages would be given twice, or, ordered by what changed, never. It is opened by the second page, because most searches
have none; each page keeps it for some minutes more, and when it is gone the pages go on without it, on what is there
now. What must see every document once (exports, purges, packets) has a point in time of its own, closed at the end.
"""

from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from documents import dsl
from documents.ast import Node
from documents.fields import TIME_FIELD
from store.documents import cursor, ordering
from store.documents.base import EVERYTHING, TOTAL_BOUND, BadCursor, Bucket, DayPart, Page, Scope
from store.documents.cursor import Cursor
from store.documents.elastic.client import Limited
from store.documents.names import BLOB_RESOURCES, Part, alias, part_of
from store.documents.ordering import Order
from store.documents.times import to_text

Query = dict[str, Any]

#: How long a point in time outlives the last request on it.
_KEEP_ALIVE = "2m"
#: The same of one that a person scrolls through, and how many characters of it a cursor takes.
_SCROLLED = "5m"
_LONGEST_POINT = 1_500
#: Blobs fetched at a time; each may be some megabytes.
_BLOBS_AT_ONCE = 4
#: Most values of the second dimension of a timeline (status classes, methods …).
_SPLIT = 20
#: Types whose missing values come as null in a hit's place; numbers and dates have a largest value instead.
_NULL_SORTS = frozenset({"keyword", "ip", "boolean"})
_NANOSECOND_TEXT = "strict_date_optional_time_nanos"


def query(scope: Scope, node: Node | None, since: int | None, until: int | None, *more: Query) -> Query:
    """Whose, when and what, all as filters."""
    filters: list[Query] = list(more)
    if scope is not EVERYTHING:
        filters.append({"terms": {"whisperer": sorted(scope)}})
    bounds = {word: to_text(time) for word, time in (("gte", since), ("lt", until)) if time is not None}
    if bounds:
        filters.append({"range": {TIME_FIELD: bounds}})
    if node is not None:
        filters.append(dsl.to_elasticsearch(node))
    return {"bool": {"filter": filters}} if filters else {"match_all": {}}


def within(
    resource: str, scope: Scope, node: Node | None, since: int | None, until: int | None, part: Part | None = None
) -> Query:
    """The same, but of blobs, which have a first and a last time, those that lie wholly in the range; in one index or
    in all."""
    more: list[Query] = []
    if resource in BLOB_RESOURCES and until is not None:
        more.append({"range": {"lastDate": {"lt": to_text(until)}}})
    return query(scope, node, since, until, *more, *_in(part))


def blobs_of(scope: Scope, capture: str, partition: int, first_chunk: int, last_chunk: int, part: Part | None) -> Query:
    """Blobs of some chunks, in one index or in all."""
    return query(
        scope, None, None, None,
        {"term": {"capture": capture}},
        {"term": {"partition": partition}},
        {"range": {"chunk": {"gte": first_chunk, "lte": last_chunk}}},
        *_in(part),
    )  # fmt: skip


def _in(part: Part | None) -> list[Query]:
    return [] if part is None else [{"term": {"_index": part.index}}]


def search(client: Limited, resource: str, wanted: Query, sort: str | None, size: int, after: str | None) -> Page:
    """One page; see DocumentStore.search."""
    order = ordering.parse(resource, sort)
    start = cursor.decode(after, order.text) if after is not None else None
    if start is not None and start.value is None and order.field.type not in _NULL_SORTS:
        raise BadCursor("the cursor is damaged")
    body: dict[str, Any] = {"query": wanted, "size": size + 1, "sort": _sort(order)}
    body["track_total_hits"] = TOTAL_BOUND + 1 if start is None else False
    if start is not None:
        body["search_after"] = [start.value, start.id]
    answer, point = _page(client, resource, body, start)
    hits = answer["hits"]
    if start is None:
        total, at_least = min(hits["total"]["value"], TOTAL_BOUND), hits["total"]["value"] > TOTAL_BOUND
    else:
        total, at_least = start.total, start.at_least
    found = hits["hits"]
    end = None
    if shown := found[:size]:
        value, id = shown[-1]["sort"]
        end = cursor.encode(Cursor(order.text, value, id, total, at_least, point))
    return Page([hit["_source"] for hit in shown], end if len(found) > size else None, total, at_least, end)


def _page(client: Limited, resource: str, body: Query, start: Cursor | None) -> tuple[Any, str]:
    """A page's answer, and the point in time that it was read at, if at any."""
    if start is None:
        return ask(client, resource, **body), ""
    try:
        point = start.point or client.open_point(alias(resource), _SCROLLED)
        if not point:
            return ask(client, resource, **body), ""
        # A point names its indexes, and this one came from outside: it must be of this resource.
        ours = {"prefix": {"_index": {"value": f"{alias(resource)}-"}}}
        bound = body | {"query": {"bool": {"filter": [body["query"], ours]}}}
        pit = {"id": point, "keep_alive": _SCROLLED}
        answer = client.search(pit=pit, allow_partial_search_results=False, **bound)
        return answer, _kept(answer.get("pit_id", point))
    except ApiError as error:
        if error.status_code in (400, 404) and start.point:
            # It is gone, or never was one.
            return _page(client, resource, body, replace(start, point=""))
        if error.status_code == 400:
            # The first page was found by the same query, so what is refused now is its position.
            raise BadCursor("the cursor is damaged") from error
        raise


def _kept(point: str) -> str:
    """A point in time as a cursor has it. One over very many days would be longer than an address may be."""
    return point if len(point) <= _LONGEST_POINT else ""


def _sort(order: Order) -> list[Query]:
    direction = "desc" if order.descending else "asc"
    first: dict[str, Any] = {"order": direction, "missing": "_last"}
    if order.field.type == "date":
        # As text: a number would come back and be read as milliseconds.
        first |= {"format": _NANOSECOND_TEXT, "numeric_type": "date_nanos"}
    return [{order.field.name: first}, {"id": {"order": direction}}]


def count(client: Limited, resource: str, wanted: Query) -> int:
    """The exact number."""
    return int(ask(client, resource, query=wanted, size=0, track_total_hits=True)["hits"]["total"]["value"])


def get(client: Limited, resource: str, wanted: Query) -> dict[str, Any] | None:
    """The one document that `wanted` names."""
    hits = ask(client, resource, query=wanted, size=1)["hits"]["hits"]
    return hits[0]["_source"] if hits else None


def histogram(client: Limited, resource: str, wanted: Query, interval: int, by: str | None) -> list[Bucket]:
    """Documents by time step."""
    aggregation: dict[str, Any] = {
        "date_histogram": {
            "field": TIME_FIELD, "fixed_interval": f"{interval // 1_000_000}ms", "min_doc_count": 1,
        }
    }  # fmt: skip
    if by is not None:
        name = ordering.counted(resource, by).name
        aggregation["aggs"] = {"by": {"terms": {"field": name, "size": _SPLIT}}}
    answer = ask(client, resource, query=wanted, size=0, aggs={"steps": aggregation})
    buckets = answer.get("aggregations", {}).get("steps", {}).get("buckets", [])
    return [
        Bucket(
            round(bucket["key"]) * 1_000_000,
            bucket["doc_count"],
            {word(value): value["doc_count"] for value in bucket.get("by", {}).get("buckets", [])},
        )
        for bucket in buckets
    ]


def percentiles(
    client: Limited, resource: str, wanted: Query, field: str, percents: Sequence[float]
) -> dict[float, float]:
    """Percentiles of a numeric field, nearly exact (t-digest)."""
    name = ordering.numeric(resource, field).name
    aggregation = {"found": {"percentiles": {"field": name, "percents": list(percents), "keyed": False}}}
    answer = ask(client, resource, query=wanted, size=0, aggs=aggregation)
    values = answer.get("aggregations", {}).get("found", {}).get("values", [])
    return {item["key"]: item["value"] for item in values if item["value"] is not None}


def word(bucket: dict[str, Any]) -> str:
    """A bucket's value as text, the same for numbers, booleans and addresses on both engines."""
    return str(bucket.get("key_as_string", bucket["key"]))


def scan(client: Elasticsearch, resource: str, wanted: Query, size: int) -> Iterator[list[dict[str, Any]]]:
    """Hits of a point in time, in batches, in the order on disk."""
    return _through(client, resource, wanted, size, [{"_shard_doc": {"order": "asc"}}])


def names(client: Elasticsearch, resource: str, wanted: Query, size: int) -> Iterator[list[dict[str, Any]]]:
    """The same without their documents: index and id alone."""
    return _through(client, resource, wanted, size, [{"_shard_doc": {"order": "asc"}}], source=False)


def blobs(client: Elasticsearch, resource: str, wanted: Query) -> Iterator[bytes]:
    """The blobs by chunk, without repeats."""
    current, seen = None, set[bytes]()
    for hits in blob_hits(client, resource, wanted):
        for hit in hits:
            chunk, blob = hit["sort"][0], b64decode(hit["_source"]["blob"])
            if chunk != current:
                current, seen = chunk, set()
            digest = blake2b(blob, digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                yield blob


def blob_hits(client: Elasticsearch, resource: str, wanted: Query) -> Iterator[list[dict[str, Any]]]:
    """Hits of blobs by chunk, a few at a time: each may be some megabytes."""
    order: list[Query] = [{"chunk": {"order": "asc"}}, {"_shard_doc": {"order": "asc"}}]
    return _through(client, resource, wanted, _BLOBS_AT_ONCE, order)


def _through(
    client: Elasticsearch, resource: str, wanted: Query, size: int, order: list[Query], *, source: bool = True
) -> Iterator[list[dict[str, Any]]]:
    """All hits as of now, `size` at a time."""
    with _point_in_time(client, resource) as point:
        after: list[Any] | None = None
        while True:
            answer = client.search(
                pit={"id": point, "keep_alive": _KEEP_ALIVE},
                query=wanted,
                size=size,
                sort=order,
                search_after=after,
                source=source,
                track_total_hits=False,
                allow_partial_search_results=False,
            )
            hits = answer["hits"]["hits"]
            if not hits:
                return
            yield hits
            after = hits[-1]["sort"]


@contextmanager
def _point_in_time(client: Elasticsearch, resource: str) -> Iterator[str]:
    point = client.open_point_in_time(index=f"{alias(resource)}-*", keep_alive=_KEEP_ALIVE)["id"]
    try:
        yield point
    finally:
        client.close_point_in_time(id=point)


def ask(client: Limited, resource: str, **body: Any) -> Any:
    """One search over a resource."""
    # Before the first document there is no index and no alias: an empty answer, not an error. But what a lost shard
    # makes incomplete must not look complete.
    return client.search(
        index=alias(resource),
        ignore_unavailable=True,
        allow_no_indices=True,
        allow_partial_search_results=False,
        **body,
    )


def days(client: Elasticsearch, resource: str) -> list[DayPart]:
    """What there is of a resource; see DocumentStore.days."""
    answer = client.indices.stats(index=f"{alias(resource)}-*", metric=["docs", "store"])
    found = [(part_of(name), sizes["primaries"]) for name, sizes in answer["indices"].items()]
    return sorted(
        (
            DayPart(part.resource, part.day, part.policy, sizes["docs"]["count"], sizes["store"]["size_in_bytes"])
            for part, sizes in found
            if part is not None
        ),
        key=lambda day: (day.day, day.policy),
    )
