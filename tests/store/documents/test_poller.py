"""The poller between a real Valkey and both stores: nothing lost, nothing twice, nothing refused without a trace."""

import base64
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import zstandard

from documents.build import Document
from documents.bulk import lines
from store.breakers import Settings as BreakerSettings
from store.documents import (
    EVERYTHING,
    DocumentStore,
    StoreAway,
    StoreUnavailable,
    WriteResult,
    documents_breaker,
    guarded,
    open_store,
)
from store.documents.poller import Poller, PollerSettings
from store.redis import connection, outbox
from store.redis.connection import Link, Store
from store.redis.settings import Settings
from tests.store.documents.samples import blob, comm, numbers

QUICK = PollerSettings(idle=0.01, pause=0.02)


@pytest.fixture
def queue(redis_url: str) -> Iterator[Store]:
    opened = connection.open_store(redis_url, Settings(claim_ms=50))
    yield opened
    opened.close()


@pytest.fixture
def link(queue: Store) -> Iterator[Link]:
    with queue.link() as one:
        yield one


@pytest.fixture
def poller(queue: Store, documents: DocumentStore) -> Poller:
    return Poller(queue, documents, "one", settings=QUICK)


@pytest.fixture
def postgres_store(postgres_url: str) -> Iterator[DocumentStore]:
    """For what does not depend on the engine."""
    opened = open_store(postgres_url)
    for resource in ("httpcomms", "packets", "rejected"):
        for day in opened.days(resource):
            opened.drop_day(resource, day.day, day.policy)
    yield opened
    opened.close()


class Away:
    """A store that nobody reaches."""

    def write(self, resource: str, payload: bytes) -> WriteResult:
        raise StoreUnavailable("away")

    write_blobs = write


def put(link: Link, resource: str, payload: bytes, documents: int = 1, key: str = "") -> str:
    """An outbox entry, as the scripts of the workers add it."""
    fields: tuple[str | bytes | int, ...] = ("b", payload, "n", documents)
    if key:
        link.command("SET", key, payload)
        fields = ("k", key, "n", documents, "s", len(payload))
    link.command("HINCRBY", link.keys.bytes, "out", len(payload))
    name: bytes = link.command("XADD", link.keys.out(resource), "*", *fields)
    return name.decode()


def put_comms(link: Link, *documents: Document) -> str:
    return put(link, "httpcomms", zstandard.compress(lines(documents)), len(documents))


def assert_empty(link: Link) -> None:
    """Nothing waits and nothing is left behind."""
    for resource in ("httpcomms", "packets", "httpbodies"):
        assert link.command("XLEN", link.keys.out(resource)) == 0
        assert link.command("XPENDING", link.keys.out(resource), "pollers")[0] == 0
    assert int(link.command("HGET", link.keys.bytes, "out")) == 0


def all_numbers(documents: DocumentStore) -> list[int]:
    documents.refresh("httpcomms")
    return sorted(numbers([hit for hits in documents.scan("httpcomms", EVERYTHING, None) for hit in hits]))


def test_entries_become_documents_and_blobs(documents: DocumentStore, poller: Poller, link: Link) -> None:
    for start in range(0, 50, 10):
        put_comms(link, *[comm(n) for n in range(start, start + 10)])
    put(link, "packets", blob(1, b"x" * 300_000), key="{0}:blob:a:0")
    put(link, "httpbodies", blob(2))
    assert poller.run_once() == 7
    assert all_numbers(documents) == list(range(50))
    for resource, chunk in (("packets", 1), ("httpbodies", 2)):
        documents.refresh(resource)
        assert len(list(documents.blobs(resource, EVERYTHING, "c1", 0, chunk, chunk))) == 1
    assert_empty(link)
    assert link.command("EXISTS", "{0}:blob:a:0") == 0
    assert poller.run_once() == 0


def test_what_comes_twice_is_stored_once(documents: DocumentStore, poller: Poller, link: Link) -> None:
    sent = [comm(n, version=2) for n in range(20)]
    put_comms(link, *sent)
    put_comms(link, *sent)
    put_comms(link, *[comm(n, version=1) for n in range(20)])
    poller.run_once()
    assert all_numbers(documents) == list(range(20))
    assert {hit["version"] for hit in documents.search("httpcomms", EVERYTHING, None).hits} == {2}
    assert poller.totals.stored + poller.totals.conflicts == 60
    assert_empty(link)


def test_one_bad_document_among_3000_is_kept_with_its_reason(
    documents: DocumentStore, poller: Poller, link: Link
) -> None:
    bad = comm(1500, stats__statusCode="many")
    for start in range(0, 3000, 500):
        put_comms(link, *[bad if n == 1500 else comm(n) for n in range(start, start + 500)])
    poller.run_once()
    assert all_numbers(documents) == [n for n in range(3000) if n != 1500]
    documents.refresh("rejected")
    (kept,) = documents.search("rejected", frozenset({"w1"}), None).hits
    assert (kept["resource"], kept["documentId"]) == ("httpcomms", bad.id)
    assert "stats.statusCode" in kept["reason"]
    assert base64.b64decode(kept["document"]) == bad.body
    assert poller.totals.rejected == 1
    assert_empty(link)


def test_broken_entries_take_nothing_with_them(documents: DocumentStore, poller: Poller, link: Link) -> None:
    put_comms(link, comm(1))
    put(link, "httpcomms", b"no zstd")
    put(link, "httpcomms", zstandard.compress(b'{"index":{}}\n'))
    put(link, "httpcomms", zstandard.compress(lines([comm(3), comm(4)])[:-1]), 2)
    put_comms(link, comm(2))
    put(link, "packets", b"no blob")
    put(link, "packets", blob(1))
    assert poller.run_once() == 7
    assert all_numbers(documents) == [1, 2]
    documents.refresh("rejected")
    assert documents.count("rejected", EVERYTHING, None) == 4
    assert documents.count("rejected", frozenset({"w1"}), None) == 0, "nobody knows whose they were"
    assert_empty(link)


def test_u_0000_past_every_filter(documents: DocumentStore, poller: Poller, link: Link, is_postgres: bool) -> None:
    put_comms(link, *[comm(n, req__reason="\0" if n == 7 else "") for n in range(100)])
    poller.run_once()
    assert len(all_numbers(documents)) + poller.totals.rejected == 100
    assert poller.totals.rejected == (1 if is_postgres else 0)
    assert_empty(link)


def test_a_store_that_is_away_costs_nothing_but_time(queue: Store, postgres_store: DocumentStore, link: Link) -> None:
    put_comms(link, comm(1))
    breaker = documents_breaker(None, BreakerSettings(failures=2, pause=0.3))
    away = Poller(queue, guarded(Away(), breaker), "one", settings=QUICK, breaker=breaker)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="away"):
            away.run_once()
    assert breaker.is_open
    for _ in range(10):
        with pytest.raises(StoreAway):
            away.run_once()
    # Two deliveries of which none says anything against the entry; then it was left where it is.
    (entry,) = link.command("XPENDING", link.keys.out("httpcomms"), "pollers", "-", "+", 10)
    assert entry[3] == 0
    assert Poller(queue, postgres_store, "one", settings=QUICK).run_once() == 1
    assert all_numbers(postgres_store) == [1]
    assert_empty(link)


def test_nothing_is_written_before_redis_has_it_on_disk(
    queue: Store, postgres_store: DocumentStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_comms(link, comm(1))
    poller = Poller(queue, postgres_store, "one", settings=QUICK)
    monkeypatch.setattr(Link, "durable", lambda self: False)
    for _ in range(10):
        assert poller.run_once() == 0
    assert all_numbers(postgres_store) == []
    monkeypatch.undo()
    assert poller.run_once() == 1
    assert all_numbers(postgres_store) == [1]
    assert poller.totals.rejected == 0


KILLED = """
import sys, time
from store.documents import open_store
from store.documents.poller import Poller
from store.redis import connection

class Slow:
    def write(self, resource, payload):
        print("writing", flush=True)
        time.sleep(60)

Poller(connection.open_store(sys.argv[1]), Slow(), "killed").run_once()
"""


def test_what_a_killed_poller_held_is_taken_over(
    queue: Store, postgres_store: DocumentStore, link: Link, redis_url: str
) -> None:
    put_comms(link, comm(1), comm(2))
    killed = subprocess.Popen([sys.executable, "-c", KILLED, redis_url], stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    assert killed.stdout.readline() == "writing\n"
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    killed.stdout.close()
    heir = Poller(queue, postgres_store, "heir", settings=QUICK)
    end = time.monotonic() + 5
    while not heir.run_once():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert all_numbers(postgres_store) == [1, 2]
    assert_empty(link)


@pytest.mark.parametrize(("deliveries", "stored", "kept"), [(2, 5, 0), (5, 5, 0), (9, 0, 1)])
def test_an_entry_that_killed_pollers_is_treated_with_care(
    queue: Store, postgres_store: DocumentStore, link: Link, deliveries: int, stored: int, kept: int
) -> None:
    put_comms(link, *[comm(n) for n in range(5)])
    (entry,) = outbox.claim(link, "httpcomms", "one")
    link.command(
        "XCLAIM", link.keys.out("httpcomms"), "pollers", "one", 0, entry.id, "RETRYCOUNT", deliveries, "JUSTID"
    )
    writes: list[int] = []

    class Watched:
        def write(self, resource: str, payload: bytes) -> WriteResult:
            if resource == "httpcomms":
                writes.append(payload.count(b"\n") // 2)
            return postgres_store.write(resource, payload)

    poller = Poller(queue, Watched(), "one", settings=QUICK)  # type: ignore[arg-type]
    assert poller.run_once() == 1
    assert writes == {2: [5], 5: [1] * 5, 9: []}[deliveries]
    assert len(all_numbers(postgres_store)) == stored
    assert postgres_store.count("rejected", EVERYTHING, None) == kept
    assert_empty(link)


def test_several_pollers_share_the_work_until_they_are_stopped(
    queue: Store, postgres_store: DocumentStore, link: Link
) -> None:
    pollers = [Poller(queue, postgres_store, f"p{n}", settings=QUICK) for n in range(3)]
    stop = threading.Event()
    threads = [threading.Thread(target=poller.run, args=[stop]) for poller in pollers]
    for thread in threads:
        thread.start()
    for start in range(0, 600, 10):
        put_comms(link, *[comm(n) for n in range(start, start + 10)])
    end = time.monotonic() + 20
    while link.command("XLEN", link.keys.out("httpcomms")) and time.monotonic() < end:
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    assert all_numbers(postgres_store) == list(range(600))
    assert sum(poller.totals.stored for poller in pollers) == 600
    assert_empty(link)


def test_a_poller_goes_on_when_the_store_comes_back(queue: Store, postgres_store: DocumentStore, link: Link) -> None:
    class Sometimes:
        def __init__(self) -> None:
            self.calls = 0

        def write(self, resource: str, payload: bytes) -> WriteResult:
            self.calls += 1
            if self.calls < 4:
                raise StoreUnavailable("not yet")
            return postgres_store.write(resource, payload)

    put_comms(link, comm(1))
    poller = Poller(queue, Sometimes(), "one", settings=QUICK)  # type: ignore[arg-type]
    stop = threading.Event()
    thread = threading.Thread(target=poller.run, args=[stop])
    thread.start()
    end = time.monotonic() + 10
    while not poller.totals.entries and time.monotonic() < end:
        time.sleep(0.02)
    stop.set()
    thread.join(5)
    assert all_numbers(postgres_store) == [1]
    assert_empty(link)


def test_names_of_pollers_long_gone_are_forgotten(
    queue: Store, postgres_store: DocumentStore, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_comms(link, comm(1))
    outbox.claim(link, "httpcomms", "dead with work")
    outbox.claim(link, "httpcomms", "dead without")
    monkeypatch.setattr("store.documents.poller._GONE_MS", -1)
    Poller(queue, postgres_store, "new", settings=QUICK)._forget_dead()
    names = [fields[1] for fields in link.command("XINFO", "CONSUMERS", link.keys.out("httpcomms"), "pollers")]
    assert names == [b"dead with work"]
