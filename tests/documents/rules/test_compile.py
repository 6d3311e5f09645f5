"""Plain values become rules, or errors that name field, value and fix."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from documents.rules import DEFAULT_RULES, DEFAULTS, ParsingRules, RuleError, compile_rules, problems
from wire.limits import Limits


@pytest.mark.parametrize("values", [{}, dict(DEFAULTS), dict.fromkeys(DEFAULTS)])
def test_what_nobody_configured_asks_for_nothing(values: dict[str, Any]) -> None:
    rules = compile_rules(values)
    for name in ParsingRules.__slots__:
        assert getattr(rules, name) == getattr(DEFAULT_RULES, name), name
    assert rules.clients is rules.left_out is rules.labels is None


def test_defaults_are_plain_values() -> None:
    assert orjson.loads(orjson.dumps(dict(DEFAULTS))) == DEFAULTS


def named(**more: Any) -> dict[str, Any]:
    return {"name": "n", "path": "x"} | more


def tag(**more: Any) -> dict[str, Any]:
    return {"name": "t", "where": "req.path"} | more


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("save_packets", 1, "save_packets"),
        ("save_bodies", "yes", "save_bodies"),
        ("body_limit", -1, "body_limit"),
        ("body_limit", True, "body_limit"),
        ("body_limit", 1 << 40, "body_limit"),
        ("content_types", "text/*", "content_types"),
        ("content_types", ["text/*", "json"], "content_types[1]"),
        ("content_types", ["a*b*c"], "content_types[0]"),
        ("content_types", ["text/html; charset=utf-8"], "content_types[0]"),
        ("content_types", [""], "content_types[0]"),
        ("templates", {}, "templates"),
        ("templates", [1], "templates[0]"),
        ("templates", [named()] * 101, "templates"),
        ("templates", [named(), {"path": "x"}], "templates[1].name"),
        ("templates", [{"name": "n"}], "templates[0]"),
        ("templates", [named(path="")], "templates[0]"),
        ("templates", [named(paths="x")], "templates[0].paths"),
        ("templates", [named(path="(")], "templates[0].path"),
        ("templates", [named(path=3)], "templates[0].path"),
        ("templates", [named(path="a" * 401)], "templates[0].path"),
        ("templates", [named(path=r"(?=x)y")], "templates[0].path"),
        ("templates", [named(path=r"(x)\1")], "templates[0].path"),
        ("templates", [named(path=r"(\w{1,100}a){50}b")], "templates[0].path"),
        ("templates", [named(path="\ud800")], "templates[0].path"),
        ("templates", [named(name=r"n \1")], "templates[0].name"),
        ("templates", [named(name=r"n \g<id>", path="(x)")], "templates[0].name"),
        ("templates", [named(name=r"n \2", path="(x)")], "templates[0].name"),
        ("templates", [named(name="n" * 201)], "templates[0].name"),
        ("tags", [tag(name="a.b")], "tags[0].name"),
        ("tags", [tag(name="")], "tags[0].name"),
        ("tags", [tag(where="req.bodies")], "tags[0].where"),
        ("tags", [tag(where="res.query:x")], "tags[0].where"),
        ("tags", [tag(where="req.header:")], "tags[0].where"),
        ("tags", [tag(where="req.body")], "tags[0]"),
        ("tags", [tag(json="$.a")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="$.a", regex="x")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="a.b")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="$")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="$..a")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="$[?(@.a)]")], "tags[0].json"),
        ("tags", [tag(where="req.body", json="$" + ".a" * 17)], "tags[0].json"),
        ("tags", [tag(regex="*")], "tags[0].regex"),
        ("tags", [tag()] * 51, "tags"),
        ("correlation_headers", ["x y"], "correlation_headers[0]"),
        ("correlation_headers", [f"x-{n}" for n in range(21)], "correlation_headers"),
        ("masking", [], "masking"),
        ("masking", {"header": []}, "masking.header"),
        ("masking", {"body_keys": "password"}, "masking.body_keys"),
        ("masking", {"headers": ["x:y"]}, "masking.headers[0]"),
        ("identification", ["basic", "digest"], "identification[1]"),
        ("identification", ["jwt:"], "identification[0]"),
        ("identification", ["header:x y"], "identification[0]"),
        ("origin_headers", [3], "origin_headers[0]"),
        ("trusted_proxies", ["10.0.0.0/8", "10.0.0.0/40"], "trusted_proxies[1]"),
        ("trusted_proxies", ["proxy.example"], "trusted_proxies[0]"),
        ("policy", "Long Term", "policy"),
        ("policies", "x", "policies"),
    ],
)
def test_wrong_values_are_told_with_what_would_do(name: str, value: Any, field: str) -> None:
    with pytest.raises(RuleError) as error:
        compile_rules({name: value})
    assert error.value.field == field
    assert error.value.message.endswith(".")
    assert error.value.fix.endswith(".")
    assert str(error.value).startswith(f"{field}: ")
    assert len(str(error.value)) < 500


def test_the_example_of_the_documentation_compiles() -> None:
    page = (Path(__file__).parents[3] / "docs/rules.md").read_text()
    example = orjson.loads(page.split("```json")[1].split("```")[0])
    assert set(example) == set(DEFAULTS)
    assert problems(example) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems({"policy": "X", "tags": 1, "save_packets": False, "more": 2})
    assert [one.field for one in found] == ["more", "tags", "policy"]
    assert problems({}) == []


def test_bodies_are_cut_at_the_lower_limit() -> None:
    server = Limits(body_bytes=1000)
    assert compile_rules({"body_limit": 10}).limits(server).body_bytes == 10
    assert compile_rules({"body_limit": 10}).limits(server) is compile_rules({"body_limit": 10}).limits(server)
    assert compile_rules({"body_limit": 5000}).limits(server) is server
    assert compile_rules({}).limits(server) is server
