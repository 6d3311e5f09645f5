"""Documents that the store refused, kept in a resource of their own with the reason and the bytes they came in.

Nothing that reached the outbox is thrown away: a refused document is found by searching `rejected`, and what it was
stands in it as base64, because the reason is often that it is no sound JSON. The id is made from the content, so the
same refusal written twice is one document.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from store.documents import payload
from store.documents.base import DocumentStore, StoreError
from store.documents.names import BLOB_RESOURCES, REJECTED, Part
from store.documents.times import to_text

#: Bytes of a refused document that are kept: more than any document has, less than a blob may have.
KEPT_BYTES = 8 << 20

#: Longer reasons quote the document back.
_REASON_LENGTH = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """One document that was refused: its action line (empty for a blob or a broken batch), its bytes, and why."""

    resource: str
    action: bytes
    body: bytes
    reason: str


def keep(store: DocumentStore, refusals: Iterable[Refusal], now: int) -> int:
    """Store refusals, `now` being their time in ns; answers how many. StoreError if even that is refused."""
    items = [_pair(refusal, now) for refusal in refusals]
    if not items:
        return 0
    result = store.write(REJECTED, payload.join(items))
    if result.failed:
        raise StoreError(f"a refused document cannot be kept either: {result.failed[0].reason}")
    return len(items)


def _pair(refusal: Refusal, now: int) -> payload.Pair:
    part = _part(refusal, now)
    digest = blake2b(b"\0".join((refusal.resource.encode(), refusal.action, refusal.body)), digest_size=8).hexdigest()
    id = f"{part.day}-{part.policy}-{digest}"
    document = {
        "id": id,
        "version": 1,
        "whisperer": _whisperer(refusal),
        "date": to_text(now),
        "resource": refusal.resource,
        "documentId": payload.document_id(refusal.action),
        "reason": refusal.reason[:_REASON_LENGTH].replace("\0", "\ufffd"),
        "size": len(refusal.body),
        "truncated": len(refusal.body) > KEPT_BYTES,
        "document": b64encode(refusal.body[:KEPT_BYTES]).decode(),
    }
    action = {"index": {"_index": part.index, "_id": id, "version": 1, "version_type": "external"}}
    return orjson.dumps(action), orjson.dumps(document)


def _part(refusal: Refusal, now: int) -> Part:
    """Kept as long as what it was refused from, where it says so; else with today's."""
    try:
        meant = payload.action(refusal.action).part
    except ValueError:
        return Part(REJECTED, to_text(now)[:10].replace("-", ""), "default")
    return Part(REJECTED, meant.day, meant.policy)


def _whisperer(refusal: Refusal) -> str | None:
    """Whose document it was, as far as it can be read: None shows it to those alone who may see everything."""
    body = refusal.body
    if refusal.resource in BLOB_RESOURCES:
        body = body[4 : 4 + int.from_bytes(body[:4], "big")]
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = document.get("whisperer") if isinstance(document, dict) else None
    return found if isinstance(found, str) and "\0" not in found else None
