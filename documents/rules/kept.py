"""Which bodies are kept: by content type, or none."""

from collections.abc import Sequence
from typing import Any

from documents.rules import errors
from documents.rules.errors import RuleError, shown

#: Why a body is not kept, as a document says it.
TYPE, OFF = "type", "off"
CONTENT_TYPES = 100
#: Media types that are remembered, and the longest of them; both are what anyone sends.
_REMEMBERED, _LENGTH = 1024, 128

#: A pattern: what a media type begins with, "*" or nothing, what it ends with.
Type = tuple[str, str, str]


class LeftOut(dict[str, str]):
    """Media type → why its bodies are not kept, "" where they are; it fills itself."""

    def __init__(self, patterns: Sequence[Type], save: bool) -> None:
        self._patterns = patterns
        self._save = save

    def __missing__(self, media: str) -> str:
        known = OFF if not self._save else "" if self._fits(media) else TYPE
        if len(media) <= _LENGTH:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[media] = known
        return known

    def _fits(self, media: str) -> bool:
        if not self._patterns:
            return True
        for begin, star, end in self._patterns:
            if media == begin or (star and len(media) >= len(begin + end) and media.startswith(begin)
                                  and media.endswith(end)):  # fmt: skip
                return True
        return False


def compile_types(field: str, value: Any) -> tuple[Type, ...]:
    """Patterns of media types as their beginning and end; `*` stands once for anything. Raises RuleError."""
    found = []
    for at, said in enumerate(errors.names(field, value, CONTENT_TYPES)):
        begin, star, end = said.partition("*")
        if "*" in end or any(char in said for char in " ;,") or (not star and "/" not in said):
            fix = "Write one like application/json, text/*, *+json, or * for everything."
            raise RuleError(f"{field}[{at}]", said, f"{shown(said)} is no content type.", fix)
        found.append((begin, star, end))
    return tuple(found)
