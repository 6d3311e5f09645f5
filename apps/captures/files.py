"""The files of a whisperer in words: what each does now, how far it is, and what a person can do with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from apps.captures.models import Capture, Spool, Upload
from apps.captures.receiving import path_of
from apps.captures.services import redis_link
from apps.core import words
from apps.core.errors import ApplicationError
from apps.whisperers.models import Whisperer
from apps.whisperers.rights import Person, rights_of
from store.redis import accounting, captures

#: Files shown: the latest of a whisperer.
SHOWN = 200
#: A file of which bytes came this recently is being sent, by whoever it is.
LIVELY = timedelta(seconds=3)
STATE = Upload.State
#: How each state looks: its word, its tone, its icon.
LOOKS = {
    STATE.RECEIVING: ("stopped", "warn", "f-pause"),
    STATE.WAITING: ("checking", "info", "clock"),
    STATE.READING: ("reading", "info", "f-split"),
    STATE.DONE: ("done", "ok", "check"),
    STATE.FAILED: ("failed", "bad", "error"),
    STATE.DUPLICATE: ("known", "", "f-copy"),
}


@dataclass(slots=True)
class FileRow:
    """A file as the page shows it."""

    id: str
    name: str
    size: int
    modified: int
    offset: int
    state: str
    sha256: str
    word: str
    tone: str
    icon: str
    note: str = ""
    progress: float | None = None
    search: str = ""
    actions: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a whisperer."""

    files: list[FileRow]
    busy: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the workers are with a file: the share that is read, and the sums so far."""

    share: float
    totals: Mapping[str, int]


def file_rows(whisperer: Whisperer, user: Person) -> Files:
    """The latest files of a whisperer; what may be done with them is said to who may."""
    may = "startStop" in rights_of(user, whisperer)
    uploads = list(Upload.objects.filter(whisperer=whisperer).select_related("capture", "first")[:SHOWN])
    readings = _readings([upload.capture for upload in uploads if upload.state == STATE.READING and upload.capture])
    rows = [_row(upload, readings.get(upload.capture_id or ""), may=may) for upload in uploads]
    busy = any(row.state in (STATE.WAITING, STATE.READING) or row.word == "sending" for row in rows)
    return Files(rows, busy)


def files_context(whisperer: Whisperer, user: Person) -> dict[str, Any]:
    """What the template `captures/files_panel.html` needs."""
    return {
        "whisperer": whisperer,
        "may_upload": "startStop" in rights_of(user, whisperer),
        "takes_files": whisperer.mode == Whisperer.Mode.UPLOAD,
        "limit": words.volume(settings.UPLOAD_LIMIT),
    }


def _row(upload: Upload, reading: Reading | None, *, may: bool) -> FileRow:
    word, tone, icon = LOOKS[STATE(upload.state)]
    row = FileRow(
        str(upload.pk), upload.name, upload.size, upload.modified, upload.offset, upload.state, upload.sha256,
        word, tone, icon,
    )  # fmt: skip
    if upload.capture_id:
        row.search = reverse("capture", args=[upload.capture_id])
    if may and upload.state not in {STATE.READING, STATE.DONE}:
        row.actions.append("remove")
    _TELLERS[STATE(upload.state)](row, upload, reading)
    if not may:
        row.actions.clear()
    return row


def _receiving(row: FileRow, upload: Upload, _reading: Reading | None) -> None:
    row.progress = _percent(upload.offset, upload.size)
    arrived = f"{words.volume(upload.offset)} of {words.volume(upload.size)}"
    if upload.error:
        row.note = upload.error
    elif upload.offset and timezone.now() - upload.updated < LIVELY:
        row.word, row.tone, row.icon, row.note = "sending", "info", "f-upload", arrived
    else:
        row.note = f"{arrived} arrived; choose the same file again and it goes on from there"
    row.actions.append("resume")


def _waiting(row: FileRow, upload: Upload, _reading: Reading | None) -> None:
    row.progress = _percent(upload.checked, upload.size)
    if upload.error:
        row.word, row.tone, row.note = "waiting", "warn", upload.error
    elif not upload.checked:
        row.word, row.note = "waiting", "sent; a worker will check it next"
    else:
        row.note = f"sent; {row.progress:.0f} % checked and unpacked"


def _reading(row: FileRow, upload: Upload, reading: Reading | None) -> None:
    if reading is None:
        row.note = "sent; how far it is read cannot be said now"
        return
    row.progress = min(reading.share * 100, 99.0)  # the end is said by its state
    packets = reading.totals.get("packets.uploaded", 0)
    row.note = f"sent; {row.progress:.0f} % read, {packets:,} packets so far"


def _done(row: FileRow, upload: Upload, _reading: Reading | None) -> None:
    row.progress = 100.0
    totals = upload.capture.totals if upload.capture else {}
    if upload.capture is None:
        row.search, row.note = "", "read; its capture was removed since"
        return
    packets = totals.get("packets.uploaded", 0)
    lost = sum(totals.get(name, 0) for name in ("packets.undecodable", "packets.quarantined"))
    row.note = f"{packets:,} packets, " + (f"{lost:,} of them not readable" if lost else "all of them read")
    if not packets:
        row.note, row.search = "read; there is no packet in it", ""
    if totals.get("anomalies.captureCorrupt"):
        row.progress = None
        row.word, row.tone, row.icon = "damaged", "warn", "warn"
        row.note += "; the file is damaged: what stands before that was read"
    elif totals.get("anomalies.captureCutOff"):
        row.progress = None
        row.word, row.tone, row.icon = "cut off", "warn", "warn"
        row.note += "; the file ends inside a packet: all before was read"


def _failed(row: FileRow, upload: Upload, _reading: Reading | None) -> None:
    row.note = upload.error
    if upload.capture is None or upload.capture.first_packet is None:
        row.search = ""


def _duplicate(row: FileRow, upload: Upload, _reading: Reading | None) -> None:
    digest = f"sha256 {upload.sha256[:4]}…{upload.sha256[-4:]}"
    name = upload.first.name if upload.first else "a file that was removed since"
    row.note = f"same bytes as {name} ({digest}): not stored twice"
    if path_of(upload).exists():
        row.actions.append("again")


_TELLERS = {
    STATE.RECEIVING: _receiving,
    STATE.WAITING: _waiting,
    STATE.READING: _reading,
    STATE.DONE: _done,
    STATE.FAILED: _failed,
    STATE.DUPLICATE: _duplicate,
}


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _readings(rows: list[Capture]) -> dict[str, Reading]:
    """How far the workers are with each; nothing while Redis does not answer."""
    if not rows:
        return {}
    spools = Spool.objects.in_bulk([row.pk for row in rows])
    try:
        with redis_link() as link:
            return {
                row.pk: Reading(
                    _share(captures.read_state(link, row.pk), spools.get(row.pk)),
                    accounting.totals(link, row.pk).counters,
                )
                for row in rows
            }
    except ApplicationError:
        return {}


def _share(state: captures.CaptureState | None, spool: Spool | None) -> float:
    """Of the file's bytes those in chunks that are through; of pieces that are all cut, their number."""
    if state is None:  # not opened yet, or closed a moment ago
        return 0.0 if spool is not None else 1.0
    if spool is None:
        return state.next / (state.last + 1) if state.last >= 0 else 1.0
    if not spool.next_chunk or not spool.size:
        return 0.0
    through = min(state.next, spool.next_chunk) / spool.next_chunk
    return min(through * int(str(spool.resume.get("offset", 0))) / spool.size, 1.0)
