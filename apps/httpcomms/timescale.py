"""Time on a drawing: moments (nanoseconds) to shares of its width, 0 to 1. Pure.

`linear` is true to time. `busy` cuts out stretches in which nothing ran: each is a gap of one fixed width, so that
calls of milliseconds can be read though minutes lie between them.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from apps.core.words import SECOND
from apps.httpcomms.ranges import interval

_STEPS = (1, 2, 5)
#: What a stretch without calls becomes: a share of the time in which there were some, all of them at most so much.
GAP, GAPS = 0.02, 0.3


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time, and where it lies on the drawing."""

    since: int
    until: int
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the axis: where it is, and how long after the beginning."""

    at: float
    after: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Moments to places. Between its pieces time was cut out."""

    pieces: tuple[Piece, ...]

    @property
    def since(self) -> int:
        return self.pieces[0].since

    @property
    def length(self) -> int:
        """Nanoseconds from the first to the last moment."""
        return self.pieces[-1].until - self.since

    @property
    def cuts(self) -> list[tuple[float, float, int]]:
        """What was cut out: where it begins and ends on the drawing, and its nanoseconds."""
        pairs = zip(self.pieces, self.pieces[1:], strict=False)
        return [(one.right, other.left, other.since - one.until) for one, other in pairs]

    def place(self, moment: int) -> float:
        """Where a moment lies; what is outside is moved to the edge."""
        at = max(bisect_right([piece.since for piece in self.pieces], moment) - 1, 0)
        piece = self.pieces[at]
        if moment > piece.until and at + 1 < len(self.pieces):  # inside of what was cut out
            after = self.pieces[at + 1]
            share = (moment - piece.until) / (after.since - piece.until)
            return piece.right + share * (after.left - piece.right)
        share = (moment - piece.since) / max(piece.until - piece.since, 1)
        return piece.left + min(max(share, 0.0), 1.0) * (piece.right - piece.left)

    def ticks(self, most: int = 6) -> list[Tick]:
        """Marks at round times after the beginning; where time was cut out, at the beginning of pieces."""
        if len(self.pieces) > 1:
            found: list[Tick] = []
            for piece in self.pieces:
                if not found or piece.left - found[-1].at >= 1 / most:
                    found.append(Tick(piece.left, piece.since - self.since))
            return found
        # Long times are read in minutes and hours.
        step = interval(self.length, most) if self.length > 10 * SECOND else _round_step(self.length, most)
        return [Tick(self.place(self.since + after), after) for after in range(0, self.length + 1, step)]


def linear(since: int, until: int) -> Scale:
    """True to time."""
    return Scale((Piece(since, max(until, since + 1), 0.0, 1.0),))


def busy(stretches: Iterable[tuple[int, int]]) -> Scale:
    """Only the time in which something ran, as the stretches say (at least one)."""
    pieces: list[list[int]] = []
    for since, until in sorted(stretches):
        if pieces and since <= pieces[-1][1]:
            pieces[-1][1] = max(pieces[-1][1], until)
        else:
            pieces.append([since, max(until, since + 1)])
    work = sum(until - since for since, until in pieces)
    pieces = _without_short_gaps(pieces, round(work * GAP))
    work = sum(until - since for since, until in pieces)
    count = len(pieces) - 1
    gap = min(GAP, GAPS / count) if count else 0.0
    width = 1 - gap * count
    made, left = [], 0.0
    for since, until in pieces:
        right = left + width * (until - since) / work
        made.append(Piece(since, until, left, min(right, 1.0)))
        left = right + gap
    return Scale(tuple(made))


def _without_short_gaps(pieces: list[list[int]], shortest: int) -> list[list[int]]:
    """A gap that is drawn wider than it is would be no use."""
    kept = [pieces[0]]
    for since, until in pieces[1:]:
        if since - kept[-1][1] <= shortest:
            kept[-1][1] = until
        else:
            kept.append([since, until])
    return kept


def _round_step(length: int, most: int) -> int:
    """1, 2 or 5 times a power of ten nanoseconds, at most `most` of them in the length."""
    power = 1
    while True:
        for one in _STEPS:
            if length <= one * power * most:
                return one * power
        power *= 10
