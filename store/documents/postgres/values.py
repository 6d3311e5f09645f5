"""The values of a field, or of a key of one, as SQL over a table of documents.

What has a typed column is read from it, all else from the document. Where a document may have several values they are
one array, each once, NULL when there are none: a document stays one row, and who counts values unfolds it.
Keys come from outside, so they are parameters; what is text is ordered by code point, as in Elasticsearch.
"""

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from documents import sql as query_sql
from store.documents.ordering import Source


@dataclass(frozen=True, slots=True)
class Column:
    """One expression over a document, with its parameters."""

    text: sql.Composable
    params: tuple[Any, ...] = ()


def column(source: Source) -> Column:
    """The value with its type, or the array of texts where there may be several."""
    if source.many:
        root = query_sql.root_of(source.field)
        values: sql.Composable = sql.SQL(
            "NULLIF(ARRAY(SELECT DISTINCT value #>> '{{}}' FROM jsonb_path_query({root}, %s::jsonpath) AS value"
            " WHERE value <> 'null'), '{{}}')"
        ).format(root=sql.Identifier(root))
        path = query_sql.path_of(source.field, source.key)
        if root == "doc":
            return Column(values, (path,))
        # Most documents lack most keys, and to know that costs little.
        having = sql.SQL("CASE WHEN {root} ? %s THEN {values} END").format(root=sql.Identifier(root), values=values)
        return Column(having, (source.key, path))
    text = query_sql.value_of(source.field)
    if source.field.column is None and source.field.type == "keyword":
        text += ' COLLATE "C"'
    return Column(sql.SQL(text))  # of the field table


def rows(table: sql.Composable, name: sql.Composable, source: Source) -> sql.Composed:
    """The column `name` of `table`, a row for each value: (value); documents without one give none."""
    if source.many:
        return sql.SQL('(SELECT value COLLATE "C" AS value FROM {table}, unnest({name}) AS value)').format(
            table=table, name=name
        )
    return sql.SQL("(SELECT {name} AS value FROM {table} WHERE {name} IS NOT NULL)").format(table=table, name=name)


def text(value: sql.Composable, source: Source) -> sql.Composed:
    """A typed value as text."""
    form = "host({})" if source.field.type == "ip" and not source.many else "({})::text"
    return sql.SQL(form).format(value)


def word(source: Source, found: str) -> str:
    """A value's text, as both engines write it."""
    return str(float(found)) if source.field.type == "double" else found
