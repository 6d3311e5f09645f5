"""Regular expressions of rules, in RE2's syntax: they run over what anyone sends, so their time must be linear.

Python's `re` is not: `.*.*x` takes the square of a body, and no check of the pattern tells all such ones. RE2 has no
look-around and no back references; everything else of `re` is there. A look at 8 KB takes 10 to 100 µs, and with the
bounds here no pattern takes more than some 30 ms.
"""

import re
from typing import Any

import re2

from documents.regexps import LENGTH
from documents.rules.errors import RuleError, shown

#: Steps of a compiled pattern; the time of a look is bounded by these times the bytes looked at.
PROGRAM = 1_000
#: Bytes that one compiled pattern may take, its cache included.
_MEMORY = 1 << 20

_PREFIX = re.compile(r"\^([A-Za-z0-9/_~=&-]+)")
#: What `compile_pattern` gives: `search`, `finditer`, `groups` and `groupindex` as those of `re`.
Pattern = Any

_SYNTAX = "See https://github.com/google/re2/wiki/Syntax."


def compile_pattern(field: str, value: Any, *, ignore_case: bool = False, lines: bool = False) -> Pattern:
    """A pattern that looks for a place in UTF-8 bytes. `lines`: ^ and $ stand for the ends of every line. Raises
    RuleError."""
    if not isinstance(value, str) or not value:
        raise RuleError(field, value, f"{shown(value)} is no regular expression.", "Write one, or leave the field out.")
    if len(value) > LENGTH:
        raise RuleError(field, value, "The regular expression is too long.", f"Use up to {LENGTH} characters.")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.case_sensitive = not ignore_case
    try:
        found = re2.compile(f"(?m){value}" if lines else value, options)
    except (re2.error, UnicodeEncodeError) as error:
        raise RuleError(field, value, f"{shown(value)} is no regular expression: {_said(error)}.", _SYNTAX) from error
    if found.programsize > PROGRAM:
        raise RuleError(field, value, "The regular expression is too large.", "Use smaller counts in {…}.")
    return found


def prefix(pattern: str) -> bytes:
    """What any text that a pattern fits begins with, where its beginning says so: to look at that first takes a tenth
    of the time. Empty where nothing is sure."""
    found = _PREFIX.match(pattern)
    if found is None or _branches(pattern):
        return b""
    # What is counted may be missing.
    literal = found[1][:-1] if pattern[found.end() :].startswith(("?", "*", "{")) else found[1]
    return literal.encode("ascii")


def _branches(pattern: str) -> bool:
    """Whether it has a branch that is in no group, or may have one."""
    if "\\Q" in pattern or "[:" in pattern:
        return True
    at = depth = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            at += 1
        elif char == "[":
            at = _class_end(pattern, at + 1)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            return True
        at += 1
    return False


def _class_end(pattern: str, at: int) -> int:
    """Where the class ends whose inside begins at `at`; a bracket that comes first stands for itself."""
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at


def _said(error: Exception) -> str:
    told = error.args[0] if error.args else ""
    if not isinstance(told, bytes):
        return "it has half a character"
    # RE2 names its own term for what Python's users know as look-around and back references.
    said = told.decode("utf-8", "replace")
    if "perl operator: (?" in said:
        return f"{said} (there is no look-around)"
    return said


def to_bytes(text: str) -> bytes:
    """Text as patterns look at it."""
    return text.encode("utf-8", "replace")


def to_text(found: bytes) -> str:
    """What a pattern found."""
    return found.decode("utf-8", "replace")
