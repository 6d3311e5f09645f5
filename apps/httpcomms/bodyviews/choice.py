"""Which views a body has, and the one that is asked for. The first one that fits tells most: an image is looked at, a
form is a table, JSON is a tree; text and bytes are always there where they can be."""

from dataclasses import dataclass, field
from typing import Any

from apps.httpcomms.bodyviews import dumps, forms, images, markups, multipart, protobufs, trees
from apps.httpcomms.bodyviews.limits import MAX_TEXT
from wire import bodies

#: The views by their names in addresses, with the words of their switches, in the order of choice.
WORDS = {
    "image": "Image",
    "parts": "Parts",
    "form": "Fields",
    "tree": "Tree",
    "lines": "Lines",
    "markup": "Pretty",
    "fields": "Fields",
    "text": "Text",
    "hex": "Hex",
    "raw": "Raw",
}
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Shown:
    """A body in one of its ways. `content` is what the way's template draws; `more` counts what is after it, which
    begins at `next`."""

    way: str
    ways: list[tuple[str, str]]
    content: Any
    more: int = 0
    next: int = 0
    html: bool = False
    text: str | None = field(default=None, repr=False)


def show(data: bytes, text: str | None, content_type: str, *, raw: bytes = b"", wanted: str = "", at: int = 0) -> Shown:
    """The view asked for, else the one that tells most.

    `data` is decoded, `text` it as text (None: it is none), `raw` as on the wire where that differs; `at` is where a
    portion of text or bytes begins.
    """
    media = bodies.content_type(content_type).media
    html = media in ("text/html", "application/xhtml+xml") or (text or "")[:200].lstrip().lower().startswith(
        ("<!doctype html", "<html")
    )
    made = _Made(data, text, content_type, media, raw, html=html)
    ways = [way for way in WORDS if made.fits(way)]
    way = wanted if wanted in ways else ways[0]
    content, more, following = made.content(way, max(at, 0))
    return Shown(way, [(name, WORDS[name]) for name in ways], content, more, following, html, text)


class _Made:
    """The structures of one body, each made once at most."""

    def __init__(self, data: bytes, text: str | None, content_type: str, media: str, raw: bytes, *, html: bool) -> None:
        self.data, self.text, self.content_type, self.media, self.raw = data, text, content_type, media, raw
        self.html = html
        self.known: dict[str, Any] = {}

    def fits(self, way: str) -> bool:
        if way in ("text", "hex", "raw"):
            return {"text": self.text is not None, "hex": True, "raw": bool(self.raw)}[way]
        return self.structure(way) is not None

    def structure(self, way: str) -> Any:
        if way not in self.known:
            self.known[way] = self._structure(way)
        return self.known[way]

    def _structure(self, way: str) -> Any:
        text = self.text
        match way:
            case "image":
                return images.image(self.data)
            case "parts":
                return multipart.parts(self.data, self.content_type) if self.media.startswith("multipart/") else None
            case "fields":
                return protobufs.protobuf(self.data, self.media) if protobufs.is_protobuf(self.media) else None
        if text is None:
            return None
        match way:
            case "form":
                return forms.pairs(text) if self.media == _FORM else None
            case "tree":
                return trees.tree(text)
            case "lines":
                return None if self.structure("tree") is not None else trees.lines(text)
            case "markup":
                is_markup = self.html or self.media.endswith("xml") or markups.looks_like(text)
                return markups.markup(text, html=self.html) if is_markup else None
        return None

    def content(self, way: str, at: int) -> tuple[Any, int, int]:
        """What is shown, how much is after it, and where that begins."""
        if way == "text":
            text = self.text or ""
            part = text[at : at + MAX_TEXT]
            return part, max(len(text) - at - len(part), 0), at + len(part)
        if way in ("hex", "raw"):
            found = dumps.dump(self.data if way == "hex" else self.raw, at)
            return found, found.more, found.next
        return self.structure(way), 0, 0


def open_part(data: bytes, content_type: str, path: str) -> multipart.Part | None:
    """A part of a multipart body by its place (`2`, `2.1` for a part of a part); None when there is none."""
    found: multipart.Part | None = None
    for step in path.split(".")[:3]:
        if not (step.isascii() and step.isdigit() and len(step) < 4):
            return None
        inside = multipart.parts(data, content_type)
        number = int(step)
        if inside is None or not 1 <= number <= len(inside.parts):
            return None
        found = inside.parts[number - 1]
        data, content_type = found.data, found.content_type or "text/plain"
    return found
