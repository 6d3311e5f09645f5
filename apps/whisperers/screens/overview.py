"""The list of whisperers: a row for each with its state, and the figures of its agents in the last minutes and hour.

All rows together cost a fixed number of queries for figures, however many whisperers there are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from apps.whisperers import selectors
from apps.whisperers.models import Sample, Whisperer
from apps.whisperers.rights import visible_whisperers
from apps.whisperers.screens.states import Agent, Face, agents_of, face_of, moving_agents

#: The small chart of a row.
RECENT = timedelta(minutes=10)
POINTS = 30
#: Losses and errors are counted over this time.
HOUR = timedelta(hours=1)
DROPS = ("dropped_kernel", "dropped_queue", "dropped_limit", "dropped_breaker")

Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list. `rate` in bytes a second; None where no agent is visible."""

    whisperer: Whisperer
    face: Face
    agents: int
    visible: int
    moving: bool
    rate: float | None
    packets: float | None
    lost: int | None
    seen_packets: int
    errors: int | None
    seen: datetime | None
    spark: list[tuple[float, float]]
    may_start: bool

    @property
    def needs_care(self) -> bool:
        """Whether somebody should look at it."""
        unseen = self.face.word == "not_visible" and self.whisperer.capturing
        return unseen or self.face.word in ("wrong", "paused") or bool(self.lost)


def rows(user: AbstractBaseUser | AnonymousUser, now: datetime, names: str = "") -> list[Row]:
    """The whisperers a person sees, by name; `names`: those alone whose name, team or host has this in it."""
    listed = [one for one in selectors.whisperer_list(user) if _fits(one, names.strip().lower())]
    may = set(visible_whisperers(user, "startStop").values_list("pk", flat=True))
    agents = {one.pk: agents_of(one, now) for one in listed}
    said = _Said([agent.instance.pk for found in agents.values() for agent in found], now)
    return [_row(one, agents[one.pk], said, now, one.pk in may) for one in listed]


def _fits(whisperer: Whisperer, part: str) -> bool:
    hosts = [one.name for one in whisperer.instances.all()]
    names = [whisperer.name, whisperer.team.name if whisperer.team else "", whisperer.mode, *hosts]
    return not part or any(part in name.lower() for name in names)


def _row(whisperer: Whisperer, agents: list[Agent], said: "_Said", now: datetime, may: bool) -> Row:
    visible = [one for one in agents if one.is_visible]
    keys = [one.instance.pk for one in visible]
    seen = [one.instance.last_seen for one in agents if one.instance.last_seen is not None]
    figures = selectors.together([one.instance.figures for one in visible])
    counted = [said.in_the_hour(one.instance.pk, one.instance.figures) for one in visible]
    hour = {name: sum(found.get(name, 0) for found in counted) for name in (*DROPS, "packets_captured", "calls_failed")}
    return Row(
        whisperer=whisperer,
        face=face_of(whisperer, agents, now),
        agents=len(agents),
        visible=len(visible),
        moving=bool(moving_agents(whisperer, agents)),
        rate=figures.get("bytes_second", 0) if visible else None,
        packets=said.packets_a_second(keys) if visible else None,
        lost=int(sum(hour[name] for name in DROPS)) if visible else None,
        seen_packets=int(hour["packets_captured"] + sum(hour[name] for name in DROPS)),
        errors=int(hour["calls_failed"]) if visible else None,
        seen=max(seen, default=None),
        spark=said.spark([one.instance.pk for one in agents]),
        may_start=may,
    )


class _Said:
    """What agents said lately and an hour ago, read once for the whole list."""

    def __init__(self, instances: list[UUID], now: datetime) -> None:
        self._now = now
        self._recent: dict[UUID, list[tuple[datetime, Said]]] = defaultdict(list)
        found = Sample.objects.filter(instance__in=instances, at__gte=now - RECENT).order_by("at")
        for key, at, figures in found.values_list("instance_id", "at", "figures"):
            self._recent[key].append((at, figures))
        first = Sample.objects.filter(instance__in=instances, at__gte=now - HOUR)
        first = first.order_by("instance_id", "at").distinct("instance_id")
        self._before: dict[UUID, Said] = dict(first.values_list("instance_id", "figures"))

    def in_the_hour(self, key: UUID, latest: Said) -> dict[str, float]:
        """What its counters counted since an hour ago, or since it started."""
        before = self._before.get(key, {})
        fresh = latest.get("started", 0) >= (self._now - HOUR).timestamp()
        same = not fresh and before.get("started") == latest.get("started")
        names = (*DROPS, "packets_captured", "calls_failed")
        return {name: max(latest.get(name, 0) - (before.get(name, 0) if same else 0), 0) for name in names}

    def packets_a_second(self, keys: Iterable[UUID]) -> float:
        """By the last two things that each agent said."""
        total = 0.0
        for key in keys:
            if len(self._recent[key]) >= 2:
                (then, before), (at, last) = self._recent[key][-2:]
                more = last.get("packets_captured", 0) - before.get("packets_captured", 0)
                total += max(more, 0) / max((at - then).total_seconds(), 1)
        return total

    def spark(self, keys: Iterable[UUID]) -> list[tuple[float, float]]:
        """Rate of the last minutes as points between 0 and 1, from left and from below; empty without traffic."""
        width = RECENT.total_seconds() / POINTS
        sums = [0.0] * POINTS
        for key in keys:
            by_step: dict[int, float] = {}
            for at, figures in self._recent[key]:
                step = int((at - (self._now - RECENT)).total_seconds() // width)
                by_step[min(max(step, 0), POINTS - 1)] = float(figures.get("bytes_second", 0))
            for step, rate in by_step.items():
                sums[step] += rate
        most = max(sums)
        return [(n / (POINTS - 1), value / most) for n, value in enumerate(sums)] if most else []
