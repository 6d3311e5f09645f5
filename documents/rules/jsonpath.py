"""The part of JSONPath (RFC 9535) that leads to values: `$.a.b[0].c`, `["a b"]`, `[*]`.

No filters, no descent (`..`), no slices. What is found are scalars, as text; the look ends after a bounded number of
steps, whatever the document holds.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from documents.masking import plain_key
from documents.rules.errors import RuleError, shown, text

#: Steps of a path, and characters of it.
STEPS = 16
LENGTH = 200
#: Values looked at for one tag: a path with several [*] could ask for any number.
LOOKS = 1_000

#: A key, the place in a list, or None for every entry.
Step = str | int | None

_STEP = re.compile(r"""\.([^\s.\[\]'"*]+)|\[(\d{1,6})\]|\[(\*)\]|\["([^"\\]+)"\]|\['([^'\\]+)'\]""")


def compile_path(field: str, value: Any) -> tuple[Step, ...]:
    """The steps of a path. Raises RuleError."""
    path = text(field, value, LENGTH).strip()
    steps: list[Step] = []
    at = 1
    while at < len(path) and path.startswith("$"):
        found = _STEP.match(path, at)
        if found is None:
            break
        key, place, every, double, single = found.groups()
        steps.append(int(place) if place else None if every else key or double or single)
        at = found.end()
    if at != len(path) or not steps or len(steps) > STEPS:
        fix = f'Write one like $.order.lines[0].id, [*] for every entry, ["a b"] for odd names, up to {STEPS} steps.'
        raise RuleError(field, value, f"{shown(value)} is no path that can be followed.", fix)
    return tuple(steps)


def follow(
    value: Any, steps: tuple[Step, ...], most: int, keys: frozenset[str], mask: Callable[[str], str]
) -> list[str]:
    """The scalars at the end of a path, at most `most`; those of masked keys (`keys`, as `plain_key` writes them)
    masked."""
    found: list[str] = []
    waiting: list[tuple[Any, int, bool]] = [(value, 0, False)]
    looks = 0
    while waiting and looks < LOOKS and len(found) < most:
        looks += 1
        value, at, secret = waiting.pop()
        if at == len(steps):
            if value is not None and not isinstance(value, dict | list):
                said = value if isinstance(value, str) else orjson.dumps(value).decode()
                found.append(mask(said) if secret else said)
            continue
        step = steps[at]
        if isinstance(step, str):
            # Of a masked key the whole value goes: what lies deeper is not there any more.
            if isinstance(value, dict) and step in value and not secret:
                waiting.append((value[step], at + 1, bool(keys) and plain_key(step) in keys))
        elif isinstance(value, list) and not secret:
            chosen = value[:LOOKS] if step is None else value[step : step + 1]
            waiting += [(one, at + 1, False) for one in reversed(chosen)]
    return found
