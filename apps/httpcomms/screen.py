"""The state of the search page. All of it is in the address, so a copied address opens exactly this view.

`from` and `to` are the range searched; `wide` is the stretch the timeline shows around it (`now-1h`, or two dates with
`~` between), absent when both are the same. `view` is how the result is shown; `OPTIONS` are what single parts of the
page remember in the address, each read and checked by the part that it belongs to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from apps.core import words
from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, ranges, requests
from apps.httpcomms.ranges import Range
from apps.httpcomms.requests import Search

#: The pages with a query and a range, by the names of their addresses, and what each of them searches.
PAGES = {"search": "httpcomms", "tcp": "tcpsessions", "packets": "tcpsessions"}
#: Bars of the timeline, at most: wide enough to point at on a small screen.
BUCKETS = 180
VIEWS = ("grid", "map", "sequence", "waterfall", "statistics")
#: Parameters that belong to one part of the page, kept by every link of it. The ids that are selected (`select`) are
#: the browser's alone: it keeps them from result to result, and fifty of them in each link would be most of the page.
OPTIONS: tuple[str, ...] = (
    "by",  # the field that the timeline is parted by
    "live",  # new communications show by themselves
    "columns",  # of the grid
    "saved",  # the saved query that the page was opened from
    *("metric", "function", "groups", "per", "largest"),  # of the statistics
    *("mode", "merge", "node", "as"),  # of the map: what a node is, replicas as one, what is beside it, as a table
    *("scale", "names", "lanes", "group", "order"),  # of the sequence diagram and the waterfall
    "hide",  # gateways of the map, services of a sequence diagram
)
TABS = ("general", "request", "response", "body", "tcp", "packets")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the page shows: the search, the timeline's range, the communication that is open."""

    search: Search
    since: str  # `from` as it was given: a relative range stays relative in every link
    until: str
    wide: str
    wide_range: Range
    open: str
    tab: str
    now: int
    view: str = VIEWS[0]
    options: Mapping[str, str] = field(default_factory=dict)
    page: str = "search"

    @property
    def span(self) -> int:
        """Length of the range in nanoseconds, an open end taken as now; 0 when it has no beginning."""
        found = self.search.range
        return (found.until or self.now) - found.since if found.since is not None else 0

    @property
    def wide_span(self) -> int:
        """Length of the timeline's range, as `span`."""
        found = self.wide_range
        return (found.until or self.now) - found.since if found.since is not None else 0

    def parameters(self, **changes: str | None) -> dict[str, str]:
        """The address's parameters, with changes; what is empty or usual is left out."""
        state: dict[str, str | None] = {
            "q": self.search.q,
            "from": self.since,
            "to": self.until,
            "wide": self.wide,
            "sort": self.search.sort if self.search.sort != requests.DEFAULT_SORT else "",
            "open": self.open,
            "tab": self.tab if self.open and self.tab != TABS[0] else "",
            "view": self.view if self.view != VIEWS[0] else "",
            **self.options,
        }
        state |= {name.rstrip("_"): value for name, value in changes.items()}
        return {name: value for name, value in state.items() if value}

    def url(self, **changes: str | None) -> str:
        """The page's address, with changes (`from_` stands for `from`)."""
        return _with(self.page_url, self.parameters(**changes))

    @property
    def page_url(self) -> str:
        """The page's address without its state."""
        return reverse(self.page)

    @property
    def check_url(self) -> str:
        """Where a query of this page is checked while it is typed."""
        return reverse(f"api-{self.search.resource}-query")

    def elsewhere(self, page: str) -> str:
        """Another page with a query over the same range; the query is of other fields, so it stays here."""
        state = {"from": self.since, "to": self.until, "wide": self.wide}
        return _with(reverse(page), {name: value for name, value in state.items() if value})

    def asked(self, query: str) -> str:
        """The page with another query, and nothing open."""
        return self.url(q=query, open=None, tab=None)

    @property
    def address(self) -> str:
        """This very view."""
        return self.url()

    @property
    def query_string(self) -> str:
        """The search without what is open: what every part of the page passes on."""
        return urlencode(self.parameters(open=None, tab=None))

    @property
    def rows_url(self) -> str:
        """Where the next rows are, but for `after`."""
        return _with(reverse(f"{self.page}-rows"), self.parameters(open=None, tab=None))

    @property
    def facets_url(self) -> str:
        return _with(reverse(f"{self.page}-facets"), self.parameters(open=None, tab=None))

    @property
    def by(self) -> str:
        """The field that the timeline is parted by; empty for the usual one."""
        return self.options.get("by", "")

    @property
    def live(self) -> bool:
        """New communications show by themselves: only where the range has no end."""
        return bool(self.options.get("live")) and not self.until and self.page == "search"

    @property
    def why_url(self) -> str:
        """Why the search finds nothing, or what it finds, link by link."""
        return _with(reverse("why"), self.parameters(open=None, tab=None))

    @property
    def calls_url(self) -> str:
        """The calls of the sequence diagram."""
        return _with(reverse("api-httpcomms-calls"), self._asked)

    @property
    def map_url(self) -> str:
        """Nodes and edges of the map."""
        more = {name: self.options[name] for name in ("mode", "merge", "hide") if name in self.options}
        return _with(reverse("api-httpcomms-map"), self._asked | more)

    @property
    def map_node_url(self) -> str:
        """Figures of a node of the map, but for its names."""
        return _with(reverse("api-httpcomms-map-node"), self._asked)

    @property
    def _asked(self) -> dict[str, str]:
        """The search as the API takes it."""
        span = self.search.range
        since, until = (words.rfc3339(end) if end is not None else "" for end in (span.since, span.until))
        state = {"q": self.search.q, "from": since, "to": until}
        return {name: value for name, value in state.items() if value}

    @property
    def timeline_url(self) -> str:
        """The timeline's data, over the wide range."""
        return _with(reverse(f"{self.page}-timeline"), self.parameters(open=None, tab=None))

    @property
    def quality_url(self) -> str:
        """What is missing from the traffic of the wide range."""
        return _with(reverse("search-quality"), self.parameters(q=None, open=None, tab=None))

    @property
    def live_url(self) -> str:
        """Where rows newer than those shown are."""
        return _with(reverse("search-live"), self.parameters(open=None, tab=None))

    @property
    def follow_url(self) -> str:
        """The page in live mode, or out of it: a range with an end becomes one of the same length until now."""
        if self.live:
            return self.url(live=None)
        since = self.since if self.since and not self.until else ranges.relative(self.span)
        return self.url(from_=since, to=None, wide=None, live="1")

    @property
    def whole_url(self) -> str:
        """Where the range becomes the whole of what the query finds."""
        return _with(reverse(f"{self.page}-whole"), self.parameters(from_=None, to=None, wide=None, live=None))

    @property
    def wide_text(self) -> str:
        """What `wide` becomes when a part of the present timeline is chosen."""
        if self.wide:
            return self.wide
        return f"{self.since}~{self.until}" if self.until else self.since

    @property
    def many_days(self) -> bool:
        """Rows need their date: the range is not within one day of the page's zone."""
        found, zone = self.search.range, timezone.get_current_timezone()
        if found.since is None:
            return True
        return words.local(found.since, zone)[0] != words.local((found.until or self.now) - 1, zone)[0]

    def view_url(self, view: str) -> str:
        """The same result in another view."""
        return self.url(view=view if view != VIEWS[0] else None, open=None, tab=None)

    def preset_url(self, preset: str) -> str:
        return self.url(from_=preset, to=None, wide=None)

    def span_url(self, since: str, until: str) -> str:
        """The page over another range."""
        return self.url(from_=since, to=until or None, wide=None, live=None if until else self.options.get("live"))

    def by_url(self, field: str) -> str:
        """The page with the timeline parted by another field; empty for the usual one."""
        return self.url(by=field or None)

    def back_url(self) -> str:
        """The whole of the timeline as the range again."""
        if "~" not in self.wide:
            return self.url(from_=self.wide, to=None, wide=None)
        first, _, last = self.wide.partition("~")
        return self.url(from_=first, to=last, wide=None)

    def sorted_url(self, field: str) -> str:
        """The page ordered by a field: downwards first, upwards when it was downwards already."""
        return self.url(sort=field if self.search.sort == f"-{field}" else f"-{field}")

    def click_url(self, field: str, term: clauses.Term, how: clauses.Change = "only") -> str:
        """The page after a click on a value; the server works out the query when it is asked."""
        return self.url(field=field, term=term, change=how, open=None, tab=None)


def read(parameters: Mapping[str, str], zone: tzinfo, page: str = "search") -> Screen:
    """The page that an address asks for. Raises QueryError and ApplicationError."""
    given = {name: parameters[name] for name in parameters if parameters[name]}
    if "from" not in given and "to" not in given:
        given["from"] = ranges.DEFAULT
    if "change" in given:
        given["q"] = requests.changed(given, PAGES[page])
    search = requests.read(given, zone, PAGES[page])
    since, until = (_kept(given.get(name, ""), zone) for name in ("from", "to"))
    wide = given.get("wide", "")
    wide_range = _wide(wide, zone) if wide else search.range
    return Screen(
        search,
        since,
        until,
        wide,
        wide_range,
        open=given.get("open", ""),
        tab=_one_of(given.get("tab", ""), TABS),
        now=requests.now(),
        view=_one_of(given.get("view", ""), VIEWS),
        options={name: given[name] for name in OPTIONS if name in given},
        page=page,
    )


def _one_of(given: str, known: tuple[str, ...]) -> str:
    """The name if it is one of these, else the first of them: an old link opens what there is."""
    return given if given in known else known[0]


def _kept(text: str, zone: tzinfo) -> str:
    """A range's end as links carry it: relative ones as they are, dates in UTC, so that they mean the same anywhere."""
    text = text.strip()
    return text if not text or text.startswith("now") else words.rfc3339(ranges.moment(text, 0, zone))


def _wide(text: str, zone: tzinfo) -> Range:
    first, _, last = text.partition("~")
    try:
        return requests.read_range({"from": first, "to": last}, zone)
    except ApplicationError as error:
        raise ApplicationError(error.message, code=error.code, field="wide") from error


def _with(path: str, parameters: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path
