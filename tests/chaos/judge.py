"""What is found of a capture, compared with what there is to find: nothing lost, doubled, or left behind.

The truth is twofold: what the generator wrote (`tests.bench.truth`), and what `parse_capture` finds in the same file in
one process without any server, every field of every communication. Documents are compared as digests, so that a million
of them need little memory.
"""

import hashlib
import os
import tempfile
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from documents.query import parse
from store.documents import EVERYTHING, DocumentStore
from store.redis.accounting import PARTS
from tests.bench import truth
from tests.bench.e2e import leftovers
from tests.bench.generate import Made
from tests.chaos.world import World
from tests.flows.comparable import comparable

Lines = Counter[bytes]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A made capture and what is found in it without faults."""

    made: Made
    lines: Lines

    @property
    def packets(self) -> int:
        return self.made.figures["packets"]


@dataclass(slots=True)
class Verdict:
    """What became of one capture. `wrong` says in words what must not be; empty when all is well."""

    found: int = 0
    lost: int = 0
    doubled: int = 0
    kept: int = 0  # refused by the store and kept with the reason
    left: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.lost or self.doubled or self.left or self.wrong)


def digest(document: dict[str, Any]) -> bytes:
    """Stands for a communication apart from the names of its capture."""
    return hashlib.blake2b(comparable(document), digest_size=12).digest()


def wanted(world: World, made: Made) -> Wanted:
    """What `parse_capture` finds, with the secrets of all worlds."""
    said = world.product.manage("parse_capture", str(made.capture))
    return Wanted(made, Counter(digest(orjson.loads(line)) for line in said.splitlines()))


def judge(world: World, capture: str, whole: Wanted, *, refused: bool = False) -> Verdict:
    """Compare a capture that is closed with the truth. `refused`: the store was made to refuse some documents, so those
    kept with their reason count as found."""
    verdict = Verdict()
    found, ids = _stored(world.documents, capture, whole, verdict)
    kept = _refused(world.documents, capture)
    verdict.kept = len(kept)
    if kept and not refused:
        verdict.wrong.append(f"{len(kept)} documents refused: {kept[0]['reason']}")
    if refused and not kept:
        verdict.wrong.append("no document was refused, though the store was made to")
    found += Counter(digest(one["document"]) for one in kept if one["resource"] == "httpcomms")
    verdict.found = found.total()
    verdict.lost = (whole.lines - found).total()
    verdict.doubled = (found - whole.lines).total() + ids
    _accounting(world, capture, whole.packets, verdict)
    _put_aside(world.documents, capture, verdict)
    left = leftovers(world.product)
    verdict.left = len(left)
    if left:
        verdict.wrong.append(f"left behind: {', '.join(left[:5])}")
    return verdict


def judge_part(world: World, capture: str) -> list[str]:
    """What is wrong with a capture whose agent died: it must be closed, add up, and have no document twice."""
    verdict = Verdict()
    _accounting(world, capture, None, verdict)
    ids = Counter(one["id"] for one in _documents(world.documents, "httpcomms", capture))
    if max(ids.values(), default=0) > 1:
        verdict.wrong.append(f"{capture}: a communication is there twice")
    return verdict.wrong


def _documents(store: DocumentStore, resource: str, capture: str) -> list[dict[str, Any]]:
    store.refresh(resource)
    query = parse(f'capture:"{capture}"', resource)
    return [document for batch in store.scan(resource, EVERYTHING, query) for document in batch]


def stored(store: DocumentStore, capture: str, into: Path | None = None) -> Lines:
    """Digests of the communications stored of a capture, which are also written to a file."""
    store.refresh("httpcomms")
    lines: Lines = Counter()
    with (into or Path(os.devnull)).open("wb") as file:
        for batch in store.scan("httpcomms", EVERYTHING, parse(f'capture:"{capture}"')):
            lines.update(digest(document) for document in batch)
            file.writelines(orjson.dumps(document) + b"\n" for document in batch)
    return lines


def _stored(store: DocumentStore, capture: str, whole: Wanted, verdict: Verdict) -> tuple[Lines, int]:
    """Digests of the communications, and how many ids stand there more than once; the generator's truth too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.ndjson"
        lines = stored(store, capture, path)
        score = truth.score(whole.made.truth, path)
        ids = Counter(orjson.loads(line)["id"] for line in path.open("rb"))
    sessions = Counter(one["id"] for one in _documents(store, "tcpsessions", capture))
    repeated = sum(count - 1 for count in (*ids.values(), *sessions.values()))
    if not score.exact and not _refused(store, capture):
        verdict.wrong.append(f"{score.whole - score.whole_found} of the generator's exchanges not found exactly, "
                             f"{score.mixed} mixed: {score.examples[:2]}")  # fmt: skip
    if len(sessions) != whole.made.figures["sessions"]:
        verdict.wrong.append(f"{len(sessions)} TCP sessions of {whole.made.figures['sessions']}")
    return lines, repeated


def _refused(store: DocumentStore, capture: str) -> list[dict[str, Any]]:
    """Documents of a capture that the store refused, with what they were."""
    store.refresh("rejected")
    found = []
    for batch in store.scan("rejected", EVERYTHING, None):
        for one in batch:
            document = _loaded(one["document"])
            if document.get("capture") == capture:
                found.append({**one, "document": document})
    return found


def _loaded(text: str) -> dict[str, Any]:
    try:
        document = orjson.loads(b64decode(text))
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _accounting(world: World, capture: str, packets: int | None, verdict: Verdict) -> None:
    """Closed, without a hole, and every packet that was uploaded is in one of the parts."""
    row = world.rows().get(capture)
    if row is None or row["state"] != "closed":
        verdict.wrong.append(f"capture {capture} is {'unknown' if row is None else row['state']}")
        return
    totals = row["totals"]
    uploaded, parts = totals.get("packets.uploaded", 0), sum(totals.get(part, 0) for part in PARTS)
    if uploaded != parts:
        verdict.wrong.append(f"accounting: {uploaded} packets uploaded, {parts} accounted for")
    if packets is None:
        return
    if uploaded != packets:
        verdict.wrong.append(f"accounting: {packets} packets captured, {uploaded} uploaded")
    if row["holes"] or totals.get("packets.abandoned") or totals.get("packets.quarantined"):
        verdict.wrong.append(f"holes {row['holes']}, totals {totals}")


def _put_aside(store: DocumentStore, capture: str, verdict: Verdict) -> None:
    aside = [one for one in _documents(store, "monitoring", capture) if one["kind"] == "quarantine"]
    if aside:
        verdict.wrong.append(f"{len(aside)} put aside: {aside[0].get('what')} {aside[0].get('reason')}")
