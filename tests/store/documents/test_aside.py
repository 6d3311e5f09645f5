"""Versions of what was put aside, when several write them at once."""

from typing import Any

import orjson
import pytest

from documents import bulk
from documents.build import Document
from store.documents import EVERYTHING, DocumentStore, StoreUnavailable, aside

ID = "c1:7"
FIRST = {
    "id": ID,
    "version": 1,
    "date": "2026-11-22T10:15:00.000000Z",
    "whisperer": "w1",
    "packets": 12,
    "state": "waiting",
}


@pytest.fixture
def record(documents: DocumentStore) -> str:
    line = bulk.lines([Document(ID, 1, aside.RESOURCE, "20261122", "default", orjson.dumps(FIRST))])
    assert documents.write(aside.RESOURCE, line).stored == 1
    return ID


def stored(documents: DocumentStore) -> dict[str, Any]:
    documents.refresh(aside.RESOURCE)
    found = documents.get(aside.RESOURCE, EVERYTHING, ID)
    assert found is not None
    return found


def test_each_change_is_made_to_what_the_one_before_left(documents: DocumentStore, record: str) -> None:
    for state in ("definite", "waiting", "repaired"):
        aside.change(documents, record, "default", lambda newest, state=state: (newest or {}) | {"state": state})
    found = stored(documents)
    assert (found["version"], found["state"], found["packets"]) == (4, "repaired", 12)


def test_who_is_overtaken_reads_and_writes_again(documents: DocumentStore, record: str) -> None:
    seen = []

    def late(newest: dict[str, Any] | None) -> dict[str, Any]:
        assert newest is not None
        seen.append(newest["version"])
        if len(seen) < 3:
            assert aside.write(documents, newest | {"packets": 12 + len(seen)}, "default")
        return newest | {"state": "repaired"}

    aside.change(documents, record, "default", late)
    found = stored(documents)
    assert (seen, found["version"], found["state"], found["packets"]) == ([1, 2, 3], 4, "repaired", 14)


def test_who_is_always_overtaken_says_so(documents: DocumentStore, record: str) -> None:
    def late(newest: dict[str, Any] | None) -> dict[str, Any]:
        assert newest is not None
        assert aside.write(documents, newest, "default")
        return newest | {"state": "repaired"}

    with pytest.raises(StoreUnavailable, match="again and again"):
        aside.change(documents, record, "default", late)
    assert stored(documents)["version"] == 1 + aside.TRIES


def test_a_record_that_is_not_there_is_begun(documents: DocumentStore) -> None:
    aside.change(documents, ID, "default", lambda newest: FIRST if newest is None else newest)
    assert stored(documents)["version"] == 2
