"""Tasks are started after commit, and a broker that is away undoes nothing."""

from typing import Any

import pytest
from django.db import transaction

from apps.core import tasks


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks.current_app, "send_task", lambda name, **options: found.append((name, options)))
    return found


@pytest.mark.django_db(transaction=True)
def test_a_task_is_sent_when_its_transaction_is_committed(sent: list[Any]) -> None:
    with transaction.atomic():
        tasks.send("tasks.split.split", "c1", 7, queue="split")
        assert sent == []
    ((name, options),) = sent
    assert name == "tasks.split.split"
    assert (options["args"], options["queue"], options["retry"]) == (("c1", 7), "split", False)


@pytest.mark.django_db(transaction=True)
def test_a_task_of_a_transaction_that_was_undone_is_not_sent(sent: list[Any]) -> None:
    with transaction.atomic():
        tasks.send("tasks.split.split", "c1", 7, queue="split")
        transaction.set_rollback(True)
    assert sent == []


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_away_does_not_fail_what_was_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.current_app, "send_task", away)
    with transaction.atomic():
        tasks.send("tasks.split.split", "c1", 7, queue="split")
