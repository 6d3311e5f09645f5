"""Figures of groups: one statement that groups the hits by their values and time steps.

With steps, the groups that are wanted are those with most documents over the whole range, so each step's documents
are summed again by group before the smaller ones are left out.
"""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import sql

from store.documents import limits, ordering
from store.documents.names import parent
from store.documents.ordering import Source
from store.documents.postgres import values
from store.documents.postgres.conditions import Conditions
from store.documents.postgres.connections import Connection
from store.documents.questions import Figures, Function, Group, Metric, in_order

_AGGREGATES: Final[dict[Function, str]] = {
    "sum": "sum({})",
    "avg": "avg({})",
    "min": "min({})",
    "max": "max({})",
    "p50": "percentile_cont(0.5) WITHIN GROUP (ORDER BY {})",
    "p95": "percentile_cont(0.95) WITHIN GROUP (ORDER BY {})",
    "p99": "percentile_cont(0.99) WITHIN GROUP (ORDER BY {})",
    "cardinality": "count(DISTINCT {})",
}


def figures(
    connection: Connection,
    resource: str,
    wanted: Conditions,
    metrics: Sequence[Metric],
    by: Sequence[str],
    interval: int | None,
    size: int,
) -> Figures:
    """See DocumentStore.figures."""
    groups = [ordering.counted(resource, name) for name in by]
    measured = [_measured(resource, metric) for metric in metrics]
    statement, params = _statement(resource, wanted, metrics, groups, measured, interval, size)
    found, ranks = [], set[int]()
    for *keys, start, rank, documents, numbers in connection.execute(statement, params):
        ranks.add(rank)
        if rank <= size:
            words = tuple(
                None if key is None else values.word(group, key) for key, group in zip(keys, groups, strict=True)
            )
            found.append(Group(words, start, documents, tuple(numbers)))
    return Figures(in_order(found), more=len(ranks) > size)


def _measured(resource: str, metric: Metric) -> Source | None:
    """What a metric is about; None for the number of documents."""
    if metric.function == "count":
        return None
    if metric.function == "cardinality":
        source = ordering.counted(resource, metric.field)
        limits.check_single(source)
        return source
    return Source(ordering.numeric(resource, metric.field))


def _statement(
    resource: str,
    wanted: Conditions,
    metrics: Sequence[Metric],
    groups: Sequence[Source],
    measured: Sequence[Source | None],
    interval: int | None,
    size: int,
) -> tuple[sql.Composed, list[Any]]:
    sources = dict.fromkeys([*groups, *filter(None, measured)])
    names = {source: sql.Identifier(f"c{n}") for n, source in enumerate(sources)}
    columns = {source: values.column(source) for source in names}
    params = [param for column in columns.values() for param in column.params] + wanted.params
    start = (
        sql.SQL("date / {step} * {step}").format(step=sql.Literal(interval)) if interval else sql.SQL("NULL::bigint")
    )
    hits = sql.SQL("(SELECT {columns} FROM {table}{where}) AS hits").format(
        columns=sql.SQL(", ").join(
            [sql.SQL("{} AS {}").format(columns[source].text, names[source]) for source in names]
            + [sql.SQL("{} AS start").format(start)]
        ),
        table=sql.Identifier(parent(resource)),
        where=wanted.where,
    )
    keys, unfolded = _keys(groups, names)
    grouped = sql.SQL(", ").join([*keys, sql.SQL("start")]) if keys or interval else sql.SQL("()")
    numbers: list[sql.Composable] = [
        _figure(metric, names[source] if source is not None else None)
        for metric, source in zip(metrics, measured, strict=True)
    ]
    aliases = [sql.Identifier(f"k{n}") for n in range(len(keys))]
    partition = sql.SQL("PARTITION BY {}").format(sql.SQL(", ").join(aliases)) if aliases else sql.SQL("")
    order = sql.SQL(", ").join([sql.SQL("whole DESC"), *aliases])
    statement = sql.SQL(
        "SELECT {texts}start, rank, documents, numbers FROM ("
        "SELECT *, dense_rank() OVER (ORDER BY {order}) AS rank FROM ("
        "SELECT *, sum(documents) OVER ({partition}) AS whole FROM ("
        "SELECT {keys}{start} AS start, count(*) AS documents, ARRAY[{numbers}]::double precision[] AS numbers"
        " FROM {hits}{unfolded} GROUP BY {grouped}) AS steps) AS summed) AS ranked WHERE rank <= {size}"
    ).format(
        texts=sql.SQL("").join(
            sql.SQL("{}, ").format(values.text(alias, group)) for alias, group in zip(aliases, groups, strict=True)
        ),
        order=order,
        partition=partition,
        keys=sql.SQL("").join(
            sql.SQL("{} AS {}, ").format(key, alias) for key, alias in zip(keys, aliases, strict=True)
        ),
        start=sql.SQL("start") if keys or interval else sql.SQL("NULL::bigint"),
        numbers=sql.SQL(", ").join(numbers),
        hits=hits,
        unfolded=unfolded,
        grouped=grouped,
        size=sql.Literal(size + 1),
    )
    return statement, params


def _keys(groups: Sequence[Source], names: dict[Source, sql.Identifier]) -> tuple[list[sql.Composable], sql.Composed]:
    """What is grouped by, and the joins that make a row of each of a document's values."""
    keys: list[sql.Composable] = []
    joins: list[sql.Composable] = []
    for number, group in enumerate(groups):
        if group.many:
            table = sql.Identifier(f"u{number}")
            joins.append(sql.SQL(" LEFT JOIN LATERAL unnest({}) AS {}(value) ON TRUE").format(names[group], table))
            keys.append(sql.SQL('{}.value COLLATE "C"').format(table))
        else:
            keys.append(names[group])
    return keys, sql.Composed(joins)


def _figure(metric: Metric, name: sql.Identifier | None) -> sql.Composable:
    if name is None:
        return sql.SQL("count(*)")
    return sql.SQL(_AGGREGATES[metric.function]).format(name)
