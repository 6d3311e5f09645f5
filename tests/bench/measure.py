"""Run a command on one core and say what it cost: time, processor time, peak memory."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took. `cpu` counts user and system time, `memory` is its peak in bytes."""

    seconds: float
    cpu: float
    memory: int


def run(command: Sequence[str | Path], output: Path | None = None) -> Cost:
    """Run pinned to the first core that this process may use; RuntimeError when it fails."""
    core = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else -1
    heard, told = os.pipe()
    with (output or Path(os.devnull)).open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", _MEASURE, str(core), str(told), *map(str, command)],
            stdout=out,
            stderr=subprocess.PIPE,
            pass_fds=[told],
        )
    os.close(told)
    _, errors = process.communicate()
    with open(heard, encoding="ascii") as report:
        figures = report.read().split()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {errors[-2000:].decode(errors='replace')}")
    seconds, cpu, memory = figures
    return Cost(float(seconds), float(cpu), int(memory) * (1 if sys.platform == "darwin" else 1024))


#: A small process pins itself, runs the command and tells its cost: the peak of a process begins with that of the one
#: that started it, and ours may be large.
_MEASURE = """
import os, subprocess, sys, time
core, told = int(sys.argv[1]), int(sys.argv[2])
if core >= 0:
    os.sched_setaffinity(0, {core})
begun = time.perf_counter()
process = subprocess.Popen(sys.argv[3:])
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - begun
os.write(told, f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}".encode())
os._exit(os.waitstatus_to_exitcode(status) & 255)
"""
