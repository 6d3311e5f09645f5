"""Beat's plan when its clock goes back."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from celery import Celery
from celery.schedules import BaseSchedule
from django_celery_beat import schedulers

from spider_site import beat
from spider_site.beat import Scheduler


class Clock:
    """The time of day, ours to move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def time(self) -> float:
        return self.now.timestamp()


class Started(Scheduler):
    """Notes what would be sent."""

    names: list[str]

    def apply_async(self, entry: schedulers.ModelEntry, *_: object, **__: object) -> None:
        self.names.append(entry.name)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._finalize.cancel()  # at the end of the tests there is no database to write to

    def go(self) -> list[str]:
        """Tick until nothing is due; what was started."""
        self.names = []
        while self.tick() == 0:
            pass
        return [name for name in self.names if name in ("often", "rarely")]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.django_db(transaction=True)  # the scheduler closes connections by itself
def test_a_clock_that_goes_back_stops_nothing(clock: Clock) -> None:
    app = Celery("beat", broker="memory://", set_as_current=False)
    app.conf.update(timezone="UTC", enable_utc=True)
    app.conf.beat_schedule = {
        "often": {"task": "often", "schedule": 1.0},
        "rarely": {"task": "rarely", "schedule": 60.0},
    }
    with (
        patch.object(beat.time, "time", clock.time),
        patch.object(schedulers.ModelEntry, "_default_now", lambda _: clock.now),
        patch.object(BaseSchedule, "now", lambda _: clock.now),
    ):
        one = Started(app=app)
        clock.now += timedelta(seconds=61)
        assert sorted(one.go()) == ["often", "rarely"]
        clock.now -= timedelta(hours=1)
        assert one.go() == []  # it is now that they were started last
        clock.now += timedelta(seconds=1.5)
        assert one.go() == ["often"]
        clock.now += timedelta(seconds=60)
        assert sorted(one.go()) == ["often", "rarely"]

        one.sync()
        clock.now -= timedelta(hours=1)
        again = Started(app=app)  # a beat that starts after the step, with what the one before wrote down
        again.go()
        clock.now += timedelta(seconds=61)
        assert sorted(again.go()) == ["often", "rarely"]
