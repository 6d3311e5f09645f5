"""Any split of a capture into chunks, in any order, repeated, gives what `parse_capture` gives for the whole file."""

import itertools
from collections.abc import Callable

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from apps.captures.sample import shop
from tests.flows import expect
from tests.flows.pump import Pump, cut_at
from tests.generated import examples

NUMBERS = itertools.count()
DATA = shop.capture(1_790_000_000_000_000_000, seconds=5, seed=7).pcap()


WHOLE = expect.whole(DATA)
RECORDS = expect.packets(DATA)


def check(pump: Pump) -> None:
    """The result is that of the whole file, every packet is accounted for, and nothing is left."""
    row = pump.finish()
    expect.same(expect.found_by(pump), WHOLE)
    expect.nothing_left()
    expect.balanced(row, RECORDS)


def test_one_chunk(pump: Callable[..., Pump]) -> None:
    one = pump("capture-one")
    one.upload([DATA], [0])
    one.end(0)
    check(one)


@examples(12, HealthCheck.function_scoped_fixture)
@given(st.data())
def test_any_split_any_order(pump: Callable[..., Pump], data: st.DataObject) -> None:
    borders = data.draw(st.lists(st.integers(1, RECORDS - 1), max_size=12, unique=True), "borders")
    pieces = cut_at(DATA, borders)
    order = data.draw(st.permutations(range(len(pieces))), "order")
    again = data.draw(st.lists(st.sampled_from(range(len(pieces))), max_size=4), "sent again")
    seed = data.draw(st.integers(0, 1 << 30), "schedule")
    run = pump(f"capture-{next(NUMBERS):06}", seed=seed)  # an id is never used again
    run.upload(pieces, [*order, *again])
    run.end(len(pieces) - 1)
    check(run)
