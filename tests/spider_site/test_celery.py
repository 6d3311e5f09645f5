"""The Celery application as its workers see it."""

import pytest

from spider_site.celery import app


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("tasks.split.split", 60),
        ("tasks.drain.drain", 60),
        ("tasks.drain.sweep", 60),
        ("tasks.reprocess.second_try", 300),
        ("tasks.maintenance.retention", None),
        ("tasks.maintenance.uploads", None),
    ],
)
def test_a_step_that_never_ends_is_ended(name: str, seconds: int | None) -> None:
    app.loader.import_default_modules()
    assert app.tasks[name].time_limit == seconds
