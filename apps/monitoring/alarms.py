"""Alarms: sums that do not add up, one document for a capture and an equation, open until they do.

The day an alarm was first seen is part of where its document lies, so whoever changes it has read it before. Alarms
are few: whoever asks for them asks for all that are open.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
import structlog
from django.core.cache import cache

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.core.words import nanoseconds, rfc3339
from apps.whisperers.rights import Person, scope_for
from documents import build, bulk, query
from documents.build import Document
from documents.counters import BY_NAME
from store.documents import EVERYTHING, Scope, StoreUnavailable, TookTooLong

log = structlog.get_logger(__name__)

#: Open alarms that are told, newest first.
MOST: Final = 200
#: Seconds that the bar's figure may be old, and how long the store is asked for it.
BADGE_SECONDS, ASK_SECONDS = 15, 1.0
_BADGE: Final = "monitoring.alarms"
#: The storage policy that alarms are kept under, whatever their capture's is.
POLICY: Final = "default"
#: Equations between what was counted and what is stored, which only hold once a capture is over.
STORED: Final = {
    "minutes": "Minutes, as stored",
    "httpcomms": "Communications, as stored",
    "tcpsessions": "TCP sessions, as stored",
}


@dataclass(frozen=True, slots=True)
class Alarm:
    """An equation of a capture that does not hold: `whole` on one side, `accounted` on the other. `first` and `last`:
    when it was first seen and last written, in nanoseconds."""

    capture: str
    whisperer: str
    instance: str
    interface: str
    equation: str
    whole: int
    accounted: int
    first: int
    last: int

    @property
    def key(self) -> tuple[str, str]:
        """What makes it one alarm."""
        return self.capture, self.equation

    @property
    def difference(self) -> int:
        """What is missing from the other side; below 0, there is too much of it."""
        return self.whole - self.accounted

    @property
    def title(self) -> str:
        """The equation, as people say it."""
        return BY_NAME[self.equation].title if self.equation in BY_NAME else STORED.get(self.equation, self.equation)


def of_capture(row: Capture, equation: str, whole: int, accounted: int, now: int) -> Alarm:
    """A new alarm of a capture."""
    return Alarm(row.pk, str(row.whisperer_id), row.instance, row.interface, equation, whole, accounted, now, now)


def again(old: Alarm, seen: Alarm) -> Alarm:
    """An open alarm seen once more: the old one where nothing changed."""
    same = (old.whole, old.accounted) == (seen.whole, seen.accounted)
    return old if same else replace(seen, first=old.first)


def at(alarm: Alarm, now: int) -> Alarm:
    """The alarm as of now."""
    return replace(alarm, last=max(now, alarm.last + 1_000_000))


def open_alarms(scope: Scope, *, seconds: float | None = None) -> list[Alarm]:
    """Those that are open, newest first. Raises StoreUnavailable, TookTooLong."""
    if scope is not EVERYTHING and not scope:
        return []
    wanted = query.parse("kind:alarm AND state:open", "monitoring")
    hits = document_store().search("monitoring", scope, wanted, size=MOST, seconds=seconds).hits
    return [_read(hit) for hit in hits]


def _read(document: Mapping[str, Any]) -> Alarm:
    counters = document["counters"]
    return Alarm(
        capture=str(document["capture"]),
        whisperer=str(document["whisperer"]),
        instance=str(document.get("instance", "")),
        interface=str(document.get("interface", "")),
        equation=str(document["what"]),
        whole=int(counters["whole"]),
        accounted=int(counters["accounted"]),
        first=nanoseconds(str(document["date"])),
        last=nanoseconds(str(document["lastDate"])),
    )


def write(alarms: Iterable[Alarm], state: str) -> None:
    """Store alarms as "open" or "cleared"; later documents replace earlier ones. Raises StoreUnavailable."""
    made = [_document(alarm, state) for alarm in alarms]
    if not made:
        return
    failed = document_store().write("monitoring", bulk.lines(made)).failed
    for failure in failed:
        log.error("alarm.refused", id=failure.id, reason=failure.reason)


def _document(alarm: Alarm, state: str) -> Document:
    identity = f"alarm:{alarm.capture}:{alarm.equation}"
    version = alarm.last // 1_000_000
    body = {
        "id": identity,
        "version": version,
        "kind": "alarm",
        "whisperer": alarm.whisperer,
        "instance": alarm.instance,
        "interface": alarm.interface,
        "capture": alarm.capture,
        "date": build.stamp(alarm.first),
        "lastDate": build.stamp(alarm.last),
        "what": alarm.equation,
        "state": state,
        "reason": f"{alarm.whole} on one side, {alarm.accounted} on the other",
        "counters": {"whole": alarm.whole, "accounted": alarm.accounted, "difference": alarm.difference},
    }
    day = rfc3339(alarm.first)[:10].replace("-", "")
    return Document(identity, version, "monitoring", day, POLICY, orjson.dumps(body))


def badge(user: Person) -> int:
    """How many open alarms there are of whisperers that the person may see, for the bar of every page: seconds old, and
    0 where the store does not answer at once."""
    found = cache.get(_BADGE)
    if found is None:
        try:
            found = [alarm.whisperer for alarm in open_alarms(EVERYTHING, seconds=ASK_SECONDS)]
        except (StoreUnavailable, TookTooLong):
            found = []
        cache.set(_BADGE, found, BADGE_SECONDS)
    if not found:
        return 0
    scope = scope_for(user, "see")
    return sum(scope is EVERYTHING or whisperer in scope for whisperer in found)
