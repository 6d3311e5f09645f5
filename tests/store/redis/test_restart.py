"""A server that is killed and comes back: what was said to be on disk is there, and the same store goes on."""

import signal
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as LostConnectionError

from spider_site.run.servers import Valkey, free_port
from store.redis import captures, chunks, partitions
from store.redis.connection import open_store
from tests.store.redis.conftest import SMALL
from tests.store.redis.tools import CAPTURE, accepted, leased, opened, sizes, split


def test_what_was_durable_survives_a_kill(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "valkey", free_port(), "secret")
    server.start()
    try:
        store = open_store(server.url(), SMALL)
        with store.link() as link:
            opened(link)
            accepted(link, 0)
            split(link, 0, [chunks.Slice(b"slice", [9]), None])
            accepted(link, 1)
            assert link.durable()
            assert server.process is not None
            server.process.send_signal(signal.SIGKILL)
            server.process.wait(10)
            with pytest.raises(LostConnectionError):
                accepted(link, 1)
            server.start()
            assert accepted(link, 1).word == "dup"
            found = partitions.read_slice(link, leased(link))
            assert found == chunks.Slice(b"slice", (9,))
        with store.link() as link:
            assert captures.close_holes(link, CAPTURE).have == (0, 1)
            assert sizes(link)["chunks"] == 100 + len(chunks.Slice(b"slice", [9]).pack())
    finally:
        server.stop()
