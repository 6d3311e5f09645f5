"""What the server is told of a chunk, in the headers of its upload."""

from __future__ import annotations

from agent.numbers import Job

_MEDIA = {b"SpRB": "application/vnd.spider.ring", b"\n\r\r\n": "application/x-pcapng"}


def of(job: Job, instance: str, interface: str, oldest: int, abandoned: str) -> dict[str, str]:
    """The headers of a chunk; those without a value are left out."""
    headers = {
        "Content-Type": _MEDIA.get(job.chunk.kind, "application/vnd.tcpdump.pcap"),
        "Content-Encoding": job.encoding,
        "Spider-Capture": job.capture,
        "Spider-Previous": job.previous,
        "Spider-Instance": _printable(instance, 200),
        "Spider-Interface": _printable(interface, 400),
        "Spider-Chunk": str(job.number),
        "Spider-Packets": str(job.chunk.packets),
        "Spider-Digest": job.digest,
        "Spider-Oldest": str(oldest),
        "Spider-Abandoned": abandoned,
        "Spider-Dropped": job.chunk.losses.header(),
        "Spider-Captured": str(job.chunk.packets + job.chunk.losses.captured),
    }
    return {name: value for name, value in headers.items() if value}


def _printable(text: str, most: int) -> str:
    """A header value: HTTP has latin-1 without control characters."""
    return "".join(c if 32 <= ord(c) < 127 else "?" for c in text)[-most:].strip()
