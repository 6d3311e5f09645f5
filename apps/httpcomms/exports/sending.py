"""The answer to an export: a stream that is never taken for whole when it broke off, and few of them at once.

A failure after the first byte ends the connection without the last chunk (RFC 9112 §8), so a client sees an error; the
file's last words are missing then too. Trailer fields would say it once more, but WSGI has none.
"""

import threading
from collections.abc import Iterator

import structlog
from django.conf import settings
from django.http import StreamingHttpResponse

from apps.core.errors import ApplicationError
from apps.httpcomms import downloads
from apps.httpcomms.exports import plan as plans
from apps.httpcomms.exports.base import Tally
from apps.httpcomms.exports.plan import Plan
from apps.whisperers.rights import Person

log = structlog.get_logger(__name__)

#: Each export takes a thread of the web server for as long as it lasts: the others are for pages.
_slots = threading.BoundedSemaphore(settings.EXPORTS_AT_ONCE)
#: Seconds after which to ask again when all are taken.
WAIT = 10


class _Export(Iterator[bytes]):
    """The pieces of an export; it gives back its place at its end, or when nobody listens any more."""

    def __init__(self, plan: Plan, user: Person, without: int) -> None:
        self._tally, self._pieces = plans.begin(plan, without)
        self._about = {"format": plan.format.name, "person": getattr(user, "username", "")}
        self._open = True
        log.info("export.begun", **self._about)

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._end("export.ended", self._tally)
            raise
        except Exception as error:
            self._end("export.broke_off", self._tally, error=type(error).__name__)
            raise

    def close(self) -> None:
        """Called by Django at the end of every answer, also of one that was not read."""
        self._end("export.left", self._tally)

    def _end(self, event: str, tally: Tally, **more: str) -> None:
        if self._open:
            self._open = False
            _slots.release()
            log.info(event, **self._about, written=tally.written, bytes=tally.bytes, **more)


def send(plan: Plan, user: Person) -> StreamingHttpResponse:
    """The export as a download. Raises what a search raises, and ApplicationError 503 while too many are under way."""
    total, without = plans.found(plan), plans.without_right(user, plan)
    if not _slots.acquire(blocking=False):
        message = f"As many exports as may be are under way: try again in {WAIT} seconds."
        raise ApplicationError(message, code="busy", status_code=503, retry_after=WAIT)
    try:
        response = StreamingHttpResponse(_Export(plan, user, without), content_type=plan.format.content_type)
    except BaseException:
        _slots.release()
        raise
    downloads.protect(response, plans.file_name(plan, total))
    response["X-Spider-Found"] = str(total)
    if total > plan.limit:
        response["X-Spider-Cut"] = f"{plan.limit} of {total}"
    return response
