"""What a chain is made of, and what every link of it is told from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import QuerySet

from apps.core import words
from apps.httpcomms.requests import Search
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person
from documents.fields import TIME_FIELD
from store.documents import Page, Scope

#: A clock so little ahead of the server's is not wrong.
SLACK = timedelta(seconds=30)
#: `fine`; `partly`: something is wrong, and not the reason of an empty result alone; `broken`; `aside`: it says nothing
#: about this range (an agent of today, where a past range is searched); `unknown`: not known, with the reason in words.
State = Literal["fine", "partly", "broken", "aside", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """What to do next; without an address it is advice alone. `search`: the address is one of the search page."""

    words: str
    url: str = ""
    search: bool = False


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One link: what it is about, how it is, in a sentence, with figures, since when, and what to do."""

    key: str
    title: str
    state: State
    text: str
    figures: Sequence[tuple[str, str]] = ()
    since: datetime | None = None
    steps: Sequence[Step] = ()


@dataclass(slots=True)
class Asked:
    """A search with what the links have in common. `every`: the whisperers whose traffic it may find, `narrowed` their
    scope, `concerned` the first of them; `inside`: what is in the range whatever the query; `live`: the range reaches
    until now."""

    user: Person
    scope: Scope
    wanted: Search
    now: datetime
    concerned: list[Whisperer] = field(default_factory=list)
    every: Sequence[Whisperer] | QuerySet[Whisperer] = ()
    narrowed: Scope = frozenset()
    hits: Page | None = None
    inside: Page | None = None
    newest: dict[str, Any] | None = None
    oldest: dict[str, Any] | None = None
    live: bool = True

    @property
    def has_hits(self) -> bool:
        """Whether anything was found."""
        return self.hits is not None and bool(self.hits.total)

    @property
    def has_inside(self) -> bool:
        """Whether there is anything in the range."""
        return self.inside is not None and bool(self.inside.total)

    @property
    def was_read(self) -> bool:
        """Whether there is traffic, and all of it from files: nothing has to run for it any more."""
        return self.newest is not None and all(one.mode != Whisperer.Mode.INTERFACE for one in self.concerned)

    @property
    def ahead(self) -> timedelta:
        """How far in the future the newest communication began; 0 or less where no clock is wrong."""
        if self.newest is None:
            return timedelta()
        began = datetime.fromtimestamp(words.nanoseconds(str(self.newest[TIME_FIELD])) / 1e9, UTC)
        return began - self.now - SLACK


def named(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence, the first ones: "a, b and 4 more"."""
    if len(names) <= most:
        return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def counted(number: int, word: str) -> str:
    """A number with its word: 1 packet, 2 packets, 1,200 packets."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
