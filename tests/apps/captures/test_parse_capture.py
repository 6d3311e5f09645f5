"""`manage.py parse_capture` as a user runs it: a process of its own, no server, no database."""

import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard

from apps.captures.offline import Found, parse
from apps.captures.sample import shop as busy
from documents.build import Context
from tests.captures import Capture, request, response

ROOT = Path(__file__).parents[3]
BODY = json.dumps({"order": 7, "note": "größer"}).encode()


def shop() -> Capture:
    """Two exchanges of one session, and a request nobody answered."""
    capture = Capture()
    talk = capture.conversation("10.0.0.1:40000", "10.0.0.2:80").connect()
    talk.request(request("POST", "/orders", [("Content-Type", "application/json")], BODY))
    talk.response(response(201, [("Content-Type", "application/json")], BODY, coding="gzip", chunked=True))
    talk.request(request("GET", "/logo.png")).response(response(200, [("Content-Type", "image/png")], b"\x89PNG\0\1"))
    talk.close()
    capture.conversation("10.0.0.3:41000", "10.0.0.2:80", after=1).connect().request(request("GET", "/slow")).close()
    return capture


def run(*arguments: str, folder: Path) -> tuple[int, bytes, str]:
    """Exit status, standard output and standard error."""
    command = [sys.executable, str(ROOT / "manage.py"), "parse_capture", *arguments]
    environment = {"SPIDER_DATA": str(folder / "data"), "PATH": "/usr/bin:/bin"}
    environment |= {
        "SPIDER_DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "SPIDER_REDIS_URL": "redis://127.0.0.1:1",
    }
    done = subprocess.run(command, capture_output=True, cwd=folder, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("captures")
    (place / "shop.pcap").write_bytes(shop().pcap())
    (place / "shop.pcapng.gz").write_bytes(gzip.compress(shop().pcapng()))
    (place / "shop.zst").write_bytes(zstandard.compress(shop().pcap(big_endian=True, nano=False)))
    (place / "broken.pcap").write_bytes(b"not a capture at all")
    return place


def test_a_document_a_line_with_the_name_as_given(folder: Path) -> None:
    status, out, _ = run("./shop.pcap", "shop.pcapng.gz", "shop.zst", folder=folder)
    documents = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    names = ("./shop.pcap", "shop.pcapng.gz", "shop.zst")
    assert [document["capture"] for document in documents] == [name for name in names for _ in range(3)]
    told = {(one["req"]["method"], one["req"]["path"], one.get("res", {}).get("status")) for one in documents}
    assert told == {("POST", "/orders", 201), ("GET", "/logo.png", 200), ("GET", "/slow", None)}


def test_a_summary_a_file(folder: Path) -> None:
    status, out, _ = run("--format", "summary", "shop.pcap", "shop.zst", folder=folder)
    summaries = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    seconds = [summary.pop("seconds") for summary in summaries]
    assert all(0 < value < 60 for value in seconds)
    assert summaries[0] == {
        "file": "shop.pcap",
        "packets": len(shop().frames()),
        "bytes": len(shop().pcap()),
        "tcpSessions": 2,
        "communications": 3,
        "byStatus": {"200": 1, "201": 1, "none": 1},
        "anomalies": summaries[0]["anomalies"],
    }
    assert {**summaries[1], "file": "shop.pcap"} == summaries[0]


def test_an_archive_of_everything(folder: Path) -> None:
    status, out, _ = run("--format", "har", "shop.pcap", folder=folder)
    log = json.loads(out)["log"]
    posted, logo, slow = sorted(log["entries"], key=lambda entry: entry["startedDateTime"])
    assert status == 0
    assert log["version"] == "1.2"
    assert posted["request"]["url"] == "http://shop.example/orders"
    assert posted["request"]["postData"]["mimeType"] == "application/json"
    assert posted["request"]["postData"]["text"] == BODY.decode()
    assert posted["response"]["content"]["text"] == BODY.decode()
    assert logo["response"]["content"] == {"size": 6, "mimeType": "image/png", "text": "iVBORwAB", "encoding": "base64"}
    assert slow["response"]["status"] == 0


def test_an_archive_of_nothing_is_one(folder: Path) -> None:
    status, out, _ = run("--format", "har", "broken.pcap", folder=folder)
    assert (status, json.loads(out)["log"]["entries"]) == (1, [])


def test_every_decoded_body_in_a_file(folder: Path, tmp_path: Path) -> None:
    status, out, _ = run("--bodies", str(tmp_path / "out"), "shop.pcap", folder=folder)
    posted = next(one for one in map(json.loads, out.splitlines()) if one["req"]["method"] == "POST")
    files = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert status == 0
    assert len(files) == 3
    assert files[f"{posted['id']}-req"] == BODY
    assert files[f"{posted['id']}-res"] == BODY


def test_rules_from_a_file(folder: Path, tmp_path: Path) -> None:
    rules = {
        "templates": [{"name": r"\1 \2", "method": "(.*)", "path": r"^/(\w+)$"}],
        "tags": [{"name": "order", "where": "res.body", "json": "$.order"}],
        "content_types": ["image/*"],
        "body_limit": 5,
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    status, out, errors = run(
        "--rules", str(tmp_path / "rules.json"), "--bodies", str(tmp_path / "out"), "shop.pcap", folder=folder
    )
    assert status == 0, errors
    found = {one["req"]["path"]: one for one in map(json.loads, out.splitlines())}
    assert {path: one["req"].get("template") for path, one in found.items()} == {
        "/orders": "POST orders", "/logo.png": None, "/slow": "GET slow"
    }  # fmt: skip
    assert "tags" not in found["/orders"]["stats"]  # cut: it is not JSON any more
    assert found["/orders"]["req"]["body"]["leftOut"] == "type"
    assert found["/orders"]["req"]["body"]["truncated"] is True
    assert [file.name for file in (tmp_path / "out").iterdir()] == [f"{found['/logo.png']['id']}-res"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "no JSON object"),
        ('{"templates":[{"name":"n","path":"("}]}', "templates[0].path: '(' is no regular expression: missing ): (."),
    ],
)
def test_rules_that_cannot_be_used(folder: Path, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "rules.json").write_text(text)
    status, out, errors = run("--rules", str(tmp_path / "rules.json"), "shop.pcap", folder=folder)
    assert (status, out) == (1, b"")
    assert told in errors


def test_a_file_that_cannot_be_read_is_a_line_and_the_others_are_done(folder: Path) -> None:
    status, out, errors = run("broken.pcap", "missing.pcap", "shop.pcap", folder=folder)
    lines = [line for line in errors.splitlines() if line]
    assert status == 1
    assert len(out.splitlines()) == 3
    assert [line.split(":")[0] for line in lines] == ["broken.pcap", "missing.pcap"]


def test_a_cut_off_file_gives_what_is_whole(folder: Path) -> None:
    (folder / "cut.pcap").write_bytes(shop().pcap()[:-30])
    status, out, _ = run("--format", "summary", "cut.pcap", folder=folder)
    summary = json.loads(out)
    assert status == 0
    assert summary["packets"] == len(shop().frames()) - 1
    assert summary["anomalies"]["captureCutOff"] == 1


def documents(data: bytes, size: int, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What pieces of a size give, without what may differ between pieces."""
    monkeypatch.setattr("apps.captures.offline.PIECE_BYTES", size)
    found: list[Found] = []
    parse(io.BytesIO(data), Context(whisperer="", capture="shop", mask_key=b"k"), "20261122", found.append)
    made = [json.loads(one.document.body) for one in found]
    return sorted(({**one, "chunk": 0, "version": 0} for one in made), key=lambda one: str(one["id"]))


@pytest.mark.parametrize("size", [100, 700, 2_000])
def test_the_size_of_pieces_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shop().pcap()
    assert len(documents(data, 8 << 20, monkeypatch)) == 3
    assert documents(data, size, monkeypatch) == documents(data, 8 << 20, monkeypatch)


def test_the_size_of_pieces_changes_nothing_in_a_busy_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    data = busy.capture(1_790_000_000_000_000_000, seconds=30).pcapng()
    whole = documents(data, 8 << 20, monkeypatch)
    assert len(whole) > 100
    assert documents(data, 20_000, monkeypatch) == whole
