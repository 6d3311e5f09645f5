"""FILE mode, as a program: a capture arrives whole whatever the server does, and failures have words and statuses."""

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.agent.server import SEARCH, TOKEN, Server
from tests.captures import Frame, Pcapng, pcap
from wire import records

ROOT = Path(__file__).resolve().parents[2]
FRAMES = [Frame(1_714_990_000_000_000_000 + i * 1000, bytes([i % 251]) * 1000, 1000) for i in range(8000)]
CHUNK = 1 << 20


def start(*arguments: str) -> subprocess.Popen[str]:
    """The agent in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def run(server: Server, *arguments: str, token: str = TOKEN) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = start("--server", server.url, "--token", token, "--chunk", str(CHUNK), *arguments)
    out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def write(folder: Path, data: bytes) -> str:
    path = folder / "some.pcap"
    path.write_bytes(data)
    return str(path)


def packets(chunks: dict[int, bytes]) -> list[tuple[int, bytes]]:
    """All packets of a capture, in the order of its chunks."""
    out = []
    for number in sorted(chunks):
        r = records.read(chunks[number])
        for time_, at, length in zip(r.ts.tolist(), r.offset.tolist(), r.caplen.tolist(), strict=True):
            out.append((time_, r.buf[at : at + length]))
    return out


SENT = [(f.time, f.data) for f in FRAMES]


def test_a_file_arrives_whole(server: Server, tmp_path: Path) -> None:
    status, out, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--instance", "host-7")
    assert (status, error.count("error")) == (0, 0), error
    (capture,) = server.captures
    assert out.strip() == SEARCH + capture
    assert packets(server.only()) == SENT
    assert sorted(server.only()) == list(range(8))
    assert server.ended == {capture: 7}
    assert "8,000 packets in 8 chunks sent" in error
    headers = server.requests[0]
    assert (headers["Spider-Instance"], headers["Spider-Packets"]) == ("host-7", "1032")
    assert headers["Spider-Interface"].endswith("some.pcap")
    assert headers["Content-Type"] == "application/vnd.tcpdump.pcap"
    assert 1 < server.most_busy <= 3


def test_pcapng_and_gzip(server: Server, tmp_path: Path) -> None:
    out = Pcapng().section().interface(1, resolution=9)
    for frame in FRAMES:
        out.packet(frame)
    assert run(server, "--file", write(tmp_path, gzip.compress(out.data(), 1)))[0] == 0
    assert packets(server.only()) == SENT
    assert server.requests[0]["Content-Type"] == "application/x-pcapng"


@pytest.mark.parametrize(
    "mishaps",
    [
        ["lost"] * 3,
        ["torn"] * 3,
        ["full", "later", "window", "full"],
        ["500", "502", "504"],
        ["", "lost", "", "full", "lost", "", "500", "window", "lost"],
    ],
)
def test_troubles_that_pass_change_nothing(server: Server, tmp_path: Path, mishaps: list[str]) -> None:
    server.mishaps.extend(mishaps)
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)))
    assert status == 0, error
    assert packets(server.only()) == SENT
    assert list(server.ended.values()) == [7]


@pytest.mark.parametrize("word", ["conflict", "ended"])
def test_a_capture_that_is_over_goes_on_as_a_new_one(server: Server, tmp_path: Path, word: str) -> None:
    server.mishaps.extend(["", "", word])
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)))
    assert status == 0, error
    assert "new capture" in error
    assert len(server.captures) == 2
    everything = [p for chunks in server.captures.values() for p in packets(chunks)]
    assert sorted(everything) == SENT
    assert len(server.ended) == 1
    first, _ = server.captures
    named = [headers["Spider-Previous"] for headers in server.requests if "Spider-Previous" in headers]
    assert named
    assert set(named) == {first}


def test_a_start_after_a_death_names_the_capture_that_was_left_open(server: Server, tmp_path: Path) -> None:
    file, state = write(tmp_path, pcap(FRAMES * 2, 1)), tmp_path / "state"
    server.processed = False  # the window stands still, so the agent waits with its capture open
    arguments = ["--token", TOKEN, "--chunk", str(CHUNK), "--state", str(state), "--file", file]
    process = start("--server", server.url, *arguments)
    while not state.exists() or len(server.only()) < 8:
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=10)
    (old,) = server.captures
    assert state.read_text() == old + "\n"
    server.processed = True
    status, _, error = run(server, "--file", file, "--state", str(state))
    assert status == 0, error
    named = [headers.get("Spider-Previous") for headers in server.requests if headers["Spider-Capture"] != old]
    assert named[0] == old
    assert named[-1] is None  # once is enough
    assert state.read_text() == "\n"  # nothing is open any more
    run(server, "--file", file, "--state", str(state))
    assert "Spider-Previous" not in server.requests[-1]


@pytest.mark.parametrize("content", ["", "no capture of ours\n", "\xff"])
def test_a_state_that_says_nothing_is_no_trouble(server: Server, tmp_path: Path, content: str) -> None:
    state = tmp_path / "state"
    state.write_text(content, encoding="latin-1")
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--state", str(state))
    assert status == 0, error
    assert all("Spider-Previous" not in headers for headers in server.requests)


def test_a_state_that_cannot_be_kept_is_said(server: Server, tmp_path: Path) -> None:
    state = tmp_path / "none" / "state"
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--state", str(state))
    assert status == 0
    assert "state cannot be written" in error


def test_a_refused_chunk_is_given_up_and_told(server: Server, tmp_path: Path) -> None:
    server.mishaps.extend(["", "", "", "413"])
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--uploads", "1")
    assert status == 0, error
    assert "given up" in error
    ((_, holes),) = server.holes.items()
    ((number, facts),) = holes.items()
    assert number == 3
    assert facts.endswith("/refused")
    assert len(packets(server.only())) == len(FRAMES) - int(facts.split("/")[0])
    assert list(server.ended.values()) == [7]


def test_the_last_chunk_given_up_is_told_by_a_question(server: Server, tmp_path: Path) -> None:
    server.mishaps.extend([""] * 7 + ["413"])
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--uploads", "1")
    assert status == 0, error
    assert next(iter(server.holes.values())).keys() == {7}
    assert list(server.ended.values()) == [7]


def test_a_window_that_stands_still_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.processed = False
    many = pcap(FRAMES * 2, 1)
    process = start("--server", server.url, "--token", TOKEN, "--chunk", str(CHUNK), "--file", write(tmp_path, many))
    deadline = time.monotonic() + 20
    while len(server.captures) == 0 or len(server.only()) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    assert len(server.only()) == 8
    assert len(server.requests) == 8  # nothing is sent to be refused
    assert 2 < server.questions < 20
    server.processed = True
    with server.lock:
        server.next = dict.fromkeys(server.captures, 8)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    assert packets(server.only()) == SENT * 2


def test_compressed_uploads(server: Server, tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    assert run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), "--compression", "zstd")[0] == 0
    assert {h["Content-Encoding"] for h in server.requests} == {"zstd"}
    plain = {n: zstandard.ZstdDecompressor().decompress(b) for n, b in server.only().items()}
    assert packets(plain) == SENT


def test_interrupted_sends_what_was_read_and_ends_the_capture(server: Server, tmp_path: Path) -> None:
    server.processed = False
    process = start(
        "--server", server.url, "--token", TOKEN, "--chunk", str(CHUNK), "--queue", str(CHUNK),
        "--file", write(tmp_path, pcap(FRAMES * 4, 1)),
    )  # fmt: skip
    while len(server.captures) == 0 or len(server.only()) < 8:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    server.processed = True
    with server.lock:
        server.next = dict.fromkeys(server.captures, 8)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 130, error
    assert len(server.ended) == 1
    assert SEARCH in out
    got = packets(server.only())
    assert got == (SENT * 4)[: len(got)]
    assert len(SENT) < len(got) < 3 * len(SENT)


def test_a_cut_off_file_is_sent_as_far_as_it_goes(server: Server, tmp_path: Path) -> None:
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)[:-10]))
    assert status == 0
    assert "ends inside a record" in error
    assert packets(server.only()) == SENT[:-1]


def test_a_capture_without_packets_is_a_capture(server: Server, tmp_path: Path) -> None:
    assert run(server, "--file", write(tmp_path, pcap([], 1)))[0] == 0
    assert packets(server.only()) == []
    assert list(server.ended.values()) == [0]


@pytest.mark.parametrize(
    ("content", "status", "says"), [(b"", 5, "empty file"), (b"<html>", 5, "not a capture"), (None, 5, "No such file")]
)
def test_what_is_no_capture(server: Server, tmp_path: Path, content: bytes | None, status: int, says: str) -> None:
    path = write(tmp_path, content) if content is not None else str(tmp_path / "absent.pcap")
    got, out, error = run(server, "--file", path)
    assert (got, out) == (status, "")
    assert says in error
    assert not server.captures


def test_a_wrong_token(server: Server, tmp_path: Path) -> None:
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)), token="wrong")
    assert status == 4
    assert "does not accept the token" in error


def test_a_wrong_address(server: Server, tmp_path: Path) -> None:
    server.url += "/elsewhere"
    status, _, error = run(server, "--file", write(tmp_path, pcap(FRAMES, 1)))
    assert status == 4
    assert "token" in error or "is the address right" in error


def test_an_unreachable_server(tmp_path: Path) -> None:
    with Server() as gone:
        pass
    status, _, error = run(gone, "--file", write(tmp_path, pcap(FRAMES, 1)), "--patience", "1")
    assert status == 3
    assert "cannot be reached" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["--server", "ftp://x", "--token", "t", "--file", "f"],
        ["--server", "http://x:0", "--token", "t", "--file", "f"],
        ["--server", "http://x", "--token", "t"],
        ["--server", "http://x", "--token", "t", "--file", "f", "--interface", "lo"],
        ["--server", "http://x", "--token", "t", "--file", "f", "--filter", "tcp"],
        ["--server", "http://x", "--token", "a b", "--file", "f"],
        ["--server", "http://x", "--token", "t", "--file", "f", "--uploads", "99"],
    ],
)
def test_wrong_options(arguments: list[str]) -> None:
    process = start(*arguments)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "error:" in error
