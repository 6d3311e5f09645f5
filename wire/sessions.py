"""A TCP session: one life of a flow, from its first packet to its last. Its state goes to bytes and back."""

from functools import lru_cache
from hashlib import blake2b

import msgspec

from wire.events import DirectionTotals, Endpoint, SessionKey, TcpSession
from wire.flows import Flow
from wire.http1 import conversation
from wire.http1.state import Conversation
from wire.tcp import Connection, Direction


class Session(msgspec.Struct, array_like=True):
    """What a session remembers between packets."""

    id: str
    first: int  # times of its first and last packet
    last: int
    chunk: int
    day: str
    connection: Connection
    talk: Conversation
    opener: int  # the side that sent the SYN, -1 not seen
    connected: int = 0
    progress: int = 0  # version of its last packet
    version: int = 0  # of its last document
    announced: int = 0  # capture time of that document


class Life(msgspec.Struct, array_like=True):
    """A flow's state: its open session, or what is left of the last one to know stragglers by."""

    session: Session | None = None
    until: int = 0  # stragglers of a closed session are swallowed until this time
    first: int = 0  # of the last session, to number those with the same first packet time
    ordinal: int = 0
    bases: tuple[int, int] = (-1, -1)  # sequence numbers of stream offset 0 of the closed session


ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(Life)


def open_session(capture: str, flow: bytes, life: Life, time: int, opener: int, chunk: int, day: str) -> Session:
    """A new session of a flow. Its id names the capture, the flow and the time of its first packet."""
    life.ordinal = life.ordinal + 1 if life.first == time else 0
    life.first = time
    name = b"%b|%b|%d|%d" % (capture.encode(), flow, time, life.ordinal)
    session = Session(
        id=blake2b(name, digest_size=8).hexdigest(),
        first=time,
        last=time,
        chunk=chunk,
        day=day,
        connection=Connection((Direction(), Direction()), start_seen=opener >= 0),
        talk=conversation.new(opener),
        opener=opener,
    )
    life.session = session
    return session


@lru_cache(maxsize=4096)
def ends_of(key: bytes) -> tuple[Endpoint, Endpoint]:
    """Both ends of a flow, by side."""
    flow = Flow(key)
    return flow.a, flow.b


def client_side(session: Session, key: bytes) -> int:
    """Which side is the client. Without SYN or HTTP the one with the higher port."""
    if session.opener >= 0:
        return session.opener
    if session.talk.client >= 0:
        return session.talk.client
    a, b = ends_of(key)
    return 0 if a.port > b.port else 1


def key_of(session: Session, key: bytes) -> SessionKey:
    """What every document of a session repeats."""
    ends = ends_of(key)
    side = client_side(session, key)
    return SessionKey(session.id, ends[side], ends[1 - side], session.chunk, session.day)


def event(session: Session, key: bytes, end: str) -> TcpSession:
    """The record of a session as it is now; `end` is "" while it is open."""
    talk, connection = session.talk, session.connection
    client = client_side(session, key)
    return TcpSession(
        session=key_of(session, key),
        first=session.first,
        last=session.last,
        connected=session.connected,
        state="closed" if end else "open",
        end=end,
        start_seen=session.opener >= 0,
        protocol=talk.protocol or ("other" if talk.left or end else ""),
        last_chunk=session.progress >> 24,
        communications=talk.communications,
        client=totals(session, client),
        server=totals(session, 1 - client),
        anomalies=list(dict.fromkeys(connection.anomalies + talk.anomalies)),
        version=session.version,
    )


def totals(session: Session, side: int) -> DirectionTotals:
    """What one side sent."""
    direction, reader = session.connection.directions[side], session.talk.readers[side]
    return DirectionTotals(
        packets=direction.packets,
        bytes=direction.bytes,
        parsed=reader.parsed,
        skipped={**direction.skipped, **reader.skipped},
        gaps=direction.gaps,
        gap_bytes=direction.gap_bytes,
        retransmitted=direction.retransmitted,
    )


def held_bytes(life: Life) -> int:
    """Bytes of a session's packets that are still in memory."""
    session = life.session
    if session is None:
        return 0
    held = sum(direction.held_bytes for direction in session.connection.directions)
    for reader in session.talk.readers:
        held += len(reader.tail) + reader.waiting + reader.blocked_bytes
    for exchange in (*session.talk.exchanges, *session.talk.orphans):
        for message in (exchange.request, exchange.response):
            held += len(message.body) if message is not None else 0
    return held
