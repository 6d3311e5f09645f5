"""What processes say and do at their start when the servers are older or newer than the program."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from apps.core import servers, startup
from documents.bulk import lines
from spider_site.places import BASE
from spider_site.run.servers import Postgres
from store.documents import open_store
from tests.store.documents.samples import DAY, comm

CELERY = ["-m", "celery", "-A", "spider_site"]
STARTS = {
    "web": ["-c", "import spider_site.wsgi"],
    "worker": [*CELERY, "worker", "-Q", "split", "-P", "solo"],
}


@pytest.fixture
def bare(postgres: Postgres) -> str:
    """A database without any table."""
    postgres.create_database("bare")
    return postgres.url("bare")


@pytest.fixture
def store_url(postgres_url: str, settings: Any) -> Iterator[str]:
    """A document store of a day that is behind."""
    settings.DOCUMENT_STORE_URL = postgres_url
    servers.forget()
    store = open_store(postgres_url)
    for resource in ("httpcomms", "tcpsessions", "packets", "httpbodies", "monitoring", "hosts", "rejected"):
        for day in store.days(resource):
            store.drop_day(resource, day.day, day.policy)
    store.write("httpcomms", lines([comm(n) for n in range(3)]))
    comment(postgres_url, f"spider_httpcomms_{DAY}_default", None)
    yield postgres_url
    store.drop_day("httpcomms", DAY, "default")
    store.close()
    servers.forget()


def comment(url: str, table: str, text: str | None) -> str:
    """Put a comment, and give the one that was there."""
    with psycopg.connect(url, autocommit=True) as admin:
        row = admin.execute("SELECT obj_description(%s::regclass, 'pg_class')", [table]).fetchone()
        said = "NULL" if text is None else f"'{text}'"
        admin.execute(f"COMMENT ON TABLE {table} IS {said}")
    return row[0] if row else ""


def start(name: str, url: str, redis_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *STARTS[name]],
        cwd=BASE,
        env={**os.environ, "SPIDER_DATABASE_URL": url, "SPIDER_REDIS_URL": redis_url, "SPIDER_BROKER_URL": redis_url}
        | {"DJANGO_SETTINGS_MODULE": "spider_site.settings"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", STARTS)
def test_web_and_workers_do_not_start_on_tables_that_are_not_there(name: str, bare: str, redis_url: str) -> None:
    ended = start(name, bare, redis_url)
    assert ended.returncode == 1
    said = ended.stderr.strip().splitlines()[-1]
    assert said.startswith(f"Spider's {name} does not start. The site's tables are older than this program: ")
    assert said.endswith("Run: python manage.py migrate")


def test_without_an_answer_processes_start(redis_url: str) -> None:
    ended = start("web", "postgresql://spider:x@127.0.0.1:1/spider", redis_url)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("start.not_looked_at") == 2


@pytest.mark.django_db
def test_days_that_are_behind_are_said_and_stop_nobody(store_url: str, caplog: pytest.LogCaptureFixture) -> None:
    (found,) = startup.findings()
    assert (found.kind, found.run) == ("behind", "python manage.py upgrade_store")
    assert "fields that came later" in found.says
    for process in startup.STOPS:
        startup.look(process)
    assert caplog.text.count("python manage.py upgrade_store") == len(startup.STOPS)


@pytest.mark.django_db
def test_a_store_that_a_newer_program_made_stops_all_but_beat(store_url: str) -> None:
    before = comment(store_url, "spider_httpcomms", '{"version": 99, "least": 98, "complete": 99}')
    try:
        for process in startup.STOPS.keys() - {"beat"}:
            with pytest.raises(SystemExit, match="version 99"):
                startup.look(process)
        startup.look("beat")
        # One that older programs may use stops nobody.
        comment(store_url, "spider_httpcomms", '{"version": 99, "least": 3, "complete": 99}')
        startup.look("poller")
    finally:
        comment(store_url, "spider_httpcomms", before)
