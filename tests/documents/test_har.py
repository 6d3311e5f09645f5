"""HAR: what browsers' tools need is there, for every shape of communication."""

import gzip
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from documents import build, har
from tests.documents.examples import CONTEXT, communication, request, response

ENTRY = {"startedDateTime", "time", "request", "response", "cache", "timings", "serverIPAddress", "connection"}
REQUEST = {"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"}
RESPONSE = {
    "status",
    "statusText",
    "httpVersion",
    "cookies",
    "headers",
    "content",
    "redirectURL",
    "headersSize",
    "bodySize",
}
FORM = "application/x-www-form-urlencoded; charset=utf-8"

COMMUNICATIONS = [
    communication(
        request(
            "/a?x=1&x=2", "POST", {"host": ["h"], "cookie": ["a=1; b=2"], "content-type": ["text/plain"]}, b"hello"
        ),
        response(
            200,
            {"content-type": ["application/json"], "set-cookie": ["c=3; Path=/"], "content-encoding": ["gzip"]},
            gzip.compress(b'{"a":1}' * 50),
        ),
    ),
    communication(request()),
    communication(request("/i.png"), response(200, {"content-type": ["image/png"]}, b"\x89PNG\x00")),
    communication(None, response()),
    communication(
        request("/form", "POST", {"host": ["h"], "content-type": [FORM]}, b"a=1&b=&a=%C3%A9+x"),
        response(
            302,
            {
                "location": ["/next"],
                "set-cookie": [
                    "id=1; Path=/; Domain=.h; Expires=Sat, 31-Dec-2019 00:00:00 GMT; HttpOnly; secure; SameSite=Lax",
                    "old=2; expires=0",
                ],
            },
        ),
    ),
    communication(request("proxy.example:443", "CONNECT"), response(200, {}, b'{"a":1}')),
]
DOCUMENTS: list[dict[str, Any]] = [orjson.loads(build.httpcomm(comm, CONTEXT).body) for comm in COMMUNICATIONS]


def read(body: har.BodyReader | None = None) -> list[dict[str, Any]]:
    log = orjson.loads(b"".join(har.stream(DOCUMENTS, body)))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "Spider")
    return list(log["entries"])


def test_every_entry_has_what_the_format_asks_for() -> None:
    entries = read()
    assert len(entries) == 5
    for entry in entries:
        assert entry.keys() >= ENTRY
        assert entry["request"].keys() >= REQUEST
        assert entry["response"].keys() >= RESPONSE
        assert entry["time"] == pytest.approx(sum(span for span in entry["timings"].values() if span >= 0))
        assert urlsplit(entry["request"]["url"]).scheme == "http"


def test_what_an_entry_says() -> None:
    entry = read()[0]
    assert entry["startedDateTime"] == "2026-11-22T10:15:00.123Z"
    assert entry["request"]["url"] == "http://h/a?x=1&x=2"
    assert entry["request"]["queryString"] == [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}]
    assert entry["request"]["postData"]["text"] == "hello"
    assert [cookie["name"] for cookie in entry["request"]["cookies"]] == ["a", "b"]
    assert [cookie["name"] for cookie in entry["response"]["cookies"]] == ["c"]
    assert (entry["response"]["content"]["size"], entry["response"]["content"]["text"][:7]) == (350, '{"a":1}')


def test_a_request_without_response_is_written_as_browsers_do() -> None:
    response = read()[1]["response"]
    assert (response["status"], response["_error"]) == (0, "no response was seen")


def test_chrome_is_told_when_the_request_was_sent_and_what_its_type_does_not_say() -> None:
    entries = read()
    assert all(entry["timings"]["blocked"] > 0 for entry in entries)  # at 0 Chrome shows all of the time as stalled
    assert [entry.get("_resourceType") for entry in entries] == ["fetch", "fetch", None, "fetch", "fetch"]
    assert entries[0]["response"]["_transferSize"] == DOCUMENTS[0]["res"]["size"]


def test_a_form_is_taken_apart() -> None:
    data = read()[3]["request"]["postData"]
    assert data["text"] == "a=1&b=&a=%C3%A9+x"
    assert [(one["name"], one["value"]) for one in data["params"]] == [("a", "1"), ("b", ""), ("a", "é x")]


def test_cookies_of_a_response_have_their_attributes() -> None:
    first, second = read()[3]["response"]["cookies"]
    assert first | {"value": ""} == {
        "name": "id",
        "value": "",
        "path": "/",
        "domain": ".h",
        "expires": "2019-12-31T00:00:00.000Z",
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    }
    assert second["name"] == "old"
    assert "expires" not in second  # Chrome refuses the whole archive for a date it cannot read


def test_content_without_a_type_is_text_where_it_is() -> None:
    def whole(_: dict[str, Any], side: str) -> bytes | None:
        return b'{"a":1}' if side == "res" else None

    content = read(whole)[4]["response"]["content"]
    assert (content["mimeType"], content["text"], "encoding" in content) == ("x-unknown", '{"a":1}', False)


def test_whole_and_binary_bodies_come_from_the_reader() -> None:
    def whole(document: dict[str, Any], side: str) -> bytes | None:
        return b"\x89PNG\x00" if document["req"]["path"] == "/i.png" else b"the whole" if side == "req" else None

    entries = read(whole)
    assert entries[0]["request"]["postData"]["text"] == "the whole"
    assert entries[2]["response"]["content"] | {"mimeType": ""} == {
        "size": 5,
        "mimeType": "",
        "text": "iVBORwA=",
        "encoding": "base64",
    }


def test_an_empty_log_is_valid() -> None:
    assert orjson.loads(b"".join(har.stream([])))["log"]["entries"] == []
