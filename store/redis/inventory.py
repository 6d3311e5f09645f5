"""Every key of the server with the owner that will remove it, and those that nobody owns.

Names are read first and owners after them, so what came and went meanwhile is not taken for lost: a name without an
owner counts only if it is still there at the end. Nothing is changed. All of the outbox is read where there are blobs.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from store.redis import captures, chunks
from store.redis.connection import Link
from store.redis.keys import RESOURCES

#: Names that one call asks for; outbox entries likewise, which may have a megabyte each.
SCAN, ENTRIES = 1_000, 16
#: Lost keys that are named.
MOST_NAMED = 1_000
PERMANENT = "permanent"


@dataclass(slots=True)
class Inventory:
    """Keys by kind; `bound`: at most so many of each may be there, as their owners stand; `lost`: names without owner,
    the first of them."""

    kinds: Counter[str] = field(default_factory=Counter)
    bounds: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    others: int = 0

    @property
    def total(self) -> int:
        """All keys of ours."""
        return sum(self.kinds.values()) + len(self.lost)

    @property
    def bound(self) -> int:
        """How many keys there may be now."""
        return sum(self.bounds.values())

    @property
    def left(self) -> int:
        """Keys that a drained server has not."""
        return self.total - self.kinds[PERMANENT]


def take(link: Link, others: Sequence[str] = ()) -> Inventory:
    """Look at every key. `others`: beginnings of names that belong to somebody else in the same database."""
    names = list(_names(link))
    owned, found = _owned(link, any(f"{{{link.keys.shard}}}:blob:" in name for name in names))
    orphans = []
    for name in names:
        if name in owned:
            found.kinds[owned[name]] += 1
        elif name.startswith(tuple(others)):
            found.others += 1
        else:
            orphans.append(name)
    for start in range(0, len(orphans), SCAN):
        part = orphans[start : start + SCAN]
        there = link.pipeline([("EXISTS", name) for name in part])
        found.lost += [name for name, exists in zip(part, there, strict=True) if exists]
    return found


def _names(link: Link) -> Iterator[str]:
    cursor, seen = b"0", set[bytes]()
    while True:
        cursor, names = link.command("SCAN", cursor, "COUNT", SCAN)
        yield from (name.decode(errors="replace") for name in set(names) - seen)
        seen.update(names)
        if cursor == b"0":
            return


def _owned(link: Link, blobs: bool) -> tuple[dict[str, str], Inventory]:
    """Every name that has an owner now, with its kind, and how many there may be of each."""
    keys, found = link.keys, Inventory()
    constant = [keys.captures, keys.closed, keys.work, keys.bytes, keys.due, keys.tries, keys.mark, keys.breakers]
    owned = dict.fromkeys([*constant, *(keys.out(resource) for resource in RESOURCES)], PERMANENT)
    found.bounds[PERMANENT] = len(owned)
    for capture in captures.all_captures(link):
        _own_capture(link, capture, owned, found)
    if blobs:
        for name in _blobs(link):
            owned[name] = "blobs"
        found.bounds["blobs"] = sum(kind == "blobs" for kind in owned.values())
    return owned, found


def _own_capture(link: Link, capture: str, owned: dict[str, str], found: Inventory) -> None:
    own, number = link.keys.capture(capture), captures.partitions_of(link, capture) or 0
    records, *bodies = link.pipeline([("HGETALL", own.chunks), *(("HKEYS", own.bodies(p)) for p in range(number))])
    owned |= dict.fromkeys((own.meta, own.chunks, own.holes, own.acct), "captures")
    owned |= dict.fromkeys(own.partitions(number), "partitions")
    for p in range(number):
        owned |= dict.fromkeys((own.states(p), own.bodies(p)), "sessions")
        owned |= {own.body(p, name.decode()): "bodies" for name in bodies[p]}
    found.bounds.update(captures=4, partitions=number, sessions=2 * number, bodies=sum(map(len, bodies)))
    for name, text in zip(records[::2], records[1::2], strict=True):
        record = chunks.read_record(int(name), text)
        if record is not None and record.status == "a":
            owned[own.raw(record.number, record.attempt)] = "chunks"
            found.bounds["chunks"] += 1
        elif record is not None and record.status == "s":
            owned |= {own.slice(record.number, p, record.attempt): "slices" for p in range(number)}
            found.bounds["slices"] += record.left


def _blobs(link: Link) -> Iterator[str]:
    """Blobs that entries of the outbox name."""
    for resource in RESOURCES:
        start = "-"
        while True:
            entries = link.command("XRANGE", link.keys.out(resource), start, "+", "COUNT", ENTRIES)
            for _, fields in entries:
                if fields[0] == b"k":
                    yield fields[1].decode()
            if len(entries) < ENTRIES:
                break
            start = f"({entries[-1][0].decode()}"
