"""The one place that starts background work: by name, so that an app never imports the tasks, and after commit, so that
the task finds what it was started for."""

from typing import Any

from celery import current_app
from django.db import transaction


def send(name: str, *args: Any, queue: str) -> None:
    """Enqueue the Celery task `name` with `args` (ids only) once the current transaction is committed.

    The message is a hint: what waits is recorded elsewhere and found again by the redrive. So a broker that is away is
    logged and never undoes, fails or delays what was committed.
    """

    def publish() -> None:
        current_app.send_task(name, args=args, queue=queue, ignore_result=True, retry=False)

    transaction.on_commit(publish, robust=True)
