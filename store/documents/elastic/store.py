"""Elasticsearch as a document store: the client, and which request each question is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from elasticsearch import Elasticsearch, NotFoundError

from documents.ast import Node
from store.documents.base import (
    Bucket,
    DayPart,
    Health,
    Page,
    Scope,
    StoreError,
    TookTooLong,
    WriteResult,
)
from store.documents.elastic import disks, facets, figures, reader, templates, upgrade, writer
from store.documents.elastic.client import Limited, bounded, connect, translated
from store.documents.elastic.reader import blobs_of, query, within
from store.documents.limits import check_buckets, check_figures, check_questions, check_size
from store.documents.names import Part, alias
from store.documents.questions import Facets, Figures, Metric, Ranges, Terms
from store.documents.version import Step, StoreVersion

#: A look at the disks is made while an agent waits.
_LOOK_SECONDS = 2.0
#: A look at what is stored is made while a process starts.
_START_SECONDS = 10.0
#: Documents that one step of a purge deletes.
_PURGED = 1_000


class ElasticsearchStore:
    """Documents in Elasticsearch; `url` may name several nodes, separated by commas. Methods: see DocumentStore."""

    def __init__(self, url: str, seconds: float | None = None) -> None:
        self._elastic = connect(url)
        self._seconds = seconds
        self._prepared = False

    def prepare(self) -> None:
        self._prepared = False
        with self._client():
            pass

    def stored_version(self) -> StoreVersion:
        with translated():
            return upgrade.stored(self._elastic.options(request_timeout=_START_SECONDS))

    def upgrade(self, *, dry_run: bool = False) -> Iterator[Step]:
        with translated() if dry_run else self._client():
            yield from upgrade.upgrade(self._elastic, dry_run=dry_run)

    def write(self, resource: str, payload: bytes) -> WriteResult:  # noqa: ARG002  # the lines name their index
        with self._client() as client:
            return writer.write(client, payload)

    def write_blobs(self, resource: str, blobs: Sequence[bytes]) -> WriteResult:
        with self._client() as client:
            return writer.write_blobs(client, blobs, resource)

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
        with self._question(seconds) as client:
            return reader.search(client, resource, query(scope, node, since, until), sort, size, after)

    def get(self, resource: str, scope: Scope, id: str) -> dict[str, Any] | None:
        if not id:  # an "ids" query refuses it
            return None
        with self._client() as client:
            return reader.get(Limited(client), resource, query(scope, None, None, None, {"ids": {"values": [id]}}))

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
        with self._question(seconds) as client:
            return reader.count(client, resource, within(resource, scope, node, since, until))

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
        with self._question(seconds) as client:
            return reader.histogram(client, resource, query(scope, node, since, until), interval, by)

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
        with self._question(None) as client:
            return reader.percentiles(client, resource, query(scope, node, since, until), field, percents)

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
        wanted = query(scope, node, since, until)
        if seconds is None:
            with self._question(None) as client:
                return facets.facets(client, resource, wanted, questions)
        try:
            with self._question(seconds / 2) as client:
                return facets.facets(client, resource, wanted, questions, quickly=True)
        except TookTooLong:
            with self._question(seconds / 2) as client:
                return facets.sampled(client, resource, wanted, questions)

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
        wanted = query(scope, node, since, until)
        with self._question(seconds) as client:
            return figures.figures(client, resource, wanted, metrics, by, interval, size)

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
        with self._client() as client:
            for hits in reader.scan(client, resource, query(scope, node, since, until), size):
                yield [hit["_source"] for hit in hits]

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
        wanted = within(resource, scope, node, since, until, part)
        with self._client() as client:
            yield from writer.purge(client, reader.names(client, resource, wanted, _PURGED))

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
        with self._client() as client:
            yield from reader.blobs(client, resource, wanted)

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
        with self._client() as client:
            changed = writer.rewrite(client, reader.blob_hits(client, resource, wanted), resource, change)
            if changed:  # who changes the same blob next must see this change
                client.indices.refresh(index=f"{alias(resource)}-*")
            return changed

    def days(self, resource: str) -> list[DayPart]:
        with self._client() as client:
            return reader.days(client, resource)

    def drop_day(self, resource: str, day: str, policy: str) -> bool:
        with self._client() as client:
            try:
                client.indices.delete(index=Part(resource, day, policy).index)
            except NotFoundError:
                return False
        return True

    def refresh(self, resource: str) -> None:
        with self._client() as client:
            client.indices.refresh(index=f"{alias(resource)}-*")

    def health(self) -> Health:
        try:
            with translated():
                nodes = self._elastic.nodes.info(metric="http")["nodes"]
                status = self._elastic.cluster.health()["status"]
        except StoreError as error:
            return Health("elasticsearch", "", ok=False, detail=str(error))
        versions = ", ".join(sorted({node["version"] for node in nodes.values()}))
        detail = "the cluster is red: some index is not there" if status == "red" else ""
        return Health("elasticsearch", versions, ok=not detail, detail=detail)

    def free_bytes(self) -> int | None:
        with translated():
            quick = self._elastic.options(request_timeout=_LOOK_SECONDS)
            nodes = quick.nodes.stats(metric="fs")["nodes"].values()
            settings = quick.cluster.get_settings(include_defaults=True, filter_path=disks.FILTER)
        return disks.room(nodes, settings.body)

    def close(self) -> None:
        self._elastic.close()

    @contextmanager
    def _client(self) -> Iterator[Elasticsearch]:
        """The client; its first use in a process sees to the templates, before a document can make an index."""
        with translated():
            if not self._prepared:
                templates.prepare(self._elastic)
                self._prepared = True
            yield self._elastic

    @contextmanager
    def _question(self, seconds: float | None) -> Iterator[Limited]:
        """A client for what somebody waits for."""
        seconds = self._seconds if seconds is None else seconds
        with self._client() as client, bounded(client, seconds) as limited:
            yield limited
