"""What a partition holds in memory: the life of each flow, the session at hand, and how sessions open and close."""

from wire import sessions, tcp
from wire.events import SessionKey
from wire.http1 import conversation, exchanges
from wire.http1.state import Context, Reader
from wire.limits import Limits
from wire.runs import Run
from wire.sessions import Life, Session


class Sink:
    """Where `tcp` delivers to: the conversation of the session at hand."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.session: Session

    def data(self, side: int, run: Run) -> None:
        """The next bytes of a direction."""
        conversation.data(self.session.talk, side, run, self.ctx)

    def gap(self, side: int, offset: int, size: int) -> None:
        """Bytes that will never come."""
        self.ctx.count("gaps", 1)
        self.ctx.count("gap.bytes", size)
        conversation.gap(self.session.talk, side, offset, size, self.ctx)

    def end(self, side: int, *, orderly: bool) -> None:
        """The direction is over."""
        conversation.end(self.session.talk, side, self.ctx, orderly=orderly)

    def recent(self, side: int) -> tuple[int, bytearray]:
        """Bytes delivered and not yet used up, with their offset. Not copied: a head that waits may be long."""
        reader = self.session.talk.readers[side]
        return reader.offset, reader.tail

    def skipped(self, size: int, reason: str) -> None:
        """Payload bytes that are no part of the stream."""
        self.ctx.count("payload.skipped." + reason, size)


class Partition:
    """The flows of one partition of a capture."""

    def __init__(self, capture: str, limits: Limits, ctx: Context) -> None:
        self.capture = capture
        self.limits = limits
        self.ctx = ctx
        self.sink = Sink(ctx)
        self.flow = b""  # the flow at hand
        self.lives: dict[bytes, Life] = {}
        self.touched: dict[bytes, None] = {}  # flows changed since the last `take`, in order
        self.waiting: dict[bytes, None] = {}  # flows that may hold a request without a document
        self.closed: dict[bytes, int] = {}  # flows without a session → until when the last one lingers
        ctx.make_key = self._make_key

    def enter(self, flow: bytes, session: Session) -> None:
        """Make a session the one that packets and events belong to."""
        self.flow = flow
        self.sink.session = session
        ctx = self.ctx
        ctx.session, ctx.progress = session.id, session.progress
        ctx.key = ctx.keys.get(session.id)

    def _make_key(self) -> SessionKey:
        ctx, session = self.ctx, self.sink.session
        key = ctx.key = ctx.keys[session.id] = sessions.key_of(session, self.flow)
        return key

    def open(self, life: Life, time: int, opener: int, chunk: int, day: str) -> Session:
        """A new session of the flow at hand."""
        session = sessions.open_session(self.capture, self.flow, life, time, opener, chunk, day)
        self.closed.pop(self.flow, None)
        self.enter(self.flow, session)
        return session

    def close(self, flow: bytes, life: Life, why: str) -> None:
        """Deliver what is held, write what waits, write the session; leave what stragglers are known by."""
        session = life.session
        assert session is not None
        self.enter(flow, session)
        connection = session.connection
        tcp.finish(connection, self.sink)
        conversation.close(session.talk, self.ctx)
        a, b = connection.directions
        if why != "rst" and a.fin >= 0 and b.fin >= 0:
            why = "fin"
        for reader in session.talk.readers:
            self.count_parsed(reader)
        self.announce(flow, session, why)
        self.ctx.keys.pop(session.id, None)
        life.session = None
        life.until = session.last + self.limits.linger_time
        life.bases = (a.base, b.base)
        self.closed[flow] = life.until
        self.touched[flow] = None

    def announce(self, flow: bytes, session: Session, end: str) -> None:
        """Write the record of a session; `end` is "" while it is open."""
        if not session.version:
            self.ctx.count("documents.tcpsessions", 1)
        session.version = max(session.progress, session.version + 1)
        session.announced = session.last
        self.ctx.events.append(sessions.event(session, flow, end))

    def count_parsed(self, reader: Reader) -> None:
        """Add what a reader understood since the last time to the counters."""
        parsed = reader.parsed
        if parsed != reader.reported:
            self.ctx.count("payload.parsed", parsed - reader.reported)
            reader.reported = parsed

    def write_waiting(self, now: int) -> None:
        """First versions of the documents of requests that have waited for a response for long."""
        for flow in list(self.waiting):
            life = self.lives.get(flow)
            session = life.session if life is not None else None
            since = exchanges.waiting_since(session.talk) if session is not None else 0
            if session is None or not since:
                del self.waiting[flow]
            elif now - since > self.limits.waiting_time:
                self.enter(flow, session)
                exchanges.write_waiting(session.talk, now - self.limits.waiting_time, self.ctx)
                self.touched[flow] = None

    def forget(self, now: int) -> None:
        """Drop closed sessions that have lingered for long enough, and as long again: packets of several interfaces
        are not quite in order, and whether one is a straggler must not depend on when this is called."""
        limit = now - self.limits.linger_time
        for flow in [flow for flow, until in self.closed.items() if until < limit]:
            del self.closed[flow]
            del self.lives[flow]
            self.touched[flow] = None
