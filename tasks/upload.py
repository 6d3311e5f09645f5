"""Queue `upload`: files from the browser are checked, files are cut into chunks as far as their windows allow."""

from celery import shared_task

from apps.captures.checking import upload_check
from apps.captures.uploads import upload_advance


@shared_task(name="tasks.upload.piece")
def piece(capture: str) -> None:
    """Send the next pieces of an upload; whoever finishes a chunk of it calls again, and the redrive."""
    upload_advance(capture)


@shared_task(name="tasks.upload.check")
def check(upload: str) -> None:
    """Hash and unpack a file that arrived whole; a file whose worker died is found again by the minute's look."""
    upload_check(upload)
