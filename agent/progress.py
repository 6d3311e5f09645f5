"""What the agent says on standard error while it works: events as they happen, a line of figures every few seconds."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

from agent.uploader import Uploader

EVERY_SECONDS = 5.0


class Progress:
    """Says lines, and figures of an uploader in its own thread until `close`."""

    def __init__(self, quiet: bool, out: TextIO | None = None) -> None:
        self._quiet, self._out = quiet, out or sys.stderr
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """A line that is worth reading even with --quiet."""
        print("spider agent: " + text, file=self._out, flush=True)

    def watch(self, uploader: Uploader) -> None:
        """Begin to tell figures."""
        if self._quiet:
            return
        self._thread = threading.Thread(target=self._figures, args=(uploader,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()

    def summary(self, uploader: Uploader) -> str:
        """What was sent so far."""
        seconds = max(time.monotonic() - self._began, 1e-3)
        rate = uploader.sent_bytes / seconds / 1e6
        packets, chunks = _counted(uploader.sent_packets, "packet"), _counted(uploader.sent_chunks, "chunk")
        text = f"{packets} in {chunks} sent, {rate:.1f} MB/s"
        if uploader.waiting:
            text += f", {uploader.waiting} waiting"
        if uploader.lost_packets:
            text += f", {_counted(uploader.lost_packets, 'packet')} dropped"
        return text

    def _figures(self, uploader: Uploader) -> None:
        before = ""
        while not self._over.wait(EVERY_SECONDS):
            text = self.summary(uploader)
            if text != before:
                self.say(text)
            before = text


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
