"""Fills a document store the way the workers do, in one process: split, rebuild, documents, pages, packets."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from documents import build, bulk
from documents.build import Context
from documents.pages import BodyPage
from store.documents import DocumentStore
from store.documents.blobs import stamp
from wire import pcapfile, slices
from wire.events import Communication, TcpSession
from wire.limits import DEFAULT
from wire.rebuild import ChunkRef, Rebuilder

KEY = bytes(16)
POLICY = "default"


@dataclass
class Seeded:
    """What was put in: ids in the order of capture, and the events they come from."""

    capture: str
    first: int
    last: int
    communications: dict[str, Communication] = field(default_factory=dict)

    def ids(self, **wanted: Any) -> list[str]:
        """Ids of communications by method, target or status."""
        found = []
        for id, comm in self.communications.items():
            have = {
                "method": comm.request.method if comm.request else "",
                "target": comm.request.target if comm.request else "",
                "status": comm.response.status if comm.response else 0,
            }
            if all(have[name] == value for name, value in wanted.items()):
                found.append(id)
        return found


def seed(
    store: DocumentStore,
    data: bytes,
    *,
    whisperer: str,
    capture: str,
    day: str,
    partitions: int = 1,
    piece: int = 256 << 10,
    names: dict[str, str] | None = None,
) -> Seeded:
    """Store everything of a capture file, in chunks of about `piece` bytes."""
    context = Context(whisperer, capture, b"k" * 32, instance="node-1", interface="eth0", names=names or {})
    rebuilders = [Rebuilder(capture, DEFAULT) for _ in range(partitions)]
    seeded = Seeded(capture, 0, 0)
    number = 0
    for number, part in enumerate(pcapfile.cut(BytesIO(data), piece)):
        split = slices.split(part.data, partitions, KEY)
        seeded.first, seeded.last = seeded.first or part.first, max(seeded.last, part.last)
        for p, found in enumerate(split.slices):
            if found is None:
                continue
            place = {"partition": p, "chunk": number, "whisperer": whisperer, "capture": capture, "day": day}
            store.write_blobs("packets", [stamp(blob, policy=POLICY, **place) for blob in found.packets_blobs()])
            row = 0
            while row < len(found.row_flow):
                row = rebuilders[p].advance(ChunkRef(number, day), found, row, 2000, 4 << 20)
                _write(store, rebuilders[p].take().events, context, place, seeded)
    for p, rebuilder in enumerate(rebuilders):
        place = {"partition": p, "chunk": number, "whisperer": whisperer, "capture": capture, "day": day}
        closed = False
        while not closed:
            closed = rebuilder.close(1000)
            _write(store, rebuilder.take().events, context, place, seeded)
    for resource in ("packets", "httpbodies", "tcpsessions", "httpcomms"):
        store.refresh(resource)
    return seeded


def _write(
    store: DocumentStore,
    events: Iterable[Communication | TcpSession],
    context: Context,
    place: dict[str, Any],
    seeded: Seeded,
) -> None:
    comms, sessions, pages = [], [], []
    page = BodyPage(place["capture"], place["partition"], place["chunk"])
    for event in events:
        if isinstance(event, TcpSession):
            sessions.append(build.tcpsession(event, context))
            continue
        document = build.httpcomm(event, context)
        seeded.communications[document.id] = event
        comms.append(document)
        message = event.request or event.response
        pages += page.add(build.body_entries(event, context), message.started, message.ended)
    pages += page.flush()
    for resource, documents in (("httpcomms", comms), ("tcpsessions", sessions)):
        if documents:
            result = store.write(resource, bulk.lines(documents))
            assert not result.failed
    store.write_blobs("httpbodies", [stamp(blob, policy=POLICY, **place) for blob in pages])
