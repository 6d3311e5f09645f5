"""What `manage.py check` says of our own settings and servers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from apps.core.servers import chunk_store, document_store
from spider_site import checks
from spider_site.run.servers import Postgres


@pytest.fixture
def servers(redis_url: str, postgres_url: str, settings: Any) -> Iterator[None]:
    """The site's Redis and document store are the tests' own."""
    settings.REDIS_URL, settings.DOCUMENT_STORE_URL = redis_url, postgres_url
    chunk_store.cache_clear()
    document_store.cache_clear()
    document_store().prepare()
    yield
    chunk_store.cache_clear()
    document_store.cache_clear()


def ids(found: list[Any]) -> set[str]:
    return {str(one.id) for one in found}


def test_the_defaults_do_not_contradict_each_other() -> None:
    assert not {one for one in ids(run_checks()) if one.startswith("spider")}


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("CHUNKS_HARD", 384 << 20, "spider.E001"),
        ("CHUNKS_SOFT", 417 << 20, "spider.E001"),
        ("CHUNK_LIMIT", 65 << 20, "spider.E001"),
        ("PACKET_RETENTION_DAYS", 8, "spider.E002"),
        ("PACKET_RETENTION_DAYS", 0, "spider.E002"),
    ],
)
def test_limits_that_contradict_each_other_are_errors(settings: Any, name: str, value: int, id: str) -> None:
    setattr(settings, name, value)
    (found,) = checks.limits()
    assert found.id == id
    assert found.hint


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("CHUNKS_SOFT", 321 << 20, "spider.W008"),
        ("CHUNK_LIMIT", 33 << 20, "spider.W008"),
        ("CHUNKS_SHARE", 321 << 20, "spider.W011"),
        ("DEBUG", True, "spider.E017"),
    ],
)
def test_what_would_surprise_is_a_finding_of_a_deployment(settings: Any, name: str, value: int, id: str) -> None:
    before = ids(checks.deployment())
    setattr(settings, name, value)
    assert not checks.limits()
    assert ids(checks.deployment()) - before == {id}


@pytest.mark.parametrize(
    ("given", "id"),
    [
        ({"SPIDER_HOST": "0.0.0.0"}, "spider.W010"),
        ({"SPIDER_HOST": "0.0.0.0", "SPIDER_FLOWER_PASSWORD": "one,two"}, "spider.E019"),
        ({"SPIDER_HOST": "0.0.0.0", "SPIDER_FLOWER_PASSWORD": "onetwo"}, None),
        ({"SPIDER_HOST": "0.0.0.0", "SPIDER_FLOWER_PORT": "0"}, None),
    ],
)
def test_flower_has_a_password_of_its_own(given: dict[str, str], id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPIDER_HOST", "SPIDER_FLOWER_PORT", "SPIDER_FLOWER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    before = ids(checks.deployment())
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert ids(checks.deployment()) - before == ({id} if id else set())


def test_a_number_below_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIDER_WINDOW", "0")
    (found,) = checks.limits()
    assert "SPIDER_WINDOW" in found.msg


def test_a_laptop_is_no_deployment(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.REDIS_URL = "redis://redis.example:6379/0"
    settings.CELERY_BROKER_URL = "redis://:secret@redis.example:6379/1"
    settings.ELASTICSEARCH_URL = "http://127.0.0.1:9200,http://elastic.example:9200"
    found = checks.deployment()
    assert ids(found) == {f"spider.W00{n}" for n in (1, 2, 4, 5, 6)}
    for name in ("SPIDER_SECRET_KEY", "SPIDER_MASK_KEY"):
        monkeypatch.setenv(name, "x" * 50)
    monkeypatch.setenv("SPIDER_HTTPS", "1")
    settings.ALLOWED_HOSTS = ["spider.example"]
    settings.REDIS_URL, settings.ELASTICSEARCH_URL = settings.CELERY_BROKER_URL, ""
    assert ids(checks.deployment()) == {"spider.W003"}
    monkeypatch.setenv("SPIDER_BEHIND_PROXY", "1")
    assert checks.deployment() == []


@pytest.mark.django_db
def test_servers_that_are_well_have_nothing_said_of_them(servers: None) -> None:
    assert checks.servers() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("maxmemory", str(600 << 20), "spider.E014"),
        ("maxmemory", "0", "spider.W009"),
        ("maxmemory-policy", "allkeys-lru", "spider.E012"),
        ("appendonly", "no", "spider.E012"),
        ("appendfsync", "no", "spider.E018"),
    ],
)
def test_a_redis_that_cannot_keep_its_word_is_named(
    servers: None, redis_url: str, name: str, value: str, id: str
) -> None:
    with chunk_store().link() as link:
        _, before = link.command("CONFIG", "GET", name)
        link.command("CONFIG", "SET", name, value)
        try:
            (found,) = checks.servers()
        finally:
            link.command("CONFIG", "SET", name, before)
    assert found.id == id


@pytest.mark.django_db
def test_servers_that_are_away_are_named(servers: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.DOCUMENT_STORE_URL = "http://127.0.0.1:1"
    chunk_store.cache_clear()
    document_store.cache_clear()
    assert ids(checks.servers()) == {"spider.E013", "spider.E015"}


@pytest.mark.django_db
def test_missing_migrations_are_named(servers: None, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.create_database("bare")
    monkeypatch.setitem(connection.settings_dict, "NAME", "bare")
    (found,) = checks.servers()
    assert found.id == "spider.E011"
    assert found.hint == "Run: python manage.py migrate"
