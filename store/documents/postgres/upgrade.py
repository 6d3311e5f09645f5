"""Bring days up that are older than the program: columns filled from the stored document, and missing indexes built.

A day goes row by row in order of its ids, some hundreds in one transaction; how far it came is kept with the table, so
a run that was stopped goes on there. Rows are made by the same code that writes new ones, and only those that differ
are written, in the order in which writers lock them. An index is built beside readers and writers (CONCURRENTLY); what
an interrupted build left is dropped first. One run at a time, by a lock of the connection's.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from psycopg import errors, sql

from store.documents import schema
from store.documents.base import StoreError
from store.documents.names import BLOB_RESOURCES, RESOURCES, Part, parent
from store.documents.postgres import tables
from store.documents.postgres.connections import STATEMENT_TIMEOUT, Connection
from store.documents.postgres.rows import HEADER, TRAILER
from store.documents.postgres.writer import statements
from store.documents.version import STORE_VERSION, Behind, Mark, Step, StoreVersion

#: Rows of one transaction: with their documents some megabytes, and locks of some tenths of a second.
BATCH = 500
#: The lock of the one run; the number is ours, any would do.
_LOCK = tables.LOCK + 1


def stored(connection: Connection) -> StoreVersion:
    """What there is; see DocumentStore.stored_version."""
    parents = [tables.read_comment(connection, parent(resource)) for resource in RESOURCES]
    return StoreVersion(
        version=max(kept.get("version", 0) for kept in parents),
        least=max(kept.get("least", 0) for kept in parents),
        behind=tuple(sorted(_behind(connection), key=lambda day: (day.day, day.resource, day.policy), reverse=True)),
    )


def upgrade(connection: Connection, *, dry_run: bool) -> Iterator[Step]:
    """Bring every day up, newest first; see DocumentStore.upgrade."""
    if dry_run:
        for day in stored(connection).behind:
            yield _plan(connection, day)
        return
    with _alone(connection):
        while not _complete(connection):
            for day in stored(connection).behind:
                # Retention may drop it under our hands.
                with suppress(errors.UndefinedTable):
                    yield from _day(connection, day)


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """No other run, and statements that may take their time. Raises StoreError where there is one."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
    if row != (True,):
        raise StoreError("another upgrade is running")
    connection.execute("SET statement_timeout = 0")
    try:
        yield
    finally:
        # A connection that failed is closed by its pool, and its lock goes with it.
        if not connection.closed and not connection.broken:
            connection.execute(sql.SQL("SET statement_timeout = {}").format(STATEMENT_TIMEOUT))
            connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _behind(connection: Connection) -> Iterator[Behind]:
    rows = connection.execute(
        "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class WHERE oid IN"
        " (SELECT inhrelid FROM pg_inherits JOIN pg_class AS parents ON parents.oid = inhparent"
        "  WHERE parents.relnamespace = current_schema()::regnamespace)"
    )
    marks = {name: Mark.of(tables.understood(text)) for name, text in rows}
    for resource in RESOURCES:
        for part, documents, _ in tables.day_tables(connection, resource):
            mark = marks.get(part.table, Mark())
            if mark.version < STORE_VERSION:
                lacking = schema.column_names(resource) - mark.fields if mark.version else None
                yield Behind(resource, part.day, part.policy, documents, lacking)


def _plan(connection: Connection, day: Behind) -> Step:
    table = Part(day.resource, day.day, day.policy).table
    indexes = [f"index {text}" for text in _missing_indexes(connection, day.resource, table)]
    look = ["look at each document"] if _is_to_fill(day) else []
    return Step(day, ", ".join([*look, *indexes]) or "note that nothing is missing")


def _is_to_fill(day: Behind) -> bool:
    """Blobs have the columns of the first version: nothing is read out of them."""
    return day.resource not in BLOB_RESOURCES and (day.fields is None or bool(day.fields))


def _day(connection: Connection, day: Behind) -> Iterator[Step]:
    table = Part(day.resource, day.day, day.policy).table
    step = Step(day, "documents")
    if _is_to_fill(day):
        for step in _fill(connection, day, table):
            yield step
    _drop_broken(connection, table)
    for text in _missing_indexes(connection, day.resource, table):
        yield replace(step, doing=f"index {text}")
        connection.execute(sql.SQL("CREATE INDEX CONCURRENTLY ON {} " + text).format(sql.Identifier(table)))
    tables.comment(connection, table, Mark(STORE_VERSION, schema.column_names(day.resource)).kept())
    yield replace(step, doing="done")


def _fill(connection: Connection, day: Behind, table: str) -> Iterator[Step]:
    """Look at every row of a day, from where the last run was stopped."""
    mark = Mark.of(tables.read_comment(connection, table))
    batch = sql.SQL("SELECT id, version, doc::text FROM {} WHERE id > %s ORDER BY id LIMIT %s").format(
        sql.Identifier(table)
    )
    at, step = mark.start, Step(day, "documents")
    while True:
        with connection.transaction():
            rows = connection.execute(batch, [at, BATCH]).fetchall()
            if not rows:
                return
            changed, unfit = _put_right(connection, day.resource, table, rows)
            at = rows[-1][0]
            tables.comment(connection, table, mark.moved(at).kept())
        step = replace(step, looked=step.looked + len(rows), changed=step.changed + changed, unfit=step.unfit + unfit)
        yield step


def _put_right(
    connection: Connection, resource: str, table: str, rows: Sequence[tuple[str, int, str]]
) -> tuple[int, int]:
    """Write the columns of the rows that differ from what their documents say: how many, and how many cannot be."""
    said = statements(resource)
    encoded: list[bytes] = []
    for id, version, document in rows:
        with suppress(ValueError):
            encoded.append(said.encoder.encode(id, version, document.encode()))
    connection.execute(said.stage)
    with connection.cursor().copy(said.copy) as copy:
        copy.write(b"".join([HEADER, *encoded, TRAILER]))
    filled = [name for name in said.encoder.names if name not in ("id", "version", "doc")]
    place = {"table": sql.Identifier(table), "stage": said.stage_name}
    differing = connection.execute(
        sql.SQL(
            "SELECT id FROM {table} AS stored JOIN {stage} AS stage USING (id, version)"
            " WHERE ROW({old}) IS DISTINCT FROM ROW({new}) ORDER BY id FOR NO KEY UPDATE OF stored"
        ).format(old=_listed("stored", filled), new=_listed("stage", filled), **place)
    ).fetchall()
    connection.execute(
        sql.SQL(
            "UPDATE {table} AS stored SET {updates} FROM {stage} AS stage WHERE stored.id = stage.id"
            " AND stored.version = stage.version AND stored.id = ANY(%s)"
        ).format(
            updates=sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("stage", name)) for name in filled
            ),
            **place,
        ),
        [[id for (id,) in differing]],
    )
    return len(differing), len(rows) - len(encoded)


def _listed(table: str, names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(table, name) for name in names)


def _drop_broken(connection: Connection, table: str) -> None:
    """Drop what a build that was interrupted left: it is kept up by every write and used by no search."""
    found = connection.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = to_regclass(%s) AND NOT indisvalid", [table]
    )
    for (name,) in found.fetchall():
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY " + name))  # quoted by the server


def _missing_indexes(connection: Connection, resource: str, table: str) -> list[str]:
    """The indexes that a day lacks. The server says how it spells each, by those of an empty table of no one else's."""
    rows = connection.execute(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = to_regclass(%s) AND indisvalid", [table]
    )
    present = {_spelling(text) for (text,) in rows}
    missing = []
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE probe (LIKE {})").format(sql.Identifier(parent(resource))))
        for text in tables.INDEXES.get(resource, tables.DEFAULT_INDEXES):
            connection.execute(sql.SQL("CREATE INDEX probed ON pg_temp.probe " + text))
            row = connection.execute("SELECT pg_get_indexdef('pg_temp.probed'::regclass)").fetchone()
            if row is not None and _spelling(row[0]) not in present:
                missing.append(text)
            connection.execute("DROP INDEX pg_temp.probed")
    return missing


def _spelling(definition: str) -> str:
    """An index's definition without its name and table."""
    return definition.split(" USING ", 1)[1]


def _complete(connection: Connection) -> bool:
    """Note that no day is behind, unless one is. No day is made meanwhile."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [tables.LOCK])
        if any(_behind(connection)):
            return False
        for resource in RESOURCES:
            kept = tables.read_comment(connection, parent(resource))
            if kept.get("complete", 0) < STORE_VERSION:
                tables.comment(connection, parent(resource), kept | {"complete": STORE_VERSION})
    return True
