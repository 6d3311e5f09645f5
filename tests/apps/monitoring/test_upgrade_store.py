"""Old days are brought up by a command, and until then it is said where conditions find less."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from psycopg import sql

from documents.bulk import lines
from documents.query import parse
from spider_site import checks
from spider_site.places import BASE
from store.documents import EVERYTHING, DocumentStore
from store.documents.postgres import upgrade
from tests.apps.conftest import client_of
from tests.store.documents.samples import DAY, comm

pytestmark = pytest.mark.django_db
TABLE = f"spider_httpcomms_{DAY}_default"


@pytest.fixture
def old(site_store: DocumentStore, postgres_url: str) -> Iterator[DocumentStore]:
    """A day whose table has no column for the method."""
    site_store.write("httpcomms", lines([comm(n) for n in range(25)]))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE spider_httpcomms DROP COLUMN req_method")
        admin.execute(f"COMMENT ON TABLE {TABLE} IS NULL")
        admin.execute(f"ANALYZE {TABLE}")
    site_store.prepare()
    yield site_store
    site_store.drop_day("httpcomms", DAY, "default")


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("upgrade_store", *arguments, stdout=out)
    return out.getvalue()


def gets(store: DocumentStore) -> int:
    return store.count("httpcomms", EVERYTHING, parse("req.method:GET"))


def test_a_run_says_how_far_it_is_and_what_it_did(old: DocumentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("--dry-run")
    assert "1 day of a resource, about 25 documents" in said
    assert f"{DAY}  default  httpcomms    look at each document (about 25 documents)" in said
    assert gets(old) == 0
    monkeypatch.setattr(upgrade, "BATCH", 10)
    monkeypatch.setattr("apps.monitoring.management.commands.upgrade_store.EVERY", -1.0)
    said = run()
    assert "documents: 10 of about 25 looked at, 10 changed" in said
    assert "done: 25 of about 25 looked at, 25 changed" in said
    assert said.endswith("All days are as this program wants them.\n")
    assert gets(old) == 25
    assert "Behind it: 0 days" in run()


def test_one_that_is_told_to_stop_says_so_and_the_next_goes_on(
    old: DocumentStore, postgres_url: str, redis_url: str
) -> None:
    for start in range(100, 10_000, 2_000):
        old.write("httpcomms", lines([comm(n) for n in range(start, start + 2_000)]))
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"UPDATE {TABLE} SET req_method = NULL")
    process = subprocess.Popen(
        [sys.executable, "manage.py", "upgrade_store"],
        cwd=BASE,
        env={**os.environ, "SPIDER_DATABASE_URL": postgres_url, "SPIDER_REDIS_URL": redis_url}
        | {"DJANGO_SETTINGS_MODULE": "spider_site.settings", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert any("looked at" in line for line in iter(process.stdout.readline, "")), process.communicate()
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Stopped. Run it again to go on." in error
    done = gets(old)
    assert 0 < done < 10_025
    assert f"{10_025 - done:,} changed" in run()
    assert gets(old) == 10_025


def test_until_then_page_api_and_check_say_where_less_is_found(old: DocumentStore, alice: User) -> None:
    client = client_of(alice)
    assert "python manage.py upgrade_store" in client.get("/monitoring/storage/").content.decode()
    assert "upgrade_store" in client.get("/api/v1/monitoring/storage/").json()["behind"]
    assert "spider.W007" in {str(found.id) for found in checks.servers()}
    run()
    assert "upgrade_store" not in client.get("/monitoring/storage/").content.decode()
    assert client.get("/api/v1/monitoring/storage/").json()["behind"] == ""
    assert "spider.W007" not in {str(found.id) for found in checks.servers()}


def test_what_a_newer_program_made_is_left_alone(site_store: DocumentStore, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        row = admin.execute("SELECT obj_description('spider_hosts'::regclass, 'pg_class')").fetchone()
        admin.execute("""COMMENT ON TABLE spider_hosts IS '{"version": 99, "least": 99}'""")
        try:
            with pytest.raises(CommandError, match="newer program"):
                run()
            assert "spider.E016" in {str(found.id) for found in checks.servers()}
        finally:
            admin.execute(sql.SQL("COMMENT ON TABLE spider_hosts IS {}").format(row[0] if row else None))
