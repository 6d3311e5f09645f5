"""Days that are older than the program are brought up, whoever stops it and whoever writes meanwhile."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from elasticsearch import Elasticsearch

from documents.ast import Node
from documents.bulk import lines
from documents.query import parse
from store.documents import EVERYTHING, STORE_VERSION, DocumentStore, Step, StoreError, open_store
from store.documents.elastic import ElasticsearchStore, templates
from store.documents.elastic import upgrade as elastic_upgrade
from store.documents.names import RESOURCES, parent
from store.documents.postgres import PostgresStore, tables
from store.documents.postgres import upgrade as postgres_upgrade
from tests.store.documents.samples import DAY, blob, comm, numbers, write

TABLE = f"spider_httpcomms_{DAY}_default"
INDEX = f"spider-httpcomms-{DAY}-default"
COUNT = 23


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_upgrade, "BATCH", 10)
    monkeypatch.setattr(elastic_upgrade, "BATCH", 10)


@pytest.fixture
def old(documents: DocumentStore, store_url: str) -> Iterator[DocumentStore]:
    """A store of the version before: its day has neither the column of the method and its index, nor their mapping."""
    if isinstance(documents, PostgresStore):
        write(documents, *some())
        documents.write_blobs("packets", [blob(1)])
        age_tables(store_url)
    else:
        assert isinstance(documents, ElasticsearchStore)
        age_templates(documents._elastic)
        write(documents, *some())
        documents.write_blobs("packets", [blob(1)])
        documents.refresh("packets")
    documents.prepare()
    yield documents
    documents.prepare()
    for _ in documents.upgrade():
        pass


def some(**fields: Any) -> list[Any]:
    found = [comm(n, req__method="PUT" if n % 2 else "GET", **fields) for n in range(COUNT)]
    random.Random(1).shuffle(found)
    return found


def age_tables(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("ALTER TABLE spider_httpcomms DROP COLUMN req_method")
        admin.execute(f"DROP INDEX {TABLE}_date_idx")
        for table in (TABLE, f"spider_packets_{DAY}_default", *map(parent, RESOURCES)):
            admin.execute(f"COMMENT ON TABLE {table} IS NULL")


def age_templates(client: Elasticsearch) -> None:
    for resource in RESOURCES:
        template = templates.template(resource)
        mappings = template["template"]["mappings"]
        del mappings["_meta"]
        if resource == "httpcomms":
            del mappings["properties"]["req"]["properties"]["method"]
        del template["_meta"]
        client.indices.put_index_template(name=f"spider-{resource}", **(template | {"version": STORE_VERSION - 1}))


def method(name: str) -> Node:
    return parse(f"req.method:{name}", "httpcomms")


def puts(store: DocumentStore) -> int:
    store.refresh("httpcomms")
    return store.count("httpcomms", EVERYTHING, method("PUT"))


def run(store: DocumentStore) -> dict[str, Step]:
    """The last step of each resource."""
    return {step.day.resource: step for step in store.upgrade()}


def test_what_old_days_lack_is_said_and_brought_up(old: DocumentStore) -> None:
    assert puts(old) == 0
    found = old.stored_version()
    assert found.version == STORE_VERSION
    assert {(day.resource, day.day, day.fields) for day in found.behind} == {
        ("httpcomms", DAY, None),
        ("packets", DAY, None),
    }
    last = run(old)
    assert last["httpcomms"].looked == COUNT
    assert last["httpcomms"].doing == "done"
    assert last["packets"].looked == 0
    assert puts(old) == COUNT // 2
    assert old.stored_version().behind == ()
    assert run(old) == {}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(old: DocumentStore, is_postgres: bool) -> None:
    steps = {step.day.resource: step.doing for step in old.upgrade(dry_run=True)}
    assert steps["httpcomms"] == ("look at each document, index (date)" if is_postgres else "index each document again")
    assert steps["packets"] == "note that nothing is missing"
    assert len(old.stored_version().behind) == 2
    assert puts(old) == 0


def test_a_run_that_was_stopped_goes_on(old: DocumentStore) -> None:
    steps = iter(old.upgrade())
    while next(steps).looked < 10:
        pass
    steps.close()  # type: ignore[attr-defined]
    assert 0 < puts(old) < COUNT // 2
    assert run(old)["httpcomms"].looked == COUNT - 10
    assert puts(old) == COUNT // 2


def test_what_is_written_meanwhile_stays(old: DocumentStore) -> None:
    steps = iter(old.upgrade())
    while next(steps).looked < 10:
        pass
    newer = comm(COUNT - 1, version=2, req__method="DELETE")
    again = comm(0, version=2, req__method="DELETE")
    write(old, newer, again, comm(1, version=1))
    for _ in steps:
        pass
    old.refresh("httpcomms")
    hits = old.search("httpcomms", EVERYTHING, method("DELETE"), sort="date").hits
    assert numbers(hits) == [0, COUNT - 1]
    # A version is what it was: the next higher one replaces, an equal one does not.
    assert write(old, comm(5, version=1), comm(7, version=2)).stored == 1


def test_a_day_whose_documents_lack_known_fields_alone_is_read_and_others_are_not(
    documents: DocumentStore, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(documents, comm(1))
    raised(monkeypatch)
    documents.prepare()
    assert [day.fields for day in documents.stored_version().behind] == [frozenset()]
    assert run(documents)["httpcomms"].looked == 0
    assert documents.stored_version().behind == ()
    monkeypatch.undo()
    restore(documents, store_url)


def test_an_older_program_leaves_a_newer_store_alone(
    documents: DocumentStore, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(monkeypatch, least=STORE_VERSION + 1)
    documents.prepare()
    monkeypatch.undo()
    older = open_store(store_url)
    older.prepare()
    found = older.stored_version()
    assert (found.version, found.least, found.too_new) == (STORE_VERSION + 1, STORE_VERSION + 1, True)
    write(older, comm(1))
    assert older.stored_version().behind == ()
    older.close()
    restore(documents, store_url)


def raised(monkeypatch: pytest.MonkeyPatch, least: int = 3) -> None:
    """A program with a higher version."""
    for module in (tables, templates, postgres_upgrade, elastic_upgrade):
        monkeypatch.setattr(module, "STORE_VERSION", STORE_VERSION + 1)
    for module in (tables, templates):
        monkeypatch.setattr(module, "STORE_LEAST", least)


def restore(store: DocumentStore, url: str) -> None:
    """The store as this program makes it."""
    for day in store.days("httpcomms"):
        store.drop_day("httpcomms", day.day, day.policy)
    if isinstance(store, ElasticsearchStore):
        store._elastic.indices.delete_index_template(name="spider-*")
    else:
        with psycopg.connect(url, autocommit=True) as admin:
            for resource in RESOURCES:
                admin.execute(f"DROP TABLE {parent(resource)} CASCADE")
    store.prepare()


@pytest.fixture
def old_tables(old: DocumentStore, store_url: str, is_postgres: bool) -> Iterator[psycopg.Connection]:
    if not is_postgres:
        pytest.skip("of tables")
    with psycopg.connect(store_url, autocommit=True) as admin:
        yield admin


def test_a_day_made_before_all_are_brought_up_is_looked_at_too(
    old: DocumentStore, old_tables: psycopg.Connection
) -> None:
    write(old, comm(1, day="20261123"))
    # As an older program does, which still runs and does not know the column.
    old_tables.execute("UPDATE spider_httpcomms_20261123_default SET req_method = NULL")
    run(old)
    assert old_tables.execute("SELECT req_method FROM spider_httpcomms_20261123_default").fetchall() == [("GET",)]
    write(old, comm(1, day="20261124"))
    assert old.stored_version().behind == ()


def test_an_index_whose_build_was_interrupted_is_built_again(
    old: DocumentStore, old_tables: psycopg.Connection
) -> None:
    old_tables.execute(f"CREATE INDEX half ON {TABLE} (date)")
    old_tables.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half'::regclass")
    run(old)
    found = old_tables.execute(
        f"SELECT pg_get_indexdef(indexrelid), indisvalid FROM pg_index WHERE indrelid = '{TABLE}'::regclass"
    ).fetchall()
    assert len(found) == 1 + len(tables.INDEXES["httpcomms"])
    assert all(valid for _, valid in found)
    assert not any(" half " in text for text, _ in found)


def test_one_run_at_a_time(old: DocumentStore, old_tables: psycopg.Connection) -> None:
    steps = iter(old.upgrade())
    next(steps)
    with pytest.raises(StoreError, match="another upgrade"):
        run(old)
    for _ in steps:
        pass
    assert run(old) == {}


def test_values_that_do_not_fit_are_counted_and_stay(old: DocumentStore, old_tables: psycopg.Connection) -> None:
    old_tables.execute(f"UPDATE {TABLE} SET doc = jsonb_set(doc, '{{req,method}}', '7') WHERE id LIKE '%03-q0'")
    last = run(old)["httpcomms"]
    assert (last.looked, last.changed, last.unfit) == (COUNT, COUNT - 1, 1)


def test_lines_are_what_writers_make(old: DocumentStore, old_tables: psycopg.Connection) -> None:
    run(old)
    columns = "row(t.*)::text"
    before = old_tables.execute(f"SELECT {columns} FROM {TABLE} AS t ORDER BY id").fetchall()
    old.drop_day("httpcomms", DAY, "default")
    old.write("httpcomms", lines(some()))
    assert old_tables.execute(f"SELECT {columns} FROM {TABLE} AS t ORDER BY id").fetchall() == before
