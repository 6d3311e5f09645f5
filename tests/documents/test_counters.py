"""The equations of the accounting: what holds, what may wait, and what is a fault."""

import pytest

from documents.counters import COUNTERS, EQUATIONS, PAYLOAD, UPLOADED, Bounds, balance, faults

#: A capture that is over, in which everything happened.
WHOLE = {
    "packets.captured": 200, "packets.filtered": 20, "packets.dropped.kernel": 5, "packets.dropped.queue": 15,
    "packets.abandoned": 10, "packets.uploaded": 150, "packets.session": 100, "packets.notTcp": 20,
    "packets.undecodable": 7, "undecodable.badIp": 4, "undecodable.fragment.timeout": 3, "packets.quarantined": 13,
    "packets.late": 10, "payload.bytes": 5_000, "payload.parsed": 4_400, "payload.skipped.gap": 100,
    "payload.skipped.tls": 500,
}  # fmt: skip


def wrong(counters: dict[str, int], bounds: Bounds | None = None) -> list[tuple[str, int]]:
    """Names of equations that do not hold, with what is left over."""
    return [(found.equation.name, found.rest) for found in faults(counters, bounds or Bounds())]


def test_what_is_over_adds_up_exactly() -> None:
    assert wrong(WHOLE) == []
    assert wrong({}) == []


@pytest.mark.parametrize(
    ("counter", "delta", "found"),
    [
        ("packets.captured", 1, [("captured", 1)]),
        ("packets.dropped.breaker", 2, [("captured", -2)]),
        ("packets.session", 5, [("uploaded", -5)]),
        ("packets.uploaded", 1, [("captured", -1), ("uploaded", 1)]),
        ("undecodable.badTcp", 1, [("undecodable", -1)]),
        ("payload.parsed", -1, [("payload", 1)]),
        ("payload.skipped.gap", 9, [("payload", -9)]),
        ("payload.skipped.new", 9, [("payload", -9)]),
    ],
)
def test_one_counter_that_is_wrong_breaks_its_equations(counter: str, delta: int, found: list[tuple[str, int]]) -> None:
    assert wrong(WHOLE | {counter: WHOLE.get(counter, 0) + delta}) == found


@pytest.mark.parametrize(
    ("missing", "bounds", "holds"),
    [
        (30, Bounds(30, 30, payload=True), True),
        (30, Bounds(10, 40, payload=True), True),
        (30, Bounds(31, 40, payload=True), False),
        (30, Bounds(10, 29, payload=True), False),
        (-1, Bounds(0, 40, payload=True), False),
    ],
)
def test_what_waits_must_be_in_chunks_that_wait(missing: int, bounds: Bounds, holds: bool) -> None:
    counters = WHOLE | {"packets.session": WHOLE["packets.session"] - missing}
    assert (wrong(counters, bounds) == []) is holds


def test_open_sessions_hold_payload_but_never_more_than_there_was() -> None:
    waiting = Bounds(0, 0, payload=True)
    assert wrong(WHOLE | {"payload.bytes": 5_001}, waiting) == []
    assert wrong(WHOLE | {"payload.bytes": 4_999}, waiting) == [("payload", -1)]
    # What a session held that could not be closed is gone with it.
    assert wrong(WHOLE | {"payload.bytes": 5_001, "sessions.quarantined": 1}) == []


def test_what_an_older_version_did_not_count_is_no_fault() -> None:
    counters = {name: count for name, count in WHOLE.items() if name not in ("packets.captured", "payload.bytes")}
    assert wrong(counters) == []


def test_parts_and_rest_are_the_whole() -> None:
    found = balance(PAYLOAD, WHOLE)
    assert found.parts == {"payload.parsed": 4_400, "payload.skipped.gap": 100, "payload.skipped.tls": 500}
    assert (found.whole, found.accounted, found.rest) == (5_000, 5_000, 0)
    assert balance(UPLOADED, {"packets.uploaded": 3}).rest == 3


def test_every_counter_of_an_equation_is_explained() -> None:
    for equation in EQUATIONS:
        for name in (equation.whole, *equation.parts):
            family = name.removesuffix("*")
            assert name in COUNTERS or any(known.startswith(family) for known in COUNTERS), name
