"""Reads of whisperers: which a person sees, what state they and their agents are in, and their figures."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet, Subquery

from apps.whisperers.configuration.resolve import Resolved, resolve, value_of
from apps.whisperers.models import Defaults, Instance, Sample, Whisperer
from apps.whisperers.rights import visible_whisperers

Word = Literal["not_visible", "connecting", "stopped", "capturing", "paused", "wrong"]

#: An agent that missed so many of its status calls is not visible; its own pace says how long that is.
MISSED = 3
#: An upload notes the last use of its token once a minute.
TOKEN_SEEN = timedelta(minutes=2)

_WORDS: dict[str, Word] = {
    Instance.State.STARTING: "connecting",
    Instance.State.STOPPED: "stopped",
    Instance.State.CAPTURING: "capturing",
    Instance.State.PAUSED: "paused",
    Instance.State.WRONG: "wrong",
}
# What a whisperer is said to be when its agents differ: the first of these that one of them is.
_ORDER: tuple[Word, ...] = ("wrong", "paused", "capturing", "connecting", "stopped", "not_visible")
_PHRASES: dict[Word, str] = {
    "not_visible": "not visible",
    "connecting": "connecting",
    "stopped": "stopped",
    "capturing": "capturing",
    "paused": "paused",
    "wrong": "wrongly configured",
}
# Figures of several agents together: most are sums, these are not.
_MOST = frozenset({"call_p90_ms"})
_LEAST = frozenset({"started"})
_MEAN = frozenset({"call_average_ms"})


@dataclass(frozen=True, slots=True)
class State:
    """The state of a whisperer or an agent; `reason` is a sentence, `since` when it began, as far as that is known."""

    word: Word
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Point:
    """Figures of all agents of a whisperer together, at one time."""

    at: datetime
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """`latest`: what the agents that are visible said last, together; `series`: the same over time, oldest first."""

    latest: dict[str, float] = field(default_factory=dict)
    series: list[Point] = field(default_factory=list)


def whisperer_list(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Whisperer]:
    """The whisperers a person sees, by name, with what their states are told from."""
    server = Subquery(Defaults.objects.filter(pk=1).values("capture"))
    found = visible_whisperers(user).annotate(server_capture=server)
    return found.select_related("team").prefetch_related("instances").order_by("name")


def capture_of(whisperer: Whisperer) -> Resolved:
    """The capture configuration in force."""
    return resolve(whisperer, "capture")


def status_seconds(whisperer: Whisperer) -> int:
    """How often its agents tell their status."""
    return int(value_of(whisperer, "capture", "status_seconds"))


def instance_state(instance: Instance, now: datetime, pace: int | None = None) -> State:
    """The state of one agent. `pace`: seconds between its status calls, where the caller knows them."""
    if instance.revoked is not None:
        return State("not_visible", "Its keys were revoked.", instance.revoked)
    if instance.last_seen is None:
        return State("connecting", "It was enrolled and has not been heard of since.", instance.enrolled)
    pace = pace or status_seconds(instance.whisperer)
    silent = now - instance.last_seen
    if silent > timedelta(seconds=MISSED * pace):
        return State("not_visible", f"It was last heard of {_ago(silent)} ago.", instance.last_seen)
    return State(_WORDS[instance.state], instance.reason, None)


def whisperer_state(whisperer: Whisperer, now: datetime) -> State:
    """The state of a whisperer, from those of its agents."""
    if whisperer.mode == Whisperer.Mode.UPLOAD:
        return State("stopped", "Capture files are uploaded here: it has no agent.", None)
    instances = [one for one in whisperer.instances.all() if one.revoked is None]
    if not instances:
        return _without_instances(whisperer, now)
    pace = status_seconds(whisperer)
    states = [(one, instance_state(one, now, pace)) for one in instances]
    word = next(word for word in _ORDER if any(state.word == word for _, state in states))
    alike = [(one, state) for one, state in states if state.word == word]
    return State(word, _reason(whisperer, word, states, alike), _since(whisperer, word, alike))


def _without_instances(whisperer: Whisperer, now: datetime) -> State:
    """Agents that were started with a token alone tell no status: their uploads show them."""
    used = whisperer.tokens.filter(revoked=None, instance=None).exclude(last_used=None)
    last = used.order_by("-last_used").values_list("last_used", flat=True).first()
    if last is None:
        return State("not_visible", "No agent is enrolled yet.", whisperer.created)
    if now - last <= TOKEN_SEEN:
        return State("capturing", "An agent that is not enrolled uploads with a token.", None)
    return State("not_visible", f"The last upload with a token was {_ago(now - last)} ago.", last)


def _reason(
    whisperer: Whisperer, word: Word, states: Sequence[tuple[Instance, State]], alike: Sequence[tuple[Instance, State]]
) -> str:
    """Why, in a sentence or two: what the first of the agents says, and what the others are."""
    first, state = alike[0]
    said = state.reason or _expected(whisperer, word)
    parts = [f"{first.name}: {said}" if said and len(states) > 1 else said]
    if len(alike) < len(states):
        others = {other: sum(s.word == other for _, s in states) for other in _ORDER if other != word}
        told = [f"{count} {_PHRASES[other]}" for other, count in others.items() if count]
        parts.append(f"Of {len(states)} agents {len(alike)} {_PHRASES[word]}, {', '.join(told)}.")
    return " ".join(part for part in parts if part)


def _expected(whisperer: Whisperer, word: Word) -> str:
    """What to say of an agent that does not do yet what it was asked to."""
    if word == "stopped" and whisperer.capturing:
        return "It was asked to capture and has not begun yet."
    if word == "capturing" and not whisperer.capturing:
        return "It was asked to stop and sends what it still has."
    return ""


def _since(whisperer: Whisperer, word: Word, alike: Sequence[tuple[Instance, State]]) -> datetime | None:
    known = [state.since for _, state in alike if state.since is not None]
    if known:
        return max(known)
    return whisperer.capturing_since if word in ("capturing", "stopped") else None


def figures(whisperer: Whisperer, since: datetime) -> Figures:
    """What the agents said in numbers since a moment: one point for each stretch as long as a status call's pace."""
    pace = status_seconds(whisperer)
    by_time: dict[int, dict[int | str, dict[str, float]]] = defaultdict(dict)
    samples = Sample.objects.filter(instance__whisperer=whisperer, at__gte=since).order_by("at")
    for instance, at, said in samples.values_list("instance_id", "at", "figures"):
        by_time[int(at.timestamp()) // pace][str(instance)] = said
    series = [
        Point(datetime.fromtimestamp(step * pace, tz=since.tzinfo), together(list(said.values())))
        for step, said in sorted(by_time.items())
    ]
    return Figures(together(_visible(whisperer, since, pace)), series)


def _visible(whisperer: Whisperer, since: datetime, pace: int) -> list[dict[str, float]]:
    """The last figures of the agents that were heard of lately."""
    limit = max(datetime.now(tz=since.tzinfo) - timedelta(seconds=MISSED * pace), since)
    return [one.figures for one in whisperer.instances.filter(revoked=None, last_seen__gte=limit)]


def together(said: Sequence[dict[str, float]]) -> dict[str, float]:
    """Figures of several agents as one: sums, but for the worst percentile, the mean of means, and the first start."""
    values: dict[str, list[float]] = defaultdict(list)
    for one in said:
        for name, value in one.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                values[name].append(value)
    return {name: _combined(name, found) for name, found in values.items()}


def _combined(name: str, found: list[float]) -> float:
    if name in _MOST:
        return max(found)
    if name in _LEAST:
        return min(found)
    return sum(found) / len(found) if name in _MEAN else sum(found)


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, word in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {word}{'s' if count > 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
