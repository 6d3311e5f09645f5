"""The process's own connections to Redis and the document store, made when first needed: after a fork, not before.

Each server has a breaker. What those of PostgreSQL and the document store know is shared by all processes, through
Redis; Redis has one in each process.
"""

from functools import cache

from django.conf import settings

from store import breakers
from store.breakers import Breaker
from store.documents import DocumentStore, documents_breaker, guarded, open_store
from store.redis import connection
from store.redis.board import RedisBoard
from store.redis.settings import Settings


@cache
def chunk_store() -> connection.Store:
    """Redis: chunks, partitions and outbox. Raises UnfitServerError or redis ConnectionError."""
    return connection.open_store(
        settings.REDIS_URL,
        Settings(
            soft_bytes=settings.CHUNKS_SOFT,
            hard_bytes=settings.CHUNKS_HARD,
            share_bytes=settings.CHUNKS_SHARE,
            outbox_bytes=settings.OUTBOX_LIMIT,
            state_bytes=settings.STATE_LIMIT,
            window=settings.WINDOW,
            second_try_ms=settings.REPROCESS_SECONDS * 1000,
        ),
        redis_breaker(),
    )


@cache
def document_store() -> DocumentStore:
    """The document store that the settings name, behind its breaker. Raises StoreUnavailable when it does not answer
    (StoreAway without asking, while the breaker is open), TookTooLong when a question of a person takes longer than the
    settings allow."""
    return guarded(open_store(settings.DOCUMENT_STORE_URL, seconds=settings.QUERY_SECONDS), store_breaker())


@cache
def board() -> RedisBoard:
    """What all processes know of the servers."""
    return RedisBoard(settings.REDIS_URL)


@cache
def redis_breaker() -> Breaker:
    """The breaker of Redis, of this process alone."""
    return connection.redis_breaker(breaker_settings())


@cache
def store_breaker() -> Breaker:
    """The breaker of the document store."""
    return documents_breaker(board(), breaker_settings())


@cache
def database_breaker() -> Breaker:
    """The breaker of the site's PostgreSQL; calls are attempts to connect, so any error is a failure."""
    return Breaker("database", board(), judge=lambda _: True, settings=breaker_settings())


def breaker_settings() -> breakers.Settings:
    """When breakers open, and for how long."""
    return breakers.Settings(failures=settings.BREAKER_FAILURES, pause=settings.BREAKER_SECONDS)


def forget() -> None:
    """Let go of all of it: what is made next reads the settings anew. For tests."""
    for one in (chunk_store, document_store, board, redis_breaker, store_breaker, database_breaker):
        one.cache_clear()
