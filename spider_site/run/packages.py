"""System packages that the tests need: looked for, and installed through apt where that may be done.

Where it may not, the one command that installs them is printed and the run fails: no test is skipped silently.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

from spider_site.environment import text
from spider_site.run.console import say
from spider_site.run.elasticsearch import has_java

#: The same Chromium without windows of its own: tests take a third less time in it. Not every distribution has it.
HEADLESS = "chromium-headless-shell"


def _has_libpcap() -> bool:
    try:
        ctypes.CDLL("libpcap.so.0.8")
    except OSError:
        return False
    return True


def missing() -> list[str]:
    """Names of Debian packages for what is not installed."""
    found = []
    if not text("SPIDER_TEST_ELASTICSEARCH_URL"):
        if not has_java(17):
            found.append(_first_known("openjdk-21-jre-headless", "openjdk-17-jre-headless", "default-jre-headless"))
        if shutil.which("mvn") is None:
            found.append("maven")
    if shutil.which(text("SPIDER_TEST_CHROMIUM") or "chromium") is None:
        found.append("chromium")
    if not text("SPIDER_TEST_CHROMIUM") and shutil.which(HEADLESS) is None and _is_known(HEADLESS):
        found.append(HEADLESS)
    if shutil.which("tshark") is None:
        found.append("tshark")
    if shutil.which("tcpdump") is None:
        found.append("tcpdump")
    if shutil.which("ip") is None:
        found.append("iproute2")
    if not _has_libpcap():
        found.append("libpcap0.8")
    return found


def _first_known(*names: str) -> str:
    """The first of these packages that apt can install; the last where there is no apt to ask."""
    return next((name for name in names if _is_known(name)), names[-1])


def _is_known(name: str) -> bool:
    """Whether apt can install this package."""
    if not shutil.which("apt-cache"):
        return False
    said = subprocess.run(["apt-cache", "show", name], capture_output=True, check=False)
    return bool(said.returncode == 0 and said.stdout)


def _prefix() -> list[str] | None:
    """What to put before apt-get: nothing as root, sudo where it asks no password, None where neither is."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    asks_nothing = ["sudo", "-n", "true"]
    if shutil.which("sudo") and subprocess.run(asks_nothing, capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n"]
    return None


def main() -> int:
    """Install what is missing; 1 with the command to type where that may not be done."""
    if not missing():
        return 0
    prefix = _prefix()
    if prefix is not None:
        say("Installing system packages that the tests need")
        # A machine that has just started may be updating itself: its lock is waited for.
        apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]
        subprocess.run([*apt, "update", "-q"], check=False)
        subprocess.run([*apt, "install", "-y", "-q", "--no-install-recommends", *missing()], check=False)
    if missing():
        command = f"sudo apt-get install -y {' '.join(missing())}"
        print(f"The tests need system packages. Install them with:\n\n  {command}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
