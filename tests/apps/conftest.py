"""People and traffic for the tests of apps: Alice runs Spider, Bob was given a whisperer, Charlie was given nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.core.servers import chunk_store, document_store
from apps.whisperers.models import Whisperer
from apps.whisperers.services import grant_set, whisperer_create
from store.documents import DocumentStore

PASSWORD = "correct horse battery"


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice", password=PASSWORD, is_staff=True, is_superuser=True)


@pytest.fixture
def bob(db: None) -> User:
    return User.objects.create_user("bob", password=PASSWORD)


@pytest.fixture
def charlie(db: None) -> User:
    return User.objects.create_user("charlie", password=PASSWORD)


@pytest.fixture
def whisperer(db: None) -> Whisperer:
    return whisperer_create(name="shop", mode="FILE")


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def as_alice(alice: User) -> Client:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: User, whisperer: Whisperer) -> Client:
    grant_set(whisperer=whisperer, user=bob, rights=["search", "packets"])
    return client_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return client_of(charlie)


@pytest.fixture
def site_redis(redis_url: str, settings: Any) -> Iterator[None]:
    """The site's Redis is the tests' own, and empty."""
    settings.REDIS_URL = redis_url
    chunk_store.cache_clear()
    yield
    chunk_store.cache_clear()


@pytest.fixture
def site_store_url(postgres_url: str) -> str:
    """Where the site keeps documents."""
    return postgres_url


@pytest.fixture
def site_store(site_store_url: str, settings: Any) -> Iterator[DocumentStore]:
    """The site's document store, on a real server of the tests' own."""
    settings.DOCUMENT_STORE_URL = site_store_url
    document_store.cache_clear()
    store = document_store()
    store.prepare()
    yield store
    for resource in ("packets", "httpbodies", "tcpsessions", "httpcomms"):
        for part in store.days(resource):
            store.drop_day(resource, part.day, part.policy)
    document_store.cache_clear()
    store.close()
