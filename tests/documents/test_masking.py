"""Secrets in header fields, URIs and bodies are replaced; everything else stays as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.body_masking import mask_text
from documents.masking import DEFAULT_MASKING, Masker, masker, plain_key
from documents.storable import encode, to_storable_text

MASKER = Masker(b"key", DEFAULT_MASKING)
S = MASKER.secret("s")
NESTED = MASKER.secret('["a]",{"b":"}"}]')
PARTS = (
    '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nSECRET\r\n'
    '--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ns\r\n--b--'
)
KEYS = frozenset({"password", "clientsecret"})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("authorization", "Basic s", f"Basic {S}"),
        ("authorization", "bearer  s", f"bearer {S}"),
        ("authorization", "s", S),
        ("proxy-authorization", "Digest s", f"Digest {S}"),
        ("authorization", "my s", MASKER.secret("my s")),
        ("cookie", "a=s; b=s", f"a={S}; b={S}"),
        ("cookie", "s", S),
        ("cookie", 'a="s"', f"a={S}"),
        ("set-cookie", "a=s; Path=/; Secure", f"a={S}; Path=/; Secure"),
        ("set-cookie", "a=", "a="),
        ("x-api-key", "s", S),
        ("referer", "http://h/?token=s&x=1#y", f"http://h/?token={S}&x=1#y"),
        ("location", "/cb#access_token=s&state=1", f"/cb#access_token={S}&state=1"),
        ("location", "ftp://user:s@host/", f"ftp://user:{S}@host/"),
        ("accept", "s", "s"),
    ],
)
def test_header_fields(name: str, value: str, expected: str) -> None:
    given_headers = {name: [value], "host": ["h"]}
    assert MASKER.headers(given_headers) == {name: [expected], "host": ["h"]}
    assert given_headers[name] == [value]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("password=s", f"password={S}"),
        ("a=1&Api-Key=s&b", f"a=1&Api-Key={S}&b"),
        ("pass%77ord=s", f"pass%77ord={S}"),
        ("client_secret=s&client_secret=", f"client_secret={S}&client_secret="),
        ("passwordless=s", "passwordless=s"),
        ("token", "token"),
        ("", ""),
        ("&&a=1", "&&a=1"),
    ],
)
def test_queries(query: str, expected: str) -> None:
    assert MASKER.query(query)[0] == expected


def test_parameters_are_decoded_as_forms_are() -> None:
    assert MASKER.query("a=1+2&a=%C3%A9&b&=x&%zz=%")[1] == {"a": ["1 2", "é"], "b": [""], "": ["x"], "%zz": ["%"]}


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ('{"user":"u","password" : "s","n":1}', "application/json", f'{{"user":"u","password" : "{S}","n":1}}'),
        ('{"a":{"Client_Secret":"s"}}', "application/json", f'{{"a":{{"Client_Secret":"{S}"}}}}'),
        ('{"password":"s', "application/json", f'{{"password":"{S}"'),
        ('{"password":12}', "application/json", f'{{"password":"{MASKER.secret("12")}"}}'),
        ('{"password":["a]",{"b":"}"}],"x":1}', "text/plain", f'{{"password":"{NESTED}","x":1}}'),
        ('{"pass\\u0077ord":"s"}', "application/vnd.x+json", f'{{"pass\\u0077ord":"{S}"}}'),
        ("user=u&password=s", "application/x-www-form-urlencoded", f"user=u&password={S}"),
        (PARTS.replace("SECRET", "s"), "multipart/form-data; boundary=b", PARTS.replace("SECRET", S)),
        ("password is s", "text/plain", "password is s"),
        ('{"note":"password\\":\\"s"}', "application/json", '{"note":"password\\":\\"s"}'),
    ],
)
def test_bodies(text: str, kind: str, expected: str) -> None:
    assert mask_text(text, kind, KEYS, MASKER.secret) == expected


@given(
    st.text(max_size=80),
    st.sampled_from(
        ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]
    ),
)
def test_bodies_without_the_keys_stay(text: str, kind: str) -> None:
    assert mask_text(text, kind, frozenset({"nosuchkeyeverwritten"}), MASKER.secret) == text


def test_masks_are_short_say_what_they_are_and_hide_the_length() -> None:
    assert S.startswith("masked:")
    assert len(S) == len(MASKER.secret("s" * 1000)) == 23
    assert masker(b"key", DEFAULT_MASKING).secret("s") == S
    assert plain_key("Client-Secret_") == "clientsecret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\x00b", "a\ufffdb"), ("\ud800x", "\ufffdx"), ("\ud83d\ude00", "😀"), ("é" * 4, "éé"), ("plain", "plain")],
)
def test_storable_text(text: str, expected: str) -> None:
    assert to_storable_text(text, 5) == expected


@given(
    st.recursive(
        st.text(st.characters(codec=None)),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    )
)
def test_any_document_encodes(value: object) -> None:
    assert b"\\u0000" not in encode({"a": value})
