"""Bodies and heads of other projects' captures are shown in every way that fits them, and nothing of them is HTML."""

from pathlib import Path

import pytest

from apps.core.words import nanoseconds
from apps.httpcomms import bodyviews
from apps.httpcomms.explain import anomalies, cookies, headers
from tests.conformance.corpus import ABSENT, FOLDER, Exchange, captures, exchanges
from wire import bodies

pytestmark = [pytest.mark.conformance, pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)]

FILES = [file for folder in ("arkime", "har", "packetbeat", "wireshark", "zeek-http") for file in captures(folder)]
#: What is looked at of one capture; some hold thousands of exchanges that are alike.
MOST = 40


def content_type(exchange: Exchange, side: str) -> str:
    message = exchange.request if side == "req" else exchange.response
    return message.headers.get("content-type", [""])[0] if message else ""


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_body_is_shown_in_every_way_that_fits(file: Path) -> None:
    try:
        found = exchanges(file)[:MOST]
    except ValueError:  # a file that holds no capture has tests of its own
        found = []
    for exchange in found:
        for side, data in exchange.decoded.items():
            kind = content_type(exchange, side)
            text = bodies.text(data, kind)
            first = bodyviews.show(data, text, kind)
            for way, _ in first.ways:
                shown = bodyviews.show(data, text, kind, wanted=way)
                assert shown.way == way
                if way in ("tree", "lines", "markup"):
                    assert "<script" not in str(shown.content)


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_head_is_explained(file: Path) -> None:
    try:
        found = exchanges(file)[:MOST]
    except ValueError:
        found = []
    for exchange in found:
        moment = nanoseconds(exchange.document["date"])
        anomalies.explain(exchange.document)
        for side in ("req", "res"):
            message = exchange.document.get(side)
            lines = headers.lines(message, "headers", side, moment)
            assert len(lines) == sum(map(len, ((message or {}).get("headers") or {}).values()))
        cookies.sent(exchange.document.get("req"))
        cookies.received(exchange.document.get("res"), moment)
