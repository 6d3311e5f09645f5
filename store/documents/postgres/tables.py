"""Tables of documents: one for all days of a resource, which holds nothing, and one for each day and policy under it.

Inheritance instead of declarative partitions, because the day is no column and a primary key of its own is enough in
each day: a day is made and dropped without locking out readers of the others, and a column that the field table gains
is added to all of them at once through the parent.

Storage was measured with documents of 2.4 KB (18,000 a second without indexes): PostgreSQL's own compression costs
more than everything else together (7,000 a second) and the wheel has no lz4, so documents are stored uncompressed and
apart from the row ("external"); what filters, counts and timelines read stays narrow, a tenth of the document.
"""

from typing import Any

import orjson
from psycopg import errors, sql

from store.documents import schema
from store.documents.names import BLOB_RESOURCES, RESOURCES, Part, parent, part_of
from store.documents.postgres.connections import Connection
from store.documents.version import STORE_LEAST, STORE_VERSION, Mark

#: Searched often, made with each day. A B-tree refuses entries over 2.7 KB, so text from the wire is hashed.
#: All of them together cost a tenth of the speed; GIN over the document would halve it.
INDEXES: dict[str, tuple[str, ...]] = {
    "httpcomms": (
        "(date)",
        "(tcp_session)",
        "(stats_status_code)",
        "(stats_src_ip)",
        "USING hash (req_path)",
        "USING gin (stats_tags jsonb_path_ops)",
    ),
    "tcpsessions": ("(date)", "(client_ip)", "(server_ip)"),
    "packets": ("(capture, partition, chunk)", "(date)"),
    "httpbodies": ("(capture, partition, chunk)", "(date)"),
    # Few of very many have a state (alarms, what was put aside); each page looks for those that are open.
    "monitoring": ("(date)", "(state) WHERE state IS NOT NULL"),
}
DEFAULT_INDEXES = ("(date)",)

_BLOB_COLUMNS = {
    "whisperer": "text NOT NULL",
    "capture": "text NOT NULL",
    "partition": "integer NOT NULL",
    "chunk": "bigint NOT NULL",
    "date": "bigint NOT NULL",
    "last": "bigint NOT NULL",
    "blob": "bytea NOT NULL",
}

#: One process at a time changes the tables; the number is ours, any would do.
LOCK = 5_350_412_900


def prepare(connection: Connection) -> None:
    """Create the parents, and add the columns that the field table has gained since."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for resource in RESOURCES:
            _prepare_parent(connection, resource)


def create_day(connection: Connection, part: Part) -> None:
    """Create the table of a day unless it exists. Two processes may call it at once."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        if _exists(connection, part.table):
            return
        if not _exists(connection, parent(part.resource)):
            _prepare_parent(connection, part.resource)
        key = "" if part.resource in BLOB_RESOURCES else "PRIMARY KEY (id)"
        table = sql.Identifier(part.table)
        connection.execute(
            sql.SQL("CREATE TABLE {} (" + key + ") INHERITS ({})").format(table, sql.Identifier(parent(part.resource)))
        )
        for index in INDEXES.get(part.resource, DEFAULT_INDEXES):
            connection.execute(sql.SQL("CREATE INDEX ON {} " + index).format(table))
        # Until all older days are brought up, an older program may still write rows without the newest columns: such a
        # day has no mark and is looked at too.
        if read_comment(connection, parent(part.resource)).get("complete") == STORE_VERSION:
            comment(connection, part.table, Mark(STORE_VERSION, schema.column_names(part.resource)).kept())


def drop_day(connection: Connection, part: Part) -> bool:
    """Drop the table of a day; False when there was none."""
    try:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(part.table)))
    except errors.UndefinedTable:
        return False
    return True


def day_tables(connection: Connection, resource: str) -> list[tuple[Part, int, int]]:
    """Every day of a resource with its estimated documents and its bytes."""
    rows = connection.execute(
        "SELECT relname, greatest(reltuples, 0)::bigint, pg_total_relation_size(pg_class.oid) FROM pg_inherits"
        " JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass(%s) ORDER BY relname",
        [parent(resource)],
    )
    found = [(part_of(name), documents, size) for name, documents, size in rows]
    return [(part, documents, size) for part, documents, size in found if part is not None]


def comment(connection: Connection, table: str, kept: dict[str, Any]) -> None:
    """Keep this with the table: it goes when the table does. Readers and writers are not waited for."""
    text = sql.Literal(orjson.dumps(kept).decode())
    connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(table), text))


def read_comment(connection: Connection, table: str) -> dict[str, Any]:
    """What is kept with a table; nothing where it has no comment of ours, or is not there."""
    row = connection.execute(
        "SELECT obj_description(oid, 'pg_class') FROM pg_class"
        " WHERE relname = %s AND relnamespace = current_schema()::regnamespace",
        [table],
    ).fetchone()
    return understood(row[0] if row else None)


def understood(text: str | None) -> dict[str, Any]:
    """A comment as what is kept; anything that we did not write is nothing."""
    try:
        found = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _prepare_parent(connection: Connection, resource: str) -> None:
    table = sql.Identifier(parent(resource))
    columns = column_types(resource)
    if not _exists(connection, parent(resource)):
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(sql.SQL("CREATE TABLE {} (" + listed + ")").format(table))
        big = sql.Identifier("blob" if resource in BLOB_RESOURCES else "doc")
        connection.execute(sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STORAGE EXTERNAL").format(table, big))
        kept = {"version": STORE_VERSION, "least": STORE_LEAST, "complete": STORE_VERSION}
        comment(connection, parent(resource), kept)
        return
    kept = read_comment(connection, parent(resource))
    if kept.get("version", 0) > STORE_VERSION:
        return
    # Looked up first: ALTER TABLE would wait for every reader, and make all others wait behind it.
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0", [parent(resource)]
    )
    present = {name for (name,) in rows}
    for name in columns.keys() - present:
        # Documents that are there already do not have it, whatever the field table says.
        kind = columns[name].removesuffix(" NOT NULL")
        connection.execute(sql.SQL("ALTER TABLE {} ADD COLUMN {} " + kind).format(table, sql.Identifier(name)))
    if kept.get("version", 0) < STORE_VERSION:
        comment(connection, parent(resource), kept | {"version": STORE_VERSION, "least": STORE_LEAST})


def column_types(resource: str) -> dict[str, str]:
    """The columns of a resource with their types, in order."""
    if resource in BLOB_RESOURCES:
        return _BLOB_COLUMNS
    columns = schema.columns(resource)
    # By code point, as Elasticsearch orders, and without asking a locale for each comparison.
    kinds = {field.column_name: (field.column or "").replace("text", 'text COLLATE "C"') for field in columns}
    return {name: kind + (" NOT NULL" if name in ("version", "date") else "") for name, kind in kinds.items()} | {
        "doc": "jsonb NOT NULL"
    }


def _exists(connection: Connection, table: str) -> bool:
    # Not to_regclass: within this transaction it may still answer "no" from before another process made the table.
    found = connection.execute(
        "SELECT FROM pg_class WHERE relname = %s AND relnamespace = current_schema()::regnamespace", [table]
    )
    return found.fetchone() is not None
