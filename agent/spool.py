"""Chunks on disk while the server cannot be reached. They and their numbers outlive the program.

A folder a capture: `capture.json` says which, `given` how many numbers were given, and each chunk is a file, named by
its place in the order and, once it has one, its number: `000000000012` becomes `000000000012-7`. A file holds a line
of JSON and the body as it will be sent, byte for byte: the server knows a chunk that comes twice by its digest. Files
are written under another name first, so a program that is killed leaves no half ones.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from agent.chunk import Chunk, Losses, Stored
from agent.errors import AgentError

_HALF = ".half"


class SpoolError(AgentError):
    """The spool's folder cannot be used."""


class Spool:
    """All captures on this host that have something to send, within one quota."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.quota = 0  # bytes; 0: nothing more is written
        self._lock = threading.Lock()
        self._guard = -1
        self.used = 0

    def open(self) -> list[Kept]:
        """Take the folder for this program alone; returns what earlier runs left. Raises SpoolError."""
        try:
            os.makedirs(self.folder, mode=0o700, exist_ok=True)
            self._guard = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            names = sorted(os.listdir(self.folder))
        except BlockingIOError as error:
            os.close(self._guard)
            raise SpoolError(f"another agent runs with the spool {self.folder}: choose another by --spool") from error
        except OSError as error:
            raise SpoolError(f"the spool {self.folder} cannot be used: {error.strerror or error}") from error
        left = []
        for name in names:
            path = os.path.join(self.folder, name)
            if os.path.isdir(path):
                kept = Kept(self, path)
                if kept.load():
                    left.append(kept)
        return left

    def keep(self, capture: str, interface: str) -> Kept:
        """A place for a new capture; its folder is made when the first chunk comes."""
        kept = Kept(self, os.path.join(self.folder, secrets.token_hex(8)))
        kept.capture, kept.interface = capture, interface
        return kept

    def take(self, size: int) -> bool:
        """Count `size` bytes more, if the quota allows."""
        with self._lock:
            if self.used + size > self.quota:
                return False
            self.used += size
            return True

    def give(self, size: int) -> None:
        with self._lock:
            self.used -= size

    def found(self, size: int) -> None:
        """Bytes that an earlier run left, whatever the quota is now."""
        with self._lock:
            self.used += size


class Kept:
    """The chunks of one capture."""

    def __init__(self, spool: Spool, folder: str) -> None:
        self._spool, self.folder = spool, folder
        self.capture = self.interface = ""
        self.given = 0  # numbers given so far
        self.numbered: dict[int, Chunk] = {}
        self.waiting: list[Chunk] = []
        self._order = 0
        self._made = False

    # ---- what an earlier run left ------------------------------------------------------------------

    def load(self) -> bool:
        """Read the folder. False, and the folder is removed, when it holds nothing that could be sent or ended."""
        try:
            with open(os.path.join(self.folder, "capture.json"), encoding="utf-8") as file:
                facts = json.load(file)
            self.capture, self.interface = str(facts["capture"]), str(facts["interface"])
        except (OSError, ValueError, KeyError, TypeError):
            shutil.rmtree(self.folder, ignore_errors=True)
            return False
        self._made = True
        self.given = self._read_given()
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(_HALF):
                os.unlink(os.path.join(self.folder, name))
            elif name[:1].isdigit():
                self._load_chunk(name)
        self.given = max([self.given, *(n + 1 for n in self.numbered)])
        if not (self.given or self.waiting):
            self.end()
            return False
        return True

    def _read_given(self) -> int:
        try:
            with open(os.path.join(self.folder, "given"), "rb") as file:
                return int(file.read(20) or b"0")
        except (OSError, ValueError):
            return 0

    def _load_chunk(self, name: str) -> None:
        path = os.path.join(self.folder, name)
        try:
            with open(path, "rb") as file:
                facts = json.loads(file.readline(100_000))
                size = os.fstat(file.fileno()).st_size
            chunk = _chunk(path, facts)
        except (OSError, ValueError, KeyError, TypeError):
            os.unlink(path)
            return
        self._spool.found(size)
        order, _, number = name.partition("-")
        self._order = max(self._order, int(order) + 1)
        if number:
            self.numbered[int(number)] = chunk
        else:
            self.waiting.append(chunk)

    # ---- this run ----------------------------------------------------------------------------------

    def write(self, chunk: Chunk, body: Sequence[bytes], encoding: str, digest: str) -> bool:
        """Put a chunk on disk; it lets go of its bytes. False when the quota is used up. Raises OSError."""
        facts = {
            "packets": chunk.packets, "size": chunk.size, "kind": chunk.kind.hex(), "encoding": encoding,
            "digest": digest, "lost": [chunk.losses.packets, chunk.losses.bytes, chunk.losses.captured],
        }  # fmt: skip
        head = json.dumps(facts).encode("ascii") + b"\n"
        size = len(head) + sum(map(len, body))
        if not self._spool.take(size):
            return False
        path = os.path.join(self.folder, f"{self._order:012d}")
        try:
            self._make()
            with open(path + _HALF, "wb") as file:
                file.write(head)
                file.writelines(body)
            os.rename(path + _HALF, path)
        except OSError:
            self._spool.give(size)
            raise
        self._order += 1
        chunk.parts, chunk.stored = (), Stored(path, size, encoding, digest)
        return True

    def _make(self) -> None:
        if self._made:
            return
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self._say_capture()
        self._made = True

    def _say_capture(self) -> None:
        path = os.path.join(self.folder, "capture.json")
        with open(path + _HALF, "w", encoding="utf-8") as file:
            json.dump({"capture": self.capture, "interface": self.interface}, file)
        os.rename(path + _HALF, path)

    def number(self, chunk: Chunk, number: int) -> None:
        """The chunk has a number now, before anybody else hears of it."""
        if chunk.stored is None:
            return
        name = os.path.basename(chunk.stored.path).partition("-")[0]
        path = os.path.join(self.folder, f"{name}-{number}")
        os.rename(chunk.stored.path, path)
        chunk.stored.path = path
        with open(os.path.join(self.folder, "given"), "wb") as file:
            file.write(b"%020d" % (number + 1))

    def restart(self, capture: str) -> None:
        """Go on as another capture, whose numbers begin anew."""
        self.capture = capture
        if not self._made:
            return
        self._say_capture()
        with open(os.path.join(self.folder, "given"), "wb") as file:
            file.write(b"%020d" % 0)

    def remove(self, chunk: Chunk) -> None:
        """The chunk is on the server's disk, or given up."""
        if chunk.stored is not None:
            self._spool.give(chunk.stored.size)
            stored, chunk.stored = chunk.stored, None
            with suppress(FileNotFoundError):
                os.unlink(stored.path)

    def end(self) -> None:
        """The capture has ended: nothing of it is needed."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._made = False


def read(stored: Stored) -> bytes:
    """The body. Raises OSError."""
    with open(stored.path, "rb") as file:
        file.readline()
        return file.read()


def _chunk(path: str, facts: dict[str, Any]) -> Chunk:
    chunk = Chunk((), int(facts["packets"]))
    chunk.size, chunk.kind = int(facts["size"]), bytes.fromhex(facts["kind"])
    packets, sizes, *captured = facts["lost"]
    counts = {str(r): int(n) for r, n in packets.items()}
    seen = int(captured[0]) if captured else sum(counts.values())  # an older version did not count them apart
    chunk.losses = Losses(counts, {str(r): int(n) for r, n in sizes.items()}, seen)
    chunk.stored = Stored(path, os.path.getsize(path), str(facts["encoding"]), str(facts["digest"]))
    return chunk


