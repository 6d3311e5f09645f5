"""Bodies and heads made to be slow to mask. Time may grow with the text, not with its square."""

import random
import re
import time

import pytest

from documents.body_masking import mask_text
from wire.http1 import heads

KEYS = frozenset({"password"})
JSON, FORM_DATA = "application/json", "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("kind", "begin", "repeated"),
    [
        (JSON, '{"', '\\"'),
        (JSON, "{", '"\\'),
        (JSON, '{"password":[', '"a",'),
        (FORM_DATA, "--x\r\n", "content-disposition:"),
        (FORM_DATA, "--x\r\ncontent-disposition:", " name"),
    ],
)
def test_masking_takes_time_with_the_text(kind: str, begin: str, repeated: str) -> None:
    text = begin + repeated * (200_000 // len(repeated)) + "\r\n\r\nvalue"
    begun = time.process_time()
    mask_text(text, kind, KEYS, lambda _: "masked")
    assert time.process_time() - begun < 2  # 0.02 s; the square took minutes


def test_folds_of_one_field_are_joined_once() -> None:
    head = heads.tolerant_request("GET / HTTP/1.1\r\na: b" + "\r\n c" * 60_000)
    assert head is not None
    assert head[3] == {"a": ["b" + " c" * 60_000]}


@pytest.mark.parametrize("seed", range(300))
def test_the_keys_of_any_text_are_found_as_by_a_search(seed: int) -> None:
    key = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*', re.DOTALL)
    source = random.Random(seed)
    text = "{" + "".join(source.choice(('"', "\\", ":", " ", "a", ",", '"a"', '":', "1")) for _ in range(40))
    found: list[str] = []

    def secret_seen(name: str) -> str:
        found.append(name)
        return "m"

    mask_text(text, JSON, frozenset({"a"}), secret_seen)
    expected = sum(match[1].lower() == "a" for match in key.finditer(text))
    if not any(match[1] == "a" for match in key.finditer(text)):
        assert not found
    else:
        assert 1 <= len(found) <= expected
