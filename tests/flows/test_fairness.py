"""Nobody's work holds up that of others: the real queues, taken from as a worker with a single slot does."""

from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from kombu import Consumer, Message

from apps.captures.models import Capture
from apps.captures.services import capture_finish, chunk_accept
from apps.core.servers import chunk_store
from apps.whisperers.models import Whisperer
from spider_site.celery import app
from store.redis import captures
from tasks import monitoring
from tests.captures import Capture as Made
from tests.captures import request, response
from tests.flows import expect
from tests.flows.pump import Pump, cut_at, headers

Task = tuple[str, tuple[Any, ...]]


class Slot:
    """One slot of a worker: a message at a time, in the order in which the broker gives them."""

    def __init__(self) -> None:
        self.done: list[Task] = []

    def work(self, until: Any = lambda: False) -> None:
        """Take messages until none is left, or something holds."""
        with app.connection_for_read() as connection:
            queues = [app.amqp.queues[name] for name in ("split", "drain")]
            with Consumer(connection, queues, callbacks=[self._take], accept=["json"], prefetch_count=1):
                while not until():
                    try:
                        connection.drain_events(timeout=1.5)
                    except TimeoutError:
                        return

    def _take(self, body: Any, message: Message) -> None:
        message.ack()
        name, args = message.headers["task"], tuple(body[0])
        app.tasks[name](*args)
        self.done.append((name, args))


@pytest.fixture
def slot(whisperer: Whisperer, settings: Any) -> Slot:
    settings.WINDOW = 8
    return Slot()


def send(whisperer: Whisperer, capture: str, pieces: list[bytes]) -> None:
    """All chunks of a capture, and its end."""
    for number, piece in enumerate(pieces):
        chunk_accept(whisperer=whisperer, headers=headers(capture, number, expect.packets(piece)), body=piece)
    capture_finish(whisperer=whisperer, capture=capture, last=len(pieces) - 1)


def closed(capture: str) -> bool:
    return Capture.objects.get(pk=capture).state == Capture.State.CLOSED


def drained(capture: str) -> bool:
    """Whether all that a capture sent is in the outbox."""
    with chunk_store().link() as link:
        state = captures.read_state(link, capture)
    return state is None or state.state == "d"


def overdue() -> None:
    """Everything that waits has waited for long."""
    with chunk_store().link() as link:
        for item in link.command("ZRANGE", link.keys.work, 0, -1):
            link.command("ZADD", link.keys.work, 0, item)


@pytest.mark.parametrize("hinted_again", [False, True])
def test_a_quiet_capture_does_not_wait_for_all_that_loud_ones_have_sent(
    whisperer: Whisperer, slot: Slot, hinted_again: bool
) -> None:
    loud = [f"loud{n}" for n in range(5)]
    pieces = cut_at(expect.traffic(), range(30, 1000, 30))[:8]
    for capture in loud:
        send(whisperer, capture, pieces)
    if hinted_again:
        overdue()
        monitoring.redrive()
    send(whisperer, "quiet", [expect.traffic()])
    slot.work(lambda: drained("quiet"))
    splits = [args for name, args in slot.done if name == "tasks.split.split"]
    before = splits.index(("quiet", 0))
    print(f"{before} chunks split before the quiet one, {len(splits) - before - 1} until it was drained")
    assert before <= 2 * len(loud)
    assert len(splits) <= 4 * len(loud)  # half of them
    slot.work()
    assert all(map(closed, loud))


def test_chunks_that_grow_when_they_are_split_never_shut_out_the_one_they_wait_for(
    pump: Callable[..., Pump],
) -> None:
    made = Made()
    talk = made.conversation("10.0.0.1:40000", "10.9.0.1:80").connect()
    for number in range(40):
        talk.request(request("GET", f"/{number}")).response(response(200, body=b"x" * 10_000))
    plain = cut_at(made.pcap(), range(50, 10_000, 50))[:8]
    pieces = [zstandard.compress(piece) for piece in plain]
    assert max(map(len, pieces)) * 10 < min(map(len, plain[1:-1]))
    room = max(map(len, plain))
    expect.tune(soft_bytes=room, hard_bytes=2 * room)
    run = pump("growing")
    run.packets = {number: expect.packets(piece) for number, piece in enumerate(plain)}
    run.upload(pieces, range(1, len(pieces)))
    run.work()
    run.upload(pieces, [0])
    run.end(len(pieces) - 1)
    row = run.finish()
    assert row.totals["packets.uploaded"] == sum(run.packets.values())
    expect.balanced(row, sum(run.packets.values()))
    expect.nothing_left()
