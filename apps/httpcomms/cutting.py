"""Blobs hold many bodies and many flows: what belongs to some communications or TCP sessions is found in them here, to
be cut out, or to be copied."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core.servers import document_store
from apps.core.words import nanoseconds
from apps.httpcomms.evidence import flow_key, partitions_of
from documents import pages
from documents.ids import FIRST_STEP, chunk_of
from store.documents import Scope
from store.documents.names import Part
from wire import blobs

#: Chunks that are read though nobody asked for them, rather than with one question more.
_GAP = 8

Change = Callable[[bytes], bytes | None]


@dataclass(slots=True)
class Wanted:
    """Of one capture: in which chunks to look, for which communications or for which stretches of which flows."""

    chunks: list[tuple[int, int]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    spans: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def runs(self) -> Iterator[tuple[int, int]]:
        """The chunks as few stretches."""
        return stretches(self.chunks, _GAP)


def stretches(chunks: Iterable[tuple[int, int]], gap: int) -> Iterator[tuple[int, int]]:
    """Ranges of chunks as ranges that do not overlap, in order; those that are at most `gap` apart are one."""
    first, last = -1, -1
    for low, high in sorted(chunks):
        if first < 0:
            first, last = low, high
        elif low > last + gap:
            yield first, last
            first, last = low, high
        last = max(last, high)
    if first >= 0:
        yield first, last


def bodies_of(hits: Iterable[dict[str, Any]]) -> Mapping[str, Wanted]:
    """Where the bodies of communications are, by capture: an earlier version may have left one in an earlier chunk."""
    found: defaultdict[str, Wanted] = defaultdict(Wanted)
    for hit in hits:
        if any(((hit.get(side) or {}).get("body") or {}).get("size") for side in ("req", "res")):
            last = max(chunk_of(hit["version"]), hit["chunk"])
            # Reprocessing left none in chunks before its own.
            found[hit["capture"]].chunks.append((last if last >= FIRST_STEP else hit["chunk"], last))
            found[hit["capture"]].ids.add(hit["id"])
    return found


def packets_of(hits: Iterable[dict[str, Any]]) -> Mapping[str, Wanted]:
    """Where the packets of TCP sessions are, by capture."""
    found: defaultdict[str, Wanted] = defaultdict(Wanted)
    for hit in hits:
        wanted, key = found[hit["capture"]], flow_key(hit["client"], hit["server"]).hex()
        wanted.chunks.append((hit["chunk"], hit["lastChunk"]))
        wanted.ids.add(hit["id"])
        wanted.spans.setdefault(key, []).append((nanoseconds(hit["date"]), nanoseconds(hit["lastDate"])))
    return found


def bodies_part(wanted: Wanted, *, inside: bool) -> Change:
    """A page with the bodies of these communications alone, or with all but those."""
    return lambda blob: pages.part(blob, lambda entry: (entry.rpartition("-")[0] in wanted.ids) is inside)


def packets_part(wanted: Wanted, *, inside: bool) -> Change:
    """Packets of these sessions alone, or all but those."""
    return lambda blob: blobs.part(blob, wanted.spans, inside=inside)


def cut_bodies(scope: Scope, hits: Iterable[dict[str, Any]], part: Part | None = None) -> int:
    """Cut the bodies of communications out of their pages; how many communications had any."""
    found = bodies_of(hits)
    for capture, wanted in found.items():
        _cut("httpbodies", scope, capture, wanted, bodies_part(wanted, inside=False), part)
    return sum(len(wanted.ids) for wanted in found.values())


def cut_packets(scope: Scope, hits: Iterable[dict[str, Any]], part: Part | None = None) -> int:
    """Cut the packets of TCP sessions out of their blobs; how many sessions these were."""
    found = packets_of(hits)
    for capture, wanted in found.items():
        _cut("packets", scope, capture, wanted, packets_part(wanted, inside=False), part)
    return sum(len(wanted.ids) for wanted in found.values())


def _cut(resource: str, scope: Scope, capture: str, wanted: Wanted, change: Change, part: Part | None) -> None:
    for first, last in wanted.runs():
        for partition in partitions_of(capture):
            document_store().rewrite(resource, scope, capture, partition, first, last, change, part=part)
