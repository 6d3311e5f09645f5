"""A communication's request as a call of JavaScript's fetch(), to paste into a console or a program.

All of it is written as JSON strings, which are JavaScript strings too, so nothing of hostile traffic is ever code.
"""

import json
from base64 import b64encode
from typing import Any

from apps.httpcomms.curl import is_masked

#: A call with more than this in it is nothing to paste.
BODY_BYTES = 1 << 20
#: What fetch sets itself or refuses to set (Fetch, "forbidden request-header").
_OWN = frozenset(
    "accept-charset accept-encoding access-control-request-headers access-control-request-method connection "
    "content-length cookie cookie2 date dnt expect host keep-alive origin referer te trailer transfer-encoding upgrade "
    "via set-cookie".split()
)


def fetch_code(document: dict[str, Any], body: bytes | None) -> str:
    """The call, with notes above it; `body` is the request's decoded body, None where there is none to be had."""
    req = document.get("req")
    if not req:
        return "// The request of this communication was not seen: there is nothing to send."
    notes = []
    about = req.get("body") or {}
    headers = [
        [name, value.replace("\r", " ").replace("\n", " ")]
        for name, values in (req.get("headers") or {}).items()
        for value in values
        if name not in _OWN and not (name == "content-encoding" and about.get("encoding"))
    ]
    options: dict[str, Any] = {"method": req.get("method", "GET"), "headers": headers}
    data = ""
    if about.get("size") and body is None:
        notes.append("// The body of the request is not kept: none is sent.")
    elif body and len(body) > BODY_BYTES:
        notes.append("// The body of the request is too large for a call: none is sent.")
    elif body:
        data = _body(body)
    written = json.dumps(options, indent=2)
    if data:
        written = written.removesuffix("\n}") + f',\n  "body": {data}\n}}'
    if is_masked(written):
        notes.insert(0, "// Secrets were masked when this was captured: put your own in place of each masked:...")
    return "\n".join([*notes, f"await fetch({json.dumps(str(req.get('uri', '')))}, {written});"])


def _body(body: bytes) -> str:
    try:
        return json.dumps(body.decode())
    except UnicodeDecodeError:
        return f"Uint8Array.from(atob({json.dumps(b64encode(body).decode())}), (c) => c.charCodeAt(0))"
