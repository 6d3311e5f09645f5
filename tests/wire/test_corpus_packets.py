"""Other projects' captures, segment by segment, as tshark reads them.

Reads ../shared/corpus, which is not part of the project; where that folder or tshark is absent the tests are skipped
and say so.
"""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from wire import pcapfile
from wire.slices import split

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus"
FIELDS = ("frame.number", "frame.time_epoch", "tcp.len", "tcp.seq_raw", "tcp.flags")

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not there: no foreign captures to compare"),
    pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed: nothing to compare with"),
]

Segment = tuple[int, int, int, int, int]


def captures() -> list[Path]:
    suffixes = (".pcap", ".pcapng", ".gz")
    found = [f for f in CORPUS.glob("*/*") if f.suffix in suffixes and f.stat().st_size]
    return sorted(f for f in found if f.parent.name != "http-evader")


def by_tshark(file: Path) -> list[Segment]:
    fields = [part for name in FIELDS for part in ("-e", name)]
    command = ["tshark", "-r", str(file), "-n", "-Y", "tcp", "-T", "fields", *fields]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    out = []
    for line in done.stdout.splitlines():
        number, time, length, seq, flags = line.split("\t")
        seconds, _, fraction = time.partition(".")
        nanoseconds = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
        out.append((int(number), nanoseconds, int(length), int(seq), int(flags, 16) & 0xFF))
    return out


def by_us(file: Path, size: int) -> list[Segment]:
    out: list[Segment] = []
    before = 0
    with file.open("rb") as opened:
        for piece in pcapfile.cut(pcapfile.open_capture(opened), size):
            found = split(piece.data, 3, b"k" * 16)
            assert found.packets == piece.packets
            for s in found.slices:
                if s is None:
                    continue
                length = (s.length + s.missing).tolist()
                index = (s.index + before + 1).tolist()
                out += zip(index, s.ts.tolist(), length, s.seq.tolist(), s.flags.tolist(), strict=True)
            before += found.packets
    return sorted(out)


@pytest.mark.parametrize("file", captures(), ids=lambda f: f"{f.parent.name}/{f.name}")
def test_segments_are_those_of_tshark(file: Path) -> None:
    expected = by_tshark(file)
    assert by_us(file, 1 << 22) == expected
    assert by_us(file, 4000) == expected


def test_segments_of_the_evader_captures(tmp_path: Path) -> None:
    """Over a hundred little captures, put into one pcapng file so that tshark starts once."""
    files = sorted(str(f) for f in (CORPUS / "http-evader").glob("*.pcap"))
    assert files
    merged = tmp_path / "evader.pcapng"
    subprocess.run(["mergecap", "-a", "-w", str(merged), *files], check=True)
    assert by_us(merged, 100_000) == by_tshark(merged)


def test_an_empty_file_is_a_clear_error() -> None:
    with pytest.raises(pcapfile.CaptureError, match="empty file"):
        pcapfile.open_capture(io.BytesIO((CORPUS / "har" / "empty.pcap").read_bytes()))
