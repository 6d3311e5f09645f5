"""The links from the chunks that arrived to the query."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from apps.captures.models import Capture
from apps.core import words
from apps.core.servers import chunk_store, document_store
from apps.httpcomms.screen import Screen
from apps.httpcomms.selectors.chain.agents import sees_all
from apps.httpcomms.selectors.chain.model import Asked, ChainLink, Step, counted
from apps.httpcomms.selectors.explain import without_each
from documents.fields import TIME_FIELD
from documents.query import parse
from store.documents import StoreUnavailable, Terms
from store.redis import accounting, captures, work
from store.redis.connection import GROUP, Link, UnfitServerError

#: Captures whose sums are added up, newest first; the open ones among them are asked of Redis one by one.
MOST = 50
#: A poller that has taken nothing for so long, while something waits, is not there.
POLLER_SILENT = timedelta(seconds=60)
AROUND = timedelta(minutes=15)
_AWAY = (RedisError, UnfitServerError, OSError)


class Chunks:
    """What is known of the captures that touch the range: of ended ones from their rows, of open ones from Redis."""

    def __init__(self, asked: Asked) -> None:
        self.sums: Counter[str] = Counter()
        self.holes = 0
        self.complete = True
        self.last: Capture | None = None
        every = Capture.objects.filter(whisperer__in=asked.every)
        self.last = every.exclude(last_packet=None).order_by("-last_packet").first()
        self.rows = list(_touching(every, asked).order_by("-opened")[:MOST])
        for row in self.rows:
            if row.state == Capture.State.CLOSED:
                self.sums.update(row.totals)
                self.holes += len(row.holes) if isinstance(row.holes, list | dict) else 0
        running = [row.pk for row in self.rows if row.state == Capture.State.OPEN]
        if running:
            self._add_running(running)

    def _add_running(self, ids: list[str]) -> None:
        try:
            with chunk_store().link() as link:
                for id in ids:
                    self.sums.update(accounting.totals(link, id).counters)
                    state = captures.read_state(link, id)
                    self.holes += len(state.holes) + len(state.ranges) if state else 0
        except _AWAY:
            self.complete = False

    @property
    def waiting(self) -> int:
        """Packets that arrived and are in no part yet."""
        return max(self.sums["packets.uploaded"] - sum(self.sums[part] for part in accounting.PARTS), 0)


def _touching(rows: QuerySet[Capture], asked: Asked) -> QuerySet[Capture]:
    """Captures with packets of the range."""
    span, found = asked.wanted.range, rows.exclude(last_packet=None)
    if span.since is not None:
        found = found.filter(last_packet__gte=span.since)
    if span.until is not None:
        found = found.filter(Q(first_packet__lt=span.until))
    return found


def accepted(asked: Asked, found: Chunks) -> ChainLink:
    """Did chunks with packets of the range arrive?"""
    title, sums = "Upload", found.sums
    figures = []
    if found.rows:
        figures.append(("Chunks", f"{sums['chunks.uploaded']:,} of {counted(len(found.rows), 'capture')}"))
    if found.last is not None:
        figures.append(("Last packet", _moment(found.last.last_packet)))
    lost = sums["packets.abandoned"]
    figures += [("Given up", counted(lost, "packet"))] if lost else []
    figures += [("Holes", f"{found.holes:,}")] if found.holes else []
    if found.rows:
        if lost or found.holes:
            text = f"Chunks arrived; {counted(lost, 'packet')} in missing chunks did not."
            return ChainLink("chunks", title, "partly", text, figures, steps=_pages(asked))
        more = "" if found.complete else " How many is not known: Redis does not answer."
        return ChainLink("chunks", title, "fine", f"Chunks with packets of this range arrived.{more}", figures)
    if asked.has_inside:
        return ChainLink("chunks", title, "fine", "What arrived is stored.", figures)
    if found.last is None and asked.newest is None:
        return ChainLink("chunks", title, "broken", "No chunk was ever accepted.", figures, steps=_pages(asked))
    text = "No chunk with packets of this range arrived."
    missed = asked.live and not asked.was_read and asked.ahead <= timedelta()
    return ChainLink("chunks", title, "broken" if missed else "aside", text, figures, steps=_pages(asked))


def parsed(asked: Asked, found: Chunks) -> ChainLink:
    """Were the packets HTTP?"""
    title, sums, store, span = "Parse", found.sums, document_store(), asked.wanted.range
    bounds = {"since": span.since, "until": span.until}
    sessions = store.facets("tcpsessions", asked.narrowed, None, [Terms("protocol", 10)], **bounds, seconds=2)
    protocols = dict(sessions.answers[0].values)
    statuses = dict(
        store.facets("httpcomms", asked.narrowed, None, [Terms("parsing.status", 10)], **bounds, seconds=2)
        .answers[0].values
    )  # fmt: skip
    figures = [("TCP sessions", f"{sessions.total:,}" + _listed(protocols))]
    figures.append(("Communications", f"{sum(statuses.values()):,}" + _listed(statuses)))
    skipped = {
        name.removeprefix("payload.skipped."): n for name, n in sums.items() if name.startswith("payload.skipped.")
    }
    if skipped:
        worst = sorted(skipped.items(), key=lambda item: -item[1])[:3]
        figures.append(("Payload left out", ", ".join(f"{words.volume(size)} {reason}" for reason, size in worst)))
    if asked.has_inside:
        odd = statuses.get("error", 0)
        text = f"{counted(odd, 'communication')} could not be read well." if odd else "Packets became communications."
        return ChainLink("parsed", title, "partly" if odd else "fine", text, figures)
    if not found.rows:
        return ChainLink("parsed", title, "unknown", "There was nothing of this range to read.", figures)
    return _unparsed(asked, found, protocols, figures)


#: Sessions of each protocol that is known and not read: what was left out of either side says so.
_CLOSED = {kind: parse(f"_exists_:client.skipped.{kind} OR _exists_:server.skipped.{kind}", "tcpsessions")
           for kind in ("tls", "http2", "ssh")}  # fmt: skip


def _sessions_of(asked: Asked, kind: str) -> int:
    span = asked.wanted.range
    found = document_store().search(
        "tcpsessions", asked.narrowed, _CLOSED[kind], since=span.since, until=span.until, size=1
    )
    return found.total


def _unparsed(asked: Asked, found: Chunks, protocols: dict[str, int], figures: list[tuple[str, str]]) -> ChainLink:
    """Chunks arrived and no communication came of them: why?"""
    title, sums, sessions = "Parse", found.sums, sum(protocols.values())
    closed = _sessions_of(asked, "tls") if sessions else 0
    if closed and 2 * closed >= sessions:
        text = f"{closed:,} of {counted(sessions, 'TCP session')} are encrypted (TLS), so no HTTP could be read."
        behind = Step("Capture behind the end of TLS, where requests are in the clear.")
        steps = [behind, *_pages(asked, "whisperer-capture")]
        return ChainLink("parsed", title, "broken", text, figures, steps=steps)
    if protocols.get("http/1.1"):
        text = f"{counted(protocols['http/1.1'], 'TCP session')} of HTTP began here, with no exchange in them yet."
        return ChainLink("parsed", title, "unknown", text, figures)
    if sessions:
        kinds = [f"{count:,} {kind}" for kind in ("http2", "ssh") if (count := _sessions_of(asked, kind))]
        text = f"{counted(sessions, 'TCP session')} began in this range and none carries HTTP/1.1"
        text += f" ({', '.join(kinds)})." if kinds else "."
        return ChainLink("parsed", title, "broken", text, figures, steps=_pages(asked, "whisperer-capture"))
    if found.waiting:
        text = f"{counted(found.waiting, 'packet')} wait for a worker."
        steps = [Step("Wait a little; if the number grows, more workers are needed."), *_pages(asked)]
        return ChainLink("parsed", title, "broken", text, figures, steps=steps)
    aside = sums["packets.notTcp"] + sums["packets.undecodable"]
    if aside and aside >= sums["packets.uploaded"]:
        text = f"None of {counted(aside, 'packet')} is TCP that can be decoded."
        return ChainLink("parsed", title, "broken", text, figures, steps=_pages(asked, "whisperer-capture"))
    if sums["packets.quarantined"]:
        text = f"{counted(sums['packets.quarantined'], 'packet')} were set aside because reading them failed."
        return ChainLink("parsed", title, "broken", text, figures, steps=_pages(asked))
    return ChainLink("parsed", title, "unknown", "No TCP session of this range is stored yet.", figures)


def _listed(found: dict[str, int]) -> str:
    return f" ({', '.join(f'{count:,} {name}' for name, count in found.items())})" if found else ""


def stored(asked: Asked) -> ChainLink:
    """Do documents reach the store?"""
    title, health = "Store", document_store().health()
    if not health.ok:
        return ChainLink(
            "stored", title, "broken", "The document store takes no documents. Nothing is lost: they wait."
        )
    refused = 0
    with suppress(StoreUnavailable):
        refused = document_store().count("rejected", asked.narrowed, None)
    figures = [("Refused documents", f"{refused:,}")]
    try:
        with chunk_store().link() as link:
            waiting, silent = _outbox(link)
    except _AWAY:
        state = "fine" if asked.has_inside else "unknown"
        return ChainLink("stored", title, state, "Redis does not answer, so what waits is not known.", figures)  # type: ignore[arg-type]
    # What waits is everybody's: a number of it would tell of whisperers that the person may not see.
    if sees_all(asked):
        figures.append(("Waiting to be stored", counted(waiting, "batch").replace("batchs", "batches")))
    if waiting and (silent is None or silent > POLLER_SILENT):
        steps = (
            [Step("Start a poller: manage.py poll")] if sees_all(asked) else [Step("Tell whoever runs Spider here.")]
        )
        text = "Documents wait and no poller takes them."
        return ChainLink("stored", title, "broken", text, figures, steps=steps)
    if refused:
        text = f"{counted(refused, 'document')} of these whisperers were refused and kept apart."
        return ChainLink("stored", title, "partly", text, figures)
    return ChainLink("stored", title, "fine", "What is parsed is stored within seconds.", figures)


def _outbox(link: Link) -> tuple[int, timedelta | None]:
    """Batches that wait, and for how long the liveliest poller has not asked for any; None: there is none."""
    waiting = work.figures(link)["outbox.httpcomms"]
    try:
        reply = link.command("XINFO", "CONSUMERS", link.keys.out("httpcomms"), GROUP)
    except RedisError:
        return waiting, None
    idle = []
    for one in reply:
        facts = one if isinstance(one, dict) else dict(zip(one[::2], one[1::2], strict=True))
        idle.append(int(facts[b"idle"]))
    return waiting, timedelta(milliseconds=min(idle)) if idle else None


def time_range(asked: Asked, screen: Screen) -> ChainLink:
    """Is there traffic at the time that is searched?"""
    title = "Time range"
    if asked.newest is None or asked.oldest is None:
        return ChainLink("range", title, "unknown", "Nothing is stored yet, of any time.")
    first, last = str(asked.oldest[TIME_FIELD]), str(asked.newest[TIME_FIELD])
    figures = [("Oldest", _moment(words.nanoseconds(first))), ("Newest", _moment(words.nanoseconds(last)))]
    newest = datetime.fromtimestamp(words.nanoseconds(last) / 1e9, UTC)
    there = Step("Go to the last traffic", _around(screen, last), search=True)
    if asked.ahead > timedelta():
        gone = words.span(int((newest - asked.now).total_seconds()) * words.SECOND)
        text = f"The newest communication began {gone} from now: the clock of the host that captured it is ahead."
        state = "partly" if asked.has_inside else "broken"
        steps = [Step("Set the clock of the host, with NTP."), there]
        return ChainLink("range", title, state, text, figures, newest, steps)  # type: ignore[arg-type]
    if asked.has_inside and asked.inside is not None:
        return ChainLink("range", title, "fine", f"{_found(asked.inside)} in this range.", figures)
    gone = words.span(int((asked.now - newest).total_seconds()) * words.SECOND)
    where = "after" if asked.wanted.range.until and words.nanoseconds(first) >= asked.wanted.range.until else "outside"
    text = f"The traffic that is stored lies {where} this range; the newest began {gone} ago."
    return ChainLink("range", title, "broken", text, figures, newest, [there])


def query(asked: Asked, screen: Screen) -> ChainLink:
    """Which condition removed everything?"""
    title = "Query"
    if asked.hits is not None and asked.has_hits:
        return ChainLink("query", title, "fine", f"{_found(asked.hits)} found.")
    if not asked.wanted.q:
        return ChainLink("query", title, "fine", "The query is empty: it finds everything.")
    if not asked.has_inside or asked.inside is None:
        return ChainLink("query", title, "unknown", "There is nothing in this range that it could find.")
    every = asked.inside
    steps = [
        Step(f"Without {part.text}: {count:,}", screen.asked(rest), search=True)
        for part, rest, count in without_each(asked.scope, asked.wanted)
    ]
    steps.append(
        Step(f"Without the query: {every.total:,}{'+' if every.at_least else ''}", screen.asked(""), search=True)
    )
    text = f"None of {_found(every).lower()} fits the query."
    if len(steps) == 1 and " " in asked.wanted.q:
        text += " More than one of its conditions removes everything."
    figures = [("Query", asked.wanted.q), ("In this range", _found(every))]
    return ChainLink("query", title, "broken", text, figures, steps=steps)


def _found(page: Any) -> str:
    return f"{'At least ' if page.at_least else ''}{counted(page.total, 'communication')}"


def _around(screen: Screen, date: str) -> str:
    at, around = words.nanoseconds(date) // words.SECOND * words.SECOND, int(AROUND.total_seconds()) * words.SECOND
    since, until = words.rfc3339(at - around), words.rfc3339(at + around)
    return screen.url(from_=since, to=until, wide=None, open=None, tab=None)


def _moment(ns: int | None) -> str:
    day, time, _ = words.local(ns or 0, timezone.get_current_timezone())
    return f"{day} {time}"


def _pages(asked: Asked, name: str = "whisperer") -> list[Step]:
    said = "Capture configuration of" if name == "whisperer-capture" else "Look at"
    return [Step(f"{said} {one.name}", reverse(name, args=[one.pk])) for one in asked.concerned[:2]]
