"""One packet in bytes: link layer, VLAN tags, IPv4 or IPv6, TCP, fragments, with right lengths and checksums.

The Internet checksum is a one's complement sum of 16-bit words, which is the big number that the bytes spell, modulo
65535: Python does that for a whole packet in one step.
"""

import struct
from collections.abc import Sequence
from ipaddress import ip_address

# Link types as they stand in capture files (https://www.tcpdump.org/linktypes.html).
NULL = 0
ETHERNET = 1
RAW = 101
LOOP = 108
LINUX_SLL = 113
IPV4 = 228
IPV6 = 229
LINUX_SLL2 = 276

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32

TCP = 6
UDP = 17

_ETHER_IPV4 = 0x0800
_ETHER_IPV6 = 0x86DD
_ETHERNET_MINIMUM = 60  # bytes without the check sequence: shorter frames are padded by the sender


def checksum(data: bytes) -> int:
    """The Internet checksum of `data` (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    rest = int.from_bytes(data, "big") % 0xFFFF
    return (0xFFFF - rest) % 0xFFFF


def tcp(
    source: tuple[str, int],
    target: tuple[str, int],
    seq: int,
    ack: int,
    flags: int,
    payload: bytes = b"",
    *,
    window: int = 64240,
    options: bytes = b"",
    urgent: int = 0,
) -> bytes:
    """A TCP segment with its checksum; `options` must fill whole 32-bit words."""
    header = struct.pack(
        "!HHIIBBHHH",
        source[1],
        target[1],
        seq & 0xFFFFFFFF,
        ack & 0xFFFFFFFF,
        (5 + len(options) // 4) << 4,
        flags,
        window,
        0,
        urgent,
    )
    segment = header + options + payload
    a, b = ip_address(source[0]).packed, ip_address(target[0]).packed
    length = struct.pack("!I", len(segment)) if len(a) == 16 else struct.pack("!H", len(segment))
    total = checksum(a + b + struct.pack("!I" if len(a) == 16 else "!H", TCP) + length + segment)
    return segment[:16] + struct.pack("!H", total) + segment[18:]


def udp(source: tuple[str, int], target: tuple[str, int], payload: bytes) -> bytes:
    """A UDP datagram without a checksum (RFC 768 allows 0): something that is not TCP."""
    return struct.pack("!HHHH", source[1], target[1], 8 + len(payload), 0) + payload


def ipv4(
    source: str,
    target: str,
    payload: bytes,
    *,
    protocol: int = TCP,
    identification: int = 0,
    offset: int = 0,
    more: bool = False,
    options: bytes = b"",
    zero_length: bool = False,
) -> bytes:
    """An IPv4 packet; `offset` in bytes. `zero_length` leaves the total length 0, as segmentation offload does."""
    total = 0 if zero_length else 20 + len(options) + len(payload)
    flags = (0x2000 if more else 0x4000 if not offset else 0) | offset >> 3
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x40 | (5 + len(options) // 4),
        0,
        total,
        identification & 0xFFFF,
        flags,
        64,
        protocol,
        0,
        ip_address(source).packed,
        ip_address(target).packed,
    )
    header += options
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def ipv6(
    source: str,
    target: str,
    payload: bytes,
    *,
    protocol: int = TCP,
    extensions: Sequence[tuple[int, bytes]] = (),
    zero_length: bool = False,
) -> bytes:
    """An IPv6 packet; `extensions` are (header number, its bytes), the first byte of each is set to what follows."""
    chain = b""
    following = protocol
    for number, body in reversed(extensions):
        chain = bytes([following]) + body[1:] + chain
        following = number
    length = 0 if zero_length else len(chain) + len(payload)
    header = struct.pack(
        "!IHBB16s16s", 6 << 28, length, following, 64, ip_address(source).packed, ip_address(target).packed
    )
    return header + chain + payload


def fragments(source: str, target: str, payload: bytes, size: int, identification: int) -> list[bytes]:
    """The IP packets that carry `payload` in pieces of `size` bytes (a multiple of 8) (RFC 791, RFC 8200 §4.5)."""
    packets = []
    for offset in range(0, len(payload), size):
        piece = payload[offset : offset + size]
        more = offset + size < len(payload)
        if ip_address(source).version == 4:
            packets.append(ipv4(source, target, piece, identification=identification, offset=offset, more=more))
        else:
            extension = struct.pack("!BBHI", 0, 0, offset | more, identification)
            packets.append(ipv6(source, target, piece, extensions=[(44, extension)]))
    return packets


def link(kind: int, packet: bytes, *, vlans: Sequence[int] = (), outgoing: bool = False, pad: bool = True) -> bytes:
    """`packet` (IPv4 or IPv6) as a frame of link type `kind`. With two or more `vlans` the outer tag is 802.1ad."""
    version = packet[0] >> 4
    ether = _ETHER_IPV4 if version == 4 else _ETHER_IPV6
    tags = b""
    for number, vlan in enumerate(vlans):
        tpid = 0x88A8 if len(vlans) > 1 and number == 0 else 0x8100
        tags += struct.pack("!HH", tpid, vlan)
    if kind == ETHERNET:
        near, far = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"
        frame = (far + near if outgoing else near + far) + tags + struct.pack("!H", ether) + packet
        return frame.ljust(_ETHERNET_MINIMUM, b"\0") if pad else frame
    if kind == LINUX_SLL:
        protocol, rest = _cooked(tags, ether)
        return struct.pack("!HHH8sH", 4 if outgoing else 0, 1, 6, b"\x02\0\0\0\0\x01\0\0", protocol) + rest + packet
    if kind == LINUX_SLL2:
        protocol, rest = _cooked(tags, ether)
        head = struct.pack("!HHIHBB8s", protocol, 0, 2, 1, 4 if outgoing else 0, 6, b"\x02\0\0\0\0\x01\0\0")
        return head + rest + packet
    if kind == NULL:  # the family in the byte order of the host that captured: here little-endian, Linux numbers
        return struct.pack("<I", 2 if version == 4 else 30) + packet
    if kind == LOOP:
        return struct.pack("!I", 2 if version == 4 else 24) + packet
    return packet


def _cooked(tags: bytes, ether: int) -> tuple[int, bytes]:
    """The protocol field of a cooked header and what follows it when VLAN tags are inside."""
    chain = tags + struct.pack("!H", ether)
    return int.from_bytes(chain[:2], "big"), chain[2:]
