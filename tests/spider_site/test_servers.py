"""The servers that tests and `make run` start are the real ones, with the settings that the design asks for."""

import urllib.request

import psycopg
import pytest
import redis
from django.contrib.auth import get_user_model


def test_postgres_answers_and_asks_for_its_password(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1 + 1").fetchone() == (2,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres_url.replace("spider:", "spider:wrong"))


def test_valkey_is_durable_and_never_evicts(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("key", "value")
        assert client.execute_command("WAITAOF", 1, 0, 2000)[0] == 1


def test_valkey_is_empty_for_each_test(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


@pytest.mark.django_db
def test_django_uses_the_test_server(settings, postgres):
    assert settings.DATABASES["default"]["PORT"] == str(postgres.port)
    assert get_user_model().objects.count() == 0


def test_elasticsearch_answers(elasticsearch_urls):
    for url in elasticsearch_urls:
        with urllib.request.urlopen(f"{url}/_cluster/health") as answer:
            assert answer.status == 200
