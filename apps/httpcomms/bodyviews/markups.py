"""XML, HTML and SVG pretty printed as coloured text. Nothing is interpreted: no entity is resolved, no DTD is read, no
document is built. The text is cut into tags and what lies between them, by `str.find` from beginning to end, and each
piece is put on a line of its own, indented by how many elements are open. What is malformed comes out as it is.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.httpcomms.bodyviews.limits import MAX_NODES, MAX_STRUCTURED, MAX_VALUE

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
#: Elements whose content is no markup (HTML, "raw text elements").
_RAW = frozenset({"script", "style", "textarea", "title"})
_MAX_INDENT = 40
_ONE_LINE = 120
_WAITING = 6
#: A tag longer than this is shown without colours inside.
_MAX_TAG = 4_000

_NAME = re.compile(r"</?([A-Za-z_][\w:.\-]{0,200})")
_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)(\s*=\s*)?("[^"]*"|'[^']*'|[^\s>"']+)?|(\s+)|(.)""", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n\f]+")


class _Piece(NamedTuple):
    kind: str  # open, close, empty, text, raw, other
    text: str
    name: str = ""


def looks_like(text: str) -> bool:
    """Whether a text without a telling type begins as markup does."""
    head = text[:200].lstrip("\ufeff \t\r\n").lower()
    return head.startswith(("<?xml", "<!doctype", "<html", "<svg", "<soap", "<s:envelope"))


def markup(text: str, *, html: bool) -> SafeString | None:
    """The text in lines with colours; None when it is no markup, or too much of it."""
    if len(text) > MAX_STRUCTURED or text.lstrip("\ufeff \t\r\n")[:1] != "<":
        return None
    lines: list[SafeString] = []
    for indent, drawn in _indented(_joined(_pieces(text, html=html), html=html)):
        lines.append(format_html("{}{}", "  " * min(indent, _MAX_INDENT), drawn))
        if len(lines) >= MAX_NODES:
            rest = format_html('{}<span class="n">… the rest is not shown</span>', "  " * min(indent, _MAX_INDENT))
            lines.append(rest)
            break
    return format_html_join("\n", "{}", ((line,) for line in lines))


def _pieces(text: str, *, html: bool) -> Iterator[_Piece]:
    at, size, lowered = 0, len(text), text.lower() if html else ""
    if len(lowered) != size:  # a few letters change their length
        lowered = text
    while at < size:
        if text[at] != "<":
            end = text.find("<", at)
            end = size if end < 0 else end
            yield _Piece("text", text[at:end])
        else:
            end = _tag_end(text, at)
            piece = _tag(text[at:end], html=html)
            yield piece
            if html and piece.kind == "open" and piece.name in _RAW:
                close = lowered.find("</" + piece.name, end)
                close = size if close < 0 else close
                if close > end:
                    yield _Piece("raw", text[end:close])
                end = close
        at = max(end, at + 1)


def _tag_end(text: str, at: int) -> int:
    """The end of what begins with `<` here: a comment, CDATA, an instruction or a tag; of the text if it is open."""
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")):
        if text.startswith(opening, at):
            end = text.find(closing, at + len(opening))
            return len(text) if end < 0 else end + len(closing)
    end = text.find(">", at)
    if text.startswith("<!DOCTYPE", at) and text.find("[", at, end) >= 0:  # an internal subset, shown and never read
        subset = text.find("]>", at)
        return subset + 2 if subset >= 0 else len(text)
    return len(text) if end < 0 else end + 1


def _tag(text: str, *, html: bool) -> _Piece:
    found = _NAME.match(text)
    if found is None:
        return _Piece("other", text)
    name = found[1].lower() if html else found[1]
    if text.startswith("</"):
        return _Piece("close", text, name)
    if text.endswith("/>") or (html and name in _VOID):
        return _Piece("empty", text, name)
    return _Piece("open", text, name)


def _joined(pieces: Iterator[_Piece], *, html: bool) -> Iterator[list[_Piece]]:
    """An element with a short text alone, or with nothing, is one line; in HTML one with such an element alone is too.

    `waiting` are elements that were opened and may still fit in a line, each with the lines it has until now.
    """
    waiting: list[list[list[_Piece]]] = []
    for piece in pieces:
        if piece.kind == "text" and not piece.text.strip():
            continue
        top = waiting[-1] if waiting else None
        if piece.kind == "open" and len(waiting) < _WAITING and (top is None or (html and len(top) == 1)):
            waiting.append([[piece]])
        elif piece.kind == "text" and top is not None and len(top) == 1 and len(piece.text) <= _ONE_LINE:
            top.append([piece])
        elif piece.kind == "close" and top is not None and piece.name == top[0][0].name:
            line = [one for found in waiting.pop() for one in found] + [piece]
            if waiting and sum(len(one.text) for one in line) <= _ONE_LINE:
                waiting[-1].append(line)
            else:
                yield from _flushed(waiting)
                yield line
        else:
            yield from _flushed(waiting)
            if piece.kind == "open":
                waiting.append([[piece]])
            else:
                yield [piece]
    yield from _flushed(waiting)


def _flushed(waiting: list[list[list[_Piece]]]) -> Iterator[list[_Piece]]:
    """What waited does not fit in a line any more."""
    for lines in waiting:
        yield from lines
    waiting.clear()


def _indented(lines: Iterator[list[_Piece]]) -> Iterator[tuple[int, SafeString]]:
    depth = 0
    for pieces in lines:
        if len(pieces) == 1 and pieces[0].kind == "close":
            depth = max(depth - 1, 0)
        yield depth, format_html_join("", "{}", ((_drawn(piece),) for piece in pieces))
        if len(pieces) == 1 and pieces[0].kind == "open":
            depth += 1


def _drawn(piece: _Piece) -> SafeString:
    if piece.kind == "text":
        return format_html("{}", _short(_SPACE.sub(" ", piece.text).strip()))
    if piece.kind == "raw":
        return format_html('<span class="r">{}</span>', _short(piece.text.strip("\r\n")))
    if piece.kind == "other":
        return format_html('<span class="n">{}</span>', _short(piece.text))
    if len(piece.text) > _MAX_TAG:
        return format_html('<span class="k">{}</span>', _short(piece.text))
    found = _NAME.match(piece.text)
    assert found is not None
    inner = format_html_join("", "{}", ((_attribute(one),) for one in _ATTRIBUTE.finditer(piece.text[found.end() :])))
    return format_html('<span class="k">{}</span>{}', found[0], inner)


def _attribute(found: re.Match[str]) -> SafeString:
    name, equals, value, space, other = found.groups()
    if space:
        return mark_safe(" ")
    if other:
        return format_html('<span class="k">{}</span>', other)
    if equals is None:
        return format_html('<span class="a">{}</span>{}', name, value or "")
    return format_html('<span class="a">{}</span>=<span class="s">{}</span>', name, value or "")


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
