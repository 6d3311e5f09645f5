"""The document store on PostgreSQL: the default, for it needs no installation."""

from store.documents.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
