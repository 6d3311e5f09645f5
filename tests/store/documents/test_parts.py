"""The pure pieces: names, times, payloads, cursors, blobs."""

from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.bulk import lines
from store.documents import BadCursor, WriteResult, blobs, payload, times
from store.documents.base import BatchRefused
from store.documents.cursor import Cursor, decode, encode
from store.documents.names import Part, part_of
from tests.generated import examples
from tests.store.documents.samples import blob, comm


def test_names_are_taken_apart() -> None:
    part = Part("httpcomms", "20261122", "default")
    assert part_of(part.index) == part_of(part.table) == part


@pytest.mark.parametrize("name", ["spider-other-20261122-default", "spider-httpcomms-2026-default", 'x"; DROP', ""])
def test_other_names_are_not_ours(name: str) -> None:
    assert part_of(name) is None


@examples(50)
@given(st.integers(0, 7_000_000_000_000_000_000))
def test_times_go_both_ways(nanoseconds: int) -> None:
    assert times.to_nanoseconds(times.to_text(nanoseconds)) == nanoseconds


def test_times_with_fewer_digits() -> None:
    moment = int(datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp()) * 10**9
    assert times.to_nanoseconds("2026-11-22T10:00:00Z") == moment
    assert times.to_nanoseconds("2026-11-22T10:00:00.5Z") == moment + 500_000_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-22T10:00:00", "2026-13-22T10:00:00Z", "2026-11-22T10:00:00.x2345678Z"]
)
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError):
        times.to_nanoseconds(text)


def test_pairs_and_actions() -> None:
    sent = lines([comm(1), comm(2, version=7)])
    found = payload.pairs(sent)
    assert payload.join(found) == sent
    assert payload.action(found[1][0]) == payload.Action(Part("httpcomms", "20261122", "default"), comm(2).id, 7)
    with pytest.raises(BatchRefused):
        payload.pairs(sent + b"{}\n")


@pytest.mark.parametrize("line", [b"", b"[]", b'{"delete":{}}', b'{"index":{"_index":"other","_id":"1","version":1}}'])
def test_other_actions_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        payload.action(line)


@examples(50)
@given(st.integers(1, 200).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))))
def test_halving_finds_the_culprits_and_writes_all_others_once(case: tuple[int, set[int]]) -> None:
    size, bad = case
    written: list[int] = []

    def attempt(items: "list[int]") -> WriteResult:
        if bad & set(items):
            raise BatchRefused("no")
        written.extend(items)
        return WriteResult(stored=len(items))

    result = payload.isolate(list(range(size)), attempt, lambda item: (item, str(item)))
    assert {failure.position for failure in result.failed} == bad
    assert sorted(written) == sorted(set(range(size)) - bad)
    assert result.stored == len(written)


def test_one_culprit_among_3000_costs_few_writes() -> None:
    attempts: list[int] = []

    def attempt(items: "list[int]") -> WriteResult:
        attempts.append(len(items))
        if 1234 in items:
            raise BatchRefused("no")
        return WriteResult(stored=len(items))

    payload.isolate(list(range(3000)), attempt, lambda item: (item, ""))
    assert len(attempts) < 30
    assert sum(attempts) < 4 * 3000


@examples(50)
@given(
    st.sampled_from(["date", "-stats.duration"]),
    st.one_of(st.none(), st.text(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(0, 10_000), st.booleans(),
)  # fmt: skip
def test_cursors_go_both_ways(sort: str, value: str | float | None, id: str, total: int, at_least: bool) -> None:
    cursor = Cursor(sort, value, id, total, at_least)
    assert decode(encode(cursor), sort) == cursor


@examples(50)
@given(st.text())
def test_no_text_makes_a_cursor_fail_otherwise(text: str) -> None:
    with pytest.raises(BadCursor):
        decode(text, "date")


def test_a_blob_says_where_it_belongs() -> None:
    place = blobs.place("packets", blob(5, b"content"))
    assert (place.part, place.whisperer, place.capture, place.partition, place.chunk) == (
        Part("packets", "20261122", "default"), "w1", "c1", 0, 5,
    )  # fmt: skip
    assert blobs.header(blob(5))["format"] == "pcap"
    assert blob(5, b"content").endswith(b"content")


def test_stamping_keeps_what_the_header_says() -> None:
    stamped = blobs.stamp(blob(5), whisperer="w9", capture="c9", partition=1, chunk=6, day="20261123", policy="long")
    assert blobs.header(stamped) == blobs.header(blob(5)) | {
        "whisperer": "w9", "capture": "c9", "partition": 1, "chunk": 6, "day": "20261123", "policy": "long",
    }  # fmt: skip
    assert orjson.dumps(blobs.header(stamped))
