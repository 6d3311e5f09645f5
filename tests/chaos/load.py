"""`make load`: ten times what the product sustains, for two minutes, from several agents with bounded queues.

First the sustainable rate is measured: the capture at full speed until all of it is found. Then the agents make so many
times as much. What their queues do not hold is dropped and counted by them and told to the server; meanwhile a person
opens pages. At the end what was accepted is found, exactly: each agent keeps what its queue took, and `parse_capture`
says what is in it. Prints the figures, and 1 if anything is wrong.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from store.redis.accounting import PARTS
from tests.bench.e2e import leftovers
from tests.bench.generate import Made, Parameters, made
from tests.chaos.judge import Lines, digest, stored
from tests.chaos.world import World
from tests.flows.person import Person
from tests.flows.stack import ROOT

#: What a person waits for at most, in seconds.
GOAL = 0.5
#: Seconds that what was accepted may take to be found after the spike.
GIVE_UP = 600.0
PAGES = {
    "sign-in page": "/login/",
    "search page": "/",
    "search by API": "/api/v1/httpcomms/?q=stats.statusCode:%3E%3D500&size=50",
    "newest by API": "/api/v1/httpcomms/?size=50",
}


@dataclass(slots=True)
class Visitor:
    """Opens pages all the time, one after the other, and remembers how long each took."""

    person: Person
    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PAGES})
    failed: Counter[str] = field(default_factory=Counter)
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `over` is set."""
        while not self.over.wait(0.25):
            for name, path in PAGES.items():
                begun = time.monotonic()
                try:
                    self.person.get(path)
                except (urllib.error.URLError, OSError) as error:
                    self.failed[f"{name}: {error}"] += 1
                self.times[name].append(time.monotonic() - begun)


def main() -> int:
    """Measure, load, wait, compare."""
    options = _options()
    capture = made(Parameters(packets=options.packets, open_sessions=600, seed=11))
    with World("plain") as world:
        print("measuring the sustainable rate", flush=True)
        sustainable = options.rate or measure(world, capture)
        rate = sustainable * options.times
        print(f"sustainable: {sustainable:,.0f} packets/s; load: {rate:,.0f} packets/s from {options.agents} agents "
              f"for {options.seconds:g} s, queues of {options.queue >> 20} MB", flush=True)  # fmt: skip
        wrong = load(world, capture, rate, options)
        if wrong:
            print(world.product.logs(10))
    print("\n".join(f"WRONG: {one}" for one in wrong) or "all is well")
    return 1 if wrong else 0


def measure(world: World, capture: Made) -> float:
    """Packets a second from the agent to found, at full speed; the second of two runs."""
    rate = 0.0
    for _ in range(2):
        begun = time.monotonic()
        agent = world.send(capture.capture)
        while agent.poll() is None or not world.idle():
            time.sleep(0.1)
        rate = capture.figures["packets"] / (time.monotonic() - begun)
    return rate


def load(world: World, capture: Made, rate: float, options: argparse.Namespace) -> list[str]:
    """The spike; what is wrong with what came of it."""
    quiet = Visitor(Person(world.product))
    _visit(quiet, 5.0)
    _pages("pages before the load", quiet)
    token = world.product.token("spike", mode="INTERFACE")
    visitor = Visitor(quiet.person)
    watching = threading.Thread(target=visitor.run)
    agents = [_spike(world, token, capture, rate / options.agents, number, options) for number in range(options.agents)]
    watching.start()
    begun = time.monotonic()
    time.sleep(options.seconds)
    visitor.over.set()
    watching.join()
    said = [json.loads(agent.communicate(timeout=GIVE_UP)[0].splitlines()[-1]) for agent in agents]
    sent = time.monotonic() - begun
    while not world.idle() and time.monotonic() - begun < GIVE_UP:
        time.sleep(0.2)
    print(f"all sent after {sent:.1f} s, all found after {time.monotonic() - begun:.1f} s")
    _pages("pages during the load", visitor)
    wrong = [f"{name} took up to {max(times):.2f} s" for name, times in visitor.times.items() if _p95(times) > GOAL]
    wrong += [f"{count} × {what}" for what, count in visitor.failed.items()]
    for number, one in enumerate(said):
        wrong += _compare(world, one, world.folder / f"spike-{number}.pcap")
    left = leftovers(world.product)
    return wrong + ([f"left behind: {left[:5]}"] if left else [])


def _visit(visitor: Visitor, seconds: float) -> None:
    thread = threading.Thread(target=visitor.run)
    thread.start()
    time.sleep(seconds)
    visitor.over.set()
    thread.join()


def _spike(
    world: World, token: str, capture: Made, rate: float, number: int, options: argparse.Namespace
) -> "subprocess.Popen[str]":
    kept = world.folder / f"spike-{number}.pcap"
    given = [world.gate.url, token, capture.capture, rate, options.seconds, kept, options.queue]
    command = ["nice", "-n", "5", sys.executable, "-m", "tests.chaos.spike", *map(str, given)]
    return subprocess.Popen(command, cwd=ROOT, env=world.product.environment, stdout=subprocess.PIPE, text=True)


def _compare(world: World, said: dict[str, Any], kept: Path) -> list[str]:
    """Counted on both sides alike, and found as `parse_capture` finds it."""
    capture = said["capture"]
    totals = world.rows()[capture]["totals"]
    uploaded, dropped = totals.get("packets.uploaded", 0), totals.get("packets.dropped.queue", 0)
    lines: Lines = Counter(
        digest(orjson.loads(line)) for line in world.product.manage("parse_capture", str(kept)).splitlines()
    )
    found = stored(world.documents, capture)
    print(f"{capture}: {said['made']:,} packets = {uploaded:,} accepted + {dropped:,} dropped by the queue; "
          f"{found.total():,} communications found of {lines.total():,} accepted")  # fmt: skip
    wrong = []
    if said["made"] != said["sent"] + said["dropped"] or said["lost"]:
        wrong.append(f"{capture}: the agent does not add up: {said}")
    if (uploaded, dropped) != (said["sent"], said["dropped"]):
        wrong.append(f"{capture}: the agent says {said}, the server {totals}")
    if uploaded != sum(totals.get(part, 0) for part in PARTS):
        wrong.append(f"{capture}: accounting does not add up: {totals}")
    if found != lines:
        wrong.append(f"{capture}: {(lines - found).total()} lost, {(found - lines).total()} doubled")
    return wrong


def _pages(title: str, visitor: Visitor) -> None:
    print(f"{title} (ms: p50, p95, most; how many)")
    for name, times in visitor.times.items():
        if times:
            middle = sorted(times)[len(times) // 2]
            print(f"  {name:<15}{middle * 1e3:7.0f}{_p95(times) * 1e3:7.0f}{max(times) * 1e3:7.0f}   {len(times)}",
                  flush=True)  # fmt: skip


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)] if times else 0.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make load ARGS=…", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=120.0, help="of the load")
    add("--times", type=float, default=10.0, help="how many times the sustainable rate")
    add("--rate", type=float, default=0.0, help="the sustainable rate in packets/s, instead of measuring it")
    add("--agents", type=int, default=3)
    add("--queue", type=int, default=64 << 20, metavar="BYTES", help="of each agent")
    add("--packets", type=int, default=300_000, help="of the capture that is sent over and over")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
