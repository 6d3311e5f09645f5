"""`make bench-search`: how long the search screen takes over two million communications, on this machine.

Starts a PostgreSQL of its own (its folder is kept, so the documents are made once), or takes the Elasticsearch whose
address is given. What a person does is timed as the screen does it: the first page, then the timeline and the facets at
once; then scrolling. The whole day without a query, and queries from very selective to hardly so.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import TypeVar

from apps.httpcomms.generated import Plan, fill
from documents import query
from documents.query import Node
from spider_site import places
from spider_site.environment import env
from spider_site.run.servers import Postgres, free_port
from store.documents import EVERYTHING, DocumentStore, Ranges, Terms, TookTooLong, open_store

T = TypeVar("T")

RESOURCE = "httpcomms"
DAY = 86_400 * 1_000_000_000
#: 2026-11-22, whole.
UNTIL = 1_795_392_000_000_000_000
SINCE = UNTIL - DAY
GOALS = {"PostgreSQL": 2.0, "Elasticsearch": 1.0}
SCROLL_GOAL = 0.3
ROWS, PAGES = 100, 5
#: Of the timeline: 144 of a day.
STEP = 600 * 1_000_000_000

QUERIES = {
    "the whole day": "",
    "server errors of a service": "stats.dst.name:payments AND stats.statusCode:>=500",
    "one path": 'req.path:"/api/orders/58"',
    "one tag": 'stats.tags.order:"O-58"',
    "words of a body": 'res.body.text:"could not do"',
    "slow reads of half a day": "req.method:GET AND stats.duration:>30",
}
#: What the screen counts beside the result.
FACETS = (
    *(Terms(name, 6) for name in (
        "stats.statusClass", "req.method", "stats.dst.name", "req.host", "stats.src.name", "whisperer",
        "parsing.status", "stats.src.identification", "stats.src.origin", "req.template", "stats.statusCode",
        "res.contentType", "stats.tags.order", "stats.tags.product",
    )),
    Ranges("stats.duration", (10, 100, 1_000, 10_000)),
    Ranges("res.body.size", (1_000, 10_000, 100_000, 1_000_000)),
    Ranges("req.body.size", (1, 1_000, 100_000)),
)  # fmt: skip


def main() -> int:
    """Measure the engine asked for; 1 when a goal was not reached."""
    parser = argparse.ArgumentParser(description="Measure searches over many communications.")
    parser.add_argument("--count", type=int, default=2_000_000, help="documents of a day (default 2,000,000)")
    parser.add_argument("--rounds", type=int, default=20, help="how often each question is asked (default 20)")
    parser.add_argument("--seconds", type=float, default=10, help="limit of each question (default 10)")
    parser.add_argument("--elasticsearch", metavar="URL", default="", help="search there instead of in PostgreSQL")
    options = parser.parse_args()
    with _address(options.elasticsearch) as url:
        store = open_store(url, seconds=options.seconds)
        engine = "Elasticsearch" if options.elasticsearch else "PostgreSQL"
        _fill(store, url, options.count)
        print(f"{engine} {store.health().version}: {options.count:,} communications of a day, {options.rounds} rounds")
        print(f"{'':30} {'page':>13} {'timeline':>13} {'facets':>13} {'all of it':>13}   p50 p95, ms")
        whole = [_measure(store, name, text, options.rounds) for name, text in QUERIES.items()]
        scroll = _scroll(store, options.rounds)
        store.close()
    print(f"goals: all of it {GOALS[engine] * 1000:,.0f} ms, a page of scrolling {SCROLL_GOAL * 1000:,.0f} ms")
    return 0 if max(whole) <= GOALS[engine] and scroll <= SCROLL_GOAL else 1


@contextmanager
def _address(elasticsearch: str) -> Iterator[str]:
    if elasticsearch:
        yield elasticsearch
        return
    folder = Path(str(env("SPIDER_BENCH_DATA")) or places.data_folder() / "bench")
    server = Postgres(folder / "search-postgres", free_port(), "bench")
    server.start()
    try:
        yield server.url("postgres")
    finally:
        server.stop()


def _fill(store: DocumentStore, url: str, count: int) -> None:
    """Make the documents, unless they are there."""
    store.prepare()
    if store.count(RESOURCE, EVERYTHING, None, since=SINCE, until=UNTIL, seconds=300) == count:
        return
    begun = time.monotonic()
    stored = sum(fill(url, Plan(count, SINCE, UNTIL, ("w1", "w2", "w3")), processes=2))
    seconds = time.monotonic() - begun
    print(f"{stored:,} communications stored in {seconds:.0f} s, {stored / seconds:,.0f} a second")


def _measure(store: DocumentStore, name: str, text: str, rounds: int) -> float:
    """Ask as the screen does, and print; the 95th percentile of all of it."""
    # Ends that differ each time, as those of a range until now do: no engine may know the answer already.
    asked = [_ask(store, query.parse(text) if text else None, SINCE + n * 1_000_000) for n in range(rounds + 1)]
    measured = asked[1:]  # the first warms the caches up
    columns = [[look.page for look in measured], [look.timeline for look in measured],
               [look.facets for look in measured], [look.whole for look in measured]]  # fmt: skip
    print(f"{name:30} " + " ".join(f"{_two(times):>13}" for times in columns) + f"   {asked[-1].note}", flush=True)
    return _percentile(columns[-1], 95)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the screen took, in seconds, and what it showed."""

    page: float
    timeline: float
    facets: float
    whole: float
    note: str


def _ask(store: DocumentStore, node: Node | None, since: int) -> Look:
    about = (RESOURCE, EVERYTHING, node)
    between = {"since": since, "until": UNTIL}
    began = time.perf_counter()
    page, found = _timed(partial(store.search, *about, **between, size=ROWS))
    with ThreadPoolExecutor(2) as pool:
        line = pool.submit(_timed, partial(store.histogram, *about, **between, interval=STEP, by="stats.statusClass"))
        counted = pool.submit(_timed, partial(store.facets, *about, FACETS, **between))
    whole = time.perf_counter() - began
    (timeline, buckets), (facets, answers) = line.result(), counted.result()
    notes = [
        f"{found.total:,}{' or more' if found.at_least else ''} hits" if found else "page too late",
        "timeline too late" if buckets is None else "",
        "facets too late" if answers is None else f"facets of {answers.share:.1%}" if answers.share < 1 else "",
    ]
    return Look(page, timeline, facets, whole, ", ".join(filter(None, notes)))


def _timed(ask: Callable[[], T]) -> tuple[float, T | None]:
    began = time.perf_counter()
    try:
        answer = ask()
    except TookTooLong:
        return time.perf_counter() - began, None
    return time.perf_counter() - began, answer


def _scroll(store: DocumentStore, rounds: int) -> float:
    """Pages after the first, of the whole day."""
    times = []
    for round_ in range(rounds):
        since = SINCE + round_ * 1_000_000
        page = store.search(RESOURCE, EVERYTHING, None, since=since, until=UNTIL, size=ROWS)
        for _ in range(PAGES):
            began = time.perf_counter()
            page = store.search(RESOURCE, EVERYTHING, None, since=since, until=UNTIL, size=ROWS, after=page.after)
            times.append(time.perf_counter() - began)
    print(f"{'a page of scrolling':30} {_two(times):>13}", flush=True)
    return _percentile(times, 95)


def _percentile(times: list[float], percent: int) -> float:
    return quantiles(times, n=100, method="inclusive")[percent - 1] if len(times) > 1 else times[0]


def _two(times: list[float]) -> str:
    return f"{_percentile(times, 50) * 1000:,.0f} {_percentile(times, 95) * 1000:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
