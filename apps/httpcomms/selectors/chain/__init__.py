"""Why does a search find nothing? The chain from a person's rights to the query, with the first broken link named.

Each link is told from what exists: rows of whisperers, agents and captures, Redis' sums, and the document store, always
within the person's scope. What is wrong now is no reason for an empty range of last week, and no reason at all where
the range has traffic: then it is the query.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apps.core.servers import document_store
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.base import RESOURCE
from apps.httpcomms.selectors.chain import agents, data
from apps.httpcomms.selectors.chain.model import Asked, ChainLink, State, Step
from apps.whisperers.rights import Person, scope_for
from documents.fields import TIME_FIELD
from store.documents import Page

__all__ = ["Chain", "ChainLink", "State", "Step", "chain"]

#: A range that ends so shortly ago still counts as the present.
LIVE = timedelta(minutes=2)
_TITLES = {
    "whisperer": "Whisperer",
    "agent": "Agent",
    "capturing": "Capture",
    "packets": "Packets",
    "chunks": "Upload",
    "parsed": "Parse",
    "stored": "Store",
    "range": "Time range",
    "query": "Query",
}


@dataclass(frozen=True, slots=True)
class Chain:
    """The links in order; `broken` is the first one that explains an empty result, None where something was found or
    no link is broken."""

    links: Sequence[ChainLink]
    broken: ChainLink | None
    total: int
    at_least: bool = False


def chain(user: Person, screen: Screen) -> Chain:
    """Follow a search from rights to query. Raises StoreUnavailable."""
    now = datetime.fromtimestamp(screen.now / 1e9, UTC)
    asked = Asked(user, scope_for(user), screen.search, now, live=_is_live(screen))
    links = [agents.access(asked)]
    if links[-1].state != "broken":
        links.append(agents.existence(asked))
    if links[-1].state == "broken":
        return Chain([*links, *_not_reached(links)], links[-1], 0)
    _look(asked)
    found = data.Chunks(asked)
    links += agents.agents(asked)
    links += [data.accepted(asked, found), data.parsed(asked, found), data.stored(asked)]
    links += [data.time_range(asked, screen), data.query(asked, screen)]
    if asked.hits is not None and asked.has_hits:
        return Chain(links, None, asked.hits.total, asked.hits.at_least)
    return Chain(links, next((link for link in links if link.state == "broken"), None), 0)


def _not_reached(links: Sequence[ChainLink]) -> list[ChainLink]:
    """The links behind a broken one that nothing can be told of."""
    there = {link.key for link in links}
    return [
        ChainLink(key, title, "unknown", "Not looked at: the chain ends before it.")
        for key, title in _TITLES.items()
        if key not in there
    ]


def _is_live(screen: Screen) -> bool:
    until = screen.search.range.until
    return until is None or until >= screen.now - int(LIVE.total_seconds() * 1e9)


def _look(asked: Asked) -> None:
    """What the search finds, what is in its range, and the ends of all there is."""
    asked.hits = _page(asked, with_query=True)
    asked.inside = asked.hits if asked.has_hits or not asked.wanted.q else _page(asked, with_query=False)
    asked.newest, asked.oldest = _end(asked, "-"), _end(asked, "")


def _page(asked: Asked, *, with_query: bool) -> Page:
    span = asked.wanted.range
    node, scope = (asked.wanted.node, asked.scope) if with_query else (None, asked.narrowed)
    return document_store().search(RESOURCE, scope, node, since=span.since, until=span.until, size=1)


def _end(asked: Asked, direction: str) -> dict[str, object] | None:
    hits = document_store().search(RESOURCE, asked.narrowed, None, sort=direction + TIME_FIELD, size=1).hits
    return hits[0] if hits else None
