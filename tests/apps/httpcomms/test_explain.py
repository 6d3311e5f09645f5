"""Headers, cookies, credentials and anomalies in plain words."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.words import nanoseconds
from apps.httpcomms.explain import anomalies, cookies, credentials, headers, names
from wire.anomalies import ANOMALIES

NOW = nanoseconds("2026-11-22T13:16:52.277Z")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("date", "Sun, 22 Nov 2026 13:16:52 GMT", "at that second"),
        ("expires", "Sun, 22 Nov 2026 14:16:52 GMT", "1 h after"),
        ("last-modified", "Sat, 21 Nov 2026 13:16:52 GMT", "1 d before"),
        ("expires", "0", "no date that can be read"),
        ("retry-after", "5", "after 5 s"),
        ("cache-control", "public, max-age=3600, x=y", "any cache may keep it; fresh for 1 h"),
        ("cache-control", "no-store", "nobody may keep it"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains", "HTTPS alone for 365 d, subdomains too"),
        ("x-forwarded-for", "203.0.113.87, 10.4.0.4", "client 203.0.113.87, then through 1 proxy"),
        ("etag", 'W/"a"', "weak: same content, not necessarily same bytes"),
        ("content-length", "20480", "20.0 KB"),
        ("server-timing", 'db;dur=53, app;desc="App";dur=47.2', "db 53 ms, App 47.2 ms"),
        ("host", "orders:8080", ""),
    ],
)
def test_a_value_says_what_it_means(name: str, value: str, said: str) -> None:
    assert headers.meaning(name, value, NOW) == said


def test_a_trace_is_read() -> None:
    value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert headers.meaning("traceparent", value, NOW).endswith("caller's span b7ad6b7169203331, sampled")


@given(name=st.sampled_from(sorted(names.NAMES)), value=st.text(max_size=200))
def test_no_value_is_too_odd(name: str, value: str) -> None:
    headers.meaning(name, value, NOW)
    cookies.received({"headers": {"set-cookie": [value]}}, NOW)
    cookies.sent({"headers": {"cookie": [value]}})
    credentials.explain(
        {"req": {"authorization": {"kind": value, "jwtClaims": {"exp": value, "scope": value}}}}, NOW, UTC
    )


def test_lines_keep_their_order_and_repetitions_and_know_what_is_masked() -> None:
    message = {"headers": {"accept": ["a", "b"], "authorization": ["Bearer masked:0123456789abcdef"], "x y": ["1"]}}
    found = headers.lines(message, "headers", "req", NOW)
    assert [(line.name, line.value, line.masked) for line in found[:2]] == [
        ("accept", "a", False),
        ("accept", "b", False),
    ]
    assert found[2].masked
    assert found[0].field == "req.headers.accept"
    assert found[3].field == ""  # no query can name it
    assert len(headers.lines({"headers": {"a": ["1"] * 2000}}, "headers", "req", NOW)) == headers.MAX_LINES


def test_cookies_are_taken_apart_and_their_weakness_is_said() -> None:
    line = "session=masked:0123456789abcdef; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"
    message = {
        "headers": {"set-cookie": [line, "theme=dark; Domain=shop.example; Expires=Sat, 21 Nov 2026 13:16:52 GMT"]}
    }
    safe, weak = cookies.received(message, NOW)
    assert (safe.name, safe.warnings) == ("session", [])
    assert safe.attributes == [
        "for 1 h", "for this host alone", "under /", "over HTTPS alone", "not for scripts", "SameSite Lax"
    ]  # fmt: skip
    assert weak.attributes[:2] == ["deleted at once", "for shop.example and below"]
    assert len(weak.warnings) == 2
    pairs = [(one.name, one.value) for one in cookies.sent({"headers": {"cookie": ["a=1; b=x=y", "c"]}})]
    assert pairs == [("a", "1"), ("b", "x=y"), ("", "c")]


def explained(status: int = 200, **said: Any) -> credentials.Explained:
    found = credentials.explain({"req": {"authorization": said}, "res": {"status": status}}, NOW, UTC)
    assert found is not None
    return found


def test_a_token_is_told_in_dates_and_scopes() -> None:
    second = NOW // 10**9
    claims = {"sub": "amelie", "exp": str(second + 2700), "iat": str(second - 900), "scope": "orders:write carts:read"}
    found = explained(kind="bearer", jwtHeader={"alg": "RS256"}, jwtClaims=claims)
    by_name = {claim.name: claim for claim in found.claims}
    assert (found.scheme, found.token, found.warnings) == ("Bearer", True, [])
    assert by_name["exp"].moment == "2026-11-22 14:01:52, 45 min after this request"
    assert by_name["exp"].state == "ok"
    assert by_name["iat"].moment == "2026-11-22 13:01:52, 15 min before this request"
    assert by_name["scope"].values == ["orders:write", "carts:read"]
    assert by_name["sub"].field == "req.authorization.jwtClaims.sub"


def test_an_expired_token_is_said_to_be_the_likely_reason() -> None:
    found = explained(401, kind="bearer", jwtHeader={"alg": "none"}, jwtClaims={"exp": str(NOW // 10**9 - 180)})
    assert found.warnings[0] == "The token expired 3 min before this request. That may be why it was refused."
    assert "no signature" in found.warnings[1]
    assert found.claims[0].state == "warn"


def test_a_login_is_told_and_nothing_where_there_were_no_credentials() -> None:
    basic = explained(kind="basic", login="orders")
    assert (basic.scheme, basic.login, basic.token) == ("Basic", "orders", False)
    assert credentials.explain({"req": {}}, NOW, UTC) is None
    assert credentials.explain({}, NOW, UTC) is None


def test_dates_of_a_token_may_be_anything() -> None:
    for value in ("1e400", "-1", "nan", "inf", "", "9" * 400, ["1", "2"]):
        explained(kind="bearer", jwtClaims={"exp": value})


def test_every_anomaly_says_what_it_means_and_what_to_do() -> None:
    assert set(anomalies.MEANINGS) == set(ANOMALIES)
    for means, todo in anomalies.MEANINGS.values():
        assert means.endswith(".")
        assert todo.endswith(".")
    told = anomalies.explain({"parsing": {"status": "gap", "anomalies": ["encodingCut", "ofANewerParser"]}})
    assert [one.code for one in told] == ["gap", "encodingCut", "ofANewerParser"]
    assert told[2].happened == "ofANewerParser"
