"""Searches: one statement over the parent table, which PostgreSQL spreads over the days.

The columns are narrow and the newest page comes from the index on the time, so a page costs milliseconds however much
there is; a query that only the JSON can answer reads documents, newest first.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from psycopg import sql

from documents.fields import TIME_FIELD
from store.documents import cursor, ordering
from store.documents.base import TOTAL_BOUND, BadCursor, Bucket, Page
from store.documents.cursor import Cursor
from store.documents.names import parent
from store.documents.ordering import Order, Source
from store.documents.postgres import values
from store.documents.postgres.conditions import Conditions
from store.documents.postgres.connections import Connection
from store.documents.postgres.values import Column

#: Blobs fetched at a time; each may be some megabytes.
_BLOBS_AT_ONCE = 4


def search(
    connection: Connection, resource: str, wanted: Conditions, sort: str | None, size: int, after: str | None
) -> Page:
    """One page; see DocumentStore.search."""
    order = ordering.parse(resource, sort)
    start = cursor.decode(after, order.text) if after is not None else None
    if start is not None and not cursor.fits(start.value, order.field):
        raise BadCursor("the cursor is damaged")
    total, at_least = (start.total, start.at_least) if start else _total(connection, resource, wanted)
    column = sql.Identifier(order.field.column_name)
    if start is not None:
        _add_position(wanted, column, order, start)
    statement = sql.SQL("SELECT doc, {column}, id FROM {table}{where} ORDER BY {order} LIMIT %s").format(
        column=sql.SQL("host({})").format(column) if order.field.type == "ip" else column,
        table=sql.Identifier(parent(resource)),
        where=wanted.where,
        order=_order(column, order),
    )
    rows = connection.execute(statement, [*wanted.params, size + 1]).fetchall()
    end = None
    if shown := rows[:size]:
        _, value, id = shown[-1]
        end = cursor.encode(Cursor(order.text, value, id, total, at_least))
    return Page([row[0] for row in shown], end if len(rows) > size else None, total, at_least, end)


def _total(connection: Connection, resource: str, wanted: Conditions) -> tuple[int, bool]:
    statement = sql.SQL("SELECT count(*) FROM (SELECT 1 FROM {}{} LIMIT %s) AS hits").format(
        sql.Identifier(parent(resource)), wanted.where
    )
    (total,) = _one(connection, statement, [*wanted.params, TOTAL_BOUND + 1])
    return min(total, TOTAL_BOUND), total > TOTAL_BOUND


def _order(column: sql.Composable, order: Order) -> sql.Composable:
    direction = sql.SQL("DESC" if order.descending else "ASC")
    both = sql.SQL("{} {}, id {}").format(column, direction, direction)
    # The time is never null, and without this term it comes straight from its index.
    if order.field.name == TIME_FIELD:
        return both
    return sql.SQL("{} IS NULL, ").format(column) + both


def _add_position(wanted: Conditions, column: sql.Composable, order: Order, start: Cursor) -> None:
    """Only what comes after the last hit of the page before. Documents without the value come last, by id."""
    beyond = sql.SQL("<" if order.descending else ">")
    if start.value is None:
        wanted.add(sql.SQL("({c} IS NULL AND id {beyond} %s)").format(c=column, beyond=beyond), start.id)
        return
    kind = sql.SQL(order.field.column)  # type: ignore[arg-type]  # of the field table
    ahead = sql.SQL("({c}, id) {beyond} (%s::{kind}, %s)").format(c=column, beyond=beyond, kind=kind)
    if order.field.name == TIME_FIELD:
        wanted.add(ahead, start.value, start.id)
    else:
        wanted.add(sql.SQL("({ahead} OR {c} IS NULL)").format(ahead=ahead, c=column), start.value, start.id)


def count(connection: Connection, resource: str, wanted: Conditions) -> int:
    """The exact number."""
    statement = sql.SQL("SELECT count(*) FROM {}{}").format(sql.Identifier(parent(resource)), wanted.where)
    return int(_one(connection, statement, wanted.params)[0])


def get(connection: Connection, resource: str, wanted: Conditions, id: str) -> dict[str, Any] | None:
    """The document with this id."""
    if "\0" in id:  # no text of PostgreSQL's has one
        return None
    wanted.add(sql.SQL("id = %s"), id)
    statement = sql.SQL("SELECT doc FROM {}{} ORDER BY version DESC LIMIT 1").format(
        sql.Identifier(parent(resource)), wanted.where
    )
    row = connection.execute(statement, wanted.params).fetchone()
    return None if row is None else row[0]


def histogram(connection: Connection, resource: str, wanted: Conditions, interval: int, by: str | None) -> list[Bucket]:
    """Documents by time step. Whole-number arithmetic: date_bin would need a timestamp and lose nanoseconds."""
    source = ordering.counted(resource, by) if by is not None else None
    column = values.column(source) if source is not None else Column(sql.SQL("NULL"))
    statement = sql.SQL(
        "SELECT date / {step} * {step} AS start, {value} AS value, count(*)"
        " FROM {table}{where} GROUP BY 1, 2 ORDER BY 1"
    ).format(
        step=sql.Literal(interval),
        value=values.text(column.text, source) if source is not None and not source.many else column.text,
        table=sql.Identifier(parent(resource)),
        where=wanted.where,
    )
    totals: dict[int, int] = {}
    counts: dict[int, dict[str, int]] = {}
    for start, found, number in connection.execute(statement, [*column.params, *wanted.params]):
        totals[start] = totals.get(start, 0) + number
        of_step = counts.setdefault(start, {})
        # A document with several values is one document, which each of its values counts.
        for word in found if isinstance(found, list) else filter(None, [found]):
            of_step[word] = of_step.get(word, 0) + number
    return [Bucket(start, total, counts[start]) for start, total in totals.items()]


def percentiles(
    connection: Connection, resource: str, wanted: Conditions, name: str, percents: Sequence[float]
) -> dict[float, float]:
    """Percentiles of a numeric field, exact."""
    value = values.column(Source(ordering.numeric(resource, name))).text
    statement = sql.SQL("SELECT percentile_cont(%s::double precision[]) WITHIN GROUP (ORDER BY {}) FROM {}{}").format(
        value, sql.Identifier(parent(resource)), wanted.where
    )
    (found,) = _one(connection, statement, [[percent / 100 for percent in percents], *wanted.params])
    if found is None:
        return {}
    return dict(zip(map(float, percents), found, strict=True))


def scan(connection: Connection, resource: str, wanted: Conditions, size: int) -> Iterator[list[dict[str, Any]]]:
    """All documents through a cursor of the server's: one snapshot, `size` documents in memory."""
    statement = sql.SQL("SELECT doc FROM {}{}").format(sql.Identifier(parent(resource)), wanted.where)
    with connection.transaction(), connection.cursor(name="scan") as rows:
        rows.itersize = size
        rows.execute(statement, wanted.params)
        while batch := rows.fetchmany(size):
            yield [row[0] for row in batch]


def purge(connection: Connection, resource: str, wanted: Conditions) -> int:
    """Delete the documents of all days."""
    statement = sql.SQL("DELETE FROM {}{}").format(sql.Identifier(parent(resource)), wanted.where)
    with connection.waiting_at_most(None), connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")  # nobody waits for a purge
        return connection.execute(statement, wanted.params).rowcount


def blobs(connection: Connection, resource: str, wanted: Conditions) -> Iterator[bytes]:
    """The blobs by chunk, without repeats."""
    statement = sql.SQL("SELECT chunk, blob FROM {}{} ORDER BY chunk").format(
        sql.Identifier(parent(resource)), wanted.where
    )
    current, seen = None, set[bytes]()
    with connection.transaction(), connection.cursor(name="blobs", binary=True) as rows:
        rows.itersize = _BLOBS_AT_ONCE
        for chunk, blob in rows.execute(statement, wanted.params):
            if chunk != current:
                current, seen = chunk, set()
            digest = blake2b(blob, digest_size=16).digest()
            if digest not in seen:
                seen.add(digest)
                yield bytes(blob)


def _one(connection: Connection, statement: sql.Composed, params: Sequence[Any]) -> tuple[Any, ...]:
    row = connection.execute(statement, params).fetchone()
    assert row is not None, "an aggregate always gives a row"
    return tuple(row)
