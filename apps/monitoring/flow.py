"""The picture of the packets' way: columns of accounts, and bands between them as thick as their share. Pure.

Every account gets a thickness that can be seen, however small it is; the numbers beside it are exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from apps.monitoring import explanations
from documents.counters import CAPTURED, PAYLOAD, UPLOADED, Balance

#: The drawing's size, where columns stand, and how wide a block is.
WIDTH, HEIGHT, TOP, BLOCK = 1360, 250, 16, 9
COLUMNS: Final = (130, 430, 760, 1090)
#: Heights: of all that was captured, the least that is seen, and what an account needs for its two lines of words.
FULL, LEAST, LINE = 150.0, 2.0, 31.0


@dataclass(frozen=True, slots=True)
class Node:
    """A block with its words beside it."""

    x: int
    y: float
    height: float
    kind: str
    title: str
    count: int
    share: float
    unit: str
    name: str

    @property
    def text_y(self) -> float:
        """Where its words begin: beside its middle where it is high, else beside its top."""
        return max(self.y + self.height / 2 - 4, self.y + 9)


@dataclass(frozen=True, slots=True)
class Band:
    """What flows from one block into another."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The whole drawing."""

    nodes: list[Node]
    bands: list[Band]
    height: float


def flow(balances: Mapping[str, Balance], *, sound: bool = True) -> Flow | None:
    """The drawing of sums; None where nothing was captured. `sound`: what is in no account waits, it is not missing."""
    captured = balances[CAPTURED.name]
    if captured.whole <= 0:
        return None
    made = _Drawing(captured.whole)
    first = made.node(0, "packets.captured", captured.whole, TOP, FULL)
    lost = _grouped(captured.parts)
    uploaded = made.column(1, first, lost)[0]
    parts = {**balances[UPLOADED.name].parts, "waiting" if sound else "missing": balances[UPLOADED.name].rest}
    session = made.column(2, uploaded, parts)[0]
    payload = balances[PAYLOAD.name]
    if payload.whole > 0:
        skipped = payload.accounted - payload.parts["payload.parsed"]
        made.column(
            3, session, {"payload.parsed": payload.parts["payload.parsed"], "payload.skipped": skipped}, "bytes"
        )
    return Flow(made.nodes, made.bands, max(HEIGHT, *(one.y + LINE for one in made.nodes)))


def _grouped(parts: Mapping[str, int]) -> dict[str, int]:
    """What was captured, with all that was dropped as one."""
    dropped = sum(count for name, count in parts.items() if name.startswith("packets.dropped."))
    whole = {name: count for name, count in parts.items() if not name.startswith("packets.dropped.")}
    return whole | {"packets.dropped": dropped}


_TITLES: Final = {
    "packets.dropped": ("Dropped", "bad"),
    "waiting": ("Waiting", "wait"),
    "missing": ("In no account", "bad"),
    "payload.parsed": ("Payload parsed", "ok"),
    "payload.skipped": ("Skipped with a reason", "info"),
}


class _Drawing:
    def __init__(self, whole: int) -> None:
        self.whole = whole
        self.nodes: list[Node] = []
        self.bands: list[Band] = []

    def node(
        self, column: int, name: str, count: int, y: float, height: float, unit: str = "packets", of: int = 0
    ) -> Node:
        account = explanations.ACCOUNTS.get(name)
        title, kind = _TITLES.get(name) or (account.title, account.kind) if account else _TITLES[name]
        share = 100 * count / (of or self.whole)
        made = Node(COLUMNS[column], y, height, kind, title, count, share, unit, name)
        self.nodes.append(made)
        return made

    def column(self, column: int, source: Node, parts: Mapping[str, int], unit: str = "packets") -> list[Node]:
        """The accounts that a block flows into: the first always, others where there is something in them."""
        names = list(parts)
        shown = [name for name in names if name == names[0] or parts[name] > 0]
        whole = sum(max(parts[name], 0) for name in shown) or 1
        heights = _heights([max(parts[name], 0) / whole for name in shown], source.height)
        y, at, made = float(TOP), source.y, []
        for name, height in zip(shown, heights, strict=True):
            one = self.node(column, name, parts[name], y, height, unit, whole if unit == "bytes" else 0)
            made.append(one)
            self.bands.append(Band(_band(source, at, one), one.kind))
            at += height
            y += max(height, LINE) + 6
        return made


def _heights(shares: Sequence[float], full: float) -> list[float]:
    """Shares of a height, small ones lifted to what can be seen; the first gives what that takes."""
    heights = [max(share * full, LEAST) for share in shares]
    heights[0] = max(heights[0] - (sum(heights) - full), LEAST)
    return heights


def _band(source: Node, at: float, target: Node) -> str:
    left, right = source.x + BLOCK, target.x
    middle = (left + right) / 2
    a, b, c, d = at, target.y, target.y + target.height, at + target.height
    return (
        f"M{left} {a:.1f}C{middle} {a:.1f} {middle} {b:.1f} {right} {b:.1f}V{c:.1f}"
        f"C{middle} {c:.1f} {middle} {d:.1f} {left} {d:.1f}z"
    )
