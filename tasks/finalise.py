"""The end of a capture: its cursor, holes and totals go to PostgreSQL, then no key of it is left but a tombstone."""

from django.utils import timezone

from apps.captures.models import Capture
from apps.captures.uploads import upload_settle
from store.redis import accounting, captures
from store.redis.captures import CaptureState
from store.redis.connection import Link


def finalise_capture(link: Link, row: Capture) -> bool:
    """Close a drained capture; each step may be repeated. False when it is not drained or not on disk yet."""
    state = captures.read_state(link, row.pk)
    if state is None or state.state != "d":
        return False
    totals = accounting.totals(link, row.pk)
    if not link.durable():
        return False
    Capture.objects.filter(pk=row.pk, state=Capture.State.OPEN).update(
        state=Capture.State.CLOSED,
        closed=timezone.now(),
        next_chunk=state.last + 1,
        holes=hole_map(state),
        totals=dict(totals.counters),
    )
    upload_settle(row.pk, totals.counters)
    flush_capture(link, row)
    return captures.close_capture(link, row.pk) == "closed"


def flush_capture(link: Link, row: Capture) -> None:
    """Send the sums of finished minutes to the document store."""
    fields = {"whisperer": str(row.whisperer_id), "instance": row.instance, "interface": row.interface}
    accounting.flush(link, row.pk, fields=fields, policy=row.policy)


def hole_map(state: CaptureState) -> dict[str, int]:
    """Hole numbers and their packets; of holes kept as ranges only the ranges ("7-90") are known."""
    holes = {str(hole.number): hole.packets for hole in state.holes}
    return holes | {f"{part.first}-{part.last}": part.packets for part in state.ranges}
