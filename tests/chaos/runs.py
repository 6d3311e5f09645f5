"""One fault, one capture: sent, troubled, waited for, judged; and the table of many."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tests.chaos.faults import FAULTS, Context, Fault
from tests.chaos.judge import Wanted, judge, judge_part
from tests.chaos.world import World, agents_capture

#: Seconds that a fault is given from its end until everything is found. What a dead poller of another name had in hand
#: waits for a minute; a second try would come after ten, which is too late.
GIVE_UP = 240.0
#: Share of the chunks that are through before a fault begins.
SHARE = 5


@dataclass(slots=True)
class Row:
    """A line of the table."""

    fault: str
    lost: int = 0
    doubled: int = 0
    left: int = 0
    recover: float = 0.0  # seconds from the end of the fault until everything is found
    seconds: float = 0.0  # of the whole capture
    ok: bool = False
    notes: list[str] = field(default_factory=list)


def run(world: World, fault: Fault, whole: Wanted, *, pause: float, give_up: float = GIVE_UP) -> Row:
    """Send the capture, do the fault in the middle, wait for the end, and judge."""
    row = Row(fault.name)
    more = ("--state", str(world.folder / f"state-{time.monotonic_ns()}")) if fault.state else ()
    begun = time.monotonic()
    at = Context(world, pause, world.send(whole.made.capture, *more), lambda: world.send(whole.made.capture, *more), [])
    first: list[str] = []
    try:
        _middle(world, at, whole)
        first = world.captures()
        fault.do(at)
        over = time.monotonic()
        _end(world, at, give_up)
        row.recover, row.seconds = time.monotonic() - over, time.monotonic() - begun
    except Exception as error:  # a fault that cannot be done, or never ends, is a line of the table too
        row.notes = [*at.notes, f"{type(error).__name__}: {error}"]
        return row
    finally:
        if at.agent.poll() is None:
            at.agent.kill()
    capture = agents_capture(at.agent.stdout.read() if at.agent.stdout else "")
    verdict = judge(world, capture, whole, refused=fault.refuses)
    for other in set(first) - {capture}:
        verdict.wrong += judge_part(world, other)
    row.lost, row.doubled, row.left, row.ok = verdict.lost, verdict.doubled, verdict.left, verdict.ok
    row.notes = [*at.notes, *([f"{verdict.kept} kept with their reason"] if verdict.kept else []), *verdict.wrong]
    return row


def _middle(world: World, at: Context, whole: Wanted) -> None:
    """Wait until some chunks are through and more are to come."""
    wanted = max(1, whole.made.figures["bytes"] // (1 << 20) // SHARE)
    deadline = time.monotonic() + 120
    while world.passed() < wanted:
        if at.agent.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the capture was through before the fault: send more packets")
        time.sleep(0.02)


def _end(world: World, at: Context, give_up: float) -> None:
    """Wait until the agent has sent everything and all of it is stored."""
    deadline = time.monotonic() + give_up
    while at.agent.poll() is None or not world.idle():
        if at.agent.poll():
            raise RuntimeError(f"the agent ended with status {at.agent.returncode}: {world.agent_log()}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"not through {give_up:.0f} s after the fault: agent {at.agent.poll()}, "
                               f"captures {world.captures()}\n{world.product.logs(4)}")  # fmt: skip
        time.sleep(0.1)


def chosen(only: Sequence[str], store: str) -> list[Fault]:
    """The faults asked for, by name or the start of several, in an order that needs each kind of world once."""
    found = [one for one in FAULTS.values() if not only or any(_means(word, one.name) for word in only)]
    if store == "postgres":
        found = [one for one in found if one.kind != "elastic"]
    return sorted(found, key=lambda one: list(KINDS).index(one.kind))


def _means(word: str, name: str) -> bool:
    return name == word if word in FAULTS else name.startswith(word)


KINDS = ("plain", "live", "small", "clock", "elastic")


def by_world(faults: Sequence[Fault]) -> Iterator[tuple[str, list[Fault]]]:
    """The faults that share a world."""
    for kind, group in groupby(faults, key=lambda one: one.kind):
        yield kind, list(group)


HEAD = f"{'fault':<21}{'lost':>7}{'doubled':>9}{'left':>6}{'recover s':>11}{'whole s':>9}   "


def line(row: Row) -> str:
    """A row as text."""
    figures = f"{row.fault:<21}{row.lost:>7}{row.doubled:>9}{row.left:>6}{row.recover:>11.1f}{row.seconds:>9.1f}"
    return f"{figures}   {'ok' if row.ok else 'WRONG'}" + (f"  ({'; '.join(row.notes)})" if row.notes else "")
