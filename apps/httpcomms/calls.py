"""Communications as calls of a conversation between services: who called whom, within which other call. Pure.

A call is *within* another when the service that answers the outer one makes the inner one meanwhile. A correlation
identifier that both carry says so best. Without any, time alone has to: the inner call lies within exactly one call
that its client was answering then. Where several would do nothing is guessed, and the call stands alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from apps.core.words import nanoseconds
from apps.httpcomms import present

_MS = 1_000_000
Join = Literal["", "correlation", "time"]


@dataclass(frozen=True, slots=True)
class Call:
    """A communication between two named ends; `end` is None without a response. Moments are nanoseconds.

    `parent` is the id of the call that it is within, `joined` how that is known, `depth` how many calls are around it.
    """

    id: str
    start: int
    end: int | None
    client: str
    server: str
    identification: str
    method: str
    path: str
    template: str
    status: str
    digit: str
    duration: float | None
    timings: tuple[float, float, float] | None
    correlation: tuple[str, ...]
    parent: str = ""
    joined: Join = ""
    depth: int = 0

    @property
    def last(self) -> int:
        """Its last known moment."""
        return self.start if self.end is None else self.end


def call(document: Mapping[str, Any]) -> Call:
    """The call that a communication is."""
    row = present.row(document)
    stats = document.get("stats") or {}
    timings = stats.get("timings") or {}
    parts = [timings.get(name) for name in ("send", "wait", "receive")]
    start = nanoseconds(row.date)
    answered = row.duration is not None and document.get("res") is not None
    return Call(
        id=row.id,
        start=start,
        end=start + round((row.duration or 0) * _MS) if answered else None,
        client=row.client or "unknown",
        server=row.server or "unknown",
        identification=row.identification,
        method=row.method,
        path=row.path + (f"?{row.query}" if row.query else ""),
        template=str((document.get("req") or {}).get("template") or ""),
        status=row.status,
        digit=row.digit,
        duration=row.duration if answered else None,
        timings=(parts[0], parts[1], parts[2]) if answered and None not in parts else None,
        correlation=tuple(str(one) for one in stats.get("correlation") or []),
    )


def nested(calls: Iterable[Call]) -> list[Call]:
    """The calls in the order of their start, each with the one that it is within."""
    ordered = sorted(calls, key=lambda one: (one.start, -one.last, one.id))
    answering: dict[str, list[Call]] = {}
    sharing: dict[str, list[Call]] = {}
    found = []
    for one in ordered:
        parent, joined = _parent(one, answering.get(one.client, []), sharing)
        if parent is not None:
            one = replace(one, parent=parent.id, joined=joined, depth=parent.depth + 1)
        found.append(one)
        answering.setdefault(one.server, []).append(one)
        for identifier in one.correlation:
            sharing.setdefault(identifier, []).append(one)
    return found


def _parent(one: Call, answering: Sequence[Call], sharing: Mapping[str, list[Call]]) -> tuple[Call | None, Join]:
    """The call around this one: answered by its client with the same identifier; else with the same identifier around
    it in time; else the only one that its client was answering all the while."""
    alike = [other for identifier in one.correlation for other in sharing.get(identifier, [])]
    for candidates in ([o for o in alike if o.server == one.client], alike):
        around = [o for o in candidates if o.end is None or _contains(o, one)]
        if around:
            return max(around, key=lambda o: (o.start, o.depth)), "correlation"
    around = [o for o in answering if _contains(o, one) and not (o.correlation and one.correlation)]
    return (around[0], "time") if len(around) == 1 else (None, "")


def _contains(outer: Call, inner: Call) -> bool:
    return outer.end is not None and outer.start <= inner.start and inner.last <= outer.end


def lifelines(calls: Iterable[Call]) -> list[str]:
    """The services of the calls in the order of their first appearance."""
    names: dict[str, None] = {}
    for one in calls:
        names.setdefault(one.client)
        names.setdefault(one.server)
    return list(names)


def families(calls: Sequence[Call]) -> dict[str, str]:
    """The conversation that each call is part of, by its id: the smallest identifier of all that are linked through
    shared ones, or through being within each other; empty for calls without any identifier."""
    roots: dict[str, str] = {}

    def root(name: str) -> str:
        while roots.setdefault(name, name) != name:
            roots[name] = roots[roots[name]]
            name = roots[name]
        return name

    def join(first: str, second: str) -> None:
        one, other = sorted((root(first), root(second)))
        roots[other] = one

    of: dict[str, str] = {}
    for one in calls:
        key = next(iter(one.correlation), "") or of.get(one.parent, "")
        of[one.id] = key
        for identifier in one.correlation[1:]:
            join(key, identifier)
        if one.correlation and of.get(one.parent):
            join(key, of[one.parent])
    return {id: root(key) if key else "" for id, key in of.items()}


def as_json(one: Call) -> dict[str, Any]:
    """A call as the API gives it."""
    send, wait, receive = one.timings or (None, None, None)
    return {
        "id": one.id,
        "start": one.start,
        "end": one.end,
        "client": one.client,
        "server": one.server,
        "identification": one.identification,
        "method": one.method,
        "path": one.path,
        "template": one.template,
        "status": one.status,
        "class": one.digit,
        "duration": one.duration,
        "timings": {"send": send, "wait": wait, "receive": receive} if one.timings else None,
        "correlation": list(one.correlation),
        "parent": one.parent,
        "joined": one.joined,
        "depth": one.depth,
    }


def conversations(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """What is linked by correlation identifiers, largest first: the identifier, its calls, the first of them."""
    of: dict[str, list[Call]] = {}
    for (_, family), one in zip(families(calls).items(), calls, strict=True):
        if family:
            of.setdefault(family, []).append(one)
    largest = sorted(of.items(), key=lambda item: (-len(item[1]), item[1][0].start))
    return [{"correlation": key, "calls": len(members), "first": members[0].id} for key, members in largest]
