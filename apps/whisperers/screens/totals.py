"""Totals of all time: the sums of captures that ended, from their rows, and of those under way, from Redis; and what is
in the document store of it now."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.exceptions import RedisError

from apps.core.servers import chunk_store, document_store
from apps.whisperers.models import Whisperer
from store.documents import StoreUnavailable
from store.redis import accounting
from store.redis.connection import UnfitServerError

log = structlog.get_logger(__name__)

#: Captures under way of one whisperer that are asked for; each is a call of Redis.
MOST_OPEN = 200
PARTS = {
    "packets.session": "In TCP sessions",
    "packets.notTcp": "Not TCP",
    "packets.undecodable": "Not decodable",
    "packets.late": "Too late",
    "packets.quarantined": "Set aside",
}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of a whisperer. `stored`: documents by resource, None where the store does not answer; `complete`: whether
    captures under way are in the sums."""

    captures: int
    under_way: int
    counters: Counter[str] = field(default_factory=Counter)
    stored: dict[str, int | None] = field(default_factory=dict)
    complete: bool = True

    @property
    def packets(self) -> int:
        """Every packet that was uploaded."""
        return self.counters["packets.uploaded"]

    @property
    def bytes(self) -> int:
        """Bytes that were uploaded."""
        return self.counters["bytes.uploaded"]

    @property
    def parts(self) -> list[tuple[str, int]]:
        """Where the packets are, with those that still wait; the numbers add up to `packets`."""
        found = [(title, self.counters[name]) for name, title in PARTS.items()]
        waiting = self.packets - sum(count for _, count in found)
        return [*found, ("Waiting", max(waiting, 0))]


def totals(whisperer: Whisperer) -> Totals:
    """Everything that was ever captured for a whisperer; may ask three servers, and none of them has to answer."""
    # `captures` is the other end of a relation of an app above this one.
    rows: Any = whisperer.captures
    sums: Counter[str] = Counter()
    for counted in rows.filter(state="closed").values_list("totals", flat=True).iterator():
        sums.update(counted)
    under_way = list(rows.filter(state="open").values_list("pk", flat=True)[: MOST_OPEN + 1])
    complete = len(under_way) <= MOST_OPEN
    if under_way:
        complete = _add_open(sums, under_way[:MOST_OPEN]) and complete
    return Totals(rows.count(), len(under_way), sums, _stored(whisperer), complete)


def _add_open(sums: Counter[str], captures: list[str]) -> bool:
    """Add what Redis counts of captures under way; False when it does not answer."""
    try:
        with chunk_store().link() as link:
            for capture in captures:
                sums.update(accounting.totals(link, capture).counters)
    except (RedisError, UnfitServerError, OSError) as error:
        log.warning("totals.redis_away", error=type(error).__name__)
        return False
    return True


def _stored(whisperer: Whisperer) -> dict[str, int | None]:
    scope = frozenset([str(whisperer.pk)])
    found: dict[str, int | None] = {}
    for resource in ("tcpsessions", "httpcomms"):
        try:
            found[resource] = document_store().count(resource, scope, None)
        except StoreUnavailable:
            found[resource] = None
    return found
