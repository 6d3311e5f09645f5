"""Real agents on two hosts (network namespaces), the whole product, and a person who uses its API: enrolled by the
command that is pasted, configured, stopped, revoked; and an outage that a spool rides out.

The agents are the file that the site serves, started as root and then without its rights.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.agent import talk
from tests.agent.namespaces import Namespace, needs_namespaces
from tests.flows.hosts import PYTHON, Host, World
from tests.flows.person import Person
from tests.flows.stack import Stack
from tests.waiting import until

pytestmark = needs_namespaces
#: From a change in the browser until it is in force on every host: 10 s are promised (a poll of 5 s, and what it asks
#: for); a busy machine gets more, and what it took is printed.
IN_FORCE_SECONDS = 40.0
OUTAGE_SECONDS = 60.0


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
