from zoneinfo import ZoneInfo

import pytest

from apps.core.errors import ApplicationError
from apps.core.links import search_url
from apps.httpcomms import ranges, requests

SECOND = 1_000_000_000
NOW = 1_795_374_655 * SECOND


@pytest.mark.parametrize(("text", "back"), [("now", 0), ("now-15m", 900), ("now-7d", 604800), ("now-30s", 30)])
def test_a_relative_moment_counts_back_from_now(text: str, back: int) -> None:
    assert ranges.moment(text, NOW) == NOW - back * SECOND


@pytest.mark.parametrize(
    ("text", "edge"),
    [
        ("now-999999w", ranges.FIRST),
        ("0001-01-01T00:00:00+14:00", ranges.FIRST),
        ("1969-12-31T23:59:59Z", ranges.FIRST),
        ("9999-12-31T23:59:59.999999999-14:00", ranges.LAST),
    ],
)
def test_a_moment_beyond_all_traffic_is_its_edge(text: str, edge: int) -> None:
    assert ranges.moment(text, NOW) == edge


@pytest.mark.parametrize("text", ["now+1h", "now-1y", "-1h", "now-9999999d", "now-1h ago"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        ranges.moment(text, NOW)


@pytest.mark.parametrize(
    ("length", "buckets", "step"), [(3600, 180, 30), (360, 180, 2), (86400, 180, 600), (604800, 120, 7200)]
)
def test_a_timeline_has_steps_that_read_well(length: int, buckets: int, step: int) -> None:
    assert ranges.interval(length * SECOND, buckets) == step * SECOND


def test_even_the_longest_range_has_no_more_steps_than_asked_for() -> None:
    length = 400 * 365 * 86400 * SECOND
    assert length / ranges.interval(length, 100) <= 100


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"from": "soon"}, "from"),
        ({"to": "2026-99-01T00:00:00Z"}, "to"),
        ({"from": "now", "to": "now-1h"}, "to"),
        ({"size": "0"}, "size"),
        ({"size": "1001"}, "size"),
        ({"size": "²"}, "size"),
        ({"q": "a" * 5000}, "q"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(parameters: dict[str, str], field: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        requests.read(parameters)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now-1h"),
        (90, "now-90s"),
        (120, "now-2m"),
        (3600, "now-1h"),
        (5400, "now-90m"),
        (14 * 86400, "now-2w"),
        (1_000_001, "now-16667m"),
    ],
)
def test_a_length_becomes_a_range_until_now(seconds: int, text: str) -> None:
    assert ranges.relative(seconds * SECOND) == text
    assert NOW - ranges.moment(text, NOW) >= seconds * SECOND


def test_a_relative_range_is_spoken() -> None:
    assert [ranges.spoken(text) for text in ("now-90m", "now-2w", "now", "2026-11-22T14:05:00Z", "")] == [
        "1 h 30 min", "14 d", "", "", "",
    ]  # fmt: skip


def test_days_begin_when_the_zone_says_so() -> None:
    zone = ZoneInfo("Europe/Paris")
    named = {name: (since, until) for name, since, until in ranges.calendar(NOW, zone)}
    # 2026-11-22 is a Sunday; the zone is an hour ahead of UTC.
    assert named["Today"] == ("2026-11-21T23:00:00Z", "")
    assert named["Yesterday"] == ("2026-11-20T23:00:00Z", "2026-11-21T23:00:00Z")
    assert named["This week"] == ("2026-11-15T23:00:00Z", "")
    assert named["Last week"] == ("2026-11-08T23:00:00Z", "2026-11-15T23:00:00Z")


def test_a_day_with_a_change_of_the_clock_is_whole() -> None:
    zone = ZoneInfo("Europe/Paris")
    monday = ranges.moment("2026-10-26T12:00:00Z", 0)
    named = {name: (since, until) for name, since, until in ranges.calendar(monday, zone)}
    assert named["Yesterday"] == ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")


def test_the_link_to_a_capture_holds_all_of_it() -> None:
    url = search_url("c-1", NOW + 5, NOW + 2 * SECOND)
    assert url == "/?q=capture%3A%22c-1%22&from=2026-11-22T19%3A10%3A55Z&to=2026-11-22T19%3A10%3A58Z"
