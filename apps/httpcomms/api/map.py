"""The map: who calls whom, figures of one node, and trying the rules that merge replicas and hide gateways."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api import ErrorSerializer, PeopleApi
from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, graph, layout, merging, requests, selectors, serializers
from apps.httpcomms.api.base import ERRORS, RANGE, orjson_response
from apps.httpcomms.graph import Edge
from apps.httpcomms.preferences import preference
from apps.httpcomms.requests import Search
from apps.httpcomms.selectors import Map, Mode, Side
from apps.whisperers.rights import scope_for

#: Names that the figures of one node may be asked for, and that rules can be tried on.
MEMBERS, TRIED = 200, 500
_MODE = OpenApiParameter(
    "mode", str, enum=list(selectors.MODES), default="services",
    description="What a node is: a service by its name, a replica by its address, or services with their templates.",
)  # fmt: skip


class MapApi(PeopleApi):
    """`/api/v1/httpcomms/map/`"""

    @extend_schema(
        operation_id="httpcomms_map",
        summary="Who calls whom",
        description="Clients and servers as nodes, their communications as edges, largest first, at most 80. Your "
        "rules (preference `map`) say which names are one node and what a gateway is. `only` and `exclude` are the "
        "query with a condition more. Percentiles of an edge that stands for several pairs are upper bounds (`bound`); "
        "figures behind gateways may be scaled up from what was read (`estimated`).",
        parameters=[
            *RANGE,
            _MODE,
            OpenApiParameter("merge", str, enum=["0", "1"], description="Replicas are one node; 1 but for `replicas`."),
            OpenApiParameter("hide", str, enum=["0", "1"], default="0", description="Gateways are not drawn."),
        ],
        responses={200: serializers.MapSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        parameters = request.query_params
        mode, wanted, scope = _mode(parameters), _wanted(parameters), scope_for(request.user)
        merge = _switch(parameters, "merge", default=mode != "replicas")
        rules = merging.compiled(preference(request.user, "map", merging.DEFAULTS))
        found = selectors.traffic_map(
            scope, wanted, mode, rules, merge=merge, hide=_switch(parameters, "hide", default=False)
        )
        return orjson_response(answer(found, wanted, _seconds(scope, wanted)))


class NodeApi(PeopleApi):
    """`/api/v1/httpcomms/map/node/`"""

    @extend_schema(
        operation_id="httpcomms_map_node",
        summary="Figures of one node of the map",
        description="Exactly: as a server, as a client, and its slowest templates.",
        parameters=[
            *RANGE,
            _MODE,
            OpenApiParameter(
                "member", str, many=True, required=True, description="Names that the node has, up to 200."
            ),
            OpenApiParameter("template", str, description="In mode `templates`: figures of this template instead."),
        ],
        responses={200: serializers.MapNodeSerializer, **ERRORS},
    )
    def get(self, request: Request) -> HttpResponse:
        parameters = request.query_params
        mode, wanted, scope = _mode(parameters), _wanted(parameters), scope_for(request.user)
        members, template = parameters.getlist("member"), parameters.get("template")
        if not template and not 1 <= len(members) <= MEMBERS:
            raise ApplicationError(f"Name 1 to {MEMBERS} members.", code="invalid", field="member")
        if template:
            found = selectors.template_figures(scope, wanted, template)
        else:
            rules = merging.compiled(preference(request.user, "map", merging.DEFAULTS))
            found = selectors.node_figures(scope, wanted, mode, members, rules)
        return orjson_response(
            {
                "seconds": _seconds(scope, wanted),
                "server": _side(found.server),
                "client": _side(found.client),
                "servers": [
                    {
                        "name": one.target,
                        "count": one.count,
                        "classes": graph.split(one.classes, one.count),
                        "p95": one.p95,
                    }
                    for one in found.servers
                ],
                "templates": [{"name": name, "p95": p95, "count": count} for name, p95, count in found.templates],
            }
        )


class RulesApi(PeopleApi):
    """`/api/v1/httpcomms/map/rules/`"""

    @extend_schema(
        operation_id="httpcomms_map_rules",
        summary="Try rules of the map on names",
        description="Nothing is kept: `PUT /api/v1/preferences/map/` keeps rules. Without `rules` the present ones are "
        "given, and the usual ones.",
        request=serializers.MapRulesTrySerializer,
        responses={200: serializers.MapRulesSerializer, 400: ErrorSerializer, 401: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        data = request.data if isinstance(request.data, dict) else {}
        kept = preference(request.user, "map", merging.DEFAULTS)
        rules = merging.compiled(data.get("rules", kept))
        names = data.get("names", [])
        if not isinstance(names, list) or len(names) > TRIED or not all(isinstance(name, str) for name in names):
            raise ApplicationError(f"Give a list of up to {TRIED} names.", code="invalid", field="names")
        nodes = {name: rules.node(name[: merging.NAME]) for name in names}
        return Response(
            {
                "rules": data.get("rules", kept),
                "usual": merging.DEFAULTS,
                "nodes": nodes,
                "gateways": sorted({node for node in nodes.values() if rules.gateway(node)}),
            }
        )


def _mode(parameters: Mapping[str, str]) -> Mode:
    given = parameters.get("mode") or "services"
    for mode in selectors.MODES:
        if mode == given:
            return mode
    message = f"The map shows one of {', '.join(selectors.MODES)}."
    raise ApplicationError(message, code="invalid", field="mode")


def _wanted(parameters: Mapping[str, str]) -> Search:
    return requests.read({name: parameters[name] for name in ("q", "from", "to") if name in parameters})


def _switch(parameters: Mapping[str, str], name: str, *, default: bool) -> bool:
    given = parameters.get(name, "")
    if given not in ("", "0", "1"):
        raise ApplicationError("Say 0 or 1.", code="invalid", field=name)
    return default if not given else given == "1"


def _seconds(scope: Any, wanted: Search) -> float:
    """Length of the range, for rates."""
    return selectors.closed_range(scope, wanted, requests.now()).length / 1e9


def _side(side: Side) -> dict[str, Any]:
    return {
        "count": side.count,
        "classes": graph.split(side.classes, side.count),
        "p50": side.p50,
        "p95": side.p95,
        "mostly": {name: {"status": status, "template": template} for name, (status, template) in side.mostly.items()},
    }


def answer(found: Map, wanted: Search, seconds: float) -> dict[str, Any]:
    """A map as the API gives it."""
    nodes = _nodes(found)
    at = layout.places(list(nodes), [(_source(found, one), _target(found, one), one.count) for one in found.edges])
    for id, node in nodes.items():
        node["column"], node["row"] = at[id]
        node |= _conditions(wanted.q, _node_condition(found, node))
    return {
        "mode": found.mode,
        "seconds": seconds,
        "nodes": list(nodes.values()),
        "edges": [_edge(found, one, wanted.q) for one in found.edges],
        "total": found.total,
        "drawn": found.drawn,
        "edgesLeftOut": found.edges_left_out,
        "more": found.more,
        "hidden": _hidden(found),
    }


def _hidden(found: Map) -> dict[str, Any] | None:
    one = found.hidden
    if one is None:
        return None
    counts = {"joined": one.joined, "unjoined": one.unjoined, "own": one.own, "read": one.read, "of": one.of}
    return {"gateways": list(one.gateways), "by": "correlation"} | counts


# Services and templates may have equal names.
def _source(found: Map, edge: Edge) -> str:
    return edge.source


def _target(found: Map, edge: Edge) -> str:
    return f"template:{edge.target}" if found.mode == "templates" else edge.target


def _nodes(found: Map) -> dict[str, dict[str, Any]]:
    nodes: dict[str, dict[str, Any]] = {}
    for edge in found.edges:
        source = _node(nodes, found, _source(found, edge), edge.source)
        target = _node(nodes, found, _target(found, edge), edge.target)
        if found.mode == "templates":
            target["kind"] = "template"
            source["kind"] = "service"
        # Behind a hidden gateway the pair is the gateway's; who asked it has names of its own.
        source["members"] |= edge.origins or {pair[0] for pair in edge.pairs}
        target["members"] |= {pair[1] for pair in edge.pairs}
        source["calls"] += edge.count
        target["requests"] += edge.count
        for name, count in graph.split(edge.classes, edge.count).items():
            target["classes"][name] += count
            source["callClasses"][name] += count
    for node in nodes.values():
        node["members"] = sorted(node["members"])
        if found.mode != "templates":
            node["kind"] = "service" if node["requests"] else "client"
    return nodes


def _node(nodes: dict[str, dict[str, Any]], found: Map, id: str, name: str) -> dict[str, Any]:
    classes = ("1xx", "2xx", "3xx", "4xx", "5xx", "none")
    return nodes.setdefault(
        id,
        {
            "id": id,
            "name": name,
            "known": found.names.get(name, ""),
            "kind": "",
            "members": set(),
            "requests": 0,
            "calls": 0,
            "classes": dict.fromkeys(classes, 0),
            "callClasses": dict.fromkeys(classes, 0),
        },
    )


def _edge(found: Map, edge: Edge, query: str) -> dict[str, Any]:
    return {
        "id": f"{_source(found, edge)} {' '.join(edge.via)} {_target(found, edge)}",
        "source": _source(found, edge),
        "target": _target(found, edge),
        "count": edge.count,
        "classes": graph.split(edge.classes, edge.count),
        "p50": edge.p50,
        "p95": edge.p95,
        "bytes": edge.bytes,
        "bound": edge.bound,
        "estimated": edge.estimated,
        "via": list(edge.via),
    } | _conditions(query, _edge_condition(found, edge))


def _conditions(query: str, condition: str) -> dict[str, str]:
    return {
        "condition": condition,
        "only": clauses.toggle_text(query, condition),
        "exclude": clauses.toggle_text(query, condition, negated=True),
    }


def _node_condition(found: Map, node: dict[str, Any]) -> str:
    source, target = selectors.MODES[found.mode]
    if found.mode == "templates":
        return _template(node["name"]) if node["kind"] == "template" else clauses.among(source, node["members"])
    return f"({clauses.among(source, node['members'])} OR {clauses.among(target, node['members'])})"


def _edge_condition(found: Map, edge: Edge) -> str:
    source, target = selectors.MODES[found.mode]
    asking = clauses.among(source, sorted({pair[0] for pair in edge.pairs}))
    if found.mode == "templates":
        return f"({asking} AND {_template(edge.target)})"
    return f"({asking} AND {clauses.among(target, sorted({pair[1] for pair in edge.pairs}))})"


def _template(name: str) -> str:
    return "NOT _exists_:req.template" if name == selectors.NO_TEMPLATE else clauses.among("req.template", [name])
