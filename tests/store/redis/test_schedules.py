"""Random schedules of many workers on a real server: deaths, pauses, lost replies, duplicates, abandoned chunks.

Each ends with a part without faults, after which every document is stored exactly once, the sums are the truth, and
Redis holds nothing of a capture. A failing seed repeats the choices, though not the moments at which leases ran out.
"""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from store.redis import accounting, captures, work
from store.redis.connection import Link, Store
from store.redis.settings import Settings
from tests.store.redis.tools import capture_keys, keys, sizes
from tests.store.redis.world import Actor, Capture, Killed, World, reference

SECONDS = 15
SCHEDULES = 400
LINKS = 6


class Schedule:
    """Picks who goes on next, and kills."""

    def __init__(self, store: Store, links: list[Link], seed: int) -> None:
        self.rng = random.Random(seed)
        self.links = links
        self.world = World(store, self.rng, self.rng.randint(1, 2))
        self.agents = [self.world.agent(links[0], capture) for capture in self.world.captures.values()]
        self.busy: list[Actor] = []
        self.deaths = 0
        self.most_keys = 0
        self.faulty_steps = self.rng.randrange(50, 500)

    def start(self) -> None:
        """Lets the next idle hands take something: what a message hints at, or what redrive names."""
        world, link = self.world, self.rng.choice(self.links)
        if world.hints and self.rng.random() < 0.6:
            item = world.hints.pop(self.rng.randrange(len(world.hints)))
            self.busy.append(world.worker(link, item))
            return
        choices: list[Callable[[], None]] = [
            lambda: self.busy.append(world.poller(link, f"p{self.rng.randrange(2)}")),
            lambda: self.busy.append(world.second_tries(link)),
            lambda: world.hints.extend(work.redrive(link)),
            lambda: self.flush(link),
        ]
        self.rng.choice(choices)()

    def flush(self, link: Link) -> None:
        for name in captures.all_captures(link):
            accounting.flush(link, name)

    def step(self) -> None:
        if len(self.busy) < 4 and self.rng.random() < 0.4:
            self.start()
        actors = self.busy + self.agents
        if not actors:
            time.sleep(0.002)
            return
        actor = self.rng.choice(actors)
        owner = self.busy if actor in self.busy else self.agents
        if owner is self.busy and self.world.faults and self.rng.random() < 0.01:
            self.deaths += 1
            owner.remove(actor)
            return
        if self.world.faults and self.rng.random() < 0.003:
            time.sleep(0.04)  # everybody is slow: leases run out while their owners live
        try:
            next(actor)
        except StopIteration:
            owner.remove(actor)
        except Killed:
            self.deaths += 1
            owner.remove(actor)

    def finished(self) -> bool:
        link = self.links[0]
        return not (
            self.agents
            or self.busy
            or self.world.hints
            or any(not capture.closed for capture in self.world.captures.values())
            or captures.all_captures(link)
            or sizes(link)["out"]
            or link.command("EXISTS", link.keys.due, link.keys.work)
        )

    def run(self) -> None:
        deadline = time.monotonic() + 20
        steps = 0
        while True:
            steps += 1
            self.world.faults = steps < self.faulty_steps
            self.step()
            if steps % 20 == 0:
                self.check()
                if self.finished():
                    return
            assert time.monotonic() < deadline, f"no end in sight: {keys(self.links[0])}, {self.world.hints}"

    def check(self) -> None:
        """What must hold at any moment."""
        link = self.links[0]
        self.most_keys = max(self.most_keys, int(link.command("DBSIZE")))
        held = sizes(link)
        assert 0 <= held["chunks"] <= link.settings.hard_bytes * 3
        assert charged(link) == records(link, self.world), "bytes by whisperer"
        for capture in self.world.captures.values():
            waiting, counted = snapshot(link, capture)
            assert waiting == counted, f"accounting of {capture.id}"


def charged(link: Link) -> dict[str, int]:
    """Bytes of chunks that wait, by whisperer and in all, as the scripts count them."""
    flat = link.command("HGETALL", link.keys.bytes)
    found = {name.decode(): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
    owners = {name.removeprefix("w:"): value for name, value in found.items() if name.startswith("w:")}
    return {"all": found.get("chunks", 0)} | owners


def records(link: Link, world: World) -> dict[str, int]:
    """The same from the chunks' records; a whisperer of whom nothing waits has no entry."""
    found = {"all": 0}
    for capture in world.captures.values():
        for record in link.command("HVALS", link.keys.capture(capture.id).chunks):
            size = int(record.split(b"|")[8])
            found["all"] += size
            if capture.owner:
                found[capture.owner] = found.get(capture.owner, 0) + size
    return {owner: size for owner, size in found.items() if size or owner == "all"}


def snapshot(link: Link, capture: Capture) -> tuple[int, int]:
    """Packets that wait, counted from the chunks and cursors, and as the sums say, at one moment."""
    own = link.keys.capture(capture.id)
    parts = [("HMGET", own.partition(p), "cur", "off") for p in range(capture.partitions)]
    *_, (records, meta, acct, *cursors) = link.pipeline(
        [("MULTI",), ("HGETALL", own.chunks), ("HGETALL", own.meta), ("HGETALL", own.acct), *parts, ("EXEC",)]
    )
    waiting = 0
    for n, record in zip(records[::2], records[1::2], strict=True):
        rows, status = capture.rows[int(n)] if int(n) < len(capture.rows) else [], record[:1]
        if status == b"a":
            waiting += capture.packets(int(n))
        for p, (cur, off) in enumerate(cursors if status == b"s" else []):
            if int(cur) <= int(n):
                waiting += sum(row.packets for row in rows[p][int(off) if int(cur) == int(n) else 0 :])
    counters: dict[str, int] = {}
    for flat, prefix in ((meta, "t:"), (acct, "")):
        for name, value in zip(flat[::2], flat[1::2], strict=True):
            if name.decode().startswith(prefix):
                counter = name.decode().split(":", 1)[1]
                counters[counter] = counters.get(counter, 0) + int(value)
    return waiting, accounting.Totals(counters).waiting


def check_end(schedule: Schedule) -> None:
    """Every document once, the sums true, nothing left."""
    world, link = schedule.world, schedule.links[0]
    expected: dict[str, object] = {}
    for capture in world.captures.values():
        documents, counts = reference(capture, world.quarantined)
        expected.update(documents)
        counts["packets.late"] = sum(capture.packets(n) for n in capture.late)
        counts["packets.abandoned"] = sum(capture.packets(n) for n in capture.abandoned - capture.late)
        counts["packets.uploaded"] = sum(value for name, value in counts.items() if name != "packets.abandoned")
        assert {name: capture.totals.get(name, 0) for name in counts} == counts
        assert set(capture.holes) == capture.abandoned
        assert {n for n, packets in capture.holes.items() if packets < 0} == capture.late
    rows = {name: body for name, body in world.documents.items() if "/p/" not in name}
    assert rows == expected
    assert sizes(link) == {"chunks": 0, "out": 0, "state": 0}
    assert charged(link) == {"all": 0}
    assert not capture_keys(link)
    permanent = {link.keys.bytes, link.keys.mark, link.keys.closed}
    assert {name for name in keys(link) if ":out:" not in name} <= permanent
    assert schedule.most_keys < 400


@pytest.fixture
def settings() -> Settings:
    return Settings(
        soft_bytes=1200,
        hard_bytes=1600,
        share_bytes=700,
        outbox_bytes=20_000,
        window=4,
        lease_ms=30,
        hint_ms=5,
        redrive_ms=5,
        second_try_ms=0,
        claim_ms=20,
    )


def test_whatever_happens_every_document_is_stored_once_and_nothing_is_left(store: Store) -> None:
    end = time.monotonic() + SECONDS
    done = deaths = quarantined = 0
    with ExitStack() as stack:
        links = [stack.enter_context(store.link()) for _ in range(LINKS)]
        for seed in range(SCHEDULES):
            if time.monotonic() > end:
                break
            schedule = Schedule(store, links, seed)
            try:
                schedule.run()
                check_end(schedule)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error
            links[0].command("DEL", store.keys.closed)
            done, deaths, quarantined = (
                done + 1, deaths + schedule.deaths, quarantined + len(schedule.world.quarantined),
            )  # fmt: skip
    print(f"{done} schedules, {deaths} deaths, {quarantined} put aside")
    assert done >= 10
    assert deaths
    assert quarantined
