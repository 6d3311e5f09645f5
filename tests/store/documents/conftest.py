"""A document store on each engine, empty for each test."""

from collections.abc import Iterator

import pytest

from store.documents import DocumentStore, open_store
from store.documents.elastic import ElasticsearchStore
from store.documents.names import RESOURCES

ENGINES = ["postgresql", "elasticsearch-8", "elasticsearch-9"]


@pytest.fixture(scope="session", params=ENGINES)
def store_url(request: pytest.FixtureRequest) -> str:
    """Address of a real server of each kind."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    urls = request.getfixturevalue("elasticsearch_urls")
    number = ENGINES.index(request.param) - 1
    if number >= len(urls):
        pytest.skip("Elasticsearch 9 needs Java 21 or newer, and there is none here")
    return str(urls[number])


@pytest.fixture(scope="session")
def shared_store(store_url: str) -> Iterator[DocumentStore]:
    opened = open_store(store_url)
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def documents(shared_store: DocumentStore) -> DocumentStore:
    if isinstance(shared_store, ElasticsearchStore):
        client = shared_store._elastic
        if found := list(client.indices.get(index="spider-*", filter_path="*.settings.index.provided_name")):
            client.indices.delete(index=found)
        return shared_store
    for resource in RESOURCES:
        for day in shared_store.days(resource):
            shared_store.drop_day(resource, day.day, day.policy)
    return shared_store


@pytest.fixture
def is_postgres(store_url: str) -> bool:
    return store_url.startswith("postgres")
