"""Queue `maintenance`: what is too old goes: documents, a whole day of a storage policy at a time, and uploads."""

from datetime import UTC, datetime

import structlog
from celery import shared_task

from apps.captures.leftovers import upload_expire, upload_forget, upload_sweep
from apps.core.errors import store_words
from apps.core.servers import document_store
from apps.httpcomms import pinning
from apps.httpcomms.purges import purge_end, purge_step, purge_take, purges_resume
from apps.httpcomms.purging import steps
from apps.monitoring.reprocessing import runs_cancel, runs_tidy
from apps.whisperers.retention import Retention
from apps.whisperers.services import samples_trim
from store.documents import Scope, StoreError, StoreUnavailable
from store.documents.names import REJECTED, Part
from store.redis.keys import RESOURCES

log = structlog.get_logger(__name__)

#: What a purge removes; what tells how much there was (monitoring) stays.
CAPTURED = ("httpcomms", "tcpsessions", "httpbodies", "packets", REJECTED)


@shared_task(name="tasks.maintenance.retention")
def retention() -> None:
    """Every hour: drop the days that are older than their policy keeps their resource, and figures older than a day."""
    samples_trim()
    runs_tidy()
    today, kept = datetime.now(UTC).date(), Retention.now()
    for resource in (*RESOURCES, REJECTED):
        for day in document_store().days(resource):
            last = kept.last_day(resource, day.policy, day.day)
            if last is not None and last < today:
                drop(resource, day.day, day.policy)
    pinning.release()


@shared_task(name="tasks.maintenance.drop")
def drop(resource: str, day: str, policy: str) -> None:
    """Drop a day, once what is pinned of it was copied. Where that fails it stays."""
    about = {"resource": resource, "day": day, "policy": policy}
    try:
        pinning.keep(Part(resource, day, policy))
        if document_store().drop_day(resource, day, policy):
            log.info("retention.dropped", **about)
    except (StoreError, ValueError) as error:
        log.warning("retention.failed", **about, error=type(error).__name__)


@shared_task(name="tasks.maintenance.uploads")
def uploads() -> None:
    """Every hour: give up what nobody goes on sending, and remove files and rows that nobody needs."""
    upload_expire()
    upload_sweep()


@shared_task(name="tasks.maintenance.purge")
def purge(whisperer: str) -> None:
    """Remove what a whisperer captured, as far as it is stored by now, pinned or not. Run twice it removes what came
    between."""
    runs_cancel(whisperer)
    scope: Scope = frozenset({whisperer})
    for resource in CAPTURED:
        gone = sum(document_store().purge(resource, scope, None))
        log.info("purge.done", resource=resource, whisperer=whisperer, documents=gone)
    pinning.forget(whisperer)
    upload_forget(whisperer)


@shared_task(name="tasks.maintenance.purge_part")
def purge_part(key: int) -> None:
    """Remove a part of what a whisperer captured, until it is done or was cancelled."""
    purge = purge_take(key)
    if purge is None:
        return
    try:
        for kind, count in steps(purge):
            if not purge_step(purge, kind, count):
                return
        if purge.pinned:
            pinning.forget_missing(str(purge.whisperer_id))
    except StoreUnavailable as error:
        purge_end(purge, store_words(error))
    except Exception as error:
        purge_end(purge, type(error).__name__)
        raise
    else:
        purge_end(purge)
        log.info("purge.ended", purge=key, **purge.removed)


@shared_task(name="tasks.maintenance.purges")
def purges() -> None:
    """Every minute: send those again that nobody works at."""
    purges_resume()


@shared_task(name="tasks.maintenance.unpin")
def unpin() -> None:
    """Remove the copies of what is not pinned any more."""
    pinning.release()
