"""Every field of both kinds of configuration with wrong values and right ones, through the API: each wrong value is
named with its field, itself and the way out, and nothing is written."""

import ctypes.util
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schema import CAPTURE_FIELDS
from apps.whisperers.configuration.checks import problems
from apps.whisperers.configuration.parsing import complete, normalised
from apps.whisperers.configuration.schema import fields
from apps.whisperers.models import Change, Instance, Whisperer
from apps.whisperers.services import whisperer_create
from documents.rules import compile_rules
from tests.apps.whisperers.conftest import Api, one

pytestmark = pytest.mark.django_db

NUMBERS: list[Any] = ["7", "", 1.5, True, [], {}]
TEXTS: list[Any] = [7, True, [], {}, "a\nb", "\0"]
LISTS: list[Any] = ["any", 7, {}, [7], [None], [["eth0"]], ["a\0"]]
FLAGS: list[Any] = [0, 1, "true", [], {}]

#: Field → values that no whisperer may have, besides those of the wrong type and beyond the bounds.
CAPTURE: dict[str, list[Any]] = {
    "interfaces": [*LISTS, [], ["a b"], ["eth/0"], ["x" * 16], [""], ["eth0", "eth0"], [f"e{n}" for n in range(17)]],
    "file": [*TEXTS, "shop.pcap", "./shop.pcap", "/" + "x" * 1024],
    "filter": [*TEXTS, "tcp prt 80", "host", "x" * 4097, "port 99999"],
    "host_blacklist": [*LISTS, ["a b"], ["http://db"], ["db:80"], ["-a"], [""], ["a" * 64], ["db", "db"]],
    "address_blacklist": [*LISTS, ["10.0.0"], ["10.0.0.0/33"], ["db"], [""], ["::1/129"], ["::1", "::1"]],
    "compression": [*TEXTS, "gzip", "", "ZSTD"],
}
PARSING: dict[str, list[Any]] = {
    "save_packets": FLAGS,
    "save_bodies": FLAGS,
    "body_limit": [*NUMBERS, -1, (1 << 30) + 1],
    "content_types": [*LISTS, ["text"], ["a b/c"], [""], ["a/*/*"], ["x" * 2000], ["a/b"] * 101],
    "policy": [7, True, [], "Default", "a-b", "", "1st", "x" * 32, "a\n"],
    "templates": [
        "x", 7, {}, [7], [{}], [{"name": "a"}], [{"path": "a"}], [{"name": "", "path": "a"}],
        [{"name": 7, "path": "a"}], [{"name": "a", "path": 7}], [{"name": "a", "path": "("}],
        [{"name": "a", "path": "(?=a)"}], [{"name": "a", "path": r"(a)\1"}], [{"name": "a", "path": "x" * 401}],
        [{"name": "a", "path": "(a{1000}){1000}"}], [{"name": r"\2", "path": "(a)"}],
        [{"name": r"\g<b>", "path": "(a)"}],
        [{"name": "a", "uri": "a"}], [{"name": "a\0", "path": "a"}], [{"name": "a", "path": "a\0"}],
        [{"name": "a", "path": "a"}] * 101,
    ],
    "tags": [
        "x", 7, {}, [7], [{}], [{"name": "a"}], [{"where": "req.path"}], [{"name": "1", "where": "req.path"}],
        [{"name": "a.b", "where": "req.path"}], [{"name": "a", "where": "req"}], [{"name": "a", "where": "req.body"}],
        [{"name": "a", "where": "res.query:x"}], [{"name": "a", "where": "req.path", "regex": "("}],
        [{"name": "a", "where": "req.path", "json": "$.a"}], [{"name": "a", "where": "req.body", "json": "a..b"}],
        [{"name": "a", "where": "req.body", "json": "$.a", "regex": "a"}], [{"name": "a", "where": "req.path"}] * 51,
    ],
    "correlation_headers": [*LISTS, ["a b"], [""], ["a:"], ["x" * 2000], [f"h{n}" for n in range(21)]],
    "identification": [*LISTS, ["jwt"], ["jwt:"], ["cookie:a"], ["header:a b"], [""]],
    "origin_headers": [*LISTS, ["a b"], [""], [f"h{n}" for n in range(21)]],
    "trusted_proxies": [*LISTS, ["10.0.0"], ["10.0.0.0/33"], ["proxy"], [""]],
    "masking": [
        [], "x", 7, {"headers": "a"}, {"headers": [7]}, {"headers": ["a b"]}, {"query_keys": "a"}, {"query_keys": [""]},
        {"body_keys": [7]}, {"body_keys": ["\0"]}, {"body": []}, {"body_keys": [f"k{n}" for n in range(201)]},
    ],
}  # fmt: skip


def _wrong_capture() -> list[tuple[str, Any]]:
    cases = []
    for field in CAPTURE_FIELDS:
        values = CAPTURE.get(field.name)
        if values is None and field.type == "int":
            values = [*NUMBERS, field.least - 1, field.most + 1, 1 << 70]
        elif values is None:
            values = FLAGS
        cases += [(field.name, value) for value in values]
    return cases


WRONG = [("capture", *case) for case in _wrong_capture()] + [
    ("parsing", name, value) for name, values in PARSING.items() for value in values
]

#: Values that may be used: one for each field, and the odd ones.
RIGHT_CAPTURE = {
    "interfaces": [["any"], ["eth0", "lo"]],
    "file": ["", "/var/captures/Größe.pcap"],
    "filter": ["", "tcp port 80 or (ip6 and tcp port 8080)"],
    "host_blacklist": [[], ["db.example.org", "db_1", "localhost."]],
    "address_blacklist": [[], ["10.0.0.0/8", "::1", "10.1.2.3/8"]],
    "compression": ["auto", "zstd", "none"],
}
RIGHT_PARSING: dict[str, list[Any]] = {
    "save_packets": [False],
    "save_bodies": [False],
    "body_limit": [0, 1 << 20],
    "content_types": [[], ["application/json", "text/*", "*+json", "*"]],
    "policy": ["long", "default"],
    "templates": [
        [{"name": r"\1 \g<id>", "method": "(.*)", "path": r"^/orders/(?P<id>\d+)"}],
        [{"name": "a", "body": "{"}],
    ],
    "tags": [[{"name": "order", "where": "res.body", "json": "$.a[0].b"}, {"name": "a-b", "where": "req.header:X-A"}]],
    "correlation_headers": [[], ["X-Request-Id"]],
    "identification": [[], ["jwt:sub", "basic", "header:x-user", "certificate:x-client-cert"]],
    "origin_headers": [[], ["x-real-ip"]],
    "trusted_proxies": [[], ["10.0.0.0/8", "::1"]],
    "masking": [{}, {"body_keys": ["iban"]}, {"headers": [], "query_keys": [], "body_keys": []}],
}


def test_every_field_has_cases() -> None:
    assert {name for kind, name, _ in WRONG if kind == "capture"} == {field.name for field in fields("capture")}
    assert set(PARSING) == set(RIGHT_PARSING) == {field.name for field in fields("parsing")}


def whisperer_for(kind: str, name: str) -> Whisperer:
    mode = next((f.mode for f in fields("capture") if f.name == name and kind == "capture"), "") or "INTERFACE"
    return whisperer_create(name="for it", mode=mode)


@pytest.mark.parametrize(("kind", "name", "value"), WRONG, ids=lambda part: ascii(part)[:40])
def test_a_wrong_value_is_named_with_its_field_and_the_way_out(api: Api, kind: str, name: str, value: Any) -> None:
    if name == "filter" and not ctypes.util.find_library("pcap") and isinstance(value, str):
        pytest.skip("libpcap is not installed here")
    whisperer = whisperer_for(kind, name)
    Change.objects.all().delete()
    for method in ("put", "patch"):
        refused = getattr(api, method)(one(whisperer, f"config/{kind}/"), {"values": {name: value}}, 400)["error"]
        assert refused["code"] == "invalid"
        assert refused["field"].startswith(name)
        assert refused["message"].startswith(f"{refused['field']}: ")
        problem = refused["problems"][0]
        assert problem["message"].endswith((".", "?")), problem
        assert problem["fix"].endswith((".", "?", "Syntax.")), problem
        assert refused["fields"][refused["field"]][0] == f"{problem['message']} {problem['fix']}"
    tried = api.patch(one(whisperer, f"config/{kind}/?check=1"), {"values": {name: value}})
    assert [found["field"] for found in tried["problems"]] == [found["field"] for found in refused["problems"]]
    whisperer.refresh_from_db()
    assert (whisperer.capture, whisperer.parsing) == ({}, {})
    assert not Change.objects.exists()


def _right() -> list[tuple[str, str, Any]]:
    cases = []
    for field in CAPTURE_FIELDS:
        values = RIGHT_CAPTURE.get(field.name) or ([field.least, field.most] if field.type == "int" else [True, False])
        cases += [("capture", field.name, value) for value in values]
    return cases + [("parsing", name, value) for name, values in RIGHT_PARSING.items() for value in values]


@pytest.mark.parametrize(("kind", "name", "value"), _right(), ids=lambda part: ascii(part)[:40])
def test_a_right_value_is_kept_and_given_back(api: Api, kind: str, name: str, value: Any) -> None:
    whisperer = whisperer_for(kind, name)
    said = api.put(one(whisperer, f"config/{kind}/"), {"values": {name: value}})
    assert said["origins"][name] == "whisperer"
    assert said["problems"] == []
    again = api.put(one(whisperer, f"config/{kind}/"), {"values": said["own"]})
    assert again == said
    if name not in ("masking", "templates", "tags"):  # these are kept whole: what was left out is filled in
        assert said["values"][name] == value


def test_all_that_is_wrong_is_said_at_once(api: Api, live: Whisperer) -> None:
    values = {"snap": 1, "filtr": "tcp", "uploads": 99}
    refused = api.put(one(live, "config/capture/"), {"values": values}, 400)["error"]
    assert set(refused["fields"]) == {"snap", "filtr", "uploads"}
    assert "Did you mean filter?" in refused["fields"]["filtr"][0]


@pytest.mark.parametrize("body", [{}, [], {"values": []}, {"values": "x"}, {"value": {}}, {"values": None}, 7, None])
def test_a_body_of_another_form_is_refused(api: Api, live: Whisperer, body: Any) -> None:
    assert api.put(one(live, "config/capture/"), body, 400)["error"]["message"]


def test_a_field_of_another_mode_is_refused(api: Api, live: Whisperer) -> None:
    refused = api.put(one(live, "config/capture/"), {"values": {"file": "/a.pcap"}}, 400)["error"]
    assert "mode FILE" in refused["message"]
    upload = whisperer_create(name="files", mode="UPLOAD")
    refused = api.put(one(upload, "config/capture/"), {"values": {"uploads": 2}}, 400)["error"]
    assert "that have agents" in refused["message"]
    assert api.get(one(upload, "config/capture/"))["problems"] == []
    assert api.get(one(upload, "config/capture/schema/"))["fields"] == []


def test_an_interface_must_be_one_that_an_agent_has(
    api: Api, live: Whisperer, agent_on: Callable[..., Instance]
) -> None:
    api.put(one(live, "config/capture/"), {"values": {"interfaces": ["wlan9"]}})  # nobody knows better yet
    agent_on(live)
    found = api.get(one(live, "config/capture/"))["problems"]
    assert [(p["field"], p["fix"]) for p in found] == [("interfaces", "Choose from any, eth0, lo.")]
    refused = api.patch(one(live, "config/capture/"), {"values": {"interfaces": ["eth1"]}}, 400)["error"]
    assert "'eth1'" in refused["message"]
    assert "eth0" in refused["message"]
    api.patch(one(live, "config/capture/"), {"values": {"snap": 96}})  # what was there before stands in nobody's way
    assert api.patch(one(live, "config/capture/"), {"values": {"interfaces": ["eth0"]}})["problems"] == []
    agent_on(live, "node-2", interfaces=[{"name": "ib0", "addresses": [], "up": True, "link": None}])
    refused = api.patch(one(live, "config/capture/"), {"values": {"interfaces": ["ib0"]}}, 400)["error"]
    assert "cannot capture" in refused["message"]
    assert "ib0" not in refused["problems"][0]["fix"]


def test_a_filter_is_compiled_for_the_interfaces_it_runs_on(
    api: Api, live: Whisperer, agent_on: Callable[..., Instance]
) -> None:
    if not ctypes.util.find_library("pcap"):
        pytest.skip("libpcap is not installed here")
    agent_on(live)
    path = one(live, "config/capture/")
    api.put(path, {"values": {"interfaces": ["eth0"], "filter": "ether host 1:2:3:4:5:6"}})
    refused = api.patch(path, {"values": {"interfaces": ["any"]}}, 400)["error"]  # it has no Ethernet header
    assert refused["field"] == "filter"


@pytest.mark.parametrize("kind", ["capture", "parsing"])
def test_every_field_is_described(api: Api, live: Whisperer, kind: Any) -> None:
    described = api.get(f"/api/v1/defaults/config/{kind}/schema/")["fields"]
    for field in described:
        assert field["help"]
        assert field["group"]
        assert field["type"] in ("int", "str", "bool", "list", "object", "table")
        assert all(part["help"] for part in field["parts"])
        assert field["unit"] or field["type"] != "int" or field["name"] == "uploads"
    defaults = {field["name"]: field["default"] for field in described}
    assert problems(kind, defaults) == []
    assert json.loads(json.dumps(defaults)) == defaults
    assert api.get(one(live, f"config/{kind}/"))["values"] == defaults


def test_a_kind_that_does_not_exist_is_not_found(api: Api, live: Whisperer) -> None:
    assert "capture or parsing" in api.get(one(live, "config/other/"), 404)["error"]["message"]


@pytest.mark.parametrize("values", [{"filter": "\ud800"}, {"\ud800": 1}, {"interfaces": ["\udfff"]}])
@pytest.mark.parametrize("query", ["", "?check=1"])
def test_half_a_character_is_refused(api: Api, live: Whisperer, values: dict[str, Any], query: str) -> None:
    refused = api.put(one(live, f"config/capture/{query}"), {"values": values}, 400)["error"]
    assert "half a character" in refused["message"]


def test_a_value_nested_deep_is_refused_like_any_other(api: Api, live: Whisperer) -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    assert api.put(one(live, "config/parsing/"), {"values": {"templates": deep, "x": deep}}, 400)["error"]["fields"]


def _json(*leaves: Any) -> st.SearchStrategy[Any]:
    """Any JSON, with some words that mean something among its texts."""
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    leaf |= st.sampled_from(leaves)
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


_WORDS = (
    "any", "eth0", "x-a", "a/b", "10.0.0.0/8", "basic", "jwt:sub", "req.path", "res.body", "$.a", "(a)", r"\1", "a*",
)  # fmt: skip
_text = st.sampled_from(_WORDS) | st.text(max_size=10)
_template = st.dictionaries(st.sampled_from(["name", "method", "path", "header", "body", "x"]), _text | st.none())
_tag = st.dictionaries(st.sampled_from(["name", "where", "regex", "json", "x"]), _text | st.none())
_value = _json(*_WORDS) | st.lists(_text) | st.lists(_template, max_size=2) | st.lists(_tag, max_size=2)


@given(st.dictionaries(st.sampled_from([f.name for f in fields("parsing")]) | st.text(max_size=5), _value, max_size=4))
def test_what_passes_the_checks_can_be_kept_and_compiled(values: dict[str, Any]) -> None:
    found = problems("parsing", values)
    assert json.dumps([problem.as_json() for problem in found], ensure_ascii=False).encode()
    if not found:
        kept = normalised(values)
        assert problems("parsing", kept) == []
        assert normalised(kept) == kept
        assert "\\u0000" not in json.dumps(kept)
        compile_rules(complete(kept))


@given(st.dictionaries(st.sampled_from([f.name for f in fields("capture")]) | st.text(max_size=5), _value, max_size=4))
def test_any_value_of_the_capture_configuration_is_answered(values: dict[str, Any]) -> None:
    values.pop("filter", None)
    found = problems("capture", values, mode="INTERFACE")
    assert json.dumps([problem.as_json() for problem in found], ensure_ascii=False).encode()
    if not found:
        assert "\\u0000" not in json.dumps(values)
