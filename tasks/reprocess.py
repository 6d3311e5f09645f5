"""Queue `reprocess`: the one second try of what was put aside, ten minutes later, from the stored packets.

Chunks and rows start with fresh sessions: what the rest of a session had told is gone, and the record says so. A
session that could not be closed is read anew from its first packet, and what its end would have written is. Documents
go straight to the document store, under ids and versions that the same try would give again. If it fails again, the
error is definite and stays visible with its reason.

The same queue has the steps of what people ask to be reprocessed (`tasks.reprocessing`).
"""

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from uuid import UUID

import structlog
import zstandard
from celery import shared_task

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.monitoring import reprocessing
from apps.monitoring.models import Reprocessing
from documents import query
from documents.ids import VERSION_SHIFT
from store.documents import EVERYTHING, aside
from store.documents.blobs import header
from store.redis import work
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.work import SecondTry
from tasks import outgoing, rules, stored
from tasks.reprocessing import Step, is_settled
from tasks.runtime import CaptureFacts, facts, new_token, work_link
from tasks.split import packet_entries, plain
from wire import slices
from wire.blobs import capture_file
from wire.flows import Flow
from wire.fragments import Reassembler
from wire.rebuild import ChunkRef, Rebuilder
from wire.slices import Slice, merge_fragments

log = structlog.get_logger(__name__)

KEPT, GONE = "repaired", "definite"


@shared_task(name="tasks.reprocess.second_try")
def second_try(text: str) -> None:
    """Try once more what `text` (an item of the due set) names."""
    item, token = SecondTry.read(text), new_token()
    with work_link() as link:
        if not work.handed_over(link, item):
            return  # it comes again
        mode = outgoing.ask_again(lambda: work.take_due(link, item, token))
        if mode not in ("run", "poison"):
            return
        try:
            known = facts(item.capture)
            state, reason = attempt(known, item) if mode == "run" else (GONE, "workerDied")
            note(known, item, state, reason)
        except Capture.DoesNotExist:
            log.info("reprocess.deleted", capture=item.capture, chunk=item.chunk)
        except Exception:  # our servers failed: the packets are not to blame
            work.release_due(link, item, token)
            raise
        work.done_due(link, item, token)


@shared_task(name="tasks.reprocess.step")
def step(id: str) -> None:
    """A page of a run that a person asked for, and word of the next."""
    run = reprocessing.step_take(UUID(id))
    if run is None:
        return
    rules.look_again(str(run.whisperer_id))
    try:
        with work_link() as link:
            more = _page(run, link)
    except reprocessing.NotOursError:
        log.warning("reprocessing.late", id=id)
        return
    except Exception as error:
        if outgoing.is_infrastructure(error):
            reprocessing.step_release(run)
        raise
    if more:
        reprocessing.hint(run.pk)


def _page(run: Reprocessing, link: Link) -> bool:
    """Whether there is another page."""
    asked, mine = link.now(), Step(run)
    page = mine.page()
    if not is_settled(link, asked) or not mine.work(page):
        reprocessing.step_release(run)
        return False
    return reprocessing.step_end(run, len(page.hits), page.after)


def attempt(capture: CaptureFacts, item: SecondTry) -> tuple[str, str]:
    """Parse the stored packets of an item and store what they give; returns the new state and its reason."""
    try:
        found = list(entries(capture, item))
    except Exception as error:
        if outgoing.is_infrastructure(error):
            raise
        log.exception("reprocess.failed", capture=item.capture, chunk=item.chunk)
        return GONE, type(error).__name__
    if not found:
        return GONE, "notKept"
    refused = sum(save(entry) for entry in found)
    if refused:
        return GONE, "refusedByStore"
    return KEPT, "sessionKept" if item.flow else "sessionStartNotKept"


def entries(capture: CaptureFacts, item: SecondTry) -> Iterator[Entry]:
    """Outbox entries of an item's packets; none when they are not kept."""
    if item.p is None:
        yield from _chunk(capture, item)
    elif item.flow:
        yield from _session(capture, item)
    else:
        yield from _rows(capture, item)


def _blobs(item: SecondTry, partition: int) -> list[bytes]:
    return list(document_store().blobs("packets", EVERYTHING, item.capture, partition, item.chunk, item.chunk))


def _content(blob: bytes) -> bytes:
    return zstandard.decompress(blob[4 + int.from_bytes(blob[:4], "big") :])


def _chunk(capture: CaptureFacts, item: SecondTry) -> Iterator[Entry]:
    for blob in _blobs(item, -1):
        day = str(header(blob)["day"])
        found = slices.split(plain(_content(blob)), capture.partitions, capture.key)
        yield from packet_entries(capture, item.chunk, day, found)
        for part in found.slices:
            if part is not None:
                yield from _rebuilt(capture, ChunkRef(item.chunk, day), part, 0, None)


def _rows(capture: CaptureFacts, item: SecondTry) -> Iterator[Entry]:
    p = item.p or 0
    blobs = _blobs(item, p)
    if blobs:
        part = slices.split(capture_file(blobs, None), capture.partitions, capture.key).slices[p]
    else:  # packets are not saved: its slice was kept with the record
        blobs = _blobs(item, outgoing.slice_place(p))
        part = Slice.from_bytes(_content(blobs[0])) if blobs else None
    if part is not None:
        day = str(header(blobs[0])["day"])
        yield from _rebuilt(capture, ChunkRef(item.chunk, day), part, item.first, item.end)


def _session(capture: CaptureFacts, item: SecondTry) -> Iterator[Entry]:
    """What the end of a session would have written, from all its packets; nothing when its first are not kept.

    What it wrote before its end is stored. The rest goes under the number of the end marker: above every version of the
    capture, so that it replaces what was waiting, and a chunk whose pages nobody else writes.
    """
    record = _open_record(item)
    if record is None:
        return
    p, chunks = item.p or 0, [(record["chunk"], item.chunk)]
    (day, found), *_ = deque(stored.events(capture, p, chunks, {item.flow: "end"}), maxlen=1)  # its end comes last
    events = [event for event in found if record["id"].endswith(event.session.id)]
    for order, event in enumerate(events):
        event.version = (item.chunk << VERSION_SHIFT) + order
    yield from outgoing.entries(events, capture, p, day)


def _open_record(item: SecondTry) -> dict[str, Any] | None:
    """The stored record of the flow's session that is open still."""
    flow = Flow(item.flow)
    ways = [
        f'(client.ip:"{one.ip}" AND client.port:{one.port} AND server.ip:"{other.ip}" AND server.port:{other.port})'
        for one, other in ((flow.a, flow.b), (flow.b, flow.a))
    ]
    wanted = query.parse(f'capture:"{item.capture}" AND state:open AND ({" OR ".join(ways)})', "tcpsessions")
    hits = document_store().search("tcpsessions", EVERYTHING, wanted, sort="-date", size=1).hits
    return hits[0] if hits else None


def _rebuilt(capture: CaptureFacts, chunk: ChunkRef, part: Slice, row: int, end: int | None) -> Iterator[Entry]:
    """Documents of the rows [row, end) of a slice, all its sessions begun anew and ended behind the last row."""
    limits = capture.context.limits
    part = merge_fragments(part, Reassembler(limits)) if part.fragments else part
    rebuilder = Rebuilder(capture.id, limits)
    for events in chain(stored.advance(rebuilder, chunk, part, row, end), stored.close(rebuilder, {})):
        yield from outgoing.entries(events, capture, part.partition, chunk.day)


def save(entry: Entry) -> int:
    """Store one entry now; how many documents the store refused."""
    if entry.resource in ("packets", "httpbodies"):
        return len(document_store().write_blobs(entry.resource, [entry.payload]).failed)
    return len(document_store().write(entry.resource, zstandard.decompress(entry.payload)).failed)


def note(capture: CaptureFacts, item: SecondTry, state: str, reason: str) -> None:
    """The next version of the record that was made when it was put aside: what became of it, why, and when."""
    now = datetime.now(UTC)
    # Where the day of the record is over, what is known is told.
    known = {
        "id": item.record,
        "kind": "quarantine",
        "item": item.text(),
        "whisperer": capture.context.whisperer,
        "capture": item.capture,
        "chunk": item.chunk,
        "date": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        "what": "session" if item.flow else "chunk" if item.p is None else "rows",
    }
    outcome = {"state": state, "outcome": reason, "tried": now}
    aside.change(document_store(), item.record, capture.policy, lambda newest: (newest or known) | outcome)
