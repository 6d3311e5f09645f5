"""What stands behind a communication: its bodies, its TCP session, and the packets themselves, read from blobs.

The bodies of a communication are in the pages of the chunk that completed it: its version says which. Packets are the
records of the session's flow in every chunk from its first to its last, its own time alone, because the same two ports
may have met before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.captures.models import Capture
from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.words import nanoseconds
from documents import pages
from documents.ids import chunk_of
from store.documents import Scope
from wire import blobs, bodies, records
from wire.events import Endpoint
from wire.flows import Flow

#: A body is decoded in memory up to this size while it is shown or sent.
DECODED_LIMIT = 64 << 20
#: A download is for looking at some exchanges: packets of a session are gathered up to this many bytes.
PCAP_LIMIT = 128 << 20


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it was on the wire and with its codings undone. `text` is None where it is not text."""

    raw: bytes
    decoded: bodies.Decoded
    text: str | None


#: Why the parsing configuration left a body out, by `body.leftOut`.
LEFT_OUT = {
    "type": "its content type is not among those that this whisperer keeps",
    "off": "this whisperer saves no bodies",
}


def _gone(message: str) -> ApplicationError:
    return ApplicationError(message, code="not_found", status_code=404)


def session(scope: Scope, id: str) -> dict[str, Any]:
    """A TCP session; ApplicationError 404 when it does not exist or is not the caller's to see."""
    document = document_store().get("tcpsessions", scope, id)
    if document is None:
        raise _gone("The record of this TCP session is not stored: it is written when the connection was read.")
    return document


def body(scope: Scope, comm: dict[str, Any], side: str) -> Body:
    """The body of one side of a communication ("req" or "res"); ApplicationError 404 when there is none to be had."""
    if side not in ("req", "res"):
        raise _gone("A communication has a request (req) and a response (res).")
    about = (comm.get(side) or {}).get("body") or {}
    if not about.get("size"):
        raise _gone("There is no body.")
    if about.get("leftOut") in LEFT_OUT:
        raise _gone(f"The body is not kept: {LEFT_OUT[about['leftOut']]}. Its size and SHA-256 were.")
    entry_id, completed = f"{comm['id']}-{side}", chunk_of(comm["version"])
    for page in _blobs("httpbodies", scope, comm["capture"], completed, completed):
        found = pages.read(page, entry_id)
        if found is not None:
            decoded = bodies.decode(found.data, [found.encoding] if found.encoding else [], DECODED_LIMIT)
            return Body(found.data, decoded, bodies.text(decoded.data, found.content_type))
    raise _gone("The body is not kept: it was not saved, or its retention is over.")


def exchange_range(comm: dict[str, Any]) -> tuple[int, int]:
    """Times of the first and last byte of a communication, in nanoseconds."""
    first = nanoseconds(comm["date"])
    timings = (comm.get("stats") or {}).get("timings") or {}
    length = (comm.get("stats") or {}).get("duration")
    if length is None:
        length = timings.get("send", 0.0)
    # Durations are kept in ms: half a microsecond covers what their rounding may have taken away.
    return first, first + round(length * 1_000_000) + 500


def communication_pcap(scope: Scope, comm: dict[str, Any]) -> bytes:
    """The packets between the first and the last byte of a communication, as a capture file."""
    record = session(scope, comm["tcpSession"])
    first, last = exchange_range(comm)
    return _between(_flow_capture(scope, record), first, last)


def session_pcap(scope: Scope, record: dict[str, Any]) -> bytes:
    """The packets of a TCP session as a capture file; ApplicationError 404 when none is kept."""
    return _between(_flow_capture(scope, record), nanoseconds(record["date"]), nanoseconds(record["lastDate"]))


def flow_key(one: dict[str, Any], two: dict[str, Any]) -> bytes:
    """The key of the flow between the two ends of a stored session."""
    return Flow.between(*(Endpoint(end["ip"], int(end["port"])) for end in (one, two))).key


def _flow_capture(scope: Scope, record: dict[str, Any]) -> bytes:
    """Every kept packet between a session's two ends in its chunks, as one capture file in time order."""
    key = flow_key(record["client"], record["server"])
    found = list(_holding(_blobs("packets", scope, record["capture"], record["chunk"], record["lastChunk"]), key))
    if not found:
        raise _gone("The packets are not kept: they were not saved, or their retention is over.")
    return blobs.capture_file(found, {key})


def _holding(candidates: Iterator[bytes], key: bytes) -> Iterator[bytes]:
    """The blobs with packets of the flow (or with fragments, which have none), up to the limit."""
    left, wanted = PCAP_LIMIT, key.hex()
    for blob in candidates:
        header, _ = blobs.blob_header(blob)
        size = sum(entry[3] for entry in header["flows"] if entry[0] in (wanted, ""))
        if not size:
            continue
        left -= size
        if left < 0:
            message = f"The packets of this session are more than {PCAP_LIMIT >> 20} MB: too many for one download."
            raise ApplicationError(message, code="too_large", status_code=413)
        yield blob


def _blobs(resource: str, scope: Scope, capture: str, first: int, last: int) -> Iterator[bytes]:
    """The blobs of some chunks of a capture, in whichever partition they are."""
    for partition in partitions_of(capture):
        yield from document_store().blobs(resource, scope, capture, partition, first, last)


def partitions_of(capture: str) -> range:
    """The partitions of a capture; of one that has no row any more, as many as there may be."""
    partitions = Capture.objects.filter(pk=capture).values_list("partitions", flat=True).first()
    return range(partitions or settings.PARTITIONS)


def _between(data: bytes, first: int, last: int) -> bytes:
    """The capture file with the records of a stretch of time alone; both ends belong to it."""
    found = records.read(data)
    if found.format != "pcap":
        return data  # several link types in one session: all of it is better than a file put together anew
    header = 24
    inside = (found.ts >= first) & (found.ts <= last)
    starts, ends = (found.offset - 16)[inside].tolist(), (found.offset + found.caplen)[inside].tolist()
    return data[:header] + b"".join(data[a:b] for a, b in zip(starts, ends, strict=True))


def chunk_pages(scope: Scope, capture: str, chunk: int) -> Iterator[bytes]:
    """The pages of bodies of one chunk, for whoever reads many of them."""
    return _blobs("httpbodies", scope, capture, chunk, chunk)
