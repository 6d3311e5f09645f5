"""A communication's request as a curl command that a person may paste into bash or zsh.

Everything comes from hostile traffic and goes through one quoting function: no byte of it reaches the shell, the
terminal or curl's own syntax as anything but data. Control characters are written as escapes, because a terminal acts
on those it is pasted; URLs keep to http and https, because curl would read a `file:` one; header names are tokens,
because curl takes `@name` for a file.

The body is sent decoded, without the Content-Encoding that was undone: readable, and right where secrets in it were
masked. Secrets that were masked stay masked, and a line above says so.
"""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

#: Linux takes 128 KiB in one argument; a longer body, and one that is not text, goes through a pipe.
ARGUMENT_BYTES = 96 << 10
#: A command with more than this in it is nothing to paste.
BODY_BYTES = 1 << 20

NO_REQUEST = "# The request of this communication was not seen: there is nothing to send."
MASKED_NOTE = "# Secrets were masked when this was captured: put your own in place of each masked:..."
_MASKED = re.compile(r"masked:[0-9a-f]{16}")

#: RFC 9110 §5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
#: What curl writes itself, from the URL and the body.
_FRAMING = frozenset({"host", "content-length"})
_CODINGS = ("gzip", "deflate", "br", "zstd")
_PLAIN = re.compile(r"(?!=)[A-Za-z0-9_@%+=:,./-]+")  # zsh takes a word that begins with = for a command's path
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "'": "\\047", "!": "\\041", "\\": "\\\\"}
#: In a URL as it was sent these stay; what else there is becomes %XX. A fragment is never sent, so `#` was data.
_URL_SAFE = "!$&'()*+,;=:@/?%[]{}|^`\"<>\\~-._"
#: Without a body, a server may wait for the length of one of these.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def curl(document: Json, body: bytes | None) -> str:
    """The command that sends the communication's request again, notes above it as comments.

    `body` is the request's decoded body (`evidence.body(…).decoded.data`), None where there is none or it is not kept.
    """
    req = document.get("req")
    if not req:
        return NO_REQUEST
    about = req.get("body") or {}
    data, notes = _sendable(req, about, body)
    piped = data is not None and _must_be_piped(data)
    options = [*_line(document, req, data), *_headers(req, data is not None, notes), *_data(data, piped)]
    command = " \\\n  ".join([f"curl {options[0]}", *options[1:]])
    if piped and data is not None:
        command = f"printf %s {b64encode(data).decode()} | base64 -d | {command}"
    if is_masked(command) or (data is not None and is_masked(data.decode("latin-1"))):
        notes.insert(0, MASKED_NOTE)
    return "\n".join([*notes, command])


def is_masked(text: str) -> bool:
    """Whether a secret was masked in it (`documents.masking`)."""
    return _MASKED.search(text) is not None


def shell_quoted(text: str) -> str:
    """One word for bash and zsh that means exactly the text. A NUL, which no argument can hold, is left out."""
    text = text.replace("\0", "")
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return "$'" + "".join(_escaped(c) for c in text) + "'"


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "replace"))


def _sendable(req: Json, about: Json, body: bytes | None) -> tuple[bytes | None, list[str]]:
    """The body that is sent, None for none, and what there is to say about it."""
    size = about.get("size") or 0
    if not size:
        empty = req["method"] in _WITH_BODY or "content-length" in (req.get("headers") or {})
        return (b"" if empty and req["method"] != "HEAD" else None), []
    if req["method"] == "HEAD":
        return None, ["# curl sends no body with HEAD: that of the request is left out."]
    if body is None:
        return None, [f"# The body of the request ({size} bytes) is not kept: none is sent."]
    if len(body) > BODY_BYTES:
        return None, [f"# The body of the request ({len(body)} bytes) is too large for a command: none is sent."]
    return body, ["# The end of the body was not kept: its beginning is sent."] if about.get("truncated") else []


def _must_be_piped(data: bytes) -> bool:
    if len(data) > ARGUMENT_BYTES or b"\0" in data:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False


def _line(document: Json, req: Json, data: bytes | None) -> Iterator[str]:
    """URL, method and version."""
    url, target, host = _where(document, req)
    yield shell_quoted(url)
    if re.search(r"[\[\]{}]", url):
        yield "--globoff"
    if "/." in url:
        yield "--path-as-is"
    if target is not None:
        yield f"--request-target {shell_quoted(target)}"
    if req["method"] == "HEAD":
        yield "--head"
    elif req["method"] != ("GET" if data is None else "POST"):
        yield f"-X {shell_quoted(_one_line(req['method']))}"
    if req.get("httpVersion") == "1.0":
        yield "--http1.0"
    elif url.startswith("https:"):
        yield "--http1.1"
    if host is not None:
        yield f"-H {shell_quoted('Host: ' + host)}"


def _where(document: Json, req: Json) -> tuple[str, str | None, str | None]:
    """The URL; the request target and the Host field where the URL does not give them."""
    scheme = "https" if req.get("scheme") in ("https", "wss") else "http"
    path, query, uri = req.get("path") or "", req.get("query"), req.get("uri") or ""
    tail = path if path != "*" else ""
    if query is not None:
        tail += f"?{query}"
    server = document["stats"]["dst"]
    address = f"[{server['ip']}]" if ":" in server["ip"] else server["ip"]
    named = ((req.get("headers") or {}).get("host") or [""])[0].strip()
    if req["method"] == "CONNECT" and "://" not in uri:
        return f"{scheme}://{address}:{server['port']}", _one_line(uri), _one_line(named) or None
    authority = uri.partition("://")[2].removesuffix(tail)
    host = None
    if not _AUTHORITY.fullmatch(authority):
        authority, host = f"{address}:{server['port']}", _one_line(named) or None
    elif named and named.lower() != authority:
        host = _one_line(named)
    return f"{scheme}://{authority}{quote(tail, safe=_URL_SAFE)}", "*" if path == "*" else None, host


def _headers(req: Json, has_body: bool, notes: list[str]) -> Iterator[str]:
    headers = req.get("headers") or {}
    undone = (req.get("body") or {}).get("encoding")
    unsendable = 0
    for name, values in headers.items():
        if name in _FRAMING or (name == "transfer-encoding" and values == ["chunked"]):
            continue
        if name == "content-encoding" and undone:
            continue
        if not _TOKEN.fullmatch(name):
            unsendable += 1
            continue
        for value in values:
            said = _one_line(value).strip()
            yield f"-H {shell_quoted(f'{name}: {said}' if said else f'{name};')}"
    # What curl would add by itself and the client did not send.
    for name in ("user-agent", "accept", *(["content-type"] if has_body else [])):
        if name not in headers:
            yield f"-H {shell_quoted(name + ':')}"
    accepted = ",".join(headers.get("accept-encoding", [])).lower()
    if any(coding in accepted for coding in _CODINGS):
        yield "--compressed"
    if unsendable:
        notes.append(f"# {unsendable} header fields have names that curl cannot send: they are left out.")


def _one_line(text: str) -> str:
    """Line ends would begin another field (RFC 9110 §5.5: replaced by a space)."""
    return re.sub(r"[\r\n\0]", " ", text)


def _data(data: bytes | None, piped: bool) -> Iterator[str]:
    if data is None:
        return
    yield "--data-binary @-" if piped else f"--data-raw {shell_quoted(data.decode())}"
