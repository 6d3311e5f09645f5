"""Sums that add up through everything that goes wrong, alarms where they were tampered with, keys that have owners."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import celery
import pytest
from django.core.management import CommandError, call_command
from structlog.testing import capture_logs

from apps.captures.headers import Abandoned
from apps.captures.models import Capture
from apps.captures.services import chunk_accept
from apps.core import servers
from apps.monitoring import alarms, checking
from documents import query
from documents.counters import Bounds, faults
from store.documents import EVERYTHING, DocumentStore
from store.documents.poller import Poller
from store.redis import captures, inventory
from tests.flows import expect
from tests.flows import faults as broken
from tests.flows.pump import Pump, cut_at, headers

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 4, RECORDS // 2, RECORDS * 3 // 4])


@pytest.fixture(params=[(8, ""), (1, ""), (1, "elasticsearch")], ids=["P=8", "P=1", "P=1, Elasticsearch"])
def kind(request: pytest.FixtureRequest) -> tuple[int, str]:
    """How many partitions, on which engine."""
    found: tuple[int, str] = request.param
    return found


@pytest.fixture
def store_url(request: pytest.FixtureRequest, kind: tuple[int, str]) -> str:
    if not kind[1]:
        return str(request.getfixturevalue("postgres_url"))
    return str(request.getfixturevalue("elasticsearch_urls")[0])


@pytest.fixture
def run(kind: tuple[int, str], settings: Any, pump: Callable[..., Pump], store: DocumentStore) -> Pump:
    settings.PARTITIONS = kind[0]
    one = pump("capture-accounting")
    one.poller = Poller(servers.chunk_store(), store, "pump")
    return one


def check() -> list[tuple[str, int]]:
    """One round: what is wrong, with the difference. Everything in the outbox is old enough."""
    with servers.chunk_store().link() as link:
        return [(alarm.equation, alarm.difference) for alarm in checking.check_sums(link)]


def send(run: Pump, number: int, **told: Any) -> None:
    piece = PIECES[number]
    chunk_accept(
        whisperer=run.whisperer, headers=headers(run.capture, number, expect.packets(piece), **told), body=piece
    )


def test_everything_that_goes_wrong_adds_up(run: Pump) -> None:
    lost = {"packets.dropped.kernel": 7, "packets.dropped.queue": 3, "packets.filtered": 40}
    given_up = expect.packets(PIECES[1])
    send(run, 0, dropped=lost, captured=expect.packets(PIECES[0]) + 50)
    send(run, 2, abandoned=(Abandoned(1, given_up, len(PIECES[1]), "refused"),))
    assert check() == []  # nobody has looked at them: all of it waits
    run.work()
    send(run, 1, dropped={"packets.dropped.limit": 2}, captured=given_up + 2)  # late
    assert check() == []
    with broken.chunk(PIECES[3], ZeroDivisionError()):
        send(run, 3)
        run.end(3)
        row = run.finish()
    totals = expect.balanced(row, RECORDS)
    assert totals["packets.captured"] == RECORDS + 52
    assert (totals["packets.late"], totals["packets.abandoned"]) == (given_up, 0)
    assert totals["packets.quarantined"] == expect.packets(PIECES[3])
    assert check() == []
    row.refresh_from_db()
    assert row.checked is not None


def test_losses_behind_the_last_chunk_come_with_the_end(run: Pump) -> None:
    send(run, 0)
    with servers.chunk_store().link() as link:
        for _ in range(2):  # sent twice they count once
            captures.finish(link, run.capture, 0, {"packets.dropped.kernel": 9, "packets.captured": 9})
    row = run.finish()
    assert (row.totals["packets.dropped.kernel"], faults(row.totals, Bounds())) == (9, [])


def test_a_late_chunk_of_a_closed_capture_is_in_a_minute_too(run: Pump) -> None:
    send(run, 0)
    send(run, 2, abandoned=(Abandoned(1, expect.packets(PIECES[1]), 1, "refused"),))
    run.end(2)
    run.finish()
    for _ in range(2):
        send(run, 1, dropped={"packets.dropped.kernel": 1})
    run.collect()
    row = Capture.objects.get(pk=run.capture)
    assert (row.totals["packets.late"], row.totals["packets.dropped.kernel"]) == (expect.packets(PIECES[1]), 1)
    assert faults(row.totals, Bounds()) == []
    assert check() == []


@pytest.mark.parametrize(
    ("counter", "delta", "equation"),
    [("packets.session", 5, "uploaded"), ("packets.uploaded", 3, "captured"), ("payload.parsed", 10**9, "payload")],
)
def test_a_counter_that_was_tampered_with_raises_an_alarm_until_it_is_repaired(
    run: Pump, store: DocumentStore, counter: str, delta: int, equation: str
) -> None:
    send(run, 0)
    run.work()
    assert check() == []
    tamper(run, counter, delta)
    with capture_logs() as logs:
        found = dict(check())
        assert dict(check()) == found
    assert equation in found
    told = [one for one in logs if one["event"] == "accounting.alarm" and one["equation"] == equation]
    assert [(one["log_level"], one["capture"], one["difference"]) for one in told] == [
        ("error", run.capture, found[equation])
    ]
    store.refresh("monitoring")
    (alarm,) = [one for one in alarms.open_alarms(EVERYTHING) if one.equation == equation]
    assert (alarm.whisperer, alarm.capture) == (str(run.whisperer.pk), run.capture)
    tamper(run, counter, -delta)
    assert check() == []
    store.refresh("monitoring")
    assert alarms.open_alarms(EVERYTHING) == []


def tamper(run: Pump, counter: str, delta: int) -> None:
    """Change a sum behind the back of everybody."""
    with servers.chunk_store().link() as link:
        minute = link.now() // 60_000
        link.command("HINCRBY", link.keys.capture(run.capture).acct, f"{minute}:{counter}", delta)


def test_documents_that_vanish_raise_an_alarm(run: Pump, store: DocumentStore) -> None:
    run.upload(PIECES, range(4))
    run.end(3)
    run.finish()
    assert check() == []
    hit = store.search("httpcomms", EVERYTHING, None, size=1).hits[0]
    sum(store.purge("httpcomms", EVERYTHING, query.parse(f'id:"{hit["id"]}"')))
    Capture.objects.update(checked=None)
    assert check() == [("httpcomms", 1)]
    row = Capture.objects.get(pk=run.capture)
    row.totals["documents.httpcomms"] -= 1
    row.save()
    # Looked at again though it was checked: an alarm of it is open. Now the totals are not those of the minutes.
    assert [name for name, _ in check()] == ["minutes"]


def test_what_is_still_on_its_way_is_not_compared(run: Pump, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(run, "collect", lambda: None)
        run.upload(PIECES, range(4))
        run.end(3)
        run.finish()
    assert check() == []
    assert Capture.objects.get(pk=run.capture).checked is None
    run.collect()
    assert check() == []
    assert Capture.objects.get(pk=run.capture).checked is not None


def keys(*flags: str) -> str:
    """What the command says; it raises CommandError where something is wrong."""
    out = StringIO()
    call_command("redis_keys", *flags, stdout=out)
    return out.getvalue()


def test_every_key_has_an_owner_all_the_way(run: Pump) -> None:
    keys("--drained")
    for number in range(len(PIECES)):
        send(run, number)
        keys()
    with pytest.raises(CommandError, match="left"):
        keys("--drained")
    run.end(len(PIECES) - 1)
    while run.messages:
        name, args = run.messages.pop(0)
        celery.current_app.tasks[name](*args)
        keys()
    run.finish()
    assert "nobody" not in keys("--drained")


def test_a_key_without_an_owner_is_named(run: Pump) -> None:
    send(run, 0)
    with servers.chunk_store().link() as link:
        own = link.keys.capture(run.capture)
        stray = [link.keys.blob("0123456789abcdef", 0), own.raw(99, "feed"), own.states(8), "nobody"]
        for name in stray:
            link.command("SET", name, "x")
        assert sorted(inventory.take(link).lost) == sorted(stray)
    with pytest.raises(CommandError, match="4 keys have no owner"):
        keys()
