"""Room on the disks where chunks end up: the data folder's (the embedded PostgreSQL and Valkey, uploaded files) and
that of Elasticsearch.

Chunks are refused while there is still room for what is on its way, so that agents keep them and no server breaks
half-way; nobody has to do anything afterwards but make room.
"""

import shutil
import time
from dataclasses import dataclass

import structlog
from django.conf import settings

from apps.core import words
from apps.core.errors import ApplicationError
from apps.core.servers import document_store
from store.documents import StoreError

log = structlog.get_logger(__name__)

#: A disk is looked at this often by a process, in seconds: megabytes go by meanwhile, so the setting leaves gigabytes.
LOOK_SECONDS = 5.0
#: What an agent is to wait before it sends the chunk again, in seconds.
WAIT = 30


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk by what lies on it, and the bytes that can still be written there."""

    holds: str
    free: int


_seen: tuple[float, list[Disk]] = (float("-inf"), [])


def disks() -> list[Disk]:
    """The disks that are known, as of some seconds ago at most."""
    global _seen  # noqa: PLW0603 - two threads that look at once see the same
    if time.monotonic() - _seen[0] > LOOK_SECONDS:
        _seen = (time.monotonic(), _seen[1])  # one thread looks, the others go by what was seen
        _seen = (time.monotonic(), _look())
    return _seen[1]


def _look() -> list[Disk]:
    found = [Disk("data folder", shutil.disk_usage(settings.DATA_DIR).free)]
    try:
        free = document_store().free_bytes()
    except StoreError as error:  # an outage is for others to tell
        log.warning("space.store_away", error=type(error).__name__)
        free = None
    return found if free is None else [*found, Disk("document store", free)]


def short_disk() -> Disk | None:
    """A disk with less free than the settings ask for; None while all have enough."""
    if not settings.STORE_FREE:
        return None
    return next((disk for disk in disks() if disk.free < settings.STORE_FREE), None)


def require_room() -> None:
    """Raises ApplicationError 503 while a disk is nearly full."""
    disk = short_disk()
    if disk is None:
        return
    free, least = words.volume(disk.free), words.volume(settings.STORE_FREE)
    log.error("space.short", holds=disk.holds, free=disk.free, least=settings.STORE_FREE)
    raise ApplicationError(
        f"The disk of the {disk.holds} has {free} left, less than {least} (SPIDER_STORE_FREE): keep the chunk and send "
        "it again. Make room there, or keep days of data shorter.",
        code="disk_full",
        status_code=503,
        retry_after=WAIT,
    )
