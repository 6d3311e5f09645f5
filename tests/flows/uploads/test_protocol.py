"""Files from the browser: the tus protocol on the real site."""

import base64
import hashlib
import time
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from apps.captures import receiving, uploadapi
from apps.captures.models import Capture, Upload
from apps.whisperers.models import Change, Whisperer
from apps.whisperers.services import grant_set
from tests.flows import expect
from tests.flows.pump import Pump
from tests.flows.site import BYTES, DATA, Site, begin, finish, metadata, refused, until

RECORDS = expect.packets(DATA)
HALF = len(DATA) // 2


def test_from_the_first_byte_to_the_last_communication(site: Site, sandbox: Whisperer, run: Pump, folder: Path) -> None:
    path = begin(site, sandbox, filename="Überlast.pcap", modified="1795650855677")
    answer = site.append(path, 0, DATA[:HALF])
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(HALF))
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Upload-Expires"].endswith("GMT")
    head = site.call("HEAD", path)
    assert head.status == 200
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == (str(HALF), str(len(DATA)))
    assert head.headers["Cache-Control"] == "no-store"
    assert "filename" in head.headers["Upload-Metadata"]
    (row,) = site.files(sandbox)
    assert (row["word"], row["name"], row["modified"]) == ("sending", "Überlast.pcap", 1795650855677)
    assert row["progress"] == pytest.approx(50, abs=1)

    assert site.append(path, HALF, DATA[HALF:]).headers["Upload-Offset"] == str(len(DATA))
    assert site.files(sandbox)[0]["state"] == "waiting"
    upload = finish(run, Upload.objects.get())
    assert (upload.state, upload.error) == ("done", "")
    assert upload.sha256 == hashlib.sha256(DATA).hexdigest()
    expect.same(expect.found_by(run), expect.whole(DATA))
    expect.balanced(Capture.objects.get(), RECORDS)
    expect.nothing_left()
    assert list(folder.iterdir()) == []
    (row,) = site.files(sandbox)
    assert (row["word"], row["progress"], row["search"]) == ("done", 100, f"/captures/{upload.capture_id}/")
    assert f"{RECORDS:,} packets" in row["note"]
    shown = site.call("GET", row["search"])
    assert shown.status == 302
    assert upload.capture_id in shown.headers["Location"]
    assert [change.action for change in Change.objects.filter(whisperer=sandbox, actor__isnull=False)] == ["uploaded"]


def test_what_the_server_can_do(site: Site) -> None:
    answer = site.call("OPTIONS", "/api/v1/uploads/", Tus_Resumable=None)
    assert answer.status == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    extensions = set(answer.headers["Tus-Extension"].split(","))
    assert extensions == {"creation", "creation-with-upload", "expiration", "checksum", "termination"}
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
def test_another_version_is_refused(site: Site, sandbox: Whisperer, version: str | None) -> None:
    path = begin(site, sandbox)
    for answer in (
        site.call("HEAD", path, Tus_Resumable=version),
        site.append(path, 0, DATA, Tus_Resumable=version),
        site.call("DELETE", path, Tus_Resumable=version),
        site.call("POST", "/api/v1/uploads/", Upload_Length="5", Tus_Resumable=version),
    ):
        assert answer.status == 412
        assert answer.headers["Tus-Version"] == "1.0.0"
    assert Upload.objects.get().offset == 0


@pytest.mark.parametrize("offset", [0, HALF - 1, HALF + 1, len(DATA)])
def test_another_offset_changes_nothing(site: Site, sandbox: Whisperer, offset: int) -> None:
    path = begin(site, sandbox)
    site.append(path, 0, DATA[:HALF])
    answer = site.append(path, offset, DATA[offset : offset + 5])
    assert answer.status == 409
    assert answer.error["offset"] == HALF
    assert site.call("HEAD", path).headers["Upload-Offset"] == str(HALF)


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"Upload_Offset": None}, 400, "Upload-Offset"),
        ({"Upload_Offset": "-1"}, 400, "Upload-Offset"),
        ({"Upload_Offset": "٣"}, 400, "Upload-Offset"),
        ({"Content_Type": "application/octet-stream"}, 415, "Content-Type"),
        ({"Upload_Checksum": "crc32 AAAA"}, 400, "Upload-Checksum"),
        ({"Upload_Checksum": "sha1 AAAA"}, 400, "Upload-Checksum"),
        ({"Upload_Checksum": "sha1 %%%"}, 400, "Upload-Checksum"),
    ],
)
def test_a_wrong_header_is_named(
    site: Site, sandbox: Whisperer, headers: dict[str, str | None], status: int, field: str
) -> None:
    path = begin(site, sandbox)
    headers = {name: value.encode().decode("latin-1") if value else value for name, value in headers.items()}
    answer = site.append(path, 0, DATA, **headers)
    assert (answer.status, answer.error["field"]) == (status, field)
    assert Upload.objects.get().offset == 0


@pytest.mark.parametrize(
    ("headers", "status", "field"),
    [
        ({"Upload_Length": None}, 400, "Upload-Length"),
        ({"Upload_Length": "0"}, 400, "Upload-Length"),
        ({"Upload_Length": "1e9"}, 400, "Upload-Length"),
        ({"Upload_Length": str(1 << 50)}, 413, "Upload-Length"),
        ({"Upload_Defer_Length": "1"}, 400, "Upload-Defer-Length"),
        ({"Upload_Metadata": None}, 400, "Upload-Metadata"),
        ({"Upload_Metadata": "whisperer ?"}, 400, "Upload-Metadata"),
        ({"Upload_Metadata": "x" * 5000}, 400, "Upload-Metadata"),
        ({"Upload_Metadata": metadata(whisperer="shop")}, 400, "Upload-Metadata"),
        ({"Upload_Metadata": metadata(whisperer="4d6c6f57-6ad3-4a43-9f3f-2a3c7d0a7c11")}, 404, "whisperer"),
    ],
)
def test_what_cannot_begin(
    site: Site, sandbox: Whisperer, headers: dict[str, str | None], status: int, field: str
) -> None:
    good = {"Upload_Length": "5", "Upload_Metadata": metadata(whisperer=str(sandbox.pk))}
    answer = site.call("POST", "/api/v1/uploads/", **(good | headers))
    assert (answer.status, answer.error["field"]) == (status, field)
    assert not Upload.objects.exists()


def test_more_than_was_announced_is_refused(site: Site, sandbox: Whisperer) -> None:
    path = begin(site, sandbox, size=100)
    answer = site.append(path, 0, DATA[:101])
    assert (answer.status, answer.error["code"]) == (413, "too_large")
    assert site.append(path, 0, DATA[:100]).status == 204
    assert site.append(path, 100, b"x").status == 409


def test_a_cut_connection_goes_on_where_it_was(site: Site, sandbox: Whisperer, run: Pump) -> None:
    path = begin(site, sandbox)
    at, pieces = 0, 0
    while at < len(DATA):
        site.cut(path, at, len(DATA) - at, DATA[at : at + len(DATA) // 4 + 1])
        wanted = min(at + len(DATA) // 4 + 1, len(DATA))
        until(lambda wanted=wanted: Upload.objects.get().offset == wanted)
        at, pieces = wanted, pieces + 1
    assert pieces == 4
    assert finish(run, Upload.objects.get()).sha256 == hashlib.sha256(DATA).hexdigest()
    expect.same(expect.found_by(run), expect.whole(DATA))


def test_what_a_dead_process_wrote_further_is_overwritten(
    site: Site, sandbox: Whisperer, run: Pump, folder: Path
) -> None:
    path = begin(site, sandbox)
    site.append(path, 0, DATA[:HALF])
    (file,) = folder.iterdir()
    with file.open("ab") as written:
        written.write(b"garbage" * 99_999)
    site.append(path, HALF, DATA[HALF:])
    assert finish(run, Upload.objects.get()).sha256 == hashlib.sha256(DATA).hexdigest()


def test_two_requests_do_not_append_at_once(site: Site, sandbox: Whisperer, folder: Path) -> None:
    path = begin(site, sandbox)
    with receiving._held(Upload.objects.get()):
        answer = site.append(path, 0, DATA)
    assert (answer.status, answer.headers["Retry-After"]) == (423, "1")
    assert site.append(path, 0, DATA).status == 204


@pytest.mark.parametrize("name", ["sha1", "sha256"])
def test_a_checksum_keeps_or_discards_the_body(site: Site, sandbox: Whisperer, name: str) -> None:
    path = begin(site, sandbox)
    digest = base64.b64encode(hashlib.new(name, DATA[:HALF]).digest()).decode()
    damaged = DATA[: HALF - 1] + bytes([DATA[HALF - 1] ^ 1])
    answer = site.append(path, 0, damaged, Upload_Checksum=f"{name} {digest}")
    assert (answer.status, answer.error["code"]) == (460, "checksum")
    assert site.call("HEAD", path).headers["Upload-Offset"] == "0"
    answer = site.append(path, 0, DATA[:HALF], Upload_Checksum=f"{name} {digest}")
    assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(HALF))


def test_of_a_cut_body_with_a_checksum_nothing_is_kept(site: Site, sandbox: Whisperer, folder: Path) -> None:
    path = begin(site, sandbox)
    digest = base64.b64encode(hashlib.sha1(DATA).digest()).decode()
    site.headers["Upload-Checksum"] = f"sha1 {digest}"
    site.cut(path, 0, len(DATA), DATA[:HALF])
    site.headers.pop("Upload-Checksum")
    time.sleep(0.2)
    until(lambda: site.append(path, 0, b"").status == 204)
    assert next(folder.iterdir()).stat().st_size == 0


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_no_capture_is_refused_at_its_first_bytes(
    site: Site, sandbox: Whisperer, folder: Path, at_once: bool
) -> None:
    text = b"PK\x03\x04 a document" * 100
    if at_once:
        answer = site.create(sandbox, 1 << 30, text, filename="notes.docx")
    else:
        path = begin(site, sandbox, size=1 << 30, filename="notes.docx")
        assert site.append(path, 0, text[:3]).status == 204
        answer = site.append(path, 3, text[3:])
        assert site.append(path, 3, text[3:]).status == 410
        assert site.call("HEAD", path).status == 410
    refused(answer, 415, "50 4b 03 04")
    (row,) = site.files(sandbox)
    assert (row["word"], row["id"]) == ("failed", answer.error["upload"])
    assert "50 4b 03 04" in row["note"]
    assert list(folder.iterdir()) == []


def test_many_at_once_leave_threads_for_the_pages(site: Site, sandbox: Whisperer) -> None:
    path = begin(site, sandbox)
    held = 0
    while uploadapi._places.acquire(blocking=False):
        held += 1
    try:
        answer = site.append(path, 0, DATA)
    finally:
        uploadapi._places.release(held)
    assert (answer.status, answer.error["code"]) == (503, "busy")
    assert site.append(path, 0, DATA).status == 204


def test_an_upload_is_given_up(site: Site, sandbox: Whisperer, folder: Path) -> None:
    path = begin(site, sandbox)
    site.append(path, 0, DATA[:HALF])
    assert site.call("DELETE", path).status == 204
    assert list(folder.iterdir()) == []
    assert site.call("HEAD", path).status == 404
    assert site.append(path, HALF, DATA[HALF:]).status == 404
    assert site.call("DELETE", path).status == 404
    assert Change.objects.filter(action="discarded").count() == 1


def test_other_methods_by_post(site: Site, sandbox: Whisperer) -> None:
    path = begin(site, sandbox)
    meant = {"X_HTTP_Method_Override": "PATCH", "Content_Type": BYTES, "Upload_Offset": "0"}
    assert site.call("POST", path, DATA[:HALF], **meant).status == 204
    assert site.call("POST", path, X_HTTP_Method_Override="HEAD").headers["Upload-Offset"] == str(HALF)
    assert site.call("POST", path, X_HTTP_Method_Override="GET").status == 405
    assert site.call("POST", path, X_HTTP_Method_Override="DELETE").status == 204
    assert not Upload.objects.exists()


def test_files_are_for_whisperers_of_mode_upload(site: Site, whisperer: Whisperer) -> None:
    refused(site.create(whisperer, 5), 409, "mode FILE")


def test_rights(site: Site, sandbox: Whisperer, live_server: Any) -> None:
    path = begin(site, sandbox)
    bob = User.objects.create_user("bob")
    other = Site(live_server.url, bob)
    listed = f"/api/v1/uploads/?whisperer={sandbox.pk}"

    def tries() -> list[int]:
        return [
            other.create(sandbox, 5).status,
            other.call("HEAD", path).status,
            other.append(path, 0, DATA[:5]).status,
            other.call("DELETE", path).status,
            other.call("POST", f"{path}again/").status,
            other.call("GET", listed).status,
            other.call("GET", f"/whisperers/{sandbox.pk}/files/").status,
        ]

    assert tries() == [404] * 7
    grant_set(whisperer=sandbox, user=bob, rights=["search"])
    assert tries() == [403, 403, 403, 403, 403, 200, 200]
    assert other.files(sandbox)[0]["actions"] == []
    assert "ask for the right" in other.call("GET", f"/whisperers/{sandbox.pk}/files/").body.decode()
    grant_set(whisperer=sandbox, user=bob, rights=["startStop"])
    assert tries() == [201, 200, 204, 204, 404, 200, 200]


def test_nobody_and_other_sites_are_refused(site: Site, sandbox: Whisperer) -> None:
    path = begin(site, sandbox)
    assert site.append(path, 0, DATA, X_CSRFToken=None).status == 403
    assert site.append(path, 0, DATA, Cookie=None).status == 401
    assert site.call("GET", f"/whisperers/{sandbox.pk}/files/", Cookie=None).status == 302
    assert Upload.objects.get().offset == 0
