"""Workers in one process: the product's own services and tasks on real Redis and PostgreSQL, several at once, with the
task queue's messages in a list, so that a test decides their order, their loss and their number.

What the pollers would store is taken from the outbox and confirmed as they do.
"""

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import celery
import orjson
import zstandard
from django.db import close_old_connections, connections

from apps.captures.headers import ChunkHeaders
from apps.captures.models import Capture
from apps.captures.services import capture_finish, chunk_accept
from apps.core.errors import ApplicationError
from apps.core.servers import chunk_store
from apps.whisperers.models import Whisperer
from store.documents.poller import Poller
from store.redis import outbox
from store.redis.keys import RESOURCES
from tasks import monitoring
from wire.pcapfile.pcap import pcap_layout, walk_pcap

#: Rounds of redrive after which a capture that has not ended never will, and the pause between two, in seconds.
ROUNDS = 400
PAUSE = 0.02


class DeathError(BaseException):
    """Stands for the end of a worker process: no handler of the product sees it, and what it took stays taken."""


def cut_at(data: bytes, borders: Sequence[int]) -> list[bytes]:
    """A pcap as pieces that begin at the given record numbers."""
    layout = pcap_layout(data)
    starts, end, _ = walk_pcap(data, 24, layout)
    places = sorted({starts[border] for border in borders if 0 < border < len(starts)})
    head = data[:24]
    return [head + data[a:b] for a, b in zip([24, *places], [*places, end], strict=True)]


def headers(capture: str, number: int, packets: int = 0, **more: Any) -> ChunkHeaders:
    """What an agent says of a chunk."""
    values: dict[str, Any] = {"instance": "host", "interface": "eth0", "digest": "", "oldest": 0, "abandoned": ()}
    values |= {"dropped": {}, "previous": "", "media": "pcap", "encoding": ""}
    return ChunkHeaders(capture=capture, chunk=number, packets=packets, **(values | more))


class Pump:
    """Drives one capture to its end."""

    def __init__(self, whisperer: Whisperer, capture: str, *, workers: int = 3, seed: int = 0) -> None:
        self.whisperer, self.capture, self.workers = whisperer, capture, workers
        self.random = random.Random(seed)
        self.messages: list[tuple[str, tuple[Any, ...]]] = []
        self.documents: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in RESOURCES}
        self.blobs: dict[str, list[bytes]] = {name: [] for name in RESOURCES}
        self.failures: list[BaseException] = []
        self.packets: dict[int, int] = {}  # what the agent says of chunks that are no plain pcap
        self.poller: Poller | None = None
        self.deaths = 0
        self.expected: tuple[type[Exception], ...] = ()  # what tasks may fail of
        self.failed = 0
        self.deaf = False  # whether every message is lost
        self._lock = threading.Lock()

    def send_task(self, name: str, args: Sequence[Any] = (), **_: Any) -> None:
        """Stands where Celery's `send_task` does: the message is kept."""
        with self._lock:
            if not self.deaf:
                self.messages.append((name, tuple(args)))

    def upload(self, pieces: Sequence[bytes], order: Sequence[int]) -> None:
        """Send pieces in an order (numbers may repeat); what is refused for now is sent again when workers have run."""
        waiting = list(order)
        for _ in range(ROUNDS):
            refused = []
            for number in waiting:
                try:
                    chunk_accept(whisperer=self.whisperer, headers=self._headers(number, pieces), body=pieces[number])
                except ApplicationError as error:
                    if error.status_code not in (429, 503):
                        raise
                    refused.append(number)
            if not refused:
                return
            self.work()
            waiting = refused
        raise AssertionError(f"chunks {waiting} are never let in")

    def _headers(self, number: int, pieces: Sequence[bytes]) -> ChunkHeaders:
        if number in self.packets:
            return headers(self.capture, number, self.packets[number])
        layout = pcap_layout(pieces[number])
        return headers(self.capture, number, len(walk_pcap(pieces[number], 24, layout)[0]))

    def end(self, last: int) -> None:
        """The agent's final message."""
        capture_finish(whisperer=self.whisperer, capture=self.capture, last=last)

    def work(self) -> None:
        """Let the workers take messages until none is left; then what the outbox holds is collected."""
        threads = [threading.Thread(target=self._worker) for _ in range(self.workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
        self.collect()

    def _worker(self) -> None:
        try:
            while True:
                with self._lock:
                    if not self.messages:
                        return
                    name, args = self.messages.pop(self.random.randrange(len(self.messages)))
                close_old_connections()
                try:
                    celery.current_app.tasks[name](*args)
                except DeathError:  # the supervisor starts another one
                    self.deaths += 1
                except self.expected:
                    self.failed += 1
        except BaseException as error:
            self.failures.append(error)
        finally:
            connections.close_all()

    def redrive(self) -> None:
        """What beat does every two seconds, without the wait: everything that waits is told again."""
        with chunk_store().link() as link:
            waiting = monitoring.work.waiting(link)
        deaf, self.deaf = self.deaf, False
        for item in waiting:
            monitoring.start(item)
        self.deaf = deaf

    def finish(self) -> Capture:
        """Go on until the capture is closed, in Redis too: its row says so a step earlier."""
        for _ in range(ROUNDS):
            self.work()
            row = Capture.objects.get(pk=self.capture)
            if row.state == Capture.State.CLOSED and not self._in_redis():
                self.collect()
                return row
            time.sleep(PAUSE)
            self.redrive()
        raise AssertionError("the capture never ends")

    def _in_redis(self) -> bool:
        with chunk_store().link() as link:
            return bool(link.command("EXISTS", link.keys.capture(self.capture).meta))

    def collect(self) -> None:
        """Take what the outbox holds, keep the highest version of each document, confirm; or let a poller store it."""
        if self.poller is not None:
            while self.poller.run_once():
                pass
            return
        with chunk_store().link() as link:
            for resource in RESOURCES:
                while entries := outbox.claim(link, resource, "pump", 64):
                    for entry in entries:
                        self._keep(resource, entry.payload)
                    outbox.confirm(link, entries)

    def _keep(self, resource: str, payload: bytes) -> None:
        if resource in ("packets", "httpbodies"):
            self.blobs[resource].append(payload)
            return
        lines = zstandard.decompress(payload).splitlines()
        for action, line in zip(lines[::2], lines[1::2], strict=True):
            meta = orjson.loads(action)["index"]
            old = self.documents[resource].get(meta["_id"])
            if old is None or old["_version"] < meta["version"]:
                self.documents[resource][meta["_id"]] = orjson.loads(line) | {"_version": meta["version"]}
