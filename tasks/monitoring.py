"""Queue `monitoring`, with a worker of its own: what waits is found and told again, whatever happened to messages.

All of it may run twice, late, or at the same time as itself.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import structlog
from celery import shared_task
from django.conf import settings

from apps.captures.models import Capture
from apps.captures.selectors import uploads_unchecked, uploads_waiting
from apps.core.servers import document_store
from apps.core.tasks import send
from apps.monitoring import reprocessing
from apps.monitoring.checking import check_sums
from apps.whisperers.models import Whisperer
from documents import build, bulk
from documents.build import Document
from store.documents import StoreUnavailable
from store.redis import captures, work
from store.redis.connection import Link
from store.redis.work import WorkItem
from tasks.finalise import flush_capture
from tasks.runtime import work_link

log = structlog.get_logger(__name__)


@shared_task(name="tasks.monitoring.redrive")
def redrive() -> None:
    """Every 2 s: start a task for whatever nobody has looked at in time, and for second tries that are due."""
    with work_link() as link:
        items = work.redrive(link)
        tries = work.due(link)
    for item in items:
        start(item)
    for item in tries:
        send("tasks.reprocess.second_try", item.text(), queue="reprocess")


def start(item: WorkItem) -> None:
    """Tell a worker of an item of the work set."""
    if item.kind == "s":
        send("tasks.split.split", item.capture, item.number, queue="split")
    elif item.kind == "p":
        send("tasks.drain.drain", item.capture, item.number, queue="drain")
    elif item.kind == "f":
        send("tasks.drain.finalise", item.capture, queue="drain")
    else:
        send("tasks.upload.piece", item.capture, queue="upload")


@shared_task(name="tasks.monitoring.minute")
def minute() -> None:
    """Every minute: sums to the store, silent captures ended, deleted ones and old tombstones removed, waiting requests
    shown; and whether all sums add up."""
    with work_link() as link:
        open_captures = captures.all_captures(link)
        idle = captures.idle_captures(link, settings.CAPTURE_IDLE_SECONDS * 1000)
        for capture in set(idle).difference(uploads_waiting()):  # an upload may have to wait for room
            captures.end_idle(link, capture, settings.CAPTURE_IDLE_SECONDS * 1000)
        captures.bury(link)
        rows = Capture.objects.select_related("whisperer").in_bulk(open_captures)
        for capture in set(open_captures).difference(rows):  # deleted, or its whisperer was
            log.info("capture.discarded", capture=capture, word=captures.discard_capture(link, capture))
        for row in rows.values():
            flush_capture(link, row)
            _sweep(link, row)
        check_sums(link)
        figures(work.figures(link))
    for capture in uploads_waiting():
        send("tasks.upload.piece", capture, queue="upload")
    for run in reprocessing.waiting():
        reprocessing.hint(run)
    for upload in uploads_unchecked():
        send("tasks.upload.check", upload, queue="upload")


def figures(waiting: Mapping[str, int]) -> None:
    """Keep what waits now as a document; while the store is away it is in the log alone."""
    now = datetime.now(UTC)
    log.info("waiting", **waiting)
    identity = f"figures:{now:%Y%m%dT%H%M}"
    document = {
        "id": identity,
        "version": 1,
        "kind": "figures",
        "date": build.stamp(time.time_ns()),
        "counters": waiting,
    }
    line = bulk.lines([Document(identity, 1, "monitoring", f"{now:%Y%m%d}", "default", orjson.dumps(document))])
    try:
        document_store().write("monitoring", line)
    except StoreUnavailable as error:
        log.warning("figures.not_kept", error=type(error).__name__)


def _sweep(link: Link, row: Capture) -> None:
    """Capture time goes on while a live capture is silent; a file's stands still until its next chunk."""
    state = captures.read_state(link, row.pk)
    if state is None or row.last_packet is None:
        return
    live = row.whisperer.mode == Whisperer.Mode.INTERFACE
    now = row.last_packet + (max(link.now() - state.seen, 0) * 1_000_000 if live else 0)
    for p in range(row.partitions):
        send("tasks.drain.sweep", row.pk, p, now, queue="drain")
