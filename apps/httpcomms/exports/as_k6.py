"""A load script for k6: the requests in their order, with their pauses, in groups, each response's status checked.

Nothing secret is in it: header fields that carry credentials are left out, masked or not, and come from the environment
of whoever runs it. Requests are data (JSON), never code. What broke off is no JavaScript and does not run.
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator

import orjson

from apps.core.words import nanoseconds
from apps.httpcomms.curl import is_masked
from apps.httpcomms.exports.base import Job, Json
from documents.masking import HEADERS

NO_REQUEST = "their request was not seen"
NO_TUNNELS = "k6 opens no tunnels (CONNECT)"
#: Fields that carry credentials, and those that k6 writes itself.
_SECRET = HEADERS | {"authorization", "proxy-authorization", "cookie"}
_OWN = frozenset({"content-length", "transfer-encoding", "connection", "host", "expect", "accept-encoding"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

_HEAD = """\
// {about}
//
// Sends the requests again in their order, at their times, one after the other.
//   k6 run this-file.js
//   k6 run -e TARGET=http://127.0.0.1:8080 -e SPEED=2 -e AUTHORIZATION="Bearer ..." --vus 5 this-file.js
// TARGET takes the place of scheme, host and port; SPEED divides the pauses; AUTHORIZATION and COOKIE are sent with
// every request that had one: credentials are not in this file.
import http from "k6/http";
import encoding from "k6/encoding";
import {{ check, group, sleep }} from "k6";

export const options = {{ vus: 1, iterations: 1 }};

// at: seconds after the first. secrets: fields with credentials, left out. base64: of a body that is no text.
const requests = [
"""
_TAIL = """\
];

const target = (__ENV.TARGET || "").replace(/\\/+$/, "");
const speed = Number(__ENV.SPEED || 1);
const credentials = { authorization: __ENV.AUTHORIZATION, cookie: __ENV.COOKIE };

export default function () {
  const begun = Date.now();
  for (const one of requests) {
    const wait = one.at / speed - (Date.now() - begun) / 1000;
    if (wait > 0) sleep(wait);
    const headers = Object.fromEntries(one.headers);
    for (const name of one.secrets) if (credentials[name]) headers[name] = credentials[name];
    const url = target ? one.url.replace(/^[a-z]+:\\/\\/[^/?]*/, () => target) : one.url;
    const body = one.base64 === undefined ? (one.body ?? null) : encoding.b64decode(one.base64, "std");
    group(one.group, () => {
      const response = http.request(one.method, url, body, { headers, redirects: 0, tags: { name: one.name } });
      if (one.status) check(response, { [`status is ${one.status}`]: (r) => r.status === one.status });
    });
  }
}
"""


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """The script, request by request."""
    yield _HEAD.format(about=job.about.text).encode()
    first: int | None = None
    for document in documents:
        req = document.get("req")
        if not req or req["method"] == "CONNECT":
            job.tally.left_out[NO_TUNNELS if req else NO_REQUEST] += 1
            continue
        job.tally.written += 1
        moment = nanoseconds(req["date"])
        first = moment if first is None else first
        yield b"  " + _as_data(_step(document, req, moment - first, job)) + b",\n"
    yield _TAIL.encode() + f"\n// {job.tally.ending}\n".encode()


def _as_data(step: Json) -> bytes:
    """JSON is JavaScript, but for two line ends in old engines."""
    return orjson.dumps(step).replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")


def _step(document: Json, req: Json, after: int, job: Job) -> Json:
    headers, secrets = _headers(req)
    uri = req["uri"]
    path = req.get("path") or "/"
    step: Json = {
        "at": max(after, 0) / 1e9,
        "group": req.get("template") or f"{req['method']} {req.get('host') or ''}",
        "name": f"{req['method']} {req.get('template') or path}",
        "method": req["method"],
        "url": uri if "://" in uri else f"{req.get('scheme') or 'http'}://{uri}",
        "headers": headers,
        "secrets": secrets,
        "status": (document.get("stats") or {}).get("statusCode"),
    }
    return step | _body(document, job)


def _headers(req: Json) -> tuple[list[list[str]], list[str]]:
    """Name and value pairs, and the names of fields with credentials. k6 sends one value a name."""
    found, secrets = [], []
    decoded = bool((req.get("body") or {}).get("encoding"))
    for name, values in (req.get("headers") or {}).items():
        if name in _SECRET or any(is_masked(value) for value in values):
            secrets.append(name)
        elif name not in _OWN and _TOKEN.fullmatch(name) and not (decoded and name == "content-encoding"):
            joined = ", ".join(values)
            found.append([name, re.sub(r"[\r\n\0]", " ", joined)])
    return found, secrets


def _body(document: Json, job: Job) -> Json:
    data = job.body(document, "req")
    if data is None:
        return {}
    try:
        return {"body": data.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}
