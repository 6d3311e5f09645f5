"""Who calls whom, as nodes and edges: pairs of names with their figures, merged by rules, gateways taken out. Pure.

Figures of one pair come from the store as they are. Of several pairs that became one edge, counts are sums, and a
percentile is bounded by the largest of its parts: `bound` says so. What is beyond a gateway can only be told from
single communications: those with the same correlation identifier on both sides of it. They are read up to a limit;
where there are more, figures are scaled up from those read and `estimated`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from apps.httpcomms.calls import Call
from apps.httpcomms.merging import Gateway, Rules

#: Edges of a picture: more are left out, the smallest first, and counted.
EDGES = 80
#: Gateways behind each other.
_HOPS = 8
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")

Split = Counter[str]


@dataclass(slots=True)
class Pair:
    """Communications of one client with one server, by the names they have."""

    source: str
    target: str
    count: int
    classes: Split
    p50: float | None = None
    p95: float | None = None
    bytes: int = 0


@dataclass(slots=True)
class Edge:
    """Communications of one node with another. `pairs` are the names that it stands for."""

    source: str
    target: str
    count: int = 0
    classes: Split = field(default_factory=Counter)
    p50: float | None = None
    p95: float | None = None
    bytes: int = 0
    bound: bool = False
    via: tuple[str, ...] = ()
    estimated: bool = False
    pairs: set[tuple[str, str]] = field(default_factory=set)
    origins: set[str] = field(default_factory=set)  # names of the client beyond a gateway

    def add(self, pair: Pair) -> None:
        """Take in the figures of one more pair."""
        self.bound = bool(self.pairs)
        self.pairs.add((pair.source, pair.target))
        self.count += pair.count
        self.classes += pair.classes
        self.bytes += pair.bytes
        self.p50, self.p95 = _most(self.p50, pair.p50), _most(self.p95, pair.p95)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What became of gateways that are not drawn: communications with services behind them that were joined with a
    client, those that could not be, and those the gateways answered themselves; `read` of `of` were looked at."""

    gateways: tuple[str, ...]
    joined: int
    unjoined: int
    own: int
    read: int
    of: int


def _most(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def merged(pairs: Iterable[Pair], node: Callable[[str], str], target: Callable[[str], str] | None = None) -> list[Edge]:
    """Pairs as edges between nodes, largest first."""
    target = target or node
    edges: dict[tuple[str, str], Edge] = {}
    for pair in pairs:
        key = node(pair.source), target(pair.target)
        edges.setdefault(key, Edge(*key)).add(pair)
    return largest(edges.values())


def largest(edges: Iterable[Edge]) -> list[Edge]:
    """Edges by their number of communications; ties by name."""
    return sorted(edges, key=lambda edge: (-edge.count, edge.source, edge.target))


def gateways(edges: Iterable[Edge], rules: Rules) -> dict[str, Gateway]:
    """The nodes that pass on what others ask: some rule says so, and they both answer and ask."""
    edges = list(edges)
    answering = {edge.target for edge in edges}
    asking = {edge.source for edge in edges}
    found = {name: rules.gateway(name) for name in sorted(answering & asking)}
    return {name: rule for name, rule in found.items() if rule is not None}


def without_gateways(
    edges: Sequence[Edge], hidden: dict[str, Gateway], calls: Sequence[Call], total: int, node: Callable[[str], str]
) -> tuple[list[Edge], Hidden]:
    """The edges with each gateway replaced by what is known to lie beyond it. `calls` are those with a gateway at one
    end that were read, `total` is how many there are."""
    made: dict[tuple[str, str, tuple[str, ...]], list[Call]] = {}
    ends = [(node(one.client), node(one.server), one) for one in calls]
    carried = _carried(ends)
    origins: dict[tuple[str, str], set[str]] = {}
    passed: set[str] = set()
    joined = unjoined = own = 0
    for client, server, one in ends:
        if client not in hidden or server in hidden:
            continue
        origin, via, through = _origin(client, one, carried, hidden)
        if origin is None:
            unjoined += 1
            if hidden[client].unjoined == "draw":
                made.setdefault((client, server, ()), []).append(one)
            continue
        joined += 1
        passed |= through
        made.setdefault((node(origin), server, via), []).append(one)
        origins.setdefault((node(origin), server), set()).add(origin)
    for client, server, one in ends:
        if server in hidden and client not in hidden and one.id not in passed:
            own += 1
            if hidden[server].unjoined == "draw":
                made.setdefault((client, server, ()), []).append(one)
    scale = total / len(calls) if len(calls) < total else 1.0
    kept = [edge for edge in edges if edge.source not in hidden and edge.target not in hidden]
    for (source, target, via), members in made.items():
        kept.append(_edge(source, target, via, members, scale))
        kept[-1].origins = origins.get((source, target), set()) if via else set()
    return largest(kept), Hidden(tuple(hidden), joined, unjoined, own, len(calls), total)


_Ends = tuple[str, str, Call]


def _carried(ends: Sequence[_Ends]) -> dict[tuple[str, str], list[_Ends]]:
    """What was asked of each node, by the identifiers that it carried."""
    found: dict[tuple[str, str], list[_Ends]] = {}
    for end in ends:
        for identifier in end[2].correlation:
            found.setdefault((end[1], identifier), []).append(end)
    return found


def _origin(
    gateway: str, call: Call, carried: dict[tuple[str, str], list[_Ends]], hidden: dict[str, Gateway]
) -> tuple[str | None, tuple[str, ...], set[str]]:
    """Who asked a gateway for what it then asked of others: the last one before with the same identifier, through
    further gateways: its name, the gateways, the calls on the way. None when that is not known."""
    via: list[str] = []
    through: set[str] = set()
    for _ in range(_HOPS):
        via.insert(0, gateway)
        asked = [
            end for identifier in call.correlation for end in carried.get((gateway, identifier), [])
            if end[2].start <= call.start and end[2].id not in through
        ]  # fmt: skip
        if not asked:
            return None, (), set()
        client, _, call = max(asked, key=lambda end: (end[2].start, end[2].id))
        through.add(call.id)
        if client not in hidden:
            return call.client, tuple(via), through
        gateway = client
    return None, (), set()


def _edge(source: str, target: str, via: tuple[str, ...], members: Sequence[Call], scale: float) -> Edge:
    durations = sorted(one.duration for one in members if one.duration is not None)
    edge = Edge(source, target, round(len(members) * scale), via=via, estimated=scale > 1)
    for one in members:
        edge.classes[f"{one.digit}xx" if one.digit != "0" else "none"] += 1
        edge.pairs.add((one.client, one.server))
    if scale > 1:
        edge.classes = Counter({name: round(n * scale) for name, n in edge.classes.items()})
    edge.p50, edge.p95 = percentile(durations, 0.5), percentile(durations, 0.95)
    return edge


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Between the two nearest values, as the store computes it."""
    if not ordered:
        return None
    at = (len(ordered) - 1) * share
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (at - low) * (ordered[high] - ordered[low])


def split(classes: Split, count: int) -> dict[str, int]:
    """Communications by class, all of them: what has no class has no response."""
    found = {name: classes.get(name, 0) for name in _CLASSES if name != "none"}
    return found | {"none": max(count - sum(found.values()), 0)}
