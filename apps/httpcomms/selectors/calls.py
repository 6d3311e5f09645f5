"""Communications as calls, for the views that draw every one of them: the first ones in an order, so many at most."""

from dataclasses import dataclass, replace

from apps.httpcomms import calls
from apps.httpcomms.calls import Call
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.search import search
from store.documents import Scope

#: Of a drawing nobody reads more than so many; the rest is counted in words.
DRAWN, MAX_DRAWN = 200, 500


@dataclass(frozen=True, slots=True)
class Calls:
    """The first calls of a result, and how many it has in all (exact unless `at_least`)."""

    calls: list[Call]
    total: int
    at_least: bool

    @property
    def left_out(self) -> int:
        return max(self.total - len(self.calls), 0)


def first_calls(scope: Scope, wanted: Search, sort: str = "date", size: int = DRAWN) -> Calls:
    """The first communications in an order, each with the one that it is within where that is known."""
    page = search(scope, replace(wanted, sort=sort, size=size, after=None))
    return Calls(calls.nested(calls.call(hit) for hit in page.hits), page.total, page.at_least)
