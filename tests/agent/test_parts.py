"""Small parts of the agent as a service: limits, breaker, keys, spool, settings."""

import os
import random
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from agent.breaker import LONGEST_PAUSE, Breaker
from agent.calls import Calls
from agent.chunk import Chunk, Counts, Losses
from agent.keys import Keys, KeysError, KeysFile, load, save
from agent.limits import BUCKET_SECONDS, BUCKETS, CpuBreaker, Gate, RateLimit
from agent.schema import CAPTURE_FIELDS
from agent.settings import Settings
from agent.spool import Spool, SpoolError, read

KEYS = Keys("http://s", "i", "w", "host", "INTERFACE", "up", "read")


def test_the_settings_are_those_of_the_schema() -> None:
    defaults = {f.name: list(f.default) if isinstance(f.default, tuple) else f.default for f in CAPTURE_FIELDS}
    plain = Settings.read({})
    assert Settings.read(defaults) == plain
    assert {f.name for f in CAPTURE_FIELDS} == set(Settings.__dataclass_fields__)
    # What another version says otherwise does no harm.
    odd = Settings.read({"snap": "many", "uploads": True, "interfaces": ["a"], "new": 1, "filter": None})
    assert odd == replace(plain, interfaces=("a",))


def test_a_minute_lets_so_much_through() -> None:
    limit, now, passed = RateLimit(), 0.0, 0
    for _ in range(100):
        passed += limit.admit(10, 100, now)
        now += 0.1
    assert passed == 10  # the first packets pass, the rest of the minute is dropped
    assert not limit.admit(10, 100, BUCKETS * BUCKET_SECONDS - 0.1)
    assert limit.admit(10, 100, BUCKETS * BUCKET_SECONDS)
    assert not limit.admit(101, 100, 1000.0)


@pytest.mark.parametrize("seed", range(5))
def test_no_minute_lets_more_through(seed: int) -> None:
    rng, limit, now = random.Random(seed), RateLimit(), 0.0
    let: list[tuple[float, int]] = []
    for _ in range(2000):
        now += rng.expovariate(4)
        size = rng.randrange(1, 40)
        if limit.admit(size, 1000, now):
            let.append((now, size))
    span = (BUCKETS - 1) * BUCKET_SECONDS
    assert all(sum(s for t, s in let if a <= t < a + span) <= 1000 for a, _ in let)
    assert sum(s for _, s in let) > 1000 * (now / 60) * 0.5


def test_processor_time_pauses_and_comes_back() -> None:
    breaker, used, states = CpuBreaker(), 0.0, []
    for second in range(60):
        used += 0.9 if 10 <= second < 20 and not breaker.open else 0.1
        states.append(breaker.look(50, float(second), used))
    assert not any(states[:11])
    assert states[14:22] == [True] * 8
    assert not states[-1]
    assert not breaker.look(0, 100.0, 1000.0)


def test_what_a_gate_refuses_is_counted() -> None:
    counts = Counts()
    gate, losses = Gate(counts), Losses()
    assert gate.admit(5, 1_000_000, losses)
    gate.rate_limit = 1
    assert gate.admit(5, 900_000, losses)
    assert not gate.admit(7, 900_000, losses)
    gate.cpu.open = True
    assert not gate.admit(3, 10, losses)
    assert losses.header() == "breaker=3/10,limit=7/900000"
    assert (counts["dropped_limit"], counts["dropped_breaker"]) == (7, 3)
    assert "processor" in gate.paused()


def test_a_breaker_waits_longer_and_tries_alone() -> None:
    breaker, now, pauses = Breaker(), 100.0, []
    assert breaker.lets(now, 8)
    for _ in range(10):
        first = breaker.failed(now)
        assert first == (not pauses)
        assert not breaker.failed(now)  # others that failed meanwhile add nothing
        pauses.append(breaker.closed_until - now)
        assert not breaker.lets(now, 0)
        now = breaker.closed_until
        assert breaker.lets(now, 0)
        assert not breaker.lets(now, 1)
    assert pauses[0] < 0.3
    assert LONGEST_PAUSE * 0.7 <= pauses[-1] <= LONGEST_PAUSE
    breaker.succeeded()
    assert breaker.lets(now, 8)


def test_calls_are_counted() -> None:
    calls = Calls()
    for i in range(10):
        calls.note(i / 1000, i != 0)
    assert calls.figures() == {"calls": 10, "calls_failed": 1, "call_average_ms": 4.5, "call_p90_ms": 8.0}
    assert calls.figures() == {"calls": 10, "calls_failed": 1}


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "sub" / "agent.json")
    save(path, KEYS)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert load(path) == KEYS
    file = KeysFile(path)
    with pytest.raises(KeysError, match="another agent"):
        KeysFile(path)
    file.change("x" * 60, "y")
    file.change("a", "b")
    found = load(path)
    assert found is not None
    assert (found.upload_key, found.read_key) == ("a", "b")
    Path(path).write_text("no json")
    assert load(path) is None


def chunk(size: int) -> Chunk:
    made = Chunk([b"SpRB", bytes(size - 4)], 3)
    made.losses.add("kernel", 2, 0)
    made.losses.captured = 2
    return made


def test_a_spool_keeps_order_numbers_and_quota(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path / "spool-1"))
    assert spool.open() == []
    with pytest.raises(SpoolError, match="another agent"):
        Spool(spool.folder).open()
    spool.quota = 4000
    kept = spool.keep("capture-1", "eth0")
    made = [chunk(1000) for _ in range(4)]
    assert [kept.write(one, one.parts, "zstd", f"d{i}") for i, one in enumerate(made)] == [True, True, True, False]
    assert 3000 < spool.used <= 4000
    kept.number(made[0], 0)
    kept.number(made[1], 1)
    kept.remove(made[0])
    (Path(kept.folder) / "000000000009.half").write_bytes(b"torn")
    os.close(spool._guard)  # what the end of the program does

    again = Spool(spool.folder)
    (left,) = again.open()
    assert (left.capture, left.interface, left.given) == ("capture-1", "eth0", 2)
    assert list(left.numbered) == [1]
    (waiting,) = left.waiting
    assert (waiting.packets, waiting.size, waiting.kind, waiting.losses.header()) == (3, 1000, b"SpRB", "kernel=2/0")
    assert waiting.losses.captured == 2
    assert waiting.stored is not None
    assert (waiting.stored.encoding, waiting.stored.digest) == ("zstd", "d2")
    assert read(waiting.stored) == b"SpRB" + bytes(996)
    assert again.used == spool.used
    left.number(waiting, 2)
    left.remove(waiting)
    left.remove(left.numbered[1])
    assert again.used == 0
    left.end()
    assert os.listdir(again.folder) == ["lock"]


def test_a_spool_that_was_torn_is_cleared(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "capture.json").write_text("{")
    (folder / "b").mkdir()
    (folder / "b" / "capture.json").write_text('{"capture": "c", "interface": "lo"}')
    (folder / "b" / "000000000000").write_bytes(b"no json\nbody")
    spool = Spool(str(folder))
    assert spool.open() == []
    assert os.listdir(folder) == ["lock"]
