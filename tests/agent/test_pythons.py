"""The one file runs on a plain Python, from 3.9 to the newest that is here: nothing installed, nothing else needed."""

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from apps.whisperers import zipapp
from tests.agent.server import READ, SEARCH, TOKEN, Server
from tests.agent.test_file import FRAMES, SENT, packets
from tests.captures import pcap

OLDEST, NEWEST = 9, 20


def _works(python: Path | str, minor: int) -> bool:
    """Whether it is that Python: a shim of pyenv may stand for none."""
    command = [str(python), "-I", "-c", f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def pythons() -> dict[int, str]:
    """The interpreters of this host, by the second number of their version."""
    pyenv = shutil.which("pyenv")
    roots = []
    if pyenv:
        said = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False).stdout.strip()
        roots = sorted(Path(said, "versions").glob("3.*/bin"), reverse=True)
    found = {}
    for minor in range(OLDEST, NEWEST):
        places = [*(root / f"python3.{minor}" for root in roots), f"/usr/bin/python3.{minor}"]
        on_path = shutil.which(f"python3.{minor}")
        for place in [*places, *([on_path] if on_path else [])]:
            if Path(place).exists() and _works(place, minor):
                found[minor] = str(place)
                break
    return found


FOUND = pythons()
TRIED = sorted({OLDEST, max(FOUND, default=OLDEST)})


@pytest.fixture(params=TRIED, ids=lambda minor: f"3.{minor}")
def python(request: pytest.FixtureRequest) -> str:
    if request.param not in FOUND:
        pytest.skip(f"there is no Python 3.{request.param} here")
    return FOUND[request.param]


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    path = tmp_path / "spider-agent.pyz"
    path.write_bytes(zipapp.build()[0])
    return path


def test_a_file_is_sent(server: Server, python: str, agent: Path, tmp_path: Path) -> None:
    capture = tmp_path / "some.pcap"
    capture.write_bytes(pcap(FRAMES, 1))
    command = [python, "-I", agent, "--server", server.url, "--token", TOKEN, "--file", capture]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(SEARCH)
    assert packets(server.only()) == SENT


def test_the_service_works(server: Server, python: str, agent: Path, tmp_path: Path) -> None:
    capture, config = tmp_path / "some.pcap", tmp_path / "agent.json"
    capture.write_bytes(pcap(FRAMES, 1))
    config.write_text(json.dumps({
        "server": server.url, "instance": "i", "whisperer": "w", "name": "h", "mode": "FILE",
        "upload_key": TOKEN, "read_key": READ,
    }))  # fmt: skip
    server.configure(mode="FILE", file=str(capture), spool=100 << 20)
    command = [python, "-I", agent, "run", "--config", config, "--spool", tmp_path / "spool", "--user", "root"]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    deadline = time.monotonic() + 30
    while "read to its end" not in server.said()["reason"] or not server.ended:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert "Traceback" not in process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert packets(server.only()) == SENT
