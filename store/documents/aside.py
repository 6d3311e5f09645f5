"""The records of what was put aside: each is one document, and what becomes of it is its next version."""

from collections.abc import Callable
from typing import Any, Final

import orjson

from documents import bulk
from documents.build import Document
from store.documents.base import EVERYTHING, DocumentStore, StoreBusy

RESOURCE: Final = "monitoring"
#: A worker and a person who presses a button write the same record: each is overtaken once or twice.
TRIES: Final = 10


def change(
    store: DocumentStore, id: str, policy: str, changed: Callable[[dict[str, Any] | None], dict[str, Any]]
) -> dict[str, Any]:
    """Write what `changed` makes of the newest version of a record (None: there is none), anew when somebody else was
    faster. Raises StoreUnavailable when they always are."""
    for _ in range(TRIES):
        store.refresh(RESOURCE)  # else a version is not found in the second after it was written
        record = changed(store.get(RESOURCE, EVERYTHING, id))
        if write(store, record, policy):
            return record
    message = f"the record {id} is written by others again and again"
    raise StoreBusy(message)


def write(store: DocumentStore, record: dict[str, Any], policy: str) -> bool:
    """Write the next version of a record, on the day of its first; False when somebody else was faster."""
    version = int(record.get("version", 1)) + 1
    day = str(record["date"])[:10].replace("-", "")
    body = orjson.dumps(record | {"version": version}, option=orjson.OPT_UTC_Z)
    found = store.write(RESOURCE, bulk.lines([Document(record["id"], version, RESOURCE, day, policy, body)]))
    return found.stored == 1
