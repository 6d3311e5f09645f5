"""Whole files: spooled to disk as they arrive, then cut into chunks that take the same way as an agent's.

The file is decompressed once. Pieces are cut at places that depend on the file alone, so two workers that cut the same
piece make the same chunk, and the window of the capture holds the upload back when the workers cannot follow.
"""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from redis.exceptions import RedisError

from apps.captures.headers import ChunkHeaders
from apps.captures.models import Capture, Spool, Upload
from apps.captures.offline import DECOMPRESSORS
from apps.captures.services import hint, hint_end, new_capture_id, redis_link
from apps.captures.space import short_disk
from apps.core.errors import ApplicationError
from apps.core.tasks import send
from apps.whisperers.models import Whisperer
from store.redis import captures, chunks, work
from store.redis.connection import Link
from wire import pcapfile
from wire.pcapfile import Piece

#: Bytes of a piece: chunks of 1 MB cost a fifth more each packet, those of 64 MB only memory.
PIECE_BYTES = 8 << 20
COPY_BYTES = 1 << 20
#: How long one task cuts before others get their turn, in seconds.
WORK_SECONDS = 1.0
#: An upload that must wait is looked at again after this, in milliseconds, should nobody say sooner that there is room.
LOOK_AGAIN = 2_000

log = structlog.get_logger(__name__)


class SpoolError(Exception):
    """Why a spooled file cannot be read further, in words for a person."""


class Readable(Protocol):
    """Where a request's body is read from."""

    def read(self, size: int, /) -> bytes: ...


def upload_receive(
    *, whisperer: Whisperer, headers: ChunkHeaders, body: Readable, size: int, name: str = ""
) -> Capture:
    """Spool a whole capture file of `size` bytes and let the upload queue cut it; returns its capture.

    Raises ApplicationError: 400 for a body cut short or another digest, 413 above the limit, 415 for no capture.
    """
    if size > settings.UPLOAD_LIMIT:
        message = f"The file has {size} bytes, at most {settings.UPLOAD_LIMIT} are taken (SPIDER_UPLOAD_LIMIT)."
        raise ApplicationError(message, code="too_large", status_code=413, field="Content-Length")
    capture = new_capture_id()
    settings.UPLOAD_FOLDER.mkdir(parents=True, exist_ok=True)
    path = settings.UPLOAD_FOLDER / capture
    try:
        _spool(body, path, size, headers.digest)
        _peel(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    with transaction.atomic():
        row = Capture.objects.create(
            pk=capture,
            whisperer=whisperer,
            instance=headers.instance,
            interface=headers.interface or name,
            policy=whisperer.policy,
            partitions=settings.PARTITIONS,
        )
        Spool.objects.create(capture=row, path=str(path), size=size)
        send("tasks.upload.piece", capture, queue="upload")
    return row


def _spool(body: Readable, path: Path, size: int, digest: str) -> None:
    """Copy the body to disk and make sure that it is there, whole."""
    found, left = hashlib.sha256(), size
    with path.open("wb") as file:
        while left and (data := body.read(min(left, COPY_BYTES))):
            if left == size and pcapfile.sniff(data[:4]) in (None, "ring"):
                raise not_a_capture(data)
            found.update(data)
            file.write(data)
            left -= len(data)
        file.flush()
        os.fsync(file.fileno())
    if left:
        message = f"The body ended {left} bytes before its Content-Length of {size}: send it again."
        raise ApplicationError(message, code="cut_short", field="Content-Length")
    if digest and digest != found.hexdigest():
        message = f"Spider-Digest is {digest}, the file that arrived has {found.hexdigest()}: send it again."
        raise ApplicationError(message, code="digest", field="Spider-Digest")


def not_a_capture(data: bytes) -> ApplicationError:
    """415 for content that is none of ours."""
    message = f"The body is no capture (it starts with {data[:4].hex(' ')}): send {pcapfile.SUPPORTED}."
    return ApplicationError(message, code="not_a_capture", status_code=415, field="body")


def _peel(path: Path) -> None:
    """Replace a compressed file by its content, within the limit. One that is cut off or broken inside gives all that
    could be decompressed, and the cutter notes that the end is missing."""
    with path.open("rb") as file:
        if pcapfile.sniff(file.read(4)) not in ("gzip", "zstd"):
            return
        file.seek(0)
        plain = path.with_suffix(".plain")
        try:
            with plain.open("wb") as target:
                _copy_bounded(pcapfile.open_capture(file, DECOMPRESSORS), target)
                target.flush()
                os.fsync(target.fileno())
        except pcapfile.CaptureError as error:
            plain.unlink(missing_ok=True)
            raise ApplicationError(str(error), code="not_a_capture", status_code=415, field="body") from error
        except BaseException:
            plain.unlink(missing_ok=True)
            raise
    shutil.move(plain, path)


def _copy_bounded(source: BinaryIO, target: BinaryIO) -> None:
    left = settings.UPLOAD_LIMIT
    while data := source.read(COPY_BYTES):
        target.write(data)
        left -= len(data)
        if left < 0:
            message = f"It decompresses to more than {settings.UPLOAD_LIMIT} bytes (SPIDER_UPLOAD_LIMIT)."
            raise ApplicationError(message, code="too_large", status_code=413, field="body")


def upload_advance(capture: str) -> None:
    """Send the next pieces of a spooled file, for a second or until its window is full; one worker at a time.

    It is called again when a chunk of the capture is done, and by the redrive until the file has ended. A file that
    cannot be read further ends its capture there, and the reason stays with its spool.
    """
    spool = Spool.objects.select_related("capture").filter(pk=capture, error="").first()
    if spool is None:
        return
    token = secrets.token_hex(8)
    with redis_link() as link:
        if not _ensure_open(link, spool.capture):
            _leave(spool, "the capture had ended before its whole file was read")
            return
        work.add_upload(link, capture)
        take = work.take_piece(link, capture, token)
        if take not in ("run", "poison"):
            return
        try:
            delay = _advance(link, spool, poison=take == "poison")
        except Exception:  # our servers failed, the file is not to blame
            work.done_piece(link, capture, token, LOOK_AGAIN)
            raise
        work.done_piece(link, capture, token, delay)
    if delay == 0:
        send("tasks.upload.piece", capture, queue="upload")


def _advance(link: Link, spool: Spool, *, poison: bool) -> int | None:
    """Milliseconds until the next look, None after the end."""
    try:
        if poison:
            raise SpoolError("reading it ended its worker three times")
        delay = _send_pieces(link, spool)
        if delay is not None:
            return delay
    except (pcapfile.CaptureError, SpoolError, FileNotFoundError) as error:
        spool.error = str(error)[:500]
    except (RedisError, OSError, DatabaseError):
        raise
    except Exception as error:
        log.exception("upload.failed", capture=spool.pk, chunk=spool.next_chunk)
        spool.error = type(error).__name__
    captures.finish(link, spool.pk, spool.next_chunk - 1)
    if not link.durable():
        return LOOK_AGAIN
    _leave(spool, spool.error)
    hint_end(spool.capture)
    return None


def _send_pieces(link: Link, spool: Spool) -> int | None:
    """Cut and send; as `_advance`. Raises what is wrong with the file."""
    until = time.monotonic() + WORK_SECONDS
    with Path(spool.path).open("rb") as file:
        pieces = pcapfile.cut(file, PIECE_BYTES, resume=spool.resume or None)
        while _has_room(link, spool):
            if time.monotonic() > until:
                return 0
            piece = next(pieces, None)
            if piece is None:
                return None
            if not _send(link, spool.capture, spool.next_chunk, piece):
                return LOOK_AGAIN
            moved = Spool.objects.filter(pk=spool.pk, next_chunk=spool.next_chunk)
            if not moved.update(next_chunk=spool.next_chunk + 1, resume=piece.state):
                return LOOK_AGAIN  # somebody else took over while we were paused
            spool.next_chunk += 1
    return LOOK_AGAIN


def _has_room(link: Link, spool: Spool) -> bool:
    """Whether the window reaches as far as the next piece, and the disks have room for what comes of it.

    Looked at before megabytes are cut and sent in vain.
    """
    if short_disk() is not None:
        return False
    state = captures.read_state(link, spool.pk)
    return state is not None and spool.next_chunk < state.next + settings.WINDOW


def _send(link: Link, row: Capture, number: int, piece: Piece) -> bool:
    """Hand one piece to Redis; False when it must wait (memory): the same piece is cut again then."""
    answer = chunks.accept(
        link,
        row.pk,
        number,
        piece.data,
        digest=hashlib.sha256(piece.data).hexdigest(),
        packets=piece.packets,
        lost={f"anomalies.{code}": 1 for code in piece.anomalies},
    )
    if answer.word in ("conflict", "ended"):
        raise SpoolError(f"chunk {number} was refused: {answer.word}")
    if answer.word not in ("ok", "dup", "late") or not link.durable():
        return False
    hint(row.pk, number, row.partitions, answer.next)
    return True


def _ensure_open(link: Link, row: Capture) -> bool:
    """Open the capture in Redis; False when it has been closed."""
    if captures.partitions_of(link, row.pk) is not None:
        return True
    opened_by = captures.deadline(link)
    row.refresh_from_db(fields=["state"])
    return row.state == Capture.State.OPEN and captures.open_capture(
        link, row.pk, row.partitions, opened_by, str(row.whisperer_id)
    ) != "refused"  # fmt: skip


def _leave(spool: Spool, error: str) -> None:
    """The file is done with; an error stays, to be shown."""
    if error:
        log.warning("upload.ended_early", capture=spool.pk, chunk=spool.next_chunk, reason=error)
        Spool.objects.filter(pk=spool.pk).update(error=error)
        _settle(spool.pk, Upload.State.FAILED, error)
    else:
        Spool.objects.filter(pk=spool.pk).delete()
    Path(spool.path).unlink(missing_ok=True)


def upload_settle(capture: str, totals: Mapping[str, int]) -> None:
    """A capture has ended: a file from the browser is done, or has failed if nothing in it could be read."""
    damaged = totals.get("anomalies.captureCorrupt", 0) or totals.get("anomalies.captureCutOff", 0)
    if damaged and not totals.get("packets.uploaded", 0):
        _settle(capture, Upload.State.FAILED, "No packet could be read: the file is damaged or ends at its beginning.")
    else:
        _settle(capture, Upload.State.DONE, "")


def _settle(capture: str, state: Upload.State, error: str) -> None:
    reading = Upload.objects.filter(capture=capture, state=Upload.State.READING)
    reading.update(state=state, error=error[:1].upper() + error[1:], updated=timezone.now())
