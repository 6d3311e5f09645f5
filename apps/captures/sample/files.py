"""Capture files in bytes: pcap in both byte orders and both resolutions, pcapng block by block.

References: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

SECOND = 1_000_000_000

SECTION, INTERFACE, SIMPLE_PACKET, ENHANCED_PACKET, DECRYPTION_SECRETS = 0x0A0D0D0A, 1, 3, 6, 10


@dataclass(frozen=True, slots=True)
class Frame:
    """One record of a capture file: time in nanoseconds, the bytes kept, and how long the packet was."""

    time: int
    data: bytes
    length: int


def pcap(
    frames: Iterable[Frame], link: int, *, big_endian: bool = False, nano: bool = True, snap: int = 262144
) -> bytes:
    """A pcap file; microsecond files round times down."""
    order = ">" if big_endian else "<"
    unit = 1 if nano else 1000
    parts = [struct.pack(order + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, snap, link)]
    head = struct.Struct(order + "IIII")
    for frame in frames:
        seconds, rest = divmod(frame.time, SECOND)
        parts.append(head.pack(seconds, rest // unit, len(frame.data), frame.length))
        parts.append(frame.data)
    return b"".join(parts)


@dataclass(slots=True)
class Pcapng:
    """A pcapng file under construction: call its methods in the order the blocks shall stand, then `data`."""

    big_endian: bool = False
    parts: list[bytes] = field(default_factory=list)
    resolutions: list[int] = field(default_factory=list)

    @property
    def _order(self) -> str:
        return ">" if self.big_endian else "<"

    def block(self, kind: int, body: bytes) -> "Pcapng":
        """Any block, known or not."""
        body += b"\0" * (-len(body) % 4)
        length = struct.pack(self._order + "I", 12 + len(body))
        self.parts.append(struct.pack(self._order + "I", kind) + length + body + length)
        return self

    def section(self, *, big_endian: bool = False, comment: bytes = b"") -> "Pcapng":
        """A section header: interfaces are numbered from 0 again."""
        self.big_endian = big_endian
        self.resolutions = []
        body = struct.pack(self._order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        return self.block(SECTION, body + (self._option(1, comment) + self._option(0, b"") if comment else b""))

    def interface(
        self, link: int, *, resolution: int | None = None, offset: int | None = None, name: str = "", snap: int = 0
    ) -> "Pcapng":
        """An interface. `resolution` is `if_tsresol` (9 is nanoseconds, 0x80 | n is 2**-n s), absent: microseconds;
        `offset` is `if_tsoffset` in seconds, which times in the packets are counted from."""
        self.resolutions.append(_units(6 if resolution is None else resolution))
        options = b""
        if name:
            options += self._option(2, name.encode())
        if resolution is not None:
            options += self._option(9, bytes([resolution]))
        if offset is not None:
            options += self._option(14, struct.pack(self._order + "q", offset))
        if options:
            options += self._option(0, b"")
        return self.block(INTERFACE, struct.pack(self._order + "HHI", link, 0, snap) + options)

    def packet(self, frame: Frame, interface: int = 0, *, offset: int = 0) -> "Pcapng":
        """An enhanced packet block; `offset` is the interface's `if_tsoffset`."""
        units = (frame.time - offset * SECOND) * self.resolutions[interface] // SECOND
        head = struct.pack(
            self._order + "IIIII", interface, units >> 32, units & 0xFFFFFFFF, len(frame.data), frame.length
        )
        return self.block(ENHANCED_PACKET, head + frame.data)

    def simple_packet(self, frame: Frame) -> "Pcapng":
        """A simple packet block: no time, first interface."""
        return self.block(SIMPLE_PACKET, struct.pack(self._order + "I", frame.length) + frame.data)

    def secrets(self, data: bytes, kind: int = 0x544C534B) -> "Pcapng":
        """A decryption secrets block, by default a TLS key log."""
        return self.block(DECRYPTION_SECRETS, struct.pack(self._order + "II", kind, len(data)) + data)

    def data(self) -> bytes:
        """The file."""
        return b"".join(self.parts)

    def _option(self, code: int, value: bytes) -> bytes:
        padding = b"\0" * (-len(value) % 4)
        return struct.pack(self._order + "HH", code, len(value)) + value + padding


def _units(resolution: int) -> int:
    """How many of an interface's time units make a second."""
    return 1 << (resolution & 0x7F) if resolution & 0x80 else 10**resolution
