"""Adapters: Redis (chunks, partitions, outbox) and the document stores (PostgreSQL, Elasticsearch)."""
