"""Capture files: tell their kind, look inside compressed ones, cut them into pieces.

A *piece* is a complete little capture: whole records behind the headers needed to read them (for pcapng: section,
interfaces and decryption secrets so far, repeated). A file that ends inside a record gives every whole record and an
anomaly; a length that cannot be true ends the file with an anomaly. Memory is bounded by a piece and a record.

Standard library and Python 3.9 syntax only: the agent carries this package to hosts of any age.
"""

from wire.pcapfile.compressed import Decompressed, gunzip, open_capture
from wire.pcapfile.cutting import cut
from wire.pcapfile.kinds import CORRUPT, CUT_OFF, SECRETS_DROPPED, SUPPORTED, CaptureError, Piece, sniff
from wire.pcapfile.ring import ring_header

__all__ = [
    "CORRUPT",
    "CUT_OFF",
    "SECRETS_DROPPED",
    "SUPPORTED",
    "CaptureError",
    "Decompressed",
    "Piece",
    "cut",
    "gunzip",
    "open_capture",
    "ring_header",
    "sniff",
]
