"""What each resource looks like in an engine, read from the one field table.

PostgreSQL gets the fields with a `column` as typed columns beside the whole document, Elasticsearch gets a mapping of
all of them. What the store keeps of its own (rejected) has its table here.
"""

from typing import Any

from documents.fields import FIELDS, TIME_FIELD, Field
from store.documents.names import BLOB_RESOURCES, REJECTED

#: Characters. Lucene refuses terms over 32,766 bytes, so what is longer can only be left out of the index. Documents
#: hold nothing as long (`documents.storable`), in whatever characters: all of it is found, as in PostgreSQL.
IGNORE_ABOVE = 32_766

#: How soon a search sees a document.
REFRESH_INTERVAL = {"packets": "5s", "tcpsessions": "3s", "httpcomms": "2s", "httpbodies": "3s"}
DEFAULT_REFRESH = "5s"

_REJECTED = (
    Field("id", "keyword", "Identifier of the document.", "20261122-default-1", column="text"),
    Field("version", "long", "Always 1.", "1", column="bigint"),
    Field("whisperer", "keyword", "Whose document it was, where that can be read.", "gateway", column="text"),
    Field(TIME_FIELD, "date", "When it was refused.", "2026-11-22T10:15:00.123456789Z", column="bigint"),
    Field("resource", "keyword", "Resource the document was meant for.", "httpcomms", column="text"),
    Field("documentId", "keyword", "Id the document would have had.", "20261122-default-9f86-q1f4", column="text"),
    Field("reason", "keyword", "Why the store refused it.", "mapper_parsing_exception", column="text"),
    Field("size", "long", "Bytes of the document.", "2048", column="bigint"),
)


def fields(resource: str) -> dict[str, Field]:
    """The fields of a resource, of the field table or of the store's own. Not for blobs."""
    if resource == REJECTED:
        return {field.name: field for field in _REJECTED}
    return dict(FIELDS[resource])


def columns(resource: str) -> list[Field]:
    """The fields with a typed column, in order."""
    return [field for field in fields(resource).values() if field.column is not None]


def names(resource: str) -> frozenset[str]:
    """The names of the fields; blobs have none that documents could lack."""
    return frozenset() if resource in BLOB_RESOURCES else frozenset(fields(resource))


def column_names(resource: str) -> frozenset[str]:
    """The names of those with a typed column."""
    return frozenset() if resource in BLOB_RESOURCES else frozenset(field.name for field in columns(resource))


def mapping(resource: str) -> dict[str, Any]:
    """The Elasticsearch mapping of a resource. What it does not name stays in `_source`, unsearched."""
    if resource in BLOB_RESOURCES:
        return {"dynamic": "false", "properties": _BLOB_PROPERTIES}
    properties: dict[str, Any] = {}
    for field in fields(resource).values():
        place = properties
        for key in field.path[:-1]:
            place = place.setdefault(key, {"properties": {}})["properties"]
        place[field.path[-1]] = _elastic(field)
    return {"dynamic": "false", "properties": properties}


def _elastic(field: Field) -> dict[str, Any]:
    """A field's mapping. What is searched seldom has doc values alone: still found and counted, by looking at each.

    Measured with documents of 2.5 KB: 260 µs of processor time each with everything indexed, 190 µs so.
    """
    often = field.column is not None and field.name not in _COUNTED
    often = often or field.bare != "" or field.type in ("text", "flattened", "ip")
    return _ELASTIC[field.type] | ({} if often else {"index": False})


#: These have columns in PostgreSQL because they are counted on the search screen; they are searched seldom.
_COUNTED = frozenset({"req.contentType", "res.contentType", "req.body.size", "res.body.size"})

_ELASTIC: dict[str, dict[str, Any]] = {
    "keyword": {"type": "keyword", "ignore_above": IGNORE_ABOVE},
    # No norms: hits are ordered by time, never by how well they fit.
    "text": {"type": "text", "norms": False},
    "long": {"type": "long"},
    "integer": {"type": "integer"},
    "short": {"type": "short"},
    "ip": {"type": "ip"},
    "date": {"type": "date_nanos"},
    "boolean": {"type": "boolean"},
    "double": {"type": "double"},
    "flattened": {"type": "flattened", "ignore_above": IGNORE_ABOVE},
}

_BLOB_PROPERTIES: dict[str, Any] = {
    "whisperer": {"type": "keyword"},
    "capture": {"type": "keyword"},
    "partition": {"type": "integer"},
    "chunk": {"type": "long"},
    "date": {"type": "date_nanos"},
    "lastDate": {"type": "date_nanos"},
    # Base64 in `_source`; neither indexed nor in columns.
    "blob": {"type": "binary"},
}
