"""What the names of a head's fields say of it, whatever their values: looked up once for each head."""

import msgspec

from documents.rules import ParsingRules

# Shapes that are remembered, and the most names of one: a few megabytes.
_SHAPES = 1024
_SHAPE_NAMES = 64


class Shape(msgspec.Struct, frozen=True, gc=False):
    """What the names of a head's fields say of it, whatever their values."""

    sensitive: bool  # some must be masked
    who: bool  # some tell of the client
    correlation: tuple[str, ...]  # those that link communications


class Shapes(dict[tuple[str, ...], Shape]):
    """Names of a head → its shape, which fills itself. One look-up takes half the time of asking for each name that
    matters, and clients repeat themselves: a capture has as many shapes as it has programs."""

    def __init__(self, sensitive: frozenset[str], rules: ParsingRules) -> None:
        self._sensitive, self._who, self._correlation = sensitive, rules.who, rules.correlation

    def __missing__(self, names: tuple[str, ...]) -> Shape:
        shape = Shape(
            sensitive=not self._sensitive.isdisjoint(names),
            who=not self._who.isdisjoint(names),
            correlation=tuple(name for name in self._correlation if name in names),
        )
        if len(names) <= _SHAPE_NAMES:
            if len(self) >= _SHAPES:
                self.clear()
            self[names] = shape
        return shape
