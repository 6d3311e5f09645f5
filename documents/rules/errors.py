"""What rules can be wrong about, and how their plain values are read."""

from collections.abc import Mapping, Sequence
from typing import Any

#: Of a wrong value only so much is repeated.
SHOWN = 100


class RuleError(ValueError):
    """A value that cannot be used: which field ("templates[2].path"), its value, what is wrong, and what would do."""

    def __init__(self, field: str, value: Any, message: str, fix: str) -> None:
        super().__init__(f"{field}: {message} {fix}")
        self.field = field
        self.value = value
        self.message = message
        self.fix = fix


def flag(field: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise RuleError(field, value, f"{shown(value)} is neither true nor false.", "Say true or false.")
    return value


def whole(field: str, value: Any, most: int) -> int:
    """A whole number from 0 on."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise RuleError(field, value, f"{shown(value)} is no whole number from 0 to {most}.", "Say one.")
    return value


def text(field: str, value: Any, most: int) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise RuleError(field, value, f"{shown(value)} is no text.", "Write some text, or leave the field out.")
    if len(value) > most or "\x00" in value:
        fix = f"Use up to {most} characters."
        raise RuleError(field, value, f"{shown(value)} is too long or has a zero in it.", fix)
    return value


def items(field: str, value: Any, most: int) -> Sequence[Any]:
    """A list of at most `most` entries."""
    if not isinstance(value, list | tuple):
        raise RuleError(field, value, f"{shown(value)} is no list.", "Write a list, which may be empty.")
    if len(value) > most:
        raise RuleError(field, value, f"The list has {len(value)} entries.", f"Use up to {most}.")
    return value


def names(field: str, value: Any, most: int, length: int = 128) -> list[str]:
    """A list of different words, in lower case."""
    found = [text(f"{field}[{at}]", one, length).strip().lower() for at, one in enumerate(items(field, value, most))]
    return list(dict.fromkeys(found))


def parts(field: str, value: Any, known: Sequence[str]) -> Mapping[str, Any]:
    """An object with keys out of `known`; those without a value (None, empty text) are left out."""
    if not isinstance(value, Mapping):
        raise RuleError(field, value, f"{shown(value)} is no object.", f"Write one with {', '.join(known)}.")
    for name in value:
        if name not in known:
            raise RuleError(f"{field}.{name}", value[name], "There is no such part.", f"Use {', '.join(known)}.")
    return {name: one for name, one in value.items() if one is not None and one != ""}


def shown(value: Any) -> str:
    """A value in a message."""
    said = repr(value)
    return said if len(said) <= SHOWN else said[:SHOWN] + "…"
