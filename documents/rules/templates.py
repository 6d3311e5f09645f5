r"""Request templates: names for kinds of requests, found by patterns over parts of them. The first that fits wins.

A name may hold what groups of its patterns found: `\1` or `\g<id>`. Groups are counted through the template's patterns
in the order of PARTS. A pattern may fit anywhere in its part; `^` and `$` hold it to the ends.
"""

import re
from dataclasses import dataclass
from typing import Any

from documents.rules import errors
from documents.rules.errors import RuleError
from documents.rules.parts import Parts
from documents.rules.patterns import Pattern, compile_pattern, prefix, to_text

#: Parts of a request that patterns may look at; those that tell most requests apart for the least come first.
PARTS = ("method", "host", "path", "query", "header", "body")
#: Each one that does not fit costs a request 0.1 µs where its path begins otherwise (`^/orders/…`), else 1 µs.
TEMPLATES = 100
#: Characters of a name as written, as given to a request, and of one group in it.
WRITTEN, NAME, GROUP = 200, 256, 100

_IGNORE_CASE = frozenset({"method", "host", "header"})
_REFERENCE = re.compile(r"\\(?:(\d{1,2})|g<(\w{1,40})>)")


@dataclass(frozen=True, slots=True)
class Template:
    """One template: its patterns by part, what the parts of those that fit begin with, and its name as text and groups
    (number of the pattern, group in it)."""

    tests: tuple[tuple[str, Pattern], ...]
    prefixes: tuple[tuple[str, bytes], ...]
    name: tuple[str | tuple[int, int | str], ...]

    def name_of(self, parts: Parts) -> str | None:
        """The name of a request that it fits."""
        for part, begin in self.prefixes:
            if not parts.request(part).startswith(begin):
                return None
        found = []
        for part, pattern in self.tests:
            match = pattern.search(parts.request(part))
            if match is None:
                return None
            found.append(match)
        if len(self.name) == 1 and isinstance(self.name[0], str):
            return self.name[0]
        words = [
            piece if isinstance(piece, str) else to_text(found[piece[0]].group(piece[1]) or b"")[:GROUP]
            for piece in self.name
        ]
        return "".join(words)[:NAME]


def compile_templates(field: str, value: Any) -> tuple[Template, ...]:
    """Templates in their order. Raises RuleError."""
    return tuple(_template(f"{field}[{at}]", one) for at, one in enumerate(errors.items(field, value, TEMPLATES)))


def _template(field: str, value: Any) -> Template:
    said = errors.parts(field, value, ("name", *PARTS))
    if "name" not in said:
        raise RuleError(f"{field}.name", None, "A template needs a name.", "Write the name that fitting requests get.")
    tests = tuple(
        (part, compile_pattern(f"{field}.{part}", said[part], ignore_case=part in _IGNORE_CASE, lines=part == "header"))
        for part in PARTS
        if part in said
    )
    if not tests:
        fix = f"Write a regular expression for one of {', '.join(PARTS)}; path .* fits every request."
        raise RuleError(field, value, "The template says nothing of the requests it names.", fix)
    prefixes = tuple((part, begin) for part in ("path", "query") if (begin := prefix(said.get(part, ""))))
    name = errors.text(f"{field}.name", said["name"], WRITTEN).strip()
    return Template(tests, prefixes, _name(f"{field}.name", name, tests))


def _name(
    field: str, written: str, tests: tuple[tuple[str, Pattern], ...]
) -> tuple[str | tuple[int, int | str], ...]:  # fmt: skip
    pieces: list[str | tuple[int, int | str]] = []
    at = 0
    for found in _REFERENCE.finditer(written):
        if found.start() > at:
            pieces.append(written[at : found.start()])
        pieces.append(_group(field, written, found, tests))
        at = found.end()
    if at < len(written):
        pieces.append(written[at:])
    return tuple(pieces)


def _group(
    field: str, written: str, found: re.Match[str], tests: tuple[tuple[str, Pattern], ...]
) -> tuple[int, int | str]:  # fmt: skip
    name = found[2]
    number = int(found[1]) if found[1] else int(name) if name.isdigit() else 0
    for at, (_, pattern) in enumerate(tests):
        if name and name in pattern.groupindex:
            return at, name
        if 0 < number <= pattern.groups:
            return at, number
        number -= pattern.groups
    fix = "Name a group that one of its regular expressions has: (…) or (?P<name>…)."
    raise RuleError(field, written, f"There is no group {found[0]}.", fix)
