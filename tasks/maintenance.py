"""Queue `maintenance`: what is too old goes: documents, a whole day of a storage policy at a time, and uploads."""

from datetime import UTC, datetime

import structlog
from celery import shared_task

from apps.captures.leftovers import upload_expire, upload_forget, upload_sweep
from apps.core.servers import document_store
from apps.whisperers.retention import Retention
from apps.whisperers.services import samples_trim
from store.documents import Scope
from store.documents.names import REJECTED
from store.redis.keys import RESOURCES

log = structlog.get_logger(__name__)

#: What a purge removes; what tells how much there was (monitoring) stays.
CAPTURED = ("httpcomms", "tcpsessions", "httpbodies", "packets", REJECTED)


@shared_task(name="tasks.maintenance.retention")
def retention() -> None:
    """Every hour: drop the days that are older than their policy keeps their resource, and figures older than a day."""
    samples_trim()
    today, kept = datetime.now(UTC).date(), Retention.now()
    for resource in (*RESOURCES, REJECTED):
        for part in document_store().days(resource):
            last = kept.last_day(resource, part.policy, part.day)
            if last is not None and last < today and document_store().drop_day(resource, part.day, part.policy):
                log.info("retention.dropped", resource=resource, day=part.day, policy=part.policy)


@shared_task(name="tasks.maintenance.uploads")
def uploads() -> None:
    """Every hour: give up what nobody goes on sending, and remove files and rows that nobody needs."""
    upload_expire()
    upload_sweep()


@shared_task(name="tasks.maintenance.purge")
def purge(whisperer: str) -> None:
    """Remove what a whisperer captured, as far as it is stored by now. Run twice it removes what came between."""
    scope: Scope = frozenset({whisperer})
    for resource in CAPTURED:
        gone = sum(document_store().purge(resource, scope, None))
        log.info("purge.done", resource=resource, whisperer=whisperer, documents=gone)
    upload_forget(whisperer)
