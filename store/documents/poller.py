"""Move the outbox to the document store: claim, make sure it is on disk, write in bulk, confirm.

A poller takes what it had claimed before, then new entries, then those of pollers that died. Several entries become one
write. An entry is confirmed when every document of it is stored, or kept with the reason why the store refused it; one
that was not confirmed comes again, and writing it again changes nothing. While the store's breaker is open the poller
claims nothing and waits: polling repeats by nature, so nothing else does. Any number of pollers may run, in threads or
processes, each under a name of its own.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog
import zstandard
from redis.exceptions import RedisError

from store.breakers import Breaker
from store.documents import payload, rejected
from store.documents.base import DocumentStore, StoreAway, StoreError, StoreUnavailable, WriteResult
from store.documents.names import BLOB_RESOURCES
from store.documents.rejected import Refusal
from store.redis import outbox
from store.redis.connection import GROUP, Link, Store
from store.redis.keys import RESOURCES
from store.redis.outbox import Claimed

log = structlog.get_logger()

#: A poller looks several times a second; one that did not for so long is gone.
_GONE_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """An entry with its payload: bulk lines or a blob. `broken` says why it cannot be used, "" if it can."""

    entry: Claimed
    data: bytes
    broken: str = ""


@dataclass(frozen=True, slots=True)
class PollerSettings:
    """Sizes and times of a poller."""

    #: Entries claimed at once; each is at most a few megabytes when unpacked.
    entries: int = 16
    #: Bytes of one write. PostgreSQL and Elasticsearch gain nothing above some thousand documents.
    batch_bytes: int = 8 << 20
    #: An entry delivered more often than this without success may be what kills pollers: one document at a time.
    suspicious: int = 3
    #: More often than this, and it is kept as refused without another try.
    hopeless: int = 6
    #: Seconds between looks at an empty outbox: a document waits for half of it.
    idle: float = 0.1
    #: Seconds after a failure, and between looks at an open breaker.
    pause: float = 1.0


@dataclass(slots=True)
class Totals:
    """What a poller has done since it started."""

    entries: int = 0
    stored: int = 0
    conflicts: int = 0
    rejected: int = 0


class Poller:
    """One poller. Not shared between threads; `name` is its own among all pollers, and may be the same after a restart.

    `documents` may be guarded by `breaker`: while that is open nothing is claimed. The clock gives refusals their time,
    in ns.
    """

    def __init__(
        self,
        queue: Store,
        documents: DocumentStore,
        name: str,
        *,
        resources: Sequence[str] = RESOURCES,
        settings: PollerSettings | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.totals = Totals()
        self._queue = queue
        self._documents = documents
        self._name = name
        self._resources = resources
        self._settings = settings or PollerSettings()
        self._clock = clock
        self._unpack = zstandard.ZstdDecompressor().decompress
        self._breaker = breaker

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set; what is being written then is finished first."""
        swept = False
        while not stop.is_set():
            try:
                swept = swept or self._forget_dead()
                confirmed = self.run_once()
            except (StoreError, RedisError, OSError) as error:
                log.warning("poller_waits", poller=self._name, error=type(error).__name__, reason=str(error))
                stop.wait(self._settings.pause)
            except Exception:
                # A mistake of ours: what it had in hand waits, and must not end with the thread unseen.
                log.exception("poller_failed", poller=self._name)
                stop.wait(self._settings.pause)
            else:
                if not confirmed:
                    stop.wait(self._settings.idle)

    def _forget_dead(self) -> bool:
        """Remove the names of pollers that are long gone and left nothing, or the group would grow with each start."""
        with self._queue.link() as link:
            for resource in self._resources:
                stream = link.keys.out(resource)
                for fields in link.command("XINFO", "CONSUMERS", stream, GROUP):
                    found = dict(zip(fields[::2], fields[1::2], strict=True))
                    if not found[b"pending"] and found[b"idle"] > _GONE_MS:
                        link.command("XGROUP", "DELCONSUMER", stream, GROUP, found[b"name"])
        return True

    def run_once(self) -> int:
        """Take one claim of every resource and see it through; answers the number of entries confirmed.

        Raises StoreUnavailable, StoreError, RedisError or OSError: what was claimed comes again. StoreAway while the
        breaker is open. A resource that the store has trouble with by itself does not keep the others from their turn.
        """
        if self._breaker is not None and self._breaker.is_open:
            record = self._breaker.status()
            raise StoreAway(record.reason, since=record.since, wait=record.wait)
        confirmed = 0
        trouble: StoreError | None = None
        for resource in self._resources:
            try:
                confirmed += self._poll(resource)
            except StoreUnavailable:
                raise
            except StoreError as error:
                trouble = error
        if trouble is not None:
            raise trouble
        return confirmed

    def _poll(self, resource: str) -> int:
        with self._queue.link() as link:
            entries = outbox.claim(link, resource, self._name, self._settings.entries)
            if not entries:
                return 0
            try:
                # What left Redis must not be lost with it: a restarted one would make these documents anew.
                if link.durable():
                    return sum([self._settle(link, resource, batch) for batch in self._batches(resource, entries)])
            except Exception:
                _excuse(link, resource, self._name, entries)
                raise
            log.warning("outbox_not_on_disk", poller=self._name, resource=resource)
            _excuse(link, resource, self._name, entries)
            return 0

    def _settle(self, link: Link, resource: str, batch: list[_Unpacked]) -> int:
        """Write a batch, keep what was refused, confirm all of it."""
        result, refusals = self._write(resource, batch)
        rejected.keep(self._documents, refusals, self._clock())
        outbox.confirm(link, [unpacked.entry for unpacked in batch])
        self._count(resource, len(batch), result, refusals)
        return len(batch)

    def _count(self, resource: str, entries: int, result: WriteResult, refusals: list[Refusal]) -> None:
        self.totals.entries += entries
        self.totals.stored += result.stored
        self.totals.conflicts += result.conflicts
        self.totals.rejected += len(refusals)
        if refusals:
            log.error("documents_rejected", poller=self._name, resource=resource, documents=len(refusals))

    def _batches(self, resource: str, entries: Sequence[Claimed]) -> Iterator[list[_Unpacked]]:
        """Entries unpacked and put together up to a size; suspicious and broken ones stand alone."""
        batch: list[_Unpacked] = []
        size = 0
        for entry in entries:
            unpacked = self._unpacked(resource, entry)
            alone = bool(unpacked.broken) or self._is_suspicious(entry)
            if batch and (alone or size + len(unpacked.data) > self._settings.batch_bytes):
                yield batch
                batch, size = [], 0
            if alone:
                yield [unpacked]
            else:
                batch.append(unpacked)
                size += len(unpacked.data)
        if batch:
            yield batch

    def _unpacked(self, resource: str, entry: Claimed) -> _Unpacked:
        """Lines are counted here: put together, one too few in an entry would shift those of all others."""
        if resource in BLOB_RESOURCES:
            return _Unpacked(entry, entry.payload)
        try:
            data = self._unpack(entry.payload)
        except zstandard.ZstdError:
            return _Unpacked(entry, entry.payload, "the entry cannot be unpacked")
        if not data.endswith(b"\n") or data.count(b"\n") != 2 * entry.documents:
            return _Unpacked(entry, data, f"the entry has not two lines for each of {entry.documents} documents")
        return _Unpacked(entry, data)

    def _is_suspicious(self, entry: Claimed) -> bool:
        return entry.deliveries > self._settings.suspicious

    def _write(self, resource: str, batch: list[_Unpacked]) -> tuple[WriteResult, list[Refusal]]:
        """Write a batch in the way its entries deserve: all at once as a rule."""
        first = batch[0]
        if first.broken:
            return WriteResult(), [Refusal(resource, b"", first.data, first.broken)]
        if self._is_suspicious(first.entry):
            return self._write_suspicious(resource, first)
        if resource in BLOB_RESOURCES:
            return self._write_blobs(resource, [unpacked.data for unpacked in batch])
        return self._write_lines(resource, b"".join([unpacked.data for unpacked in batch]))

    def _write_suspicious(self, resource: str, suspect: _Unpacked) -> tuple[WriteResult, list[Refusal]]:
        if suspect.entry.deliveries > self._settings.hopeless:
            reason = f"given up after {suspect.entry.deliveries} deliveries"
            return WriteResult(), [Refusal(resource, b"", suspect.data, reason)]
        log.warning("entry_one_by_one", poller=self._name, resource=resource, entry=suspect.entry.id)
        if resource in BLOB_RESOURCES:
            return self._write_blobs(resource, [suspect.data])
        return _together([self._write_lines(resource, payload.join([pair])) for pair in payload.pairs(suspect.data)])

    def _write_lines(self, resource: str, data: bytes) -> tuple[WriteResult, list[Refusal]]:
        result = self._documents.write(resource, data)
        if not result.failed:
            return result, []
        items = payload.pairs(data)
        return result, [Refusal(resource, *items[failure.position], failure.reason) for failure in result.failed]

    def _write_blobs(self, resource: str, blobs: list[bytes]) -> tuple[WriteResult, list[Refusal]]:
        result = self._documents.write_blobs(resource, blobs)
        return result, [Refusal(resource, b"", blobs[item.position], item.reason) for item in result.failed]


def _together(parts: Sequence[tuple[WriteResult, list[Refusal]]]) -> tuple[WriteResult, list[Refusal]]:
    result, refusals = WriteResult(), list[Refusal]()
    for one, refused in parts:
        result.add(one)
        refusals += refused
    return result, refusals


def _excuse(link: Link, resource: str, name: str, entries: Sequence[Claimed]) -> None:
    """Forget the deliveries of entries that came back because of an error of ours: only what kills pollers counts.

    XCLAIM of the poller's own entries, as RETRYCOUNT can be set no other way; entries confirmed already are skipped.
    """
    ids = [entry.id for entry in entries]
    try:
        link.command("XCLAIM", link.keys.out(resource), GROUP, name, 0, *ids, "RETRYCOUNT", 0, "JUSTID")
    except (RedisError, OSError) as error:
        # Redis itself is away: one delivery too many is counted, which is harmless.
        log.warning("entries_not_excused", poller=name, resource=resource, error=type(error).__name__)
