"""The comparison with tcpdump counts what it says, on a small load."""

import shutil

import pytest

from tests.agent.namespaces import needs_namespaces
from tests.bench.agent import namespace, run_agent, run_tcpdump
from tests.bench.send import frame

SIZE, RATE, SECONDS = 200, 2000, 2.0


def test_a_frame_is_as_long_as_asked() -> None:
    assert [len(frame(size, 7)) for size in (60, 74, 1514)] == [60, 74, 1514]


@needs_namespaces
def test_the_agent_captures_what_was_sent() -> None:
    with namespace() as name:
        found = run_agent(name, SIZE, RATE, SECONDS)
    assert found.sent > RATE * SECONDS / 4  # a busy machine sends less
    assert (found.captured, found.dropped) == (found.sent, 0)
    assert 0 < found.cpu < SECONDS
    assert found.memory < 150e6


@needs_namespaces
@pytest.mark.skipif(not shutil.which("tcpdump"), reason="tcpdump is not installed here (package tcpdump)")
def test_tcpdump_does_too() -> None:
    with namespace() as name:
        found = run_tcpdump(name, SIZE, RATE, SECONDS)
    assert (found.captured, found.dropped) == (found.sent, 0)
