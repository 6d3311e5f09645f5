"""The links from a person's rights to the packets that an agent sees. Nothing is told of whisperers that the person may
not see: what does not exist and what is hidden are told in the same words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from apps.captures.models import Upload
from apps.httpcomms import clauses
from apps.httpcomms.selectors.chain.model import Asked, ChainLink, State, Step, counted, named
from apps.whisperers.context import may_create
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import is_staff, visible_whisperers
from apps.whisperers.screens.history import history
from apps.whisperers.screens.states import agents_of, ago, face_of, wish_of
from apps.whisperers.selectors import capture_of
from store.documents import EVERYTHING

#: Whisperers looked at one by one; more would keep a person waiting.
MOST = 20
#: How far back packets are counted that agents saw: their figures are kept for a day.
FIGURES = timedelta(hours=1)
_DROPS = ("dropped_kernel", "dropped_queue", "dropped_limit", "dropped_breaker")


def access(asked: Asked) -> ChainLink:
    """May the person search any whisperer?"""
    title = "Your rights"
    if asked.scope is EVERYTHING:
        return ChainLink("access", title, "fine", "You may search everything.")
    seen = visible_whisperers(asked.user)
    if asked.scope:
        most = [("Shared with you", counted(len(asked.scope), "whisperer"))]
        return ChainLink("access", title, "fine", "You may search what was shared with you.", most)
    ask = Step("Ask whoever runs Spider here for the right to search a whisperer.")
    names = list(seen.values_list("name", flat=True))
    if names:
        text = f"You may see {named(names)}, but not search what was captured there."
        return ChainLink("access", title, "broken", text, steps=[ask])
    return ChainLink("access", title, "broken", "No whisperer was shared with you yet.", steps=[ask])


def existence(asked: Asked) -> ChainLink:
    """Is there a whisperer that the search is about? Fills in `concerned`."""
    title, found = "Whisperer", visible_whisperers(asked.user, "search").order_by("name")
    wanted = _asked_for(asked.wanted.q)
    asked.every, asked.narrowed = found, asked.scope
    if wanted:
        asked.every = [one for one in found if str(one.pk) in wanted]
        asked.narrowed = frozenset(str(one.pk) for one in asked.every)
    mine = asked.concerned = list(asked.every[:MOST])
    total = len(mine) if len(mine) < MOST else len(asked.every)
    if mine:
        names = [one.name for one in asked.concerned]
        text = f"The search is about {named(names)}." if wanted else f"There {_are(total)}."
        return ChainLink("whisperer", title, "fine", text, [("Whisperers", named(names))])
    if wanted:
        text = "The query asks for a whisperer that does not exist, or that you may not search."
        return ChainLink("whisperer", title, "broken", text, steps=[Step("Take the whisperer out of the query.")])
    steps = [Step("Make a whisperer", reverse("whisperer-new"))] if may_create(asked.user) else []
    return ChainLink("whisperer", title, "broken", "There is no whisperer yet.", steps=steps)


def _are(total: int) -> str:
    return "is 1 whisperer" if total == 1 else f"are {total:,} whisperers"


def _asked_for(query: str) -> list[str]:
    """The whisperers that the query chooses."""
    chosen = [c for c in clauses.split(query) if c.field == "whisperer" and not c.negated]
    return [clauses.unquote(term) for clause in chosen for term in clause.terms if term is not None]


@dataclass(frozen=True, slots=True)
class _One:
    """A whisperer as it is now: a word of `screens.states`, and why."""

    whisperer: Whisperer
    word: str
    label: str
    reason: str
    since: datetime | None

    @property
    def status(self) -> str:
        """Its status page."""
        return reverse("whisperer", args=[self.whisperer.pk])


def agents(asked: Asked) -> tuple[ChainLink, ChainLink, ChainLink]:
    """Is an agent connected, does it capture, does it see packets?"""
    live = [w for w in asked.concerned if w.mode != Whisperer.Mode.UPLOAD]
    if not live:
        return _files(asked)
    ones = [_state(one, asked.now) for one in live]
    links = (_connected(ones), _capturing(ones, asked.now), _packets(ones, asked.now))
    if asked.live and not asked.has_inside and not asked.was_read:
        return links
    told = "Its file was read; it need not run any more." if asked.was_read else "As it is now, not then."
    if asked.has_inside:
        told = "As it is now; the range searched has its traffic."
    return tuple(_aside(link, told) for link in links)  # type: ignore[return-value]


def _aside(link: ChainLink, told: str) -> ChainLink:
    """What is wrong now says nothing about traffic that is there, or about a range that is over."""
    if link.state == "fine":
        return link
    return ChainLink(link.key, link.title, "aside", f"{link.text} {told}", link.figures, link.since, link.steps)


def _state(whisperer: Whisperer, now: datetime) -> _One:
    face = face_of(whisperer, agents_of(whisperer, now), now)
    return _One(whisperer, face.word, face.label, face.reason, face.since)


def _joined(ones: Sequence[_One], good: Sequence[str]) -> tuple[State, list[_One]]:
    """The state of several together, and those that are not well."""
    bad = [one for one in ones if one.word not in good]
    return ("fine" if not bad else "broken" if len(bad) == len(ones) else "partly"), bad


def _told(ones: Sequence[_One]) -> list[tuple[str, str]]:
    return [(one.whisperer.name, " – ".join(filter(None, (one.label, one.reason)))) for one in ones[:6]]


def _connected(ones: Sequence[_One]) -> ChainLink:
    state, bad = _joined(ones, ("capturing", "stopped", "paused", "wrong"))
    if not bad:
        return ChainLink("agent", "Agent", "fine", "Its last status came in time.", _told(ones))
    first = bad[0]
    new = first.word == "not_visible" and not first.whisperer.instances.filter(revoked=None).exists()
    steps = [
        Step(f"Install an agent for {first.whisperer.name}", reverse("whisperer-install", args=[first.whisperer.pk]))
    ]
    if not new:
        steps = [
            Step(f"Look at {first.whisperer.name}", first.status),
            Step("See whether its host runs and reaches Spider."),
        ]
    text = f"{named([one.whisperer.name for one in bad])}: no agent is connected. {first.reason}".strip()
    return ChainLink("agent", "Agent", state, text, _told(ones), first.since, steps)


def _capturing(ones: Sequence[_One], now: datetime) -> ChainLink:
    state, bad = _joined(ones, ("capturing",))
    if not bad:
        since = [one.since for one in ones if one.since is not None]
        return ChainLink("capturing", "Capture", "fine", "It captures.", _told(ones), max(since, default=None))
    first = bad[0]
    wish = wish_of(first.whisperer, agents_of(first.whisperer, now), now)
    text, step = f"{first.whisperer.name} does not capture: {first.label.lower()}.", f"Look at {first.whisperer.name}"
    if first.word == "stopped" and not first.whisperer.capturing:
        who = f" by {wish.asked_by}" if wish.asked_by else ""
        when = f" {ago(now - wish.asked_at)} ago" if wish.asked_at else ""
        text = (
            f"{first.whisperer.name} was stopped{who}{when}."
            if who or when
            else f"{first.whisperer.name} was never started."
        )
        step = f"Start {first.whisperer.name} on its page"
    elif first.reason:
        text = f"{text} {first.reason}"
    return ChainLink("capturing", "Capture", state, text, _told(ones), first.since, [Step(step, first.status)])


def _packets(ones: Sequence[_One], now: datetime) -> ChainLink:
    """What agents saw in the last hour."""
    title, sums = "Packets", dict.fromkeys(("packets_captured", "packets_filtered", *_DROPS), 0.0)
    told = False
    for one in ones:
        past = history(one.whisperer, now, FIGURES)
        told = told or any(value is not None for value in past.lines["packets_captured"])
        for name in sums:
            sums[name] += past.gained[name]
    if not told:
        return ChainLink("packets", title, "unknown", "No agent told figures in the last hour.")
    captured, filtered = int(sums["packets_captured"]), int(sums["packets_filtered"])
    dropped = int(sum(sums[name] for name in _DROPS))
    filters = list(dict.fromkeys(str(capture_of(one.whisperer).values["filter"]) for one in ones))
    figures = [("Captured", f"{captured:,} in 1 h"), ("Filtered out", f"{filtered:,}"), ("Dropped", f"{dropped:,}")]
    figures += [("Filter", one or "none") for one in filters[:3]]
    config = Step("Open the capture configuration", reverse("whisperer-capture", args=[ones[0].whisperer.pk]))
    if not captured:
        why = (
            f" {counted(filtered, 'packet')} did not fit the filter."
            if filtered
            else " None came by the interface at all."
        )
        steps = (
            [config] if filtered else [config, Step("See whether it listens on the interface that has the traffic.")]
        )
        return ChainLink(
            "packets", title, "broken", f"In the last hour no packet was captured.{why}", figures, steps=steps
        )
    if dropped:
        lost = f"{counted(dropped, 'packet')} of {captured + dropped:,} were lost before they could be sent."
        return ChainLink("packets", title, "partly", lost, figures, steps=[Step("See why", ones[0].status)])
    return ChainLink("packets", title, "fine", f"{counted(captured, 'packet')} in the last hour.", figures)


def _files(asked: Asked) -> tuple[ChainLink, ChainLink, ChainLink]:
    """Whisperers that only take files have no agents: what counts is the last file."""
    last = Upload.objects.filter(whisperer__in=asked.every).order_by("-created").first()
    none = ChainLink("agent", "Agent", "aside", "Capture files are uploaded here; there is no agent.")
    page = Step("Upload a file", reverse("whisperer-files", args=[asked.concerned[0].pk]))
    if last is None:
        files = ChainLink("capturing", "Files", "broken", "No file was uploaded yet.", steps=[page])
    elif last.state == Upload.State.FAILED:
        text = f"The last file could not be read: {last.error}"
        files = ChainLink("capturing", "Files", "broken", text, [("File", last.name)], last.updated, [page])
    elif last.state in (Upload.State.DONE, Upload.State.DUPLICATE):
        files = ChainLink("capturing", "Files", "fine", "The last file was read.", [("File", last.name)], last.updated)
    else:
        text = f"The last file is on its way: {last.get_state_display().split(':')[0].lower()}."
        files = ChainLink("capturing", "Files", "partly", text, [("File", last.name)], last.updated, [page])
    if asked.has_inside or asked.newest is not None:
        files = _aside(files, "What was read before is there.")
    return none, files, ChainLink("packets", "Packets", "aside", "Counted when a file is read.")


def sees_all(asked: Asked) -> bool:
    """Whether figures of the whole installation may be told: they are of whisperers that others own too."""
    return is_staff(asked.user)
