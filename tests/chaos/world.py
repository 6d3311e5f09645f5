"""The whole product beside servers of its own, which can be ended and started without it.

`make run` ends when a server of its own ends, so here the servers are ours and the product is told their addresses, as
in a deployment. Agents reach the site through a `Gate`, the product reaches Elasticsearch through `Trouble`. Where
asked for, the servers' data lie on small file systems, or all clocks are one that can be put forward and back.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import redis
from redis.exceptions import RedisError

from spider_site.run.elasticsearch import VERSION_8, Elasticsearch
from spider_site.run.servers import Postgres, Server, Valkey, free_port
from store.documents import DocumentStore, open_store
from tests.bench.e2e import capture_keys, family, waiting
from tests.chaos.proxies import Gate, Trouble
from tests.flows.stack import ROOT, Stack

#: The same in all worlds: it decides what masked values look like, and which partition a flow belongs to.
MASK_KEY = "the same in every world of the faults"
PASSWORD = "chaos"
#: Bytes of the file system that a server's data are on, where it is a small one: room for two captures, and a ballast.
SMALL = {"valkey": 1 << 30, "postgres": 3 << 30}
#: Bytes that an agent sends at a time: small, so that every fault meets some that are done and some that are not.
CHUNK = 1 << 20
#: What shifts the time of day of the programs it is loaded into.
CLOCK = Path(__file__).parent / "clock.c"
#: Seconds that an agent looks for a server that is away.
AGENT_PATIENCE = 900


class Product(Stack):
    """The product, on servers that others run."""

    def __init__(self, database_url: str, redis_url: str, **environment: str) -> None:
        super().__init__(
            SPIDER_DATABASE_URL=database_url, SPIDER_REDIS_URL=redis_url, SPIDER_MASK_KEY=MASK_KEY, **environment
        )

    @property
    def database_url(self) -> str:
        return self.environment["SPIDER_DATABASE_URL"]

    def redis(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environment["SPIDER_REDIS_URL"], socket_timeout=10)

    def kill(self) -> None:
        """The whole product at once, as when its machine stops."""
        for process in [self.process.pid, *(one.pid for one in self.started().values())]:
            for one in _family(process):
                _signal(one, signal.SIGKILL)
        self.process.wait()


class FakedValkey(Valkey):
    """A Valkey by the clock of its world."""

    clock: dict[str, str]

    def environment(self) -> dict[str, str] | None:
        return {**os.environ, **self.clock}


class World:
    """Servers, product and what stands between them; use as a context.

    `kind` is plain, live, elastic, small or clock.
    """

    def __init__(self, kind: str = "plain", **environment: str) -> None:
        self.kind = kind
        self._environment = environment
        self._kept = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._kept.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def _start(self) -> None:
        self.folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory(prefix="spider-chaos-")))
        self.folder.chmod(0o711)
        if self.kind == "small":
            for name, size in SMALL.items():
                self._kept.enter_context(_small(self.folder / name / "data", size))  # their logs lie beside it
        clock = self._clock() if self.kind == "clock" else {}
        self.postgres = Postgres(self.folder / "postgres" / "data", free_port(), PASSWORD)
        self.valkey: Valkey = Valkey(self.folder / "valkey" / "data", free_port(), PASSWORD)
        if clock:
            self.valkey = FakedValkey(self.folder / "valkey" / "data", free_port(), PASSWORD)
            self.valkey.clock = clock
        for server in (self.postgres, self.valkey):
            self._serve(server)
        self.postgres.create_database()
        more = dict(clock)
        if self.kind == "elastic":
            self.elastic = Elasticsearch(self.folder / "elastic" / "data", free_port(), VERSION_8, brief=True)
            self._serve(self.elastic)
            self.trouble = Trouble(self.elastic.port)
            self._kept.callback(self.trouble.close)
            more["SPIDER_ELASTICSEARCH_URL"] = self.trouble.url
        more = {"SPIDER_WORKERS": "2", **more, **self._environment}
        self.product = Product(self.postgres.url(), self.valkey.url(), **more)
        self._kept.enter_context(self.product)
        self.gate = Gate(self.product.port)
        self._kept.callback(self.gate.close)
        self.token = self.product.token("chaos")
        self.documents = self._documents()
        self._kept.callback(self.documents.close)

    @property
    def servers(self) -> list[Server]:
        """Those that run."""
        return [self.postgres, self.valkey, *([self.elastic] if self.kind == "elastic" else [])]

    def _serve(self, server: Server) -> None:
        server.folder.parent.mkdir(exist_ok=True, mode=0o711)
        self._kept.callback(server.stop)
        server.start()

    def _clock(self) -> dict[str, str]:
        self._clock_file, self._ahead = self.folder / "clock", 0
        self._clock_file.write_bytes(bytes(8))
        library = self.folder / "clock.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(CLOCK)], check=True)
        return {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._clock_file)}

    def move_clock(self, seconds: int) -> None:
        """All clocks but PostgreSQL's go so far forward; returns when Valkey's has."""
        before = self._now()
        self._ahead += seconds
        with self._clock_file.open("r+b") as file:  # the same file: programs look at its memory
            file.write(self._ahead.to_bytes(8, sys.byteorder, signed=True))
        deadline = time.monotonic() + 30
        while abs(self._now() - before) < abs(seconds) / 2:
            if time.monotonic() > deadline:
                raise RuntimeError("the clock of Valkey did not move")
            time.sleep(0.05)

    def _now(self) -> int:
        return int(self.product.redis().time()[0])

    # ---- agents --------------------------------------------------------------------------------

    def send(self, path: Path, *more: str) -> "subprocess.Popen[str]":
        """Start an agent that sends a file through the gate at full speed."""
        said = (self.folder / "agent.log").open("a")
        command = ["--server", self.gate.url, "--token", self.token, "--file", str(path), "--chunk", str(CHUNK)]
        command += ["--patience", str(AGENT_PATIENCE), "--quiet", *more]
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *command],
            cwd=ROOT, env=self.product.environment, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip

    def agent_log(self) -> str:
        """What agents said last."""
        return (self.folder / "agent.log").read_text(errors="replace")[-500:]

    # ---- what is to be seen --------------------------------------------------------------------

    def captures(self) -> list[str]:
        """Ids of the captures in Redis."""
        found = [key.split(":") for key in capture_keys(self.product)]
        return sorted({parts[2] for parts in found if parts[1] == "c"})

    def passed(self) -> int:
        """Chunks that are through, of all captures in Redis; 0 while Redis is away."""
        try:
            client = self.product.redis()
            return sum(int(client.hget(f"{{0}}:c:{one}:meta", "next") or 0) for one in self.captures())
        except RedisError:
            return 0

    def idle(self) -> bool:
        """Whether every capture is closed and every document confirmed."""
        try:
            return not capture_keys(self.product) and not waiting(self.product)
        except RedisError:
            return False

    def rows(self) -> dict[str, dict[str, Any]]:
        """What PostgreSQL keeps of each capture: state, holes, totals."""
        with psycopg.connect(self.postgres.url()) as database:
            found = database.execute("select id, state, holes, totals from captures_capture").fetchall()
        return {name: {"state": state, "holes": holes, "totals": totals} for name, state, holes, totals in found}

    def _documents(self) -> DocumentStore:
        """The document store itself, with nothing in between."""
        return open_store(self.elastic.url() if self.kind == "elastic" else self.postgres.url())

    # ---- processes -----------------------------------------------------------------------------

    def of(self, name: str) -> list[psutil.Process]:
        """A program of the product and its children."""
        return list(family(self.product.started()[name]))

    def workers(self) -> list[psutil.Process]:
        """The worker processes that split and drain."""
        return self.product.workers()

    @contextmanager
    def another_worker(self) -> Iterator[None]:
        """A second worker program beside the supervisor's own."""
        command = [sys.executable, "-m", "celery", "-A", "spider_site", "worker", "--without-gossip"]
        command += ["--without-mingle", "-Q", "split,drain", "-c", "2", "-n", "another@%h"]
        log = (self.folder / "another.log").open("ab")
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.product.environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                for one in _family(process.pid):
                    _signal(one, signal.SIGKILL)
                process.wait()


def hit(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes, some of which may be gone."""
    for process in processes:
        _signal(process, number)


def kill(server: Server) -> None:
    """End a server with all its processes at once."""
    assert server.process is not None
    for one in _family(server.process.pid):
        _signal(one, signal.SIGKILL)
    server.process.wait()
    server.process = None


def start_again(server: Server, seconds: float = 60.0) -> None:
    """Start a server that was killed; what it left in shared memory or on its port may take a moment to go."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            server.start()
        except Exception:
            server.process = None
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def agents_capture(said: str) -> str:
    """The capture that an agent made, from the link it prints."""
    match = re.search(r"/captures/([^/]+)/", said)
    return match[1] if match else ""


@contextmanager
def _small(folder: Path, size: int) -> Iterator[None]:
    folder.mkdir(parents=True)
    folder.parent.chmod(0o711)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _family(pid: int) -> list[psutil.Process]:
    try:
        return list(family(psutil.Process(pid)))
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
