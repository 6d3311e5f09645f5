"""`manage.py poll` as the supervisor runs it."""

import os
import signal
import subprocess
import sys
import threading

import zstandard

from documents.bulk import lines
from spider_site.places import BASE
from store.redis import connection
from store.redis.settings import Settings
from tests.store.documents.samples import comm


def test_a_store_that_is_down_at_the_start_is_waited_for(redis_url: str) -> None:
    store = connection.open_store(redis_url, Settings())
    payload = zstandard.compress(lines([comm(1)]))
    with store.link() as link:
        link.command("HINCRBY", link.keys.bytes, "out", len(payload))
        link.command("XADD", link.keys.out("httpcomms"), "*", "b", payload, "n", 1)
        assert "StoreUnavailable" in _what_it_waits_for(SPIDER_ELASTICSEARCH_URL="http://127.0.0.1:1")
        assert link.command("XLEN", link.keys.out("httpcomms")) == 1
    store.close()


def test_a_redis_that_is_down_at_the_start_is_waited_for() -> None:
    assert "ConnectionError" in _what_it_waits_for(SPIDER_REDIS_URL="redis://127.0.0.1:1/0")


def _what_it_waits_for(**urls: str) -> str:
    """Start the command, answer the line in which it says that it waits, and see it end when it is told to."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "spider_site.settings", **urls}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "poll"],
        cwd=BASE,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    hasty = threading.Timer(60, process.kill)
    hasty.start()
    assert process.stdout is not None
    read: list[str] = []
    for line in process.stdout:
        read.append(line)
        if "poller_waits" in line:
            break
    assert process.poll() is None, "".join(read)
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    assert process.wait() == 0
    hasty.cancel()
    return read[-1]
