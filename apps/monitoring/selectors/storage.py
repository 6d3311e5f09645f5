"""What is stored: days by resource and storage policy with their size, and when each goes; room on the disks."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Final

from apps.captures.space import Disk, disks, short_disk
from apps.core import startup
from apps.core.servers import document_store
from apps.whisperers.models import StoragePolicy, Whisperer
from apps.whisperers.retention import KINDS, Retention
from documents.ids import PINNED
from store.documents import StoreUnavailable
from store.documents.names import RESOURCES

#: What each resource is called, in the order shown.
TITLES: Final = {
    "httpcomms": "Communications",
    "tcpsessions": "TCP sessions",
    "httpbodies": "Bodies",
    "packets": "Packets",
    "monitoring": "Accounting",
    "hosts": "Hosts",
    "rejected": "Refused documents",
}


@dataclass(frozen=True, slots=True)
class StoredDay:
    """One day of a resource under a policy. `last` is the last day it is kept, None for ever. Documents are estimated
    by the engine."""

    resource: str
    title: str
    policy: str
    day: date
    documents: int
    bytes: int
    last: date | None


@dataclass(frozen=True, slots=True)
class Days:
    """How long a kind of data stays under a policy: `own` days, None where the settings decide, and those in force,
    None for ever."""

    kind: str
    own: int | None
    days: int | None


@dataclass(frozen=True, slots=True)
class PolicyUse:
    """A storage policy: its days by kind, and what uses it. `record` is None for a name that whisperers or documents
    have and nobody described."""

    name: str
    record: StoragePolicy | None
    kinds: list[Days]
    whisperers: int
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Storage:
    """All of it. `away` says why the document store did not answer, empty when it did; `behind` what its stored days
    lack and what to run, empty when nothing."""

    days: list[StoredDay]
    policies: list[PolicyUse]
    disks: list[Disk]
    short: Disk | None
    away: str = ""
    behind: str = ""

    @property
    def bytes(self) -> int:
        """Bytes of everything stored."""
        return sum(one.bytes for one in self.days)


def storage() -> Storage:
    """As of now, newest days first."""
    kept, away, behind = Retention.now(), "", ""
    days: list[StoredDay] = []
    try:
        for resource in RESOURCES:
            for part in document_store().days(resource):
                moment = date(int(part.day[:4]), int(part.day[4:6]), int(part.day[6:]))
                last = kept.last_day(resource, part.policy, part.day)
                title = TITLES.get(resource, resource)
                days.append(StoredDay(resource, title, part.policy, moment, part.documents, part.bytes, last))
        if finding := startup.store_finding(document_store().stored_version()):
            behind = f"{finding.says} Run: {finding.run}"
    except StoreUnavailable as error:
        away = str(error)
    order = list(TITLES)
    days.sort(key=lambda one: (-one.day.toordinal(), one.policy, order.index(one.resource)))
    return Storage(days, _policies(kept, days), disks(), short_disk(), away, behind)


def _policies(kept: Retention, days: list[StoredDay]) -> list[PolicyUse]:
    stored: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in days:
        stored[one.policy][0] += one.documents
        stored[one.policy][1] += one.bytes
    used: defaultdict[str, int] = defaultdict(int)
    for name in Whisperer.objects.values_list("policy", flat=True):
        used[name] += 1
    names = sorted({"default", *kept.policies, *stored, *used} - {PINNED}, key=lambda name: (name != "default", name))
    return [
        PolicyUse(
            name,
            kept.policies.get(name),
            [
                Days(kind, getattr(kept.policies.get(name), kind, None), kept.days(resource, name))
                for kind, resource in KINDS.items()
            ],
            used[name],
            *stored[name],
        )
        for name in names
    ]
