"""Figures of groups: one search by no or one field, pages of a composite aggregation by several.

The composite gives every combination of values, absent ones among them, in their own order, and the largest are chosen
here; so there is a bound on how many it may give (`MAX_LINES`), and a clear refusal beyond it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from documents.fields import TIME_FIELD
from store.documents import limits, ordering
from store.documents.base import BadRequest
from store.documents.elastic.client import Limited
from store.documents.elastic.facets import terms
from store.documents.elastic.reader import Query, ask, word
from store.documents.limits import MAX_LINES
from store.documents.questions import Figures, Group, Metric, in_order

_PERCENTS = {"p50": 50.0, "p95": 95.0, "p99": 99.0}
_STATS = ("sum", "avg", "min", "max")
#: Combinations of one answer: each page goes through all hits again.
_PAGE = 10_000

#: The values of a group, the start of its step, and what was computed of it.
Line = tuple[tuple[str | None, ...], int | None, dict[str, Any]]


def figures(
    client: Limited,
    resource: str,
    wanted: Query,
    metrics: Sequence[Metric],
    by: Sequence[str],
    interval: int | None,
    size: int,
) -> Figures:
    """See DocumentStore.figures."""
    names = [ordering.counted(resource, name).name for name in by]
    for metric in metrics:
        _check(resource, metric)
    measures = _measures(metrics)
    if len(names) > 1:
        lines, more = list(_combinations(client, resource, wanted, names, measures, interval)), False
    else:
        aggregations = _by_one(names, _in_steps(measures, interval), size)
        found = ask(client, resource, query=wanted, size=0, aggs=aggregations or None, track_total_hits=True)
        lines, more = _lines_of_one(found, names, interval)
    return _largest(lines, metrics, size, more)


def _largest(lines: Sequence[Line], metrics: Sequence[Metric], size: int, more: bool) -> Figures:
    """The groups with most documents over all their steps."""
    documents: dict[tuple[str | None, ...], int] = {}
    for values, _, bucket in lines:
        documents[values] = documents.get(values, 0) + bucket["doc_count"]
    order = sorted(documents, key=lambda values: (-documents[values], [(v is None, v or "") for v in values]))
    kept = set(order[:size])
    groups = [
        Group(values, start, bucket["doc_count"], tuple(_figure(metric, bucket) for metric in metrics))
        for values, start, bucket in lines
        if values in kept
    ]
    return Figures(in_order(groups), more or len(order) > size)


def _by_one(names: Sequence[str], inner: Query, size: int) -> Query:
    """The aggregations by no field or one: its values, and the documents without any."""
    if not names:
        return inner
    aggregations: Query = {
        "groups": {"terms": terms(names[0], size + 1)},
        "none": {"missing": {"field": names[0]}},
    }
    if inner:
        for aggregation in aggregations.values():
            aggregation["aggs"] = inner
    return aggregations


def _in_steps(measures: Query, interval: int | None) -> Query:
    if interval is None:
        return measures
    steps: Query = {"date_histogram": {"field": TIME_FIELD, "fixed_interval": _step(interval), "min_doc_count": 1}}
    return {"steps": steps | ({"aggs": measures} if measures else {})}


def _step(interval: int) -> str:
    return f"{interval // 1_000_000}ms"


def _lines_of_one(answer: dict[str, Any], names: Sequence[str], interval: int | None) -> tuple[list[Line], bool]:
    found = answer.get("aggregations", {})
    if not names:
        whole = found | {"doc_count": answer["hits"]["total"]["value"]}
        return list(_steps((), whole, interval)), False
    lines: list[Line] = []
    groups = found.get("groups", {"buckets": []})
    for bucket in groups["buckets"]:
        lines += _steps((word(bucket),), bucket, interval)
    if found.get("none", {}).get("doc_count"):
        lines += _steps((None,), found["none"], interval)
    return lines, groups.get("sum_other_doc_count", 0) > 0


def _steps(values: tuple[str | None, ...], bucket: dict[str, Any], interval: int | None) -> Iterator[Line]:
    if interval is None:
        yield values, None, bucket
        return
    for step in bucket.get("steps", {}).get("buckets", []):
        yield values, round(step["key"]) * 1_000_000, step


def _combinations(
    client: Limited,
    resource: str,
    wanted: Query,
    names: Sequence[str],
    measures: Query,
    interval: int | None,
) -> Iterator[Line]:
    """Every combination of values of several fields, page by page."""
    sources: list[Query] = [
        {f"k{n}": {"terms": {"field": name, "missing_bucket": True}}} for n, name in enumerate(names)
    ]
    if interval is not None:
        sources.append({"start": {"date_histogram": {"field": TIME_FIELD, "fixed_interval": _step(interval)}}})
    composite: Query = {"sources": sources, "size": _PAGE}
    for _ in range(MAX_LINES // _PAGE):
        aggregation = {"lines": {"composite": composite} | ({"aggs": measures} if measures else {})}
        answer = ask(client, resource, query=wanted, size=0, aggs=aggregation)
        found = answer.get("aggregations", {}).get("lines", {"buckets": []})
        for bucket in found["buckets"]:
            key = bucket["key"]
            start = round(key["start"]) * 1_000_000 if interval is not None else None
            yield tuple(_text(key[f"k{n}"]) for n in range(len(names))), start, bucket
        if len(found["buckets"]) < _PAGE:
            return
        composite["after"] = found["after_key"]
    raise BadRequest(f"{', '.join(names)} have more than {MAX_LINES} combinations: group by fewer of them")


def _check(resource: str, metric: Metric) -> None:
    if metric.function == "cardinality":
        limits.check_single(ordering.counted(resource, metric.field))
    elif metric.function != "count":
        ordering.numeric(resource, metric.field)


def _measures(metrics: Sequence[Metric]) -> Query:
    """What is computed of each field: all its percentiles at once, and all its sums."""
    measures: Query = {}
    percents: dict[str, list[float]] = {}
    for metric in metrics:
        if metric.function in _STATS:
            measures[f"stats {metric.field}"] = {"stats": {"field": metric.field}}
        elif metric.function == "cardinality":
            measures[f"different {metric.field}"] = {"cardinality": {"field": metric.field}}
        elif metric.function in _PERCENTS:
            percents.setdefault(metric.field, []).append(_PERCENTS[metric.function])
    for name, wanted in percents.items():
        listed = {"field": name, "percents": sorted(set(wanted)), "keyed": False}
        measures[f"percentiles {name}"] = {"percentiles": listed}
    return measures


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _figure(metric: Metric, found: dict[str, Any]) -> float | None:
    if metric.function == "count":
        return float(found["doc_count"])
    if metric.function == "cardinality":
        return float(found.get(f"different {metric.field}", {}).get("value", 0))
    if metric.function in _STATS:
        stats = found.get(f"stats {metric.field}", {})
        return float(stats[metric.function]) if stats.get("count") else None
    listed = found.get(f"percentiles {metric.field}", {}).get("values", [])
    value = {item["key"]: item["value"] for item in listed}.get(_PERCENTS[metric.function])
    return None if value is None else float(value)
