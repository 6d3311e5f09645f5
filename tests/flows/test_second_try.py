"""The one second try of what was put aside: from the stored packets, once, and then the outcome is definite."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.contrib.auth.models import User

from apps.captures.models import Capture
from apps.core import servers
from apps.core.errors import ApplicationError
from apps.monitoring.services import aside_again
from apps.whisperers.models import Whisperer
from store.documents import EVERYTHING, DocumentStore, StoreUnavailable, aside, open_store
from store.documents.poller import Poller
from store.redis import work
from store.redis.connection import Link
from store.redis.work import SecondTry
from tasks import reprocess, runtime
from tests.flows import expect, faults
from tests.flows.pump import DeathError, Pump, cut_at

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 3, RECORDS * 2 // 3])
VICTIM = 4


@pytest.fixture(params=[8, 1], ids=["P=8", "P=1"])
def run(
    request: pytest.FixtureRequest, settings: Any, pump: Callable[..., Pump], store: DocumentStore
) -> Iterator[Pump]:
    settings.PARTITIONS = request.param
    one = pump("capture-second-try")
    documents = open_store(str(settings.DOCUMENT_STORE_URL))
    one.poller = Poller(servers.chunk_store(), documents, "flows")
    expect.tune(lease_ms=400, second_try_ms=0)
    yield one
    documents.close()


def fail_once(run: Pump, fault: Any) -> str:
    """Send all while the fault holds, to the end; what waits for its second try."""
    with fault:
        run.upload(PIECES, range(len(PIECES)))
        run.end(len(PIECES) - 1)
        expect.balanced(run.finish(), RECORDS)
    (item,) = expect.second_tries()
    return item.text()


def communications(store: DocumentStore) -> list[dict[str, Any]]:
    return [one for batch in store.scan("httpcomms", EVERYTHING, None) for one in batch]


def notes(store: DocumentStore) -> list[tuple[str, str]]:
    """State and outcome of what was put aside and tried again."""
    found = [one for batch in store.scan("monitoring", EVERYTHING, None) for one in batch]
    assert all(one["version"] == 1 for one in found if one.get("state") == "waiting")
    return [(one["state"], one["outcome"]) for one in found if one["kind"] == "quarantine" and "outcome" in one]


def paths(found: list[dict[str, Any]]) -> set[tuple[str, int]]:
    """Request path and status of complete communications."""
    return {(one["req"]["path"], one["res"]["status"]) for one in found if one["parsing"]["status"] == "complete"}


def every_path(data: bytes) -> set[tuple[str, int]]:
    return paths([orjson.loads(line) for line in expect.whole(data)])


def test_a_chunk_is_repaired(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    before = paths(communications(store))
    alone = every_path(PIECES[1])
    assert alone - before
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert paths(communications(store)) == before | alone
    assert expect.second_tries() == {}
    stored = len(communications(store))
    reprocess.second_try(text)  # told twice
    assert len(communications(store)) == stored
    partitions = Capture.objects.get(pk=run.capture).partitions
    kept = [blob for p in range(partitions) for blob in store.blobs("packets", EVERYTHING, run.capture, p, 1, 1)]
    assert kept  # so its sessions' packets can be had


def test_a_row_is_repaired(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.rows({expect.flow(VICTIM)}, 1, ValueError()))
    before = paths(communications(store))
    row = expect.only(PIECES[1], VICTIM)
    assert every_path(row) - before
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert paths(communications(store)) == before | every_path(row)
    assert expect.second_tries() == {}


@pytest.mark.parametrize("error", [ValueError(), DeathError()], ids=["raises", "kills"])
def test_a_row_is_repaired_where_packets_are_not_saved(run: Pump, store: DocumentStore, error: BaseException) -> None:
    Whisperer.objects.update(parsing={"save_packets": False})
    text = fail_once(run, faults.rows({expect.flow(VICTIM)}, 1, error))
    before = paths(communications(store))
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert paths(communications(store)) == before | every_path(expect.only(PIECES[1], VICTIM))
    for p in range(Capture.objects.get(pk=run.capture).partitions):
        assert list(store.blobs("packets", EVERYTHING, run.capture, p, 0, 9)) == []


UNCLOSED = 3  # open at the end, with a request that nobody answered


def unclosed(store: DocumentStore) -> list[tuple[str, str]]:
    """State and end of the sessions of the conversation that could not be closed."""
    found = (one for batch in store.scan("tcpsessions", EVERYTHING, None) for one in batch)
    return [(one["state"], one.get("end", "")) for one in found if one["client"]["port"] == 40000 + UNCLOSED]


def test_a_session_that_could_not_be_closed_is_closed(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.end({expect.flow(UNCLOSED)}, ValueError()))
    before = communications(store)
    assert unclosed(store) == [("open", "")]
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionKept")]
    assert unclosed(store) == [("closed", "end")]
    (last,) = [one for one in communications(store) if one["id"] not in {old["id"] for old in before}]
    assert (last["req"]["path"], last["parsing"]["status"]) == (f"/talk{UNCLOSED}/unanswered", "noResponse")
    assert every_path(DATA) == paths(communications(store))
    assert expect.second_tries() == {}


def test_a_session_whose_first_packets_are_gone_is_definite(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.end({expect.flow(UNCLOSED)}, ValueError()))
    real = store.blobs

    def later(resource: str, scope: Any, capture: str, p: int, first: int, last: int) -> Iterator[bytes]:
        return real(resource, scope, capture, p, first + 1, last)

    with patch.object(store, "blobs", later):
        reprocess.second_try(text)
    assert notes(store) == [("definite", "notKept")]
    assert unclosed(store) == [("open", "")]


def test_what_fails_again_is_definite(run: Pump, store: DocumentStore) -> None:
    fault = faults.rows({expect.flow(VICTIM)}, 1, ValueError())
    text = fail_once(run, fault)
    stored = communications(store)
    with faults.rows({expect.flow(VICTIM)}, 1, KeyError()):
        reprocess.second_try(text)
    assert notes(store) == [("definite", "KeyError")]
    assert len(communications(store)) == len(stored)
    assert expect.second_tries() == {}


def test_a_person_has_it_tried_again_after_a_fix(run: Pump, store: DocumentStore) -> None:
    fault = faults.rows({expect.flow(VICTIM)}, 1, ValueError())
    text = fail_once(run, fault)
    before = paths(communications(store))
    with faults.rows({expect.flow(VICTIM)}, 1, KeyError()):
        reprocess.second_try(text)
    assert notes(store) == [("definite", "KeyError")]
    user = User.objects.create_user("carol", is_staff=True)
    item = SecondTry.read(text)
    run.messages.clear()
    for _ in range(2):  # a click more changes nothing
        assert aside_again(user=user, id=item.record)["state"] == "waiting"
    assert run.messages[0] == ("tasks.reprocess.second_try", (text,))
    assert list(expect.second_tries()) == [item]
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert paths(communications(store)) == before | every_path(expect.only(PIECES[1], VICTIM))
    record = store.get("monitoring", EVERYTHING, item.record)
    assert record is not None
    assert (record["reason"], record["version"], record["packets"] > 0) == ("ValueError", 4, True)
    with pytest.raises(ApplicationError) as error:
        aside_again(user=user, id=item.record)
    assert error.value.status_code == 409


def test_what_waits_is_tried_now(run: Pump, store: DocumentStore) -> None:
    expect.tune(second_try_ms=600_000)
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    user = User.objects.create_user("carol", is_staff=True)
    assert next(iter(expect.second_tries().values())) > 500
    aside_again(user=user, id=SecondTry.read(text).record)
    assert next(iter(expect.second_tries().values())) <= 0
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]


def test_an_outcome_that_comes_at_once_is_not_written_over(run: Pump, store: DocumentStore) -> None:
    fault = faults.rows({expect.flow(VICTIM)}, 1, ValueError())
    text = fail_once(run, fault)
    with faults.rows({expect.flow(VICTIM)}, 1, KeyError()):
        reprocess.second_try(text)
    real = work.add_due

    def at_once(link: Link, item: SecondTry) -> None:
        real(link, item)
        reprocess.second_try(item.text())

    user = User.objects.create_user("carol", is_staff=True)
    with patch.object(work, "add_due", at_once):
        told = aside_again(user=user, id=SecondTry.read(text).record)
    assert told["state"] == "repaired"
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert expect.second_tries() == {}


def test_asked_for_while_one_ends_it_is_tried_once_more(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.rows({expect.flow(VICTIM)}, 1, ValueError()))
    item, user = SecondTry.read(text), User.objects.create_user("carol", is_staff=True)
    real = work.done_due

    def asked_before(link: Link, ended: SecondTry, token: str) -> bool:
        aside_again(user=user, id=item.record)
        return real(link, ended, token)

    with faults.rows({expect.flow(VICTIM)}, 1, KeyError()), patch.object(work, "done_due", asked_before):
        reprocess.second_try(text)
    assert list(expect.second_tries()) == [item]
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    assert expect.second_tries() == {}


def test_somebody_else_being_faster_loses_no_outcome(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    real, between = store.get, []

    def overtaken(resource: str, scope: Any, id: str) -> dict[str, Any] | None:
        found = real(resource, scope, id)
        if resource == "monitoring" and found is not None and len(between) < 2:
            between.append(aside.write(store, found, "default"))
        return found

    with patch.object(store, "get", overtaken):
        reprocess.second_try(text)
    assert between == [True, True]
    (record,) = [one for batch in store.scan("monitoring", EVERYTHING, None) for one in batch if one.get("outcome")]
    assert (record["state"], record["version"]) == ("repaired", 4)


def test_what_was_put_aside_waits_until_it_is_stored(run: Pump, store: DocumentStore) -> None:
    expect.tune(second_try_ms=1)
    with faults.chunk(PIECES[1], ZeroDivisionError()), patch.object(Poller, "run_once", return_value=0):
        run.upload(PIECES, range(len(PIECES)))
        run.end(len(PIECES) - 1)
        run.finish()
    (item,) = expect.second_tries()
    reprocess.second_try(item.text())  # the poller is late: neither its packets nor its record can be had
    assert list(expect.second_tries()) == [item]
    run.collect()
    reprocess.second_try(item.text())
    assert notes(store) == [("repaired", "sessionStartNotKept")]
    record = store.get("monitoring", EVERYTHING, item.record)
    assert record is not None
    assert (record["reason"], record["packets"]) == ("ZeroDivisionError", expect.packets(PIECES[1]))


def test_what_kills_again_is_definite_after_the_third_worker(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    expect.tune(lease_ms=0)
    with faults.chunk(PIECES[1], DeathError()):
        for _ in range(2):
            with pytest.raises(DeathError):
                reprocess.second_try(text)
        reprocess.second_try(text)
    assert notes(store) == [("definite", "workerDied")]
    assert expect.second_tries() == {}


def test_a_store_that_is_away_costs_no_try(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    expect.tune(lease_ms=0)
    for _ in range(4):
        with patch.object(store, "blobs", side_effect=StoreUnavailable("away")), pytest.raises(StoreUnavailable):
            reprocess.second_try(text)
    reprocess.second_try(text)
    assert notes(store) == [("repaired", "sessionStartNotKept")]


def test_packets_that_are_not_kept_are_said_to_be_so(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.rows({expect.flow(VICTIM)}, 1, ValueError()))
    for part in store.days("packets"):
        store.drop_day("packets", part.day, part.policy)
    reprocess.second_try(text)
    assert notes(store) == [("definite", "notKept")]


def test_the_second_try_of_a_deleted_capture_goes_away(run: Pump, store: DocumentStore) -> None:
    text = fail_once(run, faults.chunk(PIECES[1], ZeroDivisionError()))
    Capture.objects.all().delete()
    runtime.forget()
    reprocess.second_try(text)
    assert expect.second_tries() == {}
