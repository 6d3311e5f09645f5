"""The agent as a service, run as a program: it follows its configuration, keeps what it cannot send, stops if told."""

import json
import os
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.bpf import Instruction
from apps.core import bpf as compiler
from tests import waiting
from tests.agent.namespaces import needs_namespaces
from tests.agent.server import READ, TOKEN, Server
from tests.agent.test_file import FRAMES, ROOT, SENT, packets
from tests.agent.test_interface import free_port, needs_raw, payload, talk
from tests.captures import pcap

MB = 1 << 20
until = partial(waiting.until, seconds=20)


class Agent:
    """An enrolled agent."""

    def __init__(self, server: Server, folder: Path, mode: str) -> None:
        self.config, self.spool, self.log = folder / "agent.json", folder / "spool", folder / "log"
        keys = {
            "server": server.url, "instance": "i", "whisperer": "w", "name": "host-9", "mode": mode,
            "upload_key": TOKEN, "read_key": READ,
        }  # fmt: skip
        self.config.write_text(json.dumps(keys))
        self.config.chmod(0o600)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["-m", "agent", "run", "--config", self.config, "--spool", self.spool, "--user", "root"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, command)], cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            )  # fmt: skip

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def keys(self) -> dict[str, str]:
        return dict(json.loads(self.config.read_text()))

    def kept(self) -> list[Path]:
        return list(self.spool.glob("*/0*"))


@pytest.fixture
def agent(server: Server, tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    made: list[Agent] = []

    def make(mode: str = "INTERFACE") -> Agent:
        made.append(Agent(server, tmp_path, mode))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        print(one.log.read_text())


def program(port: int, link: int = 1) -> list[Instruction]:
    return compiler.compile(f"tcp port {port}", link)


def test_a_file_named_by_the_site_is_sent(server: Server, agent: Callable[..., Agent], tmp_path: Path) -> None:
    file = tmp_path / "some.pcap"
    file.write_bytes(pcap(FRAMES, 1))
    server.configure(capturing=False, mode="FILE", file=str(file), chunk=MB)
    one = agent("FILE")
    until("it is there", lambda: server.said()["state"] == "stopped")
    assert not server.captures
    server.configure(mode="FILE", file=str(file), chunk=MB)
    until("it was sent", lambda: server.ended)
    assert packets(server.only()) == SENT
    said = until("it says so", lambda: server.said() if "read to its end" in server.said()["reason"] else None)
    assert (said["state"], said["applied"]) == ("stopped", server.configuration["revision"])
    time.sleep(2.5)
    assert len(server.captures) == 1  # not again
    server.configure(mode="FILE", file=str(tmp_path / "none.pcap"))
    until("it is missed", lambda: "No such file" in server.said()["reason"])
    assert server.said()["state"] == "wrong"
    assert one.end() == 0
    assert server.said()["state"] == "stopped"


def test_a_poll_that_finds_nothing_new_costs_little(server: Server, agent: Callable[..., Agent]) -> None:
    server.configure(capturing=False)
    agent()
    until("it polls", lambda: server.unchanged >= 2)
    figures = server.said()["figures"]
    assert figures["memory"] < 60e6
    assert {"cpu", "started", "calls", "calls_failed", "call_average_ms", "call_p90_ms"} <= figures.keys()
    assert any(one["name"] == "lo" for one in server.said()["interfaces"])


def test_who_is_revoked_stops_within_a_poll(server: Server, agent: Callable[..., Agent]) -> None:
    server.configure(capturing=False)
    one = agent()
    until("it is there", lambda: server.said()["state"] == "stopped")
    server.keys["read"] = "another"
    assert one.process is not None
    assert one.process.wait(5) == 4


def test_a_host_that_is_not_enrolled(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "agent", "run", "--config", str(tmp_path / "none.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert "not enrolled" in done.stderr


def test_two_agents_with_the_same_keys(server: Server, agent: Callable[..., Agent]) -> None:
    server.configure(capturing=False)
    one = agent()
    until("it is there", lambda: server.said()["state"] == "stopped")
    command = [sys.executable, "-m", "agent", "run", "--config", str(one.config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "another agent" in done.stderr) == (7, True)


@needs_raw
def test_new_keys_are_kept_and_used(server: Server, agent: Callable[..., Agent]) -> None:
    port = free_port()
    server.configure(interfaces=["lo"], filter="x", programs={"lo": program(port)})
    one = agent()
    until("it captures", lambda: server.said()["state"] == "capturing")
    server.rotate = {"upload_key": "new-upload", "read_key": "new-read"}
    until("it uses them", lambda: one.keys()["read_key"] == "new-read")
    assert stat.S_IMODE(one.config.stat().st_mode) == 0o600
    before = len(server.statuses)
    until("it goes on", lambda: len(server.statuses) > before + 1)
    talk(port)
    until("it uploads", lambda: server.captures)
    one.end()
    one.start()
    until("it comes back", lambda: server.said()["state"] == "capturing")


@needs_raw
def test_an_outage_is_ridden_out_on_disk(server: Server, agent: Callable[..., Agent]) -> None:
    """More than memory holds waits on disk, outlives kill -9, and arrives once, in the capture it is of."""
    port = free_port()
    values = {"interfaces": ["lo"], "filter": "x", "chunk": MB, "queue": 8 * MB, "ring": 16 * MB}
    server.configure(**values, spool=200 * MB, programs={"lo": program(port)})
    one = agent()
    until("it captures", lambda: server.said()["state"] == "capturing")
    talk(port, size=MB)
    until("it uploads", lambda: server.captures)
    server.away = True
    for _ in range(8):
        talk(port, size=3 * MB)
        time.sleep(0.5)
    until("it waits on disk", lambda: len(one.kept()) >= 8)
    time.sleep(1.5)  # a chunk lasts a second at most
    assert one.end(signal.SIGKILL) == -signal.SIGKILL
    (first,) = server.captures
    server.away = False
    one.start()
    until("all is sent", lambda: not one.kept())
    until("the first capture ended", lambda: first in server.ended)
    found = payload([data for _, data in sorted(server.captures[first].items())])[port]
    assert found == 8 * (3 * MB + 50_000) + MB + 50_000
    assert sorted(server.captures[first]) == list(range(server.ended[first] + 1))
    assert not server.holes[first]
    until("it captures anew", lambda: server.said()["state"] == "capturing")
    talk(port)
    until("in another capture", lambda: len(server.captures) == 2)
    until("it is empty", lambda: server.said()["figures"]["spool_bytes"] == 0)


@needs_raw
def test_a_quota_bounds_the_spool_and_the_rest_is_counted(server: Server, agent: Callable[..., Agent]) -> None:
    port = free_port()
    server.configure(interfaces=["lo"], filter="x", chunk=MB, queue=MB, spool=3 * MB, programs={"lo": program(port)})
    one = agent()
    until("it captures", lambda: server.said()["state"] == "capturing")
    server.away = True
    for _ in range(12):
        talk(port, size=MB)
        time.sleep(0.2)
    assert sum(path.stat().st_size for path in one.kept()) <= 3 * MB
    server.away = False
    until("it is told", lambda: server.said()["figures"].get("dropped_queue", 0) > 0)
    talk(port)
    until("all is sent", lambda: not one.kept() and server.said()["figures"]["chunks_waiting"] == 0)
    told = sum(int(h.get("Spider-Dropped", "queue=0/").split("queue=")[1].split("/")[0]) for h in server.requests
               if "queue=" in h.get("Spider-Dropped", ""))  # fmt: skip
    assert told >= server.said()["figures"]["dropped_queue"] > 0


@needs_raw
def test_without_its_spool_it_goes_on_in_memory_and_says_so(
    server: Server, agent: Callable[..., Agent], tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "spool").write_text("no folder")
    server.configure(interfaces=["lo"], filter="x", spool=MB, programs={"lo": program(port)})
    agent()
    said = until("it says so", lambda: server.said() if server.said()["state"] == "wrong" else None)
    assert "the spool" in said["reason"]
    talk(port)
    until("it uploads", lambda: server.captures)
    (tmp_path / "spool").unlink()
    until("all is well", lambda: server.said()["state"] == "capturing")


@needs_raw
def test_limits_pause_it(server: Server, agent: Callable[..., Agent]) -> None:
    port = free_port()
    server.configure(interfaces=["lo"], filter="x", rate_limit=1, programs={"lo": program(port)})
    agent()
    until("it captures", lambda: server.said()["state"] == "capturing")
    for _ in range(6):
        talk(port, size=MB)
        time.sleep(0.2)
    said = until("it pauses", lambda: server.said() if server.said()["state"] == "paused" else None)
    assert "limit of 1 MB a minute" in said["reason"]
    until("it counts", lambda: server.said()["figures"]["dropped_limit"] > 0)


@needs_raw
def test_what_is_wrong_is_told_and_mended(server: Server, agent: Callable[..., Agent]) -> None:
    port = free_port()
    server.configure(interfaces=["lo", "nosuch0"], filter="x", programs={"lo": program(port), "nosuch0": program(port)})
    agent()
    said = until("it says so", lambda: server.said() if server.said()["state"] == "wrong" else None)
    assert "there is no interface 'nosuch0'; there are: lo" in said["reason"]
    talk(port)
    until("the other is captured", lambda: server.captures)
    server.configure(interfaces=["lo"], filter="y")
    until("it waits for the filter", lambda: "not compiled" in server.said()["reason"])
    server.configure(interfaces=["lo"], filter="y", problems=[{"interface": "lo", "message": "syntax error"}])
    until("it says the server's reason", lambda: server.said()["reason"] == "syntax error")
    server.configure(interfaces=["lo"], filter="y", programs={"lo": program(port)})
    until("all is well", lambda: server.said()["state"] == "capturing")
    assert len(server.captures) == 1  # it went on all the time


@needs_namespaces
def test_an_interface_that_goes_and_comes_back(server: Server, agent: Callable[..., Agent]) -> None:
    name = "sp" + secrets.token_hex(3)
    add = ["ip", "link", "add", name, "type", "veth", "peer", "name", name + "p"]
    up, remove = ["ip", "link", "set", name, "up"], ["ip", "link", "del", name]
    server.configure(interfaces=[name, "lo"])
    try:
        for command in (add, up):
            subprocess.run(command, check=True)
        agent()
        until("it captures", lambda: server.said()["state"] == "capturing")
        subprocess.run(remove, check=True)
        until("it says so", lambda: f"no interface '{name}'" in server.said()["reason"])
        for command in (add, up):
            subprocess.run(command, check=True)
        until("it captures again", lambda: server.said()["state"] == "capturing")
    finally:
        subprocess.run(remove, check=False)


@needs_raw
def test_its_time_to_live(server: Server, agent: Callable[..., Agent]) -> None:
    server.configure(interfaces=["lo"], time_to_live=2)
    one = agent()
    assert one.process is not None
    assert one.process.wait(15) == 0
    assert server.said()["state"] == "stopped"
    assert "time to live" in server.said()["reason"]
