"""What a statement is about: three conditions, whose documents (scope), when (time) and what (query)."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from documents import sql as query_sql
from documents.ast import Node
from store.documents.base import EVERYTHING, Scope
from store.documents.names import BLOB_RESOURCES, Part


@dataclass(slots=True)
class Conditions:
    """What a WHERE clause says, with its parameters in order."""

    texts: list[sql.Composable] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: sql.Composable, *params: Any) -> None:
        """One more condition that must hold."""
        self.texts.append(text)
        self.params.extend(params)

    @property
    def where(self) -> sql.Composed:
        """The clause, empty when everything is wanted."""
        if not self.texts:
            return sql.Composed([])
        return sql.SQL(" WHERE ") + sql.SQL(" AND ").join(self.texts)


def conditions(scope: Scope, node: Node | None, since: int | None, until: int | None) -> Conditions:
    """Whose, when and what."""
    found = Conditions()
    if scope is not EVERYTHING:
        found.add(sql.SQL("whisperer = ANY(%s)"), sorted(scope))
    if since is not None:
        found.add(sql.SQL("date >= %s"), since)
    if until is not None:
        found.add(sql.SQL("date < %s"), until)
    if node is not None:
        text, params = query_sql.to_sql(node)
        found.add(sql.SQL("(" + text + ")"), *params)
    return found


def within(resource: str, scope: Scope, node: Node | None, since: int | None, until: int | None) -> Conditions:
    """The same, but of blobs, which have a first and a last time, those that lie wholly in the range."""
    found = conditions(scope, node, since, until)
    if resource in BLOB_RESOURCES and until is not None:
        found.add(sql.SQL("last < %s"), until)
    return found


def blobs_of(
    scope: Scope, capture: str, partition: int, first_chunk: int, last_chunk: int, part: Part | None
) -> Conditions:
    """Blobs of some chunks, in one table or in all."""
    found = conditions(scope, None, None, None)
    found.add(
        sql.SQL("capture = %s AND partition = %s AND chunk BETWEEN %s AND %s"),
        capture, partition, first_chunk, last_chunk,
    )  # fmt: skip
    if part is not None:
        found.add(sql.SQL("tableoid = to_regclass(%s)"), part.table)
    return found
