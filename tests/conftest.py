"""Real servers for the tests, started when the first test asks for them, each on a free port in a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import tests.generated  # noqa: F401  # before any property reads its settings
from spider_site.environment import env, number
from spider_site.places import kept_secret
from spider_site.run.elasticsearch import test_servers
from spider_site.run.servers import Postgres, Valkey
from tests.settings import FOLDER

#: Tests whose clock is that of other processes: Chromium, agents, workers. On a busy machine one may come late, so a
#: failure is tried once more, and the last line counts it as `rerun`.
PROCESSES = tuple(str(Path(__file__).parent / name) for name in ("agent", "browser", "chaos", "flows"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the tests' own: `.url(database)`, `.create_database(name)`."""
    password = kept_secret("postgres-password")
    server = Postgres(FOLDER / "postgres", number("SPIDER_POSTGRES_PORT"), password, durable=False)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """Address of a PostgreSQL database for document stores, apart from Django's."""
    postgres.create_database("documents")
    return postgres.url("documents")


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A Valkey server of the tests' own, with append-only file: `.url(database)`."""
    server = Valkey(FOLDER / "valkey", number("SPIDER_REDIS_PORT"), kept_secret("redis-password"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """Address of an empty Redis database (the whole server is flushed for each test that asks)."""
    with redis.Redis.from_url(valkey.url()) as client:
        client.flushall()
    return valkey.url()


@pytest.fixture(scope="session")
def elasticsearch_urls() -> Iterator[list[str]]:
    """Addresses of Elasticsearch 8.19 and, where there is a Java 21 or newer, 9; or what the environment names."""
    given = env("SPIDER_TEST_ELASTICSEARCH_URL")
    if given:
        yield [url.strip() for url in str(given).split(",")]
        return
    servers = test_servers(FOLDER)
    try:
        yield [server.url() for server in servers]
    finally:
        for server in servers:
            server.stop()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django's test database goes with its server's folder. Dropping it would fail on what still ends a request."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: Postgres) -> None:
    """Tests that use the database start PostgreSQL first; Django then makes its own test database there."""
