"""The whole of `make run`: servers, preparation, our own processes, the sample capture, and the way back.

Each step is shown while it runs. The servers start first and stop last; everything is recorded, so a start after a
killed run ends or adopts what that left behind.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from types import FrameType

from spider_site import places
from spider_site.environment import number, text
from spider_site.run import sample
from spider_site.run.commands import Stopped, run
from spider_site.run.console import StartError, say, step
from spider_site.run.prepare import FIRST_USER
from spider_site.run.records import Records, end
from spider_site.run.servers import Postgres, Server, Valkey
from spider_site.run.supervisor import Supervisor, programs

READY_SECONDS = 90.0
#: Addresses that a browser on this machine reaches as localhost.
EVERYWHERE = {"0.0.0.0", "127.0.0.1", "::"}  # noqa: S104 - compared with, not listened on


def main() -> None:
    """Run until Ctrl-C or SIGTERM; leaves nothing running that it started."""
    began = time.monotonic()
    folder = places.data_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o711)
    records = Records(folder)
    records.lock()
    stop = _stop_on_signals()
    servers = embedded_servers()
    say(f"Starting Spider in {folder}")
    end_leftovers(records, servers)
    check_web_port()
    with suppress(Stopped), _servers_running(servers, records, stop):
        kept_password = prepare(stop)
        supervisor = Supervisor(programs(), records, folder / "logs")
        try:
            supervisor.start()
            with step("web, workers, pollers, beat and Flower"):
                wait_for_web(supervisor, stop)
            link = sample.replay(address(), stop)
            say(_block(link, kept_password, time.monotonic() - began))
            _watch(supervisor, servers, stop)
        finally:
            _stop(supervisor)


def address() -> str:
    """Address of the site, as a browser on this machine says it."""
    host = text("SPIDER_HOST")
    return f"http://{'localhost' if host in EVERYWHERE else host}:{number('SPIDER_PORT')}"


def embedded_servers() -> list[Server]:
    """The servers that are ours to start: those the environment gives no address for, in starting order."""
    folder = places.data_folder()
    found: list[Server] = []
    if not text("SPIDER_DATABASE_URL"):
        password = places.kept_secret("postgres-password")
        found.append(Postgres(folder / "postgres", number("SPIDER_POSTGRES_PORT"), password))
    if not text("SPIDER_REDIS_URL"):
        found.append(Valkey(folder / "valkey", number("SPIDER_REDIS_PORT"), places.kept_secret("redis-password")))
    return found


@contextmanager
def _servers_running(servers: list[Server], records: Records, stop: threading.Event) -> Iterator[None]:
    try:
        left = records.read()
        for server in servers:
            earlier = left.get(server.name)
            if earlier is not None and server.adopt(earlier):
                say(f"  {server.name} of an earlier run goes on")
            else:
                with step(f"{server.name} on port {server.port}"):
                    records.add(server.name, server.start())
            if isinstance(server, Postgres):
                server.create_database()
            if stop.is_set():
                raise Stopped
        yield
    finally:
        for server in reversed(servers):
            with step(f"stopping {server.name}"):
                server.stop()
                records.remove(server.name)


def end_leftovers(records: Records, servers: list[Server]) -> None:
    """End our own processes of a run that was killed; the servers among them have been adopted."""
    kept = {server.name for server in servers}
    left = [started for started in records.read().values() if started.name not in kept]
    alive = [started for started in left if started.members()]
    if alive:
        with (
            step(f"ending {', '.join(started.name for started in alive)} of an earlier run"),
            ThreadPoolExecutor() as pool,
        ):
            list(pool.map(end, alive))
    for started in left:
        records.remove(started.name)


def prepare(stop: threading.Event) -> bool:
    """Migrations, static files and the first user; whether that user has the kept password."""
    with step("database, static files, first user"):
        said = run(["-m", "spider_site.run.prepare"], stop)
    found = json.loads(said.splitlines()[-1])
    if found["left"]:
        say(f"  {found['left']}")
    return bool(found["kept_password"])


def wait_for_web(supervisor: Supervisor, stop: threading.Event) -> None:
    """Wait until the login page answers; StartError with the end of the log when it does not."""
    deadline = time.monotonic() + READY_SECONDS
    log = supervisor.logs / "web.log"
    while not stop.is_set():
        try:
            with urllib.request.urlopen(f"{address()}/login/", timeout=10):
                return
        except (urllib.error.URLError, OSError) as error:
            broken = isinstance(error, urllib.error.HTTPError) and error.code >= 500
            if broken or time.monotonic() > deadline:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                raise StartError(f"the web server does not answer ({error}); the end of {log}:\n{tail}") from error
        supervisor.watch()
        time.sleep(0.1)
    raise Stopped


def check_web_port() -> None:
    """StartError when another program has the web server's port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", number("SPIDER_PORT"))) == 0:
            raise StartError(f"port {number('SPIDER_PORT')} is in use by another program; set SPIDER_PORT to another")


def _watch(supervisor: Supervisor, servers: list[Server], stop: threading.Event) -> None:
    while not stop.wait(0.5):
        supervisor.watch()
        for server in servers:
            if not server.alive():
                raise StartError(f"{server.name} has ended; its log is {server.log}")


def _stop(supervisor: Supervisor) -> None:
    """Stop our processes, decently; at a second Ctrl-C at once."""

    def at_once(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    say("")
    signal.signal(signal.SIGINT, at_once)
    try:
        with step("stopping web, workers and pollers (Ctrl-C again kills them)"):
            supervisor.stop()
    except KeyboardInterrupt:
        supervisor.kill()
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the servers' own stop is short and must not be cut


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def note(_: int, __: FrameType | None) -> None:
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, note)
    return stop


def _block(link: str, kept_password: bool, seconds: float) -> str:
    kept = places.kept_secret("password", 12)
    flower = number("SPIDER_FLOWER_PORT")
    flower_password = "SPIDER_FLOWER_PASSWORD" if text("SPIDER_FLOWER_PASSWORD") else kept
    rows = [
        ("Spider", f"{address()}  (started in {seconds:.0f} s)"),
        ("User", FIRST_USER if kept_password else "your own"),
        ("Password", kept if kept_password else "your own"),
        ("Sample", link),
        ("Flower", f"http://localhost:{flower}  (user {text('SPIDER_FLOWER_USER')}, password {flower_password})"),
        ("Logs", os.path.relpath(places.data_folder() / "logs")),
    ]
    if not flower:
        rows = [row for row in rows if row[0] != "Flower"]
    lines = [f"{name + ':':<10} {value}" for name, value in rows if value]
    lines.append("Ctrl-C stops everything; the data stay. make clean-data removes them.")
    rule = "─" * max(len(line) for line in lines)
    return "\n".join(["", rule, *lines, rule])
