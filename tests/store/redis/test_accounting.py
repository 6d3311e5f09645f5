"""The sums: flushed by the minute, once, and together always the whole."""

import orjson
import zstandard

from store.redis import accounting, captures, outbox, partitions
from store.redis.connection import Link
from store.redis.partitions import Step
from tests.store.redis.tools import CAPTURE, accepted, counters, leased, opened, split

MINUTE = 60_000


def age(link: Link, minutes: int) -> int:
    """Makes all that was counted look older. Answers the minute it then belongs to."""
    own = link.keys.capture(CAPTURE)
    flat = link.command("HGETALL", own.acct)
    link.command("DEL", own.acct)
    minute = 0
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        counted, counter = name.decode().split(":", 1)
        minute = int(counted) - minutes
        link.command("HSET", own.acct, f"{minute}:{counter}", value)
    records = link.command("HGETALL", own.chunks)
    for n, record in zip(records[::2], records[1::2], strict=True):
        parts = record.decode().split("|")
        parts[7] = str(int(parts[7]) - minutes * MINUTE)
        link.command("HSET", own.chunks, n, "|".join(parts))
    return minute


def test_a_minute_waits_for_its_chunks_and_is_then_moved_once(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    minute = age(link, 2)
    assert accounting.flush(link, CAPTURE) == "nothing"
    partitions.commit(link, leased(link), Step(1, 0, counters={"packets.session": 7, "packets.notTcp": 3}))
    assert accounting.flush(link, CAPTURE, fields={"whisperer": "w1"}, policy="short") == "ok"
    assert accounting.flush(link, CAPTURE) == "nothing"

    (entry,) = outbox.claim(link, "monitoring", "me")
    action, document, end = zstandard.decompress(entry.payload).split(b"\n")
    index = orjson.loads(action)["index"]
    assert (index["_id"], index["version_type"]) == (f"{CAPTURE}:{minute}", "external")
    assert index["_index"].startswith("spider-monitoring-20")
    assert index["_index"].endswith("-short")
    found = orjson.loads(document)
    assert (found["capture"], found["whisperer"], end) == (CAPTURE, "w1", b"")
    assert (found["id"], found["version"], found["kind"]) == (index["_id"], index["version"], "capture")
    assert found["counters"]["packets.session"] == 7
    assert entry.documents == 1
    totals = accounting.totals(link, CAPTURE)
    assert (totals.counters["packets.uploaded"], totals.waiting) == (10, 0)


def test_the_present_minute_is_moved_only_at_the_end(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    partitions.commit(link, leased(link), Step(1, 0, counters={"packets.session": 10}))
    assert accounting.flush(link, CAPTURE) == "nothing"
    captures.finish(link, CAPTURE, 0)
    partitions.commit(link, leased(link), Step(2, 0))
    assert accounting.flush(link, CAPTURE) == "ok"
    assert accounting.flush(link, CAPTURE) == "nothing"
    assert accounting.flush(link, "elsewhere") == "gone"


def test_two_flushes_at_once_move_a_minute_once(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    minute = age(link, 2)
    partitions.commit(link, leased(link), Step(1, 0, counters={"packets.session": 10}))
    sums = {minute: {"packets.session": 10, "packets.uploaded": 10}}
    assert accounting._move(link, CAPTURE, sums, {}, "default") == "ok"
    assert accounting._move(link, CAPTURE, sums, {}, "default") == "changed"
    assert len(outbox.claim(link, "monitoring", "me")) == 1


def test_a_minute_of_a_waiting_chunk_is_never_moved(link: Link) -> None:
    opened(link, 1)
    accepted(link, 0)
    minute = age(link, 2)
    assert accounting._move(link, CAPTURE, {minute: {"packets.uploaded": 10}}, {}, "default") == "changed"


def test_a_flushed_minute_gets_no_more_even_if_the_clock_goes_back(link: Link) -> None:
    opened(link, 1)
    future = link.now() // MINUTE + 5
    link.command("HSET", link.keys.capture(CAPTURE).meta, "minute", future)
    accepted(link, 0)
    captures.close_holes(link, CAPTURE, [captures.Hole(1, 3, 3, "abandoned")])
    names = link.command("HKEYS", link.keys.capture(CAPTURE).acct)
    assert {int(name.split(b":")[0]) for name in names} == {future}


def test_what_is_uploaded_is_somewhere_at_every_moment(link: Link) -> None:
    opened(link)
    accepted(link, 0)
    assert accounting.totals(link, CAPTURE).waiting == 10
    split(link, 0, [None, None], notTcp=2, undecodable=1)
    assert accounting.totals(link, CAPTURE).waiting == 7
    partitions.commit(link, leased(link), Step(1, 0, counters={"packets.session": 7}))
    assert accounting.totals(link, CAPTURE).waiting == 0
    assert counters(link)["packets.uploaded"] == 10
