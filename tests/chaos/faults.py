"""The faults, by name: what is done to a world while a capture is on its way through it, and for how long.

A fault is over when its function returns: what was stopped goes on, what was ended has been started again (our own
programs by their supervisor, servers by hand, as an operator's would be). `pause` is how long what pauses does, in
seconds.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from tests.chaos import world as worlds
from tests.chaos.world import World, hit

#: Seconds that what a fault waits for has to come.
PATIENCE = 60.0


@dataclass(slots=True)
class Context:
    """What a fault may touch beside its world."""

    world: World
    pause: float
    agent: "subprocess.Popen[str]"
    again: Callable[[], "subprocess.Popen[str]"]  # starts the agent once more, as it was
    notes: list[str]


Do = Callable[[Context], None]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    says: str
    do: Do
    kind: str = "plain"  # of the world it needs
    state: bool = False  # the agent remembers its capture in a file
    refuses: bool = False  # documents are refused for good, and must be kept with the reason


FAULTS: dict[str, Fault] = {}


def _fault(name: str, says: str, **more: Any) -> Callable[[Do], Do]:
    def keep(do: Do) -> Do:
        FAULTS[name] = Fault(name, says, do, **more)
        return do

    return keep


def until(what: str, done: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Wait for a moment that the fault needs."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen in {seconds:g} s")
        time.sleep(0.01)


@_fault("none", "nothing: what the others are compared with")
def _none(_: Context) -> None:
    return


# ---- our own programs ------------------------------------------------------------------------------


@_fault("worker-kill", "SIGKILL of every worker process, with work in hand")
def _worker_kill(at: Context) -> None:
    until("work in hand", at.world.product.holding)
    hit(at.world.workers(), signal.SIGKILL)


@_fault("worker-program-kill", "SIGKILL of the worker program with its processes")
def _worker_program(at: Context) -> None:
    until("work in hand", at.world.product.holding)
    hit(at.world.of("worker"), signal.SIGKILL)


@_fault("poller-kill", "SIGKILL of the poller, with documents in hand")
def _poller_kill(at: Context) -> None:
    until("documents in hand", lambda: claimed(at.world))
    hit(at.world.of("poller-1"), signal.SIGKILL)


@_fault("beat-kill", "SIGKILL of beat and of what looks after lost work")
def _beat_kill(at: Context) -> None:
    hit(at.world.of("beat"), signal.SIGKILL)
    hit(at.world.of("monitoring"), signal.SIGKILL)


@_fault("web-kill", "SIGKILL of the web server with its processes, in the middle of uploads")
def _web_kill(at: Context) -> None:
    hit(at.world.of("web"), signal.SIGKILL)


@_fault("agent-kill", "SIGKILL of the agent; started again with its state file it sends the file anew", state=True)
def _agent_kill(at: Context) -> None:
    at.agent.kill()
    at.agent.wait()
    at.agent = at.again()


@_fault("product-kill", "SIGKILL of every process of the product at once, then a new start")
def _product_kill(at: Context) -> None:
    at.world.product.kill()
    at.world.product.start()


@_fault("worker-stop", "SIGSTOP of the worker program with a lease in hand; another takes over; then it continues")
def _worker_stop(at: Context) -> None:
    stopped, held = caught(at.world)
    begun = time.monotonic()
    with at.world.another_worker():
        until("another takes over", lambda: any(at.world.product.still(name) != held[name] for name in held))
        at.notes.append(f"{len(held)} leases in hand, taken over after {time.monotonic() - begun:.1f} s")
        time.sleep(max(begun + at.pause - time.monotonic(), 0))
        # Its children first: the late writers get their chance before their program notices that they were long.
        hit(stopped[1:], signal.SIGCONT)
        time.sleep(0.5)
        hit(stopped[:1], signal.SIGCONT)


@_fault("poller-stop", "SIGSTOP of the poller, with documents in hand; then it continues")
def _poller_stop(at: Context) -> None:
    until("documents in hand", lambda: claimed(at.world))
    processes = at.world.of("poller-1")
    hit(processes, signal.SIGSTOP)
    time.sleep(at.pause)
    hit(processes, signal.SIGCONT)


# ---- servers ---------------------------------------------------------------------------------------


@_fault("redis", "SIGKILL of Valkey; started again on its append-only file")
def _redis(at: Context) -> None:
    worlds.kill(at.world.valkey)
    worlds.start_again(at.world.valkey)


@_fault("redis-scripts", "Valkey forgets every script")
def _scripts(at: Context) -> None:
    at.world.product.redis().script_flush()


@_fault("postgres", "PostgreSQL ends as in a crash; started again it recovers")
def _postgres(at: Context) -> None:
    worlds.kill(at.world.postgres)
    worlds.start_again(at.world.postgres)


@_fault("net-cut", "the network between agent and server is cut, and comes back")
def _net_cut(at: Context) -> None:
    at.world.gate.cut()
    time.sleep(at.pause)
    at.world.gate.heal()


# ---- Elasticsearch ---------------------------------------------------------------------------------


@_fault("es-stop", "SIGKILL of Elasticsearch; started again after the pause", kind="elastic")
def _es_stop(at: Context) -> None:
    worlds.kill(at.world.elastic)
    time.sleep(at.pause)
    worlds.start_again(at.world.elastic, 300)


@_fault("es-slow", "every answer of Elasticsearch takes two seconds longer", kind="elastic")
def _es_slow(at: Context) -> None:
    _trouble(at, delay=2.0)


@_fault("es-429", "Elasticsearch answers every request with 429", kind="elastic")
def _es_429(at: Context) -> None:
    _trouble(at, status=429)


@_fault("es-items-429", "single documents of bulk requests are answered with 429", kind="elastic")
def _es_items_429(at: Context) -> None:
    _trouble(at, refuse=_each(200, 429, "es_rejected_execution_exception", "the queue is full"))


@_fault("es-items-400", "single documents of bulk requests are refused for good", kind="elastic", refuses=True)
def _es_items_400(at: Context) -> None:
    _trouble(at, refuse=_each(500, 400, "document_parsing_exception", "failed to parse"))


def _trouble(at: Context, **values: Any) -> None:
    trouble = at.world.trouble
    before = trouble.troubled
    for name, value in values.items():
        setattr(trouble, name, value)
    deadline = time.monotonic() + at.pause
    while time.monotonic() < deadline or trouble.troubled == before:
        time.sleep(0.1)
        if time.monotonic() > deadline + 60:
            at.notes.append("nothing met the trouble")
            break
    trouble.heal()
    at.notes.append(f"{trouble.troubled - before} met it")


def _each(number: int, status: int, kind: str, reason: str) -> Callable[[bytes, bytes], dict[str, Any] | None]:
    """Refuse every communication whose bytes fall on one of `number` places: the same ones whenever they come."""

    def refuse(action: bytes, document: bytes) -> dict[str, Any] | None:
        if b"spider-httpcomms-" not in action or sum(document[:400]) % number:
            return None
        return {"status": status, "error": {"type": kind, "reason": reason}}

    return refuse


# ---- disks and clocks ------------------------------------------------------------------------------


@_fault("redis-disk", "the disk of Valkey is full; then there is room again", kind="small")
def _redis_disk(at: Context) -> None:
    with full(at.world.valkey.folder):
        until("Valkey refuses writes", lambda: _refuses(at.world), 120)
        time.sleep(min(at.pause, 15))


@_fault("postgres-disk", "the disk of PostgreSQL is full; then there is room again", kind="small")
def _postgres_disk(at: Context) -> None:
    with full(at.world.postgres.folder):
        seen = _met(at.world)
        until("PostgreSQL meets the full disk", lambda: _met(at.world) > seen, 120)
        time.sleep(min(at.pause, 15))
    process = at.world.postgres.process
    if process is not None and _ended(process):
        at.notes.append("PostgreSQL had ended itself")
        worlds.start_again(at.world.postgres)


@_fault("clock-forward", "all clocks go an hour forward, and the workers are killed", kind="clock")
def _clock_forward(at: Context) -> None:
    _step(at, 3600)


@_fault("clock-back", "all clocks go an hour back, and the workers are killed", kind="clock")
def _clock_back(at: Context) -> None:
    _step(at, -3600)


def _step(at: Context, seconds: int) -> None:
    """A step, and a death behind it: what was in hand is waited for by the new clock."""
    until("work in hand", at.world.product.holding)
    at.world.move_clock(seconds)
    hit(at.world.workers(), signal.SIGKILL)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """The file system that a server's folder is on has no free byte."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        ballast.chmod(0o666)  # a server that starts looks at every file in its folder
        # In pieces: one that does not fit is given back whole, and the server writes meanwhile.
        for piece in (64 << 20, 1 << 20, 64 << 10, 4 << 10):
            with suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), piece)
    try:
        yield
    finally:
        ballast.unlink()


def _refuses(world: World) -> bool:
    try:
        client = world.product.redis()
        return bool(client.info("persistence")["aof_last_write_status"] != "ok")
    except redis.RedisError:
        return False


def _met(world: World) -> int:
    """How often PostgreSQL met a full disk, by its log."""
    return world.postgres.log.read_text(errors="replace").count("No space left")


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    """Whether a server ends by itself within some seconds."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(5)
    return process.poll() is not None


# ---- what is in hand -------------------------------------------------------------------------------


def claimed(world: World) -> int:
    """Entries that pollers have in hand."""
    client = world.product.redis()
    return sum(int(client.xpending(key, "pollers")["pending"]) for key in client.keys("*:out:*"))


def caught(world: World) -> tuple[list[Any], dict[str, bytes]]:
    """Stop the only worker program at a moment when it has something in hand; its processes, and what it holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        processes = world.of("worker")
        hit(processes, signal.SIGSTOP)
        time.sleep(0.05)  # what is on its way to Redis arrives
        held = world.product.holding()
        if held:
            return processes, held
        hit(processes, signal.SIGCONT)
        time.sleep(0.05)
    raise RuntimeError("the worker was never stopped with work in hand")
