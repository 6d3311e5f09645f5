"""The one interface of the document store: what every engine takes, gives and promises.

Writers hand over bulk payloads as they left the outbox; readers always say whose documents they may see (`Scope`).
A document that the engine refuses is an item of the answer (`WriteResult.failed`), an engine that cannot be used is
`StoreUnavailable`: the two never mix, because the first must be kept with its reason and the second waited for.
Times are nanoseconds since the epoch. A question that a person waits for takes `seconds`, those of the store where it
names none; the engine stops after them (TookTooLong) and no work goes on.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from documents.ast import Node
from store.documents.names import Part
from store.documents.questions import Facets, Figures, Metric, Ranges, Terms
from store.documents.version import Step, StoreVersion

#: Totals are exact up to this many hits; above it the answer says "at least".
TOTAL_BOUND: Final = 10_000
#: Most hits of one page.
MAX_PAGE: Final = 1_000
#: Most buckets a timeline may ask for.
MAX_BUCKETS: Final = 2_000


class _Everything(enum.Enum):
    EVERYTHING = "everything"


#: The scope of those who may read every whisperer's documents (administrators, the system itself).
EVERYTHING: Final = _Everything.EVERYTHING

#: Whose documents may be read: a set of whisperer ids, or EVERYTHING. An empty set sees nothing.
Scope = frozenset[str] | Literal[_Everything.EVERYTHING]


class StoreError(Exception):
    """Anything the document store can raise."""


class StoreUnavailable(StoreError):
    """The engine cannot be reached, is overloaded or is read-only. Nothing is wrong with the documents: wait."""


class StoreBusy(StoreUnavailable):
    """The engine answers, but could not do this now: a statement that took longer than any may, a deadlock, an index
    that is read-only. It says nothing against the next call."""


class StoreAway(StoreUnavailable):
    """The engine failed several times in a row and is left alone for a moment: nobody was asked.

    `since`: when that began, seconds since the epoch; `wait`: seconds until it is tried again.
    """

    def __init__(self, reason: str, *, since: float, wait: float) -> None:
        super().__init__(reason)
        self.since = since
        self.wait = wait


class TookTooLong(StoreError):
    """A question was not answered within the seconds that it was given. Ask for a shorter time range, or for less."""


class BatchRefused(StoreError):
    """The engine refused a batch as a whole because of something in it. Split it to find out what."""


class BadCursor(StoreError):
    """The `after` of a search is not one that this search gave."""


class BadRequest(StoreError):
    """A sort, facet or interval that the resource does not have, or a pattern that the engine finds too complex."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A document that the engine refused, and why. `position` is its place in the payload, from 0."""

    position: int
    id: str
    reason: str


@dataclass(slots=True)
class WriteResult:
    """What became of documents: `stored` were new or newer, `conflicts` met one as new as they are, or newer."""

    stored: int = 0
    conflicts: int = 0
    failed: list[Failure] = field(default_factory=list)

    def add(self, other: "WriteResult") -> None:
        """Take in the result of a part of the payload."""
        self.stored += other.stored
        self.conflicts += other.conflicts
        self.failed.extend(other.failed)


@dataclass(frozen=True, slots=True)
class Page:
    """Hits in order; `after` continues (None: this was the last page); `total` is exact unless `at_least`.

    `end` is the place after the last hit, as `after` would have it were there more: where a search of a longer range
    goes on.
    """

    hits: list[dict[str, Any]]
    after: str | None
    total: int
    at_least: bool = False
    end: str | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a timeline: its start, its documents, and how many have each value of the field asked for."""

    start: int
    total: int
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class DayPart:
    """One index or table: a day of one resource under one storage policy."""

    resource: str
    day: str
    policy: str
    documents: int  # estimated in PostgreSQL
    bytes: int


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the engine answers and takes documents; `detail` says what is wrong in words."""

    engine: str
    version: str
    ok: bool
    detail: str = ""


class DocumentStore(Protocol):
    """What both engines do. Every method may raise StoreUnavailable. For many threads, not across a fork."""

    def free_bytes(self) -> int | None:
        """Bytes that can still be written to the disk that is fullest, before the engine refuses to; None where it does
        not tell."""

    def prepare(self) -> None:
        """Create or extend templates and tables to what the field table says. Any process may, as often as wanted.

        The first use of a store in a process does it too.
        """

    def stored_version(self) -> StoreVersion:
        """What is stored, and which days are behind this program. Changes nothing."""

    def upgrade(self, *, dry_run: bool = False) -> Iterator[Step]:
        """Bring up the days that are behind, step by step, beside readers and writers; `dry_run` says what that would
        be. A run that was stopped goes on where it was. StoreError where another one is running."""

    def write(self, resource: str, payload: bytes) -> WriteResult:
        """Store NDJSON pairs of lines (bulk action with `_index`, `_id`, `version`; document). Durable when it returns.

        A document with a version not higher than the stored one is a conflict: it counts as stored.
        """

    def write_blobs(self, resource: str, blobs: Sequence[bytes]) -> WriteResult:
        """Store packets or body pages; ids are the store's own, so readers drop what was stored twice."""

    def search(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        sort: str | None = None,
        size: int = 50,
        after: str | None = None,
        seconds: float | None = None,
    ) -> Page:
        """One page of documents with since ≤ time < until. `sort` is a field name, `-` in front for descending.

        Order is by (sort value, id), so pages neither repeat nor skip a document while others are written.
        """

    def get(self, resource: str, scope: Scope, id: str) -> dict[str, Any] | None:
        """The document, or None when it does not exist or is out of scope."""

    def count(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        seconds: float | None = None,
    ) -> int:
        """The exact number of documents; of blobs those that lie wholly in the range."""

    def histogram(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int,
        until: int,
        interval: int,
        by: str | None = None,
        seconds: float | None = None,
    ) -> list[Bucket]:
        """Documents by time, in steps of `interval` ns aligned to the epoch; empty steps are left out."""

    def terms(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        field: str,
        *,
        since: int | None = None,
        until: int | None = None,
        size: int = 10,
    ) -> list[tuple[str, int]]:
        """The most frequent values of a field with their numbers of documents, most frequent first."""

    def percentiles(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        field: str,
        percents: Sequence[float],
        *,
        since: int | None = None,
        until: int | None = None,
    ) -> dict[float, float]:
        """Percentiles of a numeric field; empty when no document has it."""

    def facets(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        questions: Sequence[Terms | Ranges],
        *,
        since: int | None = None,
        until: int | None = None,
        seconds: float | None = None,
    ) -> Facets:
        """Many facets in one go. With `seconds`, what cannot be counted in time is counted in part (`Facets.share`)."""

    def figures(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        metrics: Sequence[Metric],
        *,
        by: Sequence[str] = (),
        since: int | None = None,
        until: int | None = None,
        interval: int | None = None,
        size: int = 100,
        seconds: float | None = None,
    ) -> Figures:
        """Figures of groups: by no, one or several fields, over the whole range or in steps of `interval` ns.

        At most `size` combinations of values, those with most documents. Raises TookTooLong.
        """

    def scan(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        size: int = 1_000,
    ) -> Iterator[list[dict[str, Any]]]:
        """Every document as of now, in batches, in no particular order: exports and purges. Bounded memory."""

    def purge(
        self,
        resource: str,
        scope: Scope,
        node: Node | None,
        *,
        since: int | None = None,
        until: int | None = None,
        part: Part | None = None,
    ) -> Iterator[int]:
        """Delete the documents bit by bit: how many went with each step. Who stops reading stops it.

        Of blobs only those go that lie wholly in the range. With a `part` all others are left alone.
        """

    def blobs(
        self,
        resource: str,
        scope: Scope,
        capture: str,
        partition: int,
        first_chunk: int,
        last_chunk: int,
        *,
        part: Part | None = None,
    ) -> Iterator[bytes]:
        """Packets or body pages of a capture's partition, by chunk, each once though it may have been stored twice."""

    def rewrite(
        self,
        resource: str,
        scope: Scope,
        capture: str,
        partition: int,
        first_chunk: int,
        last_chunk: int,
        change: Callable[[bytes], bytes | None],
        *,
        part: Part | None = None,
    ) -> int:
        """Put in the place of each such blob what `change` makes of it, nothing for None; answers how many changed."""

    def days(self, resource: str) -> list[DayPart]:
        """What there is, by day and policy, in order."""

    def drop_day(self, resource: str, day: str, policy: str) -> bool:
        """Retention: remove a whole day; False when it was not there."""

    def refresh(self, resource: str) -> None:
        """Make what is written visible to searches now. For tests and purges: searches see it soon anyway."""

    def health(self) -> Health:
        """Ask the engine how it is. Does not raise: an engine that does not answer is not ok."""

    def close(self) -> None:
        """Let go of connections."""
