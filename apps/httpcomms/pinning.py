"""What is pinned and where it is kept: copied out of a day before the day goes, removed when nobody pins it any more.

A pin names communications; with each its TCP session, its bodies and its packets are meant. As long as their day is
there nothing is copied. Before a day of a resource is dropped what is pinned of it is written to the part `pinned` of
the same day, under the same id and version: readers look through all parts, so they find it as before.
"""

from collections.abc import Iterable, Iterator, Mapping

import orjson
from django.db.models import QuerySet

from apps.core.servers import document_store
from apps.httpcomms.cutting import (
    Change,
    Wanted,
    bodies_of,
    bodies_part,
    cut_bodies,
    cut_packets,
    packets_of,
    packets_part,
)
from apps.httpcomms.evidence import partitions_of
from apps.httpcomms.models import Pin, PinnedCommunication
from apps.httpcomms.selectors.export import one_of, parts
from documents import bulk, ids
from documents.ast import And, Node
from documents.build import Document
from documents.ids import PINNED
from store.documents import EVERYTHING, Scope, StoreError, WriteResult, blobs
from store.documents.names import BLOB_RESOURCES, Part

#: What a pin names in each resource, by the field of its rows.
_NAMED = {"httpcomms": "communication", "tcpsessions": "session", "httpbodies": "communication", "packets": "session"}
#: Blobs written at once.
_AT_ONCE = 8


def rows(resource: str = "httpcomms") -> "QuerySet[PinnedCommunication, str]":
    """Ids of what is pinned now of a resource; of blobs of what they belong to."""
    live = PinnedCommunication.objects.filter(pin__removed=None)
    return live.values_list(_NAMED[resource], flat=True).distinct()


def pinned_of(found: Iterable[str]) -> set[str]:
    """Those of some communications that are pinned."""
    return set(rows().filter(communication__in=list(found)))


def keep(
    part: Part, scope: Scope = EVERYTHING, node: Node | None = None, *, since: int | None = None,
    until: int | None = None,
) -> None:  # fmt: skip
    """Copy what is pinned of a part, which is about to go, or of a range of it. Done again it writes nothing twice.

    Raises StoreError where something could not be written: then the part has to stay.
    """
    if part.resource not in _NAMED or part.policy == PINNED:
        return
    if part.resource in BLOB_RESOURCES:
        _keep_blobs(part, scope, since, until)
        return
    named = rows(part.resource).filter(**{f"{_NAMED[part.resource]}__startswith": f"{part.day}-{part.policy}-"})
    for some in parts(list(named)):
        wanted = one_of(some, resource=part.resource)
        both = wanted if node is None else And((wanted, node))
        for batch in document_store().scan(part.resource, scope, both, since=since, until=until):
            copies = [
                Document(hit["id"], hit["version"], part.resource, part.day, PINNED, orjson.dumps(hit)) for hit in batch
            ]
            _check(document_store().write(part.resource, bulk.lines(copies)))


def _keep_blobs(part: Part, scope: Scope, since: int | None, until: int | None) -> None:
    copies: list[bytes] = []
    for copy in _blob_copies(part, scope, since, until):
        copies.append(copy)
        if len(copies) == _AT_ONCE:
            _check(document_store().write_blobs(part.resource, copies))
            copies = []
    _check(document_store().write_blobs(part.resource, copies))


def _blob_copies(part: Part, scope: Scope, since: int | None, until: int | None) -> Iterator[bytes]:
    copied = Part(part.resource, part.day, PINNED)
    for capture, wanted, change in _wanted(part, scope):
        for first, last in wanted.runs():
            for partition in partitions_of(capture):
                place = part.resource, scope, capture, partition, first, last
                there = set(document_store().blobs(*place, part=copied))
                for blob in document_store().blobs(*place, part=part):
                    found = change(blob) if _lies_in(blob, since, until) else None
                    copy = None if found is None else _copied(found)
                    if copy is not None and copy not in there:
                        yield copy


def _wanted(part: Part, scope: Scope) -> Iterator[tuple[str, Wanted, Change]]:
    """Of each capture with something pinned that may have blobs in a part: in which chunks, and what of them."""
    named = [id for id in rows(part.resource) if _may_be_in(id, part)]
    resource = "httpcomms" if part.resource == "httpbodies" else "tcpsessions"
    hits = (
        hit
        for some in parts(named)
        for batch in document_store().scan(resource, scope, one_of(some, resource=resource))
        for hit in batch
    )
    by_bodies = part.resource == "httpbodies"
    found: Mapping[str, Wanted] = bodies_of(hits) if by_bodies else packets_of(hits)
    for capture, wanted in found.items():
        yield capture, wanted, (bodies_part if by_bodies else packets_part)(wanted, inside=True)


def _may_be_in(id: str, part: Part) -> bool:
    """Whether a part may have blobs of it: a session's are of its first day or later."""
    place = ids.parse(id)
    return place is not None and place.policy == part.policy and place.day <= part.day


def _lies_in(blob: bytes, since: int | None, until: int | None) -> bool:
    head = blobs.header(blob)
    return (since is None or head["first"] >= since) and (until is None or head["last"] < until)


def _copied(blob: bytes) -> bytes:
    head = blobs.header(blob)
    place = {name: head[name] for name in ("whisperer", "capture", "partition", "chunk", "day")}
    return blobs.stamp(blob, policy=PINNED, **place)


def _check(result: WriteResult) -> None:
    if result.failed:
        raise StoreError(f"a copy of what is pinned was refused: {result.failed[0].reason}")


def release() -> None:
    """Remove the copies of pins that were taken back, and then these."""
    for pin in Pin.objects.exclude(removed=None):
        _release(pin)
        pin.delete()


def _release(pin: Pin) -> None:
    gone = {name: _gone(pin, name) for name in ("httpcomms", "tcpsessions")}
    for resource, named in gone.items():
        kept = "httpbodies" if resource == "httpcomms" else "packets"
        cut = cut_bodies if resource == "httpcomms" else cut_packets
        for some in parts(named):
            node = one_of(some, resource=resource)
            hits = [hit for batch in document_store().scan(resource, EVERYTHING, node) for hit in batch]
            for part in _copies(kept):
                cut(EVERYTHING, hits, part)
            for part in _copies(resource):
                sum(document_store().purge(resource, EVERYTHING, node, part=part))
    for resource in _NAMED:
        for part in _copies(resource):
            if not any(_could_hold(part, id) for id in rows(resource)):
                document_store().drop_day(part.resource, part.day, part.policy)


def _gone(pin: Pin, resource: str) -> list[str]:
    """What it named and no other pin does."""
    field = _NAMED[resource]
    own = pin.communications.values_list(field, flat=True).distinct()
    return [id for some in parts(sorted(own)) for id in _unnamed(resource, some)]


def _unnamed(resource: str, some: Iterable[str]) -> list[str]:
    named = set(rows(resource).filter(**{f"{_NAMED[resource]}__in": list(some)}))
    return [id for id in some if id not in named]


def _copies(resource: str) -> list[Part]:
    days = document_store().days(resource)
    return [Part(resource, day.day, day.policy) for day in days if day.policy == PINNED]


def _could_hold(part: Part, id: str) -> bool:
    place = ids.parse(id)
    if place is None:
        return True
    return place.day <= part.day if part.resource in BLOB_RESOURCES else place.day == part.day


def forget(whisperer: str) -> None:
    """Nothing of a whisperer is pinned any more: all of it was removed."""
    PinnedCommunication.objects.filter(whisperer=whisperer).delete()
    Pin.objects.filter(communications=None).delete()


def forget_missing(whisperer: str) -> None:
    """What was removed although it was pinned is not pinned any more."""
    document_store().refresh("httpcomms")
    own = PinnedCommunication.objects.filter(whisperer=whisperer)
    for some in parts(sorted(own.values_list("communication", flat=True).distinct())):
        hits = document_store().scan("httpcomms", frozenset({whisperer}), one_of(some))
        there = {hit["id"] for batch in hits for hit in batch}
        own.filter(communication__in=set(some) - there).delete()
    Pin.objects.filter(communications=None).delete()
