"""What a statement is about: three conditions, whose documents (scope), when (time) and what (query)."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from documents import sql as query_sql
from documents.ast import Node
from store.documents.base import EVERYTHING, Scope


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
