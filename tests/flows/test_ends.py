"""Whatever happens to workers, messages, replies and servers on the way, the end is the same and nothing is left."""

import random
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError, connections
from redis.exceptions import RedisError

from apps.captures.models import Capture as CaptureRow
from apps.captures.sample import shop
from apps.core import servers
from apps.whisperers.models import Whisperer
from store.redis.connection import Link
from tasks import drain, monitoring, runtime, split
from tests.captures import Capture, request, response
from tests.flows import expect
from tests.flows.pump import Pump, cut_at
from tests.store.redis.proxy import Proxy
from wire import slices
from wire.rebuild import Rebuilder

DATA = shop.capture(1_790_000_000_000_000_000, seconds=5, seed=7).pcap()
WHOLE = expect.whole(DATA)
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS * n // 6 for n in range(1, 6)])


def check(run: Pump) -> None:
    """The result is that of the whole file, every packet is accounted for, and nothing is left."""
    row = run.finish()
    expect.same(expect.found_by(run), WHOLE)
    expect.nothing_left()
    assert "packets.quarantined" not in expect.balanced(row, RECORDS)
    assert expect.second_tries() == {}


def send(run: Pump) -> None:
    run.upload(PIECES, range(len(PIECES)))
    run.end(len(PIECES) - 1)


@pytest.fixture(params=[8, 1], ids=["P=8", "P=1"])
def run(request: pytest.FixtureRequest, settings: Any, pump: Callable[..., Pump]) -> Pump:
    settings.PARTITIONS = request.param
    return pump("capture-ends")


def test_one_after_the_other(run: Pump) -> None:
    send(run)
    check(run)


def test_one_partition_whose_chunks_are_too_big_for_a_commit(settings: Any, pump: Callable[..., Pump]) -> None:
    settings.PARTITIONS = 1
    run = pump("capture-ends")
    with patch("tasks.partition.COMMIT_BYTES", 20_000), patch("tasks.partition.COMMIT_ROWS", 3):
        send(run)
        check(run)


def test_a_flow_of_many_rows_and_a_body_outside_its_state(run: Pump) -> None:
    data = expect.endless()
    records = expect.packets(data)
    pieces = cut_at(data, [records // 3, records * 2 // 3])
    with patch("tasks.partition.COMMIT_ROWS", 1):
        run.upload(pieces, range(3))
        run.end(2)
        row = run.finish()
    expect.same(expect.found_by(run), expect.whole(data))
    expect.balanced(row, records)
    expect.nothing_left()


def test_every_message_is_lost(run: Pump) -> None:
    expect.tune(hint_ms=0, redrive_ms=30)
    run.deaf = True

    def redrive() -> None:
        run.deaf = False
        monitoring.redrive()
        run.deaf = True

    with patch.object(run, "redrive", redrive):
        send(run)
        assert run.messages == []
        check(run)


def test_every_message_comes_three_times(run: Pump) -> None:
    once = run.send_task

    def thrice(name: str, args: Any = (), **more: Any) -> None:
        for _ in range(3):
            once(name, args, **more)

    with patch.object(run, "send_task", thrice):
        send(run)
        check(run)


class Pause:
    """The first to come waits until it is told to go on."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real, self.first = real, True
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *given: Any, **named: Any) -> Any:
        first, self.first = self.first, False
        if first:
            self.entered.set()
            assert self.go_on.wait(30)
        return self.real(*given, **named)


def overtaken(run: Pump, pause: Pause, task: Callable[..., None], *given: Any) -> None:
    """A worker is paused in `task`, longer than its lease; others go on to the end; then it wakes."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            task(*given)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    paused = threading.Thread(target=work)
    paused.start()
    try:
        assert pause.entered.wait(10)
        check(run)
    finally:
        pause.go_on.set()
        paused.join(30)
    assert failures == []
    stored = {name: dict(found) for name, found in run.documents.items()}
    blobs = {name: len(found) for name, found in run.blobs.items()}
    run.collect()
    assert (run.documents, {name: len(found) for name, found in run.blobs.items()}) == (stored, blobs)
    expect.nothing_left()


def test_a_drain_that_was_overtaken_while_paused(run: Pump) -> None:
    expect.tune(lease_ms=300)
    send(run)
    partitions = CaptureRow.objects.get(pk=run.capture).partitions
    for number in range(len(PIECES) if partitions > 1 else 0):
        split.split(run.capture, number)
    with servers.chunk_store().link() as link:
        slices_here = [key.decode().split(":") for key in link.command("KEYS", "*:sl:0:*")]
    p = int(slices_here[0][5]) if slices_here else 0
    pause = Pause(Rebuilder.advance)

    def advance(self: Rebuilder, *given: Any) -> int:
        return int(pause(self, *given))

    with patch.object(Rebuilder, "advance", advance):
        overtaken(run, pause, drain.drain, run.capture, p)


def test_a_split_that_was_overtaken_while_paused(pump: Callable[..., Pump]) -> None:
    run = pump("capture-ends")
    expect.tune(lease_ms=300)
    send(run)
    pause = Pause(slices.split)
    with patch.object(slices, "split", pause):
        overtaken(run, pause, split.split, run.capture, 2)


def test_replies_of_redis_are_lost(settings: Any, redis_url: str, pump: Callable[..., Pump]) -> None:
    """One reply in fifteen, of any step of a worker."""
    proxy = Proxy(redis_url)
    settings.REDIS_URL = proxy.url
    servers.chunk_store.cache_clear()
    run = pump("capture-ends")
    expect.tune(lease_ms=400)
    run.expected = (RedisError, OSError)
    chance, real, lock, lost = random.Random(4), Link.script, threading.Lock(), []

    def script(link: Link, name: str, *more: Any) -> Any:
        with lock:
            if threading.current_thread() is not threading.main_thread() and chance.random() < 1 / 15:
                lost.append(name)
                proxy.swallow()
        return real(link, name, *more)

    with patch.object(Link, "script", script):
        send(run)
        check(run)
    assert len(lost) > 5
    servers.chunk_store().close()
    proxy.close()


def test_postgresql_is_away_for_a_while(run: Pump) -> None:
    """No take is counted, so nothing is put aside however often it is tried."""
    expect.tune(hint_ms=0)
    run.expected = (OperationalError,)
    send(run)
    runtime.forget()
    with patch.object(runtime.Capture.objects, "get", side_effect=OperationalError("away")):
        for _ in range(5):
            run.work()
            run.redrive()
    assert run.failed >= 5
    runtime.forget()
    check(run)


def test_a_sweep_without_anything_to_write_counts_against_nobody(run: Pump) -> None:
    run.upload(PIECES, [0])
    run.work()
    for _ in range(3):
        for p in range(CaptureRow.objects.get(pk=run.capture).partitions):
            drain.sweep(run.capture, p, 1)
    with servers.chunk_store().link() as link:
        keys = link.keys.capture(run.capture)
        takes = {link.command("HGET", key, "tk") for key in keys.partitions(8) if link.command("EXISTS", key)}
    assert takes == {b"0"}
    run.upload(PIECES, range(1, len(PIECES)))
    run.end(len(PIECES) - 1)
    check(run)


def test_silent_sessions_end_though_the_capture_goes_on(run: Pump) -> None:
    """Every few chunks all sessions of a partition are looked at."""
    made = Capture()
    made.conversation("10.0.0.1:40000", "10.9.0.1:80").connect()
    for client in range(2, 26):
        busy = made.conversation(f"10.0.0.{client}:40000", "10.9.0.1:80", after=400).connect()
        for _ in range(5):
            busy.wait(0.01).request(request("GET", "/")).response(response(204, body=None))
    data = made.pcap()
    records = expect.packets(data)
    pieces = cut_at(data, [3, *range(100, records, 100)])
    with patch("tasks.partition.SWEEP_EVERY", 4):
        run.upload(pieces, range(len(pieces)))
        run.work()
    ended = [one for one in run.documents["tcpsessions"].values() if one["state"] == "closed"]
    assert [(one["client"]["ip"], one["end"]) for one in ended] == [("10.0.0.1", "idle")]
    run.end(len(pieces) - 1)
    expect.balanced(run.finish(), records)
    expect.nothing_left()


def test_a_whisperer_is_deleted_while_its_capture_is_under_way(run: Pump) -> None:
    run.upload(PIECES, [0, 2])
    run.work()
    run.upload(PIECES, [3])
    Whisperer.objects.all().delete()
    runtime.forget()
    run.expected = (CaptureRow.DoesNotExist,)
    for _ in range(5):
        run.redrive()
        run.work()
    monitoring.minute()
    run.collect()
    expect.nothing_left()
