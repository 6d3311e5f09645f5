"""Which bodies are kept. Sizes and hashes always are."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import orjson
import pytest

from documents import build
from documents.rules import compile_rules
from tests.documents.examples import CONTEXT, communication, request, response

BODY = b"some text"


def both(kind: str | None, **rules: Any) -> tuple[dict[str, Any], list[str]]:
    """The response's body in the document, and the sides whose bodies are kept."""
    headers = {"content-type": [kind]} if kind is not None else {}
    comm = communication(request("/", "POST", {"content-type": ["text/plain"]}, BODY), response(200, headers, BODY))
    context = replace(CONTEXT, rules=compile_rules(rules))
    document = orjson.loads(build.httpcomm(comm, context).body)
    found: dict[str, Any] = document["res"]["body"]
    return found, [entry[0][-3:] for entry in build.body_entries(comm, context)]


@pytest.mark.parametrize(
    ("patterns", "kind", "kept"),
    [
        ([], "image/png", True),
        (["application/json"], "Application/JSON; charset=utf-8", True),
        (["application/json"], "application/jsonx", False),
        (["text/*"], "text/html", True),
        (["text/*", "*+json"], "application/problem+json", True),
        (["application/*+json"], "application/+json", True),
        (["application/*json"], "application/jso", False),
        (["text/*"], "application/json", False),
        (["text/*"], None, False),
        (["*"], None, True),
    ],
)
def test_content_types(patterns: list[str], kind: str | None, kept: bool) -> None:
    body, sides = both(kind, content_types=patterns)
    assert ("res" in sides) is kept
    assert body.get("leftOut") == (None if kept else "type")
    assert ("text" in body) is (kept and kind != "image/png")
    assert body["size"] == body["decodedSize"] == len(BODY)
    assert body["sha256"] == sha256(BODY).hexdigest()


def test_no_bodies_at_all() -> None:
    body, sides = both("text/plain", save_bodies=False, content_types=["text/*"])
    assert sides == []
    assert body == {
        "size": 9, "decodedSize": 9, "truncated": False, "sha256": sha256(BODY).hexdigest(), "leftOut": "off"
    }  # fmt: skip


def test_rules_read_bodies_that_are_not_kept() -> None:
    rules = compile_rules({"save_bodies": False, "tags": [{"name": "t", "where": "res.body", "regex": "te(.)t"}]})
    comm = communication(request(), response(200, {}, BODY))
    document = orjson.loads(build.httpcomm(comm, replace(CONTEXT, rules=rules)).body)
    assert document["stats"]["tags"] == {"t": ["x"]}


def test_what_anyone_may_send_is_remembered_within_bounds() -> None:
    known = compile_rules({"content_types": ["text/*"]}).left_out
    assert known is not None
    for number in range(3000):
        assert known[f"text/{number}"] == ""
        assert known[f"x/{number}" + "y" * 200] == "type"
    assert len(known) <= 1024
    assert max(map(len, known)) <= 128
