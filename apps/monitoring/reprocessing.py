"""Runs of reprocessing: begun and cancelled by people, taken step by step by workers.

A worker has a step for as long as its token is in the row; whatever it tells is taken while it is, and of another's
step nothing is. The row is the truth: a message lost or doubled changes nothing.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, QuerySet
from django.utils import timezone

from apps.captures.models import Capture
from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.tasks import send
from apps.httpcomms import requests
from apps.monitoring.models import LeftSession, Reprocessing
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, require
from apps.whisperers.services.audit import record

log = structlog.get_logger(__name__)

#: How long a step is its worker's without a word from it.
LEASE = timedelta(seconds=60)
#: After so many deaths of its workers a step's sessions are left as they were.
TAKES = 2
#: Sessions that are still known of a reason when a run has been over for a while.
LEFT_KEPT = 20


class NotOursError(Exception):
    """The step is another worker's by now."""


def reprocessing_plan(*, user: Person, whisperer: Whisperer, parameters: Mapping[str, str]) -> Reprocessing:
    """The run that parameters (q, from, to) ask for, not begun, and how many documents it would look at. Without an end
    it goes as far as now.

    Raises ApplicationError: 400 for a range that is none, 403 without the rights "configure" and "search", 404;
    QueryError, TookTooLong.
    """
    for right in ("configure", "search"):
        require(user, whisperer, right)
    asked = {name: parameters.get(name, "") for name in ("q", "from", "to")}
    search = requests.read(asked, timezone.get_current_timezone())
    until = requests.now() if search.range.until is None else search.range.until
    since = search.range.since
    if since is not None and since >= until:
        raise ApplicationError("The range ends before it begins.", code="invalid", field="to")
    run = Reprocessing(whisperer=whisperer, created_by_id=user.pk, query=search.q, since=since, until=until)
    run.total = sum(found(run, resource) for resource in resources(run))
    return run


def reprocessing_start(*, user: Person, run: Reprocessing) -> Reprocessing:
    """Begin what was planned. Raises ApplicationError 409 while another run of the whisperer goes on."""
    whisperer = run.whisperer
    run.first_step = _next_step()
    try:
        with transaction.atomic():
            run.save(force_insert=True)
            record(user, whisperer, "reprocessed", after={"query": run.query, **run.span.parameters})
    except IntegrityError:
        message = f"{whisperer.name} is being reprocessed: wait until it is done, or cancel it."
        raise ApplicationError(message, code="running", status_code=409) from None
    hint(run.pk)
    return run


def found(run: Reprocessing, resource: str) -> int:
    """How many documents a run's query finds. Raises QueryError."""
    node = requests.parse(run.query, resource)
    scope = frozenset([str(run.whisperer_id)])
    return document_store().count(resource, scope, node, since=run.since, until=run.until)


def resources(run: Reprocessing) -> tuple[str, ...]:
    """Of which documents a run goes through the pages: without a query also those TCP sessions that carry no HTTP."""
    return ("httpcomms",) if run.query else ("httpcomms", "tcpsessions")


def reprocessing_cancel(*, run: Reprocessing) -> Reprocessing:
    """End a run; what it did stays. The sessions that a worker has in hand are finished. A repeat changes nothing."""
    running = Reprocessing.objects.filter(pk=run.pk, state=Reprocessing.State.RUNNING)
    running.update(state=Reprocessing.State.CANCELLED, ended=timezone.now())
    run.refresh_from_db()
    return run


def runs_of(whisperer: Whisperer) -> QuerySet[Reprocessing]:
    """The runs of a whisperer, the newest first."""
    return Reprocessing.objects.filter(whisperer=whisperer).select_related("whisperer", "created_by")


def run_of(whisperer: Whisperer, id: UUID) -> Reprocessing:
    """One of them. Raises ApplicationError 404."""
    run = runs_of(whisperer).filter(pk=id).first()
    if run is None:
        raise ApplicationError("There is no such reprocessing.", code="not_found", status_code=404)
    return run


def left_of(run: Reprocessing) -> dict[str, int]:
    """How many sessions a run left as they were, by the reason."""
    if run.left_before is not None:
        return dict(run.left_before)
    counted = run.left.values_list("reason").annotate(Count("pk")).order_by("-pk__count")
    return dict(counted)


def runs_cancel(whisperer: str) -> None:
    """Cancel what goes on: the whisperer's documents are being removed, and none should come back."""
    running = Reprocessing.objects.filter(whisperer=whisperer, state=Reprocessing.State.RUNNING)
    running.update(state=Reprocessing.State.CANCELLED, ended=timezone.now())


def runs_tidy() -> None:
    """Of runs that are over, remember which sessions were left by some alone, and how many there were."""
    over = Reprocessing.objects.exclude(state=Reprocessing.State.RUNNING).filter(ended__lt=timezone.now() - LEASE)
    for run in over.filter(left_before__isnull=True):
        run.left_before = left_of(run)
        some = [key for reason in run.left_before for key in _first_left(run, reason)]
        with transaction.atomic():
            run.save(update_fields=["left_before"])
            run.left.exclude(pk__in=some).delete()


def _first_left(run: Reprocessing, reason: str) -> list[int]:
    return list(run.left.filter(reason=reason).order_by("session").values_list("pk", flat=True)[:LEFT_KEPT])


def hint(run: UUID) -> None:
    """Tell a worker of a run's next step."""
    send("tasks.reprocess.step", str(run), queue="reprocess")


def waiting() -> list[UUID]:
    """Runs that no worker has in hand."""
    running = Reprocessing.objects.filter(state=Reprocessing.State.RUNNING)
    return list(running.exclude(leased_until__gt=timezone.now()).values_list("pk", flat=True))


@transaction.atomic
def step_take(id: UUID) -> Reprocessing | None:
    """Take the next step of a run; None when it is another worker's, or the run is over.

    The same step once more, with its number, where the worker that had it died.
    """
    run = Reprocessing.objects.select_for_update().filter(pk=id, state=Reprocessing.State.RUNNING).first()
    if run is None or (run.leased_until is not None and run.leased_until > timezone.now()):
        return None
    if not run.step:
        run.step, run.parts, run.takes = _next_step(), 0, 0
    run.takes += 1
    run.token, run.leased_until = secrets.token_hex(8), timezone.now() + LEASE
    run.save()
    return run


def step_renew(run: Reprocessing) -> bool:
    """The step goes on; False when the run was cancelled meanwhile. Raises NotOursError."""
    ours = Reprocessing.objects.filter(pk=run.pk, token=run.token)
    if not ours.update(leased_until=timezone.now() + LEASE):
        raise NotOursError
    return ours.filter(state=Reprocessing.State.RUNNING).exists()


def step_release(run: Reprocessing) -> None:
    """Give the step back: our servers failed, its sessions are not to blame."""
    ours = Reprocessing.objects.filter(pk=run.pk, token=run.token)
    ours.update(leased_until=None, token="", takes=max(run.takes - 1, 0))


@transaction.atomic
def part_count(
    run: Reprocessing, part: int, counts: Mapping[str, int], fields: Mapping[str, int], capture: str,
    more: Mapping[str, int],
) -> None:  # fmt: skip
    """Count a batch before it is written, once: `more` documents (or fewer) by resource that the capture has then.

    Raises NotOursError.
    """
    row = Reprocessing.objects.select_for_update().get(pk=run.pk)
    if row.token != run.token:
        raise NotOursError
    if part < row.parts:
        return
    add(row.counts, counts)
    add(row.fields, fields)
    row.parts, row.leased_until = part + 1, timezone.now() + LEASE
    row.save(update_fields=["counts", "fields", "parts", "leased_until"])
    if any(more.values()):
        owner = Capture.objects.select_for_update().get(pk=capture)
        add(owner.remade, more)
        owner.save(update_fields=["remade"])


def sessions_leave(run: Reprocessing, sessions: Iterable[str], reason: str) -> None:
    """Note sessions that are left as they are; one that is noted stays."""
    rows = [LeftSession(reprocessing=run, session=session, reason=reason) for session in sessions]
    LeftSession.objects.bulk_create(rows, ignore_conflicts=True)


@transaction.atomic
def step_end(run: Reprocessing, looked_at: int, after: str | None) -> bool:
    """The page is done; True when there is another. Raises NotOursError."""
    row = Reprocessing.objects.select_for_update().get(pk=run.pk)
    if row.token != run.token:
        raise NotOursError
    row.looked_at += looked_at
    row.after, row.step, row.token, row.leased_until = after or "", 0, "", None
    if after is None:
        left = resources(row)[resources(row).index(row.resource) + 1 :]
        if left:
            row.resource = left[0]
        elif row.running:
            row.state, row.ended = Reprocessing.State.DONE, timezone.now()
            log.info("reprocessing.done", id=str(row.pk), whisperer=str(row.whisperer_id), **row.counts)
    row.save()
    return row.running


def add(sums: dict[str, Any], more: Mapping[str, int]) -> None:
    """Add numbers by name."""
    for name, count in more.items():
        sums[name] = sums.get(name, 0) + count


def _next_step() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('monitoring_step')")
        return int(cursor.fetchone()[0])
