"""Connections to PostgreSQL, and what their errors mean.

A handful of idle connections is kept and shared by the threads of a process; each is used by one at a time. An error is
either about the data (its SQLSTATE class says so) or about the server; nothing is tried again here.
"""

import select
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import orjson
import psycopg
from psycopg import errors, sql
from psycopg.types.json import set_json_loads

from store.documents.base import BadRequest, BatchRefused, StoreBusy, StoreError, StoreUnavailable, TookTooLong
from store.keepalive import GRACE, KEEPALIVE, Bounded

Connection = Bounded
R = TypeVar("R")

#: Classes of SQLSTATE that blame the data: data exception, integrity, a program limit (an index entry too long).
_DATA_CLASSES = ("22", "23", "54")
#: Invalid regular expression. Queries were checked before, so it is one that takes too much to prepare.
_BAD_PATTERN = "2201B"

#: What an answering server could not do now: transaction rollback (deadlock), lock not available, query canceled.
_BUSY = ("40", "55", "57014")

#: Every statement of ours goes through an index or over one day at a time; beyond this a search is given up.
STATEMENT_TIMEOUT = 60.0


class Pool:
    """Connections by need, at most `keep` of them kept when idle. Safe between threads."""

    def __init__(self, url: str, keep: int = 8) -> None:
        self._url = url
        self._idle: deque[Connection] = deque(maxlen=keep)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection in autocommit mode. psycopg's errors come out as the store's."""
        with translated():
            connection = self._take()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give(connection)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> Connection:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._connect()
            if _alive(connection):
                return connection
            connection.close()

    def _give(self, connection: Connection) -> None:
        idle = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if not idle or len(self._idle) == self._idle.maxlen:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> Connection:
        # Statements stay unprepared: their plans depend on the values (which partial index fits, how many rows).
        connection = Bounded.connect(
            self._url, autocommit=True, prepare_threshold=None, connect_timeout=5, application_name="spider-documents",
            **KEEPALIVE,
        )  # fmt: skip
        connection.patience = STATEMENT_TIMEOUT + GRACE
        set_json_loads(orjson.loads, connection)
        connection.execute(_settings())
        return connection


@contextmanager
def bounded(connection: Connection, seconds: float | None) -> Iterator[None]:
    """Statements that end after so many seconds, TookTooLong; as long as all others where None."""
    if seconds is None:
        yield
        return
    try:
        with connection.waiting_at_most(seconds + GRACE), connection.transaction():
            limit = f"{max(int(seconds * 1000), 1)}ms"
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(limit))
            yield
    except errors.QueryCanceled as error:
        raise TookTooLong(f"PostgreSQL did not answer within {seconds:g} s") from error


def _settings() -> sql.Composed:
    # Staging tables stay in memory up to temp_buffers; the default of 8 MB would write each batch to a file.
    # jit costs more than it gives on statements over many small tables.
    return sql.SQL("SET temp_buffers = '64MB'; SET jit = off; SET statement_timeout = {}").format(
        f"{STATEMENT_TIMEOUT:g}s"
    )


def _alive(connection: Connection) -> bool:
    """Whether an idle connection is still good. The server says nothing unasked, but that it is going."""
    if connection.closed:
        return False
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLIN)
    return not watch.poll(0)


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into the store's."""
    try:
        yield
    except psycopg.Error as error:
        state = error.sqlstate or ""
        message = (error.diag.message_primary or str(error) or type(error).__name__).splitlines()[0]
        if state == _BAD_PATTERN:
            raise BadRequest(f"PostgreSQL cannot search for that: {message}") from error
        if state.startswith(_DATA_CLASSES):
            raise BatchRefused(message) from error
        if state.startswith(_BUSY):
            raise StoreBusy(f"PostgreSQL: {message}") from error
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            raise StoreUnavailable(f"PostgreSQL: {message}") from error
        raise StoreError(f"PostgreSQL: {message}") from error


def once_more_if_missing(prepare: Callable[[], None], action: Callable[[], R]) -> R:
    """Run `action`; when a table is missing (retention dropped it, or nobody made it yet), prepare and run again."""
    try:
        return action()
    except errors.UndefinedTable:
        prepare()
        return action()
