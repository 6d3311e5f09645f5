"""A server double for each test."""

from collections.abc import Iterator

import pytest

from tests.agent.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started
