"""How long a message's body is (RFC 9112 section 6.3), for messages as they are and not as they should be."""

import re
from typing import NamedTuple

from wire.events import Headers
from wire.http1.state import CLOSE, LENGTH, SIZE, START

#: Lengths above this are nonsense; they are cut so that state stays within 64 bits.
MAX_LENGTH = 1 << 60

#: A chunk's size and nothing else; int() alone would take "0x10" and "1_0" as well.
PLAIN_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
_DIGITS = re.compile(r"[0-9]{1,18}")


class Framing(NamedTuple):
    """Where a body ends: a reader mode (START: no body), its length, and the length to use if it is not chunked."""

    mode: int
    need: int = 0
    fallback: int = -1
    anomaly: str = ""


NONE = Framing(START)
CHUNKED = Framing(SIZE)
UNTIL_CLOSE = Framing(CLOSE)


def plain_length(headers: Headers) -> int:
    """The Content-Length where it alone frames the body and is plain, -1 otherwise. Nearly every message."""
    values = headers.get("content-length")
    if values is None or len(values) != 1 or "transfer-encoding" in headers:
        return -1
    text = values[0]
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 18 else -1


def of_request(headers: Headers) -> Framing:
    """A request without Content-Length and Transfer-Encoding has no body (section 6.3, case 7)."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        return _coded(coding, length, 0)
    if length is None:
        return NONE
    need, anomaly = _length(length)
    return Framing(LENGTH, need, -1, anomaly) if need > 0 else Framing(START, 0, -1, anomaly)


def of_response(headers: Headers, version: str) -> Framing:
    """A response that may have a body (its status and its request allow one)."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        return _coded(coding, length, -1)
    if length is None:
        return UNTIL_CLOSE
    need, anomaly = _length(length)
    if need < 0 or (anomaly == "badContentLength" and not keeps_alive(headers, version)):
        return Framing(CLOSE, 0, -1, anomaly)
    return Framing(LENGTH, need, -1, anomaly) if need else Framing(START, 0, -1, anomaly)


def keeps_alive(headers: Headers, version: str) -> bool:
    """Does the connection go on after this message (RFC 9112 section 9.3)?"""
    connection = ",".join(headers.get("connection", ())).lower()
    return "close" not in connection and (version == "1.1" or "keep-alive" in connection)


def _coded(coding: list[str], length: list[str] | None, without: int) -> Framing:
    """Transfer-Encoding wins over Content-Length (section 6.3, case 3); both may be smuggling, so it is noted.

    Whether a body really is chunked shows at its first bytes: there the reader may fall back to what the length says,
    or, as `without` says, to no body (0) or one until close (-1).
    """
    fallback = without
    anomaly = ""
    if length is not None:
        fallback, _ = _length(length)
        anomaly = "lengthAndChunked"
    value = ",".join(coding).lower()
    if value == "chunked":
        return Framing(SIZE, 0, fallback, anomaly) if anomaly or without == 0 else CHUNKED
    if "chunked" in value:
        codings = [token.strip() for token in value.split(",")]
        # Section 6.1: other codings may be applied before, and chunked is the last of them.
        odd = codings[-1] != "chunked" or codings.count("chunked") != 1
        return Framing(SIZE, 0, fallback, anomaly or ("oddTransferEncoding" if odd else ""))
    if fallback > 0:
        return Framing(LENGTH, fallback, -1, "oddTransferEncoding")
    return Framing(CLOSE if without < 0 else START, 0, -1, "oddTransferEncoding")


def _length(length: list[str]) -> tuple[int, str]:
    """A length out of fields that may be repeated or no plain number: (-1 for none, anomaly)."""
    values = [value.strip() for line in length for value in line.split(",")]
    numbers = [int(value) for value in values if _DIGITS.fullmatch(value)]
    if len(numbers) == len(values) and len(set(numbers)) == 1:
        # Section 6.3, case 5: equal values in a list may be taken as one.
        return min(numbers[0], MAX_LENGTH), "repeatedContentLength" if len(values) > 1 else ""
    first = _DIGITS.search(length[0])
    return (min(int(first[0]), MAX_LENGTH) if first else -1), "badContentLength"
