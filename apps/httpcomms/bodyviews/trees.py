"""JSON, and JSON line by line, as a tree to fold.

Numbers stay as they were written and a key that is there twice is shown twice: what a parser would make of them is its
own affair. The text is parsed whole and drawn within a budget; what does not fit is counted.
"""

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.httpcomms.bodyviews.limits import MAX_DEPTH, MAX_ITEMS, MAX_NODES, MAX_STRUCTURED, MAX_VALUE

#: Levels that are open at first.
OPEN_LEVELS = 3
MAX_LINES = 500


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


class _Object(list[tuple[str, Any]]):
    """An object's members in their order, repeated keys too."""

    __slots__ = ()


def tree(text: str) -> SafeString | None:
    """JSON as a tree; None when it is no JSON, or too much of it."""
    if len(text) > MAX_STRUCTURED or text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return None
    try:
        return _sendable(_Tree().node(None, _parse(text.lstrip("\ufeff")), 0))
    except (ValueError, RecursionError):
        return None


def lines(text: str) -> SafeString | None:
    """JSON line by line (NDJSON, JSON Lines) as a list of trees; None when no line of the first two is an object or
    list, or fewer than two are there. A line that is no JSON is shown as it is."""
    if len(text) > MAX_STRUCTURED:
        return None
    found = [line for line in text.splitlines() if line.strip()]
    if len(found) < 2 or not all(_is_structure(line) for line in found[:2]):
        return None
    drawn = _Tree(OPEN_LEVELS - 2)
    items = [drawn.node(str(n), _parsed(line), 1) for n, line in enumerate(found[:MAX_LINES])]
    items += [_more(len(found) - MAX_LINES)] if len(found) > MAX_LINES else []
    inner = format_html_join("", "<li>{}</li>", ((item,) for item in items))
    whole = '<details open><summary><span class="n">{} lines</span></summary><ul data-list>{}</ul></details>'
    return _sendable(format_html(whole, len(found), inner))


def _sendable(html: SafeString) -> SafeString:
    """The same without half characters, which an escape in JSON may write and no answer can hold."""
    whole = html.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return mark_safe(whole)  # noqa: S308 - it was safe before


def _parse(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_Object, parse_int=_integer, parse_float=_Number, parse_constant=_Number)


def _integer(text: str) -> Any:
    """What int() gives back as it was written is one: long lists of them cost much less than objects of our own."""
    return int(text) if len(text) < 19 and text != "-0" else _Number(text)


def _is_structure(line: str) -> bool:
    try:
        return line.lstrip()[:1] in ("{", "[") and isinstance(_parse(line), (list, dict))
    except (ValueError, RecursionError):
        return False


def _parsed(line: str) -> Any:
    try:
        return _parse(line)
    except (ValueError, RecursionError):
        return line


def _more(count: int) -> SafeString:
    return format_html('<span class="n rest">{} more, not shown</span>', count)


class _Tree:
    """Draws the tree and counts what it draws."""

    def __init__(self, open_levels: int = OPEN_LEVELS) -> None:
        self.left = MAX_NODES
        self.open_levels = open_levels

    def node(self, key: str | None, value: Any, depth: int) -> SafeString:
        self.left -= 1
        label = mark_safe("") if key is None else format_html('<span class="k">{}</span>: ', _short(key))
        if isinstance(value, _Object):
            return self._branch(label, f"{{ {len(value)} }}", value, depth, listed=False)
        if isinstance(value, list):
            items = [(str(n), one) for n, one in enumerate(value[:MAX_ITEMS])]
            return self._branch(label, f"[ {len(value)} ]", items, depth, listed=True, count=len(value))
        return format_html("{}{}", label, _leaf(value))

    def _branch(
        self,
        label: SafeString,
        summary: str,
        items: list[tuple[str, Any]],
        depth: int,
        *,
        listed: bool,
        count: int | None = None,
    ) -> SafeString:
        total = len(items) if count is None else count
        if not total:
            return format_html('{}<span class="n">{}</span>', label, summary)
        drawn: list[SafeString] = []
        if depth < MAX_DEPTH:
            for key, value in items[:MAX_ITEMS]:
                if self.left <= 0:
                    break
                drawn.append(self.node(key, value, depth + 1))
        if len(drawn) < total:
            drawn.append(_more(total - len(drawn)))
        return format_html(
            '<details{}><summary>{}<span class="n">{}</span></summary><ul{}>{}</ul></details>',
            mark_safe(" open") if depth < self.open_levels else "",
            label,
            summary,
            mark_safe(" data-list") if listed else "",
            format_html_join("", "<li>{}</li>", ((one,) for one in drawn)),
        )


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"


def _leaf(value: Any) -> SafeString:
    if isinstance(value, _Number):
        return format_html('<span class="d">{}</span>', _short(value))
    if isinstance(value, str):
        cut = mark_safe(" data-cut") if len(value) > MAX_VALUE else ""
        return format_html('<span class="s"{}>{}</span>', cut, json.dumps(_short(value), ensure_ascii=False))
    return format_html('<span class="d">{}</span>', json.dumps(value))
