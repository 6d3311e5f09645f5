"""Flow tests start from empty servers and a whisperer."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from unittest.mock import patch

import pytest

from apps.captures import services
from apps.core import servers
from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_create
from store.documents import DocumentStore
from store.documents.names import RESOURCES
from tasks import drain, kept, monitoring, reprocess, runtime, split, upload
from tests.flows.pump import Pump

TASKS = (drain, monitoring, reprocess, split, upload)


@pytest.fixture
def whisperer(transactional_db: None, redis_url: str, settings: object) -> Iterator[Whisperer]:
    """A whisperer on empty servers; nothing remembered from another test."""
    servers.forget()  # a breaker may be of a test that wanted it quick to open
    services._owner.cache_clear()
    runtime.forget()
    kept.forget()
    yield whisperer_create(name="flows", mode="FILE")
    servers.chunk_store().close()
    servers.chunk_store.cache_clear()


@pytest.fixture
def pump(whisperer: Whisperer) -> Iterator[Callable[..., Pump]]:
    """Makes pumps; while a test runs, the messages of tasks go to the latest one."""
    made: list[Pump] = []

    def make(capture: str, **more: int) -> Pump:
        made.append(Pump(whisperer, capture, **more))
        return made[-1]

    def send(name: str, args: Sequence[Any] = (), **_: Any) -> None:
        made[-1].send_task(name, args)

    with patch("celery.current_app.send_task", send):
        yield make


@pytest.fixture
def store_url(postgres_url: str) -> str:
    """Where documents are kept."""
    return postgres_url


@pytest.fixture
def store(settings: Any, store_url: str) -> Iterator[DocumentStore]:
    """The site's document store, on a real server, empty."""
    settings.DOCUMENT_STORE_URL = store_url
    servers.document_store.cache_clear()
    opened = servers.document_store()
    opened.prepare()
    yield opened
    for resource in RESOURCES:
        for part in opened.days(resource):
            opened.drop_day(resource, part.day, part.policy)
    servers.document_store.cache_clear()
    opened.close()
