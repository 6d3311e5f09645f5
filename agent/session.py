"""One capture of a running service: an interface or a file, its source in a thread, and the uploads behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from agent import host, source_file, source_interface
from agent.api import Api
from agent.bpf import Instruction, Network
from agent.calls import Calls
from agent.chunk import Counts, Losses
from agent.compression import Compress
from agent.errors import AgentError, InterfaceError
from agent.limits import Gate
from agent.options import Options
from agent.ring import Ring
from agent.schema import MEGABYTE
from agent.settings import Settings
from agent.spool import Kept, Spool
from agent.uploader import Uploader

#: Seconds that a capture which was stopped may still send; after that what is left stays in the spool or is lost.
STOPPED_SECONDS = 600.0


@dataclass
class Surroundings:
    """What all captures of a service share."""

    name: str  # of the host
    connect: Callable[[], Api]
    say: Callable[[str], None]
    spool: Spool
    counts: Counts = field(default_factory=Counts)
    calls: Calls = field(default_factory=Calls)

    def __post_init__(self) -> None:
        self.gate = Gate(self.counts)


@dataclass(frozen=True)
class Orders:
    """What a capture is to do now."""

    settings: Settings
    share: int  # captures among which uploads and memory are divided
    compress: Compress | None
    program: Sequence[Instruction] = ()  # the compiled filter
    networks: Sequence[Network] = ()  # to leave out
    server: Sequence[str] = ()  # addresses whose traffic is never captured
    port: int = 0

    @property
    def uploads(self) -> int:
        return max(self.settings.uploads // self.share, 1)

    @property
    def queue(self) -> int:
        return max(self.settings.queue // self.share, MEGABYTE)


class Session:
    """What files and interfaces have in common: a source that runs in a thread until it is told to stop."""

    def __init__(self, around: Surroundings, orders: Orders, interface: str, file: str) -> None:
        self._around, self._orders = around, orders
        self._stop = threading.Event()
        self.reason = ""  # why it ended by itself
        self.ended = False  # the source has ended
        self.uploader = Uploader(
            _options(around.name, orders, interface, file), around.connect, orders.compress, around.say,
            counts=around.counts, kept=lambda capture: around.spool.keep(capture, interface or file),
        )  # fmt: skip
        self._configure_uploads()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _configure_uploads(self) -> None:
        orders = self._orders
        self.uploader.recompress(orders.compress)
        self.uploader.configure(orders.uploads, orders.queue, spooling=orders.settings.spool > 0)

    def start(self) -> None:
        self._thread.start()

    def update(self, orders: Orders) -> None:
        """Go on with other orders. Raises AgentError, and the old ones stay."""
        self._orders = orders
        self._configure_uploads()

    def stop(self) -> None:
        """End the source, send what there is. Returns at once."""
        self._stop.set()

    @property
    def alive(self) -> bool:
        """Whether it still captures or sends."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            try:
                self._feed()
            except AgentError as error:
                self.reason = str(error)
            finally:
                self.ended = True
            self.uploader.close(STOPPED_SECONDS)
        except AgentError as error:
            self.reason = self.reason or str(error)
        except Exception as error:  # a bug of ours must be seen by whoever looks at the state
            self.reason = f"unexpected {type(error).__name__}: {error}"
            raise

    def _feed(self) -> None:
        raise NotImplementedError


class LiveSession(Session):
    """An interface."""

    def __init__(self, around: Surroundings, orders: Orders, interface: str) -> None:
        """Raises InterfaceError; nothing runs then."""
        self.interface = interface
        settings = orders.settings
        ring = Ring(interface, settings.ring, settings.promiscuous)
        try:
            self._program = _program(ring, orders)
            ring.start(self._program)
            self._source = source_interface.Source(ring, settings.chunk_bytes, settings.seconds, around.gate)
            self._seen, self._captured = host.seen(interface), 0
            self._looking, self._filtered = threading.Lock(), 0
            super().__init__(around, orders, interface, "")
        except BaseException:
            ring.close()
            raise

    def update(self, orders: Orders) -> None:
        """The kernel replaces a filter in one step; another ring captures before the old one is closed."""
        before, settings = self._orders.settings, orders.settings
        program = _program(self._source.newest, orders)
        if (settings.ring, settings.promiscuous) != (before.ring, before.promiscuous):
            ring = Ring(self.interface, settings.ring, settings.promiscuous)
            try:
                ring.start(program)
                self._source.replace(ring)
            except BaseException:
                ring.close()
                raise
        elif program != self._program:
            self._source.newest.attach(program)
        self._program = program
        self._source.size, self._source.seconds = settings.chunk_bytes, settings.seconds
        super().update(orders)

    def stop(self) -> None:
        """Nothing is captured from here on; what was is read and sent."""
        with suppress(InterfaceError):  # the ring is closed already: it ended by itself
            self._source.newest.silence()
        super().stop()

    def count_filtered(self) -> None:
        """Count packets of the interface that were not captured, because filters left them out. The kernel counts what
        passes an interface elsewhere than what reaches a ring, so it is not exact."""
        with self._looking:
            seen, captured = host.seen(self.interface), self._source.captured + self._source.kernel_drops
            out = (seen - self._seen) - (captured - self._captured)
            if out <= 0:  # not yet out of step: what was captured may not be read yet
                return
            self._seen, self._captured = seen, captured
            self._filtered += out
        self._around.counts.add("packets_filtered", out)

    def _tell_filtered(self, losses: Losses) -> None:
        """With the next chunk, as what was lost on purpose."""
        self.count_filtered()
        with self._looking:
            filtered, self._filtered = self._filtered, 0
        losses.add("filter", filtered)
        losses.captured += filtered

    def _feed(self) -> None:
        source, counts = self._source, self._around.counts
        drops = 0
        try:
            for chunk in source.chunks(self._stop.is_set):
                counts.add("packets_captured", chunk.packets)
                counts.add("dropped_kernel", source.kernel_drops - drops)
                drops = source.kernel_drops
                self._tell_filtered(chunk.losses)
                self.uploader.put(chunk, wait=False)
        finally:
            rest = source.rest()
            if rest is not None and self.uploader.error is None:
                counts.add("packets_captured", rest.packets)
                self.uploader.put(rest, wait=False)
            counts.add("dropped_kernel", source.kernel_drops - drops)
            self._tell_filtered(source.losses)
            self.uploader.lose(source.losses)
            source.close()


class FileSession(Session):
    """A capture file on this host, sent as fast as the server takes it."""

    def __init__(self, around: Surroundings, orders: Orders) -> None:
        self.file = orders.settings.file
        super().__init__(around, orders, "", self.file)

    def _feed(self) -> None:
        say = self._around.say
        for chunk in source_file.chunks(self.file, self._orders.settings.chunk_bytes, say):
            self._around.counts.add("packets_captured", chunk.packets)
            self.uploader.put(chunk, wait=True)
            if self._stop.is_set():
                break


class LeftSession(Session):
    """What an earlier run left in the spool of one of its captures, sent and ended."""

    def __init__(self, around: Surroundings, orders: Orders, kept: Kept) -> None:
        self._around, self._orders, self.reason, self.ended = around, orders, "", True
        self._stop = threading.Event()
        options = _options(around.name, orders, kept.interface, "")
        self.uploader = Uploader(options, around.connect, None, around.say, counts=around.counts, kept=kept)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _feed(self) -> None:
        """There is no source any more."""


def _options(name: str, orders: Orders, interface: str, file: str) -> Options:
    settings = orders.settings
    return Options(
        server="", token="", file=file, interface=interface, instance=name, compression=settings.compression,
        quiet=True, filter="", snap=settings.snap, promiscuous=settings.promiscuous, ring=settings.ring,
        chunk=settings.chunk, seconds=settings.seconds, uploads=orders.uploads, queue=orders.queue, patience=0,
        state="",
    )  # fmt: skip


def _program(ring: Ring, orders: Orders) -> list[Instruction]:
    settings = orders.settings
    return source_interface.program(
        ring, orders.program, orders.server, orders.port, settings.snap,
        networks=orders.networks, skip_empty=settings.skip_empty,
    )  # fmt: skip
