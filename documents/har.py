"""Communications as HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/), entry by entry, so that any number of
them passes through little memory. Chrome's and Firefox's developer tools open the result.

It is made from stored documents, so what was masked stays masked. A communication without a response has status 0, as
browsers write an aborted one. Names that begin with an underscore are those that Chrome writes and reads.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from wire import bodies

CREATOR = {"name": "Spider", "version": "1"}

#: Milliseconds before a request is sent. Chrome takes one that was sent at 0 for one that was never sent and draws
#: all of its time as stalled; a nanosecond is as fine as our dates are.
BLOCKED = 1e-6
#: What Chrome tells by itself from the type of the content; the rest is what programs fetch from each other.
_SHOWN_BY_TYPE = ("image/", "font/", "audio/", "video/", "text/html", "text/css", "text/javascript",
                  "application/javascript", "application/wasm")  # fmt: skip
_FORM = "application/x-www-form-urlencoded"
#: Chrome's word for content of which nobody said what it is.
_UNKNOWN = "x-unknown"
_NO_RESPONSE = "no response was seen"
_CUT = "its end was not kept"

#: Gives the decoded body of a communication's side ("req", "res"), or None where it is not kept.
BodyReader = Callable[[dict[str, Any], str], bytes | None]


def stream(documents: Iterable[dict[str, Any]], body: BodyReader | None = None) -> Iterator[bytes]:
    """The HAR of the documents, in pieces. Those without a request are left out: HAR has no place for them.

    Without `body`, the beginning of each body that the document itself holds is used.
    """
    head = orjson.dumps({"version": "1.2", "creator": CREATOR, "pages": []})
    yield b'{"log":' + head[:-1] + b',"entries":['
    separator = b""
    for document in documents:
        if "req" in document:
            yield separator + orjson.dumps(entry(document, body))
            separator = b",\n"
    yield b"]}}"


def entry(document: dict[str, Any], body: BodyReader | None = None) -> dict[str, Any]:
    """One entry of the log."""
    req, res, stats = document["req"], document.get("res"), document["stats"]
    timings = stats.get("timings", {})
    spans = {name: timings.get(name, 0.0) for name in ("send", "wait", "receive")}
    response = _response(document, res, body) if res is not None else _no_response()
    found = {
        "startedDateTime": _date(req["date"]),
        "time": BLOCKED + sum(spans.values()),
        "request": _request(document, req, body),
        "response": response,
        "cache": {},
        "timings": {"blocked": BLOCKED, "dns": -1, "connect": -1, "ssl": -1, **spans},
        "serverIPAddress": stats["dst"]["ip"],
        "connection": document["tcpSession"],
        "comment": document["id"],
    }
    if not response["content"]["mimeType"].lower().startswith(_SHOWN_BY_TYPE):
        found["_resourceType"] = "fetch"
    return found


def _date(text: str) -> str:
    """HAR wants ISO 8601; readers' Date.parse knows milliseconds."""
    return text[:23] + "Z"


def _request(document: dict[str, Any], req: dict[str, Any], body: BodyReader | None) -> dict[str, Any]:
    size = req.get("body", {}).get("size", 0)
    found: dict[str, Any] = {
        "method": req["method"],
        "url": _url(req),
        "httpVersion": f"HTTP/{req['httpVersion']}",
        "cookies": _cookies(req.get("headers", {}).get("cookie", [])),
        "headers": _pairs(req.get("headers", {})),
        "queryString": [
            {"name": name, "value": value} for name, all_values in req.get("params", {}).items() for value in all_values
        ],
        "headersSize": max(req["size"] - size, 0),
        "bodySize": size,
    }
    if size:
        found["postData"] = _post_data(document, req, body)
    return found


def _url(req: dict[str, Any]) -> str:
    """HAR wants it absolute; CONNECT has host and port alone (RFC 9112 §3.2.3)."""
    uri: str = req["uri"]
    return uri if "://" in uri else f"{req['scheme']}://{uri}"


def _post_data(document: dict[str, Any], req: dict[str, Any], body: BodyReader | None) -> dict[str, Any]:
    """What was sent; HAR has no field for its encoding, so binary content says it in words."""
    text, encoding = _text(document, "req", body)
    found: dict[str, Any] = {"mimeType": _mime(req) or "application/octet-stream", "params": [], "text": text}
    if found["mimeType"].lower().startswith(_FORM) and not encoding:
        pairs = parse_qsl(text, keep_blank_values=True)
        found["params"] = [{"name": name, "value": value} for name, value in pairs]
    remarks = ["text is base64"] if encoding else []
    if req["body"].get("truncated"):
        remarks.append(_CUT)
    if remarks:
        found["comment"] = ", ".join(remarks)
    return found


def _response(document: dict[str, Any], res: dict[str, Any], body: BodyReader | None) -> dict[str, Any]:
    stored = res.get("body", {})
    size = stored.get("size", 0)
    text, encoding = _text(document, "res", body) if size else ("", "")
    decoded = stored.get("decodedSize")
    whole = size if decoded is None else decoded
    content: dict[str, Any] = {"size": whole, "mimeType": _mime(res) or _UNKNOWN, "text": text}
    if encoding:
        content["encoding"] = encoding
    if decoded is not None and decoded != size:
        content["compression"] = decoded - size
    if stored.get("truncated"):
        content["comment"] = _CUT
    return {
        "status": res["status"],
        "statusText": res.get("reason", ""),
        "httpVersion": f"HTTP/{res['httpVersion']}",
        "cookies": [_set_cookie(value) for value in res.get("headers", {}).get("set-cookie", [])],
        "headers": _pairs(res.get("headers", {})),
        "content": content,
        "redirectURL": res.get("location", ""),
        "headersSize": max(res["size"] - size, 0),
        "bodySize": size,
        "_transferSize": res["size"],
    }


def _no_response() -> dict[str, Any]:
    return {
        "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [], "redirectURL": "",
        "content": {"size": 0, "mimeType": _UNKNOWN, "text": ""}, "headersSize": -1, "bodySize": -1,
        "_transferSize": 0, "_error": _NO_RESPONSE, "comment": _NO_RESPONSE,
    }


def _pairs(headers: dict[str, list[str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, all_values in headers.items() for value in all_values]


def _cookies(values: list[str]) -> list[dict[str, str]]:
    cookies = []
    for pair in ";".join(values).split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals:
            cookies.append({"name": name, "value": unquote(value)})
    return cookies


def _set_cookie(value: str) -> dict[str, Any]:
    """A cookie with its attributes (RFC 6265 §5.2); a date that nobody can read is left out."""
    pair, *attributes = value.split(";")
    name, _, content = pair.strip().partition("=")
    cookie: dict[str, Any] = {"name": name, "value": unquote(content), "httpOnly": False, "secure": False}
    for attribute in attributes:
        key, _, said = (part.strip() for part in attribute.partition("="))
        match key.lower():
            case "path" | "domain":
                cookie[key.lower()] = said
            case "expires":
                cookie |= _expires(said)
            case "httponly":
                cookie["httpOnly"] = True
            case "secure":
                cookie["secure"] = True
            case "samesite":
                cookie["sameSite"] = said
    return cookie


def _expires(text: str) -> dict[str, str]:
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return {}
    return {"expires": _date(moment.isoformat(timespec="milliseconds"))}


def _mime(side: dict[str, Any]) -> str:
    named = side.get("headers", {}).get("content-type")
    return named[0] if named else ""


def _text(document: dict[str, Any], side: str, body: BodyReader | None) -> tuple[str, str]:
    """The body's text and, for one that is binary, its encoding."""
    data = body(document, side) if body is not None else None
    if data is None:
        return document[side].get("body", {}).get("text", ""), ""
    text = bodies.text(data, _mime(document[side]))
    if text is not None:
        return text, ""
    return b64encode(data).decode("ascii"), "base64"
