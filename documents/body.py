"""A message's body in its document: codings undone, hashed, and the beginning of its text for search."""

from hashlib import sha256
from typing import Any

from documents.body_masking import mask_text
from documents.masking import Masker
from documents.rules.kept import LeftOut
from documents.rules.parts import BodyReader
from wire import bodies
from wire.charset import ContentType, text_of
from wire.events import Communication, Headers, Message
from wire.limits import Limits

#: A body above the cap is decoded only as far as its excerpt needs.
_EXCERPT_INPUT = 64 * 1024

_CHUNKED = ["chunked"]
_NO_VALUE = ("",)


def coding_fields(headers: Headers) -> list[str]:
    """The codings of a message's content, first applied first: Content-Encoding, then any transfer coding that is not
    framing (RFC 9112 §7)."""
    encoding = headers.get("content-encoding")
    transfer = headers.get("transfer-encoding")
    if transfer is None or transfer == _CHUNKED:
        return encoding or []
    more = [name for name in bodies.codings(transfer) if name in ("gzip", "deflate")]
    return (encoding or []) + more


def described(
    message: Message, kind: ContentType, limits: Limits, masker: Masker, left_out: LeftOut | None, anomalies: list[str]
) -> dict[str, Any]:
    """The document's part on a body: its sizes, codings, hash and the beginning of its text, or why it is left out.
    What was odd is added to `anomalies`."""
    data, truncated = message.body, message.truncated
    encoding = coding_fields(message.headers)
    known = whole = not truncated and not message.gap
    out: dict[str, Any] = {"size": message.body_size}
    if encoding:
        if whole:
            decoded = bodies.decode(data, encoding, limits.decoded_bytes)
            if decoded.anomalies:
                anomalies.extend(code for code in decoded.anomalies if code not in anomalies)
            if decoded.truncated:
                truncated, known = True, False
        else:  # only its beginning can be read, and nothing is known of the rest
            decoded = bodies.decode(data[:_EXCERPT_INPUT], encoding, _EXCERPT_INPUT)
        data = decoded.data
        if decoded.encodings:
            out["encoding"] = decoded.encodings
    out["decodedSize"] = len(data) if known else None
    out["truncated"] = truncated
    out["sha256"] = sha256(data).hexdigest() if known else None
    if left_out is not None and (reason := left_out[kind.media]):
        out["leftOut"] = reason
        return out
    size = limits.body_text_bytes
    text = text_of(data[:size], kind, len(data) > size)
    if text:
        if masker.body_keys:
            text = mask_text(text, message.headers.get("content-type", _NO_VALUE)[0], masker.body_keys, masker.secret)
        if text:
            out["text"] = text
    return out


def decoded_bodies(comm: Communication) -> BodyReader:
    """Decoded bodies for rules that look at them; most rules do not, so it is done again where one does."""

    def read(side: str, limit: int) -> tuple[bytes, bool]:
        message = comm.request if side == "req" else comm.response
        if message is None or not message.body:
            return b"", False
        data = message.body[:limit]
        cut = message.truncated or message.gap or len(message.body) > limit
        encoding = coding_fields(message.headers)
        if not encoding:
            return data, cut
        decoded = bodies.decode(data, encoding, limit)
        return decoded.data, cut or decoded.truncated

    return read
