"""The map: rules, merging, what lies beyond gateways, layout, and the API over a real store."""

import json
from collections import Counter
from typing import Any

import pytest
from django.test import Client

from apps.core.errors import ApplicationError
from apps.httpcomms import clauses, graph, layout, merging
from apps.httpcomms.calls import Call
from apps.httpcomms.graph import Pair
from tests.apps.httpcomms.conftest import Traffic
from tests.apps.httpcomms.test_calls import made

USUAL = merging.compiled(merging.DEFAULTS)
MAP = "/api/v1/httpcomms/map/"


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("orders-7d9f-x1", "orders"),
        ("orders-6b7c9f5d4c-xbc12", "orders"),
        ("catalog-0", "catalog"),
        ("eu-orders-12", "eu-orders"),
        ("orders", "orders"),
        ("10.20.0.5", "10.20.0.5"),
        ("2001:db8::25", "2001:db8::25"),
    ],
)
def test_the_usual_rules_merge_replicas(name: str, node: str) -> None:
    assert USUAL.node(name) == node


def test_a_rule_may_name_groups_and_the_first_that_fits_decides() -> None:
    rules = merging.compiled(
        {
            "replicas": [
                {"pattern": "^(?P<shop>eu|us)-(.+)$", "name": "\\2 of \\g<shop>"},
                {"pattern": "^10\\.20\\.", "name": "shop"},
                {"pattern": ".", "name": "rest"},
            ]
        }
    )
    assert [rules.node(name) for name in ("eu-cart", "10.20.0.5", "x")] == ["cart of eu", "shop", "rest"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"replicas": [{"pattern": "(", "name": "x"}]}, "replicas[0].pattern"),
        ({"replicas": [{"pattern": "a(?=b)", "name": "x"}]}, "replicas[0].pattern"),
        ({"replicas": [{"pattern": "a", "name": "\\1"}]}, "replicas[0].name"),
        ({"replicas": [{"pattern": "(a)", "name": " "}]}, "replicas[0].name"),
        ({"gateways": [{"pattern": "a"}, {"pattern": "b", "unjoined": "guess"}]}, "gateways[1].unjoined"),
        ({"gateways": "all"}, "gateways"),
        ({"others": []}, "rules.others"),
        ({"replicas": [{"pattern": "a", "name": "b"}] * 31}, "replicas"),
        ([], "rules"),
    ],
)
def test_rules_that_cannot_be_used_say_where(value: Any, field: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        merging.compiled(value)
    assert refused.value.field == field


def test_a_hostile_pattern_takes_no_time() -> None:
    rules = merging.compiled({"replicas": [{"pattern": "^(a+)+$", "name": "a"}]})
    assert rules.node("a" * 50_000 + "b") == "a" * 50_000 + "b"


def test_merged_pairs_add_up_and_percentiles_become_bounds() -> None:
    pairs = [
        Pair("web", "orders-0", 10, Counter({"2xx": 9, "5xx": 1}), 5, 50, 100),
        Pair("web", "orders-1", 30, Counter({"2xx": 30}), 7, 20, 300),
        Pair("web", "cart", 5, Counter({"2xx": 5}), 1, 2, 10),
    ]
    orders, cart = graph.merged(pairs, USUAL.node)
    assert (orders.target, orders.count, orders.p50, orders.p95, orders.bytes, orders.bound) == (
        "orders", 40, 7, 50, 400, True,
    )  # fmt: skip
    assert graph.split(orders.classes, orders.count) == {"1xx": 0, "2xx": 39, "3xx": 0, "4xx": 0, "5xx": 1, "none": 0}
    assert (cart.bound, cart.pairs) == (False, {("web", "cart")})


def beyond(calls: list[Call], total: int | None = None, **rule: str) -> tuple[dict[str, Any], graph.Hidden]:
    rules = merging.compiled({"gateways": [{"pattern": "^(gateway|balancer)$", **rule}]})
    pairs = Counter((one.client, one.server) for one in calls)
    edges = graph.merged([Pair(*ends, count, Counter()) for ends, count in pairs.items()], lambda name: name)
    hidden = graph.gateways(edges, rules)
    touching = [one for one in calls if one.client in hidden or one.server in hidden]
    found, told = graph.without_gateways(edges, hidden, touching, total or len(touching), lambda name: name)
    return {f"{one.source}>{one.target}": one for one in found}, told


def test_what_is_beyond_a_gateway_is_joined_by_identifier() -> None:
    found, told = beyond(
        [
            made("1", "web>gateway", 0, 100, "a"),
            made("2", "gateway>orders", 10, 40, "a"),
            made("3", "app>gateway", 0, 100, "b"),
            made("4", "gateway>orders", 12, 22, "b"),
            made("5", "gateway>cart", 30, 35, "b"),
            made("6", "web>gateway", 50, 51, "c"),
            made("7", "cron>cart", 0, 1),
        ]
    )
    assert set(found) == {"web>orders", "app>orders", "app>cart", "cron>cart"}
    assert found["web>orders"].via == ("gateway",)
    assert (found["web>orders"].p95, found["app>orders"].p95) == (30, 10)
    assert found["web>orders"].pairs == {("gateway", "orders")}
    assert found["web>orders"].origins == {"web"}
    assert (told.gateways, told.joined, told.unjoined, told.own) == (("gateway",), 3, 0, 1)


def test_gateways_behind_each_other() -> None:
    found, _ = beyond(
        [
            made("1", "web>balancer", 0, 100, "a"),
            made("2", "balancer>gateway", 5, 95, "a"),
            made("3", "gateway>orders", 10, 40, "a"),
        ]
    )
    assert list(found) == ["web>orders"]
    assert found["web>orders"].via == ("balancer", "gateway")


def test_a_ring_of_gateways_ends() -> None:
    found, told = beyond(
        [
            made("1", "gateway>balancer", 0, 100, "a"),
            made("2", "balancer>gateway", 1, 99, "a"),
            made("3", "gateway>orders", 10, 40, "a"),
        ]
    )
    assert (found, told.unjoined) == ({}, 1)


def test_what_cannot_be_joined_is_left_out_or_drawn_as_the_rule_says() -> None:
    calls = [made("1", "web>gateway", 0, 100), made("2", "gateway>orders", 10, 40)]
    found, told = beyond(calls)
    assert (set(found), told.unjoined, told.own) == (set(), 1, 1)
    found, told = beyond(calls, unjoined="draw")
    assert (set(found), told.unjoined) == ({"web>gateway", "gateway>orders"}, 1)


def test_figures_of_a_part_are_scaled_and_called_estimates() -> None:
    calls = [made("1", "web>gateway", 0, 100, "a"), made("2", "gateway>orders", 10, 40, "a")]
    found, told = beyond(calls, total=20)
    assert (found["web>orders"].count, found["web>orders"].estimated) == (10, True)
    assert (told.read, told.of) == (2, 20)


def test_requests_run_from_left_to_right_and_the_picture_is_always_the_same() -> None:
    edges = [("web", "gateway", 9), ("gateway", "orders", 5), ("gateway", "cart", 4), ("orders", "payments", 3)]
    edges += [("payments", "orders", 1), ("orders", "orders", 1), ("cron", "cart", 1)]
    nodes = ["payments", "web", "cart", "cron", "orders", "gateway"]
    found = layout.places(nodes, edges)
    columns = {name: place[0] for name, place in found.items()}
    assert columns["web"] < columns["gateway"] < columns["orders"] < columns["payments"]
    assert len(set(found.values())) == len(nodes)
    assert layout.places(nodes[::-1], edges[::-1]) == found


def test_many_nodes_are_folded_into_several_columns() -> None:
    nodes = [f"n{n:03}" for n in range(200)]
    found = layout.places(nodes, [("n000", name, 1) for name in nodes[1:]])
    assert len(set(found.values())) == 200
    assert max(row for _, row in found.values()) <= layout.TALL / 2 + 1
    assert layout.places([], []) == {}


def test_a_condition_of_any_shape_is_added_turned_and_taken_out() -> None:
    one = "(stats.src.name:a OR stats.dst.name:a)"
    assert clauses.toggle_text("", one) == one
    assert clauses.toggle_text("req.method:GET", one) == f"req.method:GET AND {one}"
    assert clauses.toggle_text(f"req.method:GET AND {one}", one) == "req.method:GET"
    assert clauses.toggle_text(f"req.method:GET AND {one}", one, negated=True) == f"req.method:GET AND NOT {one}"
    assert clauses.toggle_text("a:1 OR b:2", one) == f"(a:1 OR b:2) AND {one}"
    assert clauses.toggle_text("", "NOT _exists_:req.template", negated=True) == "_exists_:req.template"
    assert clauses.toggle_text("", "NOT _exists_:req.template") == "NOT _exists_:req.template"
    assert clauses.narrowed(f"{one} AND x:1", one) == f"{one} AND x:1"
    assert clauses.among("req.path", ['/a"', "b"]) == 'req.path:("/a\\"" OR b)'


# The API, over the store's figures.


def ask(client: Client, path: str = MAP, status: int = 200, **parameters: Any) -> Any:
    answer = client.get(path, parameters)
    assert answer.status_code == status, answer.content
    return answer.json()


@pytest.mark.django_db
def test_the_map_has_every_communication(as_alice: Client, traffic: Traffic) -> None:
    found = ask(as_alice)
    nodes = {node["id"]: node for node in found["nodes"]}
    edges = {f"{edge['source']}>{edge['target']}": edge for edge in found["edges"]}
    assert set(edges) == {"10.0.0.1>10.0.0.2", "10.0.0.3>10.0.0.4", "10.0.0.5>10.0.0.2"}
    edge = edges["10.0.0.1>10.0.0.2"]
    assert (edge["count"], edge["classes"]["2xx"], edge["classes"]["5xx"], edge["bound"]) == (2, 1, 1, False)
    assert edge["p50"] <= edge["p95"]
    assert edge["bytes"] > 0
    assert edges["10.0.0.5>10.0.0.2"]["classes"]["none"] == 1
    assert (nodes["10.0.0.1"]["kind"], nodes["10.0.0.2"]["kind"]) == ("client", "service")
    assert (nodes["10.0.0.2"]["requests"], nodes["10.0.0.1"]["calls"]) == (3, 2)
    assert (found["total"], found["drawn"], found["edgesLeftOut"], found["more"]) == (4, 4, 0, False)
    assert found["seconds"] > 0


@pytest.mark.django_db
def test_a_node_and_an_edge_are_conditions(as_alice: Client, traffic: Traffic) -> None:
    found = ask(as_alice, q="req.method:GET")
    node = next(node for node in found["nodes"] if node["id"] == "10.0.0.2")
    edge = next(edge for edge in found["edges"] if edge["source"] == "10.0.0.5")
    total = {name: as_alice.get("/api/v1/httpcomms/", {"q": query}).json()["total"] for name, query in [
        ("node", node["only"]), ("not", node["exclude"]), ("edge", edge["only"]),
    ]}  # fmt: skip
    assert total == {"node": 2, "not": 1, "edge": 1}
    again = next(one for one in ask(as_alice, q=node["only"])["nodes"] if one["id"] == "10.0.0.2")
    assert again["only"] == "req.method:GET"


@pytest.mark.django_db
def test_addresses_may_be_merged_by_rules_that_are_kept(as_alice: Client, as_bob: Client, traffic: Traffic) -> None:
    rules = {"replicas": [{"pattern": "^10\\.0\\.0\\.[135]$", "name": "clients"}], "gateways": []}
    kept = as_alice.put("/api/v1/preferences/map/", json.dumps({"value": rules}), content_type="application/json")
    assert kept.status_code == 200, kept.content
    found = ask(as_alice)
    clients = next(node for node in found["nodes"] if node["id"] == "clients")
    assert clients["members"] == ["10.0.0.1", "10.0.0.3", "10.0.0.5"]
    edge = next(edge for edge in found["edges"] if edge["target"] == "10.0.0.2")
    assert (edge["count"], edge["bound"], edge["classes"]["none"]) == (3, True, 1)
    assert as_alice.get("/api/v1/httpcomms/", {"q": clients["exclude"]}).json()["total"] == 0
    assert len(ask(as_alice, merge="0")["edges"]) == 3
    assert len(ask(as_alice, mode="replicas")["edges"]) == 3
    assert len(ask(as_alice, mode="replicas", merge="1")["edges"]) == 2
    assert len(ask(as_bob)["edges"]) == 3  # rules are a person's own


@pytest.mark.django_db
def test_rules_and_positions_are_checked_before_they_are_kept(as_alice: Client) -> None:
    for name, value in [
        ("map", {"replicas": [{"pattern": "(", "name": "x"}]}),
        ("map", "all"),
        ("map-positions", {"services": {"a": [1]}}),
        ("map-positions", {"services": {"a": ["1", 2]}}),
        ("map-positions", {"services": {"a": [float("1e9"), 2]}}),
        ("map-positions", {"services": {f"n{n}": [1, 2] for n in range(1001)}}),
        ("map-positions", [1]),
    ]:
        body = json.dumps({"value": value})
        answer = as_alice.put(f"/api/v1/preferences/{name}/", body, content_type="application/json")
        assert answer.status_code == 400, (name, value)
        assert answer.json()["error"]["field"]
    body = json.dumps({"value": {"services": {"a": [1.26, -2]}}})
    answer = as_alice.put("/api/v1/preferences/map-positions/", body, content_type="application/json")
    assert answer.json() == {"value": {"services": {"a": [1.3, -2.0]}}}


@pytest.mark.django_db
def test_rules_can_be_tried_without_being_kept(as_alice: Client, client: Client) -> None:
    def tried(who: Client, status: int = 200, **body: Any) -> Any:
        answer = who.post(f"{MAP}rules/", json.dumps(body), content_type="application/json")
        assert answer.status_code == status, answer.content
        return answer.json()

    usual = tried(as_alice, names=["orders-0", "gateway"])
    assert usual["nodes"] == {"orders-0": "orders", "gateway": "gateway"}
    assert usual["gateways"] == ["gateway"]
    assert usual["rules"] == usual["usual"]
    assert tried(as_alice, names=["x1"], rules={"replicas": [{"pattern": "x.", "name": "x"}]})["nodes"] == {"x1": "x"}
    assert tried(as_alice, 400, rules={"replicas": [{"pattern": "["}]})["error"]["field"] == "replicas[0].pattern"
    assert tried(as_alice, 400, names=["x"] * 501)["error"]["field"] == "names"
    assert tried(as_alice, 400, names=[1])["error"]["field"] == "names"
    tried(client, 401)


@pytest.mark.django_db
def test_figures_of_a_node(as_alice: Client, traffic: Traffic) -> None:
    found = ask(as_alice, f"{MAP}node/", member="10.0.0.2")
    assert (found["server"]["count"], found["server"]["classes"]["5xx"], found["server"]["classes"]["none"]) == (
        3,
        1,
        1,
    )
    assert found["server"]["mostly"]["5xx"]["status"] == "503"
    assert found["client"]["count"] == 0
    client = ask(as_alice, f"{MAP}node/", member="10.0.0.1", q="stats.src.name:10.0.0.1")
    assert (client["client"]["count"], [one["name"] for one in client["servers"]]) == (2, ["10.0.0.2"])
    nothing = ask(as_alice, f"{MAP}node/", mode="templates", template="no template")
    assert nothing["server"]["count"] == 4


@pytest.mark.django_db
def test_templates_as_nodes(as_alice: Client, traffic: Traffic) -> None:
    found = ask(as_alice, mode="templates")
    assert {node["id"]: node["kind"] for node in found["nodes"]} == {
        "10.0.0.2": "service", "10.0.0.4": "service", "template:no template": "template",
    }  # fmt: skip
    node = next(node for node in found["nodes"] if node["kind"] == "template")
    assert as_alice.get("/api/v1/httpcomms/", {"q": node["only"]}).json()["total"] == 4
    assert as_alice.get("/api/v1/httpcomms/", {"q": node["exclude"]}).json()["total"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "parameters", "field"),
    [
        ("", {"mode": "people"}, "mode"),
        ("", {"merge": "yes"}, "merge"),
        ("", {"q": "nothing:1"}, "q"),
        ("", {"from": "soon"}, "from"),
        ("node/", {}, "member"),
        ("node/", {"member": ["x"] * 201}, "member"),
    ],
)
def test_a_map_that_cannot_be_asked_for(
    as_alice: Client, traffic: Traffic, path: str, parameters: dict[str, str], field: str
) -> None:
    assert ask(as_alice, MAP + path, 400, **parameters)["error"]["field"] == field


@pytest.mark.django_db
def test_a_map_shows_nothing_of_others(as_bob: Client, as_charlie: Client, client: Client, traffic: Traffic) -> None:
    assert ask(as_bob)["total"] == 4
    for mode in ("services", "replicas", "templates"):
        found = ask(as_charlie, mode=mode, hide="1")
        assert (found["nodes"], found["edges"], found["total"]) == ([], [], 0)
    node = ask(as_charlie, f"{MAP}node/", member="10.0.0.2")
    assert (node["server"]["count"], node["servers"], node["templates"]) == (0, [], [])
    assert client.get(MAP).status_code == 401
    assert client.get(f"{MAP}node/", {"member": "x"}).status_code == 401
