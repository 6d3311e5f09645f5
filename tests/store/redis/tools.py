"""Short ways to bring a capture into the state a test is about."""

from store.redis import captures, chunks, partitions
from store.redis.captures import Answer
from store.redis.chunks import Slice, SplitJob
from store.redis.connection import Link
from store.redis.partitions import Lease

CAPTURE = "0123abcd"


def opened(link: Link, number: int = 2, capture: str = CAPTURE) -> None:
    assert captures.open_capture(link, capture, number, captures.deadline(link)) == "opened"


def accepted(link: Link, number: int, size: int = 100, digest: str = "d", packets: int = 10) -> Answer:
    return chunks.accept(link, CAPTURE, number, b"x" * size, digest=digest, packets=packets)


def taken(link: Link, number: int, token: str = "t") -> SplitJob:
    job = chunks.take_split(link, CAPTURE, number, token)
    assert job is not None
    return job


def split(link: Link, number: int, slices: list[Slice | None], **counters: int) -> chunks.Recorded:
    named = {"packets." + name: value for name, value in counters.items()}
    return chunks.record_split(link, CAPTURE, taken(link, number).chunk, slices, counters=named)


def leased(link: Link, p: int = 0, token: str = "w") -> Lease:
    lease = partitions.take_lease(link, CAPTURE, p, token)
    assert isinstance(lease, Lease), lease
    return lease


def keys(link: Link) -> set[str]:
    return {name.decode() for name in link.command("KEYS", "*")}


def capture_keys(link: Link) -> set[str]:
    """The keys that only exist while something of a capture is here."""
    return {name for name in keys(link) if ":c:" in name or ":blob:" in name}


def sizes(link: Link) -> dict[str, int]:
    values = link.command("HMGET", link.keys.bytes, "chunks", "out", "state")
    return dict(zip(("chunks", "out", "state"), (int(value or 0) for value in values), strict=True))


def counters(link: Link) -> dict[str, int]:
    from store.redis import accounting

    return {name: value for name, value in accounting.totals(link, CAPTURE).counters.items() if value}
