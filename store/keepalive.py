"""How connections to PostgreSQL notice that the other end is gone: after half a minute instead of hours. A server that
hangs is not gone, for its system keeps the connection alive: so each wait for an answer has an end of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import errors

#: Seconds of silence until the other end is asked, and between questions; milliseconds that what was sent may wait.
KEEPALIVE: Final[dict[str, Any]] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
#: Seconds that a server is given beyond the limit of a statement, to say that it was reached.
GRACE: Final = 3.0


class Bounded(psycopg.Connection[Any]):
    """A connection that is closed, with an OperationalError, when the server says nothing for `patience` seconds."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As of psycopg, which every wait for the server goes through."""
        if timeout is not None or self.patience is None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, self.patience)
        except errors._WaitTimeout as error:  # noqa: SLF001 - what psycopg raises for its `timeout`
            self.close()
            raise psycopg.OperationalError(f"the server did not answer within {self.patience:g} s") from error

    @contextmanager
    def waiting_at_most(self, seconds: float | None) -> Iterator[None]:
        """Another patience for a while."""
        before, self.patience = self.patience, seconds
        try:
            yield
        finally:
            self.patience = before
