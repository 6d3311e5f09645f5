"""Whole files: spooled, cut as far as the window allows, and ended with a reason where they cannot be read further."""

import gzip
import io
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import zstandard

from apps.captures import uploads
from apps.captures.models import Capture, Spool
from apps.core.errors import ApplicationError
from apps.whisperers.models import Whisperer
from tasks import maintenance
from tests.flows import expect
from tests.flows.pump import DeathError, Pump, headers
from wire import pcapfile

DATA = expect.traffic()
RECORDS = expect.packets(DATA)


@pytest.fixture
def upload(whisperer: Whisperer, pump: Callable[..., Pump], settings: Any, tmp_path: Path) -> Callable[[bytes], Pump]:
    """Receives a file and gives the pump that works on its capture; pieces are small and the window is tight."""
    settings.UPLOAD_FOLDER = tmp_path
    settings.WINDOW = 3

    def receive(data: bytes) -> Pump:
        run = pump("to be known")
        expect.tune(window=3, lease_ms=500)
        row = uploads.upload_receive(
            whisperer=whisperer, headers=headers("", 0), body=io.BytesIO(data), size=len(data), name="a.pcap"
        )
        run.capture = row.pk
        return run

    with patch.object(uploads, "PIECE_BYTES", 8000):
        yield receive


def ended(run: Pump, folder: Path) -> Capture:
    """The capture at its end; nothing is left of it."""
    row = run.finish()
    expect.nothing_left()
    assert list(folder.iterdir()) == []
    return row


def test_a_file_far_longer_than_the_window(upload: Callable[[bytes], Pump], tmp_path: Path) -> None:
    run = upload(DATA)
    row = ended(run, tmp_path)
    assert row.next_chunk > 8
    expect.same(expect.found_by(run), expect.whole(DATA))
    expect.balanced(row, RECORDS)
    assert not Spool.objects.exists()


def test_a_waiting_upload_is_told_when_there_is_room(upload: Callable[[bytes], Pump], tmp_path: Path) -> None:
    """Without a single redrive: each chunk that is done makes room for the next."""
    run = upload(DATA)
    run.work()
    assert Capture.objects.get(pk=run.capture).state == "closed"


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, zstandard.compress, lambda data: zstandard.compress(gzip.compress(data))],
    ids=["gzip", "zstd", "both"],
)
def test_compressed_files(upload: Callable[[bytes], Pump], tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    run = upload(pack(DATA))
    row = ended(run, tmp_path)
    expect.same(expect.found_by(run), expect.whole(DATA))
    expect.balanced(row, RECORDS)


@pytest.mark.parametrize("damage", ["cut off", "corrupt"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_what_can_be_decompressed_is_parsed(
    upload: Callable[[bytes], Pump], tmp_path: Path, pack: Callable[[bytes], bytes], damage: str
) -> None:
    noise = random.Random(1).randbytes(300_000)  # further blocks, so that the first is whole
    packed = bytearray(pack(DATA + noise))
    half = len(packed) * 9 // 10
    packed[half:] = b"" if damage == "cut off" else bytes(200)
    run = upload(bytes(packed))
    row = ended(run, tmp_path)
    assert row.totals["packets.uploaded"] > 0
    expect.balanced(row, row.totals["packets.uploaded"])
    assert row.totals.get("anomalies.captureCutOff", 0) + row.totals.get("anomalies.captureCorrupt", 0) == 1


def test_a_cut_off_file_gives_all_whole_records(upload: Callable[[bytes], Pump], tmp_path: Path) -> None:
    run = upload(DATA[:-1])
    row = ended(run, tmp_path)
    expect.balanced(row, RECORDS - 1)
    assert row.totals["anomalies.captureCutOff"] == 1


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"<!doctype html>", 415, "pcap"),
        (gzip.compress(b"<!doctype html>"), 415, "capture"),
        (gzip.compress(DATA)[:12], 415, "capture"),
        (gzip.compress(bytes(24) + DATA), 415, "capture"),
    ],
    ids=["text", "packed text", "packed and cut to nothing", "packed zeros"],
)
def test_what_is_no_capture_is_refused_and_leaves_nothing(
    upload: Callable[[bytes], Pump], tmp_path: Path, data: bytes, status: int, words: str
) -> None:
    with pytest.raises(ApplicationError, match=words) as refused:
        upload(data)
    assert refused.value.status_code == status
    assert list(tmp_path.iterdir()) == []
    assert not Capture.objects.exists()


def test_a_bomb_is_refused(upload: Callable[[bytes], Pump], tmp_path: Path, settings: Any) -> None:
    settings.UPLOAD_LIMIT = 1 << 20
    with pytest.raises(ApplicationError, match="decompresses to more than") as refused:
        upload(gzip.compress(DATA + bytes(5 << 20)))
    assert refused.value.status_code == 413
    assert list(tmp_path.iterdir()) == []


def test_a_spooled_file_that_is_gone_ends_its_capture_with_the_reason(
    upload: Callable[[bytes], Pump], tmp_path: Path
) -> None:
    run = upload(DATA)
    (tmp_path / run.capture).unlink()
    row = ended(run, tmp_path)
    assert row.next_chunk == 0
    assert "No such file" in Spool.objects.get().error


def test_a_worker_that_dies_while_cutting_is_replaced(upload: Callable[[bytes], Pump], tmp_path: Path) -> None:
    real, deaths = pcapfile.cut, [1, 0, 0]

    def cut(*given: Any, **named: Any) -> Any:
        if deaths and deaths.pop():
            raise DeathError
        return real(*given, **named)

    run = upload(DATA)
    with patch.object(pcapfile, "cut", cut):
        row = ended(run, tmp_path)
    assert run.deaths == 1
    expect.same(expect.found_by(run), expect.whole(DATA))
    expect.balanced(row, RECORDS)


@pytest.mark.parametrize(("error", "reason"), [(DeathError(), "three times"), (ZeroDivisionError(), "ZeroDivision")])
def test_a_file_that_cannot_be_cut_ends_with_the_reason(
    upload: Callable[[bytes], Pump], tmp_path: Path, error: BaseException, reason: str
) -> None:
    run = upload(DATA)
    with patch.object(pcapfile, "cut", side_effect=error):
        row = ended(run, tmp_path)
    assert row.state == "closed"
    assert reason in Spool.objects.get().error


def test_files_that_no_row_names_go_when_they_are_old(
    upload: Callable[[bytes], Pump], tmp_path: Path, settings: Any
) -> None:
    """As a death between spooling and the row leaves them; what is waited for stays, and what is being written."""
    waiting = upload(DATA).capture
    names = ["orphan", "orphan.plain", "young"]
    for name in names:
        (tmp_path / name).write_bytes(DATA)
    old = time.time() - settings.UPLOAD_HOURS * 3600 - 3601
    for name in (waiting, "orphan", "orphan.plain"):
        os.utime(tmp_path / name, (old, old))
    maintenance.uploads()
    assert {path.name for path in tmp_path.iterdir()} == {waiting, "young"}


@pytest.mark.django_db
def test_before_the_first_upload_there_is_nothing_to_look_through(settings: Any, tmp_path: Path) -> None:
    settings.UPLOAD_FOLDER = tmp_path / "none"
    maintenance.uploads()
