"""The continuous check: do the sums of each capture add up, and is what was counted stored?

Captures under way are read from Redis at one moment each: what is in none of the parts must be in chunks that wait.
Of a capture that ended nothing may wait, and once the pollers are past its end, the documents of it in the store are
counted too. Whatever does not add up is an alarm until it does. Work is bounded: what is not looked at now is next
time, and all of it may run twice.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

import structlog
from django.db.models import Q
from django.utils import timezone

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.monitoring import alarms
from apps.monitoring.alarms import Alarm
from apps.monitoring.models import Reprocessing
from documents import query
from documents.counters import Bounds, faults
from store.documents import EVERYTHING, StoreUnavailable, TookTooLong
from store.redis import accounting, captures, work
from store.redis.connection import Link

log = structlog.get_logger(__name__)

#: Captures looked at in one round, under way and closed; a look at one takes less than a millisecond, at a closed one
#: some questions to the store.
MOST_OPEN, MOST_CLOSED = 2_000, 50
#: A closed capture that could not be compared for so long never will be; one that ran for longer may have lost its
#: first days to retention, so only its sums are compared.
GIVE_UP, LONG = timedelta(days=7), timedelta(hours=20)
PAGE: Final = 1_000


def check_sums(link: Link) -> list[Alarm]:
    """One round; answers the alarms that are open after it. Where the store is away only the log tells of new ones."""
    found = _under_way(link)
    try:
        document_store().refresh("monitoring")  # else an alarm of the round before may not be found, and be told anew
        known = {alarm.key: alarm for alarm in alarms.open_alarms(EVERYTHING)}
        closed = _closed(link, {capture for capture, _ in known})
        found.update(_of_closed(closed))
        return _settle(known, found, {row.pk for row in closed})
    except (StoreUnavailable, TookTooLong) as error:
        log.warning("accounting.not_compared", error=type(error).__name__)
        for row, faulty in found.items():
            _tell(alarms.of_capture(row, *one, time.time_ns()) for one in faulty)
        return []


Faults = list[tuple[str, int, int]]


def _under_way(link: Link) -> dict[Capture, Faults]:
    """Captures in Redis and their faults, none for most: equation, and its two sides."""
    rows = Capture.objects.in_bulk(captures.all_captures(link)[-MOST_OPEN:])
    found = {}
    for row in rows.values():
        standing = accounting.standing(link, row.pk)
        if standing is not None:
            found[row] = _faults(standing.counters, standing.bounds)
    return found


def _faults(counters: Mapping[str, int], bounds: Bounds) -> Faults:
    return [(one.equation.name, one.whole, one.accounted) for one in faults(counters, bounds)]


def _closed(link: Link, alarmed: set[str]) -> list[Capture]:
    """Closed captures to be compared with the store now: those never compared of which nothing is on its way any more,
    and those with an alarm. Not while reprocessing writes documents of them and takes others away."""
    since, running = timezone.now() - GIVE_UP, Q(whisperer__reprocessings__state=Reprocessing.State.RUNNING)
    at_rest = Capture.objects.filter(~running, state=Capture.State.CLOSED)
    rows = at_rest.filter(checked=None, closed__gt=since).order_by("closed")
    reached = work.outbox_reached(link)
    found = [row for row in rows[:MOST_CLOSED] if captures.closed_at(link, row.pk) < reached]
    again = at_rest.filter(pk__in=sorted(alarmed))[:MOST_CLOSED]
    return list({row.pk: row for row in [*found, *again]}.values())


def _of_closed(rows: list[Capture]) -> dict[Capture, Faults]:
    """Compare closed captures with what is stored, and note that they were."""
    if not rows:
        return {}
    for resource in ("httpcomms", "tcpsessions", "monitoring"):
        document_store().refresh(resource)
    found = {row: [*_faults(row.totals, Bounds()), *_stored(row)] for row in rows}
    Capture.objects.filter(pk__in=[row.pk for row in rows]).update(checked=timezone.now())
    return found


def _stored(row: Capture) -> Faults:
    """Of which documents there are not as many as were counted, and whether the minutes make up the totals."""
    found: Faults = []
    if row.closed is None or row.closed - row.opened > LONG:
        return found
    for resource in ("httpcomms", "tcpsessions"):
        counted = row.totals.get(f"documents.{resource}")
        if counted is None:
            continue
        counted += row.remade.get(resource, 0)
        stored = _count(row, resource, counted)
        if not _explained(row, counted, stored):
            found.append((resource, counted, stored))
    minutes = _minutes(row)
    for name in sorted(set(minutes) | set(row.totals)):
        if minutes.get(name, 0) != row.totals.get(name, 0):
            return [*found, ("minutes", row.totals.get(name, 0), minutes.get(name, 0))]
    return found


def _count(row: Capture, resource: str, counted: int) -> int:
    """Documents of a capture. Its own time keeps the question small, and is only an odd clock's fault where some lie
    outside of it."""
    store, wanted = document_store(), query.parse(f'capture:"{row.pk}"', resource)
    until = None if row.last_packet is None else row.last_packet + 1
    found = store.count(resource, EVERYTHING, wanted, since=row.first_packet, until=until)
    return found if found >= counted else store.count(resource, EVERYTHING, wanted)


def _explained(row: Capture, counted: int, stored: int) -> bool:
    """Whether it is known why there are more or fewer: a second try gave some, or the store refused some and they are
    kept with its reason."""
    if stored > counted:
        return bool(row.totals.get("packets.quarantined") or row.totals.get("sessions.quarantined"))
    if stored == counted:
        return True
    since = int(row.opened.timestamp()) * 1_000_000_000
    refused = document_store().count("rejected", frozenset([str(row.whisperer_id)]), None, since=since)
    return counted - stored <= refused


def _minutes(row: Capture) -> Counter[str]:
    """The sums of a capture's documents in the store."""
    sums: Counter[str] = Counter()
    wanted, after = query.parse(f'kind:capture AND capture:"{row.pk}"', "monitoring"), None
    while True:
        page = document_store().search("monitoring", EVERYTHING, wanted, size=PAGE, after=after)
        for hit in page.hits:
            for name, value in hit["counters"].items():
                sums[name] += int(value)
        after = page.after
        if after is None:
            return sums


def _settle(known: Mapping[tuple[str, str], Alarm], found: Mapping[Capture, Faults], closed: set[str]) -> list[Alarm]:
    """Write what is new, what changed and what is over; answers what is open."""
    now = time.time_ns()
    current = {}
    for row, faulty in found.items():
        for equation, whole, accounted in faulty:
            alarm = alarms.of_capture(row, equation, whole, accounted, now)
            old = known.get(alarm.key)
            current[alarm.key] = alarms.again(old, alarm) if old else alarm
    _tell(alarm for key, alarm in current.items() if key not in known)
    alarms.write((alarm for key, alarm in current.items() if alarm != known.get(key)), "open")
    looked_at = {row.pk for row in found}
    over = [
        alarm
        for key, alarm in known.items()
        if key not in current
        and alarm.capture in looked_at
        and (alarm.equation not in alarms.STORED or alarm.capture in closed)
    ]
    gone = _deleted({alarm.capture for key, alarm in known.items() if key not in current} - looked_at)
    over += [alarm for alarm in known.values() if alarm.capture in gone]
    for alarm in over:
        log.info("accounting.alarm_cleared", capture=alarm.capture, equation=alarm.equation)
    alarms.write((alarms.at(alarm, now) for alarm in over), "cleared")
    still = [alarm for key, alarm in known.items() if key not in current and alarm not in over]
    return [*current.values(), *still]


def _deleted(names: set[str]) -> set[str]:
    """Captures that are no more: nothing of them can be repaired."""
    return names - set(Capture.objects.filter(pk__in=names).values_list("pk", flat=True)) if names else set()


def _tell(new: Iterable[Alarm]) -> None:
    for alarm in new:
        log.error(
            "accounting.alarm", capture=alarm.capture, whisperer=alarm.whisperer, equation=alarm.equation,
            whole=alarm.whole, accounted=alarm.accounted, difference=alarm.difference,
        )  # fmt: skip
