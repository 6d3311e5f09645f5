"""Templates name requests, tags take values out of communications; both see what is stored."""

import gzip
import time
from dataclasses import replace
from typing import Any

import orjson
import pytest

from documents import build
from documents.masking import masker
from documents.rules import compile_rules
from documents.rules.parts import JSON_BYTES, TEXT
from tests.documents.examples import CONTEXT, communication, request, response
from wire.events import Message

ORDER = {"order": {"id": 7, "lines": [{"sku": "a"}, {"sku": "b", "n": 1.5}], "paid": True, "note": None, "o o": "x"}}
JSON = {"content-type": ["application/json"]}


def made(rules: dict[str, Any], req: Message | None, res: Message | None = None) -> dict[str, Any]:
    """The document that the rules make."""
    context = replace(CONTEXT, rules=compile_rules(rules))
    found: dict[str, Any] = orjson.loads(build.httpcomm(communication(req, res), context).body)
    return found


def template(templates: list[dict[str, str]], req: Message, **more: Any) -> str | None:
    found: str | None = made({"templates": templates} | more, req)["req"].get("template")
    return found


def tags(rule: dict[str, Any], req: Message | None, res: Message | None = None, **more: Any) -> list[str] | None:
    found: list[str] | None = made({"tags": [{"name": "t"} | rule]} | more, req, res)["stats"].get("tags", {}).get("t")
    return found


def asked(target: str = "/api/orders/58213?size=5&q=%C3%A9", body: bytes = b"", **headers: str) -> Message:
    fields = {"host": ["API.shop.example"]} | {name.replace("_", "-"): [value] for name, value in headers.items()}
    return request(target, "POST", fields, body)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"name": "order", "path": r"^/api/orders/\d+$"}, "order"),
        ({"name": "order", "path": r"orders"}, "order"),
        ({"name": "order", "path": r"^orders"}, None),
        ({"name": r"\1 of \2", "method": "(post)", "path": r"^/api/(\w+)/"}, "POST of orders"),
        ({"name": r"\g<what>-\g<2>", "method": "(.*)", "path": r"/(?P<what>[a-z]+)/\d"}, "orders-orders"),
        ({"name": r"x\1", "path": r"orders(/never)?"}, "x"),
        ({"name": r"\1", "path": r"orders(/never)?"}, None),  # no name at all
        ({"name": "n", "method": "GET", "path": "."}, None),
        ({"name": "n", "host": r"^api\.SHOP\.example$"}, "n"),
        ({"name": "n", "query": r"(^|&)size=5(&|$)"}, "n"),
        ({"name": r"by \1", "header": r"^User-Agent: (\w+)"}, "by curl"),
        ({"name": "n", "header": r"^accept: text/html$"}, "n"),
        ({"name": r"\1", "body": r'"action":"(\w+)"'}, "create"),
        ({"name": "n", "path": ".", "body": "nothing"}, None),
    ],
)
def test_templates(rule: dict[str, str], expected: str | None) -> None:
    one = asked(body=b'{"action":"create"}', user_agent="curl/8", accept="text/html", x_last="1")
    assert template([rule], one) == expected


def test_the_first_template_that_fits_wins() -> None:
    rules = [{"name": "a", "path": "^/a"}, {"name": "b", "path": "^/b"}, {"name": "any", "path": "."}]
    assert [template(rules, asked(path)) for path in ("/b", "/a", "/c")] == ["b", "a", "any"]
    assert template(rules[::-1], asked("/b")) == "any"
    assert "req" not in made({"templates": rules}, None, response())


def test_names_and_what_groups_give_them_are_bounded() -> None:
    assert template([{"name": r"\1", "path": "(.*)"}], asked("/" + "é" * 500)) == ("/" + "é" * 99)
    long = template([{"name": r"\1" * 9, "path": "(.*)"}], asked("/" + "x" * 500))
    assert long is not None
    assert len(long) == 256


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"where": "req.path", "regex": r"/orders/(\d+)"}, ["58213"]),
        ({"where": "req.path", "regex": r"\d+"}, ["58213"]),
        ({"where": "req.path", "regex": r"never"}, None),
        ({"where": "req.path"}, ["/api/orders/58213"]),
        ({"where": "req.host"}, ["api.shop.example"]),
        ({"where": "req.query"}, ["size=5&q=%C3%A9"]),
        ({"where": "req.query:q"}, ["é"]),
        ({"where": "req.query:none"}, None),
        ({"where": "req.header: X-Tenant"}, ["acme"]),
        ({"where": "req.header:x-tenant", "regex": "^.(.)"}, ["c"]),
        ({"where": "res.header:set-cookie", "regex": "^[^=]*"}, ["a", "b"]),
        ({"where": "res.location"}, ["http://api.shop.example/x"]),
        ({"where": "req.body", "regex": r'"sku":"(.)"'}, ["a", "b"]),
        ({"where": "req.body", "json": "$.order.id"}, ["7"]),
        ({"where": "req.body", "json": "$.order.lines[*].sku"}, ["a", "b"]),
        ({"where": "req.body", "json": "$.order.lines[1].n"}, ["1.5"]),
        ({"where": "req.body", "json": "$.order.lines[2].n"}, None),
        ({"where": "req.body", "json": '$["order"]["o o"]'}, ["x"]),
        ({"where": "req.body", "json": "$['order'].paid"}, ["true"]),
        ({"where": "req.body", "json": "$.order.note"}, None),
        ({"where": "req.body", "json": "$.order.lines"}, None),
        ({"where": "req.body", "json": "$.order[0]"}, None),
        ({"where": "req.body", "json": "$.order.id.x"}, None),
        ({"where": "res.body", "json": "$[*]"}, ["1", "2"]),
    ],
)
def test_tags(rule: dict[str, Any], expected: list[str] | None) -> None:
    one = request(asked().target, "POST", asked(x_tenant="acme").headers | JSON, orjson.dumps(ORDER))
    two = response(302, JSON | {"set-cookie": ["a=1", "b=2"], "location": ["/x"]}, b"[1,2,2]")
    assert tags(rule, one, two) == expected


def test_tags_of_one_name_are_put_together() -> None:
    rules = [{"name": "who", "where": f"req.header:x-{n}"} for n in "abc"] + [{"name": "p", "where": "req.path"}]
    one = asked("/p", x_a="1", x_b="2", x_c="1")
    assert made({"tags": rules}, one)["stats"]["tags"] == {"who": ["1", "2"], "p": ["/p"]}
    assert "tags" not in made({"tags": rules[:3]}, asked("/p"))["stats"]


def test_bodies_are_decoded_first() -> None:
    packed = request("/", "POST", JSON | {"content-encoding": ["gzip"]}, gzip.compress(orjson.dumps(ORDER)))
    assert tags({"where": "req.body", "json": "$.order.id"}, packed) == ["7"]
    assert template([{"name": r"\1", "body": r'"id":(\d)'}], packed) == "7"
    latin = request("/", "POST", {"content-type": ["text/plain; charset=iso-8859-1"]}, b"caf\xe9")
    assert tags({"where": "req.body", "regex": "^.*$"}, latin) == ["café"]
    assert tags({"where": "req.body", "regex": "."}, request("/", "POST", {}, bytes(range(256)))) is None


def test_text_is_seen_as_it_is_stored() -> None:
    """Header fields are Latin-1 on the wire and mostly UTF-8 in truth; text that was read once is not read twice."""
    field = "Ã©"  # é, as Latin-1
    twice = field.encode().decode("latin-1")
    one = asked("/", x_name=field, x_twice=twice)
    assert tags({"where": "req.header:x-name"}, one) == ["é"]
    plain = made({}, one)
    labelled = made({"tags": [{"name": "t", "where": "req.path"}]}, one)
    assert labelled["req"] == plain["req"]
    assert plain["req"]["headers"]["x-twice"] == [field]


def test_no_rule_takes_a_secret_out() -> None:
    mask = masker(CONTEXT.mask_key, compile_rules({}).masking).secret
    one = asked("/?token=hidden&a=1", authorization="Bearer hidden", cookie="sid=hidden", x_api_key="hidden")
    hidden = mask("hidden")
    assert tags({"where": "req.header:authorization"}, one) == [f"Bearer {hidden}"]
    assert tags({"where": "req.header:cookie"}, one) == [f"sid={hidden}"]
    assert tags({"where": "req.query:token"}, one) == [hidden]
    assert tags({"where": "req.query", "regex": "token=(.*?)&"}, one) == [hidden]
    assert template([{"name": "x", "header": "hidden"}, {"name": "y", "query": "hidden"}], one) is None
    secret = request("/", "POST", JSON, b'{"pass":"hidden","pin":{"a":"hidden"},"list":[{"pass":4711}],"ok":"1"}')
    masking = {"masking": {"body_keys": ["Pass", "pin"]}}
    assert tags({"where": "req.body", "json": "$.pass"}, secret, **masking) == [hidden]
    assert tags({"where": "req.body", "json": "$.pin.a"}, secret, **masking) is None
    assert tags({"where": "req.body", "json": "$.list[*].pass"}, secret, **masking) == [mask("4711")]
    assert tags({"where": "req.body", "json": "$.ok"}, secret, **masking) == ["1"]
    assert tags({"where": "req.body", "regex": '"pass":"(.*?)"'}, secret, **masking) == [hidden, mask("4711")]
    assert template([{"name": "x", "body": "hidden|4711"}], secret, **masking) is None


def test_only_a_bounded_part_is_looked_at() -> None:
    far = b"x" * TEXT + b"needle"
    assert tags({"where": "req.body", "regex": "needle"}, request("/", "POST", {}, far)) is None
    assert tags({"where": "req.body", "regex": "needle"}, request("/", "POST", {}, far[10:])) == ["needle"]
    assert tags({"where": "req.path", "regex": "needle"}, asked("/" + far.decode())) is None
    whole = b'{"a":"' + b"x" * (JSON_BYTES - 8) + b'"}'
    assert tags({"where": "req.body", "json": "$.a"}, request("/", "POST", JSON, whole)) == ["x" * 256]
    assert tags({"where": "req.body", "json": "$.a"}, request("/", "POST", JSON, whole[:6] + b"x" + whole[6:])) is None
    cut = request("/", "POST", JSON, b'{"a":1}', truncated=True)
    assert tags({"where": "req.body", "json": "$.a"}, cut) is None
    many = request("/", "POST", JSON, orjson.dumps(list(range(5000))))
    assert tags({"where": "req.body", "json": "$[*]"}, many) == [str(n) for n in range(16)]
    assert tags({"where": "req.body", "regex": r"\d+"}, many) == [str(n) for n in range(16)]


BOMB = gzip.compress(b'[["' + b"a" * 50_000_000)


@pytest.mark.parametrize(
    "pattern",
    [r"(a*)*b", r".*.*.*x", r"(\w+\s?)+$", r"(x+x+)+y", r"^(?:.*a){12}$", r"(a|aa)+$", r"a.{100}b", r"(.*?,){25}P"],
)
@pytest.mark.parametrize(
    "body", [*(text * 100_000 for text in (b"aa", b"a ", b"x,", b"ab")), BOMB], ids=["aa", "a ", "x,", "ab", "bomb"]
)
def test_hostile_patterns_and_bodies_take_little_time(pattern: str, body: bytes) -> None:
    headers = {"content-encoding": ["gzip"]} if body is BOMB else {}
    one = request("/" + body[:100_000].decode("latin-1"), "POST", headers, body)
    rules = {
        "templates": [{"name": "n", "path": pattern, "body": pattern}, {"name": "n", "body": pattern}],
        "tags": [{"name": "t", "where": "req.body", "regex": pattern}],
    }
    begun = time.process_time()
    made(rules, one)
    assert time.process_time() - begun < 1  # 0.01 s; with `re` some of them take longer than the universe


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b'{"a":' * 40_000, b"[" + b"[[]]," * 40_000 + b"1]", orjson.dumps([[[[0] * 30] * 30] * 30]), BOMB],
    ids=["lists", "objects", "wide", "full", "bomb"],
)
def test_hostile_json_takes_little_time(body: bytes) -> None:
    headers = JSON | ({"content-encoding": ["gzip"]} if body is BOMB else {})
    begun = time.process_time()
    tags({"where": "req.body", "json": "$[*][*][*][*][*][*][*]"}, request("/", "POST", headers, body))
    assert time.process_time() - begun < 1
