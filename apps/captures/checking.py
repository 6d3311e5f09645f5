"""Files from the browser, once they are whole: hashed and unpacked by a worker, told from those that came before, and
handed to the cutter.

A worker holds a lease that it renews while it works, so one that dies is followed by another. Nothing is changed in
place: a step that is repeated gives the same.
"""

import errno
import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import structlog
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.captures.models import Capture, Spool, Upload
from apps.captures.offline import DECOMPRESSORS
from apps.captures.receiving import expiry, free_bytes, path_of, upload_fail
from apps.captures.services import new_capture_id
from apps.captures.uploads import COPY_BYTES
from apps.core import words
from apps.core.errors import ApplicationError
from apps.core.tasks import send
from apps.whisperers.models import Whisperer
from apps.whisperers.services.audit import record
from wire import pcapfile

#: Seconds for which a worker has a file without a sign of life, and between two signs.
LEASE_SECONDS = 60
SIGN_SECONDS = 1.0
STATE = Upload.State

log = structlog.get_logger(__name__)


class FileError(Exception):
    """Why a file will never be read, in words for a person."""


class FullError(Exception):
    """There is no room to unpack a file now."""


class _Hashed:
    """A file that hashes what is read of it, and says now and then how far it is."""

    def __init__(self, file: BinaryIO, sign: Callable[[int], None]) -> None:
        self._file, self._sign, self._signed = file, sign, time.monotonic()
        self.hash, self.at = hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.hash.update(data)
        self.at += len(data)
        if time.monotonic() - self._signed > SIGN_SECONDS:
            self._signed = time.monotonic()
            self._sign(self.at)
        return data

    def drain(self) -> None:
        """Hash the rest."""
        while self.read(COPY_BYTES):
            pass


def upload_check(upload: str) -> None:
    """Hash a whole file, unpack it where it is compressed, and hand it to the cutter unless it came before."""
    row = _take(upload)
    if row is None:
        return
    plain = path_of(row).with_suffix(".plain")
    try:
        digest = _read(row, plain)
        if row.expected and row.expected != digest:
            raise FileError(f"The file arrived with SHA-256 {digest}, it left with {row.expected}: send it again.")
    except FullError as error:
        log.warning("upload.no_room", upload=upload, reason=str(error))
        plain.unlink(missing_ok=True)
        Upload.objects.filter(pk=row.pk).update(error=str(error), leased_until=None)
        return
    except (FileError, pcapfile.CaptureError, FileNotFoundError) as error:
        plain.unlink(missing_ok=True)
        text = str(error) if not isinstance(error, FileNotFoundError) else "Its bytes are gone from the server's disk."
        upload_fail(row, text)
        return
    _decide(row, digest, plain)


def _take(upload: str) -> Upload | None:
    """The upload, in this worker's hands; None when another has it or there is nothing to do."""
    now = timezone.now()
    free = Upload.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), pk=upload, state=STATE.WAITING)
    if not free.update(leased_until=now + timedelta(seconds=LEASE_SECONDS)):
        return None
    return Upload.objects.select_related("whisperer").get(pk=upload)


def _read(row: Upload, plain: Path) -> str:
    """The file's SHA-256; what a compressed one holds is in `plain` then. Raises FileError, CaptureError, FullError."""

    def sign(at: int) -> None:
        until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        Upload.objects.filter(pk=row.pk).update(checked=at, leased_until=until)

    with path_of(row).open("rb") as file:
        compressed = pcapfile.sniff(file.read(4)) in ("gzip", "zstd")
        file.seek(0)
        hashed = _Hashed(file, sign)
        if compressed:
            _unpack(hashed, plain)
        hashed.drain()
    if hashed.at != row.size:
        raise FileError(f"{hashed.at} bytes are here of the {row.size} that were announced: send the file again.")
    return hashed.hash.hexdigest()


def _unpack(source: _Hashed, plain: Path) -> None:
    """One that is cut off or broken inside gives all that could be unpacked; the cutter notes that its end misses."""
    stream = pcapfile.open_capture(source, DECOMPRESSORS)  # type: ignore[arg-type]
    left = settings.UPLOAD_LIMIT
    try:
        with plain.open("wb") as target:
            while data := stream.read(COPY_BYTES):
                left -= len(data)
                if left < 0:
                    limit = words.volume(settings.UPLOAD_LIMIT)
                    raise FileError(f"It unpacks to more than {limit} (SPIDER_UPLOAD_LIMIT).")
                if free_bytes() < len(data):
                    raise FullError("The server's disk is too full to unpack it: it goes on when there is room.")
                target.write(data)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FullError("The server's disk is full: it is unpacked when there is room.") from error
        raise


@transaction.atomic
def _decide(row: Upload, digest: str, plain: Path) -> None:
    """Known bytes are not stored twice; new ones get a capture. Files of one whisperer are told apart one at a time."""
    Whisperer.objects.select_for_update(no_key=True).filter(pk=row.whisperer_id).first()
    if not Upload.objects.select_for_update().filter(pk=row.pk, state=STATE.WAITING).exists():
        transaction.on_commit(lambda: plain.unlink(missing_ok=True))  # removed meanwhile
        return
    row.sha256, row.checked, row.leased_until, row.error = digest, row.size, None, ""
    first = None if row.again else _first_of(row)
    if first is not None:
        row.state, row.first, row.capture, row.expires = STATE.DUPLICATE, first, first.capture, expiry()
        transaction.on_commit(lambda: plain.unlink(missing_ok=True))  # the file as sent stays, should it be wanted
    else:
        _hand_to_cutter(row, plain if plain.exists() else path_of(row))
    row.save()


def _first_of(row: Upload) -> Upload | None:
    """The upload that has the same bytes, while what was read of it is still kept."""
    kept = timezone.now() - timedelta(days=settings.RETENTION_DAYS)
    same = Upload.objects.filter(whisperer=row.whisperer_id, sha256=row.sha256, updated__gt=kept)
    same = same.filter(state__in=[STATE.READING, STATE.DONE]).exclude(Q(pk=row.pk) | Q(capture=None))
    return same.order_by("created").first()


def _hand_to_cutter(row: Upload, path: Path) -> None:
    capture = Capture.objects.create(
        pk=new_capture_id(),
        whisperer=row.whisperer,
        interface=row.name,
        policy=row.whisperer.policy,
        partitions=settings.PARTITIONS,
    )
    Spool.objects.create(capture=capture, path=str(path), size=path.stat().st_size)
    row.state, row.capture = STATE.READING, capture
    if path != path_of(row):
        transaction.on_commit(lambda: path_of(row).unlink(missing_ok=True))
    send("tasks.upload.piece", capture.pk, queue="upload")


def upload_read_again(*, upload: Upload, actor: AbstractBaseUser) -> None:
    """Read a duplicate all the same, as a capture of its own.

    Raises ApplicationError: 409 for what is no duplicate, 410 when its bytes were removed.
    """
    if not path_of(upload).exists():
        message = f"The bytes of {upload.name} were removed after {settings.UPLOAD_HOURS} hours: send the file again."
        raise ApplicationError(message, code="gone", status_code=410)
    with transaction.atomic():
        row = Upload.objects.select_for_update(of=("self",)).select_related("whisperer").get(pk=upload.pk)
        if row.state != STATE.DUPLICATE:
            message = f"{row.name} is {row.state}: only a duplicate can be read again."
            raise ApplicationError(message, code="state", status_code=409, field="state")
        record(actor, row.whisperer, "uploaded", after={"file": row.name, "bytes": row.size, "again": True})
        row.state, row.again, row.first, row.capture = STATE.WAITING, True, None, None
        row.save()
        send("tasks.upload.check", str(row.pk), queue="upload")
