"""What stands at the caret of a query that is being written: a field's name, a value, the end of a range.

A query at this moment is rarely one that parses, so this reads tokens as `documents.lexing` does and never refuses: any
text and any position give a place. Positions are code points, as those of errors are. What the query means stays with
`documents.query`; here it is only asked which part of the rest of a query can be read.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from apps.httpcomms import clauses
from documents import query
from documents.query import Node, QueryError

Kind = Literal["field", "exists", "value", "range"]
_Token = Literal["space", "open", "close", "sign", "name", "compare", "quote", "word"]

_NAME = re.compile(r"[A-Za-z_](?:[\w.@-]|\\.)*:")
_WORD = re.compile(r'(?:\\.|[^\s()\[\]{}"\\]|\\\Z)+', re.DOTALL)
_QUOTE = re.compile(r'"(?:\\.|[^"\\])*("|\Z|\\\Z)', re.DOTALL)
_COMPARE = re.compile(r"[<>]=?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}
JOINS: Final = frozenset({"AND", "OR", "NOT", "&&", "||"})
EXISTS: Final = "_exists_"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, from `start` to before `end`."""

    kind: _Token
    start: int
    end: int
    text: str

    @property
    def closed(self) -> bool:
        """Of a quote: it has its end."""
        return len(self.text) > 1 and self.text.endswith('"') and not self.text.endswith('\\"')


@dataclass(frozen=True, slots=True)
class Place:
    """What stands at the caret.

    A completion replaces `start` to `end`; `typed` is what of it stands before the caret, as it is meant. `field` is
    whose value is written. The condition that it belongs to goes from `begin` to `finish`, its negation included.
    `follows`: a whole condition stands before, so that a word that joins may come. `compared`: behind `>=` and its kin.
    """

    kind: Kind
    start: int
    end: int
    typed: str
    begin: int
    finish: int
    field: str = ""
    quoted: bool = False
    follows: bool = False
    compared: bool = False
    negated: bool = False
    grouped: bool = False  # inside a field's parentheses


def tokens(text: str) -> list[Token]:
    """The text as tokens, all of it, in order."""
    found: list[Token] = []
    at, value, ends = 0, False, False
    while at < len(text):
        kind, end = _token(text, at, value, ends)
        piece = text[at:end]
        found.append(Token(kind, at, end, piece))
        ends = (kind == "open" and piece in "[{") or (ends and kind != "close")
        value = kind in ("name", "compare")
        at = end
    return found


def _token(text: str, at: int, value: bool, ends: bool) -> tuple[_Token, int]:
    char = text[at]
    if char.isspace():
        end = at + 1
        while end < len(text) and text[end].isspace():
            end += 1
        return "space", end
    if char in "([{":
        return "open", at + 1
    if char in ")]}":
        return "close", at + 1
    if char == '"':
        match = _QUOTE.match(text, at)
        return "quote", match.end() if match else len(text)
    if text.startswith(("&&", "||"), at) and not value:
        return "word", at + 2
    if char in "+-!" and not value and not ends:
        return "sign", at + 1
    if match := _COMPARE.match(text, at):
        return "compare", match.end()
    if not value and not ends and (match := _NAME.match(text, at)):
        return "name", match.end()
    match = _WORD.match(text, at)
    return "word", max(match.end() if match else 0, at + 1)


@dataclass(slots=True)
class _Frame:
    """An open bracket: of which field, and where its condition begins."""

    bracket: str
    field: str
    begin: int


class _Walk:
    """The tokens before the caret, read one by one."""

    def __init__(self) -> None:
        self.frames: list[_Frame] = []
        self.field = ""
        self.begin: int | None = None  # of the condition that is being written
        self.compared = False
        self.follows = False
        self.negated = False

    def read(self, token: Token) -> None:
        if token.kind == "space":
            return
        if token.kind == "sign" or (token.kind == "word" and token.text in JOINS and not self.field):
            self._joined(token)
        elif token.kind == "name":
            self.field, self.compared = unescape(token.text[:-1]), False
            self.begin = token.start if self.begin is None else self.begin
        elif token.kind == "compare":
            self.compared = True
            self.begin = token.start if self.begin is None else self.begin
        elif token.kind == "open":
            begin = token.start if self.begin is None else self.begin
            self.frames.append(_Frame(token.text, self.field or self.inherited, begin))
            self._fresh(follows=False)
        else:
            if token.kind == "close" and self.frames:
                self.frames.pop()
            self._fresh(follows=True)

    def _joined(self, token: Token) -> None:
        self.follows = False
        if token.text in ("AND", "OR", "&&", "||"):
            self.begin, self.negated = None, False
        else:
            self.begin = token.start if self.begin is None else self.begin
            self.negated = token.text != "+"

    def _fresh(self, *, follows: bool) -> None:
        self.field, self.begin, self.compared, self.follows, self.negated = "", None, False, follows, False

    @property
    def inherited(self) -> str:
        """The field whose parentheses these are."""
        return self.frames[-1].field if self.frames else ""


def place(text: str, at: int) -> Place:
    """What stands at the caret, which is behind `at` code points of the text."""
    at = min(max(at, 0), len(text))
    found = tokens(text)
    index = next((i for i, token in enumerate(found) if token.start < at <= token.end), -1)
    current = found[index] if index >= 0 else None
    if current is None or current.kind in ("space", "open", "close", "sign", "compare") or _behind(current, at):
        # Between tokens: what follows at once belongs to the caret only where a value is expected there.
        index, current = index + 1, None
    walk = _Walk()
    for token in found[:index]:
        walk.read(token)
    if current is None and walk.field and index < len(found) and found[index].kind in ("word", "quote"):
        current = found[index]
    return _placed(found, index, current, walk, at)


def _behind(token: Token, at: int) -> bool:
    return (token.kind == "name" and at == token.end) or (token.kind == "quote" and at == token.end and token.closed)


def _placed(found: list[Token], index: int, current: Token | None, walk: _Walk, at: int) -> Place:
    start, end, quoted, typed = at, at, False, ""
    if current is not None:
        start, end, quoted = current.start, current.end, current.kind == "quote"
        end -= current.kind == "name"
        typed = unescape(current.text[quoted : max(at - start, 0)])
        if quoted and not current.closed:
            end = at  # the rest of the query only looks quoted
    begin = walk.begin if walk.begin is not None else start
    finish = max(_condition_end(found, index) if current is not None else at, end)
    kind: Kind = "field"
    field, grouped = "", False
    top = walk.frames[-1] if walk.frames else None
    if top is not None and top.bracket in "[{":
        kind, field, begin, finish = "range", top.field, top.begin, max(_closing(found, index), at)
    elif current is not None and current.kind == "name":
        pass
    elif walk.field == EXISTS:
        kind = "exists"
    elif walk.field:
        kind, field = "value", walk.field
    elif top is not None and top.field:
        outer = next(frame for frame in walk.frames if frame.field)
        kind, field, begin, finish = "value", top.field, outer.begin, max(_closing(found, index), at)
        grouped = True
    return Place(
        kind, start, end, typed, begin, finish, field, quoted, walk.follows, walk.compared, walk.negated, grouped
    )


def _condition_end(found: list[Token], index: int) -> int:
    """The end of the condition whose token is `index`."""
    token = found[index]
    if token.kind == "name":
        while index + 1 < len(found) and found[index + 1].kind in ("compare", "name"):
            index += 1
        if index + 1 < len(found) and found[index + 1].kind in ("word", "quote"):
            return found[index + 1].end
        if index + 1 < len(found) and found[index + 1].kind == "open":
            return _closing(found, index + 2)
    return found[index].end


def _closing(found: list[Token], index: int) -> int:
    """The end of the bracket that is open before `index`; of the text where it is not closed."""
    depth = 1
    for token in found[index:]:
        depth += (token.kind == "open") - (token.kind == "close")
        if not depth:
            return token.end
    return found[-1].end if found else 0


def unescape(text: str) -> str:
    """The text without the backslashes that escape."""
    return _ESCAPE.sub(r"\1", text)


def unclosed(text: str) -> str:
    """What would close the brackets that are open at the end of the text."""
    still: list[str] = []
    for token in tokens(text):
        if token.kind == "open":
            still.append(_CLOSES[token.text])
        elif token.kind == "close" and still:
            still.pop()
    return "".join(reversed(still))


def others(text: str, where: Place) -> Node | None:
    """What the query asks for beside the condition at the caret; None: everything.

    The condition becomes one that everything fits, so that what is joined to it keeps its place. Of a query that cannot
    be read even so, the conditions that can be are taken.
    """
    rest = f"{text[: where.begin]} * {text[where.finish :]}"
    for attempt in (rest, rest + unclosed(rest)):
        try:
            return query.parse(attempt)
        except QueryError:
            continue
    kept = [one for one in clauses.split(rest) if _reads(one.text)]
    joined = clauses.join(kept)
    return query.parse(joined) if joined and _reads(joined) else None


def _reads(text: str) -> bool:
    try:
        query.parse(text)
    except QueryError:
        return False
    return True
