"""Our own processes: started together, started again when one dies, and stopped in an order that loses nothing.

Stopping goes by stages, each waited for: first what brings new work (web, beat), then the workers, whose warm shutdown
ends the task in hand and releases what they hold, then the pollers. A signal goes to a program's first process alone: a
Celery worker's children would take it for their own end. Output goes to a log file each.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from spider_site.environment import number, text
from spider_site.places import BASE
from spider_site.run.console import say
from spider_site.run.records import Records, end

#: Pause before a program that died is started again; doubled while it goes on dying.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
#: One that ran this long had started well: its next pause is the first again.
RAN_WELL = 60.0
#: A log above this is set aside at the next start, one generation.
LOG_BYTES = 10 << 20


#: Pages and ingest go first when the workers have all they can do: CPU time that nobody wants is theirs all the same.
BEHIND = ["nice", "-n", "5"]


@dataclass
class Program:
    """One of our processes: its command, and the stage (from 0) in which it stops."""

    name: str
    command: list[str]
    stage: int
    patience: float = 20.0
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    again_at: float = field(default=0.0)


def programs() -> list[Program]:
    """Everything that `make run` starts, from the environment's numbers."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "-A", "spider_site"]
    quiet = ["--loglevel", text("SPIDER_LOG_LEVEL")]
    worker = [*celery, "worker", "--without-gossip", "--without-mingle", *quiet]
    listen = f"{text('SPIDER_HOST')}:{number('SPIDER_PORT')}"
    web = [*python, "gunicorn", "spider_site.wsgi", "--bind", listen, "--worker-class", "gthread"]
    web += ["--workers", str(number("SPIDER_WEB_PROCESSES")), "--threads", str(number("SPIDER_WEB_THREADS"))]
    web += ["--timeout", "120", "--graceful-timeout", "10", "--keep-alive", "75", "--no-control-socket", "--preload"]
    cores = number("SPIDER_WORKERS") or os.cpu_count() or 1
    queues = "split,drain,upload,reprocess,maintenance"
    found = [
        Program("web", web, 0),
        Program("worker", [*BEHIND, *worker, "-Q", queues, "-c", str(cores), "-n", "work@%h"], 1, 30.0),
        Program("monitoring", [*worker, "-Q", "monitoring", "-c", "1", "-n", "monitoring@%h"], 1),
        Program("beat", [*celery, "beat", *quiet], 0),
    ]
    for count in range(1, number("SPIDER_POLLERS") + 1):
        # The same name after a death: what the dead one had claimed is its own, and not another's for a minute.
        name = f"{socket.gethostname()}-{number('SPIDER_PORT')}-{count}"
        found.append(Program(f"poller-{count}", [sys.executable, "manage.py", "poll", "--name", name], 2))
    if number("SPIDER_FLOWER_PORT"):
        found.append(Program("flower", [*python, "spider_site.flower"], 0))
    return found


class Supervisor:
    """Runs programs until it is told to stop."""

    def __init__(self, found: list[Program], records: Records, logs: Path) -> None:
        self.programs = found
        self.records = records
        self.logs = logs

    def start(self) -> None:
        """Start every program; returns at once."""
        self.logs.mkdir(parents=True, exist_ok=True)
        for program in self.programs:
            log = self._log(program)
            if log.exists() and log.stat().st_size > LOG_BYTES:
                log.replace(log.with_suffix(".old.log"))
            self._start(program)

    def watch(self) -> None:
        """Start again what died. To be called a few times a second."""
        now = time.monotonic()
        for program in self.programs:
            if program.process is None:
                if now >= program.again_at:
                    self._start(program)
            elif program.process.poll() is not None:
                self._note_death(program, now)

    def dead(self) -> list[Program]:
        """Programs that are not running now."""
        return [program for program in self.programs if program.process is None or program.process.poll() is not None]

    def stop(self) -> None:
        """Stop everything, stage by stage; what does not end in its time is killed, with its children."""
        for stage in sorted({program.stage for program in self.programs}):
            group = [program for program in self.programs if program.stage == stage and program.process]
            for program in group:
                self._signal(program, signal.SIGTERM)
            deadline = time.monotonic() + max((program.patience for program in group), default=0.0)
            for program in group:
                self._wait(program, deadline)

    def kill(self) -> None:
        """Kill everything at once: a second Ctrl-C."""
        for program in self.programs:
            self._signal(program, signal.SIGKILL)
            self._wait(program, 0.0)

    def _start(self, program: Program) -> None:
        environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "spider_site.settings", "PYTHONUNBUFFERED": "1"}
        with self._log(program).open("ab") as log:
            program.process = subprocess.Popen(
                program.command,
                cwd=BASE,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        program.started = time.monotonic()
        self.records.add(program.name, program.process.pid)

    def _note_death(self, program: Program, now: float) -> None:
        if program.process is None:
            return
        if now - program.started > RAN_WELL:
            program.pause = FIRST_PAUSE
        code = program.process.returncode
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        say(f"{program.name} {how}; started again in {program.pause:.0f} s ({self._log(program)})")
        self._wait(program, 0.0)  # its children, if any are left
        program.again_at = now + program.pause
        program.pause = min(program.pause * 2, LONGEST_PAUSE)

    def _signal(self, program: Program, number_: signal.Signals) -> None:
        if program.process is not None and program.process.poll() is None:
            program.process.send_signal(number_)

    def _wait(self, program: Program, deadline: float) -> None:
        """Wait for the program until `deadline`, then end what is left of its session, and forget it."""
        if program.process is None:
            return
        try:
            program.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{program.name} did not stop in time and was killed")
        started = self.records.read().get(program.name)
        if started is not None and started.pid == program.process.pid:
            end(started, first=signal.SIGKILL, patience=0.0)
        program.process.wait()
        self.records.remove(program.name)
        program.process = None

    def _log(self, program: Program) -> Path:
        return self.logs / f"{program.name}.log"
