"""The records of what was put aside: each is one document, and what becomes of it is its next version."""

from typing import Any, Final

import orjson

from documents import bulk
from documents.build import Document
from store.documents.base import DocumentStore

RESOURCE: Final = "monitoring"


def write(store: DocumentStore, record: dict[str, Any], policy: str) -> bool:
    """Write the next version of a record, on the day of its first; False when somebody else was faster."""
    version = int(record.get("version", 1)) + 1
    day = str(record["date"])[:10].replace("-", "")
    body = orjson.dumps(record | {"version": version}, option=orjson.OPT_UTC_Z)
    found = store.write(RESOURCE, bulk.lines([Document(record["id"], version, RESOURCE, day, policy, body)]))
    return found.stored == 1
