"""Connections to Redis or Valkey, and how scripts are called on them.

A `Store` is shared by the threads of a process and only holds a pool. All steps run on a `Link`: one connection, one
thread, because "is it on disk" (WAITAOF) is a question about the writes of one connection. Nothing here repeats a
command: the caller alone knows whether a lost reply is to be asked for again. A script that the server does not know
has not run, so it is loaded and called again; that is no repetition.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, cast

from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from store import breakers
from store.breakers import Breaker, BreakerOpen
from store.breakers import Settings as BreakerSettings
from store.redis import registry
from store.redis.keys import RESOURCES, ShardKeys
from store.redis.settings import DEFAULT, Settings

#: The oldest server with WAITAOF; Valkey reports its compatible version in the same place.
MINIMUM = (7, 2)
GROUP = "pollers"
SOCKET_TIMEOUT = 15
CONNECT_TIMEOUT = 5

Arg = str | bytes | int


class Wire(Protocol):
    """What we use of redis-py's connection, which carries no types: send, read, and whether it still stands."""

    @property
    def is_connected(self) -> bool: ...

    def on_connect(self) -> None: ...

    def disconnect(self) -> None: ...

    def pack_commands(self, commands: Sequence[Sequence[Arg]]) -> list[bytes]: ...

    def send_packed_command(self, command: list[bytes]) -> None: ...

    def read_response(self) -> Any: ...


class UnfitServerError(RuntimeError):
    """The server cannot keep what the protocol promises: too old, nothing written to disk, or it would evict keys."""


class RedisAway(RedisConnectionError):
    """The server failed several times in a row and is left alone for a moment: nobody was asked."""


class LostError(RedisError):
    """The connection that wrote is gone, so nobody can say whether its writes are on disk."""


def new_attempt() -> str:
    """A name that no other send of the same thing has: 16 hex digits."""
    return secrets.token_hex(8)


class Store:
    """A Redis or Valkey server that holds chunks, partitions and the outbox. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        settings: Settings = DEFAULT,
        *,
        timeout: float = SOCKET_TIMEOUT,
        breaker: Breaker | None = None,
    ) -> None:
        self.settings = settings
        self.keys = ShardKeys(settings.shard)
        self._breaker = breaker
        self._pool = ConnectionPool.from_url(
            url,
            retry=Retry(NoBackoff(), 0),
            retry_on_timeout=False,
            retry_on_error=[],
            health_check_interval=0,
            socket_timeout=timeout,
            socket_connect_timeout=min(timeout, CONNECT_TIMEOUT),
            socket_keepalive=True,
            protocol=2,
            redis_connect_func=_on_connect,
        )

    @contextmanager
    def link(self) -> Iterator["Link"]:
        """One connection for one thread, given back at the end. RedisAway at once while the breaker is open."""
        if self._breaker is None:
            with self._link() as link:
                yield link
            return
        try:
            self._breaker.check()
        except BreakerOpen as error:
            raise RedisAway(str(error)) from error
        try:
            with self._link() as link:
                yield link
        except Exception as error:
            self._breaker.ended(error)
            raise
        self._breaker.succeeded()

    @contextmanager
    def _link(self) -> Iterator["Link"]:
        connection = self._pool.get_connection()
        try:
            yield Link(cast(Wire, connection), self)
        finally:
            self._pool.release(connection)

    def close(self) -> None:
        """Closes the idle connections."""
        self._pool.disconnect()


def redis_breaker(settings: BreakerSettings = breakers.DEFAULT) -> Breaker:
    """The breaker of this very server: each process has its own, for nobody could ask Redis about Redis."""
    return Breaker("redis", judge=_judge, settings=settings)


def _judge(error: Exception) -> bool | None:
    """What an error says of Redis. Most others are its caller's own, while Redis answered."""
    if isinstance(error, RedisAway | LostError):
        return None
    return isinstance(error, RedisConnectionError | RedisTimeoutError)


def open_store(url: str, settings: Settings = DEFAULT, breaker: Breaker | None = None) -> Store:
    """Connects, checks that the server is fit, loads the scripts and creates the outbox groups.

    Raises UnfitServerError with what is wrong and what to set; redis ConnectionError when nobody answers.
    """
    store = Store(url, settings, breaker=breaker)
    with store.link() as link:
        check_server(link)
        for resource in RESOURCES:
            create_group(link, resource)
    return store


def _on_connect(connection: Wire) -> None:
    """Every new connection may meet a restarted server, so it brings the scripts."""
    connection.on_connect()
    load_scripts(connection)


def load_scripts(connection: Wire) -> None:
    """Loads every script in one round trip."""
    texts = registry.texts()
    connection.send_packed_command(connection.pack_commands([("SCRIPT", "LOAD", text) for text in texts.values()]))
    answers = _read_all(connection, len(texts))
    for answer in answers:
        if isinstance(answer, ResponseError):
            raise answer


class Link:
    """One connection: every step of the protocol is a function that takes one of these first."""

    def __init__(self, connection: Wire, store: Store) -> None:
        self._connection = connection
        self.settings = store.settings
        self.keys = store.keys

    def command(self, *args: Arg) -> Any:
        """One plain command. Raises redis ConnectionError or TimeoutError when the reply is lost; never repeats."""
        (reply,) = self.pipeline([args])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def script(self, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Runs one step by the SHA of its script."""
        sha = registry.digests()[name]
        try:
            return self.command("EVALSHA", sha, len(keys), *keys, *args)
        except NoScriptError:
            load_scripts(self._connection)
            return self.command("EVALSHA", sha, len(keys), *keys, *args)

    def script_with_values(
        self, values: Sequence[tuple[str, bytes]], name: str, keys: Sequence[str], args: Sequence[Arg]
    ) -> Any:
        """SETs values and runs one step over their names, all or nothing.

        The script goes as text: after a script flush EVALSHA would fail inside EXEC and the values would stay.
        """
        if not values:
            return self.script(name, keys, args)
        commands: list[tuple[Arg, ...]] = [("MULTI",)]
        commands += [("SET", key, value) for key, value in values]
        commands += [("EVAL", registry.texts()[name], len(keys), *keys, *args), ("EXEC",)]
        executed = self.pipeline(commands)[-1]
        answer = executed if isinstance(executed, Exception) else executed[-1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, commands: Sequence[Sequence[Arg]]) -> list[Any]:
        """Sends commands at once; answers that are errors stand in the list as values."""
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            return _read_all(self._connection, len(commands))
        except BaseException:
            # Cut short (a time limit, Ctrl-C): replies still on their way must not answer the next command.
            self._connection.disconnect()
            raise

    def durable(self) -> bool:
        """Whether all that this connection has written or been told is on disk, asked within `durable_ms`.

        False is "not known yet", never success. Raises LostError when the connection was lost since: what the old
        one wrote may be gone with the server, and a new one could not tell.
        """
        if not self._connection.is_connected:
            raise LostError("the connection was lost before its writes were known to be on disk")
        marked, answer = self.pipeline(
            [
                ("EVAL", registry.texts()["mark"], 1, self.keys.mark),
                ("WAITAOF", 1, 0, self.settings.durable_ms),
            ]
        )
        for reply in (marked, answer):
            if isinstance(reply, Exception):
                raise reply
        return bool(answer[0] >= 1)

    def now(self) -> int:
        """The server's time in milliseconds: the only clock of the protocol."""
        seconds, micros = self.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000


def _read_all(connection: Wire, number: int) -> list[Any]:
    answers: list[Any] = []
    for _ in range(number):
        try:
            answers.append(connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers


def create_group(link: Link, resource: str) -> None:
    """Creates the pollers' group of an outbox, from its very first entry; one that exists stays."""
    try:
        link.command("XGROUP", "CREATE", link.keys.out(resource), GROUP, "0", "MKSTREAM")
    except ResponseError as error:
        if not str(error).startswith("BUSYGROUP"):
            raise


def check_server(link: Link) -> None:
    """Raises UnfitServerError for a server that is too old, keeps no append-only file, or may evict keys."""
    info = server_info(link)
    version = info.get("redis_version", "0")
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM:
        raise UnfitServerError(
            f"Redis {version} is too old: Spider needs Redis 7.2 or newer, or Valkey (Debian 12 ships Redis 7.0)"
        )
    if info.get("aof_enabled") != "1":
        raise UnfitServerError("the append-only file is off: start the server with `appendonly yes`")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise UnfitServerError(f"the server may evict keys ({policy}): start it with `maxmemory-policy noeviction`")


def server_info(link: Link) -> dict[str, str]:
    """What the server says of itself (INFO), by name."""
    text: bytes = link.command("INFO")
    lines = (line for line in text.decode().splitlines() if ":" in line)
    return dict(line.split(":", 1) for line in lines)


__all__ = [
    "GROUP", "Link", "LostError", "RedisAway", "RedisConnectionError", "Store", "UnfitServerError", "check_server",
    "create_group", "new_attempt", "open_store", "redis_breaker", "server_info",
]  # fmt: skip
