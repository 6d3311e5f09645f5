"""Purges of a part of what a whisperer captured: what one would remove, and its record from the request to the end.

The record is the truth and the task's message a hint: a purge that waits too long, or whose worker died, is sent again
(`purges_resume`), and one that begins again removes what is left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.tasks import send
from apps.httpcomms import pinning, requests
from apps.httpcomms.models import Purge
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.export import one_of, parts
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, require
from apps.whisperers.services.audit import record
from documents.ast import And, Exists, Node, Or, Range
from documents.fields import fields
from store.documents import Metric, Scope

#: What can be removed, by the resource that each is, in the order of the work: what leads to the others goes last.
KINDS: Final = {
    "packets": "packets",
    "bodies": "httpbodies",
    "sessions": "tcpsessions",
    "communications": "httpcomms",
}
#: Communications that a query may remove: their sessions are held in memory. A time range alone has no limit.
MOST: Final = 1_000_000
#: A step takes seconds. What was not touched for longer has no worker any more.
LOST: Final = timedelta(minutes=10)
#: States in which a purge can still be cancelled.
ACTIVE: Final = (Purge.State.WAITING, Purge.State.RUNNING)
TASK: Final = "tasks.maintenance.purge_part"


@dataclass(frozen=True, slots=True)
class Asked:
    """A purge as asked for, read and allowed."""

    whisperer: Whisperer
    search: Search
    kinds: tuple[str, ...]
    pinned: bool

    @property
    def scope(self) -> Scope:
        return frozenset({str(self.whisperer.pk)})


@dataclass(frozen=True, slots=True)
class Line:
    """How many documents of a kind would go; of some a query tells only the most that it can be."""

    kind: str
    count: int
    exact: bool


def read(user: Person, whisperer: Whisperer, parameters: Mapping[str, str], kinds: Sequence[str]) -> Asked:
    """The purge that parameters (q, from, to, pinned) ask for. Raises QueryError and ApplicationError: 403 without the
    right "purge", and with a query without "search", because counts tell what is there."""
    require(user, whisperer, "purge")
    asked = {name: parameters.get(name, "") for name in ("q", "from", "to")}
    search = requests.read(asked, timezone.get_current_timezone())
    if search.node is not None:
        require(user, whisperer, "search")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ApplicationError(f"Say what to remove: {', '.join(KINDS)}.", code="invalid", field="what")
    if search.node is None and search.range.since is None and search.range.until is None:
        message = "Give a query or a time range. Everything at once is removed on the page of the whisperer."
        raise ApplicationError(message, code="invalid", field="q")
    given = parameters.get("pinned", "")
    if given not in ("", "yes", "no"):
        raise ApplicationError("Say yes or no.", code="invalid", field="pinned")
    return Asked(whisperer, search, tuple(kind for kind in KINDS if kind in kinds), given == "yes")


def purge_plan(asked: Asked) -> list[Line]:
    """How much would go. ApplicationError 400 for a query that finds more than one may remove; TookTooLong."""
    lines = [_by_query(asked, kind) if asked.search.node is not None else _by_time(asked, kind) for kind in asked.kinds]
    if asked.search.node is not None and _count(asked, "httpcomms", asked.search.node) > MOST:
        message = f"The query finds more than {MOST:,} communications: narrow it, or remove a time range without one."
        raise ApplicationError(message, code="limit", field="q")
    return lines


def pinned_count(asked: Asked) -> int:
    """How many of the communications are pinned."""
    node = asked.search.node
    ids = list(pinning.rows().filter(whisperer=asked.whisperer))
    nodes = [one_of(some) if node is None else And((one_of(some), node)) for some in parts(ids)]
    return sum(_count(asked, "httpcomms", one) for one in nodes)


def _by_time(asked: Asked, kind: str) -> Line:
    span = asked.search.range
    node = ended_before(span.until) if kind == "sessions" else None
    since = began(kind, span.since)
    count = document_store().count(KINDS[kind], asked.scope, node, since=since, until=span.until)
    return Line(kind, count, exact=True)


def _by_query(asked: Asked, kind: str) -> Line:
    node = asked.search.node
    assert node is not None
    if kind == "communications":
        return Line(kind, _count(asked, "httpcomms", node), exact=True)
    if kind == "bodies":
        known = fields("httpcomms")
        sizes = Or(tuple(Exists(known[f"{side}.body.size"], None) for side in ("req", "res")))
        return Line(kind, _count(asked, "httpcomms", And((node, sizes))), exact=False)
    span = asked.search.range
    found = document_store().figures(
        "httpcomms", asked.scope, node, [Metric("cardinality", "tcpSession")], since=span.since, until=span.until
    )
    return Line(kind, int((found.groups[0].figures[0] if found.groups else 0) or 0), exact=False)


def _count(asked: Asked, resource: str, node: Node | None) -> int:
    span = asked.search.range
    return document_store().count(resource, asked.scope, node, since=span.since, until=span.until)


def began(kind: str, since: int | None) -> int | None:
    """From when on documents of a kind lie in a range: what was put aside unread has the time 0 and lies in none."""
    return 1 if kind == "packets" and not since else since


def ended_before(until: int | None) -> Node | None:
    """The query of TCP sessions that lie wholly before a moment."""
    return None if until is None else Range(fields("tcpsessions")["lastDate"], None, None, until, include_high=False)


@transaction.atomic
def purge_start(*, asked: Asked, planned: Sequence[Line], actor: AbstractBaseUser) -> Purge:
    """Begin it in the background, and write down who asked for what."""
    span = asked.search.range
    purge = Purge.objects.create(
        whisperer=asked.whisperer,
        actor_id=actor.pk,
        actor_name=actor.get_username(),
        query=asked.search.q,
        since=span.since,
        until=span.until,
        kinds=list(asked.kinds),
        pinned=asked.pinned,
        planned={line.kind: line.count for line in planned},
    )
    record(actor, asked.whisperer, "purged", after=told(purge))
    send(TASK, purge.pk, queue="maintenance")
    return purge


def told(purge: Purge) -> dict[str, Any]:
    """What was asked for, as the audit log keeps it."""
    asked = {"query": purge.query} if purge.query else {}
    what = {"what": ", ".join(purge.kinds), "pinned": purge.pinned}
    return {"purge": purge.pk, **asked, **purge.span.parameters, **what}


@transaction.atomic
def purge_cancel(*, purge: Purge, actor: AbstractBaseUser) -> bool:
    """Stop it after the step that it is at; what went is gone. False when it had ended."""
    under_way = Purge.objects.filter(pk=purge.pk, state__in=ACTIVE)
    ended = under_way.update(state=Purge.State.CANCELLED, ended=timezone.now())
    if ended:
        record(actor, purge.whisperer, "spared", after={"purge": purge.pk})
    return bool(ended)


def purges_of(whisperer: Whisperer) -> QuerySet[Purge]:
    """The purges of a whisperer, the newest first."""
    return Purge.objects.filter(whisperer=whisperer)


def purge_take(key: int) -> Purge | None:
    """Claim a purge that waits; None when another worker did, or when it was cancelled."""
    now = timezone.now()
    taken = Purge.objects.filter(pk=key, state=Purge.State.WAITING).update(state=Purge.State.RUNNING, touched=now)
    return Purge.objects.select_related("whisperer").get(pk=key) if taken else None


def purge_step(purge: Purge, kind: str, count: int) -> bool:
    """Count what went; False when the purge was cancelled meanwhile."""
    purge.removed[kind] = purge.removed.get(kind, 0) + count
    Purge.objects.filter(pk=purge.pk).update(removed=purge.removed, touched=timezone.now())
    return Purge.objects.filter(pk=purge.pk, state=Purge.State.RUNNING).exists()


def purge_end(purge: Purge, reason: str = "") -> None:
    """It is done, or failed with a reason."""
    state = Purge.State.FAILED if reason else Purge.State.DONE
    running = Purge.objects.filter(pk=purge.pk, state=Purge.State.RUNNING)
    running.update(state=state, reason=reason[:300], ended=timezone.now())


def purges_resume() -> None:
    """Send those again that nobody works at: their message was lost, or their worker died."""
    now = timezone.now()
    lost = Purge.objects.filter(state__in=ACTIVE, touched__lt=now - LOST)
    for key in lost.values_list("pk", flat=True):
        if lost.filter(pk=key).update(state=Purge.State.WAITING, touched=now):
            send(TASK, key, queue="maintenance")
