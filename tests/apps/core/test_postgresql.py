"""Django's connections to a server that hangs."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection

from apps.core.postgresql.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def hanging(wrapper: DatabaseWrapper) -> Iterator[None]:
    """The process that serves a connection is stopped; its system answers for it."""
    pid = wrapper.connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def wrapper() -> Iterator[DatabaseWrapper]:
    made = connection.copy()
    made.ensure_connection()
    yield made
    made.close()


def test_a_statement_on_a_server_that_hangs_has_an_end(wrapper: DatabaseWrapper) -> None:
    wrapper.connection.patience = 0.3
    with hanging(wrapper), wrapper.cursor() as cursor, pytest.raises(OperationalError, match=r"within 0\.3 s"):
        cursor.execute("SELECT 1")
    assert not wrapper.is_usable()
    wrapper.close_if_unusable_or_obsolete()
    with wrapper.cursor() as cursor:  # a new connection
        cursor.execute("SELECT 1")


def test_a_connection_that_hangs_is_found_unusable(wrapper: DatabaseWrapper) -> None:
    with hanging(wrapper):
        assert not wrapper.is_usable()


def test_statements_have_a_limit_and_migrations_none(wrapper: DatabaseWrapper) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("20s",)
    with wrapper.schema_editor(), wrapper.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
