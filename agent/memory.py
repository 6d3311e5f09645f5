"""The open capture, in a file: an agent that is started after one that died names it, so that it ends at once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

#: Ids as the agent makes them; whatever else is in the file is no capture of ours.
CAPTURE = "[0-9a-f]{24}"


class Memory:
    """One capture id in the file `path`; without a path, nothing. Of a file that cannot be used is told, no more."""

    def __init__(self, path: str, say: Callable[[str], None]) -> None:
        self._path, self._say = path, say
        self._kept = ""

    def read(self) -> str:
        """The capture that the run before left open, "" when there was none."""
        if not self._path:
            return ""
        try:
            with open(self._path, encoding="ascii") as file:
                found = file.read(100).strip()
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            self._say(f"{self._path} cannot be read: {error}")
            return ""
        return found if re.fullmatch(CAPTURE, found) else ""

    def keep(self, capture: str) -> None:
        """From now on `capture` is the open one; "" when there is none."""
        if not self._path or capture == self._kept:
            return
        self._kept = capture
        young = self._path + ".new"
        try:
            with open(young, "w", encoding="ascii") as file:
                file.write(capture + "\n")
            os.replace(young, self._path)
        except OSError as error:
            self._say(f"{self._path} cannot be written: {error}")
