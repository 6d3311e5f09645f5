"""Heads made to be slow: their time may grow with their bytes alone."""

import time
from collections.abc import Callable

import pytest

from wire.http1 import heads

SPACES, LINES = " " * 200_000, ["a:"] * 80_000


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (heads.request_line, f"GET{SPACES}x"),
        (heads.request_line, f"GET /{SPACES}x HTTQ/1.1"),
        (heads.request_line, f"GET a{SPACES}HTTP/1.1x"),
        (heads.request, "\r\n".join(["GET / HTTP/1.1", *LINES])),
        (heads.tolerant_request, "\n".join(["GET / HTTP/1.1", *LINES])),
        (heads.trailers, "\r\n".join(LINES)),
    ],
)
def test_no_head_takes_long(read: Callable[[str], object], text: str) -> None:
    begun = time.process_time()
    assert read(text) is not None
    assert time.process_time() - begun < 0.5
