"""Tags: named values taken out of requests and responses, by a pattern or a path into JSON.

A pattern gives its first group, or without one all it found; in a header field, a query parameter or another part with
neither pattern nor path the whole value is taken.
"""

import re
from dataclasses import dataclass
from typing import Any

from documents.rules import errors
from documents.rules.errors import RuleError, shown
from documents.rules.jsonpath import Step, compile_path, follow
from documents.rules.parts import Parts
from documents.rules.patterns import Pattern, compile_pattern, to_bytes, to_text

TAGS = 50
#: Values of one tag in one communication, and characters of each: they are for search, not for keeping bodies.
VALUES, VALUE = 16, 256

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_WHERE = re.compile(r"(req|res)\.(header|query):\s*(\S.{0,127})|(req)\.(host|path|query|body)|(res)\.(body|location)")
_PLACES = "req.path, req.host, req.query, req.query:<name>, req.header:<name>, req.body, res.header:<name>, \
res.location or res.body"


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: where it looks (a part of a side, or the value called `key` of it), and for what."""

    name: str
    side: str
    part: str
    key: str
    pattern: Pattern | None
    path: tuple[Step, ...] | None

    def values(self, parts: Parts) -> list[str]:
        """What it finds, empty values left out."""
        if self.path is not None:
            whole = parts.json(self.side)
            masker = parts.masker
            found = [] if whole is None else follow(whole, self.path, VALUES, masker.body_keys, masker.secret)
        else:
            found = parts.values(self.side, self.part, self.key)
            if self.pattern is not None:
                found = [value for text in found[:VALUES] for value in _matches(self.pattern, text)]
        return [value[:VALUE] for value in found[:VALUES] if value]


def _matches(pattern: Pattern, text: str) -> list[str]:
    found: list[str] = []
    if not text:
        return found
    group = 1 if pattern.groups else 0
    data = to_bytes(text)
    for match in pattern.finditer(data):
        found.append(to_text(match.group(group) or b""))
        if len(found) >= VALUES or match.end() == len(data):  # no look for what cannot be there
            break
    return found


def compile_tags(field: str, value: Any) -> tuple[Tag, ...]:
    """Tags in their order; several may have one name. Raises RuleError."""
    return tuple(_tag(f"{field}[{at}]", one) for at, one in enumerate(errors.items(field, value, TAGS)))


def _tag(field: str, value: Any) -> Tag:
    said = errors.parts(field, value, ("name", "where", "regex", "json"))
    name = errors.text(f"{field}.name", said.get("name"), 64)
    if not _NAME.fullmatch(name):
        fix = "Use letters, digits, - and _, beginning with a letter."
        raise RuleError(f"{field}.name", name, f"{shown(name)} cannot be part of a field's name.", fix)
    where = errors.text(f"{field}.where", said.get("where"), 160).strip()
    found = _WHERE.fullmatch(where)
    if found is None or (found[1] == "res" and found[2] == "query"):
        raise RuleError(f"{field}.where", where, f"{shown(where)} is no place to look at.", f"Use {_PLACES}.")
    side, part = found[1] or found[4] or found[6], found[2] or found[5] or found[7]
    key = found[3] or ""
    if "json" in said and (part != "body" or "regex" in said):
        fix = "Use a path for req.body or res.body alone, and without a regular expression."
        raise RuleError(f"{field}.json", said["json"], "There is no JSON to follow the path in.", fix)
    if part == "body" and "json" not in said and "regex" not in said:
        raise RuleError(field, value, "A whole body is no tag.", "Add a regular expression or a path.")
    pattern = compile_pattern(f"{field}.regex", said["regex"]) if "regex" in said else None
    path = compile_path(f"{field}.json", said["json"]) if "json" in said else None
    return Tag(name, side, part, key.lower() if part == "header" else key, pattern, path)
