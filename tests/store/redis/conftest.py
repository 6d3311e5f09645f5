"""A store on a real server, empty for each test, with one link."""

from collections.abc import Iterator

import pytest

from store.redis.connection import Link, Store, open_store
from store.redis.settings import Settings

#: Sizes of a few bytes and leases of milliseconds, so that every bound is met quickly.
SMALL = Settings(
    soft_bytes=3000,
    hard_bytes=4000,
    outbox_bytes=2000,
    window=4,
    lease_ms=120,
    hint_ms=0,
    redrive_ms=30,
    second_try_ms=0,
    claim_ms=60,
    holes=10,
)


@pytest.fixture
def settings() -> Settings:
    return SMALL


@pytest.fixture
def store(redis_url: str, settings: Settings) -> Iterator[Store]:
    opened = open_store(redis_url, settings)
    yield opened
    opened.close()


@pytest.fixture
def link(store: Store) -> Iterator[Link]:
    with store.link() as one:
        yield one
