"""Choose the engine by the scheme of an address."""

from store.documents.base import DocumentStore


def open_store(url: str, seconds: float | None = None) -> DocumentStore:
    """The store at `url`: postgresql://… or http(s)://…, several Elasticsearch nodes separated by commas.

    `seconds` bounds every question that somebody waits for and that names no limit of its own.

    Connects at the first use, so a server that is down now does not keep a process from starting. ValueError for any
    other scheme. Engines are imported when chosen: each brings a client library of its own.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from store.documents.postgres import PostgresStore

        return PostgresStore(url, seconds)
    if url.startswith(("http://", "https://")):
        from store.documents.elastic import ElasticsearchStore

        return ElasticsearchStore(url, seconds)
    raise ValueError(f"a document store is postgresql:// or http(s)://, not {url.split(':', 1)[0]!r}")
