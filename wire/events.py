"""What the parsers give: messages, communications and TCP sessions, as plain values.

A `Communication` is a request with its response (either may be missing). A `TcpSession` is the record of the
connection that carried it. Times are nanoseconds since the epoch, offsets are positions in one direction's byte
stream (0 is the first byte after the SYN, or the first byte seen when the start of the connection was not captured).

All are structs: they are made a quarter of a million times a minute, and one takes a fifth of a dataclass's time. None
can be part of a cycle, so the garbage collector need not look at them (`gc=False`).
"""

from typing import NamedTuple

import msgspec

#: Lower-case header name to its values, names in the order of their first appearance, text decoded as latin-1.
#: Lists of values are shared between messages with equal lines: never change one in place.
Headers = dict[str, list[str]]

COMPLETE = "complete"
NO_RESPONSE = "noResponse"
NO_REQUEST = "noRequest"
GAP = "gap"
TRUNCATED = "truncated"
ERROR = "error"


class Endpoint(NamedTuple):
    """One end of a TCP connection."""

    ip: str
    port: int


class Message(msgspec.Struct, array_like=True, gc=False):
    """One HTTP message as it was on the wire, framing taken away, content coding still on.

    A request has `method` and `target`, a response has `status` and `reason`. `body` holds at most
    `Limits.body_bytes`; `body_size` counts all the bytes of the content, chunk framing not included.
    """

    offset: int
    end: int  # stream offset after its last byte; end - offset is its size on the wire
    started: int  # time of the packet with its first byte
    ended: int  # time of the packet with its last byte
    version: str = ""  # "1.1", "1.0", "0.9"
    method: str = ""
    target: str = ""
    status: int = 0
    reason: str = ""
    headers: Headers = {}
    trailers: Headers = {}
    body: bytes = b""
    body_size: int = 0
    truncated: bool = False  # bytes above the cap were dropped
    gap: bool = False  # bytes are missing inside it
    cut: bool = False  # the connection ended before the message did


class SessionKey(msgspec.Struct, gc=False):
    """Which TCP session, of which capture: what every document of it repeats."""

    id: str  # 16 hex digits
    client: Endpoint
    server: Endpoint
    chunk: int  # number of the chunk that held its first packet
    day: str  # "20261122": the day that chunk was accepted


class Communication(msgspec.Struct, gc=False):
    """A request with its response, or what there is of them."""

    session: SessionKey
    request: Message | None
    response: Message | None
    interim: list[Message]
    status: str  # COMPLETE ... ERROR
    anomalies: list[str]  # codes of wire.anomalies, each once, in order of appearance
    chunk: int  # number of the chunk that held the first byte of the request (of the response without one)
    day: str  # the day that chunk was accepted: part of the document's id
    version: int  # grows with the session's progress: a later document replaces an earlier one
    final: bool = True  # False: a first version, the response may still come


class DirectionTotals(msgspec.Struct, gc=False):
    """What one direction of a session carried."""

    packets: int = 0
    bytes: int = 0  # payload, retransmissions included
    parsed: int = 0  # payload bytes that became HTTP messages
    skipped: dict[str, int] = {}  # payload bytes that did not, by reason
    gaps: int = 0
    gap_bytes: int = 0
    retransmitted: int = 0  # payload bytes seen again


class TcpSession(msgspec.Struct, gc=False):
    """The record of one TCP connection, written when it opens and again when it closes."""

    session: SessionKey
    first: int
    last: int
    connected: int  # time of the SYN-ACK, 0 when not seen
    state: str  # "open" or "closed"
    end: str  # "", "fin", "rst", "idle", "reused" (a new SYN), "memory" (too much was open), "end" (of the capture)
    start_seen: bool
    protocol: str  # "http/1.1", "other", ""
    last_chunk: int
    communications: int
    client: DirectionTotals  # what the client sent
    server: DirectionTotals
    anomalies: list[str]
    version: int
