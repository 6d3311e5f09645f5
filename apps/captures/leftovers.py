"""What uploads leave behind: files that nobody goes on sending, bytes of nobody's, rows whose data are gone."""

import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.captures.models import Spool, Upload
from apps.captures.receiving import path_of, upload_fail
from apps.core import words

STATE = Upload.State
#: A file that belongs to nothing and was written to this recently may be one that is just arriving, in seconds.
YOUNG = 3600

log = structlog.get_logger(__name__)


def upload_expire() -> None:
    """Unfinished uploads end with that reason, bytes of duplicates go, and rows go with the data they speak of."""
    now = timezone.now()
    for key in Upload.objects.filter(state=STATE.RECEIVING, expires__lt=now).values_list("pk", flat=True):
        _give_up(key)
    for row in Upload.objects.filter(state=STATE.DUPLICATE, expires__lt=now):
        path_of(row).unlink(missing_ok=True)
    old = now - timedelta(days=settings.RETENTION_DAYS)
    Upload.objects.filter(state__in=[STATE.DONE, STATE.FAILED, STATE.DUPLICATE], updated__lt=old).delete()


@transaction.atomic
def _give_up(key: object) -> None:
    late = Upload.objects.select_for_update().filter(pk=key, state=STATE.RECEIVING, expires__lt=timezone.now()).first()
    if late is None:  # it went on meanwhile
        return
    arrived = f"{words.volume(late.offset)} of {words.volume(late.size)}"
    upload_fail(late, f"Given up: nothing came for {settings.UPLOAD_HOURS} hours after {arrived}. Send it again.")
    log.info("upload.expired", upload=str(late.pk), offset=late.offset, size=late.size)


def upload_forget(whisperer: str) -> None:
    """The data of a whisperer's files were purged: sent again they are no duplicates."""
    Upload.objects.filter(whisperer=whisperer, state__in=[STATE.DONE, STATE.DUPLICATE]).delete()


def upload_sweep() -> None:
    """Remove files of the upload folder that no upload and no capture knows, once they are old enough."""
    if not settings.UPLOAD_FOLDER.is_dir():
        return
    files = list(settings.UPLOAD_FOLDER.iterdir())  # before the rows are read: a file is made with its row, or before
    named = set(Spool.objects.filter(error="").values_list("path", flat=True))
    unread = Upload.objects.filter(state__in=[STATE.RECEIVING, STATE.WAITING, STATE.DUPLICATE])
    for row in unread.only("pk"):
        path = path_of(row)
        named |= {str(path), str(path.with_suffix(".plain"))}
    limit = time.time() - max(YOUNG, settings.UPLOAD_HOURS * 3600)
    for path in files:
        if str(path) not in named and path.is_file() and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            log.info("upload.orphan_removed", file=path.name)
