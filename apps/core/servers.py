"""The process's own connections to Redis and the document store, made when first needed: after a fork, not before."""

from functools import cache

from django.conf import settings

from store.documents import DocumentStore, open_store
from store.redis import connection
from store.redis.settings import Settings


@cache
def chunk_store() -> connection.Store:
    """Redis: chunks, partitions and outbox. Raises UnfitServerError or redis ConnectionError."""
    return connection.open_store(
        settings.REDIS_URL,
        Settings(
            soft_bytes=settings.CHUNKS_SOFT,
            hard_bytes=settings.CHUNKS_HARD,
            outbox_bytes=settings.OUTBOX_LIMIT,
            state_bytes=settings.STATE_LIMIT,
            window=settings.WINDOW,
            second_try_ms=settings.REPROCESS_SECONDS * 1000,
        ),
    )


@cache
def document_store() -> DocumentStore:
    """The document store that the settings name. Raises StoreUnavailable when it does not answer, TookTooLong when a
    question of a person takes longer than the settings allow."""
    return open_store(settings.DOCUMENT_STORE_URL, seconds=settings.QUERY_SECONDS)
