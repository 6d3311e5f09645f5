"""Sessions that a process keeps in memory between two drains of a partition: right as long as nobody else committed."""

from collections import OrderedDict
from dataclasses import dataclass

from store.redis import partitions
from store.redis.connection import Link
from store.redis.partitions import Lease
from wire.rebuild import Rebuilder

#: Partitions whose sessions a process keeps.
KEPT = 64


class Bodies:
    """Reads a partition's unfinished bodies through the connection of whichever drain has it now."""

    def __init__(self, link: Link, capture: str, p: int) -> None:
        self.link, self._capture, self._p = link, capture, p

    def __call__(self, session: str, direction: int) -> bytes:
        return partitions.fetch_body(self.link, self._capture, self._p, session, direction)


@dataclass(frozen=True, slots=True)
class Kept:
    """A partition's sessions, and the lease under which they were last right."""

    lease: Lease
    rebuilder: Rebuilder
    bodies: Bodies


_kept: OrderedDict[tuple[str, int], Kept] = OrderedDict()


def recall(lease: Lease, link: Link) -> Kept | None:
    """The sessions of this process's last turn at a partition, when nobody had it in between."""
    kept = _kept.pop((lease.capture, lease.p), None)
    if kept is None or lease.mode != "run":
        return None
    old = kept.lease
    if (old.fence + 1, old.number, old.chunk, old.row) != (lease.fence, lease.number, lease.chunk, lease.row):
        return None
    kept.bodies.link = link
    return kept


def keep(lease: Lease, rebuilder: Rebuilder, bodies: Bodies) -> None:
    """For the next turn; the partitions that waited longest for theirs are forgotten."""
    _kept[lease.capture, lease.p] = Kept(lease, rebuilder, bodies)
    if len(_kept) > KEPT:
        _kept.popitem(last=False)


def forget() -> None:
    """All of them, for tests: what a new process knows."""
    _kept.clear()
