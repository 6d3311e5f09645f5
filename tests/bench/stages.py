"""Where the time of `parse_capture` goes: nanoseconds a packet by stage, and the functions that cost most.

Stages are the calls between two modules, measured by the processor time of this process, in the order and with the
piece size of the real run. The profile is a second run, because profiling changes what it measures.
"""

import argparse
import cProfile
import gc
import json
import pstats
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from apps.captures.offline import PIECE_BYTES, look_for_garbage
from documents import build, pipeline
from documents.build import Context
from wire import pcapfile, slices
from wire.events import Communication
from wire.rebuild import ChunkRef


def _timed(totals: dict[str, float], name: str, work: Any) -> Any:
    def inner(*args: Any, **more: Any) -> Any:
        begun = time.process_time_ns()
        try:
            return work(*args, **more)
        finally:
            totals[name] = totals.get(name, 0) + time.process_time_ns() - begun

    return inner


def stages(file: Path, limit: int) -> dict[str, float]:
    """Nanoseconds a packet by stage over the first `limit` bytes; "packets" is how many there were."""
    totals: dict[str, float] = {}
    context = Context(whisperer="", capture=file.name, mask_key=b"bench")
    way = pipeline.Pipeline(file.name, "20261122", secrets.token_bytes(16))
    split = _timed(totals, "split into slices", slices.split)
    rebuilder: Any = way._rebuilder
    advance, take = _timed(totals, "rebuild", rebuilder.advance), _timed(totals, "take", rebuilder.take)
    make = _timed(totals, "documents", build.httpcomm)
    packets, size, number, written = 0, 0, 0, bytearray()
    gc.freeze()
    gc.disable()
    with file.open("rb") as stream:
        pieces = pcapfile.cut(stream, PIECE_BYTES)
        read = _timed(totals, "read", lambda: next(pieces, None))
        while size < limit and (piece := read()) is not None:
            part = split(piece.data, 1, b"0123456789abcdef", piece.starts)
            packets, size = packets + part.packets, size + len(piece.data)
            chunk, row, one = ChunkRef(0, "20261122"), 0, part.slices[0]
            while one is not None and row < len(one.row_flow):
                row = advance(chunk, one, row, pipeline.ROWS, pipeline.BYTES)
                for event in take(states=False).events:
                    if isinstance(event, Communication) and event.final:
                        written += make(event, context).body
                written.clear()
            number += 1
            _timed(totals, "collect garbage", look_for_garbage)(number)
    return {name: value / packets for name, value in totals.items()} | {"packets": packets}


def profile(file: Path, limit: int, top: int) -> list[tuple[float, str]]:
    """The functions with the most time of their own: share of all, and name."""
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(stages, file, limit)
    stats: Any = pstats.Stats(profiler)
    whole = sum(row[2] for row in stats.stats.values())
    rows = sorted(
        ((row[2] / whole, f"{Path(where[0]).name}:{where[1]} {where[2]}") for where, row in stats.stats.items())
    )
    return rows[: -top - 1 : -1]


def main() -> None:
    """Print both as JSON, for the benchmark to read."""
    parser = argparse.ArgumentParser(description="Nanoseconds a packet by stage.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--bytes", type=int, default=64 << 20)
    parser.add_argument("--top", type=int, default=0, help="profile as well, and list so many functions")
    options = parser.parse_args()
    found = {"stages": stages(options.file, options.bytes)}
    listed = profile(options.file, options.bytes // 4, options.top) if options.top else []
    sys.stdout.write(json.dumps(found | {"profile": listed}))


if __name__ == "__main__":
    main()
