"""What a run has started, kept in the data folder: a killed run's processes are found again by it.

A process is recorded with its start time, because numbers are used again. Each leads a session of its own, and the
kernel gives no number to a new process while a session of that number has members: so a dead leader's children are
still ours, and a living leader with another start time is somebody else's.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import psutil

from spider_site.run.console import StartError


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started: its name in the run, its number, and when it began (seconds since the epoch)."""

    name: str
    pid: int
    since: float

    def leader(self) -> psutil.Process | None:
        """The process itself while it runs."""
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.since) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if alive else None

    def members(self) -> list[psutil.Process]:
        """Every living process of its session, itself included; empty when the number is now somebody else's."""
        if self.leader() is None and psutil.pid_exists(self.pid) and not self._is_zombie():
            return []
        found = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return found

    def _is_zombie(self) -> bool:
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False


class Records:
    """The recorded processes of one data folder, and the lock that keeps two runs from sharing it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "processes.json"
        self._lock: TextIO | None = None

    def lock(self) -> None:
        """Hold the folder for this run; StartError when another run has it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = (self.folder / "lock").open("a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartError(
                f"Spider already runs on {self.folder} (process {lock.read().strip()}). "
                "Stop it, or set SPIDER_DATA and other ports for a second copy."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def read(self) -> dict[str, Started]:
        """What is recorded, by name; a file that a crash left unreadable counts as empty."""
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return {row["name"]: Started(**row) for row in rows}

    def add(self, name: str, pid: int) -> Started:
        """Record the process `pid` under `name`, in place of an earlier one."""
        started = Started(name, pid, psutil.Process(pid).create_time())
        self._write({**self.read(), name: started})
        return started

    def remove(self, name: str) -> None:
        """Forget `name`."""
        self._write({key: started for key, started in self.read().items() if key != name})

    def _write(self, rows: dict[str, Started]) -> None:
        aside = self.path.with_suffix(".new")
        text = json.dumps([{"name": row.name, "pid": row.pid, "since": row.since} for row in rows.values()])
        aside.write_text(text, encoding="utf-8")
        aside.replace(self.path)


def end(started: Started, *, first: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """Ask the leader to stop, wait `patience` seconds for its whole session, then kill what is left."""
    leader = started.leader()
    if leader is not None:
        leader.send_signal(first)
    deadline = time.monotonic() + patience
    while started.members() and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in started.members():
        process.kill()
