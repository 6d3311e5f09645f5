"""From events to documents: what each field says, and what is left out."""

import gzip
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents import build, bulk, ids
from documents.masking import Masking
from documents.rules import ParsingRules
from tests.documents.examples import CONTEXT, MILLISECOND, STARTED, communication, request, response, session
from wire.events import Communication, DirectionTotals, TcpSession
from wire.limits import Limits


def document(comm: Communication, context: build.Context = CONTEXT) -> dict[str, Any]:
    return dict(orjson.loads(build.httpcomm(comm, context).body))


def test_an_exchange() -> None:
    found = document(
        communication(request("/api/orders?page=2"), response(404, {"content-type": ["Text/HTML; charset=x"]}))
    )
    assert found["id"] == f"20261122-default-{1:016x}-q64"
    assert found["tcpSession"] == f"20261122-default-{1:016x}"
    assert (found["version"], found["chunk"], found["parserVersion"]) == ((3 << 24) + 6, 3, "1")
    assert (found["whisperer"], found["instance"], found["interface"]) == ("shop", "gateway-1", "eth0")
    assert found["date"] == found["req"]["date"] == "2026-11-22T10:15:00.123456789Z"
    assert found["res"]["date"] == "2026-11-22T10:15:00.134456789Z"
    assert found["req"]["uri"] == "http://api.shop.example/api/orders?page=2"
    assert found["req"]["params"] == {"page": ["2"]}
    assert (found["req"]["size"], found["res"]["contentType"]) == (300, "text/html")
    assert found["stats"]["timings"] == {"send": 1.0, "wait": 10.0, "receive": 1.0}
    assert found["stats"]["duration"] == 12.0
    assert (found["stats"]["statusCode"], found["stats"]["statusClass"]) == (404, "4xx")
    assert found["stats"]["src"] == {"ip": "10.0.3.17", "port": 49812, "name": "10.0.3.17", "origin": "10.0.3.17"}
    assert "body" not in found["req"]


def test_a_request_without_response() -> None:
    found = document(communication(request()))
    assert "res" not in found
    assert "statusCode" not in found["stats"]
    assert "duration" not in found["stats"]
    assert found["parsing"] == {"status": "noResponse", "anomalies": []}


def test_a_response_without_request() -> None:
    found = document(communication(None, response(200, {"location": ["/x"]})))
    assert found["id"].endswith("-s32")
    assert "req" not in found
    assert found["date"] == found["res"]["date"]
    assert found["res"]["location"] == "/x"
    assert "duration" not in found["stats"]


@pytest.mark.parametrize(
    ("method", "target", "host", "uri", "name", "path"),
    [
        ("GET", "/a?b", "H:80", "http://h/a?b", "h", "/a"),
        ("GET", "/a", "h:8080", "http://h:8080/a", "h", "/a"),
        ("GET", "/a", None, "http://10.0.4.2:8080/a", "10.0.4.2", "/a"),
        ("GET", "/a", "", "http://10.0.4.2:8080/a", "10.0.4.2", "/a"),
        ("GET", "http://Other:81/x?y=1", "h", "http://other:81/x?y=1", "other", "/x"),
        ("GET", "HTTPS://other", "h", "https://other", "other", ""),
        ("GET", "/a", "[2001:db8::1]:8080", "http://[2001:db8::1]:8080/a", "2001:db8::1", "/a"),
        ("GET", "/a", "[2001:db8::80]", "http://[2001:db8::80]/a", "2001:db8::80", "/a"),
        ("CONNECT", "shop.example:443", "h", "shop.example:443", "shop.example", ""),
        ("OPTIONS", "*", "h", "http://h", "h", "*"),
        ("GET", "/caf\xc3\xa9", "h", "http://h/café", "h", "/café"),
        ("GET", "/caf\xe9", "h", "http://h/caf\xe9", "h", "/caf\xe9"),
        ("GET", "/r?u=http://x/y", "h", "http://h/r?u=http://x/y", "h", "/r"),
    ],
)
def test_targets(method: str, target: str, host: str | None, uri: str, name: str, path: str) -> None:
    headers = {} if host is None else {"host": [host]}
    req = document(communication(request(target, method, headers)))["req"]
    assert (req["uri"], req["host"], req["path"]) == (uri, name, path)


def test_a_compressed_body() -> None:
    plain = b'{"state":"failed"}' * 100
    packed = gzip.compress(plain)
    res = response(200, {"content-type": ["application/json"], "content-encoding": ["gzip"]}, packed)
    body = document(communication(request(), res))["res"]["body"]
    assert body == {
        "size": len(packed),
        "encoding": ["gzip"],
        "decodedSize": len(plain),
        "truncated": False,
        "sha256": sha256(plain).hexdigest(),
        "text": plain[:1024].decode(),
    }


def test_a_body_above_the_cap() -> None:
    packed = gzip.compress(b"some words " * 100_000)
    res = response(200, {"content-encoding": ["gzip"]}, packed[:1000], truncated=True, body_size=len(packed))
    body = document(communication(request(), res))["res"]["body"]
    assert (body["size"], body["decodedSize"], body["sha256"], body["truncated"]) == (len(packed), None, None, True)
    assert body["text"].startswith("some words")


def test_a_bomb_ends_at_the_limit() -> None:
    context = replace(CONTEXT, limits=Limits(decoded_bytes=1000))
    res = response(200, {"content-encoding": ["gzip"]}, gzip.compress(b"a" * 100_000))
    found = document(communication(request(), res), context)
    assert found["parsing"]["anomalies"] == ["encodingLimit"]
    body = found["res"]["body"]
    assert (body["decodedSize"], body["sha256"], body["truncated"]) == (None, None, True)


def test_a_body_with_a_gap_has_no_checksum() -> None:
    body = document(communication(request(), response(200, {}, b"what is left", gap=True)))["res"]["body"]
    assert (body["sha256"], body["decodedSize"], body["truncated"]) == (None, None, False)


def test_a_compressed_transfer_coding_is_undone() -> None:
    res = response(200, {"transfer-encoding": ["gzip, chunked"]}, gzip.compress(b"hello"))
    assert document(communication(request(), res))["res"]["body"]["text"] == "hello"


@pytest.mark.parametrize(
    ("location", "headers", "expected"),
    [
        ("/login?token=x", {}, "http://h:8080/login?token=masked:"),
        ("login", {}, "http://h:8080/a/login"),
        ("../up", {}, "http://h:8080/up"),
        ("//other/x", {}, "http://other/x"),
        ("https://other/x", {}, "https://other/x"),
        ("/x", {"x-forwarded-proto": ["https"]}, "https://h:8080/x"),
        ("?q=1", {}, "http://h:8080/a/b?q=1"),
        ("http://[bad", {}, "http://[bad"),
        ("//[bad", {}, "//[bad"),
    ],
)
def test_locations_become_absolute(location: str, headers: dict[str, list[str]], expected: str) -> None:
    req = request("/a/b", headers={"host": ["h:8080"], **headers})
    found = document(communication(req, response(302, {"location": [location]})))
    assert found["res"]["location"].startswith(expected)


def test_who_sent_it_is_known_although_credentials_are_masked() -> None:
    secret = "Basic " + b64encode("zoé:secret".encode()).decode()
    found = document(
        communication(
            request(
                headers={
                    "host": ["h"],
                    "authorization": [secret],
                    "cookie": ["sid=abc; theme=dark"],
                    "x-api-key": ["k"],
                    "forwarded": ['for="[2001:DB8::1]:4711";proto=http, for=10.0.0.1'],
                    "x-forwarded-for": ["192.0.2.1"],
                    "traceparent": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"],
                    "x-request-id": ["r-1"],
                }
            ),
            response(200, {"set-cookie": ["sid=abc; Path=/; HttpOnly", "b"]}),
        )
    )
    assert found["req"]["authorization"] == {"kind": "basic", "login": "zoé"}
    assert found["stats"]["src"]["identification"] == "zoé"
    assert found["stats"]["src"]["identificationKind"] == "basic"
    assert found["stats"]["src"]["origin"] == "2001:db8::1"
    assert found["stats"]["correlation"] == ["r-1", "4bf92f3577b34da6a3ce929d0e0e4736"]
    whole = orjson.dumps(found).decode()
    assert secret[6:] not in whole
    assert "abc" not in whole
    headers = found["req"]["headers"]
    assert headers["authorization"][0].startswith("Basic masked:")
    sid = headers["cookie"][0].split("; ")[0]
    assert found["res"]["headers"]["set-cookie"][0] == f"{sid}; Path=/; HttpOnly"


def test_equal_secrets_stay_equal_under_one_key_only() -> None:
    def masked(context: build.Context, target: str) -> str:
        return str(document(communication(request(target)), context)["req"]["params"]["access_token"][0])

    other = replace(CONTEXT, mask_key=b"another key")
    assert masked(CONTEXT, "/a?access_token=s%20x") == masked(CONTEXT, "/b?access_token=s+x")
    assert masked(CONTEXT, "/a?access_token=s") != masked(CONTEXT, "/a?access_token=t")
    assert masked(CONTEXT, "/a?access_token=s") != masked(other, "/a?access_token=s")


def test_what_stores_refuse_is_made_storable() -> None:
    found = build.httpcomm(
        communication(
            request(
                "/a\x00b?q=%00x&\ud800=1",
                headers={"host": ["h"], "x-nul": ["a\x00b"], "x-long": ["é" * 40_000], "k" * 2000: ["v"]},
            )
        ),
        CONTEXT,
    )
    loaded = orjson.loads(found.body)
    assert b"\\u0000" not in found.body
    assert loaded["req"]["path"] == "/a\ufffdb"
    assert loaded["req"]["params"]["q"] == ["\ufffdx"]
    assert len(loaded["req"]["headers"]["x-long"][0].encode()) < 32_766 - 512
    assert max(len(name) for name in loaded["req"]["headers"]) == 512


def test_too_many_parameters_stay_in_the_uri() -> None:
    query = "&".join(f"p{number}=1" for number in range(1500))
    found = document(communication(request("/a?" + query)))
    assert (len(found["req"]["params"]), found["parsing"]["anomalies"]) == (1000, ["paramsCut"])
    assert found["req"]["query"] == query


@pytest.mark.parametrize("time", [-5, 0, (1 << 63) - 1, 1 << 70])
def test_any_time_can_be_written(time: int) -> None:
    assert len(build.stamp(time)) == 30


def test_early_responses_do_not_wait_less_than_nothing() -> None:
    found = document(communication(request(), response(started=STARTED - MILLISECOND, ended=STARTED)))
    assert found["stats"]["timings"]["wait"] == 0.0
    assert found["stats"]["duration"] == 0.0


def test_masked_body_keys_reach_the_stored_bodies_too() -> None:
    context = replace(CONTEXT, rules=ParsingRules(masking=Masking(body_keys=frozenset({"Pass-Word"}))))
    plain = b'{"user":"a","password":"hunter2"}'
    res = response(200, {"content-type": ["application/json"], "content-encoding": ["gzip"]}, gzip.compress(plain))
    comm = communication(request(), res)
    text = document(comm, context)["res"]["body"]["text"]
    assert "hunter2" not in text
    assert document(comm, context)["res"]["body"]["sha256"] == sha256(plain).hexdigest()
    [(entry_id, raw, about)] = build.body_entries(comm, context)
    assert (entry_id, raw.decode(), about["encoding"]) == (f"20261122-default-{1:016x}-q64-res", text, "")
    [(_, untouched, about)] = build.body_entries(comm, CONTEXT)
    assert (untouched, about["encoding"]) == (res.body, "gzip")


def test_of_a_body_that_is_too_large_to_mask_the_masked_beginning_is_stored() -> None:
    masking, limits = Masking(body_keys=frozenset({"password"})), Limits(decoded_bytes=1000)
    context = replace(CONTEXT, rules=ParsingRules(masking=masking), limits=limits)
    plain = b'{"user":"a","password":"hunter2","rest":"' + b"x" * 5000 + b'"}'
    res = response(200, {"content-type": ["application/json"], "content-encoding": ["gzip"]}, gzip.compress(plain))
    [(_, raw, about)] = build.body_entries(communication(request(), res), context)
    assert raw.startswith(b'{"user":"a","password":"masked:')
    assert (b"hunter2" in raw, about["encoding"]) == (False, "")


def test_a_tcp_session() -> None:
    client = DirectionTotals(5, 100, 90, {"gap": 10}, 1, 7, 3)
    record = TcpSession(
        session(), STARTED, STARTED + MILLISECOND, 0, "open", "", True, "", 4, 2, client, DirectionTotals(), ["gap"], 77
    )
    found = build.tcpsession(record, CONTEXT)
    loaded = orjson.loads(found.body)
    assert (found.id, found.version, found.resource) == (f"20261122-default-{1:016x}", 77, "tcpsessions")
    assert loaded["client"]["skipped"] == {"gap": "10"}
    assert (loaded["client"]["gapBytes"], loaded["parsing"]) == (7, {"anomalies": ["gap"]})
    assert not {"connected", "end", "protocol"} & loaded.keys()


def test_bulk_lines_are_pairs() -> None:
    found = build.httpcomm(communication(request()), CONTEXT)
    lines = bulk.lines([found, found]).split(b"\n")
    assert len(lines) == 5
    assert orjson.loads(lines[0]) == {
        "index": {
            "_index": "spider-httpcomms-20261122-default",
            "_id": found.id,
            "version": found.version,
            "version_type": "external",
        }
    }
    assert lines[1] == found.body


def test_ids_can_be_taken_apart() -> None:
    parsed = ids.parse("20261122-default-9f86d081884c7d65-q1f4-res")
    assert parsed == ids.Id("20261122", "default", "9f86d081884c7d65", "q", 0x1F4, "res")
    assert ids.parse("20261122-default-9f86d081884c7d65") == ids.Id(
        "20261122", "default", "9f86d081884c7d65", "", 0, ""
    )
    for wrong in ("", "x", "20261122-Default-9f86d081884c7d65", "20261122-default-9f86d081884c7d65-q1f4-x"):
        assert ids.parse(wrong) is None
    assert ids.table_name("httpcomms", "20261122", "default") == "spider_httpcomms_20261122_default"


wild = st.text(st.characters(codec=None, max_codepoint=0x2FF), max_size=30)


@given(
    wild,
    st.dictionaries(wild, st.lists(wild, min_size=1, max_size=3), max_size=4),
    st.binary(max_size=80),
    st.sampled_from(["authorization", "cookie", "host", "forwarded", "content-encoding", "content-type", "location"]),
    wild,
)
def test_any_message_becomes_a_document(
    target: str, headers: dict[str, list[str]], body: bytes, name: str, value: str
) -> None:
    fields = {**headers, name: [value]}
    comm = communication(request(target, value or "GET", fields, body), response(200, fields, body))
    loaded = orjson.loads(build.httpcomm(comm, CONTEXT).body)
    assert loaded["req"]["size"] == 300 + len(body)
    assert b"\\u0000" not in build.httpcomm(comm, CONTEXT).body
