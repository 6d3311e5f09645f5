"""The client of Elasticsearch, built in one place with its own retries off, and what its errors mean.

A write that the client sent twice by itself would hide which of the two answers is the true one; pollers repeat by
nature, with everybody watching. Client 8.19 asks servers of 9.x to answer as 8.x do.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from elastic_transport import ConnectionTimeout, JsonSerializer, NdjsonSerializer, Serializer, TransportError
from elasticsearch import ApiError, Elasticsearch, NotFoundError

from store.documents.base import BadRequest, StoreBusy, StoreError, StoreUnavailable, TookTooLong

#: Bulk requests of some megabytes on a busy server take seconds; beyond this it is as good as down.
REQUEST_TIMEOUT = 60.0
#: Seconds that a server is given beyond the limit of a search, to say that it was reached.
PATIENCE = 2.0

#: A cluster block: a full disk makes indexes read-only. They can be searched all the same.
BLOCKED = 403
#: Too many requests, or trouble of the server's own.
_UNAVAILABLE = frozenset({BLOCKED, 408, 429, 500, 502, 503, 504})

#: Lucene's words for a pattern whose automaton would take too much work, memory or recursion.
_TOO_COMPLEX = ("Determinizing automaton", "too_complex_to_determinize", "TooComplexToDeterminize", "too-complex")


#: How a search says that its limit was reached, by version.
_TIMED_OUT = ("Time exceeded", "search_timeout_exception", "timed_out")


class _Json(JsonSerializer):
    """orjson: answers with a thousand documents are read ten times as fast."""

    def json_loads(self, data: bytes | str) -> object:
        return orjson.loads(data)

    def json_dumps(self, data: object) -> bytes:
        return orjson.dumps(data)


_SERIALIZERS: dict[str, Serializer] = {
    "application/json": _Json(),
    "application/vnd.elasticsearch+json": _Json(),
    "application/x-ndjson": NdjsonSerializer(),
    "application/vnd.elasticsearch+x-ndjson": NdjsonSerializer(),
}


def connect(url: str) -> Elasticsearch:
    """A client for one address or several separated by commas. Connects at the first request."""
    return Elasticsearch(
        url.split(","),
        request_timeout=REQUEST_TIMEOUT,
        max_retries=0,
        retry_on_timeout=False,
        retry_on_status=(),
        sniff_on_start=False,
        http_compress=False,
        serializers=_SERIALIZERS,
    )


class Limited:
    """Searches that end by themselves after so many seconds in all: TookTooLong. Without a limit where None."""

    def __init__(self, client: Elasticsearch, seconds: float | None = None) -> None:
        self._client = client
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds

    def search(self, **body: Any) -> Any:
        """One search. A client that goes away does not stop it, so the server is told when to."""
        if self._end is None:
            return self._client.search(**body)
        left = max(self._end - time.monotonic(), 0.001)
        client = self._client.options(request_timeout=left + PATIENCE)
        answer = client.search(timeout=f"{int(left * 1000) + 1}ms", **body)
        if answer.get("timed_out"):
            raise self.too_long()
        return answer

    def open_point(self, index: str, keep_alive: str) -> str:
        """A point in time over an index or alias; empty where there is none yet."""
        try:
            return str(self._client.open_point_in_time(index=index, keep_alive=keep_alive)["id"])
        except NotFoundError:
            return ""

    def too_long(self) -> TookTooLong:
        """The limit in words."""
        return TookTooLong(f"Elasticsearch did not answer within {self._seconds:g} s")


@contextmanager
def bounded(client: Elasticsearch, seconds: float | None) -> Iterator[Limited]:
    """A client with a limit, whose errors say so."""
    limited = Limited(client, seconds)
    try:
        yield limited
    except ConnectionTimeout as error:
        if not _answers(client):
            raise
        raise limited.too_long() from error
    except ApiError as error:
        # What a limit makes incomplete is refused as what a lost shard makes incomplete; the words tell them apart.
        if seconds is not None and any(words in str(error.body) for words in _TIMED_OUT):
            raise limited.too_long() from error
        raise


def _answers(client: Elasticsearch) -> bool:
    """Whether the server answers something easy: one that is busy with a search does, one that is frozen does not."""
    try:
        client.options(request_timeout=PATIENCE).nodes.info(metric="http")
    except TransportError:
        return False
    return True


def is_unavailable(status: int) -> bool:
    """Whether an answer's status blames the server, not the document."""
    return status in _UNAVAILABLE


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client's errors into the store's."""
    try:
        yield
    except TransportError as error:
        raise StoreUnavailable(f"Elasticsearch: {error.message}") from error
    except ApiError as error:
        if error.status_code == BLOCKED:
            raise StoreBusy(f"Elasticsearch: {reason(error)}") from error
        if is_unavailable(error.status_code):
            raise StoreUnavailable(f"Elasticsearch: {reason(error)}") from error
        if _is_too_complex(error):
            raise BadRequest(f"Elasticsearch cannot search for that: {reason(error)}") from error
        raise StoreError(f"Elasticsearch: {reason(error)}") from error


def _is_too_complex(error: ApiError) -> bool:
    """Whether a search was refused for a pattern that takes too much to prepare. The answer has no code for it."""
    return error.status_code == 400 and any(words in str(error.body) for words in _TOO_COMPLEX)


def reason(error: ApiError) -> str:
    """What the server gave as the cause."""
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("error"), dict):
        causes = body["error"].get("root_cause") or [body["error"]]
        return f"{error.status_code} {causes[0].get('type')}: {causes[0].get('reason')}"
    return f"{error.status_code} {error.message}"
