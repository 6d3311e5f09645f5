"""Make text from the wire fit to store: what one engine refuses would fail a whole batch.

jsonb refuses U+0000, JSON refuses lone surrogates, Elasticsearch refuses keywords of more than 32,766 bytes. Almost no
document has any of these, so `encode` first tries the document as it is and looks closely only if that fails or the
result could hide one.
"""

from typing import Any

import orjson

#: Lucene's longest term, in bytes of UTF-8.
KEYWORD_BYTES = 32_766

#: Keys of header fields, parameters and claims; they share a term with their value in Elasticsearch.
KEY_BYTES = 512


def to_storable_text(value: str, limit: int = KEYWORD_BYTES) -> str:
    """`value` without U+0000 and lone surrogates (each becomes U+FFFD), cut to `limit` bytes of UTF-8 between
    characters."""
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    try:
        data = value.encode()
    except UnicodeEncodeError:
        # A pair of surrogates is one character that came in two halves; a lone one is none.
        data = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return data[:limit].decode("utf-8", "ignore")


def to_storable(value: Any, limit: int = KEYWORD_BYTES) -> Any:
    """`to_storable_text` on every string and key of a document."""
    if isinstance(value, str):
        return to_storable_text(value, limit)
    if isinstance(value, dict):
        return {to_storable_text(key, KEY_BYTES): to_storable(item, limit) for key, item in value.items()}
    if isinstance(value, list):
        return [to_storable(item, limit) for item in value]
    return value


def encode(document: dict[str, Any]) -> bytes:
    """The JSON of a document, every string of it storable."""
    try:
        body = orjson.dumps(document)
    except TypeError:  # lone surrogates
        return orjson.dumps(to_storable(document, KEYWORD_BYTES - KEY_BYTES - 1))
    # An escaped backslash before "u0000" is looked at closely too, for nothing and rarely. One byte is found ten times
    # as fast as six, and many documents have not one backslash.
    if len(body) > KEYWORD_BYTES - KEY_BYTES or (b"\\" in body and b"\\u0000" in body):
        return orjson.dumps(to_storable(document, KEYWORD_BYTES - KEY_BYTES - 1))
    return body
