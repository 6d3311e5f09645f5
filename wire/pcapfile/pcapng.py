"""pcapng (draft-ietf-opsawg-pcapng): blocks in sections; a packet block names its interface.

Packet blocks are only noted by their offset. What later packets need (interfaces) or later readers want (decryption
secrets) is kept whole, so that it can be repeated in front of the next piece. All other blocks are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat

from wire.pcapfile.kinds import ALL_RECORDS, MAX_BLOCK, MAX_PRELUDE, SECRETS_DROPPED, SECTION_MAGIC

SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, PACKET, SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
_ORDER_MAGIC = 0x1A2B3C4D
#: 64 KiB: a section header that is repeated as it is; a longer one loses its options.
MAX_HEADER = 1 << 16


@dataclass
class Interface:
    """A pcapng interface: how its packets are to be read."""

    link: int
    snap: int  # most bytes of a packet kept, 0 for all
    resolution: int = 6  # if_tsresol: units are 10**-n s, with the top bit set 2**-n s
    shift: int = 0  # if_tsoffset: seconds to add

    def nanoseconds(self, units: int) -> int:
        power = self.resolution & 0x7F
        scale: int = 2**power if self.resolution & 0x80 else 10**power
        return units * 1_000_000_000 // scale + self.shift * 1_000_000_000


@dataclass
class Section:
    """A pcapng section: its interfaces, and where its packet blocks lie in the walked bytes."""

    order: str
    header: bytes  # the section header block, its length set to "unknown"
    interfaces: list[Interface] = field(default_factory=list)
    described: list[bytes] = field(default_factory=list)  # the interface blocks
    packets: list[int] = field(default_factory=list)  # offsets of enhanced packet blocks
    others: list[tuple[int, int]] = field(default_factory=list)  # (offset, type) of simple and old packet blocks

    def count(self) -> int:
        return len(self.packets) + len(self.others)

    def forget(self) -> None:
        """Drop the offsets: the next bytes walked are others."""
        self.packets, self.others = [], []


class Blocks:
    """Walks pcapng blocks and remembers what later packets need."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.secrets: list[tuple[int, bytes]] = []  # of decryption-secrets blocks: type (0x544C534B: TLS), data
        self.anomalies: list[str] = []
        self._known: set[tuple[int, bytes]] = set()
        self._described = self._secret = 0  # bytes

    def size(self, head: bytes) -> int:
        """Whole size of the block that starts with `head` (12 bytes), -1 if it cannot be true."""
        order = self.sections[-1].order if self.sections else "<"
        if head[:4] == SECTION_MAGIC:
            order = _section_order(head)
        size: int = struct.unpack_from(order + "I", head, 4)[0] if order else 0
        return size if 12 <= size <= MAX_BLOCK and size % 4 == 0 else -1

    def walk(self, buf: bytes, at: int, most: int = ALL_RECORDS) -> tuple[int, bool]:
        """Note the whole blocks from `at` on, at most `most`; gives the offset behind them and whether something absurd
        stopped it."""
        end = len(buf)
        while at + 12 <= end and most > 0:
            order = self.sections[-1].order if self.sections else "<"
            before = self.sections[-1].count() if self.sections else 0
            at, kind, size = self._walk_packets(buf, at, struct.Struct(order + "II").unpack_from, most)
            most -= (self.sections[-1].count() if self.sections else 0) - before + 1
            if not kind:
                return at, False
            if kind == SECTION:
                size = self.size(buf[at : at + 12])
            if not (12 <= size <= MAX_BLOCK) or size % 4:
                return at, True
            if at + size > end:
                return at, False
            if not self._note(kind, buf, at, size):
                return at, True
            at += size
        return at, False

    def _walk_packets(
        self, buf: bytes, at: int, head: Callable[[bytes, int], tuple[int, int]], most: int
    ) -> tuple[int, int, int]:
        """Up to the first block that is no (whole, sane) enhanced packet: its offset, type, size. Type 0: at the end,
        or after `most`."""
        add = self.sections[-1].packets.append if self.sections else None
        end = len(buf)
        for _ in repeat(None, most):
            if at + 12 > end:
                break
            kind, size = head(buf, at)
            if kind != PACKET or add is None or not 32 <= size <= MAX_BLOCK or size % 4 or at + size > end:
                return at, kind or -1, size
            add(at)
            at += size
        return at, 0, 0

    def _note(self, kind: int, buf: bytes, at: int, size: int) -> bool:
        """Take one block that is no enhanced packet; False where the file cannot be read on."""
        block = buf[at : at + size]
        if kind == SECTION:
            return self._section(block)
        if not self.sections or kind == PACKET:
            return False
        section = self.sections[-1]
        if kind == INTERFACE:
            self._described += size
            if size < 20 or self._described > MAX_PRELUDE:
                return False
            section.interfaces.append(_interface(block, section.order))
            section.described.append(block)
        elif kind == SECRETS:
            self._keep_secret(block, section.order)
        elif (kind == SIMPLE_PACKET and size >= 16) or (kind == OLD_PACKET and size >= 32):
            section.others.append((at, kind))
        return True  # every other block is skipped

    def _section(self, block: bytes) -> bool:
        order = _section_order(block)
        if not order or len(block) < 28:
            return False
        self._described = 0
        header = block[:16] + b"\xff" * 8 + block[24:]
        if len(header) > MAX_HEADER:  # its options tell of the capture, not of how to read it
            header = block[:4] + struct.pack(order + "I", 28) + block[8:16] + b"\xff" * 8 + struct.pack(order + "I", 28)
        self.sections.append(Section(order, header))
        return True

    def _keep_secret(self, block: bytes, order: str) -> None:
        if len(block) < 20:
            return
        kind, length = struct.unpack_from(order + "II", block, 8)
        secret = kind, block[16 : min(16 + length, len(block) - 4)]
        if secret in self._known:
            return
        if self._secret + len(block) <= MAX_PRELUDE:
            self._secret += len(block)
            self.secrets.append(secret)
            self._known.add(secret)
        elif SECRETS_DROPPED not in self.anomalies:
            self.anomalies.append(SECRETS_DROPPED)

    def prelude(self) -> bytes:
        """The blocks a piece needs in front of the next packets."""
        if not self.sections:
            return b""
        section = self.sections[-1]
        secrets = [_secrets_block(section.order, kind, data) for kind, data in self.secrets]
        return b"".join([section.header, *section.described, *secrets])


def _secrets_block(order: str, kind: int, data: bytes) -> bytes:
    """Sections may differ in byte order, so secrets of an earlier one are written anew."""
    size = 20 + (len(data) + 3) // 4 * 4
    head = struct.pack(order + "IIII", SECRETS, size, kind, len(data))
    return head + data + bytes(-len(data) % 4) + struct.pack(order + "I", size)


def _section_order(head: bytes) -> str:
    for order in "<>":
        if len(head) >= 12 and struct.unpack_from(order + "I", head, 8)[0] == _ORDER_MAGIC:
            return order
    return ""


def _interface(block: bytes, order: str) -> Interface:
    link, snap = struct.unpack_from(order + "HxxI", block, 8)
    found = Interface(link, snap)
    at, end = 16, len(block) - 4
    while at + 4 <= end:
        code, length = struct.unpack_from(order + "HH", block, at)
        value = block[at + 4 : min(at + 4 + length, end)]
        if code == 9 and len(value) >= 1:
            found.resolution = value[0]
        elif code == 14 and len(value) >= 8:
            found.shift = struct.unpack_from(order + "q", value)[0]
        elif code == 0:
            break
        at += 4 + (length + 3) // 4 * 4
    return found
