"""Bulk writes: COPY into a temporary table, then INSERT … SELECT … ON CONFLICT into the day's table.

The staging table is the connection's own, lives in its memory and is emptied by the commit. A version that is not
higher than the stored one changes nothing. Every transaction commits to disk before the answer: the outbox forgets
what was stored. Rows go in by id, so two writers that meet on the same documents wait for each other, never in a ring.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from psycopg import errors, sql

from store.documents import blobs, payload, schema
from store.documents.base import Failure, WriteResult
from store.documents.blobs import BlobPlace
from store.documents.names import BLOB_RESOURCES, Part, parent
from store.documents.postgres import tables
from store.documents.postgres.conditions import Conditions
from store.documents.postgres.connections import Connection, once_more_if_missing, translated
from store.documents.postgres.rows import HEADER, TRAILER, RowEncoder

#: Rows that one step of a purge deletes. A blob may be some megabytes.
_PURGED, _PURGED_BLOBS = 5_000, 200


@dataclass(frozen=True, slots=True)
class _Row:
    """One document on its way: its place in the payload, and its bytes for COPY."""

    position: int
    id: str
    version: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Statements:
    """What writing a resource takes, apart from the day's name."""

    encoder: RowEncoder
    stage: sql.Composed
    copy: sql.Composed
    columns: sql.Composed
    updates: sql.Composed
    stage_name: sql.Identifier


def write(connection: Connection, resource: str, data: bytes) -> WriteResult:
    """Store a bulk payload; see DocumentStore.write."""
    result, by_part = _read(resource, data)
    for part in sorted(by_part):
        attempt = partial(_store, connection, part)
        rows = sorted(by_part[part].values(), key=lambda row: row.id)
        result.add(payload.isolate(rows, attempt, lambda row: (row.position, row.id)))
    return result


def write_blobs(connection: Connection, resource: str, items: Sequence[bytes]) -> WriteResult:
    """Store blobs; see DocumentStore.write_blobs."""
    result = WriteResult()
    placed: list[tuple[int, BlobPlace, bytes]] = []
    for position, blob in enumerate(items):
        try:
            placed.append((position, blobs.place(resource, blob), blob))
        except ValueError as error:
            result.failed.append(Failure(position, "", str(error)))
    result.add(payload.isolate(placed, partial(_store_blobs, connection), lambda item: (item[0], "")))
    return result


def _read(resource: str, data: bytes) -> tuple[WriteResult, dict[Part, dict[str, _Row]]]:
    """The payload as rows by part and id, and what of it cannot become one. Of two versions the higher is kept."""
    result = WriteResult()
    by_part: dict[Part, dict[str, _Row]] = defaultdict(dict)
    encoder = statements(resource).encoder
    for position, (action_line, line) in enumerate(payload.pairs(data)):
        try:
            action = payload.action(action_line)
            if action.part.resource != resource:
                raise ValueError(f"a document for {action.part.resource}")
            row = _Row(position, action.id, action.version, encoder.encode(action.id, action.version, line))
        except ValueError as error:
            result.failed.append(Failure(position, payload.document_id(action_line), str(error)))
            continue
        rows = by_part[action.part]
        known = rows.get(row.id)
        if known is None or known.version < row.version:
            rows[row.id] = row
        if known is not None:
            result.conflicts += 1
    return result, by_part


def _store(connection: Connection, part: Part, rows: Sequence[_Row]) -> WriteResult:
    said = statements(part.resource)
    insert = sql.SQL(
        "INSERT INTO {table} AS stored ({columns}) SELECT {columns} FROM {stage}"
        " ON CONFLICT (id) DO UPDATE SET {updates} WHERE excluded.version > stored.version"
    ).format(
        table=sql.Identifier(part.table),
        columns=said.columns,
        stage=said.stage_name,
        updates=said.updates,
    )

    def run() -> int:
        with connection.transaction():
            connection.execute(said.stage)
            with connection.cursor().copy(said.copy) as copy:
                copy.write(b"".join([HEADER, *[row.data for row in rows], TRAILER]))
            return connection.execute(insert).rowcount

    with translated():
        stored = once_more_if_missing(partial(tables.create_day, connection, part), run)
    return WriteResult(stored=stored, conflicts=len(rows) - stored)


def _store_blobs(connection: Connection, items: Sequence[tuple[int, BlobPlace, bytes]]) -> WriteResult:
    by_part: dict[Part, list[tuple[BlobPlace, bytes]]] = defaultdict(list)
    for _, place, blob in items:
        by_part[place.part].append((place, blob))

    def create() -> None:
        for part in by_part:
            tables.create_day(connection, part)

    def run() -> None:
        # One transaction for all: a batch that is refused leaves nothing behind that its halves would repeat.
        with connection.transaction():
            for part, placed in by_part.items():
                _copy_blobs(connection, part, placed)

    with translated():
        once_more_if_missing(create, run)
    return WriteResult(stored=len(items))


def _copy_blobs(connection: Connection, part: Part, placed: list[tuple[BlobPlace, bytes]]) -> None:
    statement = sql.SQL(
        "COPY {} (whisperer, capture, partition, chunk, date, last, blob) FROM STDIN (FORMAT binary)"
    ).format(sql.Identifier(part.table))
    with connection.cursor().copy(statement) as copy:
        copy.set_types(("text", "text", "int4", "int8", "int8", "int8", "bytea"))
        for place, blob in placed:
            copy.write_row(
                (place.whisperer, place.capture, place.partition, place.chunk, place.first, place.last, blob)
            )


def purge(connection: Connection, resource: str, wanted: Conditions, part: Part | None) -> Iterator[int]:
    """Delete the rows of one table or of all, some at a time."""
    most = _PURGED_BLOBS if resource in BLOB_RESOURCES else _PURGED
    for found, _, _ in tables.day_tables(connection, resource):
        if part is None or part == found:
            yield from _purge(connection, found, wanted, most)


def _purge(connection: Connection, part: Part, wanted: Conditions, most: int) -> Iterator[int]:
    statement = sql.SQL("DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table}{where} LIMIT %s))").format(
        table=sql.Identifier(part.table), where=wanted.where
    )
    while True:
        try:
            with connection.waiting_at_most(None), connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")  # nobody waits for a purge
                gone = connection.execute(statement, [*wanted.params, most]).rowcount
        except errors.UndefinedTable:
            return  # retention was faster
        if not gone:
            return
        yield gone


def rewrite(connection: Connection, resource: str, wanted: Conditions, change: Callable[[bytes], bytes | None]) -> int:
    """Change blobs where they are; the rows are locked first, so that two who do it come one after the other."""
    listed = sql.SQL("SELECT tableoid::regclass::text, ctid::text FROM {}{} FOR UPDATE").format(
        sql.Identifier(parent(resource)), wanted.where
    )
    changed = 0
    with connection.transaction():
        for table, ctid in connection.execute(listed, wanted.params).fetchall():
            row = sql.Identifier(table), ctid
            query = sql.SQL("SELECT blob FROM {} WHERE ctid = %s::tid").format(row[0])
            (before,) = connection.cursor(binary=True).execute(query, [ctid]).fetchone() or (b"",)
            after = change(bytes(before))
            changed += after != before
            if after is None:
                connection.execute(sql.SQL("DELETE FROM {} WHERE ctid = %s::tid").format(row[0]), [ctid])
            elif after != before:
                place = blobs.place(resource, after)
                update = sql.SQL("UPDATE {} SET date = %s, last = %s, blob = %s WHERE ctid = %s::tid").format(row[0])
                connection.execute(update, [place.first, place.last, after, ctid])
    return changed


@lru_cache(maxsize=16)
def statements(resource: str) -> Statements:
    """What writing documents of a resource takes."""
    encoder = RowEncoder(schema.columns(resource))
    names = encoder.names
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    stage_name = sql.Identifier("pg_temp", f"stage_{resource}")
    return Statements(
        encoder=encoder,
        # toast_tuple_target: a staged document stays in its page instead of going through a second table.
        stage=sql.SQL(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {} INCLUDING STORAGE)"
            " WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS"
        ).format(sql.Identifier(f"stage_{resource}"), sql.Identifier(parent(resource))),
        copy=sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(stage_name, columns),
        columns=columns,
        updates=sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in names if name != "id"
        ),
        stage_name=stage_name,
    )
