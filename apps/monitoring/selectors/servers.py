"""The servers and what waits in them: asked side by side, for each may be away or hang, which the page is for."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from apps.captures.space import Disk, disks, short_disk
from apps.core.servers import board, chunk_store, document_store, redis_breaker
from apps.core.tasks import lists_of
from store.breakers import Record
from store.redis import work
from store.redis.connection import GROUP, Link, UnfitServerError, server_info
from store.redis.keys import RESOURCES

#: The breakers that all processes share.
SHARED: Final = {"documents": "the document store", "database": "new connections to PostgreSQL"}
#: Seconds that all of them are given together, and each by itself where it can be told so.
PATIENCE: Final = 2.0
SILENT: Final = f"It did not answer within {PATIENCE:g} s: it hangs, or is very busy."
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
    """Ask everything once; what does not answer in time is said to be away."""
    found = _ask(
        {"redis": _redis, "broker": _broker, "database": _database, "documents": _documents, "disks": disks,
         "breakers": _breakers}
    )  # fmt: skip
    redis, levels, waiting, pollers, keys = found["redis"] or (_silent("Redis"), [], {}, None, None)
    broker, queues = found["broker"] or (_silent("Broker"), {})
    database, documents = found["database"] or _silent("PostgreSQL"), found["documents"] or _silent("Document store")
    known = found["disks"] or []
    return Servers(
        [redis, broker, database, documents], found["breakers"] or [], levels, waiting, queues, pollers, keys, known,
        short_disk() if known else None,
    )  # fmt: skip


#: What each server was asked last: one that has not answered is not asked again, only waited for.
_asked: dict[str, Future[Any]] = {}


def _ask(questions: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """The answers by name, as far as they come in time; None for others."""
    asked = {name: _under_way(name, question) for name, question in questions.items()}
    wait(asked.values(), PATIENCE)
    return {name: answer.result() if answer.done() else None for name, answer in asked.items()}


def _under_way(name: str, question: Callable[[], Any]) -> Future[Any]:
    answer = _asked.get(name)
    if answer is None or answer.done():
        answer = _asked[name] = Future()
        threading.Thread(target=_answer, args=(answer, question), daemon=True).start()
    return answer


def _answer(answer: Future[Any], question: Callable[[], Any]) -> None:
    try:
        answer.set_result(question())
    except Exception as error:  # noqa: BLE001 - raised where it is waited for
        answer.set_exception(error)


def _silent(name: str) -> Server:
    return Server(name, ok=False, detail=SILENT)


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
            queues = {
                name: sum(int(client.llen(one)) for one in lists_of(name)) for name in settings.CELERY_QUEUES
            }
    except (RedisError, OSError) as error:
        return Server("Broker", ok=False, detail=_said(error)), {}
    return Server("Broker", ok=True, version="Celery's messages, in Redis"), queues


def _database() -> Server:
    """By a connection of its own, which neither waits for a breaker nor counts for one."""
    wanted = connection.get_connection_params() | {"connect_timeout": int(PATIENCE)}
    try:
        with psycopg.connect(**wanted) as own:
            version = own.info.parameter_status("server_version")
    except psycopg.Error as error:
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
