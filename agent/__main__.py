"""`python -m agent`: read options, capture, upload, and tell where the capture can be searched; or do one of the
`commands` of the agent as a service."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType

from agent import commands, source_file, source_interface
from agent import options as command_line
from agent.api import Api, Failure
from agent.chunk import Chunk
from agent.compression import Compress, compressor
from agent.errors import AgentError, RefusedError, UnreachableError
from agent.options import Options
from agent.progress import Progress
from agent.ring import Ring
from agent.uploader import Uploader

INTERRUPTED = 130
_LOOPBACK = ("127.", "::1", "localhost")


class Interruption:
    """The first interruption stops the source, what was read is still sent; the second stops at once."""

    def __init__(self) -> None:
        self.count = 0
        self.uploader: Uploader | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._happened)

    def _happened(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            raise KeyboardInterrupt

    def stopped(self) -> bool:
        return self.count > 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the agent; returns its exit status (see `agent.errors`)."""
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in commands.COMMANDS:
        return commands.main(given)
    options = command_line.read(arguments)
    progress = Progress(options.quiet)
    interruption = Interruption()
    try:
        return _run(options, progress, interruption)
    except AgentError as error:
        progress.say("error: " + str(error))
        return error.status
    except KeyboardInterrupt:
        progress.say("interrupted; what was not sent is lost")
        return INTERRUPTED


def _run(options: Options, progress: Progress, interruption: Interruption) -> int:
    def connect() -> Api:
        return Api(options.server, lambda: options.token)

    api = connect()
    api.check()
    ring = _ring(options, api) if options.interface else None
    api.close()
    uploader = Uploader(options, connect, _compress(options, api.host, progress), progress.say)
    progress.watch(uploader)
    try:
        for chunk in _chunks(options, ring, progress, interruption):
            uploader.put(chunk, wait=ring is None)
            if ring is None and interruption.stopped():
                break
        search = uploader.close()
    except KeyboardInterrupt:
        uploader.stop()
        raise
    finally:
        progress.close()
        if ring:
            ring.close()
    progress.say(progress.summary(uploader))
    if search:
        print(search)
    return INTERRUPTED if options.file and interruption.stopped() else 0


def _chunks(options: Options, ring: Ring | None, progress: Progress, interruption: Interruption) -> Iterator[Chunk]:
    if ring:
        progress.say(f"capturing {options.interface}; interrupt to end")
        return source_interface.chunks(ring, options.chunk_bytes, options.seconds, interruption.stopped)
    return source_file.chunks(options.file, options.chunk_bytes, progress.say)


def _ring(options: Options, api: Api) -> Ring:
    ring = Ring(options.interface, options.ring, options.promiscuous)
    filtered = api.compile_filter(options.filter, ring.link) if options.filter else []
    if isinstance(filtered, Failure):
        raise UnreachableError(filtered.message)
    if options.filter and not filtered:
        raise RefusedError(f"the server compiled {options.filter!r} to nothing")
    ring.start(source_interface.program(ring, filtered, api.addresses(), api.port, options.snap))
    return ring


def _compress(options: Options, host: str, progress: Progress) -> Compress | None:
    """Use zstd unless it is not there, not wanted, or the server is on this host, where bytes are cheaper than time."""
    if options.compression == "none" or (options.compression == "auto" and host.startswith(_LOOPBACK)):
        return None
    found = compressor()
    if found is None and options.compression == "zstd":
        progress.say("no zstd here (Python 3.14 or the zstandard package has it): sending without compression")
    return found


if __name__ == "__main__":
    sys.exit(main())
