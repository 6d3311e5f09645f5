from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from apps.core import words

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", SECOND),
        ("1970-01-01T00:00:01.000000001Z", SECOND + 1),
        ("1970-01-01 01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
        ("1970-01-01T00:01", 60 * SECOND),
    ],
)
def test_dates_keep_their_nanoseconds(text: str, expected: int) -> None:
    assert words.nanoseconds(text) == expected


def test_a_date_without_a_zone_is_in_the_given_one() -> None:
    assert words.nanoseconds("1970-01-01T01:00:00", ZoneInfo("Europe/Paris")) == 0
    assert words.nanoseconds("1970-01-01T01:00:00Z", ZoneInfo("Europe/Paris")) == 3600 * SECOND


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22", "2026-11-22T00:00:00.0123456789Z"]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        words.nanoseconds(text)


@pytest.mark.parametrize("ns", [0, 1, 123_000_000, 1_795_374_655_548_573_113])
def test_dates_survive_being_written(ns: int) -> None:
    assert words.nanoseconds(words.rfc3339(ns)) == ns


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0, "0 µs"),
        (0.412, "412 µs"),
        (0.9999, "1.0 ms"),
        (8.44, "8.4 ms"),
        (546.9, "547 ms"),
        (999.9, "1.00 s"),
        (23_140, "23.1 s"),
        (252_000, "4 min 12 s"),
    ],
)
def test_durations_read_well(ms: float, expected: str) -> None:
    assert words.duration(ms) == expected


@pytest.mark.parametrize(
    ("ns", "expected"),
    [
        (0, "0 ms"),
        (5_000_000, "5 ms"),
        (360 * SECOND, "6 min"),
        (5400 * SECOND, "1 h 30 min"),
        (86401 * SECOND, "1 d"),
        (90000 * SECOND, "1 d 1 h"),
    ],
)
def test_spans_have_two_units_at_most(ns: int, expected: str) -> None:
    assert words.span(ns) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1434, "1.4 K"),
        (1000, "1.0 K"),
        (102_400, "100 K"),
        (2 << 20, "2.0 M"),
        (5 << 30, "5.0 G"),
    ],
)
def test_sizes_are_short(count: int, expected: str) -> None:
    assert words.size(count) == expected


def test_zones_are_named_as_people_say_them() -> None:
    winter = words.nanoseconds("2026-11-22T12:00:00Z")
    assert words.offset_label(winter, UTC) == "UTC"
    assert words.offset_label(winter, ZoneInfo("Europe/Paris")) == "UTC+1"
    assert words.offset_label(winter, ZoneInfo("America/St_Johns")) == "UTC-3:30"
