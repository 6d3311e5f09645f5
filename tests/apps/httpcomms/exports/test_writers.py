"""The formats by themselves, on hostile values: what is read back is what was meant, and nothing of it is run."""

import csv
import io
import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from apps.httpcomms.exports import as_csv, as_curl, as_har, as_json, as_k6, as_ndjson, as_pcap
from apps.httpcomms.exports.base import END, About, Job, Packet
from documents import build
from tests.apps.httpcomms.test_curl import Server
from tests.documents.examples import CONTEXT, STARTED, communication, request, response
from tests.generated import examples
from wire.events import Message

ABOUT = About('req.path:"*/\n`id`"', "", "2026-11-22T10:16:00Z", "2026-11-22T10:17:00Z")
WRITERS = [as_json.write, as_ndjson.write, as_csv.write, as_har.write, as_curl.write, as_k6.write, as_pcap.write]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


def document(message: Message | None = None, **changes: Any) -> dict[str, Any]:
    made = orjson.loads(build.httpcomm(communication(message or request(), response()), CONTEXT).body)
    made["req"] |= changes
    return made


def written(writer: Any, documents: list[dict[str, Any]], **more: Any) -> bytes:
    return b"".join(writer(documents, Job(ABOUT, **more)))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.mark.parametrize("writer", WRITERS)
def test_the_last_words_tell_what_was_left_out(writer: Any) -> None:
    job = Job(ABOUT)
    job.tally.cut = "by a test"
    job.tally.left_out["of a reason"] = 2
    data = b"".join(writer([], job))
    assert f"{END}0 communications, cut: by a test; 2 left out: of a reason".encode() in data[-400:]


@pytest.mark.parametrize("writer", WRITERS)
def test_no_end_is_written_before_the_last_document(writer: Any) -> None:
    def documents() -> Iterator[dict[str, Any]]:
        yield document()
        raise OSError

    job = Job(ABOUT, packets=lambda _: [])
    got: list[bytes] = []
    with pytest.raises(OSError):
        got.extend(writer(documents(), job))
    assert END.encode() not in b"".join(got)


@pytest.mark.parametrize("text", [
    "=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", '"=1', "'=1", ' "=1', "  -1", "\0=1", "＝1", "＋1", "－1", "＠1",
    "-2+3+cmd|' /C calc'!A0", '=HYPERLINK("http://evil")',
])  # fmt: skip
def test_a_cell_never_begins_a_formula(text: str) -> None:
    (row,) = csv.reader(io.StringIO(as_csv.cell(text), newline=""))
    assert row[0].startswith("'")
    assert row[0][1:] == text.replace("\0", "\ufffd")


@given(TEXT)
@examples(300)
def test_any_cell_is_read_back_as_itself(text: str) -> None:
    (row,) = csv.reader(io.StringIO(as_csv.cell(text) + ",x\r\n", newline=""))
    text = text.replace("\0", "\ufffd")
    assert row == [row[0], "x"]
    assert row[0].removeprefix("'") == text.removeprefix("'")
    assert not row[0].lstrip(" \t\r\n\"").startswith(("=", "+", "-", "@"))


def test_numbers_of_ours_stay_numbers() -> None:
    assert [as_csv.cell(value) for value in (-1, -1.5, 0, 3, None, True, ["a", "b"], {"k": "=1"})] == [
        "-1", "-1.5", "0", "3", "", "true", "a b", '"{""k"":""=1""}"',
    ]  # fmt: skip


def test_names_of_columns_are_hostile_too() -> None:
    columns = as_csv.read_columns("req.headers.=cmd, id,id")
    first = written(as_csv.write, [], columns=columns).decode().splitlines()[0]
    assert first == "req.headers.=cmd,id"
    assert as_csv.read_columns("date~80,path,ends,req.headers.a%2Cb") == (
        "date", "req.path", "req.query", "stats.src.name", "stats.dst.name", "req.headers.a,b",
    )  # fmt: skip


@given(st.lists(TEXT, min_size=1, max_size=4))
@examples(50)
def test_json_and_ndjson_and_har_read_back(values: list[str]) -> None:
    made = [document(path=value, uri=f"http://h/{value}") for value in values]
    assert json.loads(written(as_json.write, made))["communications"] == made
    lines = written(as_ndjson.write, made).split(b"\n")
    assert [json.loads(line) for line in lines[: len(made)]] == made
    assert lines[len(made) + 1 :] == [b""]
    entries = json.loads(written(as_har.write, made))["log"]["entries"]
    assert [entry["request"]["url"] for entry in entries] == [f"http://h/{value}" for value in values]


def test_har_and_scripts_leave_out_what_has_no_request() -> None:
    unseen = orjson.loads(build.httpcomm(communication(None, response()), CONTEXT).body)
    for writer in (as_har.write, as_curl.write, as_k6.write):
        data = written(writer, [document(), unseen])
        assert f"{END}1 communication, 1 left out: ".encode() in data


def bash(script: bytes, server: Server) -> subprocess.CompletedProcess[bytes]:
    options = ["--max-time", "20", "--connect-to", f"::127.0.0.1:{server.port}"]
    return subprocess.run(["bash", "-s", "--", *options], input=script, capture_output=True, check=False)


def test_the_script_sends_its_requests_in_order(server: Server) -> None:
    made = [document(request(f"/{n}", "POST", {"host": ["h"]}, b"x\0" * n)) for n in (1, 2)]
    bodies = iter([b"x\0", b"x\0x\0"])
    script = written(as_curl.write, made, body=lambda one, side: next(bodies))
    done = bash(script, server)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines() == [b"200 was 200: request 1", b"200 was 200: request 2"]
    heard = [server.heard.pop(0), server.heard.pop(0)]
    assert [one.split(b" ", 2)[1] for one in heard] == [b"/1", b"/2"]
    assert [one.partition(b"\r\n\r\n")[2] for one in heard] == [b"x\0", b"x\0x\0"]


def test_a_script_that_broke_off_runs_nothing(server: Server) -> None:
    script = written(as_curl.write, [document()])
    for end in range(0, script.rindex(b"}\n"), 50):
        bash(script[:end], server)
    assert not server.heard


@given(value=TEXT, path=TEXT)
@examples(25, HealthCheck.function_scoped_fixture)
def test_no_value_gets_out_of_the_scripts(server: Server, tmp_path_factory: Any, value: str, path: str) -> None:
    made = document(path="/" + path, uri=f"http://h.example/{path}", template=value)
    made["req"]["headers"] = {"host": ["h.example"], "x-any": [value], "__proto__": [value]}
    server.heard.clear()
    done = bash(written(as_curl.write, [made]), server)
    assert done.stdout.endswith(b" was 200: request 1\n")
    assert len(server.heard) == 1
    server.heard.clear()
    (step,) = k6_steps(written(as_k6.write, [made]), tmp_path_factory.mktemp("k6"))
    assert step["url"] == made["req"]["uri"]
    assert step["headers"]["x-any"] == "".join(" " if c in "\r\n\0" else c for c in value)
    assert "__proto__" in step["headers"]


#: Stands in for k6, which is no part of this: the script's own code runs, its requests are printed.
K6 = """
const sent = [];
const http = { request: (method, url, body, params) => { sent.push({ method, url, body, headers: params.headers }); return { status: 200 }; } };
const encoding = { b64decode: (text) => [...Buffer.from(text, "base64")] };
const checks = [];
const check = (r, all) => { for (const [name, test] of Object.entries(all)) checks.push([name, test(r)]); };
const group = (name, act) => act();
const slept = [];
const sleep = (seconds) => slept.push(seconds);
globalThis.__ENV = JSON.parse(process.argv[2] || "{}");
process.on("exit", () => console.log(JSON.stringify({ sent, checks, slept })));
"""  # noqa: E501


def k6(script: bytes, folder: Path, **environment: str) -> dict[str, Any]:
    whole = folder / "whole.mjs"
    whole.write_bytes(script)
    subprocess.run(["node", "--check", whole], check=True)
    lines = [line for line in script.decode().split("\n") if not line.startswith("import ")]
    run = folder / "run.mjs"
    run.write_text((K6 + "\n".join(lines)).replace("export default function ()", "export default function main()")
                   + "\nmain();\n")  # fmt: skip
    said = subprocess.check_output(["node", run, json.dumps(environment)])
    return dict(json.loads(said))


def k6_steps(script: bytes, folder: Path) -> list[dict[str, Any]]:
    return list(k6(script, folder)["sent"])


def test_k6_sends_in_order_with_pauses_and_checks(tmp_path: Path) -> None:
    secrets = {"authorization": ["Bearer masked:0123456789abcdef"], "x-api-key": ["plain"]}
    headers = {"host": ["h"], "accept": ["a"], **secrets}
    made = [document(request("/1", "POST", headers, b"text")), document(request("/2", "PUT", headers, b"\0\xff"))]
    made[1]["req"]["date"] = "2026-11-22T10:15:02.623456789Z"
    bodies = iter([b"text", b"\0\xff"])
    script = written(as_k6.write, made, body=lambda one, side: next(bodies))
    for secret in (b"Bearer masked", b"plain"):
        assert secret not in script
    ran = k6(script, tmp_path, TARGET="http://127.0.0.1:9/", AUTHORIZATION="Bearer mine")
    assert [(one["method"], one["url"]) for one in ran["sent"]] == [
        ("POST", "http://127.0.0.1:9/1"), ("PUT", "http://127.0.0.1:9/2"),
    ]  # fmt: skip
    assert ran["sent"][0]["body"] == "text"
    assert ran["sent"][1]["body"] == [0, 255]
    assert ran["sent"][0]["headers"] == {"accept": "a", "authorization": "Bearer mine"}
    assert ran["checks"] == [["status is 200", True]] * 2
    assert 2 < ran["slept"][0] <= 2.5


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size
        found.append((kind, data[at + 8 : at + size - 4]))
        at += size
    return found


def test_packets_are_in_order_of_time_and_none_is_twice() -> None:
    def packet(after: int, data: bytes, link: int = 1) -> Packet:
        return Packet(STARTED + after, link, data, len(data) + 1)

    first, second = document(), document()
    first["id"], second["id"] = "one", "two"
    second["date"] = "2026-11-22T10:15:00.123456809Z"  # 20 ns later
    packets = {
        "one": [packet(0, b"a"), packet(25, b"shared"), packet(40, b"d")],
        "two": [packet(20, b"b", link=101), packet(25, b"shared"), packet(30, b"c")],
    }
    data = written(as_pcap.write, [first, second], packets=lambda one: packets[one["id"]])
    found = blocks(data)
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 6, 1, 6, 6, 6, 6, 5]
    heads = [struct.unpack_from("<IIIII", body) for kind, body in found if kind == 6]
    times = [high << 32 | low for _, high, low, _, _ in heads]
    assert [time - STARTED for time in times] == [0, 20, 25, 30, 40]
    assert [head[0] for head in heads] == [0, 1, 0, 0, 0]
    assert [head[4] - head[3] for head in heads] == [1] * 5


def test_packets_that_cannot_be_had_are_told() -> None:
    data = written(as_pcap.write, [document(), document()], packets=lambda one: "gone")
    assert f"{END}0 communications, 2 left out: gone".encode() in data


def test_packets_that_wait_are_bounded(monkeypatch: Any) -> None:
    monkeypatch.setattr(as_pcap, "WAITING_BYTES", 100)
    queue = as_pcap._Queue()
    most = 0
    for n in range(100):
        list(queue.before(0))
        queue.put(Packet(n, 1, bytes(50), 50), "id")
        most = max(most, queue._bytes)
    assert most <= 150
