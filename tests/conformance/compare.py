"""Our answer against another's, one comparison for each kind of answer.

Each gives a `Result`: how many exchanges and bodies were expected and found, and every difference as one line. A line
names what differs, so that `explained` can say why, one by one.
"""

import base64
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.conformance.corpus import Exchange, exchanges, expected


@dataclass(slots=True)
class Result:
    """How a comparison went."""

    file: Path
    expected: int = 0
    found: int = 0
    bodies: int = 0
    bodies_equal: int = 0
    differences: list[str] = field(default_factory=list)


def with_tshark(file: Path) -> Result:
    """Method, target and status of every exchange between the same ends, as tshark pairs them; HTTP/1 only."""
    theirs = [one for one in expected(file)["exchanges"] if not one.get("http2")]
    wanted = Counter((one["client"], one["server"], one["method"], one["uri"], one.get("status")) for one in theirs)
    ours = Counter((one.client, one.server, one.method, one.target, one.status) for one in exchanges(file))
    result = Result(file, len(theirs), sum((wanted & ours).values()))
    _difference(result, wanted, ours, lambda key: f"{key[2] or '(no request)'} {key[3][:60]} {key[4]}")
    return result


def with_zeek(file: Path) -> Result:
    """Zeek's http.log: method, URI, status, and the sizes of both decoded bodies."""
    rows = expected(file)["zeek_http_log"]
    wanted = Counter(
        (
            row["id.orig_p"],
            row.get("method", ""),
            row.get("uri", ""),
            int(row["status_code"]) if "status_code" in row else None,
            int(row["request_body_len"]),
            int(row["response_body_len"]),
        )
        for row in rows
    )
    ours = Counter(
        (
            one.client.rpartition(":")[2],
            one.method,
            one.target,
            one.status,
            len(one.decoded.get("req", b"")),
            len(one.decoded.get("res", b"")),
        )
        for one in exchanges(file)
    )
    result = Result(file, len(rows), sum((wanted & ours).values()), len(rows), sum((wanted & ours).values()))
    _difference(result, wanted, ours, lambda key: " ".join(str(part)[:40] for part in key[1:]))
    return result


def _difference(result: Result, wanted: Counter[Any], ours: Counter[Any], told: Any) -> None:
    result.differences += [f"missing: {told(key)}" for key in (wanted - ours).elements()]
    result.differences += [f"more: {told(key)}" for key in (ours - wanted).elements()]


def with_har(file: Path) -> Result:
    """A HAR's entries: method, URL, status, header fields and the text of the response body."""
    entries = json.loads(file.with_name(file.name + ".har").read_text())["log"]["entries"]
    rest = list(exchanges(file))
    result = Result(file, len(entries))
    for entry in entries:
        match = next((one for one in rest if _same(entry, one)), None)
        if match is None:
            result.differences.append(f"missing: {_told(entry)}")
            continue
        rest.remove(match)
        result.found += 1
        _har_headers(result, entry, match)
        _har_body(result, entry, match)
    result.differences += [f"more: {one}" for one in rest]
    return result


def _told(entry: dict[str, Any]) -> str:
    url = urlsplit(entry["request"]["url"])
    return f"{entry['request']['method']} {url.path[:60]} {(entry['response'] or {}).get('status')}"


def _same(entry: dict[str, Any], one: Exchange) -> bool:
    url = urlsplit(entry["request"]["url"])
    target = url.path + (f"?{url.query}" if url.query else "")
    status = (entry["response"] or {}).get("status") or None
    return (entry["request"]["method"], target, status) == (one.method, one.target, one.status)


def _har_headers(result: Result, entry: dict[str, Any], one: Exchange) -> None:
    for side, message in (("request", one.request), ("response", one.response)):
        wanted = sorted((header["name"].lower(), header["value"]) for header in (entry[side] or {}).get("headers", []))
        ours = sorted(
            (name, value) for name, values in (message.headers if message else {}).items() for value in values
        )
        if wanted != ours:
            lost = [name for name, _ in set(wanted) - set(ours)]
            more = [name for name, _ in set(ours) - set(wanted)]
            result.differences.append(f"{side} header fields of {_told(entry)}: missing {lost}, more {more}")


def _har_body(result: Result, entry: dict[str, Any], one: Exchange) -> None:
    content = (entry["response"] or {}).get("content", {})
    if not content.get("text") and not one.decoded.get("res"):
        return
    result.bodies += 1
    if content.get("encoding") == "base64":
        equal = base64.b64decode(content["text"]) == one.decoded.get("res", b"")
    else:
        equal = content.get("text", "") == one.text("res")
    result.bodies_equal += equal
    if not equal:
        size = len(one.decoded.get("res", b""))
        result.differences.append(f"body of {_told(entry)}: {content['size']} expected, ours {size} bytes")


def with_arkime(file: Path) -> Result:
    """Arkime's sets for a session: methods, paths, statuses, names of header fields, SHA-256 of bodies as sent."""
    sessions = json.loads(file.with_suffix(".test").read_text())["sessions3"]
    web = [session["body"] for session in sessions if "http" in session["body"]]
    result = Result(file, expected(file)["requests"])
    result.found = len(exchanges(file))
    for session in web:
        client = f"{session['source']['ip']}:{session['source']['port']}"
        ours = [one for one in exchanges(file) if one.client == client]
        _arkime_sets(result, session["http"], ours)
    return result


def _arkime_sets(result: Result, theirs: dict[str, Any], ours: list[Exchange]) -> None:
    sets: dict[str, set[Any]] = {
        "method": {one.method for one in ours},
        "path": {one.target.partition("?")[0] for one in ours},
        "statuscode": {one.status for one in ours},
        "requestHeader": {name for one in ours if one.request for name in one.request.headers},
        "responseHeader": {name for one in ours if one.response for name in one.response.headers},
    }
    for name, found in sets.items():
        wanted = set(theirs.get(name, []))
        if wanted != found:
            result.differences.append(f"{name}: missing {sorted(wanted - found)}, more {sorted(found - wanted)}")
    messages = [message for one in ours for message in (one.request, one.response) if message and message.body]
    hashes = {hashlib.sha256(message.body).hexdigest() for message in messages}
    wanted = set(theirs.get("sha256", []))
    result.bodies += len(wanted)
    result.bodies_equal += len(wanted & hashes)
    if wanted != hashes:
        lines = [f"missing {len(wanted - hashes)}", f"more {len(hashes - wanted)}"]
        result.differences.append(f"sha256 of bodies as sent: {', '.join(lines)}")


MARKS = (b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE", b"X5O!P%@AP[4")


def evaded(file: Path) -> bool:
    """Whether the decoded body of some response holds the test virus."""
    return any(all(mark in one.decoded.get("res", b"") for mark in MARKS) for one in exchanges(file))
