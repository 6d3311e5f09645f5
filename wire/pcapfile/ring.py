"""Blocks of a Linux TPACKET_V3 ring, as the kernel filled them (linux/if_packet.h), behind a header of our own.

The header: "SpRB", byte order of the host (1 little, 2 big), 0, link type (little-endian 16 bits), 8 zero bytes.
Each block is as long as its own `blk_len` says.
"""

from __future__ import annotations

import struct

from wire.pcapfile.kinds import ALL_RECORDS, MAX_BLOCK, RING_MAGIC, CaptureError

RING_HEADER = 16
#: struct tpacket3_hdr; packets cannot lie closer together.
PACKET_HEADER = 48


def ring_header(link: int, order: str) -> bytes:
    """The header of a ring piece; `order` is the byte order of the host that captured."""
    return RING_MAGIC + (b"\x01" if order == "<" else b"\x02") + b"\x00" + struct.pack("<H", link) + bytes(8)


def ring_layout(head: bytes) -> tuple[str, int]:
    """Byte order and link type. Raises CaptureError when the header is not whole or of another version."""
    if len(head) < RING_HEADER or head[4] not in (1, 2):
        raise CaptureError("ring blocks of a version that is not known, or cut off inside their header")
    return "<" if head[4] == 1 else ">", struct.unpack_from("<H", head, 6)[0]


def walk_ring(buf: bytes, at: int, order: str, most: int = ALL_RECORDS) -> tuple[list[int], int, bool]:
    """Offsets of the packet headers (struct tpacket3_hdr) of the whole blocks from `at` on, as `walk_pcap`; no block
    more after `most` of them."""
    block_at = struct.Struct(order + "III").unpack_from
    next_at = struct.Struct(order + "I").unpack_from
    starts: list[int] = []
    while at + 48 <= len(buf) and len(starts) < most:
        count, first, size = block_at(buf, at + 12)
        if not 48 <= size <= MAX_BLOCK:
            return starts, at, True
        if at + size > len(buf):
            break
        packet, end = at + first, at + size - 48
        for _ in range(count):
            if packet > end:
                return starts, at, True
            starts.append(packet)
            step = next_at(buf, packet)[0] or size
            if step < PACKET_HEADER:
                return starts, at, True
            packet += step
        at += size
    return starts, at, False
