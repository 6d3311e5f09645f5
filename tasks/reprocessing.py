"""One step of reprocessing: a page of what the query finds, and all of the TCP sessions on it.

A session is read anew as a whole, from all its packets and by the parser and rules of now, and its documents replace
those that are stored: their version carries the step's number, which is above that of every chunk. A first look at the
packets says which sessions can be told as they were; the others are left, each with its reason. Documents are made and
compared some at a time; a batch is counted before it is written, so a step that another worker repeats counts nothing
twice. Bodies move to pages of the step; what the sessions had before and give no more is removed at its end.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson
import structlog
import zstandard

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.httpcomms.cutting import cut_bodies, stretches
from apps.httpcomms.evidence import flow_key
from apps.httpcomms.selectors.export import one_of, parts
from apps.monitoring import reprocessing
from apps.monitoring.models import LeftSession, Reprocessing
from documents import query
from documents.ast import And, Range
from documents.differences import changed_fields
from documents.fields import fields
from documents.ids import VERSION_SHIFT, chunk_of
from store.documents import EVERYTHING, Page
from store.redis import work
from store.redis.connection import Link
from store.redis.outbox import Entry
from tasks import outgoing, stored
from tasks.runtime import CaptureFacts, facts
from wire.events import Communication, TcpSession
from wire.flows import Flow, partition_of_flow

log = structlog.get_logger(__name__)

#: What a step must see as it was stored before it.
READ = ("httpcomms", "tcpsessions", "packets", "httpbodies")
#: Documents on a page: some seconds of work at most, and what a second try of a step repeats.
PAGE = 200
#: Payload of the sessions that are read at once: each may hold what it has of two bodies.
GROUP_BYTES = 128 << 20
#: How often a step says that it goes on, far within its lease; how long it waits for the pollers.
RENEW_SECONDS, SETTLE_SECONDS = 10.0, 5.0
Reason = LeftSession.Reason


@dataclass(frozen=True, slots=True)
class Session:
    """A closed TCP session as it is stored: where its packets are, and how it came to its end."""

    id: str
    capture: str
    flow: Flow
    chunks: tuple[int, int]
    packets: int
    bytes: int
    end: str

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Session":
        """From its document."""
        client, server = record["client"], record["server"]
        return cls(
            id=record["id"],
            capture=record["capture"],
            flow=Flow(flow_key(client, server)),
            chunks=(record["chunk"], record["lastChunk"]),
            packets=client["packets"] + server["packets"],
            bytes=client["bytes"] + server["bytes"],
            end=record["end"],
        )


class Step:
    """A worker's step of a run, which it has taken."""

    def __init__(self, run: Reprocessing) -> None:
        self._run, self._first = run, run.first_step
        self._scope = frozenset([str(run.whisperer_id)])
        self._order = self._part = 0
        self._renewed = time.monotonic()
        self._done: dict[str, list[str]] = defaultdict(list)  # capture → sessions that were read anew
        self._refused: set[str] = set()  # sessions of documents that the store refused: what they had stays

    def page(self) -> Page:
        """The documents that the step is about, in an order that writing them again does not change."""
        run = self._run
        for resource in READ:
            document_store().refresh(resource)
        return document_store().search(
            run.resource, self._scope, query.parse(run.query, run.resource) if run.query else None,
            since=run.since, until=run.until, sort="date", size=PAGE, after=run.after or None,
        )  # fmt: skip

    def work(self, page: Page) -> bool:
        """Read the page's sessions anew; False when the run was cancelled on the way. Raises NotOursError."""
        sessions = self._sessions(page)
        if self._run.takes > reprocessing.TAKES:
            self._leave(sessions, Reason.DIED)
            return True
        goes_on = True
        for (capture, p), group in _groups(sessions):
            goes_on = reprocessing.step_renew(self._run)
            if not goes_on:
                break
            self._group(facts(capture), p, group)
        self._remove()
        return goes_on

    def _sessions(self, page: Page) -> list[Session]:
        """The page's sessions that this run has not read yet and can read; those it cannot are left."""
        wanted = {hit.get("tcpSession") or hit["id"] for hit in page.hits}
        wanted -= set(self._run.left.filter(session__in=wanted).values_list("session", flat=True))
        records = {record["id"]: record for record in _with_ids("tcpsessions", sorted(wanted))}
        self._leave_ids(wanted - set(records), Reason.RECORD)
        records = {id: record for id, record in records.items() if not self._is_done(record)}
        days = {(part.day, part.policy) for part in document_store().days("tcpsessions")}
        over = {id for id in records if tuple(id.split("-")[:2]) not in days}
        self._leave_ids(over, Reason.PINNED)
        for id in over:
            del records[id]
        self._leave_ids((id for id, one in records.items() if one["state"] != "closed"), Reason.OPEN)
        found = [Session.of(one) for one in records.values() if one["state"] == "closed"]
        known = set(Capture.objects.filter(pk__in={one.capture for one in found}).values_list("pk", flat=True))
        self._leave((one for one in found if one.capture not in known), Reason.CAPTURE)
        return [one for one in found if one.capture in known]

    def _is_done(self, record: dict[str, Any]) -> bool:
        """Whether an earlier step of the run, or of a later run, has written it."""
        return chunk_of(record["version"]) >= self._first and not self._is_ours(record)

    def _is_ours(self, document: dict[str, Any]) -> bool:
        """Whether this step has written it, before the worker that had it died."""
        return chunk_of(document["version"]) == self._run.step

    def _group(self, capture: CaptureFacts, p: int, group: list[Session]) -> None:
        """Sessions of one partition, all of them or, where the parser fails, one after the other."""
        try:
            whole = self._whole(capture, p, group)
            self._leave((one for one in group if one not in whole), Reason.PACKETS)
            if whole:
                self._remake(capture, p, whole)
                self._done[capture.id] += [one.id for one in whole]
        except reprocessing.NotOursError:
            raise
        except Exception as error:
            if outgoing.is_infrastructure(error):
                raise
            if len(group) > 1:
                for one in group:
                    self._group(capture, p, [one])
                return
            log.exception("reprocessing.failed", session=group[0].id)
            self._leave(group, Reason.FAILED)

    def _whole(self, capture: CaptureFacts, p: int, group: list[Session]) -> list[Session]:
        """Those that the stored packets tell as they were: the same session, of as many packets. Something that was
        set aside, a day that was dropped, or packets not saved make another."""
        packets = {
            event.session.id: event.client.packets + event.server.packets
            for _, events in self._events(capture, p, group)
            for event in events
            if isinstance(event, TcpSession) and event.end
        }
        return [one for one in group if packets.get(_key(one.id)) == one.packets]

    def _remake(self, capture: CaptureFacts, p: int, group: list[Session]) -> None:
        wanted = {_key(one.id) for one in group}
        for day, events in self._events(capture, p, group):
            made = [event for event in events if event.session.id in wanted and _is_last(event)]
            for event in made:
                event.version = (self._run.step << VERSION_SHIFT) + self._order
                self._order += 1
            # Bodies before the documents that lead to them.
            for entry in sorted(outgoing.entries(made, capture, p, day), key=lambda one: one.resource != "httpbodies"):
                self._write(capture.id, entry)

    def _events(self, capture: CaptureFacts, p: int, group: list[Session]) -> Iterator[tuple[str, stored.Events]]:
        latest = {one.flow.key: one.end for one in sorted(group, key=lambda one: one.chunks)}
        return stored.events(capture, p, list(stretches((one.chunks for one in group), gap=1)), latest, self._alive)

    def _alive(self) -> None:
        """Now and then say that the step goes on, cancelled or not: the sessions at hand are finished."""
        now = time.monotonic()
        if now > self._renewed + RENEW_SECONDS:
            reprocessing.step_renew(self._run)
            self._renewed = now

    def _write(self, capture: str, entry: Entry) -> None:
        """Count what a batch of documents changes, then write it."""
        if entry.resource == "httpbodies":
            document_store().write_blobs(entry.resource, [entry.payload])
            return
        payload = zstandard.decompress(entry.payload)
        documents = [orjson.loads(line) for line in payload.splitlines()[1::2]]
        known = {one["id"]: one for one in _with_ids(entry.resource, [one["id"] for one in documents])}
        ours = {id for id, one in known.items() if self._is_ours(one)}  # counted when they were written
        counts, names = _compared(entry.resource, known, [one for one in documents if one["id"] not in ours])
        self._count(counts, names, capture, {entry.resource: counts["added"]})
        failed = document_store().write(entry.resource, payload).failed
        if failed:
            log.warning("reprocessing.refused", run=str(self._run.pk), documents=len(failed), reason=failed[0].reason)
            self._count(Counter(refused=len(failed)), Counter(), capture, {})
        if entry.resource == "httpcomms":
            refused = {one.id for one in failed}
            self._refused |= {id.rpartition("-")[0] for id in refused}
            # What masking of now leaves out must not stay on their old pages.
            cut_bodies(self._scope, [old for id, old in known.items() if id not in ours | refused])

    def _remove(self) -> None:
        """Communications that the sessions had, and give no more."""
        if not self._done:
            return
        document_store().refresh("httpcomms")
        older = Range(fields("httpcomms")["version"], None, None, self._run.step << VERSION_SHIFT, True, False)
        for capture, ids in self._done.items():
            sessions = [id for id in ids if id not in self._refused]
            if not sessions:
                continue
            gone = And((one_of(sessions, "tcpSession"), older))
            count = document_store().count("httpcomms", self._scope, gone)
            self._count(Counter(removed=count), Counter(), capture, {"httpcomms": -count})
            if count:
                for hits in document_store().scan("httpcomms", self._scope, gone):
                    cut_bodies(self._scope, hits)
                sum(document_store().purge("httpcomms", self._scope, gone))

    def _count(self, counts: Counter[str], names: Counter[str], capture: str, more: dict[str, int]) -> None:
        reprocessing.part_count(self._run, self._part, counts, names, capture, more)
        self._part += 1

    def _leave(self, sessions: Iterable[Session], reason: Reason) -> None:
        self._leave_ids((one.id for one in sessions), reason)

    def _leave_ids(self, ids: Iterable[str], reason: Reason) -> None:
        reprocessing.sessions_leave(self._run, ids, reason)


def is_settled(link: Link, since: int) -> bool:
    """Wait until all that was handed to the pollers before `since` (the server's milliseconds) is stored, so that none
    of it comes after us; False when that takes long."""
    until = time.monotonic() + SETTLE_SECONDS
    while work.outbox_reached(link) < since:
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _groups(sessions: list[Session]) -> Iterator[tuple[tuple[str, int], list[Session]]]:
    """By capture and partition, and so many at a time that memory holds what they have open."""
    placed = []
    for one in sessions:
        capture = facts(one.capture)
        placed.append((capture.id, partition_of_flow(one.flow, capture.key, capture.partitions), one))
    placed.sort(key=lambda place: (place[0], place[1], place[2].chunks, place[2].id))
    for key, group in groupby(placed, key=lambda place: (place[0], place[1])):
        found: list[Session] = []
        size = 0
        for _, _, one in group:
            if found and size + one.bytes > GROUP_BYTES:
                yield key, found
                found, size = [], 0
            found.append(one)
            size += one.bytes
        yield key, found


def _is_last(event: Communication | TcpSession) -> bool:
    """Whether it is no first version, which another follows."""
    return bool(event.end) if isinstance(event, TcpSession) else event.final


def _key(session: str) -> str:
    """What parsers call a session, of its document's id."""
    return session.rsplit("-", 1)[1]


def _compared(
    resource: str, known: dict[str, dict[str, Any]], documents: list[dict[str, Any]]
) -> tuple[Counter[str], Counter[str]]:
    """What becomes of the documents that are stored, and in which fields of communications they differ."""
    if resource == "tcpsessions":
        return Counter(sessions=len(documents)), Counter()
    counts, names = Counter[str](), Counter[str]()
    for document in documents:
        old = known.get(document["id"])
        different = changed_fields(resource, old, document) if old is not None else []
        names.update(different)
        counts["added" if old is None else "changed" if different else "same"] += 1
    return counts, names


def _with_ids(resource: str, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The documents with these ids."""
    for some in parts(ids):
        yield from document_store().search(resource, EVERYTHING, one_of(some, resource=resource), size=len(some)).hits
