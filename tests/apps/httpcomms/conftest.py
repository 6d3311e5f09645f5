"""One small capture in a real store: what the API and the screens of these tests show."""

from dataclasses import dataclass

import pytest

from apps.captures.models import Capture as CaptureRow
from apps.whisperers.models import Whisperer
from store.documents import DocumentStore
from tests.apps.httpcomms.seeding import Seeded, seed
from tests.captures import Capture, request, response

DAY = "20261122"
JSON = [("Content-Type", "application/json")]
HTML = b"<html><script>alert(1)</script></html>"
ORDER = b'{"order": "A-58213", "total": 184.90, "lines": [1, 2], "note": "<b>"}'


def capture() -> Capture:
    """A POST that failed, a page of hostile HTML, an image, a request without response; a session of another pair."""
    made = Capture()
    talk = made.conversation("10.0.0.1:40000", "10.0.0.2:8080").connect()
    talk.request(request("POST", "/v2/orders?q=%3Cb%3E", JSON, ORDER)).wait(0.004)
    talk.response(response(503, [*JSON, ("X-Evil", '"><img src=x onerror=alert(1)>')], ORDER, coding="gzip"))
    talk.wait(0.5).request(request("GET", "/<script>alert(1)</script>")).wait(0.001)
    talk.response(response(200, [("Content-Type", "text/html")], HTML)).close()
    other = made.conversation("10.0.0.3:40001", "10.0.0.4:80", after=1).connect()
    other.request(request("GET", "/logo.png", host="cdn.example")).wait(0.002)
    other.response(
        response(200, [("Content-Type", "image/png")], b"\x89PNG\r\n\x1a\n\x00\x01" + bytes(range(256)))
    ).close()
    made.conversation("10.0.0.5:40002", "10.0.0.2:8080", after=2).connect().request(request("GET", "/slow"))
    return made


@dataclass
class Traffic:
    """What is stored: ids of the communications by their path."""

    seeded: Seeded
    order: str
    html: str
    logo: str
    slow: str
    session: str


@pytest.fixture
def traffic(site_store: DocumentStore, whisperer: Whisperer) -> Traffic:
    CaptureRow.objects.create(pk="c-test-0001", whisperer=whisperer, policy="default", partitions=2)
    data = capture().pcap()
    seeded = seed(
        site_store, data, whisperer=str(whisperer.pk), capture="c-test-0001", day=DAY, partitions=2, piece=2000
    )
    order = seeded.ids(method="POST")[0]
    return Traffic(
        seeded,
        order,
        seeded.ids(target="/<script>alert(1)</script>")[0],
        seeded.ids(target="/logo.png")[0],
        seeded.ids(target="/slow")[0],
        order.rpartition("-")[0],
    )
