"""What is PostgreSQL's own: storage, staging, broken connections, tables that grow columns."""

import os
import signal
import threading
from collections.abc import Iterator

import psycopg
import pytest

from documents.bulk import lines
from store.documents import EVERYTHING, Metric, StoreUnavailable, Terms, TookTooLong
from store.documents.postgres import PostgresStore
from tests.store.documents.samples import T0, blob, comm, numbers


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(postgres_url)
    for resource in ("httpcomms", "packets"):
        for day in opened.days(resource):
            opened.drop_day(resource, day.day, day.policy)
    yield opened
    opened.close()


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


def test_documents_are_on_disk_when_the_write_returns(store: PostgresStore) -> None:
    # The tests' server runs with fsync off to be quick; what counts is that the store does not relax it by itself.
    with store._connection() as connection:
        assert connection.execute("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'").fetchone() != (
            "session",
        )


def test_the_newest_page_comes_from_the_index_of_the_time(store: PostgresStore, admin: psycopg.Connection) -> None:
    for day in ("20261122", "20261123"):
        store.write("httpcomms", lines([comm(n, day=day) for n in range(2000)]))
    admin.execute("ANALYZE spider_httpcomms_20261122_default, spider_httpcomms_20261123_default")
    plan = admin.execute(
        "EXPLAIN SELECT doc, date, id FROM spider_httpcomms WHERE date < %s ORDER BY date DESC, id DESC LIMIT 50",
        [T0 + 1000],
    )
    text = "\n".join(line for (line,) in plan)
    assert "Merge Append" in text
    assert text.count("Index Scan Backward") == 2
    assert "Seq Scan on spider_httpcomms_2" not in text


def test_documents_stand_apart_from_the_columns_uncompressed(store: PostgresStore, admin: psycopg.Connection) -> None:
    store.write("httpcomms", lines([comm(1, text="x" * 20_000)]))
    row = admin.execute(
        "SELECT pg_column_compression(doc), pg_column_size(doc) > 20000,"
        " pg_relation_size('spider_httpcomms_20261122_default') FROM spider_httpcomms"
    ).fetchone()
    assert row == (None, True, 8192)


def test_ids_of_packets_are_nobody_s(store: PostgresStore, admin: psycopg.Connection) -> None:
    store.write_blobs("packets", [blob(1), blob(1)])
    assert admin.execute("SELECT count(*) FROM spider_packets").fetchone() == (2,)


def test_a_column_that_the_field_table_gained_is_added(store: PostgresStore, admin: psycopg.Connection) -> None:
    store.write("httpcomms", lines([comm(1)]))
    admin.execute("ALTER TABLE spider_httpcomms DROP COLUMN req_host")
    store.prepare()
    assert store.write("httpcomms", lines([comm(2)])).stored == 1
    assert admin.execute("SELECT req_host FROM spider_httpcomms ORDER BY id").fetchall() == [(None,), ("shop.example",)]


def test_a_long_path_is_no_trouble_for_its_index(store: PostgresStore) -> None:
    path = "/" + "".join(f"{n:x}" for n in range(20_000))
    assert store.write("httpcomms", lines([comm(1, req__path=path)])).stored == 1


def test_a_connection_that_the_server_closed_is_replaced(store: PostgresStore, admin: psycopg.Connection) -> None:
    store.write("httpcomms", lines([comm(1)]))
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'spider-documents'"
    )
    assert numbers(store.search("httpcomms", EVERYTHING, None).hits) == [1]


def test_a_connection_lost_in_a_write_is_unavailability(store: PostgresStore, admin: psycopg.Connection) -> None:
    store.write("httpcomms", lines([comm(1)]))
    admin.execute("BEGIN")
    admin.execute("LOCK TABLE spider_httpcomms_20261122_default IN ACCESS EXCLUSIVE MODE")
    failures: list[str] = []

    def write() -> None:
        try:
            store.write("httpcomms", lines([comm(2)]))
        except StoreUnavailable as error:
            failures.append(str(error))

    writer = threading.Thread(target=write)
    writer.start()
    ended = 0
    while not ended:
        ended = admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'spider-documents' AND wait_event_type = 'Lock'"
        ).rowcount
    writer.join(10)
    admin.execute("ROLLBACK")
    assert len(failures) == 1
    assert numbers(store.search("httpcomms", EVERYTHING, None).hits) == [1]


def test_two_writers_on_the_same_documents_end(postgres_url: str, store: PostgresStore) -> None:
    other = PostgresStore(postgres_url)
    forwards = lines([comm(n, version=2) for n in range(500)])
    backwards = lines([comm(n, version=1) for n in reversed(range(500))])
    store.write("httpcomms", lines([comm(1000)]))
    writers = [
        threading.Thread(target=lambda s=s, p=p: [s.write("httpcomms", p) for _ in range(5)])
        for s, p in ((store, forwards), (other, backwards))
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    other.close()
    assert store.count("httpcomms", EVERYTHING, None) == 501
    assert {hit["version"] for hit in store.search("httpcomms", EVERYTHING, None, size=500, sort="date").hits} == {2}


def test_a_question_ends_when_its_time_is_over(
    postgres_url: str, store: PostgresStore, admin: psycopg.Connection
) -> None:
    store.write("httpcomms", lines([comm(1)]))
    quick = PostgresStore(postgres_url, seconds=0.2)
    admin.execute("BEGIN")
    admin.execute("LOCK TABLE spider_httpcomms_20261122_default IN ACCESS EXCLUSIVE MODE")
    asked = {
        "search": lambda: quick.search("httpcomms", EVERYTHING, None),
        "count": lambda: quick.count("httpcomms", EVERYTHING, None),
        "histogram": lambda: quick.histogram("httpcomms", EVERYTHING, None, since=T0, until=T0 + 10**6, interval=10**6),
        "facets": lambda: quick.facets("httpcomms", EVERYTHING, None, [Terms("req.method")]),
        "figures": lambda: store.figures("httpcomms", EVERYTHING, None, [Metric("count")], seconds=0.1),
    }
    for name, ask in asked.items():
        with pytest.raises(TookTooLong, match=r"within 0\.[12] s"):
            ask()
        running = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spider-documents' AND state = 'active'"
        )
        assert running.fetchone() == (0,), f"{name} goes on"
    admin.execute("ROLLBACK")
    assert quick.count("httpcomms", EVERYTHING, None) == 1
    quick.close()


def test_a_server_that_hangs_is_waited_for_no_longer_than_a_statement_may_take(store: PostgresStore) -> None:
    store.write("httpcomms", lines([comm(1)]))
    with store._connection() as connection:
        pid = connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="did not answer within"):
            store.count("httpcomms", EVERYTHING, None, seconds=0.1)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert store.count("httpcomms", EVERYTHING, None, seconds=0.1) == 1
