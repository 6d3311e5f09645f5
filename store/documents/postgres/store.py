"""PostgreSQL as a document store: connections, and which statement each question is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from documents.ast import Node
from store.documents.base import Bucket, DayPart, Health, Page, Scope, StoreUnavailable, WriteResult
from store.documents.limits import check_buckets, check_figures, check_questions, check_size
from store.documents.names import Part
from store.documents.postgres import facets, figures, reader, tables, upgrade, writer
from store.documents.postgres.conditions import blobs_of, conditions, within
from store.documents.postgres.connections import Connection, Pool, bounded
from store.documents.questions import Facets, Figures, Metric, Ranges, Terms
from store.documents.version import Step, StoreVersion


class PostgresStore:
    """Documents in PostgreSQL. `url` is a connection string of libpq's. See DocumentStore for the methods."""

    def __init__(self, url: str, seconds: float | None = None) -> None:
        self._pool = Pool(url)
        self._seconds = seconds
        self._prepared = False

    def prepare(self) -> None:
        self._prepared = False
        with self._connection():
            pass

    def stored_version(self) -> StoreVersion:
        with self._pool.connection() as connection:
            return upgrade.stored(connection)

    def upgrade(self, *, dry_run: bool = False) -> Iterator[Step]:
        with self._pool.connection() if dry_run else self._connection() as connection:
            yield from upgrade.upgrade(connection, dry_run=dry_run)

    def write(self, resource: str, payload: bytes) -> WriteResult:
        with self._connection() as connection:
            return writer.write(connection, resource, payload)

    def write_blobs(self, resource: str, blobs: Sequence[bytes]) -> WriteResult:
        with self._connection() as connection:
            return writer.write_blobs(connection, resource, blobs)

    def search(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        sort: str | None = None,
        size: int = 50,
        after: str | None = None,
        seconds: float | None = None,
    ) -> Page:
        check_size(size)
        with self._question(seconds) as connection:
            return reader.search(connection, resource, conditions(scope, node, since, until), sort, size, after)

    def get(self, resource: str, scope: Scope, id: str) -> dict[str, Any] | None:
        with self._connection() as connection:
            return reader.get(connection, resource, conditions(scope, None, None, None), id)

    def count(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        seconds: float | None = None,
    ) -> int:
        with self._question(seconds) as connection:
            return reader.count(connection, resource, within(resource, scope, node, since, until))

    def histogram(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int,
        until: int,
        interval: int,
        by: str | None = None,
        seconds: float | None = None,
    ) -> list[Bucket]:
        check_buckets(since, until, interval)
        with self._question(seconds) as connection:
            return reader.histogram(connection, resource, conditions(scope, node, since, until), interval, by)

    def terms(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        field: str,
        *,
        since: int | None = None,
        until: int | None = None,
        size: int = 10,
    ) -> list[tuple[str, int]]:
        found = self.facets(resource, scope, node, [Terms(field, size)], since=since, until=until)
        return found.answers[0].values

    def percentiles(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        field: str,
        percents: Sequence[float],
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> dict[float, float]:
        with self._question(None) as connection:
            return reader.percentiles(connection, resource, conditions(scope, node, since, until), field, percents)

    def facets(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        questions: Sequence[Terms | Ranges],
        *,
        since: int | None = None,
        until: int | None = None,
        seconds: float | None = None,
    ) -> Facets:
        check_questions(questions)
        seconds = self._seconds if seconds is None else seconds
        wanted = conditions(scope, node, since, until)
        if seconds is not None:
            return facets.facets_within(self._question, resource, wanted, questions, seconds)
        with self._connection() as connection:
            return facets.facets(connection, resource, wanted, questions)

    def figures(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        metrics: Sequence[Metric],
        *,
        by: Sequence[str] = (),
        since: int | None = None,
        until: int | None = None,
        interval: int | None = None,
        size: int = 100,
        seconds: float | None = None,
    ) -> Figures:
        check_figures(metrics, by, since, until, interval, size)
        wanted = conditions(scope, node, since, until)
        with self._question(seconds) as connection:
            return figures.figures(connection, resource, wanted, metrics, by, interval, size)

    def scan(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        size: int = 1_000,
    ) -> Iterator[list[dict[str, Any]]]:
        with self._connection() as connection:
            yield from reader.scan(connection, resource, conditions(scope, node, since, until), size)

    def purge(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        part: Part | None = None,
    ) -> Iterator[int]:
        with self._connection() as connection:
            yield from writer.purge(connection, resource, within(resource, scope, node, since, until), part)

    def blobs(
        self,
        resource: str,
        scope: Scope,
        capture: str,
        partition: int,
        first_chunk: int,
        last_chunk: int,
        *,
        part: Part | None = None,
    ) -> Iterator[bytes]:
        wanted = blobs_of(scope, capture, partition, first_chunk, last_chunk, part)
        with self._connection() as connection:
            yield from reader.blobs(connection, resource, wanted)

    def rewrite(
        self,
        resource: str,
        scope: Scope,
        capture: str,
        partition: int,
        first_chunk: int,
        last_chunk: int,
        change: Callable[[bytes], bytes | None],
        *,
        part: Part | None = None,
    ) -> int:
        wanted = blobs_of(scope, capture, partition, first_chunk, last_chunk, part)
        with self._connection() as connection:
            return writer.rewrite(connection, resource, wanted, change)

    def days(self, resource: str) -> list[DayPart]:
        with self._connection() as connection:
            found = tables.day_tables(connection, resource)
        return [DayPart(part.resource, part.day, part.policy, documents, size) for part, documents, size in found]

    def drop_day(self, resource: str, day: str, policy: str) -> bool:
        with self._pool.connection() as connection:
            return tables.drop_day(connection, Part(resource, day, policy))

    def refresh(self, resource: str) -> None:
        """Nothing to do: what is committed is visible."""

    def health(self) -> Health:
        try:
            with self._pool.connection() as connection:
                version = str(connection.info.parameter_status("server_version"))
                read_only = connection.execute("SHOW transaction_read_only").fetchone() == ("on",)
        except StoreUnavailable as error:
            return Health("postgresql", "", ok=False, detail=str(error))
        return Health("postgresql", version, ok=not read_only, detail="the server is read-only" if read_only else "")

    def free_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection; the first one of a process sees to the tables."""
        with self._pool.connection() as connection:
            if not self._prepared:
                tables.prepare(connection)
                self._prepared = True
            yield connection

    @contextmanager
    def _question(self, seconds: float | None) -> Iterator[Connection]:
        """A connection for what somebody waits for."""
        seconds = self._seconds if seconds is None else seconds
        with self._connection() as connection, bounded(connection, seconds):
            yield connection
