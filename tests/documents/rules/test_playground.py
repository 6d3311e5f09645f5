"""Rules tried on a stored communication say what parsing it anew would give."""

from dataclasses import replace
from typing import Any

import orjson

from documents import build
from documents.masking import masker
from documents.rules import compile_rules, try_rules
from tests.documents.examples import CONTEXT, communication, request, response

TOKEN = "Bearer eyJhIjoiYiJ9.eyJzdWIiOiJ4IiwiYXpwIjoieSJ9.s"
REQUEST = request(
    "/orders/7?token=s&a=1",
    "POST",
    {
        "host": ["h"], "authorization": [TOKEN], "x-forwarded-for": ["1.1.1.1, 2.2.2.2, 10.1.1.1"], "x-name": ["Ã©"],
        "x-trace": ["t"], "x-secret": ["hidden"], "content-type": ["application/json"],
    },
    b'{"id":5,"pass":"hidden"}',
)  # fmt: skip
RESPONSE = response(201, {"content-type": ["image/png"], "location": ["/x"]}, b"\x89PNG\x00")
COMM = communication(REQUEST, RESPONSE)
BODIES = {"req": REQUEST.body, "res": RESPONSE.body}
RULES: dict[str, Any] = {
    "templates": [{"name": "never", "path": "^x"}, {"name": r"order \1", "path": r"^/orders/(\d+)", "body": '"id"'}],
    "tags": [{"name": "id", "where": "req.body", "json": "$.id"}, {"name": "name", "where": "req.header:x-name"},
             {"name": "hidden", "where": "req.body", "json": "$.pass"}],
    "correlation_headers": ["x-trace"],
    "masking": {"headers": ["x-secret"], "body_keys": ["pass"]},
    "identification": ["jwt:azp"],
    "trusted_proxies": ["10.0.0.0/8"],
    "content_types": ["application/json"],
}  # fmt: skip


def stored(**rules: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(build.httpcomm(COMM, replace(CONTEXT, rules=compile_rules(rules))).body)
    return found


def test_a_try_gives_what_parsing_gives() -> None:
    rules = compile_rules(RULES)
    parsed = stored(**RULES)
    found = try_rules(rules, stored(), BODIES, key=CONTEXT.mask_key)
    assert (found["templateNumber"], found["template"]) == (1, "order 7")
    assert found["template"] == parsed["req"]["template"]
    mask = masker(CONTEXT.mask_key, rules.masking).secret("hidden")
    assert found["tags"] == parsed["stats"]["tags"] == {"id": ["5"], "name": ["é"], "hidden": [mask]}
    for name in ("identification", "identificationKind", "origin"):
        assert found[name] == parsed["stats"]["src"][name], name
    assert (found["identification"], found["origin"]) == ("y", "2.2.2.2")
    assert found["correlation"] == parsed["stats"]["correlation"] == ["t"]
    for name in ("headers", "query", "uri"):
        assert found["req"][name] == parsed["req"][name], name
    assert found["req"]["body"] == parsed["req"]["body"]["text"] == f'{{"id":5,"pass":"{mask}"}}'
    assert found["req"]["leftOut"] == ""
    assert found["res"]["leftOut"] == parsed["res"]["body"]["leftOut"] == "type"
    assert found["res"]["body"] is None
    assert found["req"]["headers"]["x-secret"] == [mask]


def test_what_was_masked_is_not_masked_twice() -> None:
    document = stored()
    found = try_rules(compile_rules({}), document, BODIES, key=b"another")
    for name in ("headers", "query", "uri"):
        assert found["req"][name] == document["req"][name], name
    assert found["res"]["headers"] == document["res"]["headers"]


def test_the_default_rules_name_nothing() -> None:
    document = stored()
    found = try_rules(compile_rules({}), document, {})
    assert (found["template"], found["templateNumber"], found["tags"]) == (None, None, {})
    assert (found["identification"], found["identificationKind"], found["origin"]) == ("x", "jwt", "1.1.1.1")
    assert found["req"]["body"] is None
    assert document == stored()  # it is left as it was


def test_a_response_alone() -> None:
    document = orjson.loads(build.httpcomm(communication(None, RESPONSE), CONTEXT).body)
    found = try_rules(compile_rules(RULES), document, BODIES)
    assert found["template"] is None
    assert "req" not in found
    assert found["origin"] == document["stats"]["src"]["ip"]
