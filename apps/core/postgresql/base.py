"""Django's connections to PostgreSQL behind a breaker: a server that is away is not waited for by every request.

Only connecting counts. A connection that breaks leads to the next attempt to connect, and a statement that fails says
nothing of the server; so nothing is added to a statement, and no mistake of a query can shut the site. A server that
hangs answers nothing on connections that are open: each wait on one has an end, and the first of a request a near one.
"""

from typing import Any, Self

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.utils import OperationalError

from store.breakers import BreakerOpen
from store.keepalive import GRACE, Bounded

#: Seconds within which a connection that was idle has to show that it is of use.
USABLE = 2.0


class DatabaseAway(OperationalError):
    """The server failed several times in a row and is left alone for a moment. `since` and `wait` as of BreakerOpen."""

    def __init__(self, error: BreakerOpen) -> None:
        super().__init__(str(error))
        self.since = error.since
        self.wait = error.wait


class SchemaEditor(DatabaseSchemaEditor):
    """Migrations take as long as they take."""

    def __enter__(self) -> Self:
        if not self.collect_sql:
            with self.connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = 0")
            self.connection.connection.patience = None
        super().__enter__()
        return self


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that the settings name."""

    SchemaEditorClass = SchemaEditor

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # A server's module cannot be imported before the settings are ready.
        from apps.core.servers import database_breaker

        try:
            with database_breaker().calling():
                made = super().get_new_connection(conn_params)
        except BreakerOpen as error:
            raise DatabaseAway(error) from error
        made.__class__ = Bounded  # Django makes a plain one, and has no place to say which
        made.patience = settings.DATABASE_SECONDS + GRACE
        return made

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        with self.connection.waiting_at_most(USABLE):
            return bool(super().is_usable())
