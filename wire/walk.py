"""A walk through the rows of a slice: turns where they fit, packets where they do not.

A turn is taken whole only when nothing waits in its session (no hole, no direction held back, no end in sight) and it
begins exactly where its direction expects. `tests/wire/test_rebuild.py` compares this with packet by packet only.
"""

from collections.abc import Iterable

from wire import tcp
from wire.http1 import conversation, place
from wire.http1.plain import turn
from wire.http1.state import LEFT
from wire.partition import Partition
from wire.runs import Payload
from wire.sessions import Life, Session
from wire.slices import Slice
from wire.tcp import ACK, SYN, Segment
from wire.turns import Turns

_MASK = 0xFFFFFFFF


class Walk:
    """One slice of one chunk, row by row."""

    def __init__(self, partition: Partition, chunk: int, day: str, slice_: Slice, found: Turns, *, fast: bool) -> None:
        self.partition = partition
        self.chunk, self.day = chunk, day
        self.base = chunk << 24
        self.slice = slice_
        self.turns = found
        self.fast = fast
        self.starts = found.row_start
        self.payload = Payload(slice_.data, found.columns, chunk, day)

    def row(self, row: int) -> None:
        """Work on one row."""
        partition = self.partition
        flow = self.turns.flow[row]
        life = partition.lives.get(flow)
        if life is None:
            life = partition.lives[flow] = Life()
        partition.touched[flow] = None
        session = life.session
        if session is not None:
            partition.enter(flow, session)
        partition.flow = flow
        low, high = self.starts[row], self.starts[row + 1]
        found = self.turns
        if not self.fast or found.odd[row] or (session is not None and not self._on_time(session, low)):
            self._packets(life, low, high)
        else:
            self._items(life, row, low, high)
        session = life.session
        if session is not None and session.talk.exchanges:
            partition.waiting[flow] = None

    def _on_time(self, session: Session, packet: int) -> bool:
        return 0 <= int(self.slice.ts[packet]) - session.last <= self.partition.limits.idle_time

    def _items(self, life: Life, row: int, low: int, high: int) -> None:
        """A row whose times and acknowledgements only go forward."""
        items, item, last_item = self.turns.items, self.turns.row[row], self.turns.row[row + 1]
        at = low  # packets before it are done
        while at < high:
            session = life.session
            if session is not None and _quiet(session):
                item = self._turns(session, item, last_item)
                if session.talk.blocked:
                    stop = items[item - 1][1] + 1
                else:
                    stop = items[item][0] if item < last_item else high
                self._account(session, row, at, stop)
                at = stop
            # What is no turn, or one that something waits for.
            stop = items[item][1] + 1 if item < last_item else high
            self._packets(life, at, stop)
            at = stop
            item += 1

    def _turns(self, session: Session, item: int, last_item: int) -> int:
        """Deliver turns as long as each begins where its session expects and nothing has to wait. Returns the first
        item not delivered."""
        items, source, ctx = self.turns.items, self.payload, self.partition.ctx
        talk = session.talk
        directions, readers = session.connection.directions, talk.readers
        while item < last_item:
            _, _, plain, side, seq, first, last, start, stop = items[item]
            direction = directions[side]
            offset = direction.next
            if not plain or seq != (direction.base + offset) & _MASK:
                break
            item += 1
            direction.next = offset + stop - start
            reader = readers[side]
            if reader.mode == LEFT:
                reader.given += stop - start
                place.skip(reader, stop - start, talk.left, ctx)
                continue
            turn(source, start, stop, first, last, offset - start, reader, talk, ctx)
            if talk.blocked:
                conversation.settle(talk, source.columns.time[last], ctx)
                if talk.blocked:
                    break
        return item

    def _account(self, session: Session, row: int, low: int, high: int) -> None:
        """Count packets that went as turns and heed the acknowledgements between them."""
        if low >= high:
            return
        if low == self.starts[row] and high == self.starts[row + 1]:
            account = self.turns.account[row]
        else:
            account = self.turns.account_of(self.slice, low, high)
        packets, size, ack, packets_b, size_b, ack_b, time, index = account
        a, b = session.connection.directions
        a.packets += packets
        a.bytes += size
        b.packets += packets_b
        b.bytes += size_b
        if ack >= 0:
            tcp.acknowledge(b, ack)
        if ack_b >= 0:
            tcp.acknowledge(a, ack_b)
        session.last = time
        session.progress = self.base + index + 1

    # --- packet by packet -----------------------------------------------------------------------------------

    def _packets(self, life: Life, low: int, high: int) -> None:
        if low >= high:
            return
        payload, chunk, day = self.slice.data, self.chunk, self.day
        for side, ts, seq, ack, flags, pos, length, missing, index in self._columns(low, high):
            data = payload[pos : pos + length] if length else b""
            self._packet(life, Segment(side, ts, seq, ack, flags, data, missing, index, chunk, day))

    def _columns(self, low: int, high: int) -> Iterable[tuple[int, ...]]:
        """The columns of some packets, packet by packet. Mostly it is one: a SYN or a FIN."""
        s = self.slice
        columns = (s.side, s.ts, s.seq, s.ack, s.flags, s.pos, s.length, s.missing, s.index)
        if high - low == 1:
            return (tuple([column.item(low) for column in columns]),)
        return zip(*(column[low:high].tolist() for column in columns), strict=True)

    def _packet(self, life: Life, segment: Segment) -> None:
        partition = self.partition
        session = self._session_for(life, segment)
        if session is None:
            partition.ctx.count("packets.straggler", 1)
            if segment.data:
                partition.ctx.count("payload.skipped.afterClose", len(segment.data))
            return
        session.last = max(session.last, segment.time)
        session.progress = partition.ctx.progress = self.base + segment.row + 1
        talk, connection = session.talk, session.connection
        if talk.blocked:
            conversation.settle(talk, segment.time, partition.ctx)
        if segment.flags & SYN and segment.flags & ACK and not session.connected:
            session.connected = segment.time
        tcp.receive(connection, segment, partition.sink, partition.limits)
        talk.bases[0], talk.bases[1] = connection.directions[0].base, connection.directions[1].base
        if connection.over:
            partition.close(partition.flow, life, "rst" if connection.reset else "fin")

    def _session_for(self, life: Life, segment: Segment) -> Session | None:
        """The session a packet belongs to: the open one, a new one, or none for a straggler of a closed one."""
        partition = self.partition
        session = life.session
        begins = segment.flags & SYN
        base = (segment.seq + 1) & _MASK
        if session is not None:
            known = session.connection.directions[segment.side].base
            if segment.time - session.last > partition.limits.idle_time:
                partition.close(partition.flow, life, "idle")
            elif begins and known >= 0 and known != base:
                # Another initial sequence number: the ports are used again.
                partition.close(partition.flow, life, "reused")
            else:
                return session
        elif life.until and segment.time <= life.until and not (begins and life.bases[segment.side] != base):
            return None
        opener = -1
        if begins:
            opener = 1 - segment.side if segment.flags & ACK else segment.side
        return partition.open(life, segment.time, opener, self.chunk, self.day)


def _quiet(session: Session) -> bool:
    """Does nothing wait: no hole, no direction held back, both starts known, no end in sight?"""
    a, b = session.connection.directions
    if a.held or b.held or session.talk.blocked:
        return False
    return a.base >= 0 and b.base >= 0 and a.fin < 0 and b.fin < 0
