"""The kinds of capture files, and the bounds that keep absurd lengths from eating memory."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

CUT_OFF = "captureCutOff"
CORRUPT = "captureCorrupt"
SECRETS_DROPPED = "captureSecretsDropped"

#: 4 MiB: tcpdump writes at most 256 KiB a packet, offloads give up to 512 KiB; above this a length is corrupt.
MAX_RECORD = 4 << 20
#: 16 MiB: the same for a pcapng block, which may hold a key log or a custom block.
MAX_BLOCK = 16 << 20
#: 1 MiB: what may be repeated in front of every piece (interfaces; decryption secrets): 10,000 TLS sessions' keys.
MAX_PRELUDE = 1 << 20

#: 131,072: most records (for pcapng: blocks) of a piece. Reading one takes hundreds of bytes of memory however small it
#: is, and 16 MB hold a million empty ones; packets of real traffic fill a piece with bytes first.
MAX_RECORDS = 1 << 17
ALL_RECORDS = 1 << 62

PCAP_MAGIC = {
    0xA1B2C3D4: (1000, 16),  # microseconds
    0xA1B23C4D: (1, 16),  # nanoseconds
    0xA1B2CD34: (1000, 24),  # "modified": interface index, protocol and packet type follow the lengths
}
SECTION_MAGIC = b"\n\r\r\n"
RING_MAGIC = b"SpRB"
SUPPORTED = "pcap and pcapng, also compressed with gzip or zstd"
_COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class CaptureError(ValueError):
    """Not a capture that can be read: says what was found and what is supported."""


@dataclass
class Piece:
    """Whole records of a capture with the headers to read them."""

    data: bytes
    packets: int
    offset: int  # of its first record in the uncompressed stream
    first: int  # time of its first and its last record, ns since the epoch; 0 if none
    last: int
    anomalies: list[str] = field(default_factory=list)
    state: dict[str, object] = field(default_factory=dict)  # JSON-able: `cut(…, resume=state)` goes on behind it
    starts: list[int] | None = None  # offsets of its records in `data`, where they need not be looked for again (pcap)


def sniff(head: bytes) -> str | None:
    """The kind of a file by its first 4 bytes: "pcap", "pcapng", "ring", "gzip", "zstd" or None."""
    if len(head) >= 4 and any(struct.unpack_from(order + "I", head)[0] in PCAP_MAGIC for order in "<>"):
        return "pcap"
    if head[:4] == SECTION_MAGIC:
        return "pcapng"
    if head[:4] == RING_MAGIC:
        return "ring"
    return _COMPRESSED.get(head[:2]) or _COMPRESSED.get(head[:4])


def not_a_capture(head: bytes) -> str:
    """The message for a file that is none of ours."""
    if not head:
        return f"an empty file, not a capture ({SUPPORTED})"
    return f"not a capture: it starts with {head[:8].hex(' ')}; supported are {SUPPORTED}"
