"""INTERFACE mode: blocks of a ring, put together to chunks by size and time."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from agent import bpf
from agent.chunk import Chunk, Losses
from agent.errors import InterfaceError
from agent.limits import Gate
from agent.ring import ANY, TIMEOUT_MS, Ring
from wire.pcapfile import ring_header

#: How long one look at the ring may wait: an interruption is noticed after it.
POLL_SECONDS = 0.1
#: After an interruption: time for the kernel to hand over the block that it is still filling.
LAST_SECONDS = 3 * TIMEOUT_MS / 1000


def program(
    ring: Ring,
    filtered: Sequence[bpf.Instruction],
    server: Sequence[str],
    port: int,
    snap: int,
    *,
    networks: Sequence[bpf.Network] = (),
    skip_empty: bool = False,
) -> list[bpf.Instruction]:
    """The filter of a ring: without the server's traffic, loopback copies, `networks` and (if asked for) empty packets,
    then the user's."""
    out = bpf.without_server(server, port, ring.header)
    if ring.loopback or ring.interface == ANY:
        out = bpf.without_outgoing(_loopback_index()) + out
    out += bpf.without_networks(networks, ring.header)
    if skip_empty:
        out += bpf.without_empty(ring.header)
    return out + (bpf.shortened(filtered, snap) if filtered else bpf.accept(snap))


def _loopback_index() -> int:
    for index, name in socket.if_nameindex():
        if name == "lo":
            return index
    return 1


class Source:
    """Chunks of at least one packet, of about `size` bytes or `seconds`; both may be changed while it runs, and so may
    the ring: the new one captures before the old one is emptied and closed."""

    def __init__(self, ring: Ring, size: int, seconds: float, gate: Gate | None = None) -> None:
        self.ring, self.size, self.seconds = ring, size, seconds
        self.captured = self.kernel_drops = 0  # packets
        self.losses = Losses()  # for the next chunk
        self._gate = gate
        self._next: Ring | None = None
        self._header = ring_header(ring.link, ring.order)
        self._parts, self._held, self._packets = [self._header], 0, 0

    @property
    def newest(self) -> Ring:
        """The ring that captures."""
        return self._next or self.ring

    def replace(self, ring: Ring) -> None:
        """Go on with a ring of the same interface that was started. A packet may come twice, none is missed. Raises
        InterfaceError while the one before is still followed."""
        if self._next is not None:
            raise InterfaceError(f"{ring.interface}: another ring is being opened")
        self.ring.silence()
        self._next = ring

    def chunks(self, stopped: Callable[[], bool]) -> Iterator[Chunk]:
        """Until `stopped`, and then what the ring still holds. Raises InterfaceError; what was read comes before."""
        due, end, changed = time.monotonic() + self.seconds, 0.0, 0.0
        try:
            while True:
                got = self.ring.read(POLL_SECONDS, self._admit)
                if got and got[1]:
                    self._add(*got)
                now = time.monotonic()
                end = end or (now + LAST_SECONDS if stopped() else 0.0)
                over = bool(end) and now >= end
                if self._next and not got:
                    changed = changed or now + LAST_SECONDS
                    if now >= changed or over:
                        self._change()
                        changed = 0.0
                if self._packets and (self._held >= self.size or now >= due or over):
                    yield self._take()
                if over:
                    return
                if now >= due:
                    due = now + self.seconds
        finally:
            with suppress(OSError):  # closed before the generator was
                self._count_drops()

    def rest(self) -> Chunk | None:
        """What was read when the ring failed."""
        return self._take() if self._packets else None

    def _admit(self, packets: int, size: int) -> bool:
        if self._gate is None or self._gate.admit(packets, size, self.losses):
            return True
        self.losses.captured += packets
        return False

    def _add(self, block: bytes, packets: int) -> None:
        self._parts.append(block)
        self._held += len(block)
        self._packets += packets
        self.captured += packets

    def _take(self) -> Chunk:
        chunk = Chunk(self._parts, self._packets)
        self._count_drops()
        chunk.losses, self.losses = self.losses, Losses()
        self._parts, self._held, self._packets = [self._header], 0, 0
        return chunk

    def _count_drops(self) -> None:
        dropped = self.ring.drops()
        self.kernel_drops += dropped
        self.losses.add("kernel", dropped)
        self.losses.captured += dropped

    def _change(self) -> None:
        if self._next is not None:
            self._count_drops()
            self.ring.close()
            self.ring, self._next = self._next, None

    def close(self) -> None:
        """Close the ring, and the one that was to follow."""
        for ring in (self.ring, self._next):
            if ring is not None:
                ring.close()


def chunks(ring: Ring, size: int, seconds: float, stopped: Callable[[], bool]) -> Iterator[Chunk]:
    """The chunks of one ring, with the kernel's drops."""
    return Source(ring, size, seconds).chunks(stopped)
