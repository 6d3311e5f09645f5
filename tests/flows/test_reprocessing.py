"""Stored sessions are read anew from their packets by the rules of now, once each, whatever happens to workers."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from apps.captures.models import Capture
from apps.core import servers
from apps.core.errors import ApplicationError
from apps.httpcomms import evidence
from apps.monitoring import checking, reprocessing
from apps.monitoring.models import Reprocessing
from apps.whisperers.models import Whisperer
from documents import bulk, pages, query
from documents.build import Document
from documents.errors import QueryError
from documents.rules import compile_rules
from store.documents import EVERYTHING, DocumentStore, StoreUnavailable, open_store
from store.documents.base import Failure, WriteResult
from store.documents.poller import Poller
from tasks import monitoring, reprocess, stored
from tasks import reprocessing as steps
from tests.flows import expect, faults
from tests.flows.comparable import comparable
from tests.flows.pump import DeathError, Pump, cut_at

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 3, RECORDS * 2 // 3])
RULES: dict[str, Any] = {
    "templates": [{"name": "talk", "path": "^/talk"}],
    "tags": [{"name": "turn", "where": "req.path", "regex": r"turn(\d+)"}],
}


@pytest.fixture(params=[(8, ""), (1, "elasticsearch")], ids=["P=8", "P=1, Elasticsearch"])
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
def run(kind: tuple[int, str], settings: Any, pump: Callable[..., Pump], store: DocumentStore) -> Iterator[Pump]:
    """A capture that is over and stored, and pages so small that a run has several."""
    settings.PARTITIONS = kind[0]
    one = pump("capture-reprocessing")
    documents = open_store(str(settings.DOCUMENT_STORE_URL))
    one.poller = Poller(servers.chunk_store(), documents, "flows")
    one.upload(PIECES, range(len(PIECES)))
    with patch.object(steps, "PAGE", 7):
        yield one
    documents.close()


@pytest.fixture
def alice(transactional_db: None) -> User:
    return User.objects.create_user("alice", password="x" * 20, is_staff=True)


def end(run: Pump) -> None:
    run.end(len(PIECES) - 1)
    run.finish()


def begin(run: Pump, user: User, text: str = "", **more: str) -> Reprocessing:
    planned = reprocessing.reprocessing_plan(user=user, whisperer=run.whisperer, parameters={"q": text, **more})
    return reprocessing.reprocessing_start(user=user, run=planned)


def finished(run: Pump, one: Reprocessing) -> Reprocessing:
    """The run, when workers have done all they were told."""
    run.work()
    one.refresh_from_db()
    return one


def documents(store: DocumentStore, resource: str = "httpcomms") -> dict[str, dict[str, Any]]:
    store.refresh(resource)
    return {one["id"]: one for batch in store.scan(resource, EVERYTHING, None) for one in batch}


def told(store: DocumentStore) -> list[bytes]:
    return sorted(map(comparable, documents(store).values()))


def test_what_has_not_changed_is_the_same_again(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before, sessions = documents(store), documents(store, "tcpsessions")
    lines = told(store)
    one = finished(run, begin(run, alice))
    assert one.state == "done"
    assert one.counts == {"sessions": len(sessions), "same": len(before), "removed": 0}
    assert (one.fields, one.left.count(), one.looked_at) == ({}, 0, len(before) + len(sessions))
    assert one.looked_at == one.total
    after = documents(store)
    assert told(store) == lines
    assert all(after[id]["version"] > before[id]["version"] for id in before)
    again = documents(store, "tcpsessions")
    assert all(sessions[id] | {"version": 0} == again[id] | {"version": 0} for id in sessions)
    answered = next(found for found in after.values() if found["parsing"]["status"] == "complete")
    assert evidence.body(EVERYTHING, answered, "res").text == "answer " * 60
    assert max(found["version"] for found in after.values()) < 1 << 53


def test_the_rules_of_now_are_applied(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    Whisperer.objects.update(parsing=RULES)
    run.whisperer.refresh_from_db()
    one = finished(run, begin(run, alice))
    assert told(store) == expect.whole(DATA, compile_rules(RULES))
    total = len(documents(store))
    assert one.counts["changed"] == one.fields["req.template"] == total
    assert set(one.fields) == {"req.template", "stats.tags"}
    assert one.fields["stats.tags"] == store.count("httpcomms", EVERYTHING, query.parse("stats.tags.turn:*"))
    assert store.count("httpcomms", EVERYTHING, query.parse("req.template:talk")) == total


def test_a_query_finds_the_sessions_and_no_others_are_touched(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before = documents(store)
    one = finished(run, begin(run, alice, 'req.path:"/talk4/turn2" OR req.path:"/talk7/turn1"'))
    changed = {
        after["tcpSession"] for id, after in documents(store).items() if after["version"] != before[id]["version"]
    }
    assert one.counts["sessions"] == len(changed) == 2
    assert one.counts["same"] == sum(found["tcpSession"] in changed for found in before.values())


def test_open_sessions_are_left(run: Pump, store: DocumentStore, alice: User) -> None:
    run.work()
    run.collect()
    still = [found["id"] for found in documents(store, "tcpsessions").values() if found["state"] == "open"]
    assert still
    one = finished(run, begin(run, alice))
    assert one.state == "done"
    assert {left.session: left.reason for left in one.left.all()} == dict.fromkeys(still, "open")
    end(run)
    assert told(store) == expect.whole(DATA)


def test_sessions_whose_packets_are_not_all_kept_are_left(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before = told(store)
    real = store.blobs

    def without_the_second(*asked: Any) -> Iterator[bytes]:
        return (blob for blob in real(*asked) if stored.header(blob)["chunk"] != 1)

    with patch.object(servers.document_store(), "blobs", without_the_second):
        one = finished(run, begin(run, alice))
    assert {left.reason for left in one.left.all()} == {"packets"}
    assert one.left.count() + one.counts.get("sessions", 0) == len(documents(store, "tcpsessions"))
    assert told(store) == before


def test_a_session_that_the_parser_fails_on_is_left_alone(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before, victim = documents(store), expect.flow(4)
    with faults.rows({victim}, 1, ValueError()):
        one = finished(run, begin(run, alice))
    assert [left.reason for left in one.left.all()] == ["failed"]
    assert one.counts["sessions"] == len(documents(store, "tcpsessions")) - 1
    untouched = [id for id, found in documents(store).items() if found["version"] == before[id]["version"]]
    assert untouched
    assert all("/talk4/" in before[id]["req"]["path"] for id in untouched)


def test_what_is_given_no_more_is_removed_and_sums_still_add_up(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    wanted = told(store)
    some, lost = documents(store)[min(documents(store))], max(documents(store))
    stale = some | {"id": some["id"] + "f", "version": 5}
    line = Document(stale["id"], 5, "httpcomms", some["id"][:8], "default", orjson.dumps(stale))
    store.write("httpcomms", bulk.lines([line]))
    assert sum(store.purge("httpcomms", EVERYTHING, query.parse(f'id:"{lost}"'))) == 1
    one = finished(run, begin(run, alice))
    assert (one.counts["removed"], one.counts["added"]) == (1, 1)
    assert told(store) == wanted
    row = Capture.objects.get(pk=run.capture)
    assert row.remade == {"httpcomms": 0}
    with servers.chunk_store().link() as link:
        assert checking.check_sums(link) == []


@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_worker_that_dies_changes_no_count(run: Pump, store: DocumentStore, alice: User, at: int) -> None:
    end(run)
    before = documents(store)
    Whisperer.objects.update(parsing=RULES)
    one = begin(run, alice)
    writes = 0
    opened = servers.document_store()
    real = opened.write

    def write(*given: Any) -> Any:
        nonlocal writes
        writes += 1
        if writes == at:
            raise DeathError
        return real(*given)

    with patch.object(opened, "write", write):
        run.work()
    assert run.deaths == 1
    Reprocessing.objects.update(leased_until=timezone.now())
    monitoring.minute()
    one = finished(run, one)
    sessions = len(documents(store, "tcpsessions"))
    assert one.counts == {"sessions": sessions, "changed": len(before), "removed": 0}
    assert told(store) == expect.whole(DATA, compile_rules(RULES))


def test_sessions_that_workers_die_of_are_left(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before = told(store)
    one = begin(run, alice)
    for _ in range(reprocessing.TAKES):
        with patch.object(servers.document_store(), "write", side_effect=DeathError):
            run.work()
        Reprocessing.objects.update(leased_until=timezone.now())
        monitoring.minute()
    one = finished(run, one)
    assert one.state == "done"
    assert "died" in {left.reason for left in one.left.all()}
    assert told(store) == before


def test_a_worker_that_wakes_up_late_is_not_heard(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    one = begin(run, alice)
    late = reprocessing.step_take(one.pk)
    assert late is not None
    assert reprocessing.step_take(one.pk) is None
    Reprocessing.objects.update(leased_until=timezone.now())
    other = reprocessing.step_take(one.pk)
    assert other is not None
    assert (other.step, other.takes) == (late.step, 2)
    for call in (
        lambda: reprocessing.step_renew(late),
        lambda: reprocessing.part_count(late, 0, {"same": 1}, {}, run.capture, {}),
        lambda: reprocessing.step_end(late, 1, None),
    ):
        with pytest.raises(reprocessing.NotOursError):
            call()
    reprocessing.step_release(late)
    assert reprocessing.step_renew(other)
    one.refresh_from_db()
    assert one.counts == {}


def test_a_run_is_cancelled_and_another_begun(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    one = begin(run, alice)
    with pytest.raises(ApplicationError, match="is being reprocessed") as refused:
        begin(run, alice)
    assert refused.value.status_code == 409
    reprocess.step(str(one.pk))
    one = reprocessing.reprocessing_cancel(run=one)
    assert (one.state, bool(one.counts["sessions"])) == ("cancelled", True)
    done = dict(one.counts)
    assert finished(run, one).counts == done
    assert reprocessing.reprocessing_cancel(run=one).ended == one.ended
    assert finished(run, begin(run, alice)).counts["sessions"] == len(documents(store, "tcpsessions"))


def test_what_the_store_refuses_for_now_is_taken_up_again(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    one = begin(run, alice)
    run.expected = (StoreUnavailable,)
    with patch.object(servers.document_store(), "write", side_effect=StoreUnavailable("away")):
        run.work()
    one.refresh_from_db()
    assert (one.state, one.takes) == ("running", 0)
    monitoring.minute()
    assert finished(run, one).counts["same"] == len(documents(store))


def test_what_the_store_refuses_for_good_leaves_what_was_there(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before, bodies = documents(store), bodies_kept(store, run)
    opened = servers.document_store()
    real = opened.write

    def write(resource: str, payload: bytes) -> WriteResult:
        if resource != "httpcomms":
            return real(resource, payload)
        ids = [orjson.loads(line)["id"] for line in payload.splitlines()[1::2]]
        return WriteResult(failed=[Failure(at, id, "too odd") for at, id in enumerate(ids)])

    Whisperer.objects.update(parsing=RULES)
    with patch.object(opened, "write", write):
        one = finished(run, begin(run, alice))
    assert one.counts["refused"] == len(before)
    assert documents(store) == before
    assert set(bodies_kept(store, run)) == set(bodies)


def test_a_query_or_range_that_is_none_is_refused(run: Pump, alice: User) -> None:
    with pytest.raises(QueryError):
        begin(run, alice, "nonsense.field:1")
    with pytest.raises(ApplicationError, match="ends before"):
        begin(run, alice, **{"from": "now", "to": "now-1h"})
    bob = User.objects.create_user("bob", password="x" * 20)
    with pytest.raises(ApplicationError, match="no such whisperer"):
        begin(run, bob)
    assert not Reprocessing.objects.exists()


def bodies_kept(store: DocumentStore, run: Pump) -> list[str]:
    """Ids of the bodies on all pages, those that are there twice twice."""
    partitions = Capture.objects.get(pk=run.capture).partitions
    store.refresh("httpbodies")
    found = (
        page for p in range(partitions) for page in store.blobs("httpbodies", EVERYTHING, run.capture, p, 0, 1 << 30)
    )
    return sorted(entry[0] for page in found for entry in pages.header(page)["bodies"])


def test_bodies_leave_their_old_pages(run: Pump, store: DocumentStore, alice: User) -> None:
    end(run)
    before = bodies_kept(store, run)
    assert before
    finished(run, begin(run, alice))
    assert bodies_kept(store, run) == before
    finished(run, begin(run, alice))
    assert bodies_kept(store, run) == before
    Whisperer.objects.update(parsing={"save_bodies": False})
    one = finished(run, begin(run, alice))
    assert bodies_kept(store, run) == []
    assert one.counts["changed"]
