"""Real agents on two hosts (network namespaces), the whole product, and a person who uses its API: enrolled by the
command that is pasted, configured, stopped, revoked; and an outage that a spool rides out.

The agents are the file that the site serves, started as root and then without its rights.
"""

import json
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

from store.documents import EVERYTHING
from tests.agent import talk
from tests.agent.namespaces import Namespace, needs_namespaces
from tests.flows.stack import Stack
from tests.waiting import until

pytestmark = needs_namespaces
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else "python3"
#: From a change in the browser until it is in force on every host: 10 s are promised (a poll of 5 s, and what it asks
#: for); a busy machine gets more, and what it took is printed.
IN_FORCE_SECONDS = 40.0
OUTAGE_SECONDS = 60.0


class Person:
    """Somebody signed in, who calls the API as the pages do."""

    def __init__(self, stack: Stack) -> None:
        self._site, self._jar = stack.site, CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        self._opener.open(f"{self._site}/login/").close()
        form = {"username": "admin", "password": stack.secret("password"), "csrfmiddlewaretoken": self._csrf()}
        self._opener.open(f"{self._site}/login/", urlencode(form).encode()).close()

    def _csrf(self) -> str:
        return next(str(cookie.value) for cookie in self._jar if cookie.name == "spider_csrf")

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        sent = urllib.request.Request(self._site + path, method=method)
        if body is not None or method != "GET":
            sent.data = json.dumps(body if body is not None else {}).encode()
            sent.add_header("Content-Type", "application/json")
            sent.add_header("X-CSRFToken", self._csrf())
            sent.add_header("Referer", self._site)
        with self._opener.open(sent, timeout=30) as answer:
            data = answer.read()
        return json.loads(data) if data else None


class Host:
    """A namespace with an agent."""

    def __init__(self, namespace: Namespace, folder: Path, stack: Stack) -> None:
        self.namespace, self.folder = namespace, folder
        self.server = f"http://{namespace.here}:{stack.port}"
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / f"{namespace.name}.log"
        self.spool = stack.data / f"{namespace.name}.spool"  # in a folder that others than root may pass

    def install(self, command: str) -> None:
        """Paste the command, but for its last part, which runs the agent until it is stopped."""
        fetch, join = command.split(" && ")[:2]
        keys = f" --config {self.folder}/{self.namespace.name}.json --name {self.namespace.inside}"
        self.namespace.run("sh", "-c", f"{fetch} && {join}{keys}", cwd=self.folder)

    def start(self) -> None:
        config = f"{self.folder}/{self.namespace.name}.json"
        with self.log.open("ab") as log:
            self.process = self.namespace.start(
                PYTHON, "spider-agent.pyz", "run", "--config", config, "--spool", self.spool,
                cwd=self.folder, stdout=log, stderr=log,
            )  # fmt: skip

    def agent(self) -> psutil.Process:
        """The agent's own process: `ip netns exec` becomes it."""
        assert self.process is not None
        return psutil.Process(self.process.pid)

    def talk(self, port: int, mark: str, rate: float = 20, seconds: float = 2) -> int:
        """Requests on this host's loopback; how many."""
        said = self.namespace.run(PYTHON, talk.__file__, str(port), mark, str(rate), str(seconds), seconds=seconds + 30)
        return int(said)


class World:
    """The product, a person, and a whisperer with hosts."""

    def __init__(self, stack: Stack, hosts: list[Host], name: str) -> None:
        self.stack, self.hosts, self.person = stack, hosts, Person(stack)
        self.whisperer = self.person("POST", "/api/v1/whisperers/", {"name": name, "mode": "INTERFACE"})["id"]
        self.path = f"/api/v1/whisperers/{self.whisperer}/"
        self.configure(interfaces=["lo"])

    def configure(self, **values: Any) -> None:
        self.person("PATCH", self.path + "config/capture/", {"values": values})

    def enrol(self) -> None:
        """By the command, with the server's address as each host sees it."""
        from apps.whisperers.services.enrolment import install_command  # Django is set up when the tests run

        token = self.person("POST", self.path + "enrolments/", {})["token"]
        for host in self.hosts:
            host.install(install_command(host.server, token))
            host.start()

    def instances(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.person("GET", self.path + "instances/")["instances"]}

    def all_say(self, word: str) -> bool:
        """Whether every agent has the newest configuration in force and is in this state."""
        found = self.instances().values()
        return all(one["state"]["word"] == word and one["upToDate"] for one in found) and len(found) == len(self.hosts)

    def marks(self) -> Counter[str]:
        """Complete communications in the store, by the first word of their path."""
        store = self.stack.documents()
        try:
            store.refresh("httpcomms")
            found = (one for batch in store.scan("httpcomms", EVERYTHING, None) for one in batch)
            paths = {one["req"]["path"] for one in found if one["parsing"]["status"] == "complete"}
        finally:
            store.close()
        return Counter(path.split("/")[1] for path in paths)

    def spooled(self, host: Host) -> list[Path]:
        """Chunks that wait on a host's disk."""
        return list(host.spool.glob("*/0*"))

    def closed(self) -> list[tuple[dict[str, int], int]]:
        """Holes and abandoned packets of each capture that has ended."""
        wanted = "select holes, totals from captures_capture where state = 'closed' and whisperer_id = %s"
        with psycopg.connect(self.stack.database_url) as database:
            rows = database.execute(wanted, [self.whisperer]).fetchall()
        return [(holes, totals.get("packets.abandoned", 0)) for holes, totals in rows]

    def logs(self) -> str:
        return "\n".join(f"--- {host.log.name}\n{host.log.read_text()}" for host in self.hosts)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    # Reached from other namespaces, by addresses that are made while the tests run.
    with Stack(SPIDER_HOST="0.0.0.0", SPIDER_ALLOWED_HOSTS="*", SPIDER_WORKERS="1") as one:
        yield one


@pytest.fixture
def world(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], World]]:
    with ExitStack() as kept:
        made: list[World] = []

        def make(*words: str) -> World:
            hosts = [Host(kept.enter_context(Namespace(word)), tmp_path, stack) for word in words]
            made.append(World(stack, hosts, request.node.name))
            return made[-1]

        yield make
        for one in made:
            print(one.logs())  # shown when the test failed


def test_two_hosts_follow_their_configuration(world: Callable[..., World]) -> None:
    w = world("a", "b")
    first, second = w.hosts
    w.configure(filter="tcp port 8081")
    w.enrol()
    until("both agents are there", lambda: w.all_say("stopped"))
    assert {one["name"]: one["state"]["word"] for one in w.instances().values()} == {"spa": "stopped", "spb": "stopped"}

    w.person("POST", w.path + "start/")
    until("both capture", lambda: w.all_say("capturing"), IN_FORCE_SECONDS)
    for host in w.hosts:
        assert host.agent().uids().real != 0  # root's rights are gone, but for opening packet sockets
        held = Path(f"/proc/{host.agent().pid}/status").read_text()
        assert "CapEff:\t0000000000002000" in held
        assert "CapPrm:\t0000000000002000" in held
        wanted = host.talk(8081, f"one-{host.namespace.inside}")
        host.talk(8082, f"not-{host.namespace.inside}", seconds=1)
        until("its requests are found", lambda n=wanted, h=host: w.marks()[f"one-{h.namespace.inside}"] == n)

    # Another filter, while packets flow: in force in time, on both.
    w.configure(filter="tcp port 8082")
    began = time.monotonic()
    until("the filter is in force", lambda: w.all_say("capturing"), IN_FORCE_SECONDS)
    print(f"in force after {time.monotonic() - began:.1f} s")
    for host in w.hosts:
        wanted = host.talk(8082, f"two-{host.namespace.inside}")
        host.talk(8081, f"nor-{host.namespace.inside}", seconds=1)
        until("its requests are found", lambda n=wanted, h=host: w.marks()[f"two-{h.namespace.inside}"] == n)

    # An interface that one of them has: the other says what is wrong, and both come back.
    w.configure(interfaces=["spa"])
    wrong = until("one is wrong", lambda: w.instances()["spb"]["state"]["word"] == "wrong", IN_FORCE_SECONDS)
    assert wrong
    reason = w.instances()["spb"]["state"]["reason"]
    assert "there is no interface 'spa'" in reason
    assert "spb" in reason
    until("the other captures it", lambda: w.instances()["spa"]["upToDate"])
    w.configure(interfaces=["lo"])
    until("both capture again", lambda: w.all_say("capturing"), IN_FORCE_SECONDS)

    # Stopped, nothing is captured; started, all is.
    w.person("POST", w.path + "stop/")
    until("both stopped", lambda: w.all_say("stopped"), IN_FORCE_SECONDS)
    first.talk(8082, "unseen", seconds=1)
    w.person("POST", w.path + "start/")
    until("both capture", lambda: w.all_say("capturing"), IN_FORCE_SECONDS)
    wanted = first.talk(8082, "three")
    until("its requests are found", lambda: w.marks()["three"] == wanted)

    # Revoked, one ends within a poll; the other goes on.
    gone = w.instances()["spb"]["id"]
    began = time.monotonic()
    w.person("DELETE", f"{w.path}instances/{gone}/")
    assert second.process is not None
    assert second.process.wait(IN_FORCE_SECONDS) == 4
    print(f"revoked after {time.monotonic() - began:.1f} s")
    wanted = first.talk(8082, "four")
    until("its requests are found", lambda: w.marks()["four"] == wanted)
    found = w.marks()
    assert not [mark for mark in found if mark.split("-")[0] in ("not", "nor", "unseen")]

    assert first.process is not None
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(30) == 0
    until("it said goodbye", lambda: w.instances()["spa"]["reported"] == "stopped")


def test_a_spool_rides_out_an_outage(world: Callable[..., World], stack: Stack) -> None:
    w = world("c")
    (host,) = w.hosts
    w.configure(filter="tcp port 8083", spool=256 << 20)
    w.enrol()
    w.person("POST", w.path + "start/")
    until("it captures", lambda: w.all_say("capturing"))
    seconds = OUTAGE_SECONDS + 50
    talking = host.namespace.start(PYTHON, talk.__file__, "8083", "kept", "25", str(seconds))
    until("some are found", lambda: w.marks()["kept"] > 20)
    stack.stop()
    time.sleep(OUTAGE_SECONDS)
    assert w.spooled(host), "nothing waits on disk"
    stack.start()
    wanted = int(talking.communicate(timeout=seconds)[0])
    w.person = Person(stack)
    until("all are found", lambda: w.marks()["kept"] == wanted)
    until("the spool is empty", lambda: not w.spooled(host))
    until("it captures", lambda: w.all_say("capturing"))
    with psycopg.connect(stack.database_url) as database:
        rows = database.execute("select state from captures_capture where whisperer_id = %s", [w.whisperer]).fetchall()
    assert rows == [("open",)]  # one capture, which no timer closed
    w.person("POST", w.path + "stop/")
    until("it ended", w.closed)
    assert w.closed() == [({}, 0)]  # no hole, nothing abandoned
