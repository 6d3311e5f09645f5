"""Who sent it: read from credentials and proxies' headers, whatever they look like."""

from base64 import b64encode, urlsafe_b64encode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.identity import address, authorization, origin


def token(header: object, claims: object) -> str:
    parts = [urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, "c2lnbmF0dXJl"])


@pytest.mark.parametrize(
    ("pair", "login"),
    [
        (b"Aladdin:open sesame", "Aladdin"),
        (b"a:b:c", "a"),
        (b"nopassword", "nopassword"),
        (b"zo\xc3\xa9:x", "zoé"),
        (b"zo\xe9:x", "zoé"),
        (b":x", ""),
    ],
)
def test_basic_logins(pair: bytes, login: str) -> None:
    found = authorization("Basic " + b64encode(pair).decode())
    assert found.identification == login
    assert found.fields.get("login", "") == login
    assert b"sesame" not in orjson.dumps(found.fields)


def test_the_basic_example_of_rfc_7617() -> None:
    assert authorization("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==") == (
        {"kind": "basic", "login": "Aladdin"},
        "Aladdin",
        "basic",
    )


def test_the_token_example_of_rfc_7519() -> None:
    example = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlL"
        "mNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    found = authorization("Bearer " + example)
    assert found.fields["jwtHeader"] == {"typ": "JWT", "alg": "HS256"}
    assert found.fields["jwtClaims"] == {"iss": "joe", "exp": "1300819380", "http://example.com/is_root": "true"}
    assert (found.identification, found.kind) == ("", "")
    assert b"dBjftJeZ4CVP" not in orjson.dumps(found.fields)


def test_claims_are_one_level_of_text() -> None:
    found = authorization(
        "bearer " + token({"alg": "none"}, {"sub": "alice", "aud": ["a", 1], "deep": {"x": {"y": 1}}, "no": None})
    )
    assert found.fields["jwtClaims"] == {"sub": "alice", "aud": ["a", "1"], "deep": '{"x":{"y":1}}'}
    assert (found.identification, found.kind) == ("alice", "jwt")


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        ('Digest username="Mu\\"fasa", realm="x"', {"kind": "digest", "login": 'Mu"fasa'}),
        ("Basic !!!", {"kind": "basic"}),
        ("Bearer opaque", {"kind": "bearer"}),
        ("onlysecret", {"kind": "other"}),
        ("Bearer a.b.c", {"kind": "bearer"}),
        ("Bearer eyJ.eyJ.x", {"kind": "bearer"}),
        ("", {"kind": "other"}),
        ("Negotiate YII=", {"kind": "negotiate"}),
    ],
)
def test_other_schemes(value: str, fields: dict[str, str]) -> None:
    assert authorization(value).fields == fields


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:DB8::1]:80", "2001:db8::1"),
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
        ('"192.0.2.1"', "192.0.2.1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("999.1.1.1", None),
        ("010.0.0.1", None),
    ],
)
def test_addresses(text: str, expected: str | None) -> None:
    assert address(text) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"forwarded": ["for=192.0.2.60;proto=http;by=203.0.113.43"]}, "192.0.2.60"),
        ({"forwarded": ['For="[2001:db8:cafe::17]:4711"']}, "2001:db8:cafe::17"),
        ({"forwarded": ["for=_secret, for=unknown", "for=192.0.2.43"]}, "192.0.2.43"),
        ({"forwarded": ["by=10.0.0.1"], "x-forwarded-for": ["192.0.2.9"]}, "192.0.2.9"),
        ({"x-forwarded-for": ["192.0.2.1, 10.0.0.1", "10.0.0.2"]}, "192.0.2.1"),
        ({"x-forwarded-for": ["unknown, 192.0.2.1"]}, "192.0.2.1"),
        ({"x-forwarded-for": [" "]}, None),
        ({}, None),
    ],
)
def test_origin(headers: dict[str, list[str]], expected: str | None) -> None:
    assert origin(headers) == expected


@given(st.text(max_size=60))
def test_any_value_is_read(value: str) -> None:
    for scheme in ("", "Basic ", "Bearer ey", "Digest username="):
        found = authorization(scheme + value)
        assert "kind" in found.fields
    origin({"forwarded": [value], "x-forwarded-for": [value]})
