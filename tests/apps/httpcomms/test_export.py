"""Exports of a real store: what each format holds, that nobody gets more than they may, and what is said of limits."""

import csv
import io
import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.servers import document_store
from apps.httpcomms.exports import sending
from apps.httpcomms.exports.base import END
from apps.httpcomms.exports.registry import FORMATS
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set
from apps.whisperers.services.accounts import account_create, account_grant, account_token_create
from documents import build, bulk
from documents.build import Document
from store.documents import DocumentStore, StoreUnavailable
from tests.apps.conftest import client_of
from tests.apps.httpcomms.conftest import ORDER, Traffic
from tests.documents.examples import CONTEXT, communication, request, response

pytestmark = pytest.mark.django_db
EXPORT = "/api/v1/httpcomms/export/"


def export(client: Client, format: str, **parameters: str) -> tuple[bytes, Any]:
    response = client.get(EXPORT, {"format": format, **parameters})
    assert response.status_code == 200, response.content
    return b"".join(response.streaming_content), response


def preview(client: Client, format: str, **parameters: str) -> dict[str, Any]:
    response = client.get(f"{EXPORT}preview/", {"format": format, **parameters})
    assert response.status_code == 200, response.content
    return response.json()


def test_json_has_all_documents_in_the_order_of_time(as_alice: Client, traffic: Traffic) -> None:
    data, response = export(as_alice, "json")
    found = json.loads(data)
    dates = [one["date"] for one in found["communications"]]
    assert dates == sorted(dates)
    assert {one["id"] for one in found["communications"]} == set(traffic.seeded.communications)
    assert found["end"] == {"communications": 4, "complete": True, "text": f"{END}4 communications, complete"}
    assert response["X-Spider-Found"] == "4"
    assert "X-Spider-Cut" not in response
    assert response["Content-Disposition"].startswith('attachment; filename="spider_all_')


def test_ndjson_is_a_document_a_line(as_alice: Client, traffic: Traffic) -> None:
    *lines, end = [json.loads(line) for line in export(as_alice, "ndjson")[0].splitlines()]
    assert lines == json.loads(export(as_alice, "json")[0])["communications"]
    assert end["end"]["complete"]
    assert len(export(as_alice, "ndjson", trailer="no")[0].splitlines()) == 4


def test_csv_has_the_columns_asked_for(as_alice: Client, traffic: Traffic) -> None:
    columns = "req.path,stats.statusCode,res.headers.x-evil,parsing.anomalies"
    data, _ = export(as_alice, "csv", columns=columns, q="req.method:POST")
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[0] == columns.split(",")
    assert rows[1] == ["/v2/orders", "503", '"><img src=x onerror=alert(1)>', ""]
    assert rows[2] == [f"# {END}1 communication, complete", "", "", ""]
    assert export(as_alice, "csv", bom="yes")[0].startswith(b"\xef\xbb\xbf")
    assert len(export(as_alice, "csv", trailer="no")[0].splitlines()) == 5


def test_har_has_whole_bodies(as_alice: Client, traffic: Traffic) -> None:
    log = json.loads(export(as_alice, "har")[0])["log"]
    by_id = {entry["comment"]: entry for entry in log["entries"]}
    assert by_id[traffic.order]["request"]["postData"]["text"] == ORDER.decode()
    assert by_id[traffic.order]["response"]["content"]["text"] == ORDER.decode()
    assert by_id[traffic.logo]["response"]["content"]["encoding"] == "base64"
    assert log["comment"].endswith(f"{END}4 communications, complete")


def test_bodies_too_many_to_keep_are_read_alone(as_alice: Client, traffic: Traffic, monkeypatch: Any) -> None:
    whole = json.loads(export(as_alice, "har")[0])["log"]["entries"]
    monkeypatch.setattr("apps.httpcomms.exports.reading.KEPT_BYTES", 0)
    assert json.loads(export(as_alice, "har")[0])["log"]["entries"] == whole


def test_pcap_has_the_packets_of_exactly_these_exchanges(as_alice: Client, traffic: Traffic, tmp_path: Path) -> None:
    data, _ = export(as_alice, "pcap", ids=f"{traffic.order},{traffic.logo}")
    (tmp_path / "x.pcapng").write_bytes(data)
    fields = ["frame.time_epoch", "frame.comment", "ip.addr", "http.request.method", "http.response.code"]
    command = ["tshark", "-r", str(tmp_path / "x.pcapng"), "-T", "fields", *[a for f in fields for a in ("-e", f)]]
    lines = [line.split("\t") for line in subprocess.check_output(command, text=True).splitlines()]
    assert [float(line[0]) for line in lines] == sorted(float(line[0]) for line in lines)
    assert {line[1] for line in lines} == {traffic.order, traffic.logo}
    assert sorted(line[3] for line in lines if line[3]) == ["GET", "POST"]
    assert sorted(line[4] for line in lines if line[4]) == ["200", "503"]
    assert not [line for line in lines if "10.0.0.5" in line[2]]
    assert f"{END}2 communications, complete".encode() in data[-120:]


def test_scripts_can_be_read_by_what_runs_them(as_alice: Client, traffic: Traffic, tmp_path: Path) -> None:
    script = tmp_path / "x.sh"
    script.write_bytes(export(as_alice, "curl")[0])
    subprocess.run(["bash", "-n", script], check=True)
    k6 = tmp_path / "x.mjs"
    k6.write_bytes(export(as_alice, "k6")[0])
    subprocess.run(["node", "--check", k6], check=True)
    assert ORDER.decode() in script.read_text()


@pytest.mark.parametrize("format", FORMATS)
def test_the_preview_promises_what_the_file_is(as_alice: Client, traffic: Traffic, format: str) -> None:
    told = preview(as_alice, format, to="2100-01-01T00:00:00Z")
    data, response = export(as_alice, format, to="2100-01-01T00:00:00Z")
    assert (told["found"], told["written"], told["cut"]) == (4, 4, False)
    assert len(data) / 3 < told["bytes"] < len(data) * 3
    assert told["leftOut"]
    assert f'filename="{told["name"]}"' in response["Content-Disposition"]
    assert {one["name"] for one in told["formats"]} == set(FORMATS)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_cut_says_so_everywhere(as_alice: Client, traffic: Traffic, settings: Any, format: str) -> None:
    settings.EXPORT_LIMITS = dict.fromkeys(settings.EXPORT_LIMITS, 2)
    told = preview(as_alice, format)
    assert (told["found"], told["written"], told["cut"]) == (4, 2, True)
    assert told["leftOut"][0].startswith("2 of 4: ")
    data, response = export(as_alice, format)
    assert response["X-Spider-Cut"] == "2 of 4"
    assert "first-2-of-4" in response["Content-Disposition"]
    assert f"{END}2 communications, cut: only the first 2 are exported".encode() in data[-300:]


def test_a_file_ends_at_its_limit_of_bytes(as_alice: Client, traffic: Traffic, settings: Any) -> None:
    settings.EXPORT_BYTES = 10
    end = json.loads(export(as_alice, "ndjson")[0].splitlines()[-1])["end"]
    assert end["communications"] == 1
    assert "10 bytes" in end["cut"]


def test_a_stream_that_breaks_has_no_end(as_alice: Client, traffic: Traffic, monkeypatch: Any) -> None:
    store = document_store()
    real = store.search
    free = sending._slots._value

    def fails_later(*args: Any, **more: Any) -> Any:
        if more.get("after"):
            raise StoreUnavailable("gone")
        return real(*args, **more)

    monkeypatch.setattr("apps.httpcomms.selectors.export.PAGE", 1)
    monkeypatch.setattr(store, "search", fails_later)
    response = as_alice.get(EXPORT, {"format": "json"})
    got: list[bytes] = []
    with pytest.raises(StoreUnavailable):
        got.extend(response.streaming_content)
    assert END.encode() not in b"".join(got)
    assert sending._slots._value == free


def test_no_more_at_once_than_may_be(as_alice: Client, traffic: Traffic, settings: Any) -> None:
    taken = 0
    while sending._slots.acquire(blocking=False):
        taken += 1
    try:
        response = as_alice.get(EXPORT, {"format": "json"})
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "busy"
        assert response["Retry-After"]
    finally:
        for _ in range(taken):
            sending._slots.release()
    left = as_alice.get(EXPORT, {"format": "json"})
    before = sending._slots._value
    left.close()  # who leaves before the first byte gives the place back too
    assert sending._slots._value == before + 1


@pytest.mark.parametrize("format", FORMATS)
def test_who_was_given_nothing_gets_nothing(as_charlie: Client, traffic: Traffic, format: str) -> None:
    for parameters in ({}, {"ids": traffic.order}):
        data, response = export(as_charlie, format, **parameters)
        assert response["X-Spider-Found"] == "0"
        assert f"{END}0 communications, complete".encode() in data
        assert traffic.order.encode() not in data
        told = preview(as_charlie, format, **parameters)
        assert (told["found"], told["bytes"]) == (0, 0)
        assert "shop" not in orjson.dumps(told).decode()


def test_a_token_reads_no_packets_without_the_right(bob: User, whisperer: Whisperer, traffic: Traffic) -> None:
    grant_set(whisperer=whisperer, user=bob, rights=["search", "packets"])
    account = account_create(name="reports", owner=bob)
    account_grant(account=account, whisperer=whisperer, rights=["search"], actor=bob)
    _, secret = account_token_create(account=account, life=timedelta(days=1))
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert json.loads(export(program, "json")[0])["end"]["communications"] == 4
    for path in (f"/api/v1/httpcomms/{traffic.order}/pcap/", f"/api/v1/tcpsessions/{traffic.session}/pcap/"):
        assert program.get(path).status_code == 403
    assert b"POST" not in export(program, "pcap")[0]
    assert program.post(EXPORT, {"format": "json"}, content_type="application/json").status_code == 403
    account_grant(account=account, whisperer=whisperer, rights=["search", "packets"], actor=bob)
    assert b"POST" in export(program, "pcap")[0]
    grant_set(whisperer=whisperer, user=bob, rights=["search"])
    assert b"POST" not in export(program, "pcap")[0]


def test_packets_need_their_right(charlie: User, whisperer: Whisperer, traffic: Traffic) -> None:
    grant_set(whisperer=whisperer, user=charlie, rights=["search"])
    client = client_of(charlie)
    assert json.loads(export(client, "json")[0])["end"]["communications"] == 4
    told = preview(client, "pcap")
    assert told["found"] == 0
    assert "4 communications: ask for the right 'packets' on shop." in told["leftOut"]
    data, _ = export(client, "pcap")
    assert f"{END}0 communications, 4 left out: their packets need the right 'packets'".encode() in data
    assert b"10.0.0.1" not in data
    assert b"POST" not in data
    assert traffic.order.encode() not in data


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "format"),
        ({"format": "xls"}, "format"),
        ({"format": "json", "q": "a:"}, "q"),
        ({"format": "json", "from": "soon"}, "from"),
        ({"format": "json", "limit": "0"}, "limit"),
        ({"format": "json", "limit": "99999999"}, "limit"),
        ({"format": "csv", "columns": "req.nothing"}, "columns"),
        ({"format": "csv", "columns": "req.method.x"}, "columns"),
        ({"format": "csv", "columns": ",".join(f"req.headers.h{n}" for n in range(101))}, "columns"),
        ({"format": "csv", "bom": "perhaps"}, "bom"),
        ({"format": "json", "ids": "a b"}, "ids"),
        ({"format": "json", "ids": ",".join(map(str, range(5001)))}, "ids"),
    ],
)
def test_what_is_wrong_is_said(as_alice: Client, traffic: Traffic, parameters: dict[str, str], field: str) -> None:
    for path in (EXPORT, f"{EXPORT}preview/"):
        response = as_alice.get(path, parameters)
        assert response.status_code == 400
        assert response.json()["error"]["field"] == field


def test_many_ids_are_asked_for_in_a_body(as_alice: Client, traffic: Traffic) -> None:
    body = {"format": "ndjson", "ids": ",".join([traffic.order, "20261122-default-0-x"] * 100), "trailer": "no"}
    response = as_alice.post(EXPORT, body, content_type="application/json")
    assert [json.loads(line)["id"] for line in response.streaming_content] == [traffic.order]
    assert "1-chosen" not in response["Content-Disposition"]
    told = as_alice.post(f"{EXPORT}preview/", body, content_type="application/json").json()
    assert told["found"] == 1
    refused = as_alice.post(EXPORT, {"format": ["json"]}, content_type="application/json")
    assert refused.status_code == 400
    assert as_alice.post(EXPORT, "[]", content_type="application/json").status_code == 400


def test_more_ids_than_a_question_takes_keep_their_order(as_alice: Client, traffic: Traffic, monkeypatch: Any) -> None:
    monkeypatch.setattr("apps.httpcomms.selectors.export.PAGE", 2)
    ids = [*traffic.seeded.communications][::-1]
    data, answer = export(as_alice, "json", ids=",".join([*ids, "none"]))
    dates = [one["date"] for one in json.loads(data)["communications"]]
    assert len(dates) == 4
    assert dates == sorted(dates)
    assert answer["X-Spider-Found"] == "4"


def test_nobody_exports_without_signing_in(client: Client) -> None:
    for path in (EXPORT, f"{EXPORT}preview/"):
        assert client.get(path, {"format": "json"}).status_code == 401
        assert client.post(path, {"format": "json"}, content_type="application/json").status_code in (401, 403)


def memory() -> int:
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_memory_stays_flat_with_a_hundred_thousand(as_alice: Client, site_store: DocumentStore) -> None:
    comm = communication(request("/v2/orders?page=2"), response())
    body = orjson.loads(build.httpcomm(comm, CONTEXT).body)
    day, documents, step = "20261122", 100_000, 5_000
    for first in range(0, documents, step):
        lines = []
        for number in range(first, first + step):
            id = f"{day}-default-{number:016x}-q0"
            moment = f"2026-11-22T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.{number:09d}Z"
            data = orjson.dumps(body | {"id": id, "date": moment})
            lines.append(Document(id, 1, "httpcomms", day, "default", data))
        assert not site_store.write("httpcomms", bulk.lines(lines)).failed
    answer = as_alice.get(EXPORT, {"format": "ndjson"})
    size = most = started = 0
    last = b""
    for piece in answer.streaming_content:
        size += len(piece)
        if size > 10_000_000:
            started = started or memory()
            most = max(most, memory())
        last = piece
    assert json.loads(last.splitlines()[-1])["end"] == {
        "communications": documents, "complete": True, "text": f"{END}{documents} communications, complete",
    }  # fmt: skip
    assert size > 80_000_000
    assert most - started < 24 << 20
