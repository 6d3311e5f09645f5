"""The agent of an interface is killed while its server cannot be reached, and goes on from its spool.

A host in a network namespace captures its loopback. Its cable is pulled, requests go on, their packets reach the spool
on its disk; then the agent is killed with SIGKILL, the cable is put back, and the agent is started again. Every request
that the spool had is found once; what happens while no agent runs is not captured, so there is none.
"""

import subprocess
import time
from collections import Counter

from store.documents import EVERYTHING
from store.redis.accounting import PARTS
from tests.agent.namespaces import Namespace, possible
from tests.bench.e2e import leftovers
from tests.chaos.faults import FAULTS, Context, Fault, until
from tests.chaos.runs import GIVE_UP, Row
from tests.chaos.world import World
from tests.flows import hosts

NAME = "agent-spool"
SAYS = "SIGKILL of an interface's agent that is cut off; started again it sends what is in its spool"
PORT = "8083"
#: What a world of this kind says to its product: hosts in namespaces reach it.
ENVIRONMENT = {"SPIDER_HOST": "0.0.0.0", "SPIDER_ALLOWED_HOSTS": "*"}
MARKS = ("before", "kept", "after")


def _own(_: Context) -> None:
    raise TypeError("the agent of this fault is another one: call run")


FAULTS[NAME] = Fault(NAME, SAYS, _own, kind="live")


def missing() -> str:
    """What this machine lacks."""
    return "" if possible() else "needs network namespaces: root, and the command ip of iproute2"


def run(world: World, pause: float) -> Row:
    """The whole story; a row of the table."""
    row = Row(NAME)
    begun = time.monotonic()
    with Namespace("k") as namespace:
        host = hosts.Host(namespace, world.folder, world.product)
        try:
            over, wanted = _story(world, host, min(pause, 20.0))
            row.recover, row.seconds = time.monotonic() - over, time.monotonic() - begun
            _judge(world, row, wanted)
        except Exception as error:
            said = host.log.read_text()[-1000:] if host.log.exists() else ""
            row.notes.append(f"{type(error).__name__}: {error} {said}")
    return row


def _story(world: World, host: hosts.Host, pause: float) -> tuple[float, dict[str, int]]:
    """When the fault was over, and how many requests of each mark there were."""
    people = hosts.World(world.product, [host], "spooling")
    people.configure(filter=f"tcp port {PORT}", spool=256 << 20)
    people.enrol()
    people.person("POST", people.path + "start/")
    until("the agent captures", lambda: people.all_say("capturing"))
    wanted = {"before": host.talk(int(PORT), "before", 50, 2)}
    until("its requests are found", lambda: people.marks()["before"] == wanted["before"])
    _cable(host, "down")
    wanted["kept"] = host.talk(int(PORT), "kept", 50, pause)
    time.sleep(3)  # a chunk is made of each second, and is then written to the spool
    agent = host.agent()
    agent.kill()
    until("packets wait in the spool", lambda: people.spooled(host), 1)
    _cable(host, "up")
    starts = _starts(host)
    host.start()
    over = time.monotonic()
    # What the site knows may be of before the death, so the agent itself is asked.
    until("the agent captures again", lambda: _starts(host) > starts, 120)
    wanted["after"] = host.talk(int(PORT), "after", 50, 2)
    until("all requests are found", lambda: all(people.marks()[name] == wanted[name] for name in MARKS), GIVE_UP)
    until("the spool is empty", lambda: not people.spooled(host))
    people.person("POST", people.path + "stop/")
    until("everything ended", world.idle, GIVE_UP)
    return over, wanted


def _starts(host: hosts.Host) -> int:
    """How often the agent has begun to capture."""
    return host.log.read_text().count("spider agent: capturing\n")


def _cable(host: hosts.Host, word: str) -> None:
    subprocess.run(["ip", "link", "set", host.namespace.outside, word], check=True)


def _judge(world: World, row: Row, wanted: dict[str, int]) -> None:
    """Each request once; every capture closed, adding up, nothing left."""
    store = world.documents
    store.refresh("httpcomms")
    found = Counter(one["req"]["path"] for batch in store.scan("httpcomms", EVERYTHING, None) for one in batch
                    if one["req"]["path"].split("/")[1] in MARKS)  # fmt: skip
    true = {f"/{mark}/{number}" for mark, count in wanted.items() for number in range(count)}
    row.lost, row.doubled = len(true - found.keys()), sum(found.values()) - len(found)
    left = leftovers(world.product)
    row.left = len(left)
    for name, one in world.rows().items():
        totals = one["totals"]
        parts = sum(totals.get(part, 0) for part in PARTS)
        if one["state"] != "closed" or totals.get("packets.uploaded", 0) != parts:
            row.notes.append(f"capture {name} is {one['state']}, {totals}")
    row.ok = not (row.lost or row.doubled or row.left or row.notes)
    row.notes.append(f"{wanted['kept']} requests while cut off")
