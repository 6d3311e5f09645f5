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

from store.redis.connection import Link

#: The parts that make up "packets.uploaded", beside those that still wait.
PARTS = (
    "packets.session",
    "packets.notTcp",
    "packets.undecodable",
    "packets.quarantined",
    "packets.late",
)  # fmt: skip
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
    lines = b"".join(_lines(capture, minute, counters, fields, policy) for minute, counters in sorted(minutes.items()))
    payload = zstandard.compress(lines)
    args: list[str | bytes | int] = [max(minutes) + 1, 1, stream, "b", payload, len(minutes), len(payload)]
    for minute, counters in minutes.items():
        for counter, value in counters.items():
            args += [minute, counter, value]
    word = link.script("flush", [own.meta, own.chunks, own.acct, link.keys.bytes, stream], args).decode()
    return "ok" if word == "ok" else "gone" if word == "gone" else "changed"


def _lines(capture: str, minute: int, counters: Mapping[str, int], fields: Mapping[str, object], policy: str) -> bytes:
    """One document of the bulk format: the line that says where, the line that says what."""
    moment = datetime.fromtimestamp(minute * 60, UTC)
    action = {
        "_index": f"spider-monitoring-{moment:%Y%m%d}-{policy}",
        "_id": f"{capture}:{minute}",
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
