"""`make bench`: speed, memory and truth of `parse_capture` on a made capture of a million packets, beside others.

Everything runs on one core. Figures are given by processor time, which other work on the machine does not change much,
and by the clock.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench import measure, truth
from tests.bench.generate import Made, Parameters, made
from tests.bench.measure import Cost
from wire import pcapfile

_ROOT = Path(__file__).parents[2]
_PARSE = [sys.executable, str(_ROOT / "manage.py"), "parse_capture"]
_SLICE = 12 << 20
_GOAL = 100_000
_MEMORY = 400 << 20


def main() -> int:
    """Run the benchmark; exit status 1 where an exchange that can be found exactly was not."""
    parser = argparse.ArgumentParser(description="Measure parse_capture on a made capture.")
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="without tshark and tcpflow")
    options = parser.parse_args()
    os.chdir(_ROOT)
    print(f"Making a capture of {options.packets:,} packets (kept for the next time) …", flush=True)
    capture = made(Parameters(packets=options.packets, seed=options.seed))
    figures = capture.figures
    print(
        f"{figures['packets']:,} packets, {figures['bytes'] / 1e6:,.0f} MB, {figures['sessions']:,} sessions, "
        f"{figures['exchanges']:,} exchanges\n"
    )
    rate, exact = ours(capture)
    stages(capture)
    if not options.alone:
        others(capture, rate)
    return 0 if exact else 1


def ours(capture: Made) -> tuple[float, bool]:
    """Packets a second of processor time, and whether every whole exchange was found."""
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents.ndjson"
        cost = measure.run([*_PARSE, capture.capture], documents)
        size = documents.stat().st_size
        score = truth.score(capture.truth, documents)
    packets = capture.figures["packets"]
    rate = packets / cost.cpu
    print(_line("parse_capture, every field", packets, capture.figures["bytes"], cost))
    print(f"  documents {size / 1e6:,.0f} MB; goal {_GOAL:,} packets/s and {_MEMORY >> 20} MB: "
          f"{'reached' if rate >= _GOAL and cost.memory <= _MEMORY else 'NOT reached'}")  # fmt: skip
    print(
        f"  found exactly {score.share:.3%} of all exchanges: {score.whole_found:,} of {score.whole:,} whole ones, "
        f"{score.damaged_found:,} of {score.damaged:,} with a lost packet, {score.open_found:,} of {score.open:,} that "
        f"lost packets leave open; {score.mixed:,} with another's response; {score.more:,} more"
    )
    for reason, count in score.wrong.most_common():
        print(f"  wrong or missing: {reason} {count:,}")
    for example in score.examples:
        print(f"    {example}")
    return rate, score.exact


def stages(capture: Made) -> None:
    """Nanoseconds a packet by stage, and the functions that cost most."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "stages.json"
        measure.run([sys.executable, "-m", "tests.bench.stages", capture.capture, "--top", "15"], answer)
        found = json.loads(answer.read_text())
    by_stage = found["stages"]
    packets = by_stage.pop("packets")
    print(f"\nNanoseconds a packet by stage (first {packets:,} packets):")
    for name, value in sorted(by_stage.items(), key=lambda item: -item[1]):
        print(f"  {value:8,.0f}  {name}")
    print(f"  {sum(by_stage.values()):8,.0f}  in all")
    print("Functions with the most time of their own (profiled):")
    for share, name in found["profile"]:
        print(f"  {share:8.1%}  {name}")


def others(capture: Made, rate: float) -> None:
    """tshark and tcpflow on the first part of the same capture."""
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.pcap"
        with capture.capture.open("rb") as stream:
            piece = next(pcapfile.cut(stream, _SLICE))
        part.write_bytes(piece.data)
        print(f"\nOn the first {piece.packets:,} packets:")
        fields = ["-Y", "http", "-T", "fields"]
        for name in ("http.request.method", "http.request.uri", "http.response.code", "http.file_data"):
            fields += ["-e", name]
        commands: dict[str, list[str | Path]] = {
            "tshark": ["tshark", "-r", part, *fields],
            "tshark -n --disable-protocol json": ["tshark", "-r", part, "-n", "--disable-protocol", "json", *fields],
            "tcpflow": ["tcpflow", "-q", "-r", part, "-o", Path(folder) / "flows"],
        }
        for name, command in commands.items():
            if shutil.which(str(command[0])) is None:
                print(f"{name:36} not installed")
                continue
            cost = measure.run(command)
            theirs = piece.packets / cost.cpu
            print(_line(name, piece.packets, len(piece.data), cost))
            print(f"  parse_capture is {rate / theirs:.1f} times as fast")


def _line(name: str, packets: int, size: int, cost: Cost) -> str:
    return (
        f"{name:36}{packets / cost.cpu:>10,.0f} packets/s ({packets / cost.seconds:,.0f} by the clock), "
        f"{size / 1e6 / cost.cpu:.1f} MB/s, peak {cost.memory / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
