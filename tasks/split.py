"""Queue `split`: a chunk is decoded once and becomes a slice for each partition, with the packets documents beside it.

Splits need no order and no state. Death is counted by takes and ends in quarantine; what raises is quarantined at once.
"""

import gzip
import io

import numpy as np
import structlog
import zstandard
from celery import shared_task
from django.conf import settings

from apps.captures.models import capture_saw
from apps.core.tasks import send
from store.redis import chunks
from store.redis.chunks import Record, Recorded, SplitJob
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.work import SecondTry
from tasks import outgoing
from tasks.runtime import CaptureFacts, facts, new_token, work_link
from wire import pcapfile, slices
from wire.slices import Slice, Split

log = structlog.get_logger(__name__)


@shared_task(name="tasks.split.split")
def split(capture: str, number: int) -> None:
    """Split one chunk of a capture, when nobody else has or does."""
    with work_link() as link:
        token = new_token()
        job = outgoing.ask_again(lambda: chunks.take_split(link, capture, number, token))
        if job is None:
            return
        try:
            poison = job.mode == "poison"
            hints = (
                set_aside(link, facts(capture), job, "workerDied") if poison else split_chunk(link, facts(capture), job)
            )
        except Exception as error:  # whatever it is, the chunk must not stop its capture
            if outgoing.is_infrastructure(error):
                chunks.release_split(link, job)
                raise
            log.exception("split.failed", capture=capture, chunk=number)
            hints = set_aside(link, facts(capture), job, type(error).__name__)
    for p in hints:
        send("tasks.drain.drain", capture, p, queue="drain")


def split_chunk(link: Link, capture: CaptureFacts, job: SplitJob) -> tuple[int, ...]:
    """Decode a chunk and put its slices in its place; returns the partitions that have work."""
    raw = chunks.raw(link, capture.id, job.chunk)
    if raw is None:
        return ()
    found = slices.split(plain(raw), capture.partitions, capture.key)
    return record(link, capture, job.chunk, found)


def record(link: Link, capture: CaptureFacts, chunk: Record, found: Split) -> tuple[int, ...]:
    """Put a chunk's slices, packets documents and sums in its place; returns the partitions that have work."""
    parts = [part and chunks.Slice(part.to_bytes(), row_packets(part)) for part in found.slices]
    entries = packet_entries(capture, chunk.number, outgoing.accepted_day(chunk.accepted), found)
    if found.first:  # before the chunk is done: it is not looked at again
        capture_saw(capture.id, found.first, found.last)

    def send_slices() -> Recorded:
        return chunks.record_split(
            link, capture.id, chunk, parts, entries=entries, packets=found.packets, counters=counters(chunk, found)
        )

    return outgoing.ask_again(send_slices).hints


def row_packets(part: Slice) -> list[int]:
    """Packets of each row and, behind them, the chunk's IP fragments, which are in no row: partition 0 counts them."""
    fragments = len(part.fragments) if part.partition == 0 else 0
    return [*np.diff(part.row_start).tolist(), fragments]


def set_aside(link: Link, capture: CaptureFacts, job: SplitJob, reason: str) -> tuple[int, ...]:
    """Quarantine a chunk with its bytes, for a second try in ten minutes; returns the partitions that may go on."""
    raw = chunks.raw(link, capture.id, job.chunk)
    item, packets = SecondTry(capture.id, job.chunk.number), job.chunk.packets
    entries = outgoing.error_entries(capture, job.chunk, item, packets, "chunk", reason, raw)
    return outgoing.ask_again(lambda: chunks.quarantine_chunk(link, job, capture.partitions, entries)).hints


def plain(raw: bytes) -> bytes:
    """An upload without its compression, bounded. Raises CaptureError above the bound or for broken compression."""
    kind = pcapfile.sniff(raw[:4])
    if kind not in ("gzip", "zstd"):
        return raw
    limit = settings.CHUNK_LIMIT
    try:
        if kind == "zstd":
            reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            data: bytes = reader.read(limit + 1)
        else:
            data = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(limit + 1)
    except (zstandard.ZstdError, OSError, EOFError) as error:
        raise pcapfile.CaptureError(f"the chunk's {kind} compression is broken") from error
    if len(data) > limit:
        raise pcapfile.CaptureError(f"the chunk decompresses to more than {limit} bytes")
    return data


def packet_entries(capture: CaptureFacts, number: int, day: str, found: Split) -> list[Entry]:
    """The packets documents of a chunk accepted on `day`: one for each partition and link type, none where packets are
    not saved."""
    if not capture.context.rules.save_packets:
        return []
    return [
        outgoing.blob("packets", outgoing.stamped(blob, capture, part.partition, number, day))
        for part in found.slices
        if part is not None
        for blob in part.packets_blobs()
    ]


def counters(chunk: Record, found: Split) -> dict[str, int]:
    """Packets that are in no slice, by where they went; what the agent said of their number is put right."""
    miscounted = found.packets - chunk.packets
    undecodable = {f"undecodable.{reason}": count for reason, count in found.undecodable.items()}
    right = ("packets.captured", "packets.uploaded", "packets.miscounted") if miscounted else ()
    return {
        "packets.notTcp": found.not_tcp,
        "packets.undecodable": sum(found.undecodable.values()),
        **undecodable,
        **dict.fromkeys(right, miscounted),
    }
