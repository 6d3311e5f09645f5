"""The work of a purge: what goes, step by step, so that its progress shows and it can be stopped between two steps.

By time alone communications go that began in the range, and TCP sessions, packets and bodies that lie wholly in it. By
a query communications go one by one: their bodies are cut out of the pages that hold them, and their TCP sessions and
packets go where no other communication needs them. See docs/adr/0025-pins-and-purges.md.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from apps.core.servers import document_store
from apps.httpcomms import pinning, requests
from apps.httpcomms.cutting import cut_bodies, cut_packets
from apps.httpcomms.models import Purge
from apps.httpcomms.purges import KINDS, began, ended_before
from apps.httpcomms.selectors.export import one_of, parts
from documents.ast import And, Node, Not, Range
from documents.fields import TIME_FIELD, fields
from documents.ids import PINNED
from store.documents import Scope
from store.documents.names import Part

Step = tuple[str, int]


def steps(purge: Purge) -> Iterator[Step]:
    """Remove it bit by bit: of which kind how many went with each step."""
    scope: Scope = frozenset({str(purge.whisperer_id)})
    node = requests.parse(purge.query)
    for resource in {"httpcomms", *(KINDS[kind] for kind in purge.kinds)}:
        document_store().refresh(resource)  # what was written just now goes as well
    return _by_time(purge, scope) if node is None else _by_query(purge, scope, node)


def _by_time(purge: Purge, scope: Scope) -> Iterator[Step]:
    for kind in purge.kinds:
        since = began(kind, purge.since)
        node = ended_before(purge.until) if kind == "sessions" else None
        for day in document_store().days(KINDS[kind]):
            part = Part(day.resource, day.day, day.policy)
            if not purge.pinned:
                if part.policy == PINNED:
                    continue
                pinning.keep(part, scope, node, since=since, until=purge.until)
            gone = document_store().purge(part.resource, scope, node, since=since, until=purge.until, part=part)
            for count in gone:
                yield kind, count


def _by_query(purge: Purge, scope: Scope, node: Node) -> Iterator[Step]:
    sessions: set[str] = set()
    needed: set[str] = set()
    for batch in document_store().scan("httpcomms", scope, node, since=purge.since, until=purge.until):
        pinned = set() if purge.pinned else pinning.pinned_of([hit["id"] for hit in batch])
        going = [hit for hit in batch if hit["id"] not in pinned]
        sessions |= {hit["tcpSession"] for hit in going}
        needed |= {hit["tcpSession"] for hit in batch if hit["id"] in pinned}
        if "bodies" in purge.kinds:
            yield "bodies", cut_bodies(scope, going)
        if "communications" in purge.kinds:
            yield from _delete("communications", scope, [hit["id"] for hit in going])
    if {"sessions", "packets"} & set(purge.kinds):
        yield from _sessions(purge, scope, sorted(sessions - needed), Not(_in_range(purge, node)))


def _in_range(purge: Purge, node: Node) -> Node:
    if purge.since is None and purge.until is None:
        return node
    return And((node, Range(fields("httpcomms")[TIME_FIELD], None, purge.since, purge.until, include_high=False)))


def _sessions(purge: Purge, scope: Scope, ids: list[str], others: Node) -> Iterator[Step]:
    """TCP sessions and their packets, but for those that communications which were not found are of."""
    for some in parts(ids):
        node = And((one_of(some, "tcpSession"), others))
        needed = {hit["tcpSession"] for hit in _hits("httpcomms", scope, node)}
        going = [id for id in some if id not in needed]
        if going and "packets" in purge.kinds:
            found = list(_hits("tcpsessions", scope, one_of(going, resource="tcpsessions")))
            yield "packets", cut_packets(scope, found)
        if "sessions" in purge.kinds:
            yield from _delete("sessions", scope, going)


def _delete(kind: str, scope: Scope, ids: list[str]) -> Iterator[Step]:
    resource = KINDS[kind]
    for some in parts(ids):
        for count in document_store().purge(resource, scope, one_of(some, resource=resource)):
            yield kind, count


def _hits(resource: str, scope: Scope, node: Node) -> Iterable[dict[str, Any]]:
    return (hit for batch in document_store().scan(resource, scope, node) for hit in batch)
