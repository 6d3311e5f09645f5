"""What becomes of files from the browser: read, known, broken, waiting for room, too old."""

import errno
import gzip
import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from apps.captures import checking, receiving
from apps.captures.leftovers import upload_forget
from apps.captures.models import Capture, Spool, Upload
from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_create
from tasks import maintenance
from tests.flows import expect
from tests.flows.pump import Pump
from tests.flows.site import DATA, Site, begin, finish, refused, send

RECORDS = expect.packets(DATA)
HALF = len(DATA) // 2


def test_a_file_that_changed_on_its_way_is_refused(site: Site, sandbox: Whisperer, run: Pump, folder: Path) -> None:
    upload = finish(run, send(site, sandbox, DATA, sha256=hashlib.sha256(DATA[:-1]).hexdigest()))
    assert upload.state == "failed"
    assert "SHA-256" in upload.error
    assert not Capture.objects.exists()
    assert list(folder.iterdir()) == []


def test_the_same_bytes_are_known_and_may_be_read_again(
    site: Site, sandbox: Whisperer, run: Pump, folder: Path
) -> None:
    first = finish(run, send(site, sandbox, DATA, filename="one.pcap"))
    second = finish(run, send(site, sandbox, DATA, filename="two.pcap"))
    assert (second.state, second.first, second.capture_id) == ("duplicate", first, first.capture_id)
    row = site.files(sandbox)[0]
    assert "same bytes as one.pcap" in row["note"]
    assert row["search"] == f"/captures/{first.capture_id}/"
    assert row["actions"] == ["remove", "again"]
    assert Capture.objects.count() == 1

    assert site.call("POST", f"/api/v1/uploads/{second.pk}/again/").status == 202
    assert site.call("POST", f"/api/v1/uploads/{second.pk}/again/").status == 409
    second = finish(run, second)
    assert (second.state, second.first) == ("done", None)
    assert second.capture_id != first.capture_id
    assert list(folder.iterdir()) == []


def test_what_was_purged_is_new_again(site: Site, sandbox: Whisperer, run: Pump) -> None:
    finish(run, send(site, sandbox, DATA))
    upload_forget(str(sandbox.pk))
    assert finish(run, send(site, sandbox, DATA)).state == "done"


def test_the_same_bytes_elsewhere_or_differently_packed_are_new(site: Site, sandbox: Whisperer, run: Pump) -> None:
    finish(run, send(site, sandbox, DATA))
    other = whisperer_create(name="other", mode="UPLOAD")
    assert finish(run, send(site, other, DATA)).state == "done"
    assert finish(run, send(site, sandbox, gzip.compress(DATA))).state == "done"
    assert finish(run, send(site, sandbox, DATA, again="yes")).state == "done"


def test_a_known_file_whose_data_are_gone_is_new(site: Site, sandbox: Whisperer, run: Pump, settings: Any) -> None:
    finish(run, send(site, sandbox, DATA))
    Upload.objects.update(updated=timezone.now() - timedelta(days=settings.RETENTION_DAYS, hours=1))
    assert finish(run, send(site, sandbox, DATA)).state == "done"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"<!doctype html>"), "capture"),
        (gzip.compress(DATA)[:12], "capture"),
        (DATA[:3], "capture"),
        (DATA[:24] + b"\xff" * 5000, "No packet"),
    ],
    ids=["packed text", "packed and cut to nothing", "three bytes", "damaged at once"],
)
def test_a_broken_file_says_why(
    site: Site, sandbox: Whisperer, run: Pump, folder: Path, data: bytes, words: str
) -> None:
    upload = finish(run, send(site, sandbox, data))
    assert upload.state == "failed"
    assert words in upload.error
    row = site.files(sandbox)[0]
    assert (row["word"], row["note"], row["search"]) == ("failed", upload.error, "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_of_a_file_that_is_cut_off_the_rest_is_read(
    site: Site, sandbox: Whisperer, run: Pump, pack: Callable[[bytes], bytes]
) -> None:
    upload = finish(run, send(site, sandbox, pack(DATA[:-1])))
    assert upload.state == "done"
    row = site.files(sandbox)[0]
    assert row["word"] == "cut off"
    assert f"{RECORDS - 1:,} packets" in row["note"]


def test_a_bomb_is_refused(site: Site, sandbox: Whisperer, run: Pump, folder: Path, settings: Any) -> None:
    settings.UPLOAD_LIMIT = 1 << 20
    upload = finish(run, send(site, sandbox, gzip.compress(DATA + bytes(5 << 20))))
    assert upload.state == "failed"
    assert "unpacks to more than 1.0 MB" in upload.error
    assert list(folder.iterdir()) == []


def test_a_worker_that_died_is_followed_by_another(site: Site, sandbox: Whisperer, run: Pump) -> None:
    upload = send(site, sandbox, DATA)
    Upload.objects.update(leased_until=timezone.now() + timedelta(seconds=60))
    run.work()
    upload.refresh_from_db()
    assert upload.state == "waiting"
    Upload.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    run.send_task("tasks.monitoring.minute")
    assert finish(run, upload).state == "done"


def test_there_is_room_or_that_is_said(site: Site, sandbox: Whisperer, settings: Any) -> None:
    settings.UPLOAD_SPACE = len(DATA) * 2
    begin(site, sandbox)
    begin(site, sandbox)
    answer = site.create(sandbox, 1)
    refused(answer, 507, "SPIDER_UPLOAD_SPACE")
    assert answer.headers["Retry-After"]
    settings.UPLOAD_SPACE = 1 << 50
    settings.UPLOAD_FREE = 1 << 60
    refused(site.create(sandbox, 1), 507, "disk is nearly full")
    assert Upload.objects.count() == 2


def test_a_full_disk_is_said_and_the_rest_goes_on_later(site: Site, sandbox: Whisperer, run: Pump) -> None:
    path = begin(site, sandbox)
    site.append(path, 0, DATA[:HALF])
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with patch.object(receiving._Writer, "_write", side_effect=full):
        answer = site.append(path, HALF, DATA[HALF:])
    refused(answer, 507, "disk is full")
    assert "disk is full" in site.files(sandbox)[0]["note"]
    assert site.call("HEAD", path).headers["Upload-Offset"] == str(HALF)
    assert site.append(path, HALF, DATA[HALF:]).status == 204
    assert finish(run, Upload.objects.get()).state == "done"


def test_a_disk_too_full_to_unpack_makes_it_wait(site: Site, sandbox: Whisperer, run: Pump, settings: Any) -> None:
    upload = send(site, sandbox, gzip.compress(DATA))
    settings.UPLOAD_FREE = 1 << 60
    run.work()
    (row,) = site.files(sandbox)
    assert (row["state"], row["tone"]) == ("waiting", "warn")
    assert "too full" in row["note"]
    settings.UPLOAD_FREE = 0
    run.send_task("tasks.monitoring.minute")
    assert finish(run, upload).state == "done"


def test_one_that_is_removed_while_it_is_checked_does_not_come_back(
    site: Site, sandbox: Whisperer, run: Pump, folder: Path
) -> None:
    upload = send(site, sandbox, gzip.compress(DATA))
    real = checking._read

    def read(*given: Any) -> str:
        digest = real(*given)
        assert site.call("DELETE", f"/api/v1/uploads/{upload.pk}/").status == 204
        return digest

    with patch.object(checking, "_read", read):
        run.work()
    assert not Upload.objects.exists()
    assert not Capture.objects.exists()
    assert list(folder.iterdir()) == []


def test_what_is_being_read_is_not_given_up(site: Site, sandbox: Whisperer) -> None:
    upload = send(site, sandbox, DATA)
    Upload.objects.update(state="reading")
    assert site.call("DELETE", f"/api/v1/uploads/{upload.pk}/").status == 409


def test_what_nobody_goes_on_with_expires(site: Site, sandbox: Whisperer, folder: Path) -> None:
    old = begin(site, sandbox)
    site.append(old, 0, DATA[:HALF])
    Upload.objects.update(expires=timezone.now() - timedelta(seconds=1))
    young = begin(site, sandbox)
    maintenance.uploads()
    assert site.call("HEAD", old).status == 410
    refused(site.append(old, HALF, DATA[HALF:]), 410, "Given up")
    assert site.call("HEAD", young).status == 200
    assert len(list(folder.iterdir())) == 1


def test_files_of_nobody_are_removed(site: Site, sandbox: Whisperer, run: Pump, folder: Path) -> None:
    begin(site, sandbox)
    known = send(site, sandbox, DATA)
    Upload.objects.filter(pk=known.pk).update(state="duplicate")
    capture = Capture.objects.create(pk="waiting-1234", whisperer=sandbox, policy="default", partitions=1)
    Spool.objects.create(capture=capture, path=str(folder / "spooled"), size=1)
    for name in ("spooled", "orphan", "young"):
        (folder / name).touch()
    long_ago = time.time() - 10 * 86400
    for path in folder.iterdir():
        if path.name != "young":
            os.utime(path, (long_ago, long_ago))
    maintenance.uploads()
    names = {path.name for path in folder.iterdir()}
    assert "orphan" not in names
    assert {"spooled", "young"} < names
    assert len(names) == 4


def test_rows_go_with_their_data(site: Site, sandbox: Whisperer, run: Pump, settings: Any) -> None:
    finish(run, send(site, sandbox, DATA))
    maintenance.uploads()
    assert Upload.objects.count() == 1
    Upload.objects.update(updated=timezone.now() - timedelta(days=settings.RETENTION_DAYS, hours=1))
    maintenance.uploads()
    assert not Upload.objects.exists()


def test_the_page_and_its_inside_alone(site: Site, sandbox: Whisperer, whisperer: Whisperer) -> None:
    whole = site.call("GET", f"/whisperers/{sandbox.pk}/files/").body.decode()
    inside = site.call("GET", f"/whisperers/{sandbox.pk}/files/?panel").body.decode()
    assert "<html" in whole
    assert "<html" not in inside
    for page in (whole, inside):
        assert f'data-whisperer="{sandbox.pk}"' in page
        assert 'data-may="yes"' in page
    other = site.call("GET", f"/whisperers/{whisperer.pk}/files/").body.decode()
    assert "is of mode FILE" in other
    assert 'data-may="no"' in other
    answer = site.call("GET", "/api/v1/uploads/?whisperer=shop")
    assert (answer.status, answer.error["field"]) == (400, "whisperer")
