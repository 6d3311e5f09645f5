"""The benchmark measures what it says: its capture is what its truth says, and the judge can tell wrong from right."""

import json
import sys
from pathlib import Path

import pytest

from tests.bench import measure, truth
from tests.bench.__main__ import _PARSE
from tests.bench.generate import Made, Parameters, made

PARAMETERS = Parameters(packets=20_000, open_sessions=200, lost=0.005)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(PARAMETERS, tmp_path_factory.mktemp("bench"))


def test_the_same_parameters_are_made_once(capture: Made) -> None:
    changed = capture.capture.stat().st_mtime_ns
    assert made(PARAMETERS, capture.capture.parent).capture.stat().st_mtime_ns == changed


def test_what_is_made_is_as_wanted(capture: Made) -> None:
    figures = capture.figures
    lines = capture.truth.read_text().splitlines()
    assert figures["packets"] >= PARAMETERS.packets
    assert figures["exchanges"] == len(lines)
    assert 6 < figures["packets"] / figures["exchanges"] < 9
    assert 300 < figures["bytes"] / figures["packets"] < 400
    assert 0.003 < sum(json.loads(line)["lost"] for line in lines) / len(lines) < 0.03


def test_a_cost_is_that_of_the_command_alone() -> None:
    ours = bytes(range(256)) * (1 << 20)
    cost = measure.run([sys.executable, "-c", "x = b'x' * (50 << 20)"])
    assert 50 << 20 < cost.memory < len(ours)


def parsed(capture: Made, folder: Path) -> truth.Score:
    """What a real run finds, within wide bounds of time and memory."""
    cost = measure.run([*_PARSE, capture.capture], folder / "documents")
    assert 0 < cost.cpu < 30
    assert cost.memory < 400 << 20
    return truth.score(capture.truth, folder / "documents")


@pytest.mark.bench
def test_all_is_found_exactly_when_nothing_is_lost(tmp_path: Path) -> None:
    parameters = Parameters(
        packets=20_000, open_sessions=200, lost=0, reordered=0.02, retransmitted=0.02, pipelined=0.1
    )
    score = parsed(made(parameters, tmp_path), tmp_path)
    assert (score.whole_found, score.wrong, score.examples, score.more) == (score.whole, {}, [], 0)
    assert score.share == 1


@pytest.mark.bench
def test_a_lost_packet_costs_little_more_than_its_exchange(capture: Made, tmp_path: Path) -> None:
    score = parsed(capture, tmp_path)
    assert score.damaged > 20
    assert (score.whole_found, score.mixed) == (score.whole, 0), score.examples
    assert score.open < 0.002 * score.whole


def test_the_judge_tells_wrong_from_right(tmp_path: Path) -> None:
    same = {"method": "GET", "status": 200, "request": None, "response": "aa"}
    true = [{**same, "uri": f"/{n}", "lost": n == 3} for n in range(5)]
    found = [(0, 200, "aa"), (1, 404, "aa"), (2, 200, "bb"), (3, 200, "aa"), (9, 200, "aa")]
    (tmp_path / "truth").write_text("".join(json.dumps(one) + "\n" for one in true))
    documents = [
        {"req": {"method": "GET", "path": f"/{n}"}, "res": {"status": status, "body": {"sha256": body}}}
        for n, status, body in found
    ]
    (tmp_path / "documents").write_text("".join(json.dumps(one) + "\n" for one in documents))
    score = truth.score(tmp_path / "truth", tmp_path / "documents")
    assert (score.whole_found, score.whole, score.damaged_found, score.damaged, score.more) == (1, 4, 1, 1, 1)
    assert score.wrong == {"status": 1, "response body": 1, "missing": 1}
    assert (score.share, score.mixed, score.exact) == (0.4, 1, False)


@pytest.mark.parametrize(("status", "mixed"), [(None, 0), (200, 0), (404, 1)])
def test_what_losses_leave_open_may_be_missing_but_not_wrong(tmp_path: Path, status: int | None, mixed: int) -> None:
    true = {"method": "GET", "uri": "/", "status": 200, "request": None, "response": "aa", "lost": False, "open": True}
    response = {} if status is None else {"status": status, "body": {"sha256": "aa"}}
    (tmp_path / "truth").write_text(json.dumps(true) + "\n")
    (tmp_path / "documents").write_text(json.dumps({"req": {"method": "GET", "path": "/"}, "res": response}) + "\n")
    score = truth.score(tmp_path / "truth", tmp_path / "documents")
    assert (score.whole, score.open, score.open_found) == (0, 1, int(status == 200))
    assert (score.mixed, score.exact) == (mixed, not mixed)


def test_a_failing_command_says_why() -> None:
    with pytest.raises(RuntimeError, match="No such file"):
        measure.run(["cat", "/does/not/exist"])
