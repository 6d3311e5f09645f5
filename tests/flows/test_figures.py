"""Every minute what waits is kept as a document, and a store that is away stops nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.core import servers
from apps.whisperers.models import Whisperer
from store.documents import EVERYTHING, DocumentStore
from tasks import monitoring


@pytest.fixture
def store(postgres_url: str, settings: Any) -> Iterator[DocumentStore]:
    settings.DOCUMENT_STORE_URL = postgres_url
    servers.document_store.cache_clear()
    yield servers.document_store()
    servers.document_store().close()
    servers.document_store.cache_clear()


def test_what_waits_is_kept(store: DocumentStore) -> None:
    monitoring.figures({"bytes.chunks": 7, "work": 2})
    found = store.search("monitoring", EVERYTHING, None, sort="-date", size=1).hits[0]
    assert (found["kind"], found["counters"]) == ("figures", {"bytes.chunks": 7, "work": 2})


def test_a_store_that_is_away_stops_nothing(whisperer: Whisperer, settings: Any) -> None:
    settings.DOCUMENT_STORE_URL = "postgresql://nobody@127.0.0.1:1/none"
    servers.document_store.cache_clear()
    try:
        monitoring.minute()
    finally:
        servers.document_store.cache_clear()
