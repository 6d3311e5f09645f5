"""The scheduler of beat: Celery's own with its schedule in the database, and a clock that may go back.

Celery counts from the moment a task was last started. When a clock that was ahead is put right, that moment lies in
the future, and nothing would be started until it has come: for an hour nobody would look after lost work. So a moment
in the future counts as now, and what was planned by the old clock is planned again.
"""

import time
from typing import Any

from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

#: Seconds that a clock may be put back without a new plan: less is waited for.
SMALL_STEP = 1.0


class Entry(ModelEntry):
    """A task of the schedule, never started last in the future."""

    def __init__(self, model: Any, app: Any = None) -> None:
        super().__init__(model, app)
        self.not_ahead()

    def not_ahead(self) -> None:
        """Bring a last start that is yet to come back to now."""
        self.last_run_at = self.model.last_run_at = min(self.last_run_at, self._default_now())


class Scheduler(DatabaseScheduler):
    """Plans anew when the clock goes back."""

    Entry = Entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._latest = time.time()
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Start what is due; seconds until the next look."""
        now = time.time()
        if now < self._latest - SMALL_STEP:
            for entry in self.schedule.values():
                entry.not_ahead()
            self._heap = None
        self._latest = now
        return float(super().tick(*args, **kwargs))
