"""A store that is slow in a real way: PostgreSQL sleeps before each search, as long as its range is."""

from typing import Any

from psycopg import sql

from store.documents import Page
from store.documents.base import Scope
from store.documents.postgres import PostgresStore


class SlowStore(PostgresStore):
    """Searches take `factor` seconds for each second of their range; what is bounded ends when its time is over."""

    def __init__(self, url: str, factor: float, seconds: float | None = None) -> None:
        super().__init__(url, seconds)
        self.factor = factor
        self.asked: list[tuple[int, int]] = []

    def search(self, resource: str, scope: Scope, node: Any, **asked: Any) -> Page:
        since, until = asked.get("since"), asked.get("until")
        if since is not None and until is not None and node is not None:
            self.asked.append((since, until))
            with self._question(asked.get("seconds")) as connection:
                connection.execute(sql.SQL("SELECT pg_sleep({})").format((until - since) / 1e9 * self.factor))
        return super().search(resource, scope, node, **asked)
