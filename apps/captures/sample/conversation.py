r"""Who says what to whom: TCP connections told as a story, with everything that can go wrong on the way.

A `Capture` holds `Conversation`s. Each has a clock of its own and grows by `connect`, `request`, `response`, `close`;
the packets of all are written in the order of their times. What goes wrong is told afterwards, about a packet already
sent: `lose(-1)` takes the last one out of the capture (the receiver had it), `retransmit`, `reorder`, `fragment` and
`cut` work the same way. `segment` places any bytes at any stream offset, for overlaps and whatever else.

    capture = Capture()
    shop = capture.conversation("10.0.0.1:40000", "10.0.0.2:80")
    shop.connect().request(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").response(answer).retransmit(-1).close()
    capture.pcap()
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from apps.captures.sample import files, frames
from apps.captures.sample.files import Frame, Pcapng
from apps.captures.sample.frames import ACK, FIN, PSH, RST, SYN

CLIENT, SERVER = 0, 1
MILLISECOND = 1_000_000
START = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z: when captures begin unless told otherwise

Address = tuple[str, int]


@dataclass(slots=True)
class Segment:
    """One TCP packet. `offset` is its place in its direction's stream: 0 is the byte after the SYN."""

    time: int
    side: int
    offset: int
    seq: int
    ack: int
    flags: int
    payload: bytes
    options: bytes = b""
    window: int = 64240
    ip_options: bytes = b""
    extensions: Sequence[tuple[int, bytes]] = ()
    fragment: int = 0  # bytes of IP payload in a fragment; 0 is not fragmented
    snap: int = 0  # bytes of the frame that were kept; 0 is all
    zero_length: bool = False
    lost: bool = False
    number: int = 0  # its IP identification


@dataclass(slots=True)
class Conversation:
    """One TCP connection between `client` and `server`; every verb gives the conversation back."""

    client: Address
    server: Address
    now: int
    step: int = MILLISECOND
    mss: int = 1460
    vlans: Sequence[int] = ()
    isn: tuple[int, int] = (1000, 5000)
    acks: bool = True  # the receiver acknowledges what it gets
    segments: list[Segment] = field(default_factory=list)
    sent: list[int] = field(default_factory=lambda: [0, 0])  # stream bytes so far, by side (a FIN counts one)

    def wait(self, seconds: float) -> "Conversation":
        """Let time pass."""
        self.now += round(seconds * 1e9)
        return self

    def connect(self) -> "Conversation":
        """The three-way handshake."""
        mss = b"\x02\x04" + self.mss.to_bytes(2, "big")
        self._add(CLIENT, -1, SYN, b"", options=mss).ack = 0
        self._add(SERVER, -1, SYN | ACK, b"", options=mss)
        self._add(CLIENT, 0, ACK, b"")
        return self

    def request(self, data: bytes, *, size: int = 0) -> "Conversation":
        """The client sends `data`, cut into segments of `size` bytes (the mss)."""
        return self.send(CLIENT, data, size=size)

    def response(self, data: bytes, *, size: int = 0) -> "Conversation":
        """The server sends `data`, cut into segments of `size` bytes (the mss)."""
        return self.send(SERVER, data, size=size)

    def send(self, side: int, data: bytes, *, size: int = 0) -> "Conversation":
        """`side` sends `data`; the other side acknowledges all of it once (see `acks`)."""
        size = size or self.mss
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            last = start + size >= len(data)
            self._add(side, self.sent[side], ACK | PSH if last else ACK, piece)
            self.sent[side] += len(piece)
        return self.ack(1 - side) if self.acks else self

    def ack(self, side: int) -> "Conversation":
        """`side` acknowledges what it has got, without saying anything."""
        self._add(side, self.sent[side], ACK, b"")
        return self

    def keep_alive(self, side: int = CLIENT) -> "Conversation":
        """A keep-alive probe, one byte before the next, and its answer (RFC 9293 §3.8.4)."""
        self._add(side, self.sent[side] - 1, ACK, b"\0")
        return self.ack(1 - side)

    def segment(self, side: int, offset: int, data: bytes, *, flags: int = ACK | PSH) -> "Conversation":
        """Any bytes at any place of `side`'s stream: overlaps, conflicts, early and late ones."""
        self._add(side, offset, flags, data)
        self.sent[side] = max(self.sent[side], offset + len(data))
        return self

    def close(self, by: int = CLIENT) -> "Conversation":
        """Both sides say FIN, `by` first."""
        for side in (by, 1 - by):
            self._add(side, self.sent[side], FIN | ACK, b"")
            self.sent[side] += 1
        return self.ack(by)

    def fin(self, side: int) -> "Conversation":
        """Only `side` says FIN."""
        self._add(side, self.sent[side], FIN | ACK, b"")
        self.sent[side] += 1
        return self.ack(1 - side) if self.acks else self

    def rst(self, side: int = SERVER) -> "Conversation":
        """`side` breaks the connection off."""
        self._add(side, self.sent[side], RST | ACK, b"")
        return self

    # What goes wrong, told about packets already sent. `index` counts the packets of this conversation that carry
    # data, -1 is the last one.

    def lose(self, index: int = -1) -> "Conversation":
        """The capture never saw it; the receiver did."""
        self.with_data()[index].lost = True
        return self

    def retransmit(self, index: int = -1) -> "Conversation":
        """The same packet once more, now."""
        again = replace(self.with_data()[index], time=self.now, lost=False)
        again.number = len(self.segments)
        self.segments.append(again)
        self.now += self.step
        return self

    def reorder(self, index: int = -1, back: int = 1) -> "Conversation":
        """It arrives before the `back` packets with data that were sent before it."""
        data = self.with_data()
        place = index % len(data)
        group = data[place - back : place + 1]
        times = [segment.time for segment in group]
        for segment, time in zip([group[-1], *group[:-1]], times, strict=True):
            segment.time = time
        return self

    def fragment(self, index: int = -1, size: int = 512) -> "Conversation":
        """It travels as IP fragments with `size` bytes each."""
        self.with_data()[index].fragment = size
        return self

    def cut(self, index: int = -1, kept: int = 96) -> "Conversation":
        """The snap length left only `kept` bytes of the frame."""
        self.with_data()[index].snap = kept
        return self

    def mark(self, index: int = -1, **values: object) -> "Conversation":
        """Set any field of a segment: `ip_options`, `extensions`, `options`, `zero_length`, `window` …"""
        for name, value in values.items():
            setattr(self.with_data()[index], name, value)
        return self

    def without_start(self) -> "Conversation":
        """The capture began in the middle: the handshake was not seen."""
        for segment in self.segments:
            segment.lost |= segment.flags & SYN != 0
        return self

    def only(self, side: int) -> "Conversation":
        """The capture saw one direction only."""
        for segment in self.segments:
            segment.lost |= segment.side != side
        return self

    def with_data(self) -> list[Segment]:
        """The packets that carry data, in the order they were sent."""
        return [segment for segment in self.segments if segment.payload]

    def packets(self, segment: Segment) -> list[bytes]:
        """The IP packets of a segment: one, or its fragments."""
        ends = (self.client, self.server) if segment.side == CLIENT else (self.server, self.client)
        data = frames.tcp(
            *ends,
            segment.seq,
            segment.ack,
            segment.flags,
            segment.payload,
            options=segment.options,
            window=segment.window,
        )
        source, target = ends[0][0], ends[1][0]
        if segment.fragment:
            return frames.fragments(source, target, data, segment.fragment, segment.number + 1)
        if ip_address(source).version == 6:
            return [frames.ipv6(source, target, data, extensions=segment.extensions, zero_length=segment.zero_length)]
        return [
            frames.ipv4(
                source,
                target,
                data,
                identification=segment.number,
                options=segment.ip_options,
                zero_length=segment.zero_length,
            )
        ]

    def _add(self, side: int, offset: int, flags: int, payload: bytes, *, options: bytes = b"") -> Segment:
        seq = (self.isn[side] + 1 + offset) & 0xFFFFFFFF
        ack = (self.isn[1 - side] + 1 + self.sent[1 - side]) & 0xFFFFFFFF if flags & ACK else 0
        number = len(self.segments)
        segment = Segment(self.now, side, offset, seq, ack, flags, payload, options, number=number)
        self.segments.append(segment)
        self.now += self.step
        return segment


@dataclass(slots=True)
class Capture:
    """What one interface saw: conversations and packets of other kinds, written out in the order of their times."""

    link: int = frames.ETHERNET
    start: int = START
    vlans: Sequence[int] = ()
    conversations: list[Conversation] = field(default_factory=list)
    others: list[Frame] = field(default_factory=list)

    def conversation(self, client: str, server: str, *, after: float = 0.0, **settings: object) -> Conversation:
        """A new connection, `after` seconds from the start of the capture. Addresses are "10.0.0.1:80", "[::1]:80"."""
        talk = Conversation(
            address(client),
            address(server),
            self.start + round(after * 1e9),
            vlans=self.vlans,
            **settings,  # type: ignore[arg-type]
        )
        self.conversations.append(talk)
        return talk

    def packet(self, packet: bytes, *, after: float = 0.0) -> "Capture":
        """An IP packet that belongs to no conversation."""
        data = frames.link(self.link, packet, vlans=self.vlans)
        self.others.append(Frame(self.start + round(after * 1e9), data, len(data)))
        return self

    def frame(self, data: bytes, *, after: float = 0.0) -> "Capture":
        """A frame as it is: ARP, garbage, too short ones."""
        self.others.append(Frame(self.start + round(after * 1e9), data, len(data)))
        return self

    def frames(self) -> list[Frame]:
        """Every record of the file, by time, then in the order it was told."""
        found = [frame for talk in self.conversations for frame in self._of(talk)] + self.others
        return sorted(found, key=lambda frame: frame.time)

    def pcap(self, *, big_endian: bool = False, nano: bool = True) -> bytes:
        """The capture as a pcap file."""
        return files.pcap(self.frames(), self.link, big_endian=big_endian, nano=nano)

    def pcapng(self, *, big_endian: bool = False, resolution: int | None = 9) -> bytes:
        """The capture as a pcapng file with one section and one interface."""
        file = Pcapng().section(big_endian=big_endian).interface(self.link, resolution=resolution, name="eth0")
        for frame in self.frames():
            file.packet(frame)
        return file.data()

    def _of(self, talk: Conversation) -> Iterator[Frame]:
        for segment in talk.segments:
            if segment.lost:
                continue
            for packet in talk.packets(segment):
                data = frames.link(self.link, packet, vlans=talk.vlans, outgoing=segment.side == CLIENT)
                yield Frame(segment.time, data[: segment.snap or None], len(data))


def address(text: str) -> Address:
    """ "10.0.0.1:80" or "[2001:db8::1]:80" as a pair."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
