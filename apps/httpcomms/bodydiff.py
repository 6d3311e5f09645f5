"""Two bodies beside each other. Pure, and bounded: a hostile pair costs no more than a small one.

JSON is compared by its structure: paths with what each side has there, whatever the order of keys; the elements of a
list are matched where they are equal. Text, and JSON written out with its keys sorted, is compared line by line.
What is neither is told by its size and its hash.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice
from typing import Any, Final

from apps.httpcomms.comparing import EQUAL, Line, line, parts
from documents.storable import to_storable

#: Characters of a body that are compared: more is told, not looked at.
MAX_TEXT: Final = 512 * 1024
#: Lines that are matched on each side once what both begin and end with is set apart. Matching is quadratic at worst.
MAX_LINES: Final = 1_000
#: Characters of a line; a body may be a single one.
MAX_LINE: Final = 2_000
#: Paths that differ, and how deep the structure is followed.
MAX_CHANGES: Final = 300
MAX_DEPTH: Final = 60
#: Elements of lists that are matched by content; longer lists are compared place by place.
MAX_MATCHED: Final = 500
#: Equal lines shown around a difference.
AROUND: Final = 3
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Side:
    """A body as it is known: its figures, its text where it is text, or why there is none."""

    size: int | None
    sha256: str | None
    content_type: str
    text: str | None
    data: bytes | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of both bodies, side by side; None where one has none there. `kind` is same, changed, added, removed, or
    skip: `skipped` equal lines are not shown."""

    kind: str
    a: tuple[int, tuple[str, str, str]] | None = None
    b: tuple[int, tuple[str, str, str]] | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class BodyComparison:
    """What differs between two bodies: `kind` is none, same, json, text or binary; `cut` says what was not compared."""

    name: str
    words: str
    kind: str
    lines: Sequence[Line]
    pairs: Sequence[Pair] = ()
    cut: str = ""

    @property
    def differences(self) -> int:
        return sum(one.kind not in EQUAL for one in self.lines)

    @property
    def equal(self) -> int:
        return len(self.lines) - self.differences


def compare(name: str, words: str, a: Side | None, b: Side | None) -> BodyComparison:
    """Both bodies of one direction; None for a side that has none."""
    if a is None and b is None:
        return BodyComparison(name, words, "none", ())
    about = _about(a, b)
    if a is None or b is None:
        texts = [(one.text or "")[:MAX_TEXT] if one else "" for one in (a, b)]
        pairs, more = beside(*texts)
        return BodyComparison(name, words, "none", about, pairs, _told(more))
    if a.sha256 and a.sha256 == b.sha256:
        return BodyComparison(name, f"{words}, equal to the byte", "same", about)
    if a.text is None or b.text is None:
        return BodyComparison(name, words, "binary", [*about, *_first_difference(a, b)])
    return _texts(name, words, about, a.text, b.text)


def _about(a: Side | None, b: Side | None) -> list[Line]:
    made = [
        line("Content type", a.content_type or None if a else None, b.content_type or None if b else None),
        line("Decoded size", _bytes(a), _bytes(b)),
        line("SHA-256", a.sha256 if a else None, b.sha256 if b else None),
    ]
    if (a and a.why) or (b and b.why):
        made.append(line("Kept", (a.why or "yes") if a else None, (b.why or "yes") if b else None))
    return [one for one in made if one.a is not None or one.b is not None]


def _bytes(side: Side | None) -> str | None:
    return f"{side.size:,} bytes" if side and side.size is not None else None


def _first_difference(a: Side, b: Side) -> list[Line]:
    """Where two bodies that are no text part, with the bytes there."""
    if a.data is None or b.data is None:
        return []
    left, right = a.data, b.data
    short = min(len(left), len(right))
    at = next((n for n in range(0, short, 4096) if left[n : n + 4096] != right[n : n + 4096]), short)
    at = next((n for n in range(at, min(at + 4096, short)) if left[n] != right[n]), short)
    shown = [data[at : at + 16].hex(" ") or None for data in (left, right)]
    return [line(f"From byte {at:,}", *shown)]


def _texts(name: str, words: str, about: list[Line], a: str, b: str) -> BodyComparison:
    cut = []
    if len(a) > MAX_TEXT or len(b) > MAX_TEXT:
        cut.append(f"only the first {MAX_TEXT // 1024} K characters of each are compared")
        pairs, more = beside(a[:MAX_TEXT], b[:MAX_TEXT])
        return BodyComparison(name, words, "text", about, pairs, _told([*cut, *more]))
    left, right = _json(a), _json(b)
    if left is _ABSENT or right is _ABSENT:
        pairs, more = beside(a, b)
        return BodyComparison(name, words, "text", about, pairs, _told(more))
    found = list(islice(changes(left, right), MAX_CHANGES + 1))
    if len(found) > MAX_CHANGES:
        cut.append(f"the first {MAX_CHANGES} paths that differ are listed")
    pairs, more = beside(_pretty(left), _pretty(right))
    lines = [*about, *found[:MAX_CHANGES]]
    return BodyComparison(name, f"{words}, JSON, keys sorted", "json", lines, pairs, _told([*cut, *more]))


def _told(cut: list[str]) -> str:
    return "; ".join(cut)


def _json(text: str) -> Any:
    """The value that a text writes, `_ABSENT` where it writes none, or one too deep."""
    if text.lstrip()[:1] not in ("{", "["):
        return _ABSENT
    try:
        value = to_storable(json.loads(text), MAX_TEXT)  # without half characters, which no answer can hold
    except (ValueError, RecursionError):
        return _ABSENT
    return value if _depth_fits(value) else _ABSENT


def _depth_fits(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [each for one in level if isinstance(one, (dict, list)) for each in _children(one)]
        if not level:
            return True
    return False


def _children(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _short(value: Any) -> str | None:
    return None if value is _ABSENT else json.dumps(value, sort_keys=True, ensure_ascii=False)[: MAX_LINE + 1]


def changes(a: Any, b: Any, path: str = "$") -> Iterator[Line]:
    """The paths at which two values differ, with what each has there."""
    if type(a) is type(b) and isinstance(a, dict):
        for key in sorted({*a, *b}):
            yield from changes(a.get(key, _ABSENT), b.get(key, _ABSENT), _under(path, key))
    elif type(a) is type(b) and isinstance(a, list):
        for at, left, right in _matched(a, b):
            yield from changes(left, right, f"{path}[{at}]")
    elif type(a) is not type(b) or a != b:
        yield line(path, _short(a), _short(b))


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"


def _matched(a: list[Any], b: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Elements of two lists that do not match, with their place in the longer story: b's, or a's where b has none."""
    if len(a) > MAX_MATCHED or len(b) > MAX_MATCHED:
        for at in range(max(len(a), len(b))):
            yield at, a[at] if at < len(a) else _ABSENT, b[at] if at < len(b) else _ABSENT
        return
    left, right = ([json.dumps(one, sort_keys=True) for one in side] for side in (a, b))
    for what, a1, a2, b1, b2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        for n in range(max(a2 - a1, b2 - b1)):
            has_a, has_b = a1 + n < a2, b1 + n < b2
            at = b1 + n if has_b else a1 + n
            yield at, a[a1 + n] if has_a else _ABSENT, b[b1 + n] if has_b else _ABSENT


def beside(a: str, b: str) -> tuple[list[Pair], list[str]]:
    """Two texts line by line, equal stretches folded; and what was not matched, in words."""
    left, right = a.splitlines(), b.splitlines()
    head = _alike(left, right)
    tail = _alike(left[head:][::-1], right[head:][::-1])
    middle = left[head : len(left) - tail], right[head : len(right) - tail]
    cut = max(max(len(side) for side in middle) - MAX_LINES, 0)
    if cut:
        middle = middle[0][:MAX_LINES], middle[1][:MAX_LINES]
    pairs = [_same(left[n], n, n) for n in range(head)]
    pairs += _pairs(*middle, head)
    if not cut:
        starts = len(left) - tail, len(right) - tail
        pairs += [_same(left[starts[0] + n], starts[0] + n, starts[1] + n) for n in range(tail)]
    return _folded(pairs), [f"{cut:,} more lines were not matched"] if cut else []


def _alike(a: list[str], b: list[str]) -> int:
    return next((n for n, (one, two) in enumerate(zip(a, b, strict=False)) if one != two), min(len(a), len(b)))


def _pairs(a: list[str], b: list[str], start: int) -> Iterator[Pair]:
    for what, a1, a2, b1, b2 in SequenceMatcher(None, a, b).get_opcodes():
        for n in range(max(a2 - a1, b2 - b1)):
            left = a[a1 + n] if a1 + n < a2 else None
            right = b[b1 + n] if b1 + n < b2 else None
            if what == "equal" and left is not None:
                yield _same(left, start + a1 + n, start + b1 + n)
            else:
                yield _differing(left, right, start + a1 + n, start + b1 + n)


def _same(text: str, a: int, b: int) -> Pair:
    whole = (_cut(text), "", "")
    return Pair("same", (a + 1, whole), (b + 1, whole))


def _differing(left: str | None, right: str | None, a: int, b: int) -> Pair:
    if left is None:
        return Pair("added", None, (b + 1, ("", _cut(right or ""), "")))
    if right is None:
        return Pair("removed", (a + 1, ("", _cut(left), "")), None)
    one, two = parts(_cut(left), _cut(right))
    return Pair("changed", (a + 1, one), (b + 1, two))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE else text[:MAX_LINE] + "…"


def _folded(pairs: list[Pair]) -> list[Pair]:
    """Equal lines far from any difference become one that says how many they are."""
    near = bytearray(len(pairs))
    for n, pair in enumerate(pairs):
        if pair.kind != "same":
            near[max(n - AROUND, 0) : n + AROUND + 1] = b"\1" * len(near[max(n - AROUND, 0) : n + AROUND + 1])
    made: list[Pair] = []
    skipped = 0
    for n, pair in enumerate(pairs):
        if near[n]:
            if skipped:
                made.append(Pair("skip", skipped=skipped))
            skipped = 0
            made.append(pair)
        else:
            skipped += 1
    return [*made, Pair("skip", skipped=skipped)] if skipped else made
