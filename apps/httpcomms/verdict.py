"""What is wrong with a query that is being written, in a few words, and what would mend it.

`documents.query` refuses in sentences; a query bar has room for "value missing at 85" and for one correction to click.
What can be read may still not be meant: a field's name alone, or a small "and", is looked for as a word.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from apps.httpcomms import caret, requests
from apps.httpcomms.caret import Token
from documents import fields as table
from documents.query import QueryError

RESOURCE = "httpcomms"
#: Words that still read at a glance.
SHORT = 44
_SMALL = {"and": "AND", "or": "OR", "not": "NOT"}
_WANTED = re.compile(r"^\S+ (?:is|are) (an?|true) ([^(,]*)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say of a query: `short` for the bar, `message` for those who ask, where it is (from 0).

    `correction` is the text that should stand in place of `start` to `finish`, None where none is known.
    """

    message: str
    short: str
    position: int
    end: int
    correction: str | None = None
    start: int = 0
    finish: int = 0

    def as_json(self) -> dict[str, Any]:
        """As the API gives it."""
        said: dict[str, Any] = {
            "message": self.message, "short": self.short, "position": self.position, "end": self.end,
        }  # fmt: skip
        if self.correction is not None:
            said["correction"] = {"start": self.start, "end": self.finish, "text": self.correction}
        return said


def check(text: str, resource: str = RESOURCE) -> tuple[bool, Verdict | None]:
    """Whether the query can be searched for, and what to say of it. Raises ApplicationError when it is far too long."""
    try:
        requests.parse(text, resource)
    except QueryError as error:
        # The error's place is one of the text without what surrounds it.
        moved = len(text) - len(text.lstrip())
        return False, refused(text, QueryError(error.message, error.position + moved, error.suggestion))
    return True, _doubt(text, resource)


def refused(text: str, error: QueryError) -> Verdict:
    """What to say of an error in this text."""
    found = caret.tokens(text)
    position = min(error.position, len(text.rstrip()))
    token = next((token for token in found if token.start <= position < token.end and token.kind != "space"), None)
    if error.suggestion or error.message.startswith("there is no field"):
        return _unknown(error, token, position)
    if "has no end" in error.message:
        return Verdict(error.message, "quote not closed", position, len(text), '"', len(text), len(text))
    if "too early" in error.message or "does not fit" in error.message:
        return _syntax(text, found, error, position)
    wanted = _WANTED.match(error.message)
    short = f"not {wanted[1]} {wanted[2].strip()}".split(" like ")[0] if wanted else error.message
    return Verdict(error.message, _cut(short), position, token.end if token else position)


def _unknown(error: QueryError, token: Token | None, position: int) -> Verdict:
    name = token.text.removesuffix(":") if token else ""
    start, end = (token.start, token.start + len(name)) if token else (position, position)
    short = _cut(f"no field {name}")
    if token is None or not error.suggestion:
        return Verdict(error.message, short, start, end)
    return Verdict(error.message, short, start, end, error.suggestion, start, end)


def _syntax(text: str, found: list[Token], error: QueryError, position: int) -> Verdict:
    last = len(text.rstrip())
    solid = [token for token in found if token.kind != "space"]
    if solid and solid[-1].kind in ("name", "compare"):
        return Verdict("a value is missing after the field", "value missing", last, last)
    if solid and (solid[-1].text in caret.JOINS or solid[-1].kind == "sign"):
        message = f"a condition is missing after {solid[-1].text}"
        return Verdict(message, "condition missing", last, last, "", _before(solid), len(text))
    for token, following in pairwise(solid):
        if token.kind in ("name", "compare") and (following.text in caret.JOINS or following.kind == "close"):
            return Verdict("a value is missing after the field", "value missing", token.end, token.end)
    depth = 0
    for token in solid:
        depth += (token.kind == "open") - (token.kind == "close")
        if depth < 0:
            message = f"{token.text} closes nothing that is open"
            return Verdict(message, f"stray {token.text}", token.start, token.end, "", token.start, token.end)
    missing = caret.unclosed(text)
    if missing:
        message = f"{missing[0]} is missing at the end"
        mended = missing if set(missing) == {")"} else None
        return Verdict(message, f"{missing[0]} missing", last, last, mended, last, last)
    return Verdict(error.message, _cut(error.message), position, position + 1)


def _before(solid: list[Token]) -> int:
    """Where the words that join nothing begin."""
    at = len(solid)
    while at and (solid[at - 1].text in caret.JOINS or solid[at - 1].kind == "sign"):
        at -= 1
    return solid[at - 1].end if at else 0


def _doubt(text: str, resource: str) -> Verdict | None:
    """What is a query, but hardly the one that is meant."""
    found = [token for token in caret.tokens(text) if token.kind != "space"]
    for index, token in enumerate(found):
        if token.kind != "word" or (index and found[index - 1].kind in ("name", "compare")):
            continue
        if index and token.text in _SMALL and index + 1 < len(found):
            big = _SMALL[token.text]
            message = f"“{token.text}” is looked for as a word; {big} joins conditions"
            short = f"“{token.text}” is a word here"
            return Verdict(message, short, token.start, token.end, big, token.start, token.end)
        if table.find(resource, token.text) is not None and "." in token.text:
            message = f"{token.text} is a field; without a colon and a value it is looked for as a word"
            return Verdict(message, "value missing", token.end, token.end, f"{token.text}:", token.start, token.end)
    return None


def _cut(words: str) -> str:
    words = re.split(r"[;(]", words)[0].strip()
    return words if len(words) <= SHORT else words[: SHORT - 1].rstrip() + "…"
