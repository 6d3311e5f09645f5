"""The benchmark's capture: any number of packets of busy keep-alive sessions, and the truth about every exchange.

Thousands of sessions are open at a time and speak in turns of one to four packets. A session prepares the frames of its
next exchange only when it runs dry, so memory stays small and a million packets take seconds. Bodies come from a pool
made once in every coding and framing; request bodies and URIs are unique. Everything follows from the seed.

Data packets are now and then sent twice, swapped with the next one, or left out of the capture. The truth says of each
exchange whether a packet with some of its bytes was left out (`lost`), and whether one of an earlier exchange of its
turn was, and the connection ended with that turn (`open`): the same packets are captured when more was lost and the
last requests had no response (docs/adr/0008-pairs-are-proven.md).

Files are kept by a hash of the parameters and of this generator, outside the tree git knows.
"""

import argparse
import hashlib
import json
import os
import random
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO, TextIO

from apps.captures.sample.frames import ACK, ETHERNET, FIN, PSH, SYN
from apps.captures.sample.messages import CODINGS, chunks

Exchange = dict[str, object]

_MSS = 1448
_TIMESTAMPS = b"\x01\x01\x08\x0a" + struct.pack("!II", 123456, 654321)
_RECORD = struct.Struct("<IIII")
_FILE = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, ETHERNET)
_START = 1_790_000_000_000_000_000
_FOLDER = "SPIDER_BENCH_DATA"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the capture is like. Rates are shares of the packets that carry data."""

    packets: int = 1_000_000
    open_sessions: int = 2_000
    exchanges: int = 40  # of a session, on average
    step: int = 60_000  # nanoseconds between packets
    retransmitted: float = 0.005
    reordered: float = 0.005
    lost: float = 0.001
    pipelined: float = 0.03
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Body:
    """A body ready to be sent: its header lines, its bytes with framing, and the checksum of what it says."""

    fields: bytes
    wire: bytes
    sha256: str


@dataclass(slots=True)
class Session:
    """One connection: how its frames look, how far its streams are, and the frames it has still to send."""

    heads: tuple[bytes, bytes]
    sums: tuple[int, int]  # checksum of each direction's pseudo header and fixed TCP fields
    ip_sums: tuple[int, int]
    version: int
    left: int
    seqs: list[int]
    frames: deque[bytes] = field(default_factory=deque)
    turn: list[Exchange] = field(default_factory=list)  # the last one, not in the truth yet
    identification: int = 0
    done: bool = False


class Generator:
    """Makes one capture; `run` writes it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.random = random.Random(parameters.seed)
        self.number = 0
        self.sessions = 0
        self.truth: list[Exchange] = []
        self.bodies = _bodies(self.random)

    def run(self, capture: BinaryIO, truth: TextIO) -> dict[str, int]:
        """Write the capture and the truth about it; gives back how much of everything there is."""
        capture.write(_FILE)
        now, size, count, known = _START, len(_FILE), 0, 0
        parts: list[bytes] = []
        for frame in self._frames():
            seconds, rest = divmod(now, 1_000_000_000)
            parts.append(_RECORD.pack(seconds, rest, len(frame), len(frame)))
            parts.append(frame)
            now += self.parameters.step
            count += 1
            size += 16 + len(frame)
            if len(parts) > 20_000:
                capture.write(b"".join(parts))
                parts.clear()
                known += self._write_truth(truth)
        capture.write(b"".join(parts))
        known += self._write_truth(truth)
        return {"packets": count, "bytes": size, "exchanges": known, "sessions": self.sessions}

    def _write_truth(self, file: TextIO) -> int:
        file.write("".join(json.dumps(exchange) + "\n" for exchange in self.truth))
        count = len(self.truth)
        self.truth.clear()
        return count

    def _frames(self) -> Iterator[bytes]:
        """The frames of the capture in their order: all sessions taking turns."""
        draw = self.random.random
        active = [self._session() for _ in range(self.parameters.open_sessions)]
        emitted = 0
        while active:
            place = int(draw() * len(active))
            session = active[place]
            for _ in range(1 + int(draw() * 4)):
                if not session.frames and not session.done:
                    self._next(session, last=emitted >= self.parameters.packets)
                if not session.frames:
                    break
                yield session.frames.popleft()
                emitted += 1
            if session.done and not session.frames:
                if emitted < self.parameters.packets:
                    active[place] = self._session()
                else:
                    active[place] = active[-1]
                    active.pop()

    def _session(self) -> Session:
        """A new connection, shaking hands."""
        self.sessions += 1
        number, server = self.sessions, self.sessions * 7919 % 50
        if number % 20 == 0:
            ends = (f"2001:db8::{number >> 12:x}:{number & 0xFFF:x}", f"2001:db8:1::{server:x}")
        else:
            ends = (f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", f"192.168.7.{server + 1}")
        ports = (1024 + number * 31 % 60000, (80, 8080, 8000, 3000, 5000)[server % 5])
        left = 1 + int(self.random.expovariate(1 / self.parameters.exchanges))
        session = _dressed(ends, ports, left, [self.random.getrandbits(32), self.random.getrandbits(32)])
        for side, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
            session.frames.append(_frame(session, side, session.seqs[side], flags, b""))
            if flags & SYN:
                session.seqs[side] = session.seqs[side] + 1 & 0xFFFFFFFF
        return session

    def _next(self, session: Session, *, last: bool) -> None:
        """Prepare the session's next turn: one exchange, several pipelined, or its end."""
        ends = last or session.left <= 0
        self._tell(session.turn, ends=ends)
        session.turn = []
        if ends:
            session.done = True
            for side in (0, 1):
                session.frames.append(_frame(session, side, session.seqs[side], FIN | ACK, b""))
                session.seqs[side] = session.seqs[side] + 1 & 0xFFFFFFFF
            session.frames.append(_frame(session, 0, session.seqs[0], ACK, b""))
            return
        many = 2 + int(self.random.random() * 3) if self.random.random() < self.parameters.pipelined else 1
        turn = [self._exchange(simple=many > 1) for _ in range(many)]
        session.left -= many
        session.turn = [exchange for exchange, _ in turn]
        for side in (0, 1):
            self._say(session, side, [(exchange, messages[side]) for exchange, messages in turn])

    def _tell(self, turn: list[Exchange], *, ends: bool) -> None:
        """Add a turn to the truth. `ends`: nothing follows it."""
        lost = False
        for exchange in turn:
            exchange["open"] = ends and lost and not exchange["lost"]
            lost = lost or bool(exchange["lost"])
        self.truth += turn

    def _exchange(self, *, simple: bool) -> tuple[Exchange, tuple[bytes, bytes]]:
        """One exchange: what is true of it, its request and its response in bytes."""
        self.number += 1
        draw = self.random.random
        kind = draw()
        method = "GET" if simple or kind < 0.6 else "POST" if kind < 0.8 else "PUT" if kind < 0.9 else "DELETE"
        if not simple and 0.55 < kind < 0.6:
            method = "HEAD"
        uri = f"/api/v{self.number % 3 + 1}/{_PLACES[self.number % len(_PLACES)]}/{self.number}?page={self.number % 9}"
        sent, request = self._request(method, uri, draw())
        got, status, response = self._response(method, draw(), draw())
        exchange: Exchange = {"method": method, "uri": uri, "status": status, "request": sent, "response": got}
        exchange["lost"] = exchange["open"] = False
        return exchange, (request, response)

    def _request(self, method: str, uri: str, chance: float) -> tuple[str | None, bytes]:
        head = f"{method} {uri} HTTP/1.1\r\nHost: {_HOSTS[self.number % len(_HOSTS)]}\r\n".encode() + _REQUEST_FIELDS
        head += b"X-Request-Id: %032x\r\n" % (self.number * 0x9E3779B97F4A7C15)
        if method not in {"POST", "PUT"}:
            return None, head + b"\r\n"
        if chance < 0.2:
            body = self.bodies[int(self.random.random() * len(self.bodies))]
            return body.sha256, head + body.fields + b"\r\n" + body.wire
        text = b'{"order":%d,"customer":"c%d","items":[{"sku":"A-%d","count":%d}],"note":"please ring twice"}' % (
            self.number,
            self.number % 977,
            self.number % 311,
            self.number % 5 + 1,
        )
        fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(text)
        return hashlib.sha256(text).hexdigest(), head + fields + text

    def _response(self, method: str, chance: float, which: float) -> tuple[str | None, int, bytes]:
        status = 200 if chance < 0.82 else (201, 204, 302, 304, 400, 404, 409, 500, 503)[int((chance - 0.82) * 50)]
        head = b"HTTP/1.1 %d %s\r\n" % (status, _REASONS[status]) + _RESPONSE_FIELDS
        body = self.bodies[int(which**0.55 * len(self.bodies))]
        if method == "HEAD":  # RFC 9112 §6.3(1): the fields of a body that is not there
            return None, status, head + (body.fields if status not in {204, 304} else b"") + b"\r\n"
        if status in {204, 304}:
            return None, status, head + b'ETag: "abc"\r\n\r\n'
        return body.sha256, status, head + body.fields + b"\r\n" + body.wire

    def _say(self, session: Session, side: int, messages: list[tuple[Exchange, bytes]]) -> None:
        """Frames for the messages in one go, with what goes wrong on the way, and the other side's ACKs."""
        data = b"".join(message for _, message in messages)
        ends: list[tuple[int, Exchange]] = []
        for exchange, message in messages:
            ends.append(((ends[-1][0] if ends else 0) + len(message), exchange))
        parameters, draw = self.parameters, self.random.random
        swapped: bytes | None = None
        for start, stop in _cuts(len(data), draw):
            piece = data[start:stop]
            flags = ACK if stop < len(data) else PSH | ACK
            frame = _frame(session, side, session.seqs[side], flags, piece)
            session.seqs[side] = session.seqs[side] + len(piece) & 0xFFFFFFFF
            chance = draw()
            if chance < parameters.lost:
                _mark_lost(ends, start, stop)
            elif chance < parameters.lost + parameters.reordered and stop < len(data) and swapped is None:
                swapped = frame
                continue
            else:
                session.frames.append(frame)
                if chance > 1 - parameters.retransmitted:
                    session.frames.append(frame)
            if swapped is not None:
                session.frames.append(swapped)
                swapped = None
            session.frames.append(_frame(session, 1 - side, session.seqs[1 - side], ACK, b""))
        if swapped is not None:
            session.frames.append(swapped)


def _cuts(size: int, draw: Callable[[], float]) -> Iterator[tuple[int, int]]:
    """Where a turn of `size` bytes is cut into packets: mostly full ones, some short, as writers flush."""
    start = 0
    while start < size:
        stop = min(size, start + (_MSS if draw() < 0.3 else 100 + int(draw() * 1000)))
        yield start, stop
        start = stop


def _mark_lost(ends: list[tuple[int, Exchange]], start: int, stop: int) -> None:
    first = 0
    for end, exchange in ends:
        if first < stop and start < end:
            exchange["lost"] = True
        first = end


def _dressed(ends: tuple[str, str], ports: tuple[int, int], left: int, seqs: list[int]) -> Session:
    """A session with the parts of its frames that never change, and their checksums."""
    addresses = [ip_address(end).packed for end in ends]
    version = 4 if len(addresses[0]) == 4 else 6
    macs = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
    heads, sums, ip_sums = [], [], []
    for side in (0, 1):
        pair = addresses[side] + addresses[1 - side]
        ether = macs[1 - side] + macs[side] + (b"\x08\0" if version == 4 else b"\x86\xdd")
        tcp = struct.pack("!HH", ports[side], ports[1 - side])
        heads.append(ether + pair + tcp)
        sums.append(int.from_bytes(pair + tcp + b"\0\x06" + _TIMESTAMPS, "big"))
        ip_sums.append(int.from_bytes(pair, "big") + 0x4500 + 0x4000 + 0x4006)
    return Session((heads[0], heads[1]), (sums[0], sums[1]), (ip_sums[0], ip_sums[1]), version, left, seqs)


def _frame(session: Session, side: int, seq: int, flags: int, payload: bytes) -> bytes:
    """An Ethernet frame with right checksums; the acknowledged bytes are all that the other side has sent."""
    head, ack = session.heads[side], session.seqs[1 - side] if flags & ACK else 0
    fields = struct.pack("!IIBBH", seq, ack, 0x80, flags, 501)
    length = 32 + len(payload)
    padded = payload if len(payload) % 2 == 0 else payload + b"\0"
    total = session.sums[side] + int.from_bytes(fields, "big") + length + int.from_bytes(padded, "big")
    tcp = head[-4:] + fields + struct.pack("!HH", (0xFFFF - total % 0xFFFF) % 0xFFFF, 0) + _TIMESTAMPS + payload
    if session.version == 6:
        return head[:14] + struct.pack("!IHBB", 6 << 28, length, 6, 64) + head[14:46] + tcp
    session.identification = session.identification + 1 & 0xFFFF
    check = (0xFFFF - (session.ip_sums[side] + 20 + length + session.identification) % 0xFFFF) % 0xFFFF
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, session.identification, 0x4000, 64, 6, check)
    return head[:14] + ip + head[14:22] + tcp


def _bodies(source: random.Random) -> list[Body]:
    """Bodies of every kind, small ones first: JSON, HTML and binary, in every coding, by length and chunked."""
    words = [f"{a}{b}" for a in ("red", "old", "big", "far", "new") for b in ("tree", "ship", "road", "lamp", "bird")]
    found = []
    for number in range(400):
        size = int(60 * 1.0135**number)
        kind = ("application/json", "application/json", "text/html; charset=utf-8", "image/png")[number % 4]
        data = _content(kind, size, words, source)
        coding = "" if kind == "image/png" else ("", "gzip", "", "br", "zstd", "", "deflate", "gzip")[number // 4 % 8]
        wire = CODINGS[coding](data) if coding else data
        fields = f"Content-Type: {kind}\r\n" + (f"Content-Encoding: {coding}\r\n" if coding else "")
        if number % 3 == 0:
            pieces = [wire[i : i + 700] for i in range(0, len(wire), 700)]
            framed, fields = chunks(pieces), fields + "Transfer-Encoding: chunked\r\n"
        else:
            framed, fields = wire, fields + f"Content-Length: {len(wire)}\r\n"
        found.append(Body(fields.encode(), framed, hashlib.sha256(data).hexdigest()))
    return sorted(found, key=lambda body: len(body.wire))


def _content(kind: str, size: int, words: list[str], source: random.Random) -> bytes:
    if kind == "image/png":
        return b"\x89PNG\r\n\x1a\n" + source.randbytes(size)
    items: list[object] = []
    text = ""
    while len(text) < size:
        items.append(
            {"id": source.randrange(10**6), "name": source.choice(words), "price": source.randrange(9999) / 100}
        )
        text = json.dumps(items) if "json" in kind else "".join(f"<li>{item}</li>\n" for item in items)
        size -= size // 50  # long lists grow in fewer rounds
    return text.encode()


_HOSTS = ("shop.example", "cart.internal:8080", "orders.internal", "users.internal:3000", "catalog.internal")
_PLACES = ("orders", "carts", "users", "products", "payments", "reviews", "stock", "prices", "images")
_REQUEST_FIELDS = (
    b"User-Agent: okhttp/4.12.0\r\nAccept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, br, zstd\r\n"
    b"Accept-Language: en-GB,en;q=0.7\r\nConnection: keep-alive\r\n"
)
_RESPONSE_FIELDS = (
    b"Server: nginx/1.27.2\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n"
    b"Vary: Accept-Encoding\r\nCache-Control: no-cache\r\n"
)
_REASONS = {
    200: b"OK",
    201: b"Created",
    204: b"No Content",
    302: b"Found",
    304: b"Not Modified",
    400: b"Bad Request",
    404: b"Not Found",
    409: b"Conflict",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A capture on disk with its truth, and how much there is in it."""

    capture: Path
    truth: Path
    figures: dict[str, int]


def folder() -> Path:
    """Where captures are kept: `SPIDER_BENCH_DATA`, else `.data/bench` of the project."""
    return Path(os.environ.get(_FOLDER) or Path(__file__).parents[2] / ".data" / "bench")


def made(parameters: Parameters, place: Path | None = None) -> Made:
    """The capture with these parameters, made now if it is not there yet."""
    place = place or folder()
    place.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).read_bytes() + json.dumps(asdict(parameters)).encode()
    stem = place / f"{parameters.packets}-{hashlib.sha256(source).hexdigest()[:16]}"
    found = Made(stem.with_suffix(".pcap"), stem.with_suffix(".truth.ndjson"), {})
    figures = stem.with_suffix(".json")
    if not figures.exists():
        with found.capture.open("wb") as capture, found.truth.open("w") as truth:
            numbers = Generator(parameters).run(capture, truth)
        figures.write_text(json.dumps(numbers))
    found.figures.update(json.loads(figures.read_text()))
    return found


def main() -> None:
    """Make a capture by hand."""
    parser = argparse.ArgumentParser(description="Make the benchmark's capture and its truth.")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    found = made(Parameters(packets=options.packets, seed=options.seed))
    sys.stdout.write(f"{found.capture} {found.figures} in {time.perf_counter() - begun:.1f} s\n")


if __name__ == "__main__":
    main()
