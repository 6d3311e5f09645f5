"""Nobody's work holds up that of others: the real queues, taken from as a worker with a single slot does."""

from collections import Counter
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
from tasks import monitoring, partition
from tests.captures import Capture as Made
from tests.captures import request, response
from tests.flows import expect
from tests.flows.pump import Pump, cut_at, headers
from wire.pcapfile.pcap import pcap_layout, walk_pcap

#: Of the window and of the partitions there are this many.
CHUNKS = PARTITIONS = 8

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

    def turns(self, capture: str) -> int:
        """Drains of a capture so far."""
        return sum(name == "tasks.drain.drain" and args[0] == capture for name, args in self.done)

    def _take(self, body: Any, message: Message) -> None:
        message.ack()
        name, args = message.headers["task"], tuple(body[0])
        app.tasks[name](*args)
        self.done.append((name, args))


@pytest.fixture
def slot(whisperer: Whisperer, settings: Any) -> Slot:
    settings.WINDOW, settings.PARTITIONS = CHUNKS, PARTITIONS
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


def cursors(capture: str) -> list[int]:
    """The chunk at which each partition of a capture is."""
    with chunk_store().link() as link:
        keys = link.keys.capture(capture).partitions(PARTITIONS)
        return [int(cur) for cur in link.pipeline([("HGET", key, "cur") for key in keys]) if cur is not None]


def long_session() -> list[bytes]:
    """Chunks of one session that never ends, beside small talk of others in every one of them."""
    made = Made()
    long = made.conversation("10.0.0.1:40000", "10.9.0.1:80").connect()
    for number in range(20 * CHUNKS):
        long.request(request("GET", f"/{number}")).response(response(200, body=b"long " * 20_000))
        if number % 20 == 0:
            for talk in range(16):
                other = made.conversation(f"10.1.{number // 20}.{talk}:50000", "10.9.0.1:80").connect()
                other.request(request("GET", f"/{talk}")).response(response(204, body=None)).close()
    data = made.pcap()
    records = len(walk_pcap(data, 24, pcap_layout(data))[0])
    return cut_at(data, range(records // CHUNKS, records, records // CHUNKS))[:CHUNKS]


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


def test_a_long_session_in_a_hot_partition_holds_neither_worker_nor_others(
    whisperer: Whisperer, slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A second of work is a few milliseconds here, and a commit one row, so that some megabytes take hundreds of turns.
    monkeypatch.setattr(partition, "WORK_SECONDS", 0.002)
    monkeypatch.setattr(partition, "COMMIT_BYTES", 1)
    send(whisperer, "long", long_session())
    slot.work(lambda: len(cursors("long")) == PARTITIONS and slot.turns("long") > PARTITIONS)
    turns = slot.turns("long")
    send(whisperer, "quiet", [expect.traffic()])
    slot.work(lambda: drained("quiet"))
    assert slot.turns("long") - turns <= 6 * PARTITIONS
    slot.work(lambda: max(cursors("long")) > min(cursors("long")) + 1)
    hot = min(cursors("long"))
    print(f"cursors {cursors('long')} after {slot.turns('long')} turns")
    slot.work()
    assert hot < CHUNKS
    assert closed("long")
    most = max(Counter(args for name, args in slot.done if name == "tasks.drain.drain").values())
    assert most > 2 * CHUNKS  # turns that one partition needed: it gave its worker back again and again


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
