"""Make the text of a query one that the Lucene grammar reads as a person means it.

Lucene's syntax wants `/`, `:` and `-` escaped in values, but paths, times and IPv6 addresses are what people look for.
So the text is walked once before it is parsed: inside a value these characters are escaped, `&&`, `||` and `!` become
words, and a map leads each place of the new text back to the old one. A slash begins a regular expression only if the
next bare slash ends the value: `/ord.*/` is one, `/api/orders` is a path.
"""

import re
from dataclasses import dataclass, field

from documents.errors import QueryError

#: Longer is no query a person wrote; it bounds all work on it.
LENGTH = 8_000
#: Parentheses inside parentheses.
DEPTH = 30

_NAME = re.compile(r"[A-Za-z_](?:[\w.@-]|\\.)*:")
_REGEX = re.compile(r"/(?:[^\\/\s]|\\.)+/(?=[\s)\]}]|$)")
_COMPARE = re.compile(r"[<>]=?")
_SPECIAL_END = re.compile(r"[~^][0-9.]*$")
_BREAKS = frozenset(' \t\r\n()[]{}"')
_ESCAPED = frozenset(":/~^<>'")
_RESERVED = frozenset({"AND", "OR", "NOT", "TO"})


@dataclass(slots=True)
class Prepared:
    """The new text, and for each of its characters the place in the old one, which is `length` long."""

    text: str
    places: list[int]
    length: int

    def place(self, position: int) -> int:
        """The place in the query as written."""
        return self.places[position] if position < len(self.places) else self.length


@dataclass(slots=True)
class _Writer:
    out: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def put(self, text: str, at: int) -> None:
        """Text as it is, from `at` on."""
        self.out.append(text)
        self.places.extend(range(at, at + len(text)))

    def instead(self, text: str, at: int) -> None:
        """Text that stands for what is at `at`."""
        self.out.append(text)
        self.places.extend([at] * len(text))


def prepare(query: str) -> Prepared:
    """Walk the query once. Raises QueryError for what is too long, too deep, or a quote that never ends."""
    if len(query) > LENGTH:
        raise QueryError(f"a query has at most {LENGTH} characters", LENGTH)
    if "\x00" in query:
        raise QueryError("a query has no null character", query.index("\x00"))
    writer = _Writer()
    at, depth, value, ends = 0, 0, False, False  # `ends`: between the brackets of a range
    while at < len(query):
        char = query[at]
        if char in "()[]{}" or char.isspace():
            depth += (char == "(") - (char == ")")
            if depth > DEPTH:
                raise QueryError(f"parentheses are nested more than {DEPTH} deep", at)
            writer.put(char, at)
            ends = char in "[{" or (ends and char not in "]}")
            at, value = at + 1, False
        elif char == '"':
            end = _quote_end(query, at)
            writer.put(query[at:end], at)
            at, value = end, False
        elif query.startswith(("&&", "||"), at) and not value:
            writer.instead(" AND " if char == "&" else " OR ", at)
            at += 2
        elif char in "+-!" and not value and not ends:
            writer.instead("NOT " if char == "!" else char, at)
            at += 1
        elif compare := _COMPARE.match(query, at):
            writer.put(compare[0], at)
            at, value = compare.end(), True
        elif not value and not ends and (name := _NAME.match(query, at)):
            writer.put(name[0], at)
            at, value = name.end(), True
        else:
            at = _word(query, at, value, ends, writer)
            value = False
    return Prepared("".join(writer.out), writer.places, len(query))


def _quote_end(query: str, at: int) -> int:
    end = at + 1
    while end < len(query) and query[end] != '"':
        end += 2 if query[end] == "\\" else 1
    if end >= len(query):
        raise QueryError("a quote that begins here has no end", at)
    return end + 1


def _word(query: str, at: int, value: bool, ends: bool, writer: _Writer) -> int:
    """Write one word or regular expression with what needs it escaped; gives where it ends."""
    regex = None if ends else _REGEX.match(query, at)
    if regex:
        writer.put(regex[0], at)
        return regex.end()
    end = at
    while end < len(query) and query[end] not in _BREAKS and not query[end].isspace():
        end += 2 if query[end] == "\\" and end + 1 < len(query) else 1
    word = query[at:end]
    if word.endswith("\\") and not word.endswith("\\\\"):
        raise QueryError("a backslash at the end escapes nothing", end - 1)
    special = _SPECIAL_END.search(word)
    before = query[at + special.start() - 1 : at + special.start()] if special else ""
    if special and special[0] != "~" and (before in ('"', ")") or (special.start() and before != "\\")):
        raise QueryError("fuzziness (~1) and boosts (^2) are not known; escape with a backslash what is meant as text",
                         at + special.start())
    if word in _RESERVED and not value:
        writer.put(word, at)
        return end
    pos = 0
    while pos < len(word):
        char = word[pos]
        if char == "\\":
            writer.put(word[pos : pos + 2], at + pos)
            pos += 2
            continue
        if char in _ESCAPED or (pos == 0 and (char in "+-" or word in _RESERVED)):
            writer.instead("\\", at + pos)
        writer.put(char, at + pos)
        pos += 1
    return end
