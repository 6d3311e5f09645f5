"""Waiting for what a busy machine does in its own time."""

import time
from collections.abc import Callable
from typing import Any

#: Seconds that nothing needs, however busy the machine is.
PATIENCE = 60.0


def until(what: str, done: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait for something to become true; its value. What it took is printed, not judged."""
    begun = time.monotonic()
    while not (value := done()):
        assert time.monotonic() - begun < seconds, f"{what} did not happen in {seconds} s"
        time.sleep(0.05)
    print(f"{what}: after {time.monotonic() - begun:.1f} s")
    return value
