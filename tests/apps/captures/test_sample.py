"""The sample shop is worth looking at: everything a newcomer shall find is in it."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.captures.offline import Found, parse
from apps.captures.sample import shop
from documents.build import Context

END = 1_790_000_000_000_000_000


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    found: list[Found] = []
    data = io.BytesIO(shop.capture(END).pcap())
    parse(data, Context(whisperer="", capture="sample", mask_key=b"k"), "20261122", found.append)
    return [json.loads(one.document.body) for one in found]


def values(documents: list[dict[str, Any]], *path: str) -> set[Any]:
    found = set()
    for document in documents:
        value: Any = document
        for name in path:
            value = value.get(name, {}) if isinstance(value, dict) else {}
        found |= set(map(str, value)) if isinstance(value, list) else {value} if value != {} else set()
    return found


def test_it_is_lively(documents: list[dict[str, Any]]) -> None:
    assert 1_500 <= len(documents) <= 3_000
    assert values(documents, "req", "method") == {"GET", "POST", "PUT", "DELETE", "HEAD"}
    assert {200, 201, 204, 302, 304, 401, 404, 500, 502, 503, 101} <= values(documents, "stats", "statusCode")
    assert {"gzip", "br", "zstd", "deflate"} <= values(documents, "res", "body", "encoding")
    assert {"basic", "jwt"} <= values(documents, "stats", "src", "identificationKind")
    assert {"203.0.113.21", "2001:db8:cafe::14"} <= values(documents, "stats", "src", "origin")
    assert len(values(documents, "stats", "dst", "ip")) == 7


def test_payments_fail_for_a_while(documents: list[dict[str, Any]]) -> None:
    failed = [one for one in documents if one["req"]["method"] == "POST" and one["stats"].get("statusCode", 0) >= 500]
    assert len(failed) >= 10
    assert {one["req"]["path"] for one in failed} == {"/payments", "/api/checkout"}
    dates = sorted(one["date"] for one in failed)
    assert dates[0] > min(one["date"] for one in documents)


def test_a_correlation_id_joins_services(documents: list[dict[str, Any]]) -> None:
    paid = next(one for one in documents if one["req"]["path"] == "/payments")
    trace = paid["stats"]["correlation"][0]
    joined = [one for one in documents if trace in one["stats"].get("correlation", [])]
    assert {one["req"]["path"] for one in joined} == {"/api/checkout", "/orders", "/payments"}


def test_nothing_secret_is_in_the_documents(documents: list[dict[str, Any]]) -> None:
    text = json.dumps(documents)
    assert "not-the-real-one" not in text
    assert "b3JkZXJzOm5vdC10aGUtcmVhbC1vbmU" not in text


def test_mishaps_are_seen(documents: list[dict[str, Any]]) -> None:
    assert {"complete", "noResponse", "gap"} <= values(documents, "parsing", "status")
    assert values(documents, "res", "interim") != set()


def test_it_ends_now(tmp_path: Path) -> None:
    before = time.time_ns()
    call_command("make_sample", tmp_path / "sample.pcap", seconds=10, stdout=io.StringIO())
    assert (tmp_path / "sample.pcap").stat().st_size > 10_000
    frames = shop.capture(before, seconds=10).frames()
    assert before - 5_000_000_000 < frames[-1].time <= before
    assert frames[0].time >= before - 10_000_000_000
