"""Packets that the product cannot digest: what it calls for them raises, or ends the worker (`DeathError`)."""

from typing import Any
from unittest.mock import patch

from wire import slices
from wire.rebuild import ChunkRef, Rebuilder
from wire.slices import Slice

_ALL = 1 << 60


def chunk(data: bytes, error: BaseException) -> Any:
    """Splitting this chunk fails."""
    real = slices.split

    def split(given: bytes, *more: Any, **named: Any) -> slices.Split:
        if given == data:
            raise error
        return real(given, *more, **named)

    return patch.object(slices, "split", split)


def rows(flows: set[bytes], number: int, error: BaseException) -> Any:
    """Rows of these flows in chunk `number` fail."""
    real = Rebuilder.advance

    def advance(
        self: Rebuilder, ref: ChunkRef, part: Slice, start: int = 0, max_rows: int = _ALL, max_bytes: int = _ALL
    ) -> int:
        names = {part.flows[one].key for one in part.row_flow[start : start + max_rows]}
        if ref.number == number and names & flows:
            raise error
        return real(self, ref, part, start, max_rows, max_bytes)

    return patch.object(Rebuilder, "advance", advance)


def end(flows: set[bytes], error: BaseException) -> Any:
    """Closing these flows at the end of the capture fails."""
    real = Rebuilder.close

    def close(self: Rebuilder, max_sessions: int = _ALL) -> bool:
        if flows & set(sorted(self._partition.lives)[:max_sessions]):
            raise error
        return real(self, max_sessions)

    return patch.object(Rebuilder, "close", close)
