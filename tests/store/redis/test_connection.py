"""How scripts are called: by SHA, loaded again when forgotten, never twice; and what a server must be able to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError

from store.redis import captures, chunks, outbox, partitions, registry
from store.redis.connection import (
    Link,
    LostError,
    Store,
    UnfitServerError,
    check_server,
    open_store,
)
from store.redis.outbox import Entry
from store.redis.partitions import Step
from tests.store.redis.conftest import SMALL
from tests.store.redis.proxy import Proxy
from tests.store.redis.tools import CAPTURE, accepted, capture_keys, counters, leased, opened, sizes, split


@contextmanager
def configured(link: Link, **values: str) -> Iterator[None]:
    """Settings of the server changed for a while."""
    names = {name.replace("_", "-"): value for name, value in values.items()}
    before = {name: link.command("CONFIG", "GET", name)[1] for name in names}
    for name, value in names.items():
        link.command("CONFIG", "SET", name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            link.command("CONFIG", "SET", name, value)


@pytest.fixture
def admin(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def proxy(redis_url: str) -> Iterator[Proxy]:
    one = Proxy(redis_url)
    yield one
    one.close()


def test_scripts_are_loaded_at_start(store: Store, admin: redis.Redis) -> None:
    assert all(admin.script_exists(*registry.digests().values()))


def test_scripts_come_back_after_a_flush_of_the_server(link: Link, admin: redis.Redis) -> None:
    admin.script_flush()
    opened(link)
    assert all(admin.script_exists(*registry.digests().values()))


def test_scripts_come_back_with_a_new_connection(store: Store, admin: redis.Redis) -> None:
    admin.script_flush()
    store.close()
    with store.link() as link:
        assert all(link.command("SCRIPT", "EXISTS", *registry.digests().values()))


def test_values_and_script_go_together_even_after_a_flush(link: Link, admin: redis.Redis) -> None:
    opened(link)
    admin.script_flush()
    assert accepted(link, 0).word == "ok"
    admin.script_flush()
    assert accepted(link, 0).word == "dup"
    assert len([name for name in capture_keys(link) if ":raw:" in name]) == 1


def test_every_script_says_how_it_runs_and_those_that_free_memory_run_without_any() -> None:
    freeing = {"commit", "quarantine", "quarantine_chunk", "confirm", "close", "flush", "take_lease", "release", "mark"}
    for name, text in registry.texts().items():
        first = text.split(b"\n", 1)[0]
        assert first in {b"#!lua", b"#!lua flags=allow-oom"}, name
        assert name not in freeing or b"allow-oom" in first, name


def test_a_lost_reply_does_not_repeat_a_script(store: Store, proxy: Proxy, link: Link) -> None:
    opened(link)
    through = Store(proxy.url, SMALL)
    accepted(link, 0)
    split(link, 0, [None, None])
    lease = leased(link)
    step = Step(0, 1, entries=[Entry("httpcomms", b"doc", 1)])
    with through.link() as broken:
        proxy.swallow()
        with pytest.raises(LostConnectionError):
            partitions.commit(broken, lease, step)
        assert proxy.connections == 1
        assert sizes(link)["out"] == 3
        assert partitions.commit(broken, lease, step).word == "done"
        assert proxy.connections == 2
    assert sizes(link)["out"] == 3
    through.close()


def test_a_lost_reply_of_a_plain_command_does_not_repeat_it(store: Store, proxy: Proxy, link: Link) -> None:
    through = Store(proxy.url, SMALL)
    with through.link() as broken:
        proxy.swallow()
        with pytest.raises(LostConnectionError):
            broken.command("INCR", "counted")
    assert link.command("GET", "counted") == b"1"
    through.close()


def test_a_lost_reply_of_an_upload_is_a_duplicate_when_sent_again(store: Store, proxy: Proxy, link: Link) -> None:
    opened(link)
    through = Store(proxy.url, SMALL)
    with through.link() as broken:
        proxy.swallow()
        with pytest.raises(LostConnectionError):
            accepted(broken, 0)
        assert accepted(broken, 0).word == "dup"
    assert counters(link)["packets.uploaded"] == 10
    through.close()


def test_what_was_written_is_known_to_be_on_disk(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    assert link.durable() is True


def test_a_connection_that_wrote_nothing_may_ask_too(store: Store) -> None:
    with store.link() as link:
        assert link.durable() is True


def test_a_timeout_is_not_an_answer_of_success(redis_url: str, link: Link) -> None:
    hasty = Store(redis_url, replace(SMALL, durable_ms=20))
    with configured(link, appendfsync="no"), hasty.link() as one:
        one.command("SET", "something", "1")
        assert one.durable() is False
    hasty.close()


def test_after_a_lost_connection_nobody_can_say(store: Store, proxy: Proxy) -> None:
    through = Store(proxy.url, SMALL)
    with through.link() as broken:
        broken.command("SET", "something", "1")
        proxy.swallow()
        with pytest.raises(LostConnectionError):
            broken.command("GET", "something")
        with pytest.raises(LostError):
            broken.durable()
    through.close()


def test_over_its_memory_the_server_refuses_values_whole_and_runs_what_frees(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    lease = leased(link)
    step = Step(0, 1, entries=[Entry("httpcomms", b"doc", 1)])
    lease = partitions.commit(link, lease, step).lease
    with configured(link, maxmemory="1"):
        before = capture_keys(link), sizes(link)
        with pytest.raises((OutOfMemoryError, ResponseError)):
            accepted(link, 1)
        with pytest.raises((OutOfMemoryError, ResponseError)):
            partitions.commit(link, lease, Step(1, 0, entries=[Entry("httpcomms", b"doc", 1, blob=True)]))
        with pytest.raises(OutOfMemoryError):
            captures.finish(link, CAPTURE, 0)
        assert (capture_keys(link), sizes(link)) == before
        assert outbox.confirm(link, outbox.claim(link, "httpcomms", "me")) == 1
        assert partitions.commit(link, lease, Step(1, 0)).word == "ok"
        assert link.durable() is True
        assert sizes(link) == {"chunks": 0, "out": 0, "state": 0}
    assert accepted(link, 1).word == "ok"


def test_a_connection_made_over_memory_brings_its_scripts(store: Store, link: Link) -> None:
    with configured(link, maxmemory="1"):
        link.command("SCRIPT", "FLUSH")
        store.close()
        with store.link() as fresh:
            assert all(fresh.command("SCRIPT", "EXISTS", *registry.digests().values()))


class Server:
    """Answers INFO as a server of this kind does."""

    def __init__(self, **info: str) -> None:
        known = {"redis_version": "7.2.4", "aof_enabled": "1", "maxmemory_policy": "noeviction"}
        self.info = "# Server\r\n" + "\r\n".join(f"{name}:{value}" for name, value in {**known, **info}.items())

    def command(self, *_: object) -> Any:
        return self.info.encode()


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"redis_version": "7.0.15"}, "Redis 7.0.15 is too old"),
        ({"redis_version": "6.2"}, "too old"),
        ({"aof_enabled": "0"}, "appendonly yes"),
        ({"maxmemory_policy": "allkeys-lru"}, "noeviction"),
    ],
)
def test_an_unfit_server_is_named_with_its_remedy(info: dict[str, str], message: str) -> None:
    with pytest.raises(UnfitServerError, match=message):
        check_server(Server(**info))


@pytest.mark.parametrize("version", ["7.2.0", "7.4.1", "8.0.2", "10.1"])
def test_newer_servers_are_fit(version: str) -> None:
    check_server(Server(redis_version=version))


def test_a_server_that_keeps_nothing_on_disk_is_refused_at_start(redis_url: str, link: Link) -> None:
    with configured(link, maxmemory_policy="volatile-lru"), pytest.raises(UnfitServerError, match="volatile-lru"):
        open_store(redis_url, SMALL)


def test_nobody_there_is_an_error_at_once() -> None:
    with pytest.raises(LostConnectionError):
        open_store("redis://127.0.0.1:1/0", SMALL)


def test_a_script_error_reaches_the_caller(link: Link) -> None:
    opened(link, 2)
    own = link.keys.capture(CAPTURE)
    names = [own.meta, own.chunks, link.keys.work, link.keys.captures, own.partition(0)]
    with pytest.raises(ResponseError, match="the capture has 2 partitions"):
        link.script("final", names, [CAPTURE, 0, 4, 0])


def test_an_error_inside_a_transaction_reaches_the_caller(link: Link) -> None:
    with pytest.raises(ResponseError):
        link.script_with_values([("value", b"x")], "final", ["value"], ["c", "0", "4", "0"])


def test_chunks_of_any_bytes_survive_the_way(link: Link) -> None:
    opened(link)
    body = bytes(range(256)) * 4 + b"\r\n$5\r\n"
    chunks.accept(link, CAPTURE, 0, body, digest="d", packets=1)
    job = chunks.take_split(link, CAPTURE, 0, "t")
    assert job is not None
    assert chunks.raw(link, CAPTURE, job.chunk) == body
