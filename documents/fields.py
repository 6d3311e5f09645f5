"""The one table of every field that a document has.

It drives the index mapping and the table columns, the query language, the serializers, the forms, the permissions and
the documentation page. A field that is not in it does not exist: a query for it is an error, a test finds a document
that carries it. A field with keys of its own (`req.headers`) is searched as `req.headers.<key>`.

Dates are RFC 3339 strings in UTC with nine digits; a typed column keeps them as nanoseconds since the epoch (bigint),
because PostgreSQL's timestamps end at microseconds and both stores must give the same hits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Type = Literal["keyword", "text", "long", "integer", "short", "ip", "date", "boolean", "double", "flattened"]

#: Seen by everyone who may see the communication at all.
PUBLIC = "public"
#: What was said: header fields, parameters, bodies, claims. A right of its own may be asked for these.
CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a document.

    `column` is the PostgreSQL type of its column (jsonb: its keys with their values), None where it has none. `many`
    says that it holds a list, `nested` that it lies inside a list of objects. `bare` says how a word without a field
    name finds it: "contains", "words" or not at all. `lower` says that its values are stored in lower case, so the
    query's are lowered too. `unit` is "ms" or "bytes" where a number has one. `numbers` says that the values under its
    keys are numbers, found by their digits.
    """

    name: str
    type: Type
    description: str
    example: str
    permission: str = PUBLIC
    column: str | None = None
    many: bool = False
    bare: Literal["", "contains", "words"] = ""
    lower: bool = False
    unit: str = ""
    nested: bool = False
    numbers: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to it in the JSON."""
        return tuple(self.name.split("."))

    @property
    def column_name(self) -> str:
        """Its column: dots and capitals become underscores (`stats.statusCode` is `stats_status_code`)."""
        flat = self.name.replace(".", "_")
        return "".join("_" + c.lower() if c.isupper() else c for c in flat)

    @property
    def sortable(self) -> bool:
        """Whether a result can be ordered by it: one value a document, and a column to read it from."""
        return self.column is not None and not self.many and self.type not in ("text", "flattened")


def _keyword(name: str, description: str, example: str, **more: object) -> Field:
    return Field(name, "keyword", description, example, **more)  # type: ignore[arg-type]


def _content(name: str, kind: Type, description: str, example: str, **more: object) -> Field:
    return Field(name, kind, description, example, CONTENT, **more)  # type: ignore[arg-type]


#: First byte on the wire: what time ranges, timelines and the default order use, in every resource.
TIME_FIELD = "date"

_COMMON = (
    _keyword("id", "Identifier of the document; begins with its day and storage policy.",
             "20261122-default-9f86d081884c7d65-q1f4", column="text"),
    Field("version", "long", "Grows with the session's progress; a later document replaces an earlier one.",
          "16777217", column="bigint"),
    _keyword("whisperer", "Whisperer that captured it.", "0b7e5c1e-5b0c-4a53-9f7b-0c6f3f3f0a11", column="text"),
    _keyword("instance", "Agent on one host, of that whisperer.", "gateway-1", column="text"),
    _keyword("interface", "Network interface or file it was read from.", "eth0"),
    _keyword("capture", "Run of the agent that saw it.", "c-20261122-101500-7f", column="text"),
    Field("chunk", "integer", "Number of the chunk that held its first byte.", "17", column="integer"),
    _keyword("parserVersion", "Version of the parser that made the document.", "1"),
    Field(TIME_FIELD, "date", "When it began: time of its first byte on the wire.", "2026-11-22T10:15:00.123456789Z",
          column="bigint"),
)


def _message(side: str, word: str) -> tuple[Field, ...]:
    """The fields a request and a response have in common."""
    return (
        _content(f"{side}.headers", "flattened", f"Header fields of the {word}, names in lower case, a list of values "
                 "each; credentials masked.", "application/json", many=True),
        _content(f"{side}.trailers", "flattened", f"Trailer fields of the {word}, as its headers.", "abc", many=True),
        _keyword(f"{side}.contentType", f"Media type of the {word}'s body, lower case, without parameters.",
                 "application/json", column="text", lower=True),
        Field(f"{side}.size", "long", f"Bytes of the whole {word} on the wire, framing included.", "1432",
              unit="bytes"),
        Field(f"{side}.body.size", "long", f"Bytes of the {word}'s body as sent, chunk framing taken away.", "812",
              column="bigint", unit="bytes"),
        Field(f"{side}.body.decodedSize", "long", f"Bytes of the {word}'s body after its content codings were undone; "
              "absent above the limits.", "2100", unit="bytes"),
        _keyword(f"{side}.body.encoding", f"Content codings undone in the {word}'s body, first applied first.", "gzip",
                 many=True),
        Field(f"{side}.body.truncated", "boolean", f"The {word}'s body was larger than what is kept.", "false"),
        _keyword(f"{side}.body.leftOut", f"Why the {word}'s body is not kept: type (its content type is not among "
                 "those to keep) or off (no bodies are kept).", "type"),
        _keyword(f"{side}.body.sha256", f"SHA-256 of the {word}'s decoded body as it was on the wire, before masking.",
                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", lower=True),
        _content(f"{side}.body.text", "text", f"Beginning of the {word}'s decoded body as text.", "payment failed",
                 bare="words"),
    )


_HTTPCOMMS = (
    *_COMMON,
    _keyword("tcpSession", "Identifier of the TCP session that carried it.", "20261122-default-9f86d081884c7d65",
             column="text"),
    _keyword("protocol", "Protocol of the exchange.", "http/1.1"),
    _keyword("parsing.status", "complete, noResponse, noRequest, gap, truncated or error.", "complete", column="text"),
    _keyword("parsing.anomalies", "Codes of what was odd in the traffic.", "encodingCut", many=True),
    Field("req.date", "date", "First byte of the request.", "2026-11-22T10:15:00.123456789Z"),
    _keyword("req.method", "Request method, as sent.", "GET", column="text"),
    _keyword("req.scheme", "Scheme of the target URI.", "http", lower=True),
    _keyword("req.host", "Host the client asked for, lower case, without port.", "api.shop.example", column="text",
             bare="contains", lower=True),
    _keyword("req.path", "Path of the target, as sent.", "/api/orders/58213", column="text", bare="contains"),
    _content("req.query", "keyword", "Query of the target, as sent, secrets masked.", "page=2&size=50",
             bare="contains"),
    _content("req.params", "flattened", "Query parameters, decoded, a list of values each; secrets masked.", "2",
             many=True),
    _content("req.uri", "keyword", "Absolute target URI, secrets masked.", "http://api.shop.example/api/orders?page=2"),
    _keyword("req.httpVersion", "HTTP version of the request.", "1.1"),
    _keyword("req.authorization.kind", "Scheme of the Authorization header, lower case.", "bearer", lower=True),
    _keyword("req.authorization.login", "Login of a Basic or Digest Authorization.", "alice"),
    _content("req.authorization.jwtHeader", "flattened", "Header of the JSON Web Token in Authorization.", "RS256",
             many=True),
    _content("req.authorization.jwtClaims", "flattened", "Claims of the JSON Web Token in Authorization.", "alice",
             many=True),
    _keyword("req.template", "Name of the first request template that fits.", "order detail", column="text"),
    *_message("req", "request"),
    Field("res.date", "date", "First byte of the response.", "2026-11-22T10:15:00.130001000Z"),
    Field("res.status", "short", "Status code of the response.", "200"),
    _keyword("res.reason", "Reason phrase of the response.", "OK"),
    Field("res.interim.date", "date", "First bytes of the interim (1xx) responses before it.",
          "2026-11-22T10:15:00.125000000Z", many=True, nested=True),
    Field("res.interim.status", "short", "Status codes of the interim responses.", "100", many=True, nested=True),
    _keyword("res.interim.reason", "Reason phrases of the interim responses.", "Continue", many=True, nested=True),
    _content("res.interim.headers", "flattened", "Header fields of the interim responses.", "</style.css>; rel=preload",
             many=True, nested=True),
    _keyword("res.httpVersion", "HTTP version of the response.", "1.1"),
    _content("res.location", "keyword", "Location of the response, made absolute, secrets masked.",
             "https://api.shop.example/login"),
    *_message("res", "response"),
    Field("stats.src.ip", "ip", "Address of the client as captured.", "10.0.3.17", column="inet"),
    Field("stats.src.port", "integer", "Port of the client.", "49812"),
    _keyword("stats.src.name", "Name of the client, its address where no name is known.", "gateway", column="text",
             bare="contains"),
    Field("stats.src.origin", "ip", "Address of the client behind proxies, as Forwarded or X-Forwarded-For tell it, "
          "else as captured.", "203.0.113.9", column="inet"),
    _keyword("stats.src.identification", "Who the client is, by the first source that tells: its login, a claim of its "
             "token, a header field or its certificate.", "alice", column="text", bare="contains"),
    _keyword("stats.src.identificationKind", "How the client was identified: basic, digest, jwt, header or "
             "certificate.", "jwt"),
    Field("stats.dst.ip", "ip", "Address of the server.", "10.0.4.2", column="inet"),
    Field("stats.dst.port", "integer", "Port of the server.", "8080", column="integer"),
    _keyword("stats.dst.name", "Name of the server, its address where no name is known.", "orders", column="text",
             bare="contains"),
    Field("stats.statusCode", "short", "Status code; absent without a response.", "503", column="smallint"),
    _keyword("stats.statusClass", "Class of the status code.", "5xx", column="text"),
    Field("stats.duration", "double", "First byte of the request to last byte of the response.", "12.345678",
          column="double precision", unit="ms"),
    Field("stats.timings.send", "double", "First to last byte of the request.", "0.12", unit="ms"),
    Field("stats.timings.wait", "double", "Last byte of the request to first byte of the response.", "11.9",
          unit="ms"),
    Field("stats.timings.receive", "double", "First to last byte of the response.", "0.32", unit="ms"),
    _content("stats.tags", "flattened", "Values taken out by tag rules, by name.", "A-58213", column="jsonb",
             many=True),
    _keyword("stats.correlation", "Identifiers that link it with other communications.",
             "4bf92f3577b34da6a3ce929d0e0e4736", many=True),
)


def _direction(side: str) -> tuple[Field, ...]:
    """Totals of what one end of a session sent."""
    return (
        Field(f"{side}.ip", "ip", f"Address of the {side}.", "10.0.3.17", column="inet"),
        Field(f"{side}.port", "integer", f"Port of the {side}.", "49812", column="integer"),
        _keyword(f"{side}.name", f"Name of the {side}, its address where no name is known.", "gateway",
                 bare="contains"),
        Field(f"{side}.packets", "long", f"Packets the {side} sent.", "42"),
        Field(f"{side}.bytes", "long", f"Payload bytes the {side} sent, repeated ones included.", "51200",
              unit="bytes"),
        Field(f"{side}.parsed", "long", f"Payload bytes of the {side} that became messages.", "51200", unit="bytes"),
        Field(f"{side}.skipped", "flattened", f"Payload bytes of the {side} that did not, by reason.", "1460",
              unit="bytes", many=True),
        Field(f"{side}.gaps", "long", f"Gaps in what the {side} sent.", "0"),
        Field(f"{side}.gapBytes", "long", f"Bytes the capture never saw of the {side}.", "0", unit="bytes"),
        Field(f"{side}.retransmitted", "long", f"Payload bytes of the {side} seen again.", "0", unit="bytes"),
    )


_TCPSESSIONS = (
    *_COMMON,
    Field("lastDate", "date", "Its last packet so far.", "2026-11-22T10:16:00.000000000Z", column="bigint"),
    Field("connected", "date", "When the server's SYN-ACK was seen.", "2026-11-22T10:15:00.000200000Z"),
    _keyword("state", "open or closed.", "closed", column="text"),
    _keyword("end", "How it ended: fin, rst, idle, reused or end (of the capture).", "fin"),
    Field("startSeen", "boolean", "Its first packets were captured.", "true"),
    _keyword("protocol", "What it carries: http/1.1, other.", "http/1.1", column="text"),
    Field("lastChunk", "integer", "Number of the last chunk with a packet of it.", "18", column="integer"),
    Field("communications", "long", "HTTP communications found in it.", "12"),
    _keyword("parsing.anomalies", "Codes of what was odd in the traffic.", "gap", many=True),
    *_direction("client"),
    *_direction("server"),
)

#: What no capture run or chunk is the source of.
_ABOUT = tuple(field for field in _COMMON if field.name in ("id", "version", "whisperer", TIME_FIELD))

_HOSTS = (
    *_ABOUT,
    Field("lastDate", "date", "When it was last seen.", "2026-11-22T10:16:00.000000000Z", column="bigint"),
    Field("ip", "ip", "Address of the host.", "10.0.4.2", column="inet"),
    _keyword("name", "Name it is shown with.", "orders", column="text", bare="contains"),
    _keyword("dnsName", "Name that DNS gives it, lower case.", "orders.shop.example", column="text", bare="contains",
             lower=True),
)

_MONITORING = (
    *_ABOUT,
    _keyword("kind", "capture (the sums of a minute), quarantine (what was put aside), figures (what waits) or alarm "
             "(sums that do not add up).", "quarantine", column="text"),
    _keyword("instance", "Agent on one host, of that whisperer.", "gateway-1", column="text"),
    _keyword("interface", "Network interface or file.", "eth0"),
    _keyword("capture", "Run of the agent it is about.", "c-20261122-101500-7f", column="text", bare="contains"),
    Field("chunk", "integer", "Number of the chunk that was put aside.", "17", column="integer"),
    _keyword("what", "What was put aside: chunk, rows or session; of an alarm, the equation that does not hold.",
             "rows"),
    Field("packets", "long", "Packets in what was put aside.", "42"),
    _keyword("state", "Of what was put aside: waiting, repaired or definite. Of an alarm: open or cleared.", "waiting",
             column="text"),
    Field("lastDate", "date", "When an alarm was last looked at.", "2026-11-22T10:16:00.000000000Z"),
    _keyword("reason", "Why it was put aside.", "MemoryError", column="text", bare="contains"),
    _keyword("outcome", "What came of its second try: why it failed again, or what its packets could not tell.",
             "sessionStartNotKept"),
    Field("tried", "date", "When it was tried again.", "2026-11-22T10:25:00.000000000Z"),
    _keyword("item", "What to try again.", "c-20261122-101500-7f|17||0|0|"),
    Field("counters", "flattened", "Sums of a minute of a capture, by name; of an alarm, both sides.", "1200",
          many=True, numbers=True),
)

#: resource → field name → field.
FIELDS: Mapping[str, Mapping[str, Field]] = {
    resource: {field.name: field for field in table}
    for resource, table in (
        ("httpcomms", _HTTPCOMMS),
        ("tcpsessions", _TCPSESSIONS),
        ("hosts", _HOSTS),
        ("monitoring", _MONITORING),
    )
}


def fields(resource: str) -> Mapping[str, Field]:
    """The fields of a resource; KeyError for one without a table."""
    return FIELDS[resource]


def columns(resource: str) -> Iterator[Field]:
    """The fields of a resource that have a typed column, in the order of the table."""
    return (field for field in FIELDS[resource].values() if field.column is not None)


def find(resource: str, name: str) -> tuple[Field, str | None] | None:
    """The field called `name`, with the key where `name` goes on inside one with keys of its own; None if unknown.

    Keys of header and trailer fields are looked up in lower case (RFC 9110 §5.1: names are case-insensitive).
    """
    table = FIELDS[resource]
    field = table.get(name)
    if field is not None:
        return field, None
    at = name.find(".")
    while at > 0:
        field = table.get(name[:at])
        if field is not None and field.type == "flattened":
            key = name[at + 1 :]
            if not key:
                return None
            return field, key.lower() if field.name.endswith(("headers", "trailers")) else key
        at = name.find(".", at + 1)
    return None


def suggest(resource: str, name: str) -> str | None:
    """The field that a mistyped name most likely means, None if nothing is near."""
    table = FIELDS[resource]
    folded = {known.lower(): known for known in table}
    exact = folded.get(name.lower())
    if exact is not None:
        return exact
    last = [known for known in table if known.rsplit(".", 1)[-1].lower() == name.rsplit(".", 1)[-1].lower()]
    near = get_close_matches(name.lower(), list(folded), 1, 0.6)
    if near:
        return folded[near[0]]
    return last[0] if last else None
