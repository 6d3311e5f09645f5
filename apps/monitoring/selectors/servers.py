"""The servers and what waits in them: asked one by one, for each may be away, which is what the page is for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeVar

from django.conf import settings
from django.db import DatabaseError, connection
from redis import Redis
from redis.exceptions import RedisError

from apps.captures.space import Disk, disks, short_disk
from apps.core.servers import board, chunk_store, document_store, redis_breaker
from store.breakers import Record
from store.redis import work
from store.redis.connection import GROUP, Link, UnfitServerError, server_info
from store.redis.keys import RESOURCES

T = TypeVar("T")

#: The breakers that all processes share.
SHARED: Final = {"documents": "the document store", "database": "new connections to PostgreSQL"}
#: Seconds that the broker is given.
PATIENCE: Final = 2.0
#: A poller that asked for work within so many ms is alive.
ALIVE_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Server:
    """One server: whether it answers, its version, and what is wrong with it in words."""

    name: str
    ok: bool
    version: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """A circuit breaker. `since` and `tripped`: moments, None for never; `failures` in a row so far."""

    name: str
    guards: str
    state: str
    failures: int
    since: datetime | None
    trips: int
    tripped: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Level:
    """Bytes that wait, and the most that may."""

    name: str
    bytes: int
    limit: int

    @property
    def share(self) -> float:
        """Of the limit, in percent."""
        return min(100.0 * self.bytes / self.limit, 100.0) if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class Servers:
    """All of it, as of now. What could not be asked is absent."""

    servers: list[Server]
    breakers: list[BreakerState]
    levels: list[Level] = field(default_factory=list)
    waiting: Mapping[str, int] = field(default_factory=dict)
    queues: Mapping[str, int] = field(default_factory=dict)
    pollers: int | None = None
    keys: int | None = None
    disks: list[Disk] = field(default_factory=list)
    short: Disk | None = None


def servers() -> Servers:
    """Ask everything once."""
    redis, levels, waiting, pollers, keys = _redis()
    broker, queues = _broker()
    return Servers(
        [redis, broker, _database(), _documents()], _breakers(), levels, waiting, queues, pollers, keys, disks(),
        short_disk(),
    )  # fmt: skip


def _redis() -> tuple[Server, list[Level], dict[str, int], int | None, int | None]:
    try:
        with chunk_store().link() as link:
            info = server_info(link)
            figures = dict(work.figures(link))
            pollers, keys = _pollers(link), int(link.command("DBSIZE"))
    except (RedisError, UnfitServerError, OSError) as error:
        return Server("Redis", ok=False, detail=_said(error)), [], {}, None, None
    limits = {"chunks": settings.CHUNKS_HARD, "out": settings.OUTBOX_LIMIT, "state": settings.STATE_LIMIT}
    levels = [Level(name, figures.pop(f"bytes.{name}"), limit) for name, limit in limits.items()]
    name = info.get("server_name", "redis")
    version = f"{name} {info.get(f'{name}_version', info.get('redis_version', ''))}"
    return Server("Redis", ok=True, version=version), levels, figures, pollers, keys


def _pollers(link: Link) -> int:
    """Pollers that asked lately, by name, whatever they ask for."""
    answers = link.pipeline([("XINFO", "CONSUMERS", link.keys.out(resource), GROUP) for resource in RESOURCES])
    # A stream that was flushed away has no group, which is an error in its place: nobody asks for it.
    asking = [flat for answer in answers if isinstance(answer, list) for flat in answer]
    consumers = [dict(zip(flat[::2], flat[1::2], strict=True)) for flat in asking]
    return len({consumer[b"name"] for consumer in consumers if consumer[b"idle"] < ALIVE_MS})


def _broker() -> tuple[Server, dict[str, int]]:
    client = Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
    try:
        with client:
            queues = {name: int(client.llen(name)) for name in settings.CELERY_QUEUES}
    except (RedisError, OSError) as error:
        return Server("Broker", ok=False, detail=_said(error)), {}
    return Server("Broker", ok=True, version="Celery's messages, in Redis"), queues


def _database() -> Server:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            (version,) = cursor.fetchone()
    except DatabaseError as error:
        return Server("PostgreSQL", ok=False, detail=_said(error))
    return Server("PostgreSQL", ok=True, version=str(version))


def _documents() -> Server:
    health = document_store().health()
    return Server("Document store", health.ok, f"{health.engine} {health.version}".strip(), health.detail)


def _breakers() -> list[BreakerState]:
    found = [_breaker(name, guards, board().read(name)) for name, guards in SHARED.items()]
    return [*found, _breaker("redis", "Redis, in the process that answers", redis_breaker().status())]


def _breaker(name: str, guards: str, record: Record) -> BreakerState:
    return BreakerState(
        name, guards, record.state, record.failures, _moment(record.since), record.trips, _moment(record.tripped),
        record.reason,
    )  # fmt: skip


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _said(error: Exception) -> str:
    """An error in a line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"
