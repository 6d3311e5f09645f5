"""The waterfall: calls as bars on a time axis, in groups. Pure; places are per cent as SVG attributes write them.

Grouped by correlation every conversation begins at the left edge, so that conversations can be compared; the axis is
as long as the longest of them. Otherwise there is one axis for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from apps.core import words
from apps.httpcomms import calls as conversations
from apps.httpcomms import timescale
from apps.httpcomms.calls import Call
from apps.httpcomms.timescale import Scale

Group = Literal["correlation", "client", "none"]
GROUPS: tuple[Group, ...] = ("correlation", "client", "none")
#: Words of the ways to order, and the store's sort that finds the first ones in it.
ORDERS = {
    "start": ("Start", "date"),
    "newest": ("Newest", "-date"),
    "slowest": ("Slowest", "-stats.duration"),
    "status": ("Status", "-stats.statusCode"),
}
#: Ways to scale time: on one axis, and where every conversation has its own zero.
SCALES = {"linear": "Linear", "busy": "Idle time cut"}
OWN_SCALES = {"linear": "One scale", "own": "Each its own"}
#: A bar is never narrower than this, in per cent: what was seen is shown.
THIN = 0.15
#: From here on the words of a bar stand at its left.
LATE = 84.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a call on the axis: sending, waiting, receiving or all of it."""

    css: str
    x: str
    width: str
    thick: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A call as a row."""

    call: Call
    bars: tuple[Bar, ...]
    text_x: str
    text_end: bool
    indent: int
    tip: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A group of rows: its title, what its value is (to be searched for), and how long it is, in nanoseconds."""

    title: str
    ends: str
    field: str
    value: str
    length: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the axis with its words."""

    x: str
    text: str
    end: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All of it. `own`: every group has its own zero."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    cuts: tuple[tuple[str, str, str], ...]
    own: bool


def waterfall(found: Sequence[Call], group: Group, order: str, scale: str) -> Waterfall:
    """The calls of one page, drawn."""
    calls = conversations.nested(found)
    if not calls:
        return Waterfall((), (), (), group == "correlation")
    lanes = _lanes(calls, group, order)
    if group == "correlation":
        return _conversations(lanes, order, each=scale == "own")
    shown = timescale.linear(*_ends(calls))
    if scale == "busy":
        shown = timescale.busy([(one.start, one.last) for one in calls])
    return Waterfall(
        tuple(_lane(key, members, shown, {}, group, order) for key, members in lanes),
        tuple(Mark(_percent(tick.at * 100), _after(tick.after), tick.at > 0.95) for tick in shown.ticks()),
        tuple((_percent(100 * a), _percent(100 * (b - a)), words.duration(ns / 1e6)) for a, b, ns in shown.cuts),
        own=False,
    )


def _conversations(lanes: Sequence[tuple[str, list[Call]]], order: str, *, each: bool) -> Waterfall:
    """Lanes that begin at the left edge: on the scale of the longest, or each as wide as there is room."""
    zeros = _zeros(lanes)
    lengths = [max(one.last - zeros[one.id] for one in members) for _, members in lanes]
    whole = timescale.linear(0, max(lengths))
    made = tuple(
        _lane(key, members, timescale.linear(0, length) if each else whole, zeros, "correlation", order)
        for (key, members), length in zip(lanes, lengths, strict=True)
    )
    marks = [(tick.at, _after(tick.after)) for tick in whole.ticks()]
    if each:
        marks = [(quarter / 4, f"{quarter * 25} %") for quarter in range(5)]
    return Waterfall(made, tuple(Mark(_percent(at * 100), text, at > 0.95) for at, text in marks), (), own=True)


def _lanes(calls: list[Call], group: Group, order: str) -> list[tuple[str, list[Call]]]:
    """Calls by group, groups and calls in the order asked for."""
    families = conversations.families(calls) if group == "correlation" else {}
    key: Callable[[Call], str] = {
        "correlation": lambda one: families[one.id],
        "client": lambda one: f"{one.client}\0{one.identification}",
        "none": lambda _: "",
    }[group]
    lanes: dict[str, list[Call]] = {}
    for one in ordered(calls, order):
        lanes.setdefault(key(one), []).append(one)
    # What belongs to no conversation comes last.
    return sorted(lanes.items(), key=lambda lane: group == "correlation" and not lane[0])


def ordered(calls: Sequence[Call], order: str) -> list[Call]:
    """Calls in one of ORDERS; by start those within another follow it."""
    if order == "newest":
        return sorted(calls, key=lambda one: -one.start)
    if order == "slowest":
        return sorted(calls, key=lambda one: -(one.duration or 0))
    if order == "status":
        return sorted(calls, key=lambda one: (not one.digit.strip("0"), one.status), reverse=True)
    inner: dict[str, list[Call]] = {}
    for one in calls:
        inner.setdefault(one.parent, []).append(one)
    found: list[Call] = []
    waiting = list(reversed(inner.get("", [])))
    while waiting:
        found.append(waiting.pop())
        waiting += reversed(inner.get(found[-1].id, []))
    return found


def _zeros(lanes: Sequence[tuple[str, list[Call]]]) -> dict[str, int]:
    """Where each call's axis begins: at the first of its conversation, or of the calls around it where it has none."""
    zeros: dict[str, int] = {}
    for key, members in lanes:
        first = _first(members)
        for one in sorted(members, key=lambda one: (one.depth, one.start)):
            zeros[one.id] = first if key else zeros.get(one.parent, one.start)
    return zeros


def _lane(
    key: str, members: list[Call], scale: Scale, zeros: dict[str, int], group: Group, order: str
) -> Lane:  # fmt: skip
    lines = tuple(_line(one, scale, zeros.get(one.id, 0), order == "start") for one in members)
    clients = list(dict.fromkeys(one.client for one in members))
    servers = list(dict.fromkeys(one.server for one in members))
    if group == "client":
        client, _, who = key.partition("\0")
        title = f"{client} · {who}" if who else client
        return Lane(title, f"→ {_listed(servers)}", "stats.src.name", client, _length(members), lines)
    if group == "correlation" and key:
        ends = f"{_listed(clients[:1])} → {_listed(servers)}"
        return Lane(key, ends, "stats.correlation", key, _length(members), lines)
    title = "Without correlation identifier" if group == "correlation" else ""
    return Lane(title, "", "", "", _length(members), lines)


def _line(one: Call, scale: Scale, zero: int, tree: bool) -> Line:
    bars = tuple(_bars(one, scale, zero))
    right = max(float(bar.x[:-1]) + float(bar.width[:-1]) for bar in bars)
    end = right > LATE
    left = float(bars[0].x[:-1])
    return Line(
        one, bars, _percent(left - 0.4 if end else right + 0.4), end, min(one.depth, 8) if tree else 0, _tip(one)
    )


def _bars(one: Call, scale: Scale, zero: int) -> list[Bar]:
    if one.timings is None:
        return [_bar(f"f{one.digit}", one.start - zero, one.last - zero, scale, thick=True)]
    made, at = [], one.start - zero
    for milliseconds, thick in zip(one.timings, (False, True, False), strict=True):
        end = at + round(milliseconds * 1e6)
        if thick or end > at:
            made.append(_bar(f"f{one.digit}", at, end, scale, thick=thick))
        at = end
    return made


def _bar(css: str, since: int, until: int, scale: Scale, *, thick: bool) -> Bar:
    left, right = 100 * scale.place(since), 100 * scale.place(until)
    width = max(right - left, THIN if thick else 0.0)
    return Bar(css, _percent(min(left, 100 - width)), _percent(width), thick)


def _tip(one: Call) -> str:
    """What a bar says when it is pointed at."""
    lines = [f"{one.method} {one.path[:200]}", f"{one.client} → {one.server}"]
    if one.timings:
        sending, waiting, receiving = (words.duration(part) for part in one.timings)
        lines.append(f"sending {sending}, waiting {waiting}, receiving {receiving}")
    if one.duration is None:
        lines.append("no response was seen")
    if one.joined:
        lines.append(
            {"correlation": "within its caller, by correlation", "time": "within its caller, by time"}[one.joined]
        )
    return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" +{len(names) - 4}" if len(names) > 4 else "")


def _first(members: Sequence[Call]) -> int:
    return min(one.start for one in members)


def _ends(members: Sequence[Call]) -> tuple[int, int]:
    return _first(members), max(one.last for one in members)


def _length(members: Sequence[Call]) -> int:
    first, last = _ends(members)
    return max(last - first, 1)


def _after(ns: int) -> str:
    return f"+{words.duration(ns / 1e6)}" if ns else "0"


def _percent(value: float) -> str:
    return f"{max(value, 0.0):.2f}%"
