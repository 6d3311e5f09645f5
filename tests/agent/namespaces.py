"""Network namespaces of the tests' own, each joined to this one by a pair of interfaces: hosts of their own for agents.

Addresses are 10.213.n.1 here and 10.213.n.2 there.
"""

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest


def possible() -> bool:
    """Whether namespaces can be made here."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = "spider-try-" + secrets.token_hex(3)
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    subprocess.run(["ip", "netns", "del", name], check=True)
    return True


needs_namespaces = pytest.mark.skipif(
    not possible(), reason="no network namespaces here: root, the command ip (package iproute2) or the right is missing"
)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Namespace:
    """One host; use as a context. `here` and `there` are the addresses of the pair, `inside` its interface there."""

    def __init__(self, word: str) -> None:
        mark = secrets.token_hex(2)
        self.name = f"spider-{word}-{mark}"
        self.outside, self.inside = f"sp{mark}o", f"sp{word}"[:15]
        number = secrets.randbelow(250) + 1
        self.net = f"10.213.{number}"
        self.here, self.there = f"{self.net}.1", f"{self.net}.2"
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self.outside, "type", "veth", "peer", "name", self.inside, "netns", self.name)
            _ip("addr", "add", f"{self.here}/24", "dev", self.outside)
            _ip("link", "set", self.outside, "up")
            _ip("-n", self.name, "addr", "add", f"{self.there}/24", "dev", self.inside)
            _ip("-n", self.name, "link", "set", self.inside, "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)

    def start(self, *command: str | Path, **more: Any) -> subprocess.Popen[str]:
        """A program on this host, ended with it at the latest."""
        given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, **more}
        process = subprocess.Popen(["ip", "netns", "exec", self.name, *map(str, command)], **given)
        self._started.append(process)
        return process

    def run(self, *command: str | Path, seconds: float = 60, **more: Any) -> str:
        """What a program on this host says; it must succeed."""
        process = self.start(*command, **more)
        out, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0, out
        return out or ""
