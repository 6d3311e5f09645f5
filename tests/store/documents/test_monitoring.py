"""Sums and what was put aside are found by what they say, on every engine."""

from typing import Any

import orjson
import pytest

from documents import query
from documents.build import Document
from documents.bulk import lines
from store.documents import DocumentStore
from tests.store.documents.samples import DAY, T0

W1 = frozenset({"w1"})
MONITORING: list[dict[str, Any]] = [
    {"id": "c1:5", "kind": "capture", "capture": "c1", "counters": {"packets.session": 7, "packets.late": 0}},
    {"id": "c1:6", "kind": "capture", "capture": "c1", "counters": {"packets.session": 70}},
    {"id": "c1:17:0:3", "kind": "quarantine", "capture": "c1", "chunk": 17, "what": "rows", "packets": 3,
     "state": "waiting", "reason": "MemoryError"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind:capture", "c1:5 c1:6"),
        ("counters.packets.session:7", "c1:5"),
        ("counters.packets.session:7*", "c1:5 c1:6"),
        ("_exists_:counters.packets.late", "c1:5"),
        ("capture:c1 AND state:waiting", "c1:17:0:3"),
        ("reason:Memory*", "c1:17:0:3"),
        ("memory", "c1:17:0:3"),
        ("packets:>=3 AND what:rows AND chunk:17", "c1:17:0:3"),
        ("state:repaired", ""),
    ],
)
def test_monitoring_is_searched_by_what_it_says(documents: DocumentStore, text: str, expected: str) -> None:
    sent = [one | {"version": 1, "whisperer": "w1", "date": "2026-11-22T10:00:00.5Z"} for one in MONITORING]
    made = [Document(one["id"], 1, "monitoring", DAY, "default", orjson.dumps(one)) for one in sent]
    assert documents.write("monitoring", lines(made)).failed == []
    documents.refresh("monitoring")
    hits = documents.search("monitoring", W1, query.parse(text, "monitoring"), since=T0).hits
    assert {hit["id"] for hit in hits} == set(expected.split())
    assert all(hit in sent for hit in hits)
