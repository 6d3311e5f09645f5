"""What a process looks at before it starts: whether the servers are as old as the program, and what to run if not.

It is said in one line of the log. A process stops only where going on would do harm: pages and tasks on tables that
are not there, and documents written into a store that a newer program made so that this one would break it. A server
that does not answer says nothing: processes start without it, as ever. Connections are of this module's own and closed
behind it, because the web forks after this.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import errors

from store.documents import STORE_VERSION, StoreError, StoreVersion, open_store

log = structlog.get_logger(__name__)

MIGRATIONS: Final = "migrations"
NEWER: Final = "newer"
BEHIND: Final = "behind"

#: What keeps each process from starting. Pollers use none of the site's tables; beat only says when.
STOPS: Final[dict[str, frozenset[str]]] = {
    "web": frozenset({MIGRATIONS, NEWER}),
    "worker": frozenset({MIGRATIONS, NEWER}),
    "poller": frozenset({NEWER}),
    "beat": frozenset(),
}
UPGRADE: Final = "python manage.py upgrade_store"
_PARAMETERS = ("host", "port", "dbname", "user", "password", "connect_timeout")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as this program wants it, in words, and what to run."""

    kind: str
    says: str
    run: str


def look(process: str) -> None:
    """Say what is to be done; SystemExit with the reason where `process` must not start."""
    for finding in findings():
        if finding.kind in STOPS[process]:
            raise SystemExit(f"Spider's {process} does not start. {finding.says} Run: {finding.run}")
        log.warning("start.upgrade", says=finding.says, run=finding.run)


def findings() -> Iterator[Finding]:
    """What is missing, of the servers that answer."""
    try:
        if missing := missing_migrations():
            yield Finding(
                MIGRATIONS,
                f"The site's tables are older than this program: {len(missing)} migrations are missing"
                f" ({', '.join(missing[:3])}{' …' if missing[3:] else ''}).",
                "python manage.py migrate",
            )
    except psycopg.OperationalError as error:
        log.warning("start.not_looked_at", server="PostgreSQL", error=type(error).__name__)
    try:
        if finding := store_finding(stored_version()):
            yield finding
    except StoreError as error:
        log.warning("start.not_looked_at", server="document store", error=str(error))


def missing_migrations() -> list[str]:
    """Migrations that were not applied, as app.name. Raises psycopg.OperationalError without an answer."""
    given = connection.get_connection_params()
    with psycopg.connect(**{name: given[name] for name in _PARAMETERS if given.get(name)}) as link:
        try:
            applied = set(link.execute("SELECT app, name FROM django_migrations").fetchall())
        except errors.UndefinedTable:
            applied = set()
    wanted = MigrationLoader(None).disk_migrations.keys()
    return [f"{app}.{name}" for app, name in sorted(wanted - applied)]


def stored_version() -> StoreVersion:
    """What the document store holds, asked over a connection of its own. Raises StoreError."""
    store = open_store(settings.DOCUMENT_STORE_URL)
    try:
        return store.stored_version()
    finally:
        store.close()


def store_finding(found: StoreVersion) -> Finding | None:
    """What its version means for this program; None where it is as it should be."""
    if found.too_new:
        return Finding(
            NEWER,
            f"The document store is of version {found.version}, made by a newer program; this one knows version"
            f" {STORE_VERSION}, and the oldest that may use the store is {found.least}.",
            "the newer program, in all processes",
        )
    if found.behind:
        days = {(day.day, day.policy) for day in found.behind}
        return Finding(BEHIND, f"{_lacking(found)} Days: {len(days)}, from {min(days)[0]} to {max(days)[0]}.", UPGRADE)
    return None


def _lacking(found: StoreVersion) -> str:
    known = [day.fields for day in found.behind if day.fields is not None]
    names = sorted(frozenset().union(*known))
    if len(known) < len(found.behind):
        which = "conditions on fields that came later may not find"
    elif names:
        which = f"conditions on {', '.join(names[:3])}{' …' if names[3:] else ''} do not find"
    else:
        return "Documents are stored that lack indexes of this program, so searches of them are slower."
    return f"Documents are stored that are older than this program: {which} all of them."
