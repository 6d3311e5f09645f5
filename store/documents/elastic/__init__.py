"""The document store on Elasticsearch 8.19 and 9: for production, and the reference."""

from store.documents.elastic.store import ElasticsearchStore

__all__ = ["ElasticsearchStore"]
