"""Secrets inside bodies: values of configured keys in JSON, forms and multipart, replaced where they stand.

The text is searched, not parsed: a body may be cut off, malformed or only an excerpt, and everything else of it must
stay as it was. In JSON a key's whole value goes, an object or list too. No body key is masked unless a whisperer says
so.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

import orjson

from documents.masking import plain_key
from wire import bodies

IsSecret = Callable[[str], bool]
Mask = Callable[[str], str]

_JSON_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:\s*)?', re.DOTALL)
_JSON_STRING = re.compile(r'"((?:[^"\\]|\\.)*)("|\\?\Z)', re.DOTALL)
_JSON_OTHER = re.compile(r"[^,}\]\s]+")
_JSON_NESTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;,]{1,200}))', re.IGNORECASE)
_PART_NAME = re.compile(
    r'(?:\A|[\r\n])[ \t]*content-disposition:[^\r\n]*?[;\s]name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))', re.IGNORECASE
)


def mask_text(text: str, content_type: str, keys: frozenset[str], mask: Mask) -> str:
    """The text with the values of `keys` (as `plain_key` writes them) masked, by what its type or beginning says."""

    def secret(name: str) -> bool:
        return plain_key(name) in keys

    media = bodies.content_type(content_type).media
    if media == "application/x-www-form-urlencoded":
        return _form(text, secret, mask)
    if media.startswith("multipart/"):
        boundary = _BOUNDARY.search(content_type)
        return _multipart(text, boundary[1] or boundary[2], secret, mask) if boundary else text
    if media.endswith("json") or text.lstrip()[:1] in ("{", "["):
        return _json(text, secret, mask)
    return text


def mask_body(
    raw: bytes, encoding: str, content_type: str, limit: int, keys: frozenset[str], mask: Mask
) -> tuple[bytes, str]:
    """A whole body, decoded and masked, with the codings left on it (none). Binary ones stay as they are; of one that
    decodes to more than `limit` only what could be looked at is kept."""
    decoded = bodies.decode(raw, [encoding] if encoding else [], limit)
    text = bodies.text(decoded.data, content_type, decoded.truncated)
    if text is None:
        return raw, encoding
    masked = mask_text(text, content_type, keys, mask)
    if masked == text and not decoded.truncated:
        return raw, encoding
    return masked.encode(bodies.content_type(content_type).charset or "utf-8", "replace"), ""


def _form(text: str, secret: IsSecret, mask: Mask) -> str:
    pairs = []
    for pair in text.split("&"):
        name, equals, value = pair.partition("=")
        pairs.append(f"{name}={mask(unquote_plus(value))}" if equals and secret(unquote_plus(name)) else pair)
    return "&".join(pairs)


def _multipart(text: str, boundary: str, secret: IsSecret, mask: Mask) -> str:
    """RFC 7578 §4.2: the name of a part is in its Content-Disposition."""
    parts = text.split("--" + boundary)
    for index, part in enumerate(parts):
        head, gap, value = part.partition("\r\n\r\n") if "\r\n\r\n" in part else part.partition("\n\n")
        found = _PART_NAME.search(head) if gap else None
        if found and secret(found[1] or found[2] or ""):
            content = value.removesuffix("\n").removesuffix("\r")
            parts[index] = head + gap + mask(content) + value[len(content) :]
    return ("--" + boundary).join(parts)


def _json(text: str, secret: IsSecret, mask: Mask) -> str:
    out: list[str] = []
    done = 0
    quote = text.find('"')
    while found := _JSON_NAME.match(text, quote) if quote >= 0 else None:
        if found[2] is None:
            # Not a key. All quotes inside are escaped and end with the same one, which may begin a key itself.
            quote = found.end(1)
            continue
        at = found.end()
        if secret(_unescaped(found[1])):
            end = _value_end(text, at)
            out += [text[done:at], '"', mask(_value(text[at:end])), '"']
            done = at = end
        quote = text.find('"', at)
    return "".join(out) + text[done:]


def _unescaped(string: str) -> str:
    if "\\" not in string:
        return string
    try:
        return str(orjson.loads(f'"{string}"'))
    except orjson.JSONDecodeError:
        return string


def _value(text: str) -> str:
    return _unescaped(text[1:].removesuffix('"')) if text.startswith('"') else text


def _value_end(text: str, at: int) -> int:
    """Where the JSON value that begins at `at` ends; the end of the text if it is cut off."""
    found = _JSON_STRING.match(text, at)
    if found:
        return found.end()
    if text[at : at + 1] not in ("{", "["):
        other = _JSON_OTHER.match(text, at)
        return other.end() if other else at
    depth = 0
    for token in _JSON_NESTED.finditer(text, at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(text)
