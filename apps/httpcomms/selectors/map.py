"""The map: figures of every pair of client and server, and of one node."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from apps.httpcomms import calls, clauses, graph
from apps.httpcomms.calls import Call
from apps.httpcomms.graph import Edge, Hidden, Pair
from apps.httpcomms.merging import Rules
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors.base import RESOURCE
from apps.httpcomms.selectors.search import search
from store.documents import Scope, TookTooLong
from store.documents.questions import MAX_GROUPS, Figures, Group, Metric

Mode = Literal["services", "replicas", "templates"]
#: What a node is, and the two fields that an edge is between.
MODES: dict[Mode, tuple[str, str]] = {
    "services": ("stats.src.name", "stats.dst.name"),
    "replicas": ("stats.src.ip", "stats.dst.ip"),
    "templates": ("stats.dst.name", "req.template"),
}
CLASS = "stats.statusClass"
DURATION = "stats.duration"
#: Pairs looked at, so that each can have all its classes in one answer.
PAIRS = MAX_GROUPS // 6
#: Communications read to join the two sides of a gateway.
READ, _PAGE = 3_000, 1_000
#: A question that takes longer is given up: a shorter range is the way.
SECONDS = 20.0
_METRICS = (Metric("p50", DURATION), Metric("p95", DURATION), Metric("sum", "req.size"), Metric("sum", "res.size"))
#: What communications without a template are called.
NO_TEMPLATE = "no template"


@dataclass(frozen=True, slots=True)
class Map:
    """Edges, largest first. `total` communications fit the search; `drawn` of them are in the edges; `more` pairs were
    not looked at."""

    mode: Mode
    edges: list[Edge]
    total: int
    drawn: int
    edges_left_out: int
    more: bool
    hidden: Hidden | None
    names: dict[str, str]  # of addresses


def figures(scope: Scope, wanted: Search, metrics: Sequence[Metric], by: Sequence[str], size: int) -> Figures:
    """Figures of the search's communications, or words for a question that took too long."""
    span = wanted.range
    try:
        return document_store().figures(
            RESOURCE, scope, wanted.node, metrics,
            by=by, since=span.since, until=span.until, size=size, seconds=SECONDS,
        )  # fmt: skip
    except TookTooLong as error:
        message = f"The figures were not there within {SECONDS:g} s. Choose a shorter time, or ask for less."
        raise ApplicationError(message, code="too_long", field="from", status_code=503) from error


def traffic_map(scope: Scope, wanted: Search, mode: Mode, rules: Rules, *, merge: bool, hide: bool) -> Map:
    """Who calls whom."""
    found, more = _pairs(scope, wanted, mode)
    node: Callable[[str], str] = rules.node if merge else lambda name: name
    edges = graph.merged(found, node, (lambda name: name) if mode == "templates" else None)
    hidden = None
    if hide and mode == "services":
        edges, hidden = _beyond(scope, wanted, edges, rules, node)
    drawn = edges[: graph.EDGES]
    return Map(
        mode,
        drawn,
        total=document_store().count(RESOURCE, scope, wanted.node, since=wanted.range.since, until=wanted.range.until),
        drawn=sum(edge.count for edge in drawn),
        edges_left_out=len(edges) - len(drawn),
        more=more,
        hidden=hidden,
        names=_names(scope, wanted) if mode == "replicas" else {},
    )


def _pairs(scope: Scope, wanted: Search, mode: Mode) -> tuple[list[Pair], bool]:
    by = MODES[mode]
    whole = figures(scope, wanted, _METRICS, by, PAIRS)
    classes: dict[tuple[str, str], Counter[str]] = {}
    for group in figures(scope, wanted, [Metric("count")], (*by, CLASS), MAX_GROUPS).groups:
        classes.setdefault(_ends(group), Counter())[group.values[2] or "none"] += group.documents
    return [_pair(group, classes) for group in whole.groups], whole.more


def _ends(group: Group) -> tuple[str, str]:
    return group.values[0] or "unknown", group.values[1] or NO_TEMPLATE


def _pair(group: Group, classes: dict[tuple[str, str], Counter[str]]) -> Pair:
    p50, p95, sent, received = group.figures
    ends = _ends(group)
    return Pair(*ends, group.documents, classes.get(ends, Counter()), p50, p95, round((sent or 0) + (received or 0)))


def _beyond(
    scope: Scope, wanted: Search, edges: list[Edge], rules: Rules, node: Callable[[str], str]
) -> tuple[list[Edge], Hidden | None]:
    """The edges without gateways, which are joined through communications read one by one, newest first."""
    gateways = graph.gateways(edges, rules)
    if not gateways:
        return edges, None
    touching = [edge for edge in edges if edge.source in gateways or edge.target in gateways]
    names = sorted({name for edge in touching for pair in edge.pairs for name in pair if node(name) in gateways})
    source, target = MODES["services"]
    near = wanted.with_query(
        clauses.narrowed(wanted.q, f"({clauses.among(source, names)} OR {clauses.among(target, names)})")
    )
    read = _read(scope, near)
    return graph.without_gateways(edges, gateways, read, sum(edge.count for edge in touching), node)


def _read(scope: Scope, wanted: Search) -> list[Call]:
    found: list[Call] = []
    after = None
    while len(found) < READ:
        page = search(scope, replace(wanted, sort="-date", size=_PAGE, after=after))
        found += [calls.call(hit) for hit in page.hits]
        after = page.after
        if after is None:
            break
    return found


def _names(scope: Scope, wanted: Search) -> dict[str, str]:
    """Names of addresses, of servers before clients."""
    found: dict[str, str] = {}
    for end in ("src", "dst"):
        for group in figures(
            scope, wanted, [Metric("count")], (f"stats.{end}.ip", f"stats.{end}.name"), MAX_GROUPS
        ).groups:
            address, name = group.values
            if address and name and name != address:
                found[address] = name
    return found


@dataclass(frozen=True, slots=True)
class Side:
    """What a node does in one part: its communications, by class, and their percentiles. `mostly` is the most frequent
    status of each class of errors, with the template that it is most frequent of."""

    count: int
    classes: Counter[str]
    p50: float | None
    p95: float | None
    mostly: dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """A node, exactly: as a server, as a client by server, and its slowest templates (name, p95, communications)."""

    server: Side
    client: Side
    servers: list[Edge]
    templates: list[tuple[str, float | None, int]]


def node_figures(scope: Scope, wanted: Search, mode: Mode, members: Sequence[str], rules: Rules) -> NodeFigures:
    """Figures of the node that has these names."""
    source, target = MODES[mode] if mode != "templates" else MODES["services"]
    asked = wanted.with_query(clauses.narrowed(wanted.q, clauses.among(target, members)))
    asking = wanted.with_query(clauses.narrowed(wanted.q, clauses.among(source, members)))
    pairs = [
        Pair(source, group.values[0] or "unknown", group.documents, Counter(), None, group.figures[0])
        for group in figures(scope, asking, [Metric("p95", DURATION)], (target,), PAIRS).groups
    ]
    for group in figures(scope, asking, [Metric("count")], (target, CLASS), MAX_GROUPS).groups:
        for pair in pairs:
            if pair.target == group.values[0]:
                pair.classes[group.values[1] or "none"] += group.documents
    templates = [
        (group.values[0], group.figures[0], group.documents)
        for group in figures(scope, asked, [Metric("p95", DURATION)], ("req.template",), 100).groups
        if group.values[0]
    ]
    templates.sort(key=lambda one: (-(one[1] or 0), one[0]))
    return NodeFigures(_side(scope, asked), _side(scope, asking), graph.merged(pairs, rules.node)[:8], templates[:5])


def template_figures(scope: Scope, wanted: Search, template: str) -> NodeFigures:
    """Figures of the requests of one template."""
    text = "NOT _exists_:req.template" if template == NO_TEMPLATE else clauses.among("req.template", [template])
    asked = wanted.with_query(clauses.narrowed(wanted.q, text))
    return NodeFigures(_side(scope, asked), Side(0, Counter(), None, None, {}), [], [])


def _side(scope: Scope, wanted: Search) -> Side:
    whole = figures(scope, wanted, _METRICS[:2], (), 1).groups
    if not whole or not whole[0].documents:
        return Side(0, Counter(), None, None, {})
    classes: Counter[str] = Counter()
    mostly: dict[str, tuple[str, str]] = {}
    for group in figures(scope, wanted, [Metric("count")], (CLASS, "stats.statusCode", "req.template"), 200).groups:
        name = group.values[0] or "none"
        classes[name] += group.documents
        if name in ("4xx", "5xx") and name not in mostly:
            mostly[name] = group.values[1] or "", group.values[2] or ""
    return Side(whole[0].documents, classes, whole[0].figures[0], whole[0].figures[1], mostly)
