"""The conformance table: for each origin its captures, exchanges expected and found, bodies equal."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conformance import compare
from tests.conformance.compare import Result
from tests.conformance.corpus import captures
from tests.conformance.explained import EXPLAINED

COMPARISONS: dict[str, Callable[[Path], Result]] = {
    "har": compare.with_har,
    "zeek-http": compare.with_zeek,
    "packetbeat": compare.with_tshark,
    "arkime": compare.with_arkime,
    "wireshark": compare.with_tshark,
    "zeek-websocket": compare.with_tshark,
}

#: A zero-byte file: an error, not a capture (see `test_an_empty_file_is_an_error`).
EMPTY = "har/empty.pcap"


def named(file: Path) -> str:
    """A capture as the explanations call it."""
    return f"{file.parent.name}/{file.name}"


def files(folder: str) -> list[Path]:
    """The captures of an origin that can be read."""
    return [file for file in captures(folder) if named(file) != EMPTY]


@dataclass(slots=True)
class Row:
    """One origin."""

    folder: str
    results: list[Result]

    @property
    def unexplained(self) -> list[str]:
        """Differences without a reason."""
        return [
            f"{named(result.file)}: {line}"
            for result in self.results
            for line in result.differences
            if line not in EXPLAINED.get(named(result.file), {})
        ]

    def __str__(self) -> str:
        wanted, found = sum(one.expected for one in self.results), sum(one.found for one in self.results)
        bodies, equal = sum(one.bodies for one in self.results), sum(one.bodies_equal for one in self.results)
        differences = sum(len(one.differences) for one in self.results)
        same = f"{equal} of {bodies}" if bodies else "-"
        return f"{self.folder:16}{len(self.results):>9}{wanted:>10}{found:>7}{same:>14}{differences:>13}"


def rows() -> list[Row]:
    """Every origin compared."""
    return [Row(folder, [compared(file) for file in files(folder)]) for folder, compared in COMPARISONS.items()]


HEADING = f"{'origin':16}{'captures':>9}{'expected':>10}{'found':>7}{'bodies equal':>14}{'differences':>13}"
