"""Short commands inside a start: run to their end, unless the person presses Ctrl-C meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading

from spider_site import places
from spider_site.run.console import StartError


class Stopped(Exception):
    """The start was stopped before it was done."""


def run(arguments: list[str], stop: threading.Event, **more: str) -> str:
    """Run Python with these arguments, and `more` in its environment, and return what it printed.

    StartError with the end of its output when it fails. It has a session of its own, so that Ctrl-C reaches us alone.
    """
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=places.BASE,
            env={**os.environ, **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        while process.poll() is None:
            if stop.wait(0.05):
                process.terminate()
                process.wait()
                raise Stopped
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise StartError(f"{' '.join(arguments[:2])} failed:\n{said[-4000:]}")
    return said
