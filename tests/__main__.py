"""`make test`: the whole suite in two halves at once, the tests in Chromium and all others. Arguments go to pytest.

Each half has servers, ports and folders of its own. One is shown as it runs, the other when it is through, and the last
line counts both as pytest counts one.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO

PYTEST = [sys.executable, "-m", "pytest", "-q", "--durations=25"]
#: Chromium gives up its requests when a network of the machine comes or goes, so tests that make some are in the half
#: of most tests in Chromium. They need no database, so pytest-django puts them behind those that do.
NETWORKS = ["tests/agent", "tests/flows/test_agents.py", "tests/bench/test_agent.py"]
#: What of Chromium the shorter half takes over: it needs a database, so it is through before any network is made.
SHIFTED = [f"tests/browser/test_{name}.py" for name in ("detail", "grid")]
FOLDERS = sorted(str(one) for one in Path("tests").iterdir() if one.is_dir() and one.name not in ("agent", "browser"))
HALVES = (
    [*FOLDERS, *(f"--ignore={path}" for path in NETWORKS), *SHIFTED],
    [*NETWORKS, "tests/browser", *(f"--ignore={path}" for path in SHIFTED)],
)
_COUNTS = re.compile(rb"(\d+) (\w+)(?:,|(?= in ))")


def main() -> int:
    """Run what is asked for, or everything; the exit status is 0 where all of it passed."""
    if len(sys.argv) > 1:
        return subprocess.run([*PYTEST, *sys.argv[1:]], check=False).returncode
    started = time.monotonic()
    with tempfile.TemporaryFile() as said:
        second = subprocess.Popen([*PYTEST, *HALVES[1]], stdout=said, stderr=subprocess.STDOUT)
        first = subprocess.Popen([*PYTEST, *HALVES[0]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            counts = _shown(first.stdout)
            first.wait()
            second.wait()
        finally:
            for one in (first, second):
                if one.poll() is None:
                    one.terminate()
                    one.wait()
        said.seek(0)
        counts += _shown(said)
    words = ", ".join(f"{number} {word}" for word, number in counts.items())
    print(f"{'=' * 20} {words} in {time.monotonic() - started:.2f}s {'=' * 20}")
    return first.returncode or second.returncode


def _shown(lines: IO[bytes] | None) -> Counter[str]:
    """Pass on what pytest says, and give what its last line counts."""
    assert lines is not None
    last = b""
    while piece := lines.read1(4096):  # type: ignore[attr-defined]
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        last = (last + piece)[-400:]
    return Counter({word.decode(): int(number) for number, word in _COUNTS.findall(last.rstrip().rsplit(b"\n", 1)[-1])})


if __name__ == "__main__":
    sys.exit(main())
