"""Files from the browser, as they arrive: made, appended to at an offset, given up.

The bytes of a request go to disk as they come, so memory does not grow with the file. PostgreSQL is told how much is
here only after it is on disk: a process that dies, or a machine, leaves an offset from which the rest can be sent. One
request at a time appends to a file; the lock is the operating system's and ends with its holder, however that ends.
"""

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Sum
from django.http import UnreadablePostError
from django.utils import timezone

from apps.captures.models import Spool, Upload
from apps.captures.uploads import Readable
from apps.core import words
from apps.core.errors import ApplicationError
from apps.core.tasks import send
from apps.whisperers.models import Whisperer
from apps.whisperers.services.audit import record
from wire import pcapfile
from wire.pcapfile.kinds import not_a_capture

#: Bytes read at once: what a request costs in memory.
READ_BYTES = 256 << 10
#: Seconds between two notes of the offset while a long request runs.
NOTE_SECONDS = 1.0
#: Seconds after which to try again where another request has the file, or the disk is full.
LOCKED_WAIT, FULL_WAIT = 1, 30
STATE = Upload.State


@dataclass(slots=True)
class Checksum:
    """What the client says of one request's bytes: a hash of them, and what it must be."""

    hash: Any
    digest: bytes


def upload_create(
    *,
    whisperer: Whisperer,
    name: str,
    size: int,
    actor: AbstractBaseUser,
    modified: int = 0,
    expected: str = "",
    again: bool = False,
    metadata: str = "",
) -> Upload:
    """Make room for a file of `size` bytes.

    Raises ApplicationError: 409 for a whisperer of another mode, 413 above the limit, 507 without room.
    """
    if whisperer.mode != Whisperer.Mode.UPLOAD:
        message = f"{whisperer.name} is of mode {whisperer.mode}: files are uploaded to whisperers of mode UPLOAD."
        raise ApplicationError(message, code="mode", status_code=409, field="whisperer")
    if size > settings.UPLOAD_LIMIT:
        limit = words.volume(settings.UPLOAD_LIMIT)
        message = f"{name} has {words.volume(size)}, at most {limit} are taken (SPIDER_UPLOAD_LIMIT)."
        raise ApplicationError(message, code="too_large", status_code=413, field="Upload-Length")
    settings.UPLOAD_FOLDER.mkdir(parents=True, exist_ok=True)
    _require_room(size)
    with transaction.atomic():
        upload = Upload.objects.create(
            whisperer=whisperer,
            created_by_id=actor.pk,
            name=name,
            size=size,
            modified=modified,
            expected=expected,
            again=again,
            metadata=metadata,
            expires=expiry(),
        )
        path_of(upload).touch(mode=0o600)
        record(actor, whisperer, "uploaded", after={"file": name, "bytes": size})
    return upload


def expiry() -> datetime:
    """When what is touched now will be too old."""
    return timezone.now() + timedelta(hours=settings.UPLOAD_HOURS)


def path_of(upload: Upload) -> Path:
    """Where the bytes of an upload are."""
    folder: Path = settings.UPLOAD_FOLDER
    return folder / upload.file_name


def _require_room(size: int) -> None:
    """Refuse a file for which there is no room: what others still have to send counts as taken."""
    unread = Upload.objects.filter(state__in=[STATE.RECEIVING, STATE.WAITING, STATE.DUPLICATE])
    sums = unread.aggregate(all=Sum("size"), coming=Sum(F("size") - F("offset")))
    read = Spool.objects.filter(error="").aggregate(all=Sum("size"))["all"] or 0
    left = settings.UPLOAD_SPACE - (sums["all"] or 0) - read
    if size > left:
        space = words.volume(settings.UPLOAD_SPACE)
        raise no_room(size, left, f"files that wait to be read may take {space} (SPIDER_UPLOAD_SPACE)", "quota")
    free = free_bytes() - (sums["coming"] or 0)
    if size > free:
        raise no_room(size, free, "the server's disk is nearly full", "disk_full")


def free_bytes() -> int:
    """Bytes of the disk that uploads may still take."""
    return shutil.disk_usage(settings.UPLOAD_FOLDER).free - int(settings.UPLOAD_FREE)


def no_room(size: int, left: int, what: str, code: str) -> ApplicationError:
    """507, with how much is wanted and how much there is."""
    message = (
        f"There is no room for {words.volume(size)}: {what}, and {words.volume(max(left, 0))} are left. "
        "Wait until other files were read, or remove some that are not finished."
    )
    return ApplicationError(message, code=code, status_code=507, field="Upload-Length", retry_after=FULL_WAIT)


def upload_append(
    *, upload: Upload, offset: int, body: Readable, size: int, checksum: Checksum | None = None
) -> Upload:
    """Append `size` bytes of a body at `offset`; the last ones hand the file to the workers.

    Raises ApplicationError: 400 for a body cut short (what came is kept, but for a body with a checksum), 409 for
    another offset than the file has, 410 for an upload that failed, 413 for more than it may have, 415 for what is no
    capture, 423 while another request appends, 460 for another checksum, 507 when the disk is full.
    """
    with _held(upload) as file:
        _refresh(upload)  # the truth is what the last holder of the lock left
        _check_append(upload, offset, size)
        file.seek(offset)
        file.truncate()  # a process that died here may have written on
        writer = _Writer(upload, file, size, checksum)
        try:
            writer.copy(body)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            upload.refresh_from_db()
            raise _disk_full(upload) from error
    return upload


@contextmanager
def _held(upload: Upload) -> Iterator[FileIO]:
    """The file, in the hands of this request alone."""
    try:
        file = path_of(upload).open("r+b", buffering=0)
    except FileNotFoundError:
        _refresh(upload)
        _check_state(upload)
        message = "The bytes of this upload are gone from the server: send the file again."
        raise ApplicationError(message, code="gone", status_code=410, field="Upload-Offset") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "Another request is appending to this upload: ask for its offset and go on from there."
            raise ApplicationError(
                message, code="locked", status_code=423, field="Upload-Offset", retry_after=LOCKED_WAIT
            ) from None
        yield file


def _refresh(upload: Upload) -> None:
    try:
        upload.refresh_from_db()
    except Upload.DoesNotExist:
        raise _given_up() from None


def _given_up() -> ApplicationError:
    return ApplicationError("This upload was given up: send the file again.", code="gone", status_code=410)


def _check_state(upload: Upload) -> None:
    if upload.state == STATE.FAILED:
        raise ApplicationError(upload.error, code="gone", status_code=410, upload=str(upload.pk))
    if upload.state != STATE.RECEIVING:
        message = f"{upload.name} is whole: nothing more can be appended."
        raise ApplicationError(message, code="offset", status_code=409, field="Upload-Offset", offset=upload.offset)


def _check_append(upload: Upload, offset: int, size: int) -> None:
    _check_state(upload)
    if offset != upload.offset:
        message = f"Upload-Offset is {offset}, {upload.offset} bytes are here: go on from there."
        raise ApplicationError(message, code="offset", status_code=409, field="Upload-Offset", offset=upload.offset)
    if size > upload.size - offset:
        message = f"The body has {size} bytes, {upload.size - offset} are missing of Upload-Length {upload.size}."
        raise ApplicationError(message, code="too_large", status_code=413, field="Content-Length")


class _Writer:
    """Writes one request's body at the end of an upload."""

    def __init__(self, upload: Upload, file: FileIO, size: int, checksum: Checksum | None) -> None:
        self.upload, self.file, self.checksum = upload, file, checksum
        self.at = upload.offset
        self.end = upload.offset + size

    def copy(self, body: Readable) -> None:
        """All of the body; what came of one that ends early is kept, or taken back where its checksum is unknown."""
        try:
            whole = self._copy(body)
        except OSError:  # of our disk: what is on it already is kept
            self._keep()
            raise
        if not whole:
            self._keep()
            message = f"The body ended {self.end - self.at} bytes early: ask for the offset and go on from there."
            raise ApplicationError(message, code="cut_short", field="Content-Length", offset=self.upload.offset)
        if self.checksum and self.checksum.hash.digest() != self.checksum.digest:
            self._keep()
            message = "Upload-Checksum is another than that of the bytes that arrived: send them again."
            raise ApplicationError(message, code="checksum", status_code=460, field="Upload-Checksum")
        self._note()

    def _copy(self, body: Readable) -> bool:
        """Whether all of it came."""
        noted = time.monotonic()
        while self.at < self.end:
            try:
                data = body.read(min(READ_BYTES, self.end - self.at))
            except UnreadablePostError:
                return False
            if not data:
                return False
            before = self.at
            self._write(data)
            if before < 4 <= self.at:
                self._require_capture()
            if not self.checksum and time.monotonic() - noted > NOTE_SECONDS:
                self._note()
                noted = time.monotonic()
        return True

    def _write(self, data: bytes) -> None:
        if self.checksum:
            self.checksum.hash.update(data)
        view = memoryview(data)
        while view:
            written = self.file.write(view)
            self.at += written
            view = view[written:]

    def _require_capture(self) -> None:
        """Of a file that is no capture the first bytes are enough."""
        head = os.pread(self.file.fileno(), 8, 0)
        if pcapfile.sniff(head[:4]) not in (None, "ring"):
            return
        upload_fail(self.upload, not_a_capture(head))
        raise ApplicationError(
            self.upload.error, code="not_a_capture", status_code=415, field="body", upload=str(self.upload.pk)
        )

    def _keep(self) -> None:
        """Of a body that is not whole: all that came, or nothing where only the whole could be checked."""
        if self.checksum:
            self.file.truncate(self.upload.offset)
        else:
            self._note()

    def _note(self) -> None:
        """Put what is here on disk, then write down how much that is; with its last byte a file waits for a worker."""
        os.fdatasync(self.file.fileno())
        upload = self.upload
        state = STATE.WAITING if self.at == upload.size else STATE.RECEIVING
        with transaction.atomic():
            here = Upload.objects.filter(pk=upload.pk, state=STATE.RECEIVING)
            if not here.update(offset=self.at, state=state, error="", updated=timezone.now(), expires=expiry()):
                raise _given_up()
            if state == STATE.WAITING:
                send("tasks.upload.check", str(upload.pk), queue="upload")
        upload.offset, upload.state = self.at, state


def _disk_full(upload: Upload) -> ApplicationError:
    message = (
        f"The server's disk is full: {words.volume(upload.offset)} of {upload.name} are kept. "
        "It goes on from there when there is room."
    )
    Upload.objects.filter(pk=upload.pk).update(error=message)
    return ApplicationError(message, code="disk_full", status_code=507, retry_after=FULL_WAIT, offset=upload.offset)


def upload_fail(upload: Upload, error: str) -> None:
    """The end of an upload that will not be read: its bytes go, the reason stays."""
    upload.state, upload.error = STATE.FAILED, error[:1].upper() + error[1:500]
    here = Upload.objects.filter(pk=upload.pk)  # it may have been removed meanwhile
    here.update(state=upload.state, error=upload.error, leased_until=None, updated=timezone.now())
    path_of(upload).unlink(missing_ok=True)


@transaction.atomic
def upload_remove(*, upload: Upload, actor: AbstractBaseUser) -> None:
    """Give an upload up, or take one that is over off the list; what was read of it stays.

    Raises ApplicationError 409 while a worker has it.
    """
    upload = Upload.objects.select_for_update(of=("self",)).select_related("whisperer").get(pk=upload.pk)
    if upload.state == STATE.READING:
        message = f"{upload.name} is being read and cannot be stopped; remove it when that is done."
        raise ApplicationError(message, code="reading", status_code=409, field="state")
    after = {"file": upload.name, "bytes": upload.offset, "state": upload.state}
    record(actor, upload.whisperer, "discarded", before=after)
    path = path_of(upload)
    upload.delete()
    transaction.on_commit(lambda: path.unlink(missing_ok=True))
