"""Events to documents: what the parsers saw becomes the JSON that is stored and searched.

Runs some thousand times a second, so it builds one plain dict and dumps it once; everything that repeats from exchange
to exchange (hosts, queries, tokens, cookies, seconds) comes from small bounded caches. A field without a value is left
out, but for `decodedSize` and `sha256`, which are null where a body could not be kept or is not whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec

from documents import identity, ids
from documents.body import coding_fields, decoded_bodies, described
from documents.body_masking import mask_body
from documents.masking import Masker, masker
from documents.rules import DEFAULT_RULES, ParsingRules
from documents.rules.compiled import Labels
from documents.rules.correlation import correlated
from documents.rules.kept import LeftOut
from documents.rules.parts import Parts
from documents.shapes import Shape, Shapes
from documents.storable import encode
from documents.target import Target, absolute, target
from wire.charset import NO_TYPE, content_type
from wire.events import Communication, DirectionTotals, Endpoint, Headers, Message, SessionKey, TcpSession
from wire.limits import DEFAULT, Limits

#: Grows when the same packets would give other documents.
PARSER_VERSION = "1"

_LAST = (1 << 63) - 1
# Endpoints, sessions and seconds that are remembered.
_REMEMBERED = 8192
_NO_VALUE = ("",)
_CLASSES = {n: f"{n}xx" for n in range(1, 10)}


class Document(msgspec.Struct, frozen=True, gc=False):
    """A document ready to store: `body` is its JSON."""

    # A struct, here and in `target`: a named tuple takes four times as long to make.

    id: str
    version: int
    resource: str
    day: str
    policy: str
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What the documents of one capture repeat, and the rules they are made by.

    `names` gives host names by address. `mask_key` is the installation's secret, at most 64 bytes of it count.
    """

    whisperer: str
    capture: str
    mask_key: bytes
    instance: str = ""
    interface: str = ""
    policy: str = "default"
    limits: Limits = DEFAULT
    rules: ParsingRules = DEFAULT_RULES
    names: Mapping[str, str] = field(default_factory=dict)
    masker: Masker = field(init=False, repr=False)
    ends: dict[Endpoint, dict[str, Any]] = field(init=False, repr=False, default_factory=dict)
    sessions: "dict[str, _Session]" = field(init=False, repr=False, default_factory=dict)
    shapes: Shapes = field(init=False, repr=False)
    # The rules that most captures do without, None there: one look less for each document.
    left_out: LeftOut | None = field(init=False, repr=False)
    labels: Labels | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "masker", masker(self.mask_key, self.rules.masking))
        object.__setattr__(self, "shapes", Shapes(self.masker.sensitive, self.rules))
        for name in ("left_out", "labels"):
            object.__setattr__(self, name, getattr(self.rules, name))


class _Session(msgspec.Struct, frozen=True, gc=False):
    """What the communications of a session repeat; both dicts are shared and not to be changed."""

    client: Endpoint
    server: Endpoint
    day: str
    id: str  # of the session's document
    source: dict[str, Any]  # while a request tells nothing of who sent it
    destination: dict[str, Any]


# Digits of a second since the epoch → its text. All its nanoseconds are times that both stores hold.
_seconds: dict[str, str] = {}


def stamp(nanoseconds: int) -> str:
    """A time as RFC 3339 in UTC with nine digits.

    A capture may claim any time; both stores end at 64-bit nanoseconds, so others become the nearest they hold.
    """
    # To cut digits takes half the time of a division and a format with leading zeros.
    digits = str(nanoseconds)
    second = _seconds.get(digits[:-9])
    return f"{second}{digits[-9:]}Z" if second is not None else _stamp(nanoseconds)


def _stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(min(max(nanoseconds, 0), _LAST), 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
    if 0 < seconds < _LAST // 1_000_000_000:
        if len(_seconds) >= _REMEMBERED:
            _seconds.clear()
        _seconds[str(seconds)] = text
    return f"{text}{rest:09d}Z"


def httpcomm(comm: Communication, ctx: Context) -> Document:
    """The document of a communication."""
    request, response, session = comm.request, comm.response, comm.session
    known = ctx.sessions.get(session.id)
    if known is None or known.client is not session.client or known.server is not session.server \
            or known.day != session.day:  # fmt: skip
        known = _session(session, ctx)
    document_id = ids.communication_id(comm, ctx.policy)
    anomalies = comm.anomalies.copy()
    document: dict[str, Any] = {
        "id": document_id,
        "version": comm.version,
        "whisperer": ctx.whisperer,
        "instance": ctx.instance,
        "interface": ctx.interface,
        "capture": ctx.capture,
        "tcpSession": known.id,
        "chunk": comm.chunk,
        "parserVersion": PARSER_VERSION,
        "protocol": "http/1.1",
        "date": "",
        "parsing": {"status": comm.status, "anomalies": anomalies},
    }
    stats: dict[str, Any] = {"src": known.source, "dst": known.destination}
    where: Target | None = None
    if request is not None:
        where = target(request, session.server, ctx.masker)
        shape = ctx.shapes[tuple(request.headers)]
        document["req"] = req = _request(request, shape, where, ctx, anomalies)
        document["date"] = req["date"]
        if shape.who:
            told, source = ctx.rules.clients, known.source
            stats["src"] = _identified(request.headers, source) if told is None else told.source(req, source)
        if shape.correlation:
            found = correlated(req["headers"], shape.correlation)
            if found:
                stats["correlation"] = found
    if response is not None:
        document["res"] = res = _response(response, request, comm.interim, where, ctx, anomalies)
        if request is None:
            document["date"] = res["date"]
        stats["statusCode"] = status = response.status
        stats["statusClass"] = _CLASSES.get(status // 100, "other")
    if request is not None:
        _time(request, response, stats)
    document["stats"] = stats
    if ctx.labels is not None:
        _make_readable(document)
        ctx.labels.put(document, Parts(document, decoded_bodies(comm), ctx.masker))
    body = encode(document)
    if ctx.labels is None and not body.isascii() and _make_readable(document):
        body = encode(document)
    return Document(document_id, comm.version, "httpcomms", comm.day, ctx.policy, body)


def _session(session: SessionKey, ctx: Context) -> _Session:
    """Remember what the communications of a session repeat."""
    client = _endpoint(session.client, ctx)
    known = _Session(
        client=session.client,
        server=session.server,
        day=session.day,
        id=ids.session_id(session, ctx.policy),
        source={**client, "origin": client["ip"]},
        destination=_endpoint(session.server, ctx),
    )
    if len(ctx.sessions) >= _REMEMBERED:
        ctx.sessions.clear()
    ctx.sessions[session.id] = known
    return known


def _time(request: Message, response: Message | None, stats: dict[str, Any]) -> None:
    """Milliseconds; nothing lasts less than 0, whatever the clock of a capture did."""
    began, sent = request.started, request.ended
    send = (sent - began) / 1e6 if sent > began else 0.0
    if response is None:
        stats["timings"] = {"send": send}
        return
    answered, ended = response.started, response.ended
    stats["duration"] = (ended - began) / 1e6 if ended > began else 0.0
    stats["timings"] = {
        "send": send,
        "wait": (answered - sent) / 1e6 if answered > sent else 0.0,
        "receive": (ended - answered) / 1e6 if ended > answered else 0.0,
    }


def _endpoint(end: Endpoint, ctx: Context) -> dict[str, Any]:
    """Shared by the documents of one context: not to be changed."""
    known = ctx.ends.get(end)
    if known is None:
        ip = identity.address(end.ip) or end.ip
        known = {"ip": ip, "port": end.port, "name": ctx.names.get(ip, ip)}
        if len(ctx.ends) >= _REMEMBERED:
            ctx.ends.clear()
        ctx.ends[end] = known
    return known


def _identified(headers: Headers, source: dict[str, Any]) -> dict[str, Any]:
    """The source with who sent it, found before anything is masked."""
    source = source.copy()
    found = identity.origin(headers)
    if found is not None:
        source["origin"] = found
    credentials = headers.get("authorization")
    if credentials:
        known = identity.authorization(credentials[0])
        if known.kind:
            source["identification"] = known.identification
            source["identificationKind"] = known.kind
    return source


def _request(
    message: Message, shape: Shape, where: Target, ctx: Context, anomalies: list[str]
) -> dict[str, Any]:  # fmt: skip
    req: dict[str, Any] = {
        "date": stamp(message.started),
        "method": message.method,
        "scheme": where.scheme,
        "host": where.host,
        "path": where.path,
        "uri": where.uri,
        "httpVersion": message.version,
    }
    if where.query is not None:
        req["query"] = where.query
        if where.params:
            req["params"] = where.params
        if where.cut:
            anomalies.append("paramsCut")
    if shape.who:
        credentials = message.headers.get("authorization")
        if credentials:
            req["authorization"] = identity.authorization(credentials[0]).fields
    _common(req, message, shape.sensitive, ctx, anomalies)
    return req


def _response(
    message: Message, request: Message | None, interim: list[Message], where: Target | None, ctx: Context,
    anomalies: list[str],
) -> dict[str, Any]:  # fmt: skip
    res: dict[str, Any] = {
        "date": stamp(message.started),
        "status": message.status,
        "reason": message.reason,
        "httpVersion": message.version,
    }
    if interim:
        res["interim"] = [
            {"date": stamp(one.started), "status": one.status, "reason": one.reason,
             "headers": ctx.masker.headers(one.headers)}
            for one in interim
        ]
    sensitive = ctx.shapes[tuple(message.headers)].sensitive
    if sensitive:
        location = message.headers.get("location")
        if location and location[0]:
            forwarded = request.headers.get("x-forwarded-proto") if request is not None else None
            res["location"] = ctx.masker.url(absolute(where, readable(location[0]), forwarded))
    _common(res, message, sensitive, ctx, anomalies)
    return res


def _common(out: dict[str, Any], message: Message, sensitive: bool, ctx: Context, anomalies: list[str]) -> None:
    """What requests and responses share."""
    headers = message.headers
    if headers:
        out["headers"] = ctx.masker.headers(headers) if sensitive else headers
    if message.trailers:
        out["trailers"] = ctx.masker.headers(message.trailers)
    values = headers.get("content-type")
    kind = content_type(values[0]) if values else NO_TYPE
    if kind.media:
        out["contentType"] = kind.media
    out["size"] = message.end - message.offset
    if message.body_size:
        out["body"] = described(message, kind, ctx.limits, ctx.masker, ctx.left_out, anomalies)


def _make_readable(document: dict[str, Any]) -> bool:
    """Read header values and reasons of a document that is not all ASCII as what they are; False if they are ASCII.

    Done last, because hardly any document needs it and looking costs as much as masking.
    """
    changed = False
    sides = [document[side] for side in ("req", "res") if side in document]
    for side in [*sides, *(one for found in sides for one in found.get("interim", ()))]:
        for part in ("headers", "trailers"):
            fields = side.get(part)
            if fields and not "".join(chain.from_iterable(fields.values())).isascii():
                side[part] = {name: [readable(value) for value in values] for name, values in fields.items()}
                changed = True
        if "reason" in side and not side["reason"].isascii():
            side["reason"] = readable(side["reason"])
            changed = True
    return changed


def readable(value: str) -> str:
    """Text that came as Latin-1 but was UTF-8, as most of what is not ASCII in a header is (RFC 9110 §5.5 leaves it
    open)."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except (UnicodeEncodeError, UnicodeDecodeError):
        return value


def tcpsession(record: TcpSession, ctx: Context) -> Document:
    """The document of a TCP session."""
    session = record.session
    document_id = ids.session_id(session, ctx.policy)
    document: dict[str, Any] = {
        "id": document_id,
        "version": record.version,
        "whisperer": ctx.whisperer,
        "instance": ctx.instance,
        "interface": ctx.interface,
        "capture": ctx.capture,
        "chunk": session.chunk,
        "lastChunk": record.last_chunk,
        "parserVersion": PARSER_VERSION,
        "date": stamp(record.first),
        "lastDate": stamp(record.last),
        "state": record.state,
        "startSeen": record.start_seen,
        "communications": record.communications,
        "parsing": {"anomalies": record.anomalies},
        "client": _totals(session.client, record.client, ctx),
        "server": _totals(session.server, record.server, ctx),
    }
    if record.connected:
        document["connected"] = stamp(record.connected)
    if record.end:
        document["end"] = record.end
    if record.protocol:
        document["protocol"] = record.protocol
    return Document(document_id, record.version, "tcpsessions", session.day, ctx.policy, encode(document))


def _totals(end: Endpoint, totals: DirectionTotals, ctx: Context) -> dict[str, Any]:
    return _endpoint(end, ctx) | {
        "packets": totals.packets,
        "bytes": totals.bytes,
        "parsed": totals.parsed,
        "skipped": {reason: str(count) for reason, count in totals.skipped.items()},
        "gaps": totals.gaps,
        "gapBytes": totals.gap_bytes,
        "retransmitted": totals.retransmitted,
    }


def body_entries(comm: Communication, ctx: Context) -> list[tuple[str, bytes, dict[str, str]]]:
    """The bodies of a communication, each with its id and what is needed to read it: content codings and type.

    Raw as on the wire; where body keys are masked, decoded and masked.
    """
    entries: list[tuple[str, bytes, dict[str, str]]] = []
    document_id = ""
    for message, side in ((comm.request, "req"), (comm.response, "res")):
        if message is None or not message.body:
            continue
        document_id = document_id or ids.communication_id(comm, ctx.policy)
        headers = message.headers
        kind = headers.get("content-type", _NO_VALUE)[0]
        if ctx.left_out is not None and ctx.left_out[content_type(kind).media]:
            continue
        raw, encoding = message.body, ", ".join(coding_fields(headers))
        if ctx.masker.body_keys:
            raw, encoding = mask_body(
                raw, encoding, kind, ctx.limits.decoded_bytes, ctx.masker.body_keys, ctx.masker.secret
            )
        entries.append((f"{document_id}-{side}", raw, {"encoding": encoding, "contentType": kind}))
    return entries
