"""How long the server is busy with each script of the chunk protocol, by its own clock, while a load runs.

Its SLOWLOG is told to keep every command and is emptied several times a second. A command counts with what it took to
run, without what it waited for; nothing else is answered meanwhile, so this is what one caller costs all others.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain
from math import ceil
from typing import Any

from store.redis import registry

#: p99 over all scripts, milliseconds.
GOAL = 20.0
#: Commands that the log holds between two looks.
ENTRIES = 100_000
#: The log keeps the beginning of a long argument, and says how much it left out.
KEPT = 128
_CUT = re.compile(rb"\.\.\. \((\d+) more bytes\)$")


@dataclass(slots=True)
class ScriptTimes:
    """Milliseconds of every call, by script."""

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    missed: int = 0  # commands that were logged and dropped before we looked
    _last: int = -1

    def begin(self, client: Any) -> None:
        """Tell the server to log every command."""
        client.config_set("slowlog-max-len", ENTRIES)
        client.config_set("slowlog-log-slower-than", 0)
        client.slowlog_reset()

    def look(self, client: Any) -> None:
        """Read the log and empty it, in one step."""
        pipe = client.pipeline(transaction=True)
        pipe.execute_command("SLOWLOG", "GET", -1)
        pipe.execute_command("SLOWLOG", "RESET")
        entries, _ = pipe.execute()
        for number, _, microseconds, command, *_ in reversed(entries):
            self.missed += number - self._last - 1 if self._last >= 0 else 0
            self._last = number
            name = script_of(command)
            if name is not None:
                self.times[name].append(microseconds / 1000)

    def show(self) -> None:
        """Print calls, p50, p99 and the longest of each script."""
        rows = sorted(self.times.items(), key=lambda item: -percentile(item[1], 99))
        everything = list(chain.from_iterable(self.times.values()))
        print(f"  {'script, ms in the server':<24} {'calls':>8} {'p50':>8} {'p99':>8} {'most':>8}")
        for name, times in [*rows, ("all", everything)]:
            p50, p99 = percentile(times, 50), percentile(times, 99)
            print(f"  {name:<24} {len(times):>8,} {p50:>8.2f} {p99:>8.2f} {max(times, default=0):>8.2f}")
        reached = "reached" if percentile(everything, 99) < GOAL else "NOT reached"
        print(f"  goal p99 below {GOAL:.0f} ms: {reached}; {self.missed} commands were not seen")


def script_of(command: list[bytes]) -> str | None:
    """The script that a logged command ran: by its SHA, or, where it was sent as text, by the length of that."""
    if command[0] == b"EVALSHA":
        return _BY_DIGEST.get(command[1])
    cut = _CUT.search(command[1]) if command[0] == b"EVAL" else None
    return _BY_LENGTH.get(KEPT + int(cut[1])) if cut else None


def percentile(times: list[float], share: int) -> float:
    """Of so many per cent of the times none is longer; 0 without any."""
    return sorted(times)[ceil(len(times) * share / 100) - 1] if times else 0.0


_BY_DIGEST = {digest.encode(): name for name, digest in registry.digests().items()}
_BY_LENGTH = {len(text): name for name, text in registry.texts().items()}
