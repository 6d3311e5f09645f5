"""What sources make and the uploader sends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Losses:
    """Packets that will never be sent, by reason: "kernel" (the ring was full), "queue" (uploads were too slow),
    "limit" and "breaker" (capture was paused by the rate or by the processor time), and "filter" (left out on purpose).

    `captured` counts the same packets where they were seen, apart from the reasons: the server compares the two."""

    packets: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    captured: int = 0

    def add(self, reason: str, packets: int, size: int = 0) -> None:
        if packets or size:
            self.packets[reason] = self.packets.get(reason, 0) + packets
            self.bytes[reason] = self.bytes.get(reason, 0) + size

    def merge(self, other: Losses) -> None:
        for reason, packets in other.packets.items():
            self.add(reason, packets, other.bytes[reason])
        self.captured += other.captured

    def header(self) -> str:
        """`reason=packets/bytes`, several by commas."""
        return ",".join(f"{r}={n}/{self.bytes[r]}" for r, n in sorted(self.packets.items()))


@dataclass
class Stored:
    """A chunk's body on disk, as it will be sent."""

    path: str
    size: int
    encoding: str
    digest: str


class Chunk:
    """A complete little capture, not numbered yet; its bytes in parts, so that nobody has to join them."""

    def __init__(self, data: bytes | Sequence[bytes], packets: int) -> None:
        self.parts: Sequence[bytes] = (data,) if isinstance(data, bytes) else data
        self.packets = packets
        self.size = sum(map(len, self.parts))
        self.kind = self.parts[0][:4] if self.parts else b""  # the magic number
        self.losses = Losses()  # since the chunk before
        self.stored: Stored | None = None  # in the spool; `parts` is empty then

    @property
    def data(self) -> bytes:
        """All of it, joined."""
        return b"".join(self.parts)


class Counts:
    """Sums that several threads add to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, int] = {}

    def add(self, name: str, amount: int) -> None:
        with self._lock:
            self._sums[name] = self._sums.get(name, 0) + amount

    def __getitem__(self, name: str) -> int:
        with self._lock:
            return self._sums.get(name, 0)
