"""Documents as the lines of an outbox batch: what the Elasticsearch bulk API takes, pairs of action and document."""

from collections.abc import Iterable

from documents.build import Document
from documents.ids import index_name


def lines(documents: Iterable[Document]) -> bytes:
    """NDJSON in pairs of lines. The external version makes a later document win in whatever order they arrive."""
    parts: list[bytes] = []
    for document in documents:
        index = index_name(document.resource, document.day, document.policy)
        action = f'{{"index":{{"_index":"{index}","_id":"{document.id}","version":{document.version},'
        parts.append(f'{action}"version_type":"external"}}}}\n'.encode())
        parts.append(document.body)
        parts.append(b"\n")
    return b"".join(parts)
