"""`make bench-e2e`: the made capture from the agent to searchable, through everything, on this machine.

Starts the product with empty servers, sends the capture with the agent, and waits until the document store finds every
communication. Says packets a minute, what the parts cost in processor time, and the most keys Redis held. `--kill` ends
a worker with SIGKILL in the middle: the result must be the same. `--scripts` says how long the server worked on each
script of the chunk protocol.

An Elasticsearch is the one of the address given, and a Java server compiles itself while it works: a smaller capture
goes first (`--warm`), so that the figure is that of a server that has run for some minutes. What the benchmark stores
there has a storage policy of its own and is dropped at the end.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from documents.ids import RESOURCES
from store.documents import EVERYTHING, DocumentStore
from tests.bench import truth
from tests.bench.generate import Made, Parameters, made
from tests.bench.scripts import ScriptTimes
from tests.flows.stack import Stack

GOALS = {"PostgreSQL": 3_000_000, "Elasticsearch": 2_000_000}
GIVE_UP_SECONDS = 900
#: Storage policy of what is sent here.
POLICY = "bench"


@dataclass(slots=True)
class Watch:
    """What was seen while the capture went through."""

    most_keys: int = 0
    most_bytes: int = 0
    scripts: ScriptTimes | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, stack: Stack) -> None:
        """Look at Redis a few times a second."""
        client = stack.redis()
        if self.scripts:
            self.scripts.begin(client)
        while not self.stop.wait(0.25):
            self.most_keys = max(self.most_keys, int(client.dbsize()))
            self.most_bytes = max(self.most_bytes, int(client.info("memory")["used_memory"]))
            if self.scripts:
                self.scripts.look(client)


@dataclass(frozen=True, slots=True)
class Result:
    """One run: seconds to the answer of the agent and to the last communication found."""

    sent: float
    searchable: float
    found: int
    keys: int
    memory: int
    cpu: dict[str, float]
    left: list[str]
    score: truth.Score


def main() -> int:
    """Run on the engine asked for; 1 when something was lost or left behind."""
    parser = argparse.ArgumentParser(description="Measure the way from the agent to searchable.")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="kill a worker in the middle")
    parser.add_argument("--scripts", action="store_true", help="say how long each script takes in Redis")
    parser.add_argument("--elasticsearch", metavar="URL", default="", help="index there instead of in PostgreSQL")
    parser.add_argument("--pollers", type=int, default=1, help="processes that move documents to the store")
    parser.add_argument("--warm", type=int, metavar="PACKETS", help="sent before (Elasticsearch: 300,000, else 0)")
    options = parser.parse_args()
    capture = made(Parameters(packets=options.packets, seed=options.seed))
    engine = "Elasticsearch" if options.elasticsearch else "PostgreSQL"
    more = {"SPIDER_ELASTICSEARCH_URL": options.elasticsearch} if options.elasticsearch else {}
    more["SPIDER_POLLERS"] = str(options.pollers)
    warm = options.warm if options.warm is not None else 300_000 if options.elasticsearch else 0
    scripts = ScriptTimes() if options.scripts else None
    with Stack(**more) as stack:
        try:
            if warm:
                run(stack, made(Parameters(packets=warm, seed=options.seed + 1)))
            result = run(stack, capture, kill=options.kill, scripts=scripts)
            if not sound(result):
                print(stack.logs())
        finally:
            drop(stack.documents())
    show(engine, capture, result)
    if scripts:
        scripts.show()
    return 0 if sound(result) else 1


def run(stack: Stack, capture: Made, *, kill: bool = False, scripts: ScriptTimes | None = None) -> Result:
    """Send the capture and wait until all of it can be found."""
    token = stack.token("bench", policy=POLICY)
    store = stack.documents()
    before, stored = cpu_seconds(stack), store.count("httpcomms", EVERYTHING, None)
    watch = Watch(scripts=scripts)
    watcher = threading.Thread(target=watch.run, args=(stack,))
    watcher.start()
    begun = time.monotonic()
    agent = stack.agent("--token", token, "--file", str(capture.capture))
    sent = 0.0
    killed = not kill
    expected = capture.figures["exchanges"]
    try:
        while True:
            time.sleep(0.2)
            now = time.monotonic() - begun
            if now > GIVE_UP_SECONDS:
                break
            if not sent and agent.poll() is not None:
                sent = now
            if not killed and store.count("httpcomms", EVERYTHING, None) - stored > expected // 3:
                stack.workers()[0].kill()
                killed = True
            if sent and not capture_keys(stack) and not waiting(stack):
                break
        searchable = time.monotonic() - begun
    finally:
        watch.stop.set()
        watcher.join()
        if agent.poll() is None:
            agent.kill()
    store.refresh("httpcomms")
    cpu = {name: value - before.get(name, 0.0) for name, value in cpu_seconds(stack).items()}
    said = agent.stdout.read() if agent.stdout else ""
    print(said)
    left, (found, score) = leftovers(stack), judge(store, said.strip().rpartition("/captures/")[2].strip("/"), capture)
    return Result(sent, searchable, found, watch.most_keys, watch.most_bytes, cpu, left, score)


def judge(store: DocumentStore, name: str, capture: Made) -> tuple[int, truth.Score]:
    """How many communications of a capture are stored, and how they compare with the truth."""
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.ndjson"
        with path.open("wb") as file:
            for batch in store.scan("httpcomms", EVERYTHING, None):
                ours = [document for document in batch if document["capture"] == name]
                file.writelines(orjson.dumps(document) + b"\n" for document in ours)
                found += len(ours)
        return found, truth.score(capture.truth, path)


def drop(store: DocumentStore) -> None:
    """Remove what the benchmark stored."""
    for resource in RESOURCES:
        for part in store.days(resource):
            if part.policy == POLICY:
                store.drop_day(resource, part.day, part.policy)


def capture_keys(stack: Stack) -> list[str]:
    """Keys of captures and blobs."""
    return [key for key in map(bytes.decode, stack.redis().keys()) if ":c:" in key or ":blob:" in key]


def waiting(stack: Stack) -> int:
    """Entries in the outbox."""
    client = stack.redis()
    return sum(int(client.xlen(key)) for key in client.keys("*:out:*"))


def leftovers(stack: Stack) -> list[str]:
    """What should not be there at the end: capture keys, blobs, waiting entries, counters that are not 0."""
    client = stack.redis()
    found = capture_keys(stack)
    found += [f"{key.decode()}: {client.xlen(key)} entries" for key in client.keys("*:out:*") if client.xlen(key)]
    counters = client.hgetall("{0}:bytes")
    return found + [f"{name.decode()} = {value.decode()}" for name, value in counters.items() if value != b"0"]


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Processor time so far of everything the stack runs, by name."""
    found: dict[str, float] = {}
    for name, process in stack.started().items():
        for one in family(process):
            try:
                times = one.cpu_times()
            except psutil.NoSuchProcess:
                continue
            found[name] = found.get(name, 0.0) + times.user + times.system
    return found


def family(process: psutil.Process) -> Iterator[psutil.Process]:
    """A process and all below it."""
    yield process
    yield from process.children(recursive=True)


def sound(result: Result) -> bool:
    """Nothing lost, nothing left."""
    return not result.left and result.score.exact


def show(engine: str, capture: Made, result: Result) -> None:
    """Print a run."""
    packets = capture.figures["packets"]
    rate = packets / result.searchable * 60
    print(f"{engine}: {packets:,} packets, {capture.figures['bytes'] / 1e6:,.0f} MB in {result.searchable:.1f} s "
          f"(sent in {result.sent:.1f} s)")  # fmt: skip
    print(f"  {rate:,.0f} packets a minute to searchable; goal {GOALS[engine]:,}: "
          f"{'reached' if rate >= GOALS[engine] else 'NOT reached'}")  # fmt: skip
    score = result.score
    print(f"  found exactly {score.whole_found:,} of {score.whole:,} whole exchanges, {score.damaged_found:,} of "
          f"{score.damaged:,} with a lost packet; {result.found:,} documents")  # fmt: skip
    print(f"  at most {result.keys} keys and {result.memory / 1e6:,.0f} MB in Redis; "
          f"left behind: {result.left or 'nothing'}")  # fmt: skip
    for name, seconds in sorted(result.cpu.items(), key=lambda item: -item[1]):
        print(f"  {seconds:8.1f} s of processor time  {name}")


if __name__ == "__main__":
    sys.exit(main())
