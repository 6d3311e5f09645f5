"""Rules tried on a stored communication: what they would have made of it.

A stored document is masked already, by the rules of its time: what these hid stays hidden, and what the new ones hide
is hidden on top.
"""

from collections.abc import Mapping
from typing import Any

from documents.body_masking import mask_text
from documents.masking import Masker
from documents.rules.clients import IDENTIFICATION, ORIGIN_HEADERS, Clients
from documents.rules.compiled import Labels, ParsingRules
from documents.rules.correlation import correlated
from documents.rules.parts import Parts
from wire.charset import content_type, text_of

#: Characters of a body that are shown.
SHOWN = 8 * 1024


class _Again(Masker):
    """A masker that leaves masks as they are."""

    __slots__ = ()

    def secret(self, value: str) -> str:
        """The mask of a secret, once."""
        return value if value.startswith("masked:") else super().secret(value)


def try_rules(
    rules: ParsingRules, document: Mapping[str, Any], bodies: Mapping[str, bytes | None], *, key: bytes = b"playground"
) -> dict[str, Any]:
    """What the rules make of one communication, from its stored document and its decoded bodies ("req", "res"; None or
    missing where there is none).

    Gives `template` and `templateNumber` (from 0; both None where none fits), `tags`, `identification`,
    `identificationKind`, `origin`, `correlation`, and for each side that the document has, `req` and `res`, an object
    with `headers` (and `query`, `uri` of a request) as they would be stored, `body` (the beginning of the masked text,
    None where there is none or it is not text) and `leftOut` (why the body would not be kept: "type", "off" or "").
    Secrets are masked with `key`, the installation's, if masks are to be those of documents.
    """
    masker = _Again(key, rules.masking)
    masked = _masked(document, masker)
    parts = Parts(masked, lambda side, limit: _beginning(bodies.get(side), limit), masker)
    labels = rules.labels or Labels()
    template = labels.template(parts) if "req" in masked else None
    source = (rules.clients or _USUAL).source(masked.get("req", {}), {"ip": document["stats"]["src"]["ip"]})
    headers = masked.get("req", {}).get("headers", {})
    result: dict[str, Any] = {
        "template": template and template[1],
        "templateNumber": template and template[0],
        "tags": labels.tagged(parts),
        "identification": source.get("identification"),
        "identificationKind": source.get("identificationKind"),
        "origin": source["origin"],
        "correlation": correlated(headers, tuple(name for name in rules.correlation if name in headers)),
    }
    for side in ("req", "res"):
        if side in masked:
            result[side] = _side(rules, masked[side], bodies.get(side), masker)
    return result


_USUAL = Clients(IDENTIFICATION, ORIGIN_HEADERS, ())


def _masked(document: Mapping[str, Any], masker: Masker) -> dict[str, Any]:
    """The document as the rules would mask it."""
    masked = dict(document)
    for side in ("req", "res"):
        if side in masked:
            masked[side] = message = dict(masked[side])
            if "headers" in message:
                message["headers"] = masker.headers(message["headers"])
            if "query" in message:
                message["query"], message["params"], _ = masker.query(message["query"])
            for name in ("uri", "location"):
                if name in message:
                    message[name] = masker.url(message[name])
    return masked


def _side(rules: ParsingRules, message: dict[str, Any], body: bytes | None, masker: Masker) -> dict[str, Any]:
    left_out = rules.left_out[message.get("contentType", "")] if body and rules.left_out is not None else ""
    shown = {name: message[name] for name in ("headers", "query", "uri", "location") if name in message}
    return shown | {"body": None if left_out else _body(message, body, masker), "leftOut": left_out}


def _body(message: dict[str, Any], body: bytes | None, masker: Masker) -> str | None:
    if not body:
        return None
    kind = (message.get("headers", {}).get("content-type") or [""])[0]
    data, cut = _beginning(body, 4 * SHOWN)
    text = text_of(data, content_type(kind), cut)
    if text is None:
        return None
    return mask_text(text, kind, masker.body_keys, masker.secret)[:SHOWN]


def _beginning(body: bytes | None, limit: int) -> tuple[bytes, bool]:
    return (body or b"")[:limit], len(body or b"") > limit

