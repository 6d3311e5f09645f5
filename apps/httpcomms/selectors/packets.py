"""Packets of TCP sessions as one list: what a capture tool shows, of the sessions that a query finds.

Packets are kept in blobs by flow, not as documents, so they are found through their sessions: the newest that had a
packet in the range and fit the query. The sessions of a list are bounded, and the list says how many there were.
"""

import time
from dataclasses import dataclass
from typing import Any

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.httpcomms.packetlist import Packet, SessionPackets
from apps.httpcomms.requests import Search
from apps.whisperers.rights import Person, scope_for
from documents.ast import And, Node, Range
from documents.fields import fields
from store.documents import EVERYTHING, Scope

RESOURCE = "tcpsessions"
#: Sessions whose packets are read for one list: each costs the blobs of its chunks.
MAX_SESSIONS = 30
#: After so long no other session is begun.
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class PacketRow:
    """A packet with the session that it belongs to."""

    session: dict[str, Any]
    packet: Packet

    @property
    def source(self) -> dict[str, Any]:
        """The end that sent it."""
        return self.session[self.packet.direction]

    @property
    def target(self) -> dict[str, Any]:
        """The end that it was sent to."""
        return self.session["server" if self.packet.direction == "client" else "client"]


@dataclass(frozen=True, slots=True)
class PacketRows:
    """The newest packets first. `total` counts what the sessions that were read have in the range; `read` of `sessions`
    were read; `gone` of them have no packets kept."""

    rows: list[PacketRow]
    total: int
    read: int
    sessions: int
    at_least: bool
    gone: int


def packets_scope(user: Person) -> Scope:
    """The whisperers whose packets the person may read: that takes the right to search as well."""
    search, found = scope_for(user), scope_for(user, "packets")
    if search is EVERYTHING or found is EVERYTHING:
        return found if search is EVERYTHING else search
    return search & found


def packets(scope: Scope, wanted: Search, size: int) -> PacketRows:
    """The last `size` packets in the range, of the sessions that fit the query. `scope` is that of packets."""
    since, until = wanted.range.since, wanted.range.until
    page = document_store().search(
        RESOURCE, scope, _touching(wanted.node, since), until=until, sort="-lastDate", size=MAX_SESSIONS
    )
    rows: list[PacketRow] = []
    total = gone = read = 0
    end = time.monotonic() + SECONDS
    for session in page.hits:
        if time.monotonic() > end:
            break  # the list says of how many sessions it is
        read += 1
        try:
            listed = SessionPackets(scope, session).between(since, until, size)
        except ApplicationError as error:
            if error.status_code not in (404, 413):
                raise
            gone += 1
            continue
        total += listed.inside
        rows += (PacketRow(session, packet) for packet in listed.packets)
        rows = sorted(rows, key=lambda row: row.packet.time)[-size:]
    return PacketRows(rows[::-1], total, read, page.total, page.at_least, gone)


def _touching(node: Node | None, since: int | None) -> Node | None:
    """Also sessions that began before the range: their last packet is not before it."""
    if since is None:
        return node
    begun = Range(fields(RESOURCE)["lastDate"], None, since, None)
    return begun if node is None else And((node, begun))
