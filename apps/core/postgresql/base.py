"""Django's connections to PostgreSQL behind a breaker: a server that is away is not waited for by every request.

Only connecting counts. A connection that breaks leads to the next attempt to connect, and a statement that fails says
nothing of the server; so nothing is added to a statement, and no mistake of a query can shut the site.
"""

from typing import Any

from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from store.breakers import BreakerOpen


class DatabaseAway(OperationalError):
    """The server failed several times in a row and is left alone for a moment. `since` and `wait` as of BreakerOpen."""

    def __init__(self, error: BreakerOpen) -> None:
        super().__init__(str(error))
        self.since = error.since
        self.wait = error.wait


class DatabaseWrapper(base.DatabaseWrapper):
    """The backend that the settings name."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # A server's module cannot be imported before the settings are ready.
        from apps.core.servers import database_breaker

        try:
            with database_breaker().calling():
                return super().get_new_connection(conn_params)
        except BreakerOpen as error:
            raise DatabaseAway(error) from error
