"""The outbox: claimed by one poller, again by the same, then by another when it dies; confirmed once."""

import time

import pytest

from store.redis import outbox, partitions
from store.redis.connection import Link
from store.redis.outbox import Entry
from store.redis.partitions import Step
from tests.store.redis.tools import accepted, capture_keys, leased, opened, sizes


@pytest.fixture
def filled(link: Link) -> Link:
    """Five entries, the last a blob."""
    opened(link, 1)
    accepted(link, 0)
    entries = [Entry("httpcomms", b"doc%d" % i, i) for i in range(4)] + [Entry("httpcomms", b"blob" * 10, 1, blob=True)]
    partitions.commit(link, leased(link), Step(1, 0, entries=entries))
    return link


def test_entries_come_in_order_and_again_until_they_are_confirmed(filled: Link) -> None:
    first = outbox.claim(filled, "httpcomms", "me", 2)
    assert [(entry.payload, entry.documents, entry.blob) for entry in first] == [(b"doc0", 0, ""), (b"doc1", 1, "")]
    again = outbox.claim(filled, "httpcomms", "me", 2)
    assert [entry.id for entry in again] == [entry.id for entry in first]
    assert [entry.deliveries for entry in first] == [1, 1]
    assert again[0].deliveries == 2
    assert outbox.confirm(filled, again) == 2
    rest = outbox.claim(filled, "httpcomms", "me", 10)
    assert [entry.payload for entry in rest] == [b"doc2", b"doc3", b"blob" * 10]


def test_two_pollers_share_the_work(filled: Link) -> None:
    mine = outbox.claim(filled, "httpcomms", "me", 3)
    other = outbox.claim(filled, "httpcomms", "other", 3)
    assert len({entry.id for entry in mine} | {entry.id for entry in other}) == 5
    assert outbox.claim(filled, "httpcomms", "third", 3) == []


def test_what_a_dead_poller_held_goes_to_another(filled: Link) -> None:
    mine = outbox.claim(filled, "httpcomms", "dead", 5)
    time.sleep(0.07)
    other = outbox.claim(filled, "httpcomms", "other", 5)
    assert [entry.id for entry in other] == [entry.id for entry in mine]
    assert other[0].deliveries == 2


def test_confirmed_once_subtracted_once(filled: Link) -> None:
    claimed = outbox.claim(filled, "httpcomms", "me", 10)
    assert sizes(filled)["out"] == 56
    assert [name for name in capture_keys(filled) if ":blob:" in name] == [claimed[-1].blob]
    assert outbox.confirm(filled, claimed[3:]) == 2
    assert outbox.confirm(filled, claimed) == 3
    assert outbox.confirm(filled, claimed) == 0
    assert outbox.confirm(filled, []) == 0
    assert sizes(filled)["out"] == 0
    assert not [name for name in capture_keys(filled) if ":blob:" in name]
    assert filled.command("XLEN", filled.keys.out("httpcomms")) == 0


def test_entries_written_before_the_group_are_not_missed(filled: Link) -> None:
    filled.command("XGROUP", "DESTROY", filled.keys.out("httpcomms"), "pollers")
    assert len(outbox.claim(filled, "httpcomms", "me", 10)) == 5


def test_a_poller_may_wait_for_new_entries(link: Link) -> None:
    started = time.monotonic()
    assert outbox.claim(link, "hosts", "me", block_ms=30) == []
    assert time.monotonic() - started >= 0.025
