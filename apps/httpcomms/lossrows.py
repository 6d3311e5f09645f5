"""Where losses stand among rows that are ordered by their date: between what came before and after. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from apps.core.words import SECOND

#: Losses are asked for with this much around a page, so that one that goes on beyond it is told as a whole.
AROUND: Final = 30 * 60 * SECOND
#: Losses told on one page; a page of rows is to be read.
MAX_LOSSES: Final = 50


class Loss(Protocol):
    """What the accounting says is missing between two moments (nanoseconds)."""

    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...


class Dated(Protocol):
    """A row: `at` is its date in nanoseconds."""

    @property
    def at(self) -> int: ...


L = TypeVar("L", bound=Loss)
R = TypeVar("R", bound=Dated)


@dataclass(frozen=True, slots=True)
class Window:
    """What a page of rows covers, newest first or not: from where the page before ended to where this one does. None
    where the result has no end in that direction."""

    begin: int | None
    end: int | None
    down: bool

    @property
    def low(self) -> int | None:
        return self.end if self.down else self.begin

    @property
    def high(self) -> int | None:
        return self.begin if self.down else self.end


def place(rows: Sequence[R], losses: Sequence[L], window: Window) -> list[tuple[list[L], R | None]]:
    """Rows with the losses that come before each; None in the row's place for those after the last.

    A loss stands at the moment that one meets first: its end where the newest come first, else its beginning.
    """
    moment = _moment(window.down)
    here = [one for one in losses if _within(moment(one), window)]
    here.sort(key=moment, reverse=window.down)
    here = here[:MAX_LOSSES]
    lines: list[tuple[list[L], R | None]] = []
    for row in rows:
        before = [one for one in here if (moment(one) > row.at if window.down else moment(one) <= row.at)]
        here = here[len(before) :]
        lines.append((before, row))
    return [*lines, (here, None)] if here else lines


def _moment(down: bool) -> Callable[[Loss], int]:
    return (lambda one: one.last) if down else (lambda one: one.first)


def _within(at: int, window: Window) -> bool:
    """Whether a moment belongs to this page and to no other."""
    low, high = window.low, window.high
    return (low is None or at > low) and (high is None or at <= high)
