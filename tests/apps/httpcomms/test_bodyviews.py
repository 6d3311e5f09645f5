"""Views of bodies: each shows what the bytes say, never raises, stays within its bounds, and escapes all of it."""

import re
import struct

import pytest
from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.httpcomms import bodyviews
from apps.httpcomms.bodyviews import images, limits, markups, multipart, protobufs, trees
from wire import bodies

EVIL = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
KINDS = [
    "",
    "application/json",
    "application/x-ndjson",
    "text/html; charset=utf-8",
    "application/xml",
    "image/svg+xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "application/grpc",
    "application/grpc-web-text",
    "application/x-protobuf",
    "image/png",
]
PIECES = st.sampled_from(
    [b"<", b">", b"</a>", b"<a b='", b'"', b"<!--", b"<![CDATA[", b"<script>", b"{", b"}", b"[", b"]", b'{"a":', b",",
     b"&", b"=", b"%", b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a",
     b"RIFF0000WEBPVP8X", b"\x00\x00\x00\x00\x05", b"\x0a\x03", b"\x80", b"\xef\xbb\xbf", EVIL.encode()]
)  # fmt: skip
BODIES = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=60).map(b"".join))


def shown(data: bytes, kind: str, way: str, at: int = 0) -> tuple[bodyviews.Shown, str]:
    """A body in one of its ways, and the page that it makes."""
    found = bodyviews.show(data, bodies.text(data, kind), kind, raw=data, wanted=way, at=at)
    context = {
        "id": "c-1", "side": "res", "about": {"size": len(data)}, "address": "/x/", "shown": found, "at": at,
        "found": {"data": data, "content_type": kind, "whole": {"decoded": {"encodings": ()}, "raw": data}},
        "sides": [], "part": "", "query": "", "can_preview": found.html,
    }  # fmt: skip
    return found, render_to_string("httpcomms/body.html", context)


@given(data=BODIES, kind=st.sampled_from(KINDS), at=st.integers(0, 400))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_shown_in_every_way_and_nothing_becomes_html(data: bytes, kind: str, at: int) -> None:
    first, _ = shown(data, kind, "")
    for way, _ in first.ways:
        _, html = shown(data, kind, way, at)
        assert "<script" not in html
        assert "<img src=x" not in html
        assert "onerror=" not in re.sub(r">[^<]*<", "><", html)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b"[" + b"1," * 200_000 + b"1]",
        b"<a>" * 200_000,
        b"<script>" * 60_000,
        b"<!--" * 100_000,
        b"<a b='" * 100_000,
        b"&=" * 300_000,
        b"--b\r\n" * 100_000,
        b"--b\r\n\r\n\r\n" * 60_000,
        b"\x0a\x01" * 200_000,
        b"\x08\x01" * 200_000,
        bytes(1_000_000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_body_made_to_cost_much_costs_little(data: bytes, kind: str) -> None:
    _, html = shown(data, kind, "")
    assert len(html) < 4_000_000


def test_a_tree_shows_numbers_as_written_and_repeated_keys() -> None:
    tree = str(trees.tree('{"total": 184.90, "big": 123456789012345678901234567890, "a": 1, "a": [], "n": NaN}'))
    for written in ("184.90", "123456789012345678901234567890", "NaN", "[ 0 ]"):
        assert f">{written}<" in tree
    assert tree.count('<span class="k">a</span>') == 2
    assert "{ 5 }" in tree


def test_a_tree_counts_what_it_does_not_show() -> None:
    tree = str(trees.tree(str(list(range(5000)))))
    assert f"{5000 - limits.MAX_ITEMS} more, not shown" in tree
    deep = str(trees.tree("[" * 80 + "]" * 80))
    assert "1 more, not shown" in deep
    assert trees.tree("[" * 100_000) is None
    assert trees.tree("not json") is None
    assert trees.tree('"text"') is None


def test_json_lines_are_a_list_of_trees_and_a_wrong_line_is_shown() -> None:
    lines = str(trees.lines('{"a": 1}\n{"b": 2}\nnothing\n'))
    assert "3 lines" in lines
    assert "nothing" in lines
    assert "data-list" in lines
    assert trees.lines('{"a": 1}') is None
    assert trees.lines("a\nb") is None


def test_markup_is_indented_and_nothing_is_resolved() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a b="1"><c>&x;</c><d/></a>'
    text = re.sub(r"<[^>]+>", "", str(markups.markup(bomb, html=False)))
    assert text.split("\n") == [
        "&lt;?xml version=&quot;1.0&quot;?&gt;",
        "&lt;!DOCTYPE a [&lt;!ENTITY x SYSTEM &quot;file:///etc/passwd&quot;&gt;]&gt;",
        "&lt;a b=&quot;1&quot;&gt;",
        "  &lt;c&gt;&amp;x;&lt;/c&gt;",
        "  &lt;d/&gt;",
        "&lt;/a&gt;",
    ]


def test_scripts_and_void_elements_of_html_are_read_as_html_says() -> None:
    html = "<html><head><meta charset=utf-8><script>if (a < b) { '<p>' }</script></head><body><br>Hi</body></html>"
    text = re.sub(r"<[^>]+>", "", str(markups.markup(html, html=True)))
    assert "    &lt;meta charset=utf-8&gt;" in text.split("\n")
    assert "if (a &lt; b) { &#x27;&lt;p&gt;&#x27; }" in text
    assert text.split("\n")[-1] == "&lt;/html&gt;"


def test_a_form_is_decoded_field_by_field() -> None:
    found = bodyviews.pairs("a=1&b=x+y%26&a=&caf%C3%A9=%ff&flag")
    assert [(pair.name, pair.value) for pair in found.pairs] == [
        ("a", "1"), ("b", "x y&"), ("a", ""), ("café", "\ufffd"), ("flag", "")
    ]  # fmt: skip
    assert found.pairs[1].written == "b=x+y%26"
    assert bodyviews.pairs("&".join(["a=1"] * 1_200)).more == 200


MULTIPART = (
    b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"about\"\r\n\r\nlikes lamps\r\n--b\r\n"
    b'Content-Disposition: form-data; name="file"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n\r\n'
    b"\x89PNG\r\n\x1a\n--b is no delimiter\r\n--b--\r\nepilogue"
)  # fmt: skip


def test_a_multipart_body_is_taken_apart() -> None:
    found = multipart.parts(MULTIPART, 'multipart/form-data; boundary="b"')
    assert found is not None
    about, file = found.parts
    assert (about.name, about.data) == ("about", b"likes lamps")
    assert (file.name, file.filename, file.content_type) == ("file", 'a "b".png', "image/png")
    assert file.data == b"\x89PNG\r\n\x1a\n--b is no delimiter"
    assert found.whole
    assert not found.more


def test_a_cut_multipart_body_says_so_and_many_parts_are_bounded() -> None:
    cut = multipart.parts(MULTIPART[:150], "multipart/form-data; boundary=b")
    assert cut is not None
    assert not cut.whole
    many = multipart.parts(b"--b\r\n\r\nx\r\n" * 500 + b"--b--", "multipart/mixed; boundary=b")
    assert many is not None
    assert (len(many.parts), many.more) == (limits.MAX_PARTS, True)
    assert multipart.parts(b"nothing", "multipart/mixed; boundary=b") is None
    assert multipart.parts(b"--b", "multipart/mixed") is None


def test_a_part_of_a_part_is_found_by_its_place() -> None:
    inner = b"--i\r\n\r\none\r\n--i\r\nContent-Type: text/csv\r\n\r\ntwo\r\n--i--"
    outer = b"--b\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n" + inner + b"\r\n--b--"
    kind = "multipart/mixed; boundary=b"
    found = bodyviews.open_part(outer, kind, "1.2")
    assert found is not None
    assert (found.data, found.content_type) == (b"two", "text/csv")
    for wrong in ("2", "0", "1.3", "x", "1.1.1", "-1", "1e9", "٢", "1.2.1.1"):
        assert bodyviews.open_part(outer, kind, wrong) is None


def test_images_are_told_by_their_bytes_and_svg_never_is_one() -> None:
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x02\0\0\0"
    gif = b"GIF89a" + struct.pack("<HH", 3, 4)
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x20\0\x30\x03"
    webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x0f\0\0\x07\0\0"
    sizes = [(one.name, one.width, one.height) for one in map(images.image, (png, gif, jpeg, webp)) if one]
    assert sizes == [("PNG", 640, 480), ("GIF", 3, 4), ("JPEG", 48, 32), ("WebP", 16, 8)]
    assert images.image(b"<svg xmlns='http://www.w3.org/2000/svg'/>") is None
    huge = images.image(png[:16] + struct.pack(">II", 100_000, 100_000))
    assert huge is not None
    assert "pixels" in images.refusal(huge, png)


def test_a_message_without_schema_shows_numbers_and_what_they_hold() -> None:
    inner = b"\x0a\x05hello\x10\x2a"
    message = b"\x08\x96\x01" + b"\x12" + bytes([len(inner)]) + inner + b"\x1d" + struct.pack("<f", 1.5)
    found = protobufs.protobuf(message, "application/x-protobuf")
    assert found is not None
    assert (found[0].label, found[0].kind, found[0].value) == ("1", "varint", "150")
    assert [(one.label, one.value) for one in found[1].inside] == [("1", "hello"), ("2", "42")]
    assert "1.5" in found[2].value
    framed = b"\0" + struct.pack(">I", len(message)) + message + b"\x80" + struct.pack(">I", 13) + b"grpc-status:0"
    frames = protobufs.protobuf(framed, "application/grpc-web+proto")
    assert frames is not None
    assert [(one.label, one.value) for one in frames] == [("message", ""), ("trailers", "grpc-status:0")]
    assert protobufs.protobuf(b"\x07nothing", "application/x-protobuf") is None


def test_bytes_are_shown_in_lines_of_sixteen_and_go_on() -> None:
    found = bodyviews.dump(b"GET / HTTP/1.1\r\nA")
    assert found.offsets == "000000\n000010"
    assert found.bytes == "47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a\n41"
    assert found.printed == "GET / HTTP/1.1..\nA"
    assert not found.more
    first = bodyviews.dump(bytes(range(256)) * 200)
    assert first.next == limits.MAX_HEX
    rest = bodyviews.dump(bytes(range(256)) * 200, first.next)
    assert rest.offsets.startswith("004000")
    assert first.more == 256 * 200 - limits.MAX_HEX


def test_text_goes_on_where_the_portion_ended() -> None:
    text = "a" * limits.MAX_TEXT + "the rest"
    first = bodyviews.show(text.encode(), text, "text/plain")
    assert (first.way, first.more, first.next) == ("text", 8, limits.MAX_TEXT)
    assert bodyviews.show(text.encode(), text, "text/plain", at=first.next).content == "the rest"


@pytest.mark.parametrize("text", ['{"a": "\\ud83d"}', '{"\\ude00": ["x\\ud83d\\ude00"]}'])
def test_half_a_character_can_be_sent(text: str) -> None:
    shown = trees.tree(text)
    assert shown is not None
    assert "\ufffd" in shown
    shown.encode()
    lines = trees.lines(f"{text}\n{text}")
    assert lines is not None
    lines.encode()
