"""Chunks that wait for their number: in memory, or with a spool on disk, in the order in which they came."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Sequence

from agent.chunk import Chunk, Losses
from agent.compression import Compress
from agent.spool import Kept

#: Seconds until a spool that is full or broken is asked again.
AGAIN_SECONDS = 0.5


def pack(chunk: Chunk, compress: Compress | None) -> tuple[Sequence[bytes], str, str]:
    """What is sent of a chunk: its body in parts, their encoding and digest."""
    body, encoding = chunk.parts, ""
    if compress:
        packed = compress(b"".join(body))
        if len(packed) < chunk.size:
            body, encoding = (packed,), "zstd"
    digest = hashlib.sha256()
    for part in body:
        digest.update(part)
    return body, encoding, digest.hexdigest()


class Waiting:
    """The uploader's queue. Its methods are called with `changed` held; the spool's thread takes it itself.

    While a spool is in use every chunk goes through it. What it does not take, because its quota is used up or its disk
    fails, is sent from memory, behind all that it holds.
    """

    def __init__(
        self, changed: threading.Condition, compress: Compress | None, kept: Kept | None, say: Callable[[str], None]
    ) -> None:
        self._changed, self._say = changed, say
        self.compress = compress
        self.kept = kept
        self.limit = 0  # bytes in memory
        self.spooling = False
        self.losses = Losses()  # to be told with the next chunk
        self.over = self.stopped = False  # no chunk will come; nothing more is to be done
        self._memory: deque[Chunk] = deque()
        self._bytes = 0
        self._stowed: deque[Chunk] = deque(kept.waiting if kept else ())
        self._writing = self._direct = False  # the first chunk in memory is being written; the spool takes none
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._memory) + len(self._stowed)

    def configure(self, limit: int, *, spooling: bool) -> None:
        """How many bytes may wait in memory, and whether new chunks go to the spool."""
        self.limit, self.spooling = limit, spooling and self.kept is not None
        if self.spooling and self._thread is None:
            self._thread = threading.Thread(target=self._stow, daemon=True)
            self._thread.start()

    def is_full(self, chunk: Chunk) -> bool:
        return bool(self._memory) and self._bytes + chunk.size > self.limit

    def add(self, chunk: Chunk) -> None:
        self._memory.append(chunk)
        self._bytes += chunk.size

    def take(self) -> Chunk | None:
        """The next chunk to get a number."""
        if self._stowed:
            return self._stowed.popleft()
        if self._memory and not self._writing and (self._direct or not self.spooling):
            chunk = self._pop()
            self._give_losses(chunk)
            return chunk
        return None

    def again(self, chunks: Sequence[Chunk]) -> None:
        """Chunks of a capture that is over go first in the next one."""
        waiting = [chunk for chunk in chunks if chunk.stored is None]
        self._stowed.extendleft(reversed([chunk for chunk in chunks if chunk.stored is not None]))
        self._memory.extendleft(reversed(waiting))
        self._bytes += sum(chunk.size for chunk in waiting)

    def in_memory(self) -> list[Chunk]:
        """What is lost when the program ends now."""
        return list(self._memory)

    @property
    def saving(self) -> bool:
        """Whether the spool is still taking what is in memory."""
        return self.spooling and bool(self._memory) and not self._direct

    def _pop(self) -> Chunk:
        chunk = self._memory.popleft()
        self._bytes -= chunk.size
        self._changed.notify_all()
        return chunk

    def _give_losses(self, chunk: Chunk) -> None:
        chunk.losses, self.losses = self.losses, Losses()

    def _stow(self) -> None:
        """The spool's thread: from memory to disk, in order, until there is nothing more to come."""
        while True:
            with self._changed:
                while not (self._memory and self.spooling) and not self.stopped:
                    if self.over and not self._memory:
                        return
                    self._changed.wait(0.5)
                if self.stopped:
                    return
                chunk, self._writing = self._memory[0], True
                self._give_losses(chunk)
            done = self._write(chunk)
            with self._changed:
                self._writing, self._direct = False, not done
                if done:
                    self._stowed.append(self._pop())
                else:
                    self.losses.merge(chunk.losses)
                    self._changed.notify_all()
                    self._changed.wait(AGAIN_SECONDS)

    def _write(self, chunk: Chunk) -> bool:
        body, encoding, digest = pack(chunk, self.compress)
        try:
            return self.kept is not None and self.kept.write(chunk, body, encoding, digest)
        except OSError as error:
            if not self._direct:
                self._say(f"the spool cannot be written: {error.strerror or error}; sending from memory")
            return False
