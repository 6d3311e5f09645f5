"""The quick form of `make chaos`: the cheap faults on one world, each with a small capture.

Workers that are killed are in `tests/flows/test_stack.py`, with how long the rest takes to go on.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.bench.generate import Parameters, made
from tests.chaos.drawing import drawing
from tests.chaos.faults import FAULTS
from tests.chaos.judge import Wanted, wanted
from tests.chaos.runs import chosen, run
from tests.chaos.soak import grown
from tests.chaos.stream import Stream
from tests.chaos.world import World

#: Seconds of what pauses: a worker's lease of 10 s runs out, another one takes over.
PAUSES = {"worker-stop": 12.0, "net-cut": 1.0}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World() as one:
        yield one


@pytest.fixture(scope="module")
def whole(world: World, tmp_path_factory: pytest.TempPathFactory) -> Wanted:
    parameters = Parameters(packets=60_000, open_sessions=300, seed=9)
    return wanted(world, made(parameters, tmp_path_factory.mktemp("chaos")))


@pytest.mark.parametrize("name", ["poller-kill", "redis", "net-cut", "worker-stop"])
def test_a_fault_changes_nothing(world: World, whole: Wanted, name: str) -> None:
    row = run(world, FAULTS[name], whole, pause=PAUSES.get(name, 0.0))
    assert row.ok, f"{row}\n{world.product.logs()}"
    print(row)


def test_the_judge_sees_what_is_lost_and_doubled(world: World, whole: Wanted) -> None:
    missing = next(iter(whole.lines))
    other = Wanted(whole.made, whole.lines - type(whole.lines)([missing]) + type(whole.lines)([b"never there"]))
    row = run(world, FAULTS["none"], other, pause=0.0)
    assert (row.lost, row.doubled, row.left, row.ok) == (1, 1, 0, False)


def test_faults_are_chosen_by_name_or_its_start() -> None:
    assert [one.name for one in chosen(["redis-d", "worker-k"], "both")] == ["worker-kill", "redis-disk"]
    assert [one.name for one in chosen(["redis"], "both")] == ["redis"]
    assert {"plain", "small", "clock"} <= {one.kind for one in chosen([], "postgres")}
    assert "elastic" not in {one.kind for one in chosen([], "postgres")}


def test_memory_that_grows_is_told_from_memory_that_is_flat() -> None:
    samples = [{"seconds": n, "memory_web_MB": 100.0, "memory_leak_MB": 100.0 + n} for n in range(90)]
    assert grown(samples) == ["memory of leak went from 144.5 to 174.5 MB"]
    assert drawing(samples).count("<polyline") == 2


def test_rounds_of_a_stream_differ_in_time_alone(tmp_path: Path) -> None:
    one = made(Parameters(packets=3_000, open_sessions=20, seed=3), tmp_path)
    stream = Stream(one, 100_000)
    pieces = stream.pieces
    first, second = (list(islice(iter(stream), pieces * n, pieces * (n + 1))) for n in (0, 1))
    assert stream.head + b"".join(records for records, _ in first) == one.capture.read_bytes()
    assert sum(packets for _, packets in second) == one.figures["packets"]
    seconds = [int.from_bytes(records[:4], "little") for records, _ in (first[0], second[0])]
    assert seconds[1] > seconds[0]
    assert first[0][0][4:60] == second[0][0][4:60]
