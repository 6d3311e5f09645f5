"""The whole product as a person starts it, in a folder and on ports of its own: `python -m spider_site.run start`."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psutil
import redis

from spider_site.run.servers import free_port
from store.documents import DocumentStore, open_store

ROOT = Path(__file__).parents[2]
START_SECONDS = 180


class Stack:
    """Servers, web, workers, pollers and beat, running until the `with` ends."""

    def __init__(self, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="spider-stack-")
        self.data = Path(self._folder.name)
        self.data.chmod(0o711)  # the servers run as another user when we are root
        self.port = free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SPIDER_")}
        for name in ("SPIDER_CACHE", "SPIDER_JAVA_HOME"):
            if name in os.environ:
                kept[name] = os.environ[name]
        self.environment = kept | {
            "SPIDER_DATA": str(self.data),
            "SPIDER_PORT": str(self.port),
            "SPIDER_POSTGRES_PORT": str(free_port()),
            "SPIDER_REDIS_PORT": str(free_port()),
            "SPIDER_FLOWER_PORT": "0",
            "SPIDER_SAMPLE": "no",
            "SPIDER_STORE_FREE": "0",
            "DJANGO_SETTINGS_MODULE": "spider_site.settings",
            **environment,
        }
        self.output = ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def start(self) -> None:
        """Start everything, on what an earlier start left; returns when the site is there."""
        log = (self.data / "start.log").open("wb")
        command = [sys.executable, "-m", "spider_site.run", "start"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        log.close()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while "Password:" not in self.said():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the start failed:\n{self.said()}\n{self.logs()}")
            time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self._folder.cleanup()

    def stop(self) -> None:
        """What Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def said(self) -> str:
        """What the start printed so far."""
        return (self.data / "start.log").read_text(errors="replace")

    def logs(self, lines: int = 15) -> str:
        """The ends of all logs."""
        parts = []
        for path in sorted((self.data / "logs").glob("*.log")):
            end = "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
            parts.append(f"--- {path.name}\n{end}")
        return "\n".join(parts)

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def secret(self, name: str) -> str:
        """A secret that the start keeps in its folder."""
        return (self.data / name).read_text().strip()

    def manage(self, *arguments: str) -> str:
        """Run a management command."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def token(self, name: str, mode: str = "FILE", policy: str = "default") -> str:
        """The token of a whisperer, which is made when it is first asked for."""
        path = self.data / f"token-{name}"
        self.manage("create_whisperer", name, "--mode", mode, "--policy", policy, "--token-file", str(path))
        return path.read_text().strip()

    def agent(self, *arguments: str) -> subprocess.Popen[str]:
        """Start an agent."""
        command = [sys.executable, "-m", "agent", "--server", self.site, *arguments]
        return subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @property
    def database_url(self) -> str:
        password = quote(self.secret("postgres-password"))
        return f"postgresql://spider:{password}@127.0.0.1:{self.environment['SPIDER_POSTGRES_PORT']}/spider"

    def documents(self) -> DocumentStore:
        """The document store that the stack writes to."""
        return open_store(self.environment.get("SPIDER_ELASTICSEARCH_URL") or self.database_url)

    def redis(self) -> "redis.Redis":
        """The Redis of chunks, partitions and outbox."""
        password, port = quote(self.secret("redis-password")), self.environment["SPIDER_REDIS_PORT"]
        return redis.Redis.from_url(f"redis://:{password}@127.0.0.1:{port}/0")

    def holding(self) -> dict[str, bytes]:
        """What workers hold now, by Redis's clock: partitions and their commit numbers, chunks and their records."""
        client = self.redis()
        seconds, _ = client.time()
        taken: dict[str, bytes] = {}
        for key in client.keys("*:c:*:p:*"):
            own, number, till = client.hmget(key, "own", "cn", "till")
            if own and int(till) > seconds * 1000:
                taken[key.decode()] = number
        for key in client.keys("*:c:*:chunks"):
            for number, record in client.hgetall(key).items():
                if record.startswith(b"a|") and record.split(b"|")[5]:
                    taken[f"{key.decode()} {number.decode()}"] = record
        return taken

    def still(self, name: str) -> bytes | None:
        """The same of one of them now; None when it is through."""
        key, _, number = name.partition(" ")
        value: bytes | None = self.redis().hget(key, number or "cn")
        return value

    def started(self) -> dict[str, psutil.Process]:
        """What the start runs, by name."""
        kept = json.loads((self.data / "processes.json").read_text())
        return {entry["name"]: psutil.Process(entry["pid"]) for entry in kept}

    def workers(self) -> list[psutil.Process]:
        """The worker processes that split and drain."""
        return self.started()["worker"].children()
