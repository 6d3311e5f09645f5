"""The sums: every packet that was uploaded is in a session, not TCP, undecodable, quarantined, late, or waiting.

Counters are kept by the minute in which their chunk was accepted. When no chunk of a minute is left, its sums go to the
`monitoring` outbox as one document and to the capture's totals, which PostgreSQL gets at the end.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import orjson
import zstandard

from documents.counters import UPLOADED, Bounds
from store.redis.connection import Arg, Link

#: The parts that make up "packets.uploaded", beside those that still wait.
PARTS = UPLOADED.parts
FlushWord = Literal["ok", "nothing", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class Totals:
    """A capture's sums since it was opened. `waiting` is the rest: packets of chunks that are not through yet."""

    counters: Mapping[str, int]

    @property
    def waiting(self) -> int:
        """Uploaded packets that are in none of the parts yet; 0 at the end of a capture."""
        return self.counters.get("packets.uploaded", 0) - sum(self.counters.get(part, 0) for part in PARTS)


def totals(link: Link, capture: str) -> Totals:
    """The capture's sums, flushed minutes included. Empty when it is not here."""
    own = link.keys.capture(capture)
    *_, (meta, acct) = link.pipeline([("MULTI",), ("HGETALL", own.meta), ("HGETALL", own.acct), ("EXEC",)])
    counters: defaultdict[str, int] = defaultdict(int)
    for name, value in _pairs(meta):
        if name.startswith("t:"):
            counters[name[2:]] += int(value)
    for name, value in _pairs(acct):
        counters[name.split(":", 1)[1]] += int(value)
    return Totals(dict(counters))


@dataclass(frozen=True, slots=True)
class Standing:
    """A capture's sums at one moment: all of them, those of minutes that are not flushed, and by minute what may still
    wait of the chunks that were accepted in it."""

    counters: Mapping[str, int]
    minutes: Mapping[int, Mapping[str, int]]
    waiting: Mapping[int, Bounds]

    @property
    def bounds(self) -> Bounds:
        """What may wait in all: IP fragments do so beyond their chunk."""
        most = sum(one.most for one in self.waiting.values()) + self.counters.get("fragments.waiting", 0)
        return Bounds(sum(one.least for one in self.waiting.values()), most, payload=True)


def standing(link: Link, capture: str) -> Standing | None:
    """Reads a capture's sums and chunks at one moment, so that they must fit each other. None when it is not here."""
    own = link.keys.capture(capture)
    *_, (meta, acct, chunks) = link.pipeline(
        [("MULTI",), ("HGETALL", own.meta), ("HGETALL", own.acct), ("HVALS", own.chunks), ("EXEC",)]
    )
    if not meta:
        return None
    counters: defaultdict[str, int] = defaultdict(int)
    minutes: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for name, value in _pairs(meta):
        if name.startswith("t:"):
            counters[name[2:]] += int(value)
    for name, value in _pairs(acct):
        minute, counter = name.split(":", 1)
        counters[counter] += int(value)
        minutes[int(minute)][counter] = int(value)
    return Standing(dict(counters), dict(minutes), _waiting(chunks))


def _waiting(chunks: list[bytes]) -> dict[int, Bounds]:
    """A chunk that nobody has split waits whole; of one that is split, what its partitions have not passed."""
    found: dict[int, Bounds] = {}
    for record in chunks:
        parts = record.split(b"|")
        if parts[0] in (b"a", b"s"):
            minute, packets = int(parts[7]) // 60_000, int(parts[9])
            old = found.get(minute, Bounds())
            least = packets if parts[0] == b"a" else 0
            found[minute] = Bounds(old.least + least, old.most + packets, payload=True)
    return found


def told_counters(packets: int, lost: Mapping[str, int]) -> dict[str, int]:
    """What an agent says with a chunk of so many packets: what it lost, and all that it saw."""
    gone = sum(count for name, count in lost.items() if name.startswith(("packets.dropped.", "packets.filtered")))
    return {"packets.captured": packets + gone, **lost}


def counter_args(counters: Mapping[str, int]) -> list[Arg]:
    """Counters as scripts want them: how many, then name and delta of each."""
    args: list[Arg] = [len(counters)]
    for name, delta in counters.items():
        args += [name, delta]
    return args


def add_late(
    link: Link, capture: str, number: int, counters: Mapping[str, int], *, fields: Mapping[str, object], policy: str
) -> None:
    """Sends the sums of a chunk that came after its capture was closed to the outbox; a repeat is the same document."""
    minute, stream = link.now() // 60_000, link.keys.out("monitoring")
    payload = zstandard.compress(_line(f"{capture}:late:{number}", capture, minute, counters, fields, policy))
    *_, done = link.pipeline(
        [
            ("MULTI",),
            ("XADD", stream, "*", "b", payload, "n", 1),
            ("HINCRBY", link.keys.bytes, "out", len(payload)),
            ("EXEC",),
        ]
    )
    if isinstance(done, Exception):
        raise done


def flush(
    link: Link, capture: str, *, fields: Mapping[str, object] | None = None, policy: str = "default"
) -> FlushWord:
    """Moves the sums of finished minutes to the outbox, a document a minute with id "<capture>:<minute>".

    `fields` (whisperer, instance …) go into each document. "nothing" to move; "changed": another call was faster, the
    next one will do. Once the capture's end marker is through, all minutes are finished.
    """
    own = link.keys.capture(capture)
    *_, (head, chunks, acct) = link.pipeline(
        [("MULTI",), ("HGET", own.meta, "state"), ("HVALS", own.chunks), ("HGETALL", own.acct), ("EXEC",)]
    )
    if head is None:
        return "gone"
    oldest = [int(record.split(b"|")[7]) // 60_000 for record in chunks]
    if head != b"d":
        oldest.append(link.now() // 60_000)
    minutes: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for name, value in _pairs(acct):
        minute, counter = name.split(":", 1)
        if not oldest or int(minute) < min(oldest):
            minutes[int(minute)][counter] = int(value)
    if not minutes:
        return "nothing"
    return _move(link, capture, minutes, fields or {}, policy)


def _move(
    link: Link, capture: str, minutes: Mapping[int, Mapping[str, int]], fields: Mapping[str, object], policy: str
) -> FlushWord:
    own, stream = link.keys.capture(capture), link.keys.out("monitoring")
    lines = b"".join(
        _line(f"{capture}:{minute}", capture, minute, counters, fields, policy)
        for minute, counters in sorted(minutes.items())
    )
    payload = zstandard.compress(lines)
    args: list[str | bytes | int] = [max(minutes) + 1, 1, stream, "b", payload, len(minutes), len(payload)]
    for minute, counters in minutes.items():
        for counter, value in counters.items():
            args += [minute, counter, value]
    word = link.script("flush", [own.meta, own.chunks, own.acct, link.keys.bytes, stream], args).decode()
    return "ok" if word == "ok" else "gone" if word == "gone" else "changed"


def _line(
    identity: str,
    capture: str,
    minute: int,
    counters: Mapping[str, int],
    fields: Mapping[str, object],
    policy: str,
) -> bytes:
    """One document of the bulk format: the line that says where, the line that says what."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    action = {
        "_index": f"spider-monitoring-{moment:%Y%m%d}-{policy}",
        "_id": identity,
        "version": 1,
        "version_type": "external",
    }
    document = {
        "id": action["_id"],
        "version": action["version"],
        "kind": "capture",
        "capture": capture,
        "date": moment,
        "counters": counters,
        **fields,
    }
    return b"\n".join((orjson.dumps({"index": action}), orjson.dumps(document, option=orjson.OPT_UTC_Z), b""))


def _pairs(flat: list[bytes]) -> list[tuple[str, bytes]]:
    return [(name.decode(), value) for name, value in zip(flat[::2], flat[1::2], strict=True)]
