"""Sessions read anew from stored packets: the chunks of some flows go through the parsers once more, in their order.

Memory holds the sessions asked for and one chunk of their packets; what the parsers give is handed on as it comes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from apps.core.servers import document_store
from store.documents import EVERYTHING
from store.documents.blobs import header
from tasks.runtime import CaptureFacts
from wire import slices
from wire.blobs import capture_file
from wire.events import Communication, TcpSession
from wire.fragments import Reassembler
from wire.rebuild import ChunkRef, Rebuilder
from wire.slices import Slice, merge_fragments

#: Bytes of messages between two takes of events.
STEP_BYTES = 16 << 20
#: Sessions closed between two takes.
CLOSE_SESSIONS = 1_000

Events = list[Communication | TcpSession]


def events(
    capture: CaptureFacts, p: int, chunks: Sequence[tuple[int, int]], ends: Mapping[bytes, str],
    alive: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, Events]]:  # fmt: skip
    """What the flows of `ends` give, in partition `p`, over ranges of chunks (first and last, in order), some at a time
    with the day their pages belong to. `ends` says how a session ends that is open behind its last packet; `alive` is
    called between chunks, for a caller that must not be silent for long."""
    limits = capture.context.limits
    rebuilder, fragments = Rebuilder(capture.id, limits), Reassembler(limits)
    day = ""
    for number, blobs in _by_chunk(capture.id, p, chunks):
        alive()
        day = str(header(blobs[0])["day"])
        part = slices.split(capture_file(blobs, ends), capture.partitions, capture.key).slices[p]
        if part is not None:
            part = merge_fragments(part, fragments) if part.fragments else part
            yield from ((day, found) for found in advance(rebuilder, ChunkRef(number, day), part))
    yield from ((day, found) for found in close(rebuilder, ends))


def _by_chunk(capture: str, p: int, chunks: Sequence[tuple[int, int]]) -> Iterator[tuple[int, list[bytes]]]:
    for first, last in chunks:
        found = document_store().blobs("packets", EVERYTHING, capture, p, first, last)
        for number, blobs in groupby(found, lambda blob: int(header(blob)["chunk"])):
            yield number, list(blobs)


def advance(
    rebuilder: Rebuilder, chunk: ChunkRef, part: Slice, row: int = 0, end: int | None = None
) -> Iterator[Events]:
    """What the rows [row, end) of a slice give."""
    end = part.rows if end is None else min(end, part.rows)
    while row < end:
        row = rebuilder.advance(chunk, part, row, end - row, STEP_BYTES)
        yield rebuilder.take(states=False).events


def close(rebuilder: Rebuilder, ends: Mapping[bytes, str]) -> Iterator[Events]:
    """What the sessions that are open still give at their end."""
    closed = False
    while not closed:
        closed = rebuilder.close(CLOSE_SESSIONS, ends)
        yield rebuilder.take(states=False).events
