"""Read side of captures."""

from apps.captures.models import Spool, Upload


def uploads_waiting() -> list[str]:
    """Captures whose file still waits on disk to be cut."""
    return list(Spool.objects.filter(error="").values_list("capture_id", flat=True))


def uploads_unchecked() -> list[str]:
    """Files from the browser that are whole and were not handed to the cutter yet."""
    return [str(key) for key in Upload.objects.filter(state=Upload.State.WAITING).values_list("pk", flat=True)]
