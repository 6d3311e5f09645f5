"""`make bench-agent`: what the agent costs beside `tcpdump -w`, on the same packets at the same rate.

A pair of interfaces in a namespace of their own; packets are sent into one, the agent and then tcpdump capture the
other. The agent sends what it captures, uncompressed, to a server that forgets it; tcpdump writes a file. Each has a
ring of the same size. Counted is the processor time of the program itself, user and system, from the first packet on:
what starting it takes is paid once.
"""

import argparse
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
RING = 32 << 20
#: Bytes of a packet, packets a second.
LOADS = ((74, 100_000), (1514, 50_000))
GOAL_TIMES, GOAL_MEMORY = 2.0, 100e6


@dataclass(frozen=True, slots=True)
class Result:
    """One program under one load. `cpu` in seconds, `memory` the peak in bytes (the ring's pages count)."""

    program: str
    size: int
    sent: int
    captured: int
    dropped: int
    cpu: float
    memory: int

    @property
    def per_gigabyte(self) -> float:
        return self.cpu / max(self.captured * self.size / 1e9, 1e-9)


def main() -> None:
    """Run all, print a table and whether the goals are met."""
    parser = argparse.ArgumentParser(description="The agent beside tcpdump.")
    parser.add_argument("--seconds", type=float, default=10, help="of each load (at most 60)")
    seconds = min(parser.parse_args().seconds, 60)
    missing = [name for name in ("ip", "tcpdump") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        sys.exit(f"this needs root, and the packages iproute2 and tcpdump (missing: {', '.join(missing) or 'root'})")
    heads = ("", "bytes", "sent", "captured", "dropped", "cpu s/GB", "cpu %", "memory MB")
    print("{:8} {:>5} {:>10} {:>10} {:>8} {:>9} {:>6} {:>9}".format(*heads))
    results = []
    for size, rate in LOADS:
        for measure in (run_tcpdump, run_agent):
            with namespace() as name:
                one = measure(name, size, rate, seconds)
            results.append(one)
            print(
                f"{one.program:8} {one.size:5} {one.sent:10,} {one.captured:10,} {one.dropped:8,}"
                f" {one.per_gigabyte:9.2f} {100 * one.cpu / seconds:6.1f} {one.memory / 1e6:9.0f}"
            )
    for other, ours in zip(results[::2], results[1::2], strict=True):
        times = ours.per_gigabyte / max(other.per_gigabyte, 1e-9)
        met = times <= GOAL_TIMES and not ours.dropped and ours.memory < GOAL_MEMORY
        words = "goal met" if met else "GOAL MISSED"
        print(f"{ours.size} bytes: {times:.2f} times tcpdump, {ours.dropped} dropped: {words}")


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace with the interfaces `from` and `to`, joined."""
    name = "spider-bench-" + secrets.token_hex(3)
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "add", "from", "type", "veth", "peer", "name", "to")
        for interface in ("lo", "from", "to"):
            _ip("-n", name, "link", "set", interface, "up")
        subprocess.run(  # nobody answers, so no packet but ours passes
            ["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"], check=False,
            capture_output=True,
        )  # fmt: skip
        time.sleep(0.5)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def _inside(name: str, *command: str) -> list[str]:
    return ["ip", "netns", "exec", name, *command]


def _send(name: str, size: int, rate: int, seconds: float) -> int:
    command = _inside(name, sys.executable, str(HERE / "send.py"), "from", str(size), str(rate), str(seconds))
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def run_tcpdump(name: str, size: int, rate: int, seconds: float) -> Result:
    """tcpdump into a file."""
    with tempfile.TemporaryDirectory(prefix="spider-bench-") as folder:
        command = _inside(
            name, "tcpdump", "-i", "to", "-n", "-B", str(RING >> 10), "-Z", "root", "-w", f"{folder}/packets.pcap"
        )
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        time.sleep(1.5)
        before = _cpu(process)
        sent = _send(name, size, rate, seconds)
        time.sleep(1)
        memory = _peak(process)
        process.send_signal(signal.SIGINT)
        cpu, said = _ended(process)
    captured, dropped = (_number(said, word) for word in ("captured", "dropped by kernel"))
    return Result("tcpdump", size, sent, captured, dropped, cpu - before, memory)


def run_agent(name: str, size: int, rate: int, seconds: float) -> Result:
    """The agent to a server that forgets."""
    sink = subprocess.Popen(_inside(name, sys.executable, str(HERE / "sink.py")), stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    port = int(sink.stdout.readline())
    command = _inside(
        name, sys.executable, "-m", "agent", "--server", f"http://127.0.0.1:{port}", "--token", "bench",
        "--interface", "to", "--compression", "none", "--ring", str(RING), "--quiet",
    )  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    time.sleep(1.5)
    before = _cpu(process)
    sent = _send(name, size, rate, seconds)
    time.sleep(1)
    memory = _peak(process)
    process.send_signal(signal.SIGINT)
    cpu, _ = _ended(process)
    sink.send_signal(signal.SIGTERM)
    captured, dropped = map(int, sink.communicate(timeout=30)[0].split())
    return Result("agent", size, sent, captured, dropped, cpu - before, memory)


def _cpu(process: "subprocess.Popen[str]") -> float:
    """Processor time that a program has taken so far."""
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def _peak(process: "subprocess.Popen[str]") -> int:
    """Peak of resident bytes. What wait4 says of it begins with the memory of the program that started this one."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0


def _ended(process: "subprocess.Popen[str]") -> tuple[float, str]:
    """Processor time and last words of a program that was told to end."""
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode not in (0, 130):
        raise RuntimeError(said[-2000:])
    return usage.ru_utime + usage.ru_stime, said


def _number(said: str, word: str) -> int:
    found = re.search(rf"(\d+) packets? {word}", said)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    main()
