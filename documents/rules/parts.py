"""What rules look at: parts of a document as it is stored, masked and readable, and the decoded bodies behind it.

Rules see what is stored, so no rule takes a secret out of a message, and one that is tried on a stored communication
gives what it gave when it was captured. Each part is cut to what a look may cost, made when first asked for, once.
"""

from collections.abc import Callable
from typing import Any

import orjson

from documents.body_masking import mask_text
from documents.masking import Masker
from documents.rules.patterns import to_bytes
from wire.charset import content_type, text_of

#: Characters of a part that a pattern sees.
TEXT = 8 * 1024
#: UTF-8 takes up to four bytes for a character.
_TEXT_BYTES = 4 * TEXT
#: A decoded body above this is not read as JSON: a value of its end cannot be found without all of it.
JSON_BYTES = 256 * 1024

#: Gives a side's decoded body ("req", "res"), at most so many bytes, and whether it is only the beginning.
BodyReader = Callable[[str, int], tuple[bytes, bool]]


class Parts:
    """The parts of one document."""

    __slots__ = ("_bodies", "_body", "_document", "_json", "_made", "masker")

    def __init__(self, document: dict[str, Any], body: BodyReader, masker: Masker) -> None:
        self._document = document
        self._body = body
        self._made: dict[str, bytes] = {}
        self._bodies: dict[str, str] = {}
        self._json: dict[str, Any] = {}
        self.masker = masker

    def request(self, part: str) -> bytes:
        """A part of the request: method, host, path, query, header (a line for each field) or body."""
        known = self._made.get(part)
        if known is None:
            known = self._made[part] = to_bytes(self._text(part))
        return known

    def _text(self, part: str) -> str:
        if part == "body":
            return self.body("req")
        req = self._document.get("req", {})
        if part == "header":
            fields = req.get("headers", {}).items()
            return "\n".join(f"{name}: {value}" for name, values in fields for value in values)[:TEXT]
        return str(req.get(part, ""))[:TEXT]

    def values(self, side: str, part: str, name: str) -> list[str]:
        """The values of a header field or a query parameter, or of a part that has one."""
        message = self._document.get(side)
        if message is None:
            return []
        if part == "body":
            return [self.body(side)]
        if name:
            found = message.get("headers" if part == "header" else "params", {}).get(name, [])
            return [value[:TEXT] for value in found]
        return [message[part][:TEXT]] if message.get(part) else []

    def body(self, side: str) -> str:
        """The beginning of a body as text; empty for a binary one."""
        known = self._bodies.get(side)
        if known is None:
            known = self._bodies[side] = self._read(side)
        return known

    def _read(self, side: str) -> str:
        data, cut = self._body(side, _TEXT_BYTES)
        headers = self._document.get(side, {}).get("headers", {})
        kind = (headers.get("content-type") or [""])[0]
        text = (text_of(data, content_type(kind), cut) or "")[:TEXT] if data else ""
        masker = self.masker
        return mask_text(text, kind, masker.body_keys, masker.secret) if text and masker.body_keys else text

    def json(self, side: str) -> Any:
        """A body read as JSON; None where it is none, or not whole."""
        if side not in self._json:
            data, cut = self._body(side, JSON_BYTES)
            try:
                self._json[side] = orjson.loads(data) if data and not cut else None
            except orjson.JSONDecodeError:
                self._json[side] = None
        return self._json[side]
