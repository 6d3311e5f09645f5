"""Small documents with what a test is about, and the payloads they travel in."""

import struct
from typing import Any

import orjson

from documents.build import Document
from documents.bulk import lines
from store.documents import DocumentStore, WriteResult, blobs
from store.documents.times import to_text

DAY = "20261122"
#: 2026-11-22T10:00:00Z
T0 = 1_795_341_600_000_000_000


def comm(number: int, *, date: int | None = None, version: int = 1, day: str = DAY, **fields: Any) -> Document:
    """A communication; `fields` are set by their dotted names with `__` for the dot, None leaves one out."""
    id = f"{day}-default-{number:016x}-q0"
    values = {
        "id": id, "version": version, "whisperer": "w1", "capture": "c1", "chunk": 1,
        "date": to_text(T0 + number if date is None else date),
        "tcpSession": f"{day}-default-{number:016x}", "parsing__status": "complete", "parsing__anomalies": [],
        "req__method": "GET", "req__host": "shop.example", "req__path": f"/orders/{number}",
        "stats__src__ip": "10.0.0.1", "stats__dst__ip": "10.0.0.2", "stats__statusCode": 200,
        "stats__statusClass": "2xx", "stats__duration": float(number),
    } | fields  # fmt: skip
    document: dict[str, Any] = {}
    for name, value in values.items():
        *parents, key = name.split("__")
        place = document
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is not None:
            place[key] = value
    return Document(id, version, "httpcomms", day, "default", orjson.dumps(document))


def numbers(hits: list[dict[str, Any]]) -> list[int]:
    """Which communications these are."""
    return [int(hit["id"].split("-")[2], 16) for hit in hits]


def write(store: DocumentStore, *documents: Document) -> WriteResult:
    """Write communications and make them visible."""
    result = store.write("httpcomms", lines(documents))
    store.refresh("httpcomms")
    return result


def blob(chunk: int, content: bytes = b"data", *, resource_day: str = DAY, **place: Any) -> bytes:
    """A packets blob of capture c1, partition 0."""
    head = orjson.dumps({"format": "pcap", "first": T0, "last": T0 + 1, "flows": []})
    where = {"whisperer": "w1", "capture": "c1", "partition": 0, "policy": "default"} | place
    return blobs.stamp(struct.pack(">I", len(head)) + head + content, chunk=chunk, day=resource_day, **where)
