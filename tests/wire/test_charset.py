"""Which bytes are text, and in which charset."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.charset import ContentType, charset, content_type, text


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"plain", "", "plain"),
        ("žluť".encode(), "text/plain", "žluť"),
        ("žluť".encode("iso-8859-2"), "text/plain; charset=ISO-8859-2", "žluť"),
        ("žluť".encode("windows-1250"), 'text/html;charset="windows-1250"', "žluť"),
        ("naïve".encode("latin-1"), "text/plain", "naïve"),
        (b"\x80", "text/plain; charset=iso-8859-1", "€"),
        ("注文".encode("shift_jis"), "text/html; charset=Shift_JIS", "注文"),
        ('{"a":"é"}'.encode(), "application/json", '{"a":"é"}'),
        (b'{"a":"\xff"}', "application/problem+json", '{"a":"\ufffd"}'),
        (b"\xef\xbb\xbfhello", "text/plain; charset=latin-1", "hello"),
        ("né".encode("utf-16"), "application/json", "né"),
        ("né".encode("utf-16-be"), "text/plain; charset=utf-16be", "né"),
        ('<meta charset="iso-8859-2">ž'.encode("iso-8859-2"), "text/html", '<meta charset="iso-8859-2">ž'),
        (
            '<?xml version="1.0" encoding="cp1251"?><a>ж</a>'.encode("cp1251"),
            "text/xml",
            '<?xml version="1.0" encoding="cp1251"?><a>ж</a>',
        ),
        (b'<meta charset="utf-16">\xc3\xa9', "text/html", '<meta charset="utf-16">é'),
        (b"\xc3\xa9", "text/plain; charset=nonsense", "é"),
        (b"x", "text/plain; charset=rot13", "x"),
        (b"", "application/json", ""),
        (b"tab\tnl\n", "application/octet-stream", "tab\tnl\n"),
        (b"<svg>\xc3\xa9", "image/svg+xml", "<svg>é"),
    ],
)
def test_text(data: bytes, kind: str, expected: str) -> None:
    assert text(data, kind) == expected


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n\x00", ""),
        (b"GIF89a", "image/gif"),
        (b"%PDF-1.7", "application/pdf"),
        (b"a\x00b", "text/plain"),
        (b"\x01\x02\x03", "application/octet-stream"),
        (b"\x0a\x03abc\x10\x01", ""),
        (b"abc", "video/mp4"),
    ],
)
def test_binary_is_no_text(data: bytes, kind: str) -> None:
    assert text(data, kind) is None


def test_a_character_cut_in_two_is_left_out() -> None:
    assert text("aé".encode()[:-1], "text/plain", cut=True) == "a"
    assert text("aé".encode()[:-1], "application/json", cut=True) == "a"
    assert text("a注".encode("utf-16-le")[:-1], "text/plain; charset=utf-16le", cut=True) == "a"


@pytest.mark.parametrize(
    "label", ["punycode", "idna", "unicode_escape", "zlib", "utf-7", "x" * 100, "a\x00", "", "hex"]
)
def test_codecs_that_are_no_charsets_of_the_web_are_not_used(label: str) -> None:
    assert charset(label) == ""


def test_content_types_are_taken_apart() -> None:
    assert content_type("Application/JSON ; Charset=UTF-8") == ContentType("application/json", "utf-8", "json")
    assert content_type("text/html;charset='utf-8'").charset == "utf-8"
    assert content_type("") == ContentType("", "", "")


@given(
    st.binary(max_size=200),
    st.sampled_from(
        [
            "",
            "text/html",
            "application/json",
            "text/plain; charset=big5",
            "text/plain; charset=utf-16",
            "text/plain; charset=iso-2022-jp",
        ]
    ),
)
def test_any_bytes_give_text_or_nothing(data: bytes, kind: str) -> None:
    found = text(data, kind, cut=True)
    assert found is None or isinstance(found, str)
