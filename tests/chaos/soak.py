"""`make soak`: traffic at a moderate rate for hours, and a log of everything that could grow.

One endless capture flows in, and every so often a small one is opened, read and closed beside it. Every ten seconds a
line goes to a CSV file: rates, memory of every program and server, keys and bytes in Redis, what waits, and the
accounting. An SVG beside it draws each column. At the end the flow stops, everything is waited for, and the verdict is
given:

- memory flat: for every program the median of the last third is at most that of the second third, a tenth and 8 MB. The
  first third is for warming up.
- keys bounded: never 400 or more.
- accounting: every packet that was fed is in one of the parts, and nothing is left behind.

Memory is what a program has for itself (USS), summed over its processes: resident memory (RSS, also in the log) counts
what is shared again in every process, and PostgreSQL's shared buffers as they are touched.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from apps.captures.sample import shop
from store.redis import accounting
from store.redis.accounting import PARTS
from store.redis.connection import Store, open_store
from tests.bench.e2e import family, leftovers, waiting
from tests.bench.generate import Parameters, made
from tests.chaos.drawing import drawing
from tests.chaos.stream import Stream
from tests.chaos.world import World
from wire.pcapfile.pcap import pcap_layout, walk_pcap

EVERY = 10.0
PIECE = 256 << 10
MEGABYTE = 1e6
MOST_KEYS = 400
GIVE_UP = 300.0
Sample = dict[str, float]


@dataclass(slots=True)
class Feed:
    """Writes an endless capture into an agent's standard input, at a rate."""

    stream: Stream
    rate: float  # packets a second
    fed: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self, agent: "subprocess.Popen[bytes]") -> None:
        """Until `over` is set; then the capture ends."""
        assert agent.stdin is not None
        agent.stdin.write(self.stream.head)
        began = time.monotonic()
        for records, packets in self.stream:
            agent.stdin.write(records)
            self.fed += packets
            if self.over.wait(max(began + self.fed / self.rate - time.monotonic(), 0)):
                break
        agent.stdin.close()


def main() -> int:
    """Run for so long, then judge."""
    options = _options()
    seconds = options.hours * 3600 if options.hours else 600.0
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    capture = made(Parameters(packets=100_000, open_sessions=600, seed=13))
    with World("elastic" if options.store == "elasticsearch" else "plain") as world:
        print(f"{options.rate:,.0f} packets/s for {seconds / 60:,.0f} minutes; log and drawing in {folder}", flush=True)
        samples, wrong = soak(world, Feed(Stream(capture, PIECE), options.rate), seconds, folder / "soak.csv")
    (folder / "soak.svg").write_text(drawing(samples))
    wrong += grown(samples)
    most = max(int(one["redis_keys"]) for one in samples)
    print(f"most keys in Redis: {most} (fewer than {MOST_KEYS} are wanted)")
    if most >= MOST_KEYS:
        wrong.append(f"{most} keys in Redis")
    print("\n".join(f"WRONG: {one}" for one in wrong) or "all is well")
    return 1 if wrong else 0


def soak(world: World, feed: Feed, seconds: float, log: Path) -> tuple[list[Sample], list[str]]:
    """Feed and take samples; those, and what is wrong with the end."""
    agent = subprocess.Popen(
        [*_agent(world), "--file", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=world.product.environment,
    )  # fmt: skip
    feeding = threading.Thread(target=feed.run, args=(agent,))
    visits = Visits(world)
    visiting = threading.Thread(target=visits.run)
    feeding.start()
    visiting.start()
    samples: list[Sample] = []
    chunks = open_store(world.valkey.url())
    try:
        with log.open("w", newline="") as file:
            _watch(Watch(world, feed, visits, chunks, agent.pid), seconds, samples, csv.writer(file))
    finally:
        feed.over.set()
        visits.over.set()
        feeding.join()
        visiting.join()
    agent.wait(GIVE_UP)
    deadline = time.monotonic() + GIVE_UP
    while not world.idle() and time.monotonic() < deadline:
        time.sleep(0.2)
    return samples, _end(world, feed.fed + visits.fed)


def _agent(world: World) -> list[str]:
    given = ["--server", world.gate.url, "--token", world.token, "--chunk", str(1 << 20), "--quiet"]
    return [sys.executable, "-m", "agent", *given]


@dataclass(slots=True)
class Visits:
    """Small captures that come, are read and go."""

    world: World
    pause: float = 15.0
    fed: int = 0
    captures: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until `over` is set."""
        path = self.world.folder / "visit.pcap"
        traffic = shop.capture(1_790_000_000_000_000_000, seconds=20, seed=5)
        path.write_bytes(traffic.pcap())
        packets = _packets(path)
        while not self.over.wait(self.pause):
            command = [*_agent(self.world), "--file", str(path)]
            done = subprocess.run(command, env=self.world.product.environment, capture_output=True, check=False)
            if done.returncode == 0:
                self.fed += packets
                self.captures += 1


def _packets(path: Path) -> int:
    data = path.read_bytes()
    return len(walk_pcap(data, 24, pcap_layout(data))[0])


@dataclass(slots=True)
class Watch:
    """What samples are taken of."""

    world: World
    feed: Feed
    visits: Visits
    chunks: Store
    agent: int

    def sample(self) -> Sample:
        """Everything that could grow, now."""
        found: Sample = {"packets_fed": self.feed.fed + self.visits.fed, "captures": self.visits.captures}
        found |= self._redis() | self._accounting()
        return found | self._memory()

    def _redis(self) -> Sample:
        client = self.world.product.redis()
        waits = {name.decode(): int(value) for name, value in client.hgetall("{0}:bytes").items()}
        return {
            "redis_keys": sum(one["keys"] for one in client.info("keyspace").values()),
            "redis_used_MB": client.info("memory")["used_memory"] / MEGABYTE,
            "chunks_waiting_MB": waits.get("chunks", 0) / MEGABYTE,
            "outbox_waiting_MB": waits.get("out", 0) / MEGABYTE,
            "outbox_entries": waiting(self.world.product),
        }

    def _accounting(self) -> Sample:
        """Sums of all captures: those closed are in PostgreSQL, those open in Redis; one between the two is in both."""
        totals = {name: row["totals"] for name, row in self.world.rows().items() if row["state"] == "closed"}
        with self.chunks.link() as link:
            for capture in set(self.world.captures()) - totals.keys():
                totals[capture] = dict(accounting.totals(link, capture).counters)
        uploaded = sum(one.get("packets.uploaded", 0) for one in totals.values())
        parts = sum(one.get(part, 0) for one in totals.values() for part in PARTS)
        return {"packets_uploaded": uploaded, "packets_accounted": parts, "packets_waiting": uploaded - parts}

    def _memory(self) -> Sample:
        """Megabytes of every program and server: its own (USS), and resident (RSS)."""
        world = self.world
        found: Counter[str] = Counter()
        leaders: dict[str, int] = {name: one.pid for name, one in world.product.started().items()}
        leaders |= {"agent": self.agent, **{one.name: one.process.pid for one in world.servers if one.process}}
        for name, pid in leaders.items():
            for process in family(psutil.Process(pid)):
                try:
                    memory = process.memory_full_info()
                except psutil.NoSuchProcess:
                    continue
                found[f"memory_{name}_MB"] += memory.uss / MEGABYTE
                found[f"rss_{name}_MB"] += memory.rss / MEGABYTE
        return dict(found)


def _watch(watch: Watch, seconds: float, samples: list[Sample], log: Any) -> None:
    """Take a sample every ten seconds and write it down at once."""
    began = time.monotonic()
    last: Sample = {}
    while (now := time.monotonic() - began) < seconds:
        sample: Sample = {"seconds": round(now, 1)}
        sample |= watch.sample()
        span = now - last.get("seconds", 0.0)
        for name in ("fed", "accounted"):
            before = last.get(f"packets_{name}", 0.0)
            sample[f"{name}_per_s"] = (sample[f"packets_{name}"] - before) / span if span > 0 else 0.0
        if not samples:
            log.writerow(sample)
        samples.append(sample)
        log.writerow([round(sample.get(name, 0), 2) for name in samples[0]])
        last = sample
        if len(samples) % 6 == 1:
            print(f"{now:7.0f} s  {sample['accounted_per_s']:8,.0f} packets/s  {sample['redis_keys']:.0f} keys  "
                  f"{sample['packets_waiting']:,.0f} packets wait", flush=True)  # fmt: skip
        time.sleep(max(began + len(samples) * EVERY - time.monotonic(), 0))


def _end(world: World, fed: int) -> list[str]:
    """What is wrong when everything has ended."""
    rows = world.rows()
    wrong = [f"capture {name} is {row['state']}" for name, row in rows.items() if row["state"] != "closed"]
    uploaded = sum(row["totals"].get("packets.uploaded", 0) for row in rows.values())
    parts = sum(row["totals"].get(part, 0) for row in rows.values() for part in PARTS)
    print(f"fed {fed:,} packets in {len(rows)} captures, uploaded {uploaded:,}, accounted for {parts:,}")
    if not fed == uploaded == parts:
        wrong.append("the accounting does not add up")
    left = leftovers(world.product)
    return wrong + ([f"left behind: {left[:5]}"] if left else [])


def grown(samples: list[Sample], allowed: Callable[[float], float] = lambda before: before * 1.1 + 8) -> list[str]:
    """Programs whose memory is not flat; prints all."""
    third = len(samples) // 3
    wrong = []
    print("own memory, MB: median of the second and of the last third")
    for name in (name for name in samples[-1] if name.startswith("memory_")):
        before = statistics.median(one.get(name, 0) for one in samples[third : 2 * third])
        after = statistics.median(one.get(name, 0) for one in samples[2 * third :])
        flat = after <= allowed(before)
        print(f"  {name[7:-3]:<15}{before:9.1f}{after:9.1f}   {'flat' if flat else 'GROWN'}")
        if not flat:
            wrong.append(f"memory of {name[7:-3]} went from {before:.1f} to {after:.1f} MB")
    return wrong


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--hours", type=float, default=0.0, help="how long; ten minutes without it")
    add("--rate", type=float, default=5_000, help="packets a second")
    add("--store", choices=("postgres", "elasticsearch"), default="postgres")
    add("--folder", default=".data/soak", help="where the log and the drawing go")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
