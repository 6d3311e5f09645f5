"""The bounds of the chunk protocol, in one value that is passed in."""

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Bytes waiting, window and times. The server's `maxmemory` must be above hard + outbox + state bytes."""

    #: Chunks and slices waiting: other numbers are admitted up to soft, a capture's lowest number up to hard, so that
    #: the number everything waits for always gets in.
    soft_bytes: int = 320 * MEGABYTE
    hard_bytes: int = 512 * MEGABYTE
    #: Chunks and slices of one whisperer: above it only the lowest number of a capture of it is admitted, and only up
    #: to the middle between soft and hard.
    share_bytes: int = 192 * MEGABYTE
    #: Documents waiting for the store; above it no partition is leased until pollers have caught up.
    outbox_bytes: int = 512 * MEGABYTE
    #: Session state and unfinished bodies; above it drains shrink body caps and close the idlest sessions.
    state_bytes: int = 256 * MEGABYTE
    #: Chunk numbers a capture may be ahead of its lowest open one.
    window: int = 8
    #: A worker that says nothing for this long has lost what it took.
    lease_ms: int = 10_000
    #: New work is looked at again after this long, should the message that hints at it be lost.
    hint_ms: int = 2_000
    #: An item that redrive handed out is not handed out again for this long.
    redrive_ms: int = 10_000
    #: Nothing on the work set is put off for longer; what seems to be was put there before a clock went back.
    ahead_ms: int = 60_000
    #: An open must arrive within this long of its look into PostgreSQL; far below the life of a tombstone.
    open_ms: int = 30_000
    tombstone_ms: int = 300_000
    #: How long to wait for the append-only file.
    durable_ms: int = 2_000
    #: A failed row or chunk gets its one second try after this long.
    second_try_ms: int = 600_000
    #: Holes kept one by one; more are kept as ranges.
    holes: int = 10_000
    #: A poller silent for this long loses its claim.
    claim_ms: int = 60_000
    #: Hash tag shared by all the keys of a capture, its outbox, work set and counters.
    shard: str = "0"


DEFAULT = Settings()
