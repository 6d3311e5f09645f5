"""A body, or a part of a multipart one, as the screens and the API give it."""

from dataclasses import dataclass
from typing import Any

from apps.core.errors import ApplicationError
from apps.httpcomms import bodyviews, evidence
from store.documents import Scope
from wire import bodies


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to look at: decoded, as text where they are, and as they were on the wire where that differs."""

    data: bytes
    text: str | None
    content_type: str
    raw: bytes
    whole: evidence.Body
    part: bodyviews.Part | None = None


def content(scope: Scope, document: dict[str, Any], side: str, part: str = "") -> Content:
    """The body of a side, or a part of it (`2`, `2.1`). ApplicationError 404 when there is none."""
    found = evidence.body(scope, document, side)
    content_type = content_type_of(document, side)
    if not part:
        raw = found.raw if found.decoded.encodings else b""
        return Content(found.decoded.data, found.text, content_type, raw, found)
    opened = bodyviews.open_part(found.decoded.data, content_type, part)
    if opened is None:
        raise ApplicationError("The body has no such part.", code="not_found", field="part", status_code=404)
    kind = opened.content_type or "text/plain"
    return Content(opened.data, bodies.text(opened.data, kind), kind, b"", found, opened)


def content_type_of(document: dict[str, Any], side: str) -> str:
    """The Content-Type of a side, with its parameters."""
    values = ((document.get(side) or {}).get("headers") or {}).get("content-type") or [""]
    return str(values[0])
