"""What the proxies do to a real server and to a connection, and that they can stop doing it."""

import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from store.documents import EVERYTHING, DocumentStore, StoreUnavailable, open_store
from tests.chaos.proxies import Gate, Trouble
from tests.store.documents.samples import comm, write

#: A day that no other test writes to.
DAY = "20250101"


@pytest.fixture
def trouble(elasticsearch_urls: list[str]) -> Iterator[Trouble]:
    one = Trouble(urlsplit(elasticsearch_urls[0]).port or 9200)
    yield one
    one.close()


@pytest.fixture
def store(trouble: Trouble) -> Iterator[DocumentStore]:
    opened = open_store(trouble.url)
    opened.prepare()
    yield opened
    opened.drop_day("httpcomms", DAY, "default")
    opened.close()


def refusing(number: int, status: int) -> object:
    """Refuse one document."""

    def refuse(_: bytes, document: bytes) -> dict[str, object] | None:
        mine = f"/orders/{number}".encode() in document
        return {"status": status, "error": {"type": "no", "reason": "not today"}} if mine else None

    return refuse


def test_documents_refused_for_good_are_told_by_their_place(trouble: Trouble, store: DocumentStore) -> None:
    trouble.refuse = refusing(1, 400)  # type: ignore[assignment]
    result = write(store, *(comm(number, day=DAY) for number in range(3)))
    assert (result.stored, [(one.position, one.reason) for one in result.failed]) == (2, [(1, "no: not today")])
    assert store.count("httpcomms", EVERYTHING, None) == 2
    trouble.heal()
    assert write(store, comm(1, day=DAY)).stored == 1
    assert trouble.troubled == 1


def test_documents_refused_for_now_make_the_store_unavailable(trouble: Trouble, store: DocumentStore) -> None:
    trouble.refuse = refusing(1, 429)  # type: ignore[assignment]
    with pytest.raises(StoreUnavailable, match="429 no: not today"):
        write(store, *(comm(number, day=DAY) for number in range(3)))
    trouble.heal()
    result = write(store, *(comm(number, day=DAY) for number in range(3)))
    assert (result.stored, result.conflicts) == (1, 2)


def test_a_server_that_refuses_everything_or_is_slow(trouble: Trouble, store: DocumentStore) -> None:
    trouble.status = 429
    with pytest.raises(StoreUnavailable, match="queue is full"):
        write(store, comm(1, day=DAY))
    trouble.heal()
    trouble.delay = 0.3
    begun = time.monotonic()
    assert write(store, comm(1, day=DAY)).stored == 1
    assert time.monotonic() - begun > 0.3


def test_a_cut_swallows_bytes_and_healing_ends_old_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        gate = Gate(server.getsockname()[1])
        place = ("127.0.0.1", urlsplit(gate.url).port or 0)
        with socket.create_connection(place, timeout=10) as before:
            before.sendall(b"one")
            assert before.recv(10) == b"one"
            gate.cut()
            before.sendall(b"two")
            with socket.create_connection(place, timeout=10) as meanwhile:
                meanwhile.sendall(b"three")
                for one in (before, meanwhile):
                    one.settimeout(0.2)
                    with pytest.raises(TimeoutError):
                        one.recv(10)
                    one.settimeout(10)
                gate.heal()
                assert before.recv(10) == b""
        with socket.create_connection(place, timeout=10) as after:
            after.sendall(b"four")
            assert after.recv(10) == b"four"
        gate.close()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(client,), daemon=True).start()


def _answer(client: socket.socket) -> None:
    with client:
        while data := client.recv(100):
            client.sendall(data)
