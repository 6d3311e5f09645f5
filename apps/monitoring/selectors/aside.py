"""What was put aside, as far as a person may see it: packets that could not be digested, and what came of them.

Each is one document of the accounting; its state is that of its newest version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from apps.captures.models import Capture
from apps.captures.services import redis_link
from apps.core.errors import ApplicationError
from apps.core.links import search_url
from apps.core.servers import document_store
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, rights_on, scope_for, visible_whisperers
from documents import query
from documents.ast import Node
from store.documents import Page
from store.documents.aside import RESOURCE
from store.documents.names import REJECTED
from store.redis import work
from store.redis.work import SecondTry

STATES: Final = {
    "waiting": "waits for its second try",
    "repaired": "repaired by the second try",
    "definite": "failed again",
}
WHAT: Final = {
    "chunk": "a chunk",
    "rows": "packets of some flows",
    "session": "the end of a TCP session",
    "nothing": "nothing",
}
#: Why something was put aside or failed again, in words; any other name is an exception of ours.
REASONS: Final = {
    "workerDied": "Two workers died of it: look for the kernel's out-of-memory killer, or for very large chunks.",
    "CaptureError": "It is no capture, or its compression is broken: look at the agent's host and version.",
    "notKept": "Its packets are not kept any more, or never were.",
    "refusedByStore": "The document store refused a document of it: see the refused documents.",
    "sessionStartNotKept": "What needed the rest of its TCP sessions could not be told.",
    "sessionKept": "Its TCP session was read anew from the first packet.",
}
OURS: Final = "A bug of Spider's: the worker's log has the trace. Try it again after a fix."
PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Aside:
    """One thing that was put aside. `traffic` is the address of its capture's traffic, empty where nothing of it was
    read yet; `due`: when what waits is tried, None where Redis does not say; `may_try` whether the person may have it
    tried again."""

    id: str
    whisperer: str
    name: str
    capture: str
    chunk: int
    date: str
    what: str
    packets: int | None
    state: str
    due: datetime | None
    reason: str
    outcome: str
    tried: str
    traffic: str
    may_try: bool

    @property
    def what_words(self) -> str:
        """What it was, in words."""
        return WHAT.get(self.what, self.what)

    @property
    def state_words(self) -> str:
        """How it stands, in words."""
        return STATES.get(self.state, self.state)

    @property
    def reason_words(self) -> str:
        """Why it was put aside, in words."""
        return REASONS.get(self.reason, OURS)

    @property
    def outcome_words(self) -> str:
        """What its second try gave, in words; empty before one."""
        return REASONS.get(self.outcome, OURS) if self.outcome else ""


@dataclass(frozen=True, slots=True)
class AsideList:
    """A page of them, newest first, and how many there are by state."""

    items: list[Aside]
    counts: Mapping[str, int]
    after: str | None
    total: int


def listed(user: Person, *, state: str = "", whisperer: str = "", after: str | None = None) -> AsideList:
    """What was put aside. Raises ApplicationError 400 for a state or whisperer that is none."""
    scope = scope_for(user, "see")
    counted = document_store().terms(RESOURCE, scope, _wanted("", whisperer), "state", size=10)
    found = document_store().search(
        RESOURCE, scope, _wanted(state, whisperer), sort="-date", size=PAGE, after=after or None
    )
    counts = dict(counted)
    return AsideList(_items(user, found.hits), {name: counts.get(name, 0) for name in STATES}, found.after, found.total)


def record_of(user: Person, id: str) -> tuple[dict[str, Any], Whisperer]:
    """The document of one thing that was put aside, and its whisperer. Raises ApplicationError 404."""
    found = document_store().get(RESOURCE, scope_for(user, "see"), id)
    owner = None
    if found is not None and found.get("kind") == "quarantine":
        owner = visible_whisperers(user).filter(pk=found["whisperer"]).first()
    if found is None or owner is None:
        message = "Nothing of this name was put aside, or its day is over."
        raise ApplicationError(message, code="not_found", status_code=404)
    return found, owner


def shown(user: Person, record: dict[str, Any]) -> Aside:
    """One document as a person sees it."""
    return _items(user, [record])[0]


def refused(user: Person) -> Page:
    """The newest documents that the store refused."""
    return document_store().search(REJECTED, scope_for(user, "see"), None, sort="-date", size=PAGE)


def _wanted(state: str, whisperer: str) -> Node:
    text = "kind:quarantine"
    if state:
        if state not in STATES:
            message = f"state is {state!r}: say {', '.join(STATES)}, or nothing for all."
            raise ApplicationError(message, field="state")
        text += f" AND state:{state}"
    if whisperer:
        try:
            text += f' AND whisperer:"{UUID(whisperer)}"'
        except ValueError:
            message = f"whisperer is {whisperer[:60]!r}: give the id of a whisperer, or nothing for all."
            raise ApplicationError(message, field="whisperer") from None
    return query.parse(text, RESOURCE)


def _items(user: Person, hits: list[dict[str, Any]]) -> list[Aside]:
    owners = Whisperer.objects.in_bulk({UUID(hit["whisperer"]) for hit in hits})
    rights = rights_on(user, owners.values())
    captures = Capture.objects.in_bulk({hit["capture"] for hit in hits})
    due = _due([hit for hit in hits if hit["state"] == "waiting"])
    return [_item(hit, due.get(hit["id"]), owners, rights, captures) for hit in hits]


def _due(waiting: list[dict[str, Any]]) -> dict[str, datetime]:
    """When each is tried, by its id; nothing while Redis does not answer."""
    if not waiting:
        return {}
    try:
        with redis_link() as link:
            times = work.due_at(link, [SecondTry.read(hit["item"]) for hit in waiting])
    except ApplicationError:
        return {}
    return {
        hit["id"]: datetime.fromtimestamp(at / 1000, UTC)
        for hit, at in zip(waiting, times, strict=True)
        if at is not None
    }


def _item(
    hit: dict[str, Any],
    due: datetime | None,
    owners: Mapping[UUID, Whisperer],
    rights: Mapping[UUID, frozenset[str]],
    captures: Mapping[str, Capture],
) -> Aside:
    key = UUID(hit["whisperer"])
    owner, capture = owners.get(key), captures.get(hit["capture"])
    traffic = ""
    if capture is not None and capture.first_packet is not None and capture.last_packet is not None:
        traffic = search_url(capture.pk, capture.first_packet, capture.last_packet)
    return Aside(
        id=hit["id"],
        whisperer=hit["whisperer"],
        name=owner.name if owner else "deleted",
        capture=hit["capture"],
        chunk=hit["chunk"],
        date=hit["date"],
        what=hit.get("what", ""),
        packets=hit.get("packets"),
        state=hit["state"],
        due=due,
        reason=hit.get("reason", ""),
        outcome=hit.get("outcome", ""),
        tried=hit.get("tried", ""),
        traffic=traffic,
        may_try=hit["state"] != "repaired" and "configure" in rights.get(key, frozenset()) and capture is not None,
    )
