"""The headers of a chunk, read strictly: each refusal names the header, what it held and what it may hold.

All are optional together: an upload without `Spider-Capture` is a whole capture (plain `curl` of one file). With it,
`Spider-Chunk` is needed too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from apps.captures.models import CAPTURE_ID
from apps.core.errors import ApplicationError

#: Chunk numbers and counts stay exact in Redis' scripts, whose numbers are doubles.
LARGEST = (1 << 53) - 1
DIGITS = len(str(LARGEST))
MEDIA_TYPES = {
    "application/vnd.tcpdump.pcap": "pcap",
    "application/x-pcap": "pcap",
    "application/x-pcapng": "pcapng",
    "application/vnd.spider.ring": "ring",
}
#: Types that say nothing (curl's own default among them): the content's first bytes decide.
UNTYPED = {"", "application/octet-stream", "application/x-www-form-urlencoded"}
ENCODINGS = {"", "identity", "gzip", "zstd"}
DROPPED = re.compile(rf"(kernel|queue|limit|breaker|filter)=(\d{{1,{DIGITS}}})/(\d{{1,{DIGITS}}})", re.ASCII)
ABANDONED = re.compile(rf"(\d{{1,{DIGITS}}})=(\d{{1,{DIGITS}}})/(\d{{1,{DIGITS}}})/([A-Za-z]{{1,40}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A chunk number that the agent will never send, and what was in it."""

    number: int
    packets: int
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class ChunkHeaders:
    """What an agent says of a chunk. `capture` is empty for a whole capture in one request, `previous` names the one
    that its agent left open."""

    capture: str
    previous: str
    instance: str
    interface: str
    chunk: int
    packets: int
    digest: str
    oldest: int
    abandoned: tuple[Abandoned, ...]
    dropped: dict[str, int]
    media: str
    encoding: str
    captured: int | None = None  # packets that the agent saw: these and those it lost; None where it does not say

    @property
    def told(self) -> dict[str, int]:
        """What the agent counts, by the names of the accounting."""
        return self.dropped if self.captured is None else self.dropped | {"packets.captured": self.captured}


def read_headers(headers: Mapping[str, str]) -> ChunkHeaders:
    """The headers of a request for `POST /api/v1/chunks/`, checked. Raises ApplicationError (400 or 415)."""
    capture = _capture(headers, "Spider-Capture")
    if capture and "Spider-Chunk" not in headers:
        raise refused("Spider-Chunk", "", "the chunk's number, from 0, when Spider-Capture is given")
    return ChunkHeaders(
        capture=capture,
        previous=_capture(headers, "Spider-Previous"),
        instance=_text(headers, "Spider-Instance", 200),
        interface=_text(headers, "Spider-Interface", 400),
        chunk=_number(headers, "Spider-Chunk"),
        packets=_number(headers, "Spider-Packets"),
        digest=_digest(headers),
        oldest=_number(headers, "Spider-Oldest"),
        abandoned=read_abandoned(headers.get("Spider-Abandoned", "")),
        dropped=read_dropped(headers.get("Spider-Dropped", "")),
        captured=_number(headers, "Spider-Captured") if "Spider-Captured" in headers else None,
        media=_media(headers.get("Content-Type", "")),
        encoding=_encoding(headers.get("Content-Encoding", "")),
    )


def refused(header: str, value: str, allowed: str, status_code: int = 400) -> ApplicationError:
    """A refusal that names the header, its value and the fix."""
    shown = f"is {value[:80]!r}" if value else "is missing"
    return ApplicationError(f"{header} {shown}: give {allowed}.", code="header", status_code=status_code, field=header)


def _capture(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if value and not re.fullmatch(CAPTURE_ID, value):
        raise refused(name, value, "8 to 64 letters, digits, dots, dashes or underscores")
    return value


def _text(headers: Mapping[str, str], name: str, longest: int) -> str:
    value = headers.get(name, "").strip()
    if len(value) > longest or not value.isprintable():
        raise refused(name, value, f"at most {longest} printable characters")
    return value


def _number(headers: Mapping[str, str], name: str) -> int:
    value = headers.get(name, "").strip() or "0"
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS) or int(value) > LARGEST:
        raise refused(name, value, "a whole number from 0")
    return int(value)


def _digest(headers: Mapping[str, str]) -> str:
    value = headers.get("Spider-Digest", "").strip().lower()
    value = value.removeprefix("sha-256=").removeprefix("sha256:")
    if value and not re.fullmatch(r"[0-9a-f]{64}", value):
        raise refused("Spider-Digest", value, "the SHA-256 of the body as sent, 64 hexadecimal digits")
    return value


def read_abandoned(value: str) -> tuple[Abandoned, ...]:
    """`Spider-Abandoned: 7=1200/800000/queue, 9=…`: number, packets, bytes and reason of chunks given up."""
    found = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = ABANDONED.fullmatch(part)
        if match is None:
            raise refused("Spider-Abandoned", part, "number=packets/bytes/reason, several by commas")
        number, packets, size = (min(int(text), LARGEST) for text in match.groups()[:3])
        found.append(Abandoned(number, packets, size, match[4]))
    return tuple(found)


def read_dropped(value: str) -> dict[str, int]:
    """`Spider-Dropped: kernel=12/3400, queue=2/1000`: what was lost before this chunk, by reason, as counters."""
    found: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        match = DROPPED.fullmatch(part)
        if match is None:
            raise refused("Spider-Dropped", part, "reason=packets/bytes, several by commas")
        name = "filtered" if match[1] == "filter" else f"dropped.{match[1]}"
        found[f"packets.{name}"] = min(int(match[2]), LARGEST)
        found[f"bytes.{name}"] = min(int(match[3]), LARGEST)
    return found


def _media(value: str) -> str:
    media = value.partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES and media not in UNTYPED:
        raise refused("Content-Type", media, ", ".join(MEDIA_TYPES), status_code=415)
    return MEDIA_TYPES.get(media, "")


def _encoding(value: str) -> str:
    encoding = value.strip().lower()
    if encoding not in ENCODINGS:
        raise refused("Content-Encoding", encoding, "zstd, gzip, or nothing", status_code=415)
    return encoding
