"""What else there is around a communication: others of its kind to compare with, those it is linked with, and the
order within its TCP session. Each question is bounded in time around the exchange and in what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.core.words import SECOND, nanoseconds
from apps.httpcomms import clauses, requests
from apps.httpcomms.selectors.base import RESOURCE
from documents.query import QueryError
from store.documents import Scope, TookTooLong
from store.documents.questions import Metric, Ranges

Json = Mapping[str, Any]

HOUR = 3600 * SECOND
#: Communications with the same identifier are looked for so long before and after.
LINKED_WITHIN = HOUR
#: Identifiers that are counted, and communications of a session listed before and after this one.
MAX_LINKS = 3
NEIGHBOURS = 50
#: Fewer than this say nothing about what is usual.
ENOUGH = 5
#: A comparison is not worth waiting longer for.
SECONDS = 2.0
PERCENTILES = tuple(Metric(name, "stats.duration") for name in ("p50", "p95", "p99"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """A communication beside others of its kind in the hour before it. `faster` is the share that took less time, in
    per cent; `count` and the percentiles (ms) are of those that were answered, this one among them."""

    like: str
    query: str
    since: int
    until: int
    count: int
    faster: float
    p50: float
    p95: float
    p99: float
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """An identifier, and how many other communications have it."""

    value: str
    query: str
    since: int
    until: int
    others: int


@dataclass(frozen=True, slots=True)
class Place:
    """A communication within its TCP session: `position` from 1 of `total`; `listed` are those around it in order, this
    one among them; `before` and `after` are the ids of its neighbours, empty at the ends."""

    position: int
    total: int
    before: str = ""
    after: str = ""
    listed: list[dict[str, Any]] = field(default_factory=list)


def kind(document: Json) -> tuple[str, str]:
    """What other communications are like this one: words for it, and the query that finds them."""
    req = document.get("req") or {}
    if not req:
        return "", ""
    if req.get("template"):
        return str(req["template"]), clauses.condition("req.template", str(req["template"])).text
    wanted = [clauses.condition(f"req.{name}", str(req[name])) for name in ("method", "host", "path") if req.get(name)]
    return f"{req.get('method', '')} {req.get('path', '')}".strip(), clauses.join(wanted)


def comparison(scope: Scope, document: Json) -> Comparison | None:
    """How its duration compares with its like; None where there is no duration, or too few to compare with."""
    duration = (document.get("stats") or {}).get("duration")
    like, query = kind(document)
    if duration is None or not query:
        return None
    until = nanoseconds(document["date"]) + 1
    store, since = document_store(), until - HOUR
    try:
        node = requests.parse(query)
        asked: dict[str, Any] = {"since": since, "until": until, "seconds": SECONDS}
        split = store.facets(RESOURCE, scope, node, [Ranges("stats.duration", (float(duration),))], **asked)
        faster, others = (count for _, count in split.answers[0].values[:2])
        if faster + others < ENOUGH:
            return None
        figures = store.figures(RESOURCE, scope, node, PERCENTILES, **asked).groups[0].figures
    except (QueryError, ApplicationError, TookTooLong):
        return None  # its path is longer than a query may be, or its like are too many to look at now
    if None in figures:
        return None
    p50, p95, p99 = (float(figure or 0) for figure in figures)
    count = faster + others
    share = 100.0 * faster / max(count - 1, 1)
    return Comparison(like, query, since, until, count, min(share, 100.0), p50, p95, p99, split.share < 1)


def links(scope: Scope, document: Json) -> list[Link]:
    """The communications that share an identifier with it, by identifier."""
    moment = nanoseconds(document["date"])
    since, until = moment - LINKED_WITHIN, moment + LINKED_WITHIN
    found = []
    for value in ((document.get("stats") or {}).get("correlation") or [])[:MAX_LINKS]:
        query = clauses.condition("stats.correlation", str(value)).text
        try:
            node = requests.parse(query)
        except (QueryError, ApplicationError):
            continue
        count = document_store().count(RESOURCE, scope, node, since=since, until=until)
        found.append(Link(str(value), query, since, until, max(count - 1, 0)))
    return found


def session(scope: Scope, document: Json) -> dict[str, Any] | None:
    """The record of its TCP session; None while the connection is being read."""
    return document_store().get("tcpsessions", scope, str(document.get("tcpSession", "")))


def place(scope: Scope, document: Json, session: Json | None) -> Place:
    """Where it is among the communications of its TCP session. `session` bounds the time; without it an hour does."""
    store, moment = document_store(), nanoseconds(document["date"])
    since = nanoseconds(session["date"]) if session else moment - HOUR
    until = (nanoseconds(session["lastDate"]) if session else moment + HOUR) + 1
    # Requests that were sent ahead may share a packet, and so their time: the order is that of time, then id.
    node = requests.parse(clauses.condition("tcpSession", str(document.get("tcpSession", ""))).text)
    past = store.search(RESOURCE, scope, node, since=since, until=moment, sort="-date", size=NEIGHBOURS).hits
    coming = store.search(RESOURCE, scope, node, since=moment, until=until, sort="date", size=NEIGHBOURS + 1).hits
    listed = [*reversed(past), *coming]
    ids = [hit["id"] for hit in listed]
    if document["id"] not in ids:
        return Place(0, len(ids))
    at = ids.index(document["id"])
    before = store.count(RESOURCE, scope, node, since=since, until=moment) if len(past) == NEIGHBOURS else len(past)
    total = store.count(RESOURCE, scope, node, since=since, until=until)
    return Place(
        position=before + at - len(past) + 1,
        total=total,
        before=ids[at - 1] if at else "",
        after=ids[at + 1] if at + 1 < len(ids) else "",
        listed=listed,
    )
