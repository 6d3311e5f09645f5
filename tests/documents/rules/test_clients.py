"""Who a client is and where it comes from, by the rules."""

from base64 import b64encode, urlsafe_b64encode
from dataclasses import replace
from typing import Any

import orjson
import pytest

from documents import build
from documents.rules import DEFAULTS, compile_rules
from documents.rules.clients import IDENTIFICATION, ORIGIN_HEADERS, Clients
from tests.documents.examples import CONTEXT, communication, request, session

PEER = "10.0.3.17"
BASIC = "Basic " + b64encode(b"alice:secret").decode()
CLAIMS = {"sub": "bob", "azp": "portal", "groups": ["staff", "all"], "n": 5}
BEARER = "Bearer " + b".".join(urlsafe_b64encode(orjson.dumps(part)) for part in ({"a": "b"}, CLAIMS)).decode() + ".s"


def source(headers: dict[str, str], client: str = PEER, **rules: Any) -> dict[str, Any]:
    """`stats.src` of a request with these header fields."""
    context = replace(CONTEXT, rules=compile_rules(rules))
    one = request(headers={name: [value] for name, value in headers.items()})
    document = orjson.loads(build.httpcomm(communication(one, key=session(client=client)), context).body)
    found: dict[str, Any] = document["stats"]["src"]
    return found


@pytest.mark.parametrize(
    ("sources", "headers", "expected"),
    [
        (["basic"], {"authorization": BASIC}, ("alice", "basic")),
        (["basic"], {"authorization": 'Digest username="eve", realm="r"'}, ("eve", "digest")),
        (["basic"], {"authorization": BEARER}, None),
        (["jwt:azp"], {"authorization": BEARER}, ("portal", "jwt")),
        (["jwt:none", "jwt:sub"], {"authorization": BEARER}, ("bob", "jwt")),
        (["jwt:groups"], {"authorization": BEARER}, ("staff", "jwt")),
        (["jwt:n"], {"authorization": BEARER}, ("5", "jwt")),
        (["header:X-User", "basic"], {"authorization": BASIC, "x-user": " carol "}, ("carol", "header")),
        (["basic", "header:X-User"], {"authorization": BASIC, "x-user": "carol"}, ("alice", "basic")),
        (["header:X-User", "basic"], {"authorization": BASIC, "x-user": " "}, ("alice", "basic")),
        (["certificate:X-SSL-Client-S-DN"], {"x-ssl-client-s-dn": "CN=dora,O=Shop"}, ("dora", "certificate")),
        ([], {"authorization": BASIC}, None),
    ],
)
def test_sources_are_asked_in_their_order(
    sources: list[str], headers: dict[str, str], expected: tuple[str, str] | None
) -> None:
    found = source(headers, identification=sources)
    got = (found["identification"], found["identificationKind"]) if "identification" in found else None
    assert got == expected


def test_a_masked_field_identifies_by_its_mask() -> None:
    sources = ["header:x-api-key"]
    one, same, other = (source({"x-api-key": key}, identification=sources)["identification"] for key in ("a", "a", "b"))
    assert one.startswith("masked:")
    assert one == same != other


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CN=alice", "alice"),
        ("O=Shop, CN = alice ,C=DE", "alice"),
        ("O=CN=no,CN=alice", "alice"),
        ("C=DE+CN=alice", "alice"),
        (r"CN=Smith\, Alice,O=Shop", "Smith, Alice"),
        ('CN="Smith, Alice",O=Shop', "Smith, Alice"),
        ("CN=host/gate.example,O=Shop", "host/gate.example"),
        ("/C=DE/O=Shop/CN=alice/emailAddress=a@b", "alice"),
        ("cn=alice", "alice"),
        ("O=Shop", ""),
        ("", ""),
        ('By=spiffe://mesh/b;Hash=ab;Subject="CN=alice,OU=x";URI=spiffe://mesh/a', "alice"),
        ('Hash=ab;Subject="/C=DE/CN=alice"', "alice"),
        ('Hash=ab;Subject="";URI=spiffe://mesh/a', "spiffe://mesh/a"),
        ('Subject="CN=first",Hash=b;Subject="CN=second"', "first"),
        ("Subject%3D%22CN%3Dalice%2CO%3Dx%22", "alice"),
        ("CN=" + "," * 5000, ""),
    ],
)
def test_the_common_name_of_a_certificate(value: str, expected: str) -> None:
    found = source({"x-cert": value}, identification=["certificate:X-Cert"]).get("identification", "")
    assert found == expected


TRUSTED = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1", "198.51.100.1"),  # what stands further left anyone may have written
        ("1.1.1.1, 198.51.100.1, 10.1.1.1, 192.0.2.1", "198.51.100.1"),
        ("1.1.1.1, 198.51.100.1:4711, [2001:db8::1]:80", "198.51.100.1"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),  # all are ours: the furthest
        ("1.1.1.1, unknown, 10.2.2.2", "10.2.2.2"),
        ("1.1.1.1, unknown", PEER),
        ("", PEER),
        (", ".join(["198.51.100.1"] + ["10.1.1.1"] * 30), "10.1.1.1"),  # only so far
    ],
)
def test_behind_trusted_proxies_the_nearest_stranger_is_the_origin(forwarded: str, expected: str) -> None:
    assert source({"x-forwarded-for": forwarded}, trusted_proxies=TRUSTED)["origin"] == expected


def test_who_is_no_trusted_proxy_is_not_believed() -> None:
    told = {"x-forwarded-for": "1.1.1.1"}
    assert source(told, client="198.51.100.9", trusted_proxies=TRUSTED)["origin"] == "198.51.100.9"
    assert source(told, client="2001:db8::9", trusted_proxies=TRUSTED)["origin"] == "1.1.1.1"


def test_origin_headers_are_asked_in_their_order() -> None:
    told = {"x-forwarded-for": "unknown, 1.1.1.1", "x-real-ip": "2.2.2.2", "forwarded": 'for="[2001:db8::7]:80";by=x'}
    assert source(told)["origin"] == "2001:db8::7"
    assert source(told, origin_headers=["X-Real-IP", "x-forwarded-for"])["origin"] == "2.2.2.2"
    assert source(told, origin_headers=["x-forwarded-for", "x-real-ip"])["origin"] == "1.1.1.1"
    assert source(told, origin_headers=["cf-connecting-ip"])["origin"] == PEER
    assert source(told, origin_headers=[])["origin"] == PEER
    chain = {"forwarded": "for=1.1.1.1, for=2.2.2.2;by=x, for=10.1.1.1"}
    assert source(chain, trusted_proxies=TRUSTED)["origin"] == "2.2.2.2"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": BASIC},
        {"authorization": BEARER},
        {"authorization": "Basic broken"},
        {"authorization": BASIC, "x-forwarded-for": "unknown, 1.1.1.1, 2.2.2.2"},
        {"forwarded": "for=_hidden, for=3.3.3.3", "x-forwarded-for": "1.1.1.1"},
        {"x-forwarded-for": "nothing"},
        {},
    ],
)
def test_the_usual_rules_are_those_that_identity_knows_by_heart(headers: dict[str, str]) -> None:
    rules = replace(compile_rules({}), clients=Clients(IDENTIFICATION, ORIGIN_HEADERS, ()))
    one = communication(request(headers={name: [value] for name, value in headers.items()}))
    by_rule = orjson.loads(build.httpcomm(one, replace(CONTEXT, rules=rules)).body)
    assert by_rule == orjson.loads(build.httpcomm(one, CONTEXT).body)


def test_other_rules_have_clients_of_their_own() -> None:
    assert compile_rules({"identification": ["jwt:sub", "basic"]}).clients is None
    for name, value in (("identification", ["basic"]), ("origin_headers", ["forwarded"]), ("trusted_proxies", ["::1"])):
        assert compile_rules(DEFAULTS | {name: value}).clients is not None


def test_correlation_headers() -> None:
    rules = compile_rules({"correlation_headers": ["X-Trace", "traceparent", "x-api-key"]})
    headers = {"x-trace": ["t"], "x-request-id": ["r"], "traceparent": ["00-abc-d-01"], "x-api-key": ["secret"]}
    document = orjson.loads(build.httpcomm(communication(request(headers=headers)), replace(CONTEXT, rules=rules)).body)
    trace, parent, key = document["stats"]["correlation"]
    assert (trace, parent) == ("t", "abc")
    assert key.startswith("masked:")
