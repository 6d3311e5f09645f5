"""Bulk writes: the outbox's lines go to the server as they are, and every item of the answer is read.

An item that the server took or already had as new (409 with external versions) is stored. One that it refused because
of the document is a failure with its reason. One that it could not take (a full queue, a lost shard) makes the whole
answer StoreUnavailable: all of it is sent again, which changes nothing for what was stored.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import orjson
from elasticsearch import ApiError, Elasticsearch

from store.documents import blobs, payload
from store.documents.base import BatchRefused, Failure, StoreBusy, StoreError, WriteResult
from store.documents.elastic.client import is_unavailable, reason, translated
from store.documents.payload import Pair
from store.documents.times import to_text

#: Of each item only what is read here: the rest would be a third of a megabyte for 3,000 documents.
_FILTER = "errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"

#: Below the server's own 100 MB, and small enough that one request does not fill a small heap.
_BLOB_BATCH_BYTES = 16 << 20


def write(client: Elasticsearch, data: bytes) -> WriteResult:
    """Store a bulk payload; see DocumentStore.write. It is taken apart only when something in it was refused."""
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    if lines % 2 or not data:
        payload.pairs(data)
        return WriteResult()
    try:
        statuses = _bulk(client, data, lines // 2)
    except BatchRefused:
        items = list(enumerate(payload.pairs(data)))
        return payload.isolate(items, lambda part: _attempt(client, part), _describe)
    failed = [position for position, item in enumerate(statuses) if _is_failure(item)]
    names = [action for action, _ in payload.pairs(data)] if failed else []
    return _result(statuses, [(position, payload.document_id(names[position])) for position in failed])


def _attempt(client: Elasticsearch, items: Sequence[tuple[int, Pair]]) -> WriteResult:
    statuses = _bulk(client, payload.join([pair for _, pair in items]), len(items))
    failed = [_describe(item) for item, status in zip(items, statuses, strict=True) if _is_failure(status)]
    return _result(statuses, failed)


def _describe(item: tuple[int, Pair]) -> tuple[int, str]:
    position, (action, _) = item
    return position, payload.document_id(action)


def _result(statuses: Sequence[dict[str, Any]], failed: Sequence[tuple[int, str]]) -> WriteResult:
    reasons = [_reason(item) for item in statuses if _is_failure(item)]
    conflicts = sum(item["status"] == 409 for item in statuses)
    return WriteResult(
        stored=len(statuses) - conflicts - len(reasons),
        conflicts=conflicts,
        failed=[Failure(position, id, why) for (position, id), why in zip(failed, reasons, strict=True)],
    )


def _bulk(client: Elasticsearch, data: bytes, count: int) -> list[dict[str, Any]]:
    """Send one bulk request; the items of its answer, one a document. BatchRefused if it was no valid request."""
    try:
        with translated():
            answer = _send(client, data)
    except _Refused as error:
        raise BatchRefused(str(error)) from error
    items = [item for entry in answer.body["items"] for item in entry.values()]
    if len(items) != count:
        raise StoreError(f"Elasticsearch answered {len(items)} items for {count} documents")
    if answer.body["errors"]:
        for item in items:
            # 404: the index cannot be made (automatic creation is off); the documents are sound.
            if is_unavailable(item["status"]) or item["status"] == 404:
                # The server answered, item by item: that is nothing against reading, and a later write.
                raise StoreBusy(f"Elasticsearch: {item['status']} {_reason(item)}")
    return items


class _Refused(Exception):
    """The request as a whole was no good."""


def _send(client: Elasticsearch, data: bytes) -> Any:
    try:
        return client.perform_request(
            "PUT",
            "/_bulk",
            params={"filter_path": _FILTER},
            headers={"accept": "application/json", "content-type": "application/x-ndjson"},
            body=data if data.endswith(b"\n") else data + b"\n",
        )
    except ApiError as error:
        if error.status_code in (400, 413):
            raise _Refused(reason(error)) from error
        raise


def _is_failure(item: dict[str, Any]) -> bool:
    return bool(item["status"] >= 300 and item["status"] != 409)


def _reason(item: dict[str, Any]) -> str:
    error = item.get("error", {})
    cause = error.get("caused_by", {}).get("reason")
    return f"{error.get('type')}: {error.get('reason')}" + (f" ({cause})" if cause else "")


def write_blobs(client: Elasticsearch, items: Sequence[bytes], resource: str) -> WriteResult:
    """Store blobs under ids of the server's own; see DocumentStore.write_blobs."""
    result = WriteResult()
    batch: list[tuple[int, Pair]] = []
    size = 0
    for position, blob in enumerate(items):
        try:
            pair = _blob_pair(resource, blob)
        except ValueError as error:
            result.failed.append(Failure(position, "", str(error)))
            continue
        batch.append((position, pair))
        size += len(pair[1])
        if size >= _BLOB_BATCH_BYTES:
            result.add(payload.isolate(batch, lambda part: _attempt(client, part), _describe))
            batch, size = [], 0
    result.add(payload.isolate(batch, lambda part: _attempt(client, part), _describe))
    return result


def _blob_pair(resource: str, blob: bytes) -> Pair:
    place = blobs.place(resource, blob)
    head = orjson.dumps(
        {
            "whisperer": place.whisperer,
            "capture": place.capture,
            "partition": place.partition,
            "chunk": place.chunk,
            "date": to_text(place.first),
            "lastDate": to_text(place.last),
        }
    )
    # The base64 is put in as it is: a JSON library would look at every character of some megabytes again.
    document = b'%b,"blob":"%b"}' % (head[:-1], b64encode(blob))
    return orjson.dumps({"index": {"_index": place.part.index}}), document


def purge(client: Elasticsearch, batches: Iterable[list[dict[str, Any]]]) -> Iterator[int]:
    """Delete the hits given, batch by batch; answers how many were there."""
    for hits in batches:
        yield _delete(client, hits)


def _delete(client: Elasticsearch, hits: Iterable[dict[str, Any]]) -> int:
    lines = [{"delete": {"_index": hit["_index"], "_id": hit["_id"]}} for hit in hits]
    answer = client.bulk(operations=lines, filter_path="items.*.status")
    statuses = [item["delete"]["status"] for item in answer["items"]]
    if any(is_unavailable(status) for status in statuses):
        raise StoreBusy("Elasticsearch: a purge was refused half way")
    return statuses.count(200)


def rewrite(
    client: Elasticsearch,
    batches: Iterable[list[dict[str, Any]]],
    resource: str,
    change: Callable[[bytes], bytes | None],
) -> int:
    """Change the blobs of the hits given, under the ids that they have."""
    changed = 0
    for hits in batches:
        for hit in hits:
            before = b64decode(hit["_source"]["blob"])
            after = change(before)
            changed += after != before
            if after is None:
                _delete(client, [hit])
            elif after != before:
                _, document = _blob_pair(resource, after)
                action = orjson.dumps({"index": {"_index": hit["_index"], "_id": hit["_id"]}})
                statuses = _bulk(client, payload.join([(action, document)]), 1)
                if _is_failure(statuses[0]):
                    raise StoreError(f"Elasticsearch: {_reason(statuses[0])}")
    return changed
