"""`manage.py poll`: moves documents from Redis to the document store until told to stop. More is one more command.

Redis and the document store are waited for when they are down, now or later; the store's first use sees to templates
and tables. A Redis that cannot do its work ends the command with the reason.
"""

import os
import signal
import socket
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from apps.core import startup
from apps.core.servers import chunk_store, document_store, store_breaker
from store.documents.poller import Poller
from store.redis.connection import Store, UnfitServerError

log = structlog.get_logger(__name__)

#: Seconds between looks for a Redis that is down at the start; later a poller waits by itself.
PAUSE = 1.0


class Command(BaseCommand):
    help = "Moves documents from Redis to the document store; Ctrl-C or SIGTERM ends it after the batch in hand."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--threads", type=int, default=1, help="Pollers in this process (default 1).")
        parser.add_argument("--name", default="", help="A name no other poller has (default: of host and process).")

    def handle(self, *args: Any, threads: int, name: str, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        startup.look("poller")
        name = name or f"{socket.gethostname()}-{os.getpid()}"
        queue = _queue(stop, name)
        if queue is None:
            return
        pollers = [Poller(queue, document_store(), f"{name}-{i}", breaker=store_breaker()) for i in range(threads)]
        running = [threading.Thread(target=poller.run, args=(stop,)) for poller in pollers]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()


def _queue(stop: threading.Event, name: str) -> Store | None:
    """The store in Redis, waited for; None when told to stop before it was there."""
    while not stop.is_set():
        try:
            return chunk_store()
        except UnfitServerError as error:
            raise CommandError(str(error)) from error
        except (RedisError, OSError) as error:
            log.warning("poller_waits", poller=name, error=type(error).__name__, reason=str(error))
            stop.wait(PAUSE)
    return None
