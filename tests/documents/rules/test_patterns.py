"""What patterns say of the beginning of a text is true of every text they fit."""

import random

import pytest

from documents.rules.errors import RuleError
from documents.rules.patterns import compile_pattern, prefix


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^/api/orders/\d+$", b"/api/orders/"),
        ("^/api/(a|b)/", b"/api/"),
        ("^/api/[|]", b"/api/"),
        ("^/api/[]|]x", b"/api/"),
        (r"^/api/\|x", b"/api/"),
        ("^/api/x?", b"/api/"),
        ("^/api/x{0,3}", b"/api/"),
        ("^/api/x+", b"/api/x"),
        ("^/a|/b", b""),
        ("^/a(x|y)|/b", b""),
        (r"^/a\Q(\E|/b", b""),
        ("^/a[[:alpha:](]|/b", b""),
        (r"^/a[\]|(]|/b", b""),
        ("/api/", b""),
        ("(?i)^/api/", b""),
        (r"^\d", b""),
        ("", b""),
    ],
)
def test_the_beginning(pattern: str, expected: bytes) -> None:
    assert prefix(pattern) == expected


@pytest.mark.parametrize("seed", range(20))
def test_no_text_that_fits_begins_otherwise(seed: int) -> None:
    source = random.Random(seed)
    tried = 0
    while tried < 200:
        pattern = "^" + "".join(source.choice("ab|()[]^?*\\-") for _ in range(source.randrange(1, 12)))
        try:
            compiled = compile_pattern("x", pattern)
        except RuleError:
            continue
        tried += 1
        begin = prefix(pattern)
        for _ in range(30):
            text = "".join(source.choice("ab|()[]^?*\\-") for _ in range(source.randrange(8))).encode()
            if compiled.search(text) is not None:
                assert text.startswith(begin), (pattern, text)
