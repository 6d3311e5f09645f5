"""What an HTTP conversation remembers between packets: plain data that goes to bytes and back."""

from collections.abc import Callable

import msgspec

from wire.events import Communication, Message, SessionKey, TcpSession
from wire.limits import Limits
from wire.runs import Piece

UNKNOWN, REQUEST, RESPONSE = 0, 1, 2


#: What a reader expects next. Plain numbers: they are compared for every message.
START = 0  # a start line
LENGTH = 1  # `need` bytes of body
SIZE = 2  # a chunk-size line, or what separates it from the chunk before
CHUNK = 3  # `need` bytes of a chunk
TRAILERS = 4  # trailer fields and the empty line
CLOSE = 5  # body until the connection ends
SEARCH = 6  # anything: looking for the next start line
LEFT = 7  # not HTTP (any more): counted, not read
PEEK = 8  # a body, or the next message when the request was HEAD: it was never seen


class Exchange(msgspec.Struct, array_like=True):
    """A request and its response while they are read or wait for each other."""

    request: Message | None = None
    response: Message | None = None
    interim: list[Message] = []
    anomalies: list[str] = []
    requested: bool = False  # the request is whole, or as whole as it gets
    answered: bool = False  # so is the response
    broken: bool = False  # framing made no sense
    lost: bool = False  # the missing half may be in bytes that were never captured
    chunk: int = 0  # of the first byte
    day: str = ""
    acked: int = -1  # acknowledgement number of the packet with the request's first byte
    version: int = 0  # of the last document written, 0 before the first
    after_gap: bool = False  # others may be missing right before its request, or its response without one
    missed: int = 0  # how many of them surely are
    hidden: bool = False  # this response answers a request that is missing
    answer_acked: int = -1  # acknowledgement number of the packet with the response's first byte

    @property
    def begin(self) -> int:
        """Stream offset of the response's first byte."""
        assert self.response is not None
        return self.response.offset

    @property
    def stop(self) -> int:
        """Stream offset after the response's last byte."""
        assert self.response is not None
        return self.response.end

    def note(self, code: str) -> None:
        """Record an anomaly once."""
        if code not in self.anomalies:
            self.anomalies.append(code)


class Reader(msgspec.Struct, array_like=True):
    """One direction's place in its stream. Bytes given = parsed + skipped + waiting in `tail`."""

    kind: int = UNKNOWN
    mode: int = START
    tail: bytearray = msgspec.field(default_factory=bytearray)  # bytes that mean nothing yet
    offset: int = 0  # stream offset of `tail`
    searched: int = 0  # how much of `tail` was searched already
    started: int = 0  # time, acknowledgement number and chunk of the packet with the first byte of `tail`
    started_ack: int = -1
    started_chunk: int = 0
    started_day: str = ""
    found: int = -1  # stream offset of a message that a search found: `started` and so on are already its own
    line_read: bool = False  # the start line in `tail` is whole, and one
    last: int = 0  # time of the last packet read
    then: int = START  # the mode after PEEK
    need: int = 0  # body bytes still to come
    chunked: int = 0  # chunks read so far
    fallback: int = -1  # body length to believe if the body turns out not to be chunked, -1: until close
    parts: list[bytes] = []  # body bytes since the last spill
    kept: int = 0  # body bytes kept, spilled ones too
    waiting: int = 0  # body bytes in `parts`
    spilled: bool = False
    blocked: list[Piece] = []  # bytes that wait for the other direction
    blocked_bytes: int = 0
    blocked_since: int = 0
    given: int = 0
    position: int = 0  # stream offset after the last byte given
    skipped: dict[str, int] = {}
    reported: int = 0  # parsed bytes already counted
    ended: bool = False
    after_gap: bool = False  # the place was lost: messages may be missing before the next one
    missed: int = 0  # how many surely are
    gap_end: int = -1  # stream offset of the first byte behind that gap

    @property
    def parsed(self) -> int:
        """Bytes that became messages."""
        return self.given - sum(self.skipped.values()) - len(self.tail)


class Conversation(msgspec.Struct, array_like=True):
    """Both directions of a connection and the exchanges under way.

    `exchanges[0]` is the one a response answers, `exchanges[-1]` the one a request is read into.
    """

    readers: tuple[Reader, Reader]
    exchanges: list[Exchange] = []
    client: int = -1  # the side that sends requests, -1 unknown
    #: True: responses answer requests in order. False: bytes were lost, proof is needed (see `proof`).
    sure: bool = True
    start_seen: bool = True
    responding: bool = False  # exchanges[0] has a response under way
    blocked: bool = False  # some reader has bytes that wait for the other
    holding: bool = False  # the client asked to leave HTTP; what it sends next waits for the answer
    protocol: str = ""
    left: str = ""  # why this is not HTTP (any more)
    bases: list[int] = msgspec.field(default_factory=lambda: [-1, -1])  # sequence number of stream offset 0, by side
    communications: int = 0
    anomalies: list[str] = []
    #: No response is missing: the next one answers the first request that waits, unless requests are missing before it.
    ordered: bool = True
    counted: bool = False  # not ordered, but no request is missing between the last answered and the first that waits
    ahead: bool = False  # the client sends requests while it is being answered, so its ACK numbers prove little
    gaps: bool = False  # a reader lost its place
    #: Acknowledgement number of the last response whose request is missing, wholly or to its end.
    heard: int = -1
    orphans: list[Exchange] = []  # whole responses whose requests are not known yet

    def note(self, code: str) -> None:
        """Record an anomaly of the session once."""
        if code not in self.anomalies:
            self.anomalies.append(code)


class Context:
    """What reading a packet needs beside its session: limits, the session's name, and where results go."""

    __slots__ = (
        "bytes_out",
        "counters",
        "dropped",
        "events",
        "fetch",
        "key",
        "keys",
        "limits",
        "make_key",
        "progress",
        "session",
    )

    def __init__(self, limits: Limits, fetch: Callable[[str, int], bytes] | None) -> None:
        self.limits = limits
        self.fetch = fetch
        self.events: list[Communication | TcpSession] = []
        self.dropped: list[tuple[str, int]] = []
        self.counters: dict[str, int] = {}
        self.bytes_out = 0  # of messages in `events`
        self.progress = 0  # version of the packet that is read
        self.session = ""  # id
        self.key: SessionKey | None = None  # of the session that is read, once it was needed
        self.keys: dict[str, SessionKey] = {}  # of open sessions, by id, likewise: kept from row to row
        self.make_key: Callable[[], SessionKey]

    def count(self, name: str, amount: int) -> None:
        """Add to a counter."""
        self.counters[name] = self.counters.get(name, 0) + amount
