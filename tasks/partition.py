"""Advancing one partition under its lease: read a slice, rebuild, parse, commit, until a second is over.

Each commit moves the cursor, saves the sessions and appends the documents in one step. Rows are worked on many at a
time; when a worker died here before, or when something raises (mode "careful"), one by one, so that the row at fault
is known and put aside alone; at the end marker it is the same with sessions. Sessions stay in memory between commits,
and between drains of the same process as long as nobody else committed in between.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog
from django.conf import settings

from apps.captures.models import capture_saw
from store.redis import chunks, partitions
from store.redis.chunks import Record
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.partitions import Committed, Lease, Refused, Step
from tasks import kept, outgoing, split
from tasks.runtime import CaptureFacts
from wire import slices
from wire.fragments import Reassembler
from wire.rebuild import Changes, ChunkRef, Rebuilder
from wire.slices import Slice, Split, merge_fragments

log = structlog.get_logger(__name__)

#: How long one drain works before others get their turn.
WORK_SECONDS = 1.0
#: Bounds of one commit: what a single script call may take (it blocks the server while it runs).
COMMIT_ROWS = 1_000
COMMIT_BYTES = 4 << 20  # of messages; their documents compress to less than the 2 MB of a commit
CLOSE_SESSIONS = 500
#: Sessions closed at once while their unfinished bodies are many bytes: each may have two of 8 MB.
CLOSE_BIG_SESSIONS = 4
#: Chunks between two looks at all sessions of a partition that gets work: idle ones end, closed ones are forgotten.
SWEEP_EVERY = 32


class StaleError(Exception):
    """Somebody else owns the partition now: what we computed is theirs to compute again."""


class Drain:
    """One worker's turn at one partition."""

    def __init__(self, link: Link, capture: CaptureFacts, lease: Lease) -> None:
        self._link, self._capture, self._lease = link, capture, lease
        known = kept.recall(lease, link)
        self._bodies = known.bodies if known is not None else kept.Bodies(link, lease.capture, lease.p)
        self._rebuilder = known.rebuilder if known is not None else self._new_rebuilder()
        if self._rebuilder.limits.body_bytes > capture.context.limits.body_bytes:  # the rules have changed
            self._rebuilder.bound_bodies(capture.context.limits.body_bytes)
        self._slice: tuple[int, Slice] | None = None
        self._fragments: Reassembler | None = None  # as it will be once the slice is done
        self._fragments_before = 0  # those that waited before the slice
        self._to_close: list[bytes] | None = None  # flows that are open at the end marker, in key order
        self._close_at_once = CLOSE_SESSIONS
        self._committed = False
        self.ended = False  # whether the partition passed the end marker

    @property
    def chunk(self) -> int:
        """The chunk at the cursor."""
        return self._lease.chunk

    @property
    def waits_for_split(self) -> bool:
        """Whether the chunk at the cursor is here, and not split."""
        return self._lease.current is not None and not self._lease.ready

    def run(self, *, quiet_at: int = 0) -> bool:
        """Work until there is nothing, or a second is over; True when there is more.

        `quiet_at`: nothing is to be expected before this capture time, so what waits may be shown as waiting.
        """
        until = time.monotonic() + WORK_SECONDS
        try:
            if self._lease.mode == "poison":
                self._quarantine("workerDied")
            elif quiet_at and not self._lease.records:
                self._sweep(quiet_at)
            else:
                while self._lease.ready and time.monotonic() < until:
                    self._advance()
        except StaleError:
            return False
        except Exception:
            # Our own servers failed, or a bug of ours: the packets at the cursor are not to blame.
            partitions.release(self._link, self._lease, counted=False)
            raise
        if not self.ended:
            kept.keep(self._lease, self._rebuilder, self._bodies)
        # A take is counted until a commit; one that found nothing to commit ended well too.
        return outgoing.ask_again(lambda: partitions.release(self._link, self._lease, counted=self._committed))

    def _advance(self) -> None:
        record = self._lease.current
        if record is None:
            return
        if record.status in ("h", "q"):
            self._pass(record)
        elif record.status == "e":
            self._close(record)
        else:
            self._rows(record)

    def _pass(self, record: Record) -> None:
        """A hole or a chunk put aside: its bytes will show as gaps, there is nothing to read."""
        self._commit(Step(record.number + 1, 0))

    def _rows(self, record: Record) -> None:
        """Some rows of the slice at the cursor: all that fit one commit, or one where something is wrong."""
        if record.status == "a":
            self._whole(record)
            return
        part = self._read(record)
        if part is None:
            self._pass(record)
            return
        careful = self._lease.mode == "careful"
        try:
            self._step(record, part, 1 if careful else COMMIT_ROWS)
        except Exception as error:
            if _is_ours(error):
                raise
            self._failed(record, error, careful, split.row_packets(part))

    def _failed(self, record: Record, error: Exception, careful: bool, row_packets: Sequence[int] | None) -> None:
        """Something raised. Alone at the cursor it is put aside; else it is found by going on one by one."""
        what = {"capture": self._capture.id, "p": self._lease.p, "chunk": record.number, "row": self._lease.row}
        if careful:
            log.error("row.failed", exc_info=error, **what)
            self._quarantine(type(error).__name__, row_packets)
            return
        log.warning("rows.failed", error=type(error).__name__, **what)
        self._rebuilder, self._slice, self._to_close = self._new_rebuilder(), None, None
        self._lease = replace(self._lease, mode="careful")
        if self._lease.chunk == record.number:
            self._advance()

    def _step(self, record: Record, part: Slice, rows: int) -> None:
        first = self._lease.row
        self._load(part, first, min(first + rows, part.rows))
        row = self._rebuilder.advance(reference(record), part, first, rows, COMMIT_BYTES) if part.rows else 0
        changes = self._rebuilder.take()
        if row < part.rows:
            self._save(record, record.number, row, changes)
            return
        self._count_fragments(changes)
        self._save(record, record.number + 1, 0, changes)
        self._tidy(record)

    def _tidy(self, record: Record) -> None:
        """Behind a chunk: memory is looked at, and now and then all sessions, for those that are long silent."""
        self._stay_in_memory()
        if record.number % SWEEP_EVERY == SWEEP_EVERY - 1:
            self._sweep(self._rebuilder.now)

    def _stay_in_memory(self) -> None:
        """When all open sessions together are more than planned for, keep less of bodies and end the idlest ones."""
        limits, over = self._capture.context.limits, self._lease.state_bytes > settings.STATE_LIMIT
        wanted = min(limits.relief_body_bytes, limits.body_bytes) if over else limits.body_bytes
        if self._rebuilder.limits.body_bytes != wanted:
            self._rebuilder.bound_bodies(wanted)
        if over:
            log.warning("state.over", capture=self._capture.id, p=self._lease.p, bytes=self._lease.state_bytes)
            self._each_session(self._rebuilder.relieve)

    def _whole(self, record: Record) -> None:
        """A chunk of a capture with one partition: split and drained at once when it fits a commit."""
        raw = chunks.raw(self._link, self._capture.id, record)
        if raw is None:
            raise StaleError
        try:
            found = slices.split(split.plain(raw), 1, self._capture.key)
        except Exception as error:
            if _is_ours(error):
                raise
            log.exception("chunk.failed", capture=self._capture.id, chunk=record.number)
            self._quarantine(type(error).__name__)
            return
        part = found.slices[0]
        if self._lease.mode == "run" and (part is None or _fits(part)):
            try:
                self._at_once(record, found, part)
                return
            except Exception as error:
                if _is_ours(error):
                    raise
                log.warning("rows.failed", error=type(error).__name__, capture=self._capture.id, chunk=record.number)
                self._rebuilder = self._new_rebuilder()
        # Rows of a raw chunk are never half committed: it becomes a slice first.
        split.record(self._link, self._capture, record, found)
        token = self._lease.token
        again = outgoing.ask_again(lambda: partitions.take_lease(self._link, self._capture.id, self._lease.p, token))
        if isinstance(again, Refused):
            raise StaleError
        self._lease = again

    def _at_once(self, record: Record, found: Split, part: Slice | None) -> None:
        chunk = reference(record)
        entries = split.packet_entries(self._capture, chunk.number, chunk.day, found)
        changes = Changes()
        if part is not None:
            part = self._with_fragments(part)
            self._load(part, 0, part.rows)
            row = 0
            while row < part.rows:
                row = self._rebuilder.advance(chunk, part, row, part.rows, COMMIT_BYTES * 4)
            changes = self._rebuilder.take()
            self._count_fragments(changes)
        for name, count in split.counters(record, found).items():
            changes.counters[name] = changes.counters.get(name, 0) + count
        if found.first:
            capture_saw(self._capture.id, found.first, found.last)
        self._save(record, record.number + 1, 0, changes, entries)
        self._tidy(record)

    def _with_fragments(self, part: Slice) -> Slice:
        """The slice with the datagrams its IP fragments complete; what still waits is saved when the slice is done."""
        self._fragments = None
        if not part.fragments:
            return part
        states = partitions.load_states(self._link, self._capture.id, self._lease.p, [partitions.EXTRA])
        self._fragments = Reassembler.load(states.get(partitions.EXTRA, b""), self._capture.context.limits)
        self._fragments_before = self._fragments.fragments
        return merge_fragments(part, self._fragments)

    def _count_fragments(self, changes: Changes) -> None:
        if self._fragments is None:
            return
        changes.changed[partitions.EXTRA] = self._fragments.dump()
        if self._lease.p == 0:  # every partition sees all fragments, one counts them
            outgoing.count_fragments(self._fragments, self._fragments_before, changes.counters)
        self._fragments = None

    def _load(self, part: Slice, first: int, last: int) -> None:
        needed = self._rebuilder.flows_needed(part, first, last)
        if needed:
            states = partitions.load_states(self._link, self._capture.id, self._lease.p, needed)
            self._rebuilder.load(states)

    def _read(self, record: Record) -> Slice | None:
        if self._slice is None or self._slice[0] != record.number:
            packed = partitions.read_slice(self._link, self._lease)
            if packed is None:
                return None
            self._slice = (record.number, self._with_fragments(Slice.from_bytes(packed.data)))
        return self._slice[1]

    def _close(self, record: Record) -> None:
        """The end marker: sessions are closed in key order, some with each commit; then the partition is through."""
        link, capture, p = self._link, self._capture.id, self._lease.p
        if self._to_close is None:
            self._to_close = partitions.flows(link, capture, p)
            self._close_at_once = (
                CLOSE_SESSIONS if partitions.body_bytes(link, capture, p) <= COMMIT_BYTES else CLOSE_BIG_SESSIONS
            )
        if not self._to_close:
            self._commit(Step(record.number + 1, 0, counters=self._fragments_left()))
            self.ended = True
            return
        careful = self._lease.mode == "careful"
        number = 1 if careful else self._close_at_once
        try:
            self._close_sessions(record, self._to_close[:number])
            del self._to_close[:number]
        except Exception as error:
            if _is_ours(error):
                raise
            self._failed(record, error, careful, None)

    def _close_sessions(self, record: Record, flows: Sequence[bytes]) -> None:
        self._rebuilder = self._new_rebuilder()
        self._rebuilder.load(partitions.load_states(self._link, self._capture.id, self._lease.p, flows))
        while not self._rebuilder.close(CLOSE_SESSIONS):
            pass
        self._save(record, record.number, 0, self._rebuilder.take())

    def _fragments_left(self) -> dict[str, int]:
        """Fragments of datagrams that were never completed, counted once."""
        counters: dict[str, int] = {}
        if self._lease.p == 0:
            states = partitions.load_states(self._link, self._capture.id, 0, [partitions.EXTRA])
            fragments = Reassembler.load(states.get(partitions.EXTRA, b""), self._capture.context.limits)
            before = fragments.fragments
            fragments.close()
            outgoing.count_fragments(fragments, before, counters)
        return counters

    def _sweep(self, now: int) -> None:
        """First versions for requests that wait, an end for sessions that are idle at `now` (capture time)."""
        self._each_session(lambda: self._rebuilder.sweep(now))

    def _each_session(self, look: Callable[[], None]) -> None:
        """Bring the partition's sessions into memory, some at a time, look at them, and save what changed."""
        record = self._lease.current
        for states in partitions.scan_states(self._link, self._capture.id, self._lease.p):
            needed = {flow: state for flow, state in states.items() if not self._rebuilder.knows(flow)}
            self._rebuilder.load(needed)
            look()
            changes = self._rebuilder.take()
            if changes.events or changes.changed or changes.removed:
                self._save(record, self._lease.chunk, self._lease.row, changes)

    def _save(self, record: Record | None, chunk: int, row: int, changes: Changes, more: Sequence[Entry] = ()) -> None:
        """Turn events into documents and commit them with the sessions they came from."""
        day = outgoing.accepted_day(record.accepted if record else self._link.now())
        self._commit(
            Step(
                chunk,
                row,
                changed=changes.changed,
                removed=changes.removed,
                bodies=changes.bodies,
                dropped_bodies=changes.dropped_bodies,
                entries=[*more, *outgoing.entries(changes.events, self._capture, self._lease.p, day)],
                counters=changes.counters,
            )
        )

    def _commit(self, step: Step) -> None:
        done = outgoing.ask_again(lambda: partitions.commit(self._link, self._lease, step))
        self._follow(done)

    def _follow(self, done: Committed) -> None:
        if done.word == "stale":
            raise StaleError
        self._lease, self._committed = done.lease, True

    def _quarantine(self, reason: str, row_packets: Sequence[int] | None = None) -> None:
        """Put aside what is at the cursor: it is tried once more in ten minutes, and the rest goes on."""
        lease, link = self._lease, self._link
        what = partitions.to_quarantine(link, lease, row_packets)
        rows = None
        if what.kind == "rows" and not self._capture.context.rules.save_packets:
            packed = partitions.read_slice(link, lease)
            rows = packed and packed.data
        entries = outgoing.quarantined(self._capture, lease, what, reason, self._raw(), rows)
        self._rebuilder, self._to_close = self._new_rebuilder(), None
        self._follow(outgoing.ask_again(lambda: partitions.quarantine(link, lease, what, entries)))

    def _raw(self) -> bytes | None:
        record = self._lease.current
        if record is None or record.status != "a":
            return None
        return chunks.raw(self._link, self._capture.id, record)

    def _new_rebuilder(self) -> Rebuilder:
        return Rebuilder(self._capture.id, self._capture.context.limits, self._bodies)


def reference(record: Record) -> ChunkRef:
    """A chunk as the parsers know it: its number and the day it was accepted, which is part of documents' ids."""
    return ChunkRef(record.number, outgoing.accepted_day(record.accepted))


def _fits(part: Slice) -> bool:
    return part.rows <= COMMIT_ROWS and len(part.data) <= COMMIT_BYTES


def _is_ours(error: Exception) -> bool:
    """Whether the packets are not to blame: the partition is somebody else's, or our servers failed."""
    return isinstance(error, StaleError) or outgoing.is_infrastructure(error)
