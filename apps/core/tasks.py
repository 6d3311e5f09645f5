"""The one place that starts background work: by name, so that an app never imports the tasks, and after commit, so that
the task finds what it was started for."""

from typing import Any

from celery import current_app
from django.conf import settings
from django.db import transaction


def lists_of(queue: str) -> list[str]:
    """Names of the lists in the broker's Redis that hold a queue's messages, one for each turn, as kombu calls them."""
    return [queue, *(f"{queue}\x06\x16{turn}" for turn in range(1, settings.TURNS))]


def send(name: str, *args: Any, queue: str, turn: int = 0) -> None:
    """Enqueue the Celery task `name` with `args` (ids only) once the current transaction is committed; one whose `turn`
    is later waits for those of earlier turns.

    The message is a hint: what waits is recorded elsewhere and found again by the redrive. So a broker that is away is
    logged and never undoes, fails or delays what was committed.
    """

    def publish() -> None:
        priority = min(turn, settings.TURNS - 1)
        current_app.send_task(name, args=args, queue=queue, priority=priority, ignore_result=True, retry=False)

    transaction.on_commit(publish, robust=True)
