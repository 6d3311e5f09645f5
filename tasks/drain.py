"""Queue `drain`: one worker at a time advances a partition, works for a second, and goes to the back of the queue."""

import structlog
from celery import shared_task

from apps.captures.models import Capture
from apps.captures.services import hint
from apps.core.tasks import send
from store.redis import partitions
from store.redis.partitions import Refused
from tasks.finalise import finalise_capture
from tasks.outgoing import ask_again
from tasks.partition import Drain
from tasks.runtime import facts, new_token, work_link

log = structlog.get_logger(__name__)


@shared_task(name="tasks.drain.drain")
def drain(capture: str, p: int) -> None:
    """Advance partition `p` of a capture, when it has work and nobody else does."""
    _drain(capture, p)


@shared_task(name="tasks.drain.sweep")
def sweep(capture: str, p: int, now: int) -> None:
    """Write first versions of requests that wait, and close idle sessions, in a partition that gets no chunks; `now`
    is capture time, in nanoseconds."""
    _drain(capture, p, quiet_at=now)


def _drain(capture: str, p: int, *, quiet_at: int = 0) -> None:
    with work_link() as link:
        token = new_token()
        lease = ask_again(lambda: partitions.take_lease(link, capture, p, token, sweep=bool(quiet_at)))
        if isinstance(lease, Refused):
            return
        try:
            known = facts(capture)
        except Exception:
            partitions.release(link, lease, counted=False)
            raise
        turn = Drain(link, known, lease)
        more = turn.run(quiet_at=quiet_at)
    # A chunk that was far ahead is what partitions wait for by now. One speaks for all: each time another, as one may
    # be busy, and backwards, for they are hinted upwards: all captures have had a round before another chunk is split.
    if turn.waits_for_split and -turn.chunk % known.partitions == p:
        hint(capture, turn.chunk, known.partitions, turn.chunk)
    if known.spooled and turn.chunk > lease.chunk:
        send("tasks.upload.piece", capture, queue="upload")
    if turn.ended:  # the last partition to end is heard; for the others there is nothing to finalise yet
        send("tasks.drain.finalise", capture, queue="drain")
    elif more:
        send("tasks.drain.drain", capture, p, queue="drain")


@shared_task(name="tasks.drain.finalise")
def finalise(capture: str) -> None:
    """Write a drained capture's totals to PostgreSQL and remove its keys."""
    with work_link() as link:
        finalise_capture(link, Capture.objects.get(pk=capture))
