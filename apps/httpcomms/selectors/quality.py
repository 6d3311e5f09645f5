"""What is missing from the traffic of a time, and why: losses, gaps, parsing errors, by the whisperer they happened to;
and whether the accounting of that time can be believed.

Losses come from the accounting: a document for each minute of a capture (by when its chunks were accepted, which for a
live agent is when its packets came), and one for whatever was put aside. A file is accepted long after its packets were
captured, so what was put aside of one is somewhere between its first and its last packet. Gaps and errors are told by
the communications that suffered them, at their own time. Nothing is guessed: what was not looked at is said.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from apps.captures.models import Capture
from apps.core.servers import document_store
from apps.core.words import SECOND, nanoseconds, volume
from apps.httpcomms.ranges import Range
from apps.httpcomms.selectors.base import RESOURCE
from apps.whisperers.models import Whisperer
from documents import query
from documents.ast import Node
from store.documents import EVERYTHING, Figures, Metric, Scope, TookTooLong

MINUTE: Final = 60 * SECOND
#: Worst first: what is drawn over what.
KINDS: Final = {"alarm": "sums do not add up", "loss": "loss", "gap": "gap", "error": "parsing error"}
#: Documents of the accounting that are read for one answer, newest first, and files that are looked at.
MAX_DOCUMENTS, MAX_FILES, PAGE = 2_000, 100, 1_000
#: Open alarms that are looked at, newest first.
MAX_ALARMS: Final = 200
#: Whisperers (with a status each) that are told apart, and how long to look: the line below a timeline is no reason to
#: wait for it.
MAX_GROUPS, SECONDS = 100, 3

#: What each count is called, and how a sentence says it.
_WORDS: Final = {
    "alarms": "the sums of {n} capture{s} do not add up",
    "dropped.kernel": "{n} packet{s} dropped by the kernel",
    "dropped.queue": "{n} packet{s} dropped, sending was too slow",
    "dropped.limit": "{n} packet{s} dropped above the rate limit",
    "dropped.breaker": "{n} packet{s} dropped while capture was paused to spare the processor",
    "abandoned": "{n} packet{s} in chunks that the agent gave up",
    "late": "{n} packet{s} came too late",
    "putAside": "{n} packet{s} put aside, they could not be read",
    "holes": "{n} chunk{s} never came, nobody knows with how many packets",
    "gap": "{n} communication{s} with bytes that were never seen",
    "truncated": "{n} communication{s} cut off",
    "sessions": "{n} TCP session{s} with bytes missing, begun here",
    "error": "{n} communication{s} with parsing errors",
}
_LOST: Final = ("dropped.kernel", "dropped.queue", "dropped.limit", "dropped.breaker", "abandoned", "late")
_CAPTURE: Final = " OR ".join(f"_exists_:counters.packets.{name}" for name in _LOST)
_PUT_ASIDE: Final = "kind:quarantine AND NOT state:repaired"
_SUMS: Final = f"kind:capture AND ({_CAPTURE} OR _exists_:counters.chunks.abandoned)"

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Loss:
    """Packets that no communication can be made of: between `first` and `last` (nanoseconds), of one whisperer."""

    first: int
    last: int
    whisperer: str
    kind: str
    packets: int
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong between two moments, of one whisperer and one kind."""

    first: int
    last: int
    kind: str
    whisperer: str
    counts: Mapping[str, int]

    @property
    def words(self) -> str:
        """The counts as a sentence without its end."""
        return in_words(self.counts)


@dataclass(frozen=True, slots=True)
class Quality:
    """Marks by time, names of their whisperers, and whether everything in the range was looked at."""

    range: Range
    interval: int
    marks: list[Mark]
    names: Mapping[str, str]
    complete: bool = True

    def totals(self) -> dict[str, Counts]:
        """Sums by kind and count."""
        found: dict[str, defaultdict[str, int]] = {kind: defaultdict(int) for kind in KINDS}
        for mark in self.marks:
            for name, count in mark.counts.items():
                found[mark.kind][name] += count
        return {kind: dict(counts) for kind, counts in found.items()}


@dataclass(slots=True)
class _Read:
    """Marks while they are put together, by where they begin."""

    step: int
    counts: dict[tuple[str, str, int, int], Counts] = field(default_factory=dict)

    def add(self, kind: str, whisperer: str, first: int, last: int, counts: Mapping[str, int]) -> None:
        if self.step > last - first:
            first = first // self.step * self.step
            last = first + self.step
        sums = self.counts.setdefault((kind, whisperer, first, last), {})
        for name, count in counts.items():
            if count > 0:
                sums[name] = sums.get(name, 0) + count

    def marks(self) -> list[Mark]:
        found = [Mark(first, last, kind, who, sums) for (kind, who, first, last), sums in self.counts.items() if sums]
        return sorted(found, key=lambda mark: (mark.first, mark.kind, mark.whisperer))


def in_words(counts: Mapping[str, int]) -> str:
    """What was counted, as people say it."""
    known = [(count, _WORDS[name]) for name, count in counts.items() if name in _WORDS and count]
    said = [words.format(n=f"{count:,}", s="" if count == 1 else "s") for count, words in known]
    if counts.get("bytes"):
        said.append(f"{volume(counts['bytes'])} missing")
    return ", ".join(said)


def quality(scope: Scope, span: Range, interval: int) -> Quality:
    """Everything that is wrong in a closed range, in steps of `interval` or of a minute where that is longer."""
    read = _Read(interval)
    complete = _add_losses(read, scope, span)
    _add_alarms(read, scope, span)
    complete = _add_communications(read, scope, span, interval) and complete
    complete = _add_sessions(read, scope, span, interval) and complete
    marks = read.marks()
    return Quality(span, interval, marks, _names(mark.whisperer for mark in marks), complete)


def losses(scope: Scope, span: Range) -> list[Loss]:
    """The losses of a range by time; minutes that follow one another are one loss."""
    read = _Read(0)
    _add_losses(read, scope, span)
    found: list[Loss] = []
    open_: dict[str, tuple[int, int, Counts]] = {}

    def close(whisperer: str) -> None:
        first, last, counts = open_.pop(whisperer)
        packets = sum(count for name, count in counts.items() if name != "holes")
        found.append(Loss(first, last, whisperer, "loss" if packets else "gap", packets, in_words(counts)))

    for mark in read.marks():
        before = open_.get(mark.whisperer)
        if before is not None and mark.first > before[1]:
            close(mark.whisperer)
            before = None
        first, last, counts = before or (mark.first, mark.last, {})
        for name, count in mark.counts.items():
            counts[name] = counts.get(name, 0) + count
        open_[mark.whisperer] = (first, max(last, mark.last), counts)
    for whisperer in list(open_):
        close(whisperer)
    return sorted(found, key=lambda loss: (loss.first, loss.whisperer))


def _add_losses(read: _Read, scope: Scope, span: Range) -> bool:
    """What the accounting knows; False when there was more than is read."""
    if scope is not EVERYTHING and not scope:
        return True
    files = _files(scope)
    complete = True
    since, until = span.since or 0, span.until or 0
    # A minute's document has the minute's beginning as its date.
    for document in _documents(scope, f"({_SUMS}) OR ({_PUT_ASIDE})", since - MINUTE + 1, until):
        if document is None:
            complete = False
        elif str(document.get("whisperer", "")) not in files:
            _add_document(read, document, nanoseconds(document["date"]))
    return _add_files(read, scope, span, files) and complete


def _add_document(read: _Read, document: Mapping[str, Any], at: int) -> None:
    whisperer = str(document.get("whisperer", ""))
    if document.get("kind") == "quarantine":
        read.add("loss", whisperer, at, at + SECOND, {"putAside": int(document.get("packets") or 0)})
        return
    counters = document.get("counters") or {}
    lost = {name: int(counters.get(f"packets.{name}", 0)) for name in _LOST}
    read.add("loss", whisperer, at, at + MINUTE, lost)
    if lost["abandoned"] <= 0:
        read.add("gap", whisperer, at, at + MINUTE, {"holes": int(counters.get("chunks.abandoned", 0))})


def _add_alarms(read: _Read, scope: Scope, span: Range) -> None:
    """Captures whose sums do not add up, since that was first seen; of a file, where its packets are. What was cleared
    is not wrong any more."""
    if scope is not EVERYTHING and not scope:
        return
    wanted = query.parse("kind:alarm AND state:open", "monitoring")
    hits = document_store().search("monitoring", scope, wanted, size=MAX_ALARMS).hits
    captures = Capture.objects.exclude(whisperer__mode=Whisperer.Mode.INTERFACE).in_bulk(
        {str(hit["capture"]) for hit in hits}
    )
    times: dict[str, tuple[int, int, str]] = {}
    for hit in hits:
        row, since = captures.get(str(hit["capture"])), nanoseconds(hit["date"]) - MINUTE
        first, last = (
            (row.first_packet, row.last_packet) if row is not None else (since, max(since + MINUTE, span.until or 0))
        )
        if first is not None and last is not None:  # several equations of one capture are one alarm
            times[str(hit["capture"])] = (first, max(last, first + 1), str(hit["whisperer"]))
    for first, last, whisperer in times.values():
        first, last = max(first, span.since or 0), min(last, span.until or last)
        if first < last:
            read.add("alarm", whisperer, first, last, {"alarms": 1})


def _documents(scope: Scope, text: str, since: int | None, until: int | None) -> Iterator[dict[str, Any] | None]:
    """Documents of the accounting, newest first; None after them where there were more than are read."""
    store, node, after, count = document_store(), query.parse(text, "monitoring"), None, 0
    while True:
        page = store.search("monitoring", scope, node, since=since, until=until, size=PAGE, after=after)
        yield from page.hits
        count, after = count + len(page.hits), page.after
        if after is None:
            return
        if count >= MAX_DOCUMENTS:
            yield None
            return


def _files(scope: Scope) -> frozenset[str]:
    """Whisperers of files: their chunks were accepted at another time than their packets were captured."""
    rows = Whisperer.objects.exclude(mode=Whisperer.Mode.INTERFACE)
    if scope is not EVERYTHING:
        rows = rows.filter(pk__in=scope)
    return frozenset(str(key) for key in rows.values_list("pk", flat=True))


def _add_files(read: _Read, scope: Scope, span: Range, files: frozenset[str]) -> bool:
    """What was put aside of files with packets in the range; False when there were more files than are looked at."""
    rows = Capture.objects.filter(whisperer__in=files, first_packet__lt=span.until, last_packet__gte=span.since)
    found = dict[str, tuple[int, int]]()
    for key, first, last in rows.values_list("pk", "first_packet", "last_packet")[: MAX_FILES + 1]:
        found[key] = (first, last)
    if not found:
        return True
    names = " OR ".join(f'"{key}"' for key in list(found)[:MAX_FILES])
    complete = len(found) <= MAX_FILES
    for document in _documents(scope, f"{_PUT_ASIDE} AND capture:({names})", None, None):
        if document is None:
            return False
        first, last = found[str(document["capture"])]
        packets = int(document.get("packets") or 0)
        read.add("loss", str(document["whisperer"]), first, max(last, first + 1), {"putAside": packets})
    return complete


def _add_communications(read: _Read, scope: Scope, span: Range, interval: int) -> bool:
    """Gaps, cuts and errors that communications tell of, at the steps in which they began; False when there was more
    of them than can be told apart."""
    node = query.parse("parsing.status:(gap OR truncated OR error)")
    found = _figures(RESOURCE, scope, node, span, interval, [Metric("count")], ["whisperer", "parsing.status"])
    for group in found.groups:
        whisperer, status = group.values
        start, kind = group.start or 0, "error" if status == "error" else "gap"
        read.add(kind, whisperer or "", start, start + interval, {status or "": group.documents})
    return not found.more


def _add_sessions(read: _Read, scope: Scope, span: Range, interval: int) -> bool:
    """Bytes of TCP sessions that were never seen, at the step in which the session began; False when that took too
    long. What a session says of its gaps is in its JSON alone, so many sessions are many documents to read."""
    node = query.parse("client.gapBytes:>0 OR server.gapBytes:>0", "tcpsessions")
    metrics = [Metric("sum", "client.gapBytes"), Metric("sum", "server.gapBytes")]
    found = _figures("tcpsessions", scope, node, span, interval, metrics, ["whisperer"])
    for group in found.groups:
        counts = {"sessions": group.documents, "bytes": int(sum(figure or 0 for figure in group.figures))}
        start = group.start or 0
        read.add("gap", group.values[0] or "", start, start + interval, counts)
    return not found.more


def _figures(
    resource: str, scope: Scope, node: Node, span: Range, interval: int, metrics: list[Metric], by: list[str]
) -> Figures:
    try:
        return document_store().figures(
            resource, scope, node, metrics, by=by, since=span.since, until=span.until, interval=interval,
            size=MAX_GROUPS, seconds=SECONDS,
        )  # fmt: skip
    except TookTooLong:
        return Figures([], more=True)


def _names(keys: Iterable[str]) -> dict[str, str]:
    """Names of whisperers that the marks are of: who may read those may see their names."""
    wanted = {key for key in keys if _is_uuid(key)}
    return {str(key): name for key, name in Whisperer.objects.filter(pk__in=wanted).values_list("pk", "name")}


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
