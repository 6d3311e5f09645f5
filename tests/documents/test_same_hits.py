"""Every kind of condition finds the same documents in Elasticsearch and in PostgreSQL, and the right ones.

The documents go through the real stores into real servers; each query names what it must find, so a mistake that both
engines share is seen as well.
"""

import dataclasses
import secrets
from base64 import b64encode
from collections.abc import Iterator

import pytest

from documents import build, bulk, query
from store.documents.base import DocumentStore
from store.documents.opening import open_store
from tests.documents import examples
from tests.documents.examples import MILLISECOND, STARTED, communication, request, response, session

# Of this run alone: an engine remembers the versions of what an earlier run removed.
RUN = secrets.randbits(56) << 4
CONTEXT = dataclasses.replace(examples.CONTEXT, whisperer=f"run-{RUN}")
MINE = frozenset({CONTEXT.whisperer})
BASIC = "Basic " + b64encode(b"alice:wonder").decode()
LONG = "x" * 20_000
LONG_PATH = "/" + "\u6ce8" * 10_000

COMMUNICATIONS = {
    "order": communication(
        request(
            "/api/orders/58213?page=2&size=50",
            "POST",
            {
                "host": ["API.Shop.example:8080"],
                "x-request-id": ["abc", "def"],
                "authorization": [BASIC],
                "x-forwarded-for": ["203.0.113.9, 10.0.0.1"],
                "content-type": ["application/json"],
                "x.dotted": ["v1"],
            },
            b'{"event":"order.failed","state":"Payment failed","total":3.14,"who":"na\xc3\xafve"}',
        ),
        response(
            503,
            {"content-type": ["application/json"]},
            b'{"error":"it_failed 10,5 don\'t"}',
            ended=STARTED + 2500 * MILLISECOND,
        ),
        session(RUN + 1),
    ),
    "image": communication(
        request("/img/caf%C3%A9_100%.png", headers={"host": ["static.shop.example"], "x-empty": [""]}),
        response(200, {"content-type": ["image/png"]}, b"\x89PNG\r\n\x1a\n\x00"),
        session(RUN + 2, "10.0.3.18"),
        [response(103, {"link": ["</a.css>"]})],
    ),
    "ipv6": communication(
        request("/api/orders", headers={"host": ["[2001:db8::2]"], "x-long": [LONG]}, started=STARTED + 1),
        response(302, {"location": ["/login"]}, b"FAILED \xe6\xb3\xa8\xe6\x96\x87 moved"),
        session(RUN + 3, "2001:db8::1", "2001:db8::2"),
    ),
    "alone": communication(request("/slow*path?", "GET", {}), None, session(RUN + 4)),
    "long": communication(request(LONG_PATH, "LONG", {}), None, session(RUN + 5, "172.16.0.1")),
}

CASES = {
    "": "order image ipv6 alone long",
    "*": "order image ipv6 alone long",
    "req.method:POST": "order",
    "req.method:post": "",
    "NOT req.method:GET": "order long",
    "req.method:(POST OR PUT)": "order",
    "req.host:API.shop.EXAMPLE": "order",
    "req.host:*.shop.example": "order image",
    "req.host:/(api|static)\\.shop\\..*/": "order image",
    "req.host:/api/": "",
    "req.path:/api/orders": "ipv6",
    "req.path:/api/orders*": "order ipv6",
    "req.path:/api/orders/?????": "order",
    "req.path:*100%*": "image",
    "req.path:*_100*": "image",
    "req.path:*orders_*": "",
    "req.path:/slow\\*path": "alone",
    "req.path:[/api TO /b]": "order ipv6",
    "req.path:{/api/orders TO *]": "order image alone long",
    "req.query:page=2&size=50": "order",
    "req.params.page:2": "order",
    "req.params.Page:2": "",
    "req.headers.X-Request-Id:def": "order",
    "req.headers.x-request-id:de*": "order",
    "req.headers.x.dotted:v1": "order",
    "_exists_:req.headers.x-request-id": "order",
    "_exists_:req.headers.x-empty": "image",
    "_exists_:req.params": "order",
    "_exists_:req.headers": "order image ipv6",
    "_exists_:parsing.anomalies": "",
    f"req.headers.x-long:{'x' * 400}*": "ipv6",
    "req.path:/\u6ce8*": "long",
    "_exists_:req.headers.x-long": "ipv6",
    "req.headers.authorization:Basic*": "order",
    "req.headers.authorization:*": "order",
    f'req.headers.authorization:"{BASIC}"': "",
    "req.authorization.login:alice": "order",
    "stats.src.identification:alice": "order",
    "stats.statusCode:503": "order",
    "stats.statusCode:>=500": "order",
    "stats.statusCode:5xx": "order",
    "stats.statusCode:[200 TO 302}": "image",
    "stats.statusCode:(>200 AND <=302)": "ipv6",
    "-stats.statusCode:200": "order ipv6 alone long",
    "_exists_:stats.statusCode": "order image ipv6",
    "stats.statusClass:(2xx OR 3xx)": "image ipv6",
    "stats.duration:>2s": "order",
    "stats.duration:12": "image",
    "stats.timings.wait:>=10ms": "order image ipv6",
    "res.body.size:>20b": "order",
    "res.body.truncated:false": "order image ipv6",
    "res.interim.status:103": "image",
    "res.interim.status:>=104": "",
    "res.interim.headers.link:*": "image",
    "_exists_:res.interim.status": "image",
    "res.location:http*login": "ipv6",
    "stats.src.ip:10.0.0.0/8": "order image alone",
    "stats.src.ip:10.0.3.17": "order alone",
    "stats.src.ip:2001:db8::/32": "ipv6",
    "stats.src.ip:2001:DB8:0::1": "ipv6",
    "stats.src.ip:::/0": "ipv6",
    "stats.src.ip:0.0.0.0/0": "order image alone long",
    "stats.src.ip:[10.0.3.18 TO 10.255.0.0]": "image",
    "stats.src.ip:[:: TO ffff::]": "ipv6",
    "stats.src.origin:203.0.113.9": "order",
    "stats.dst.port:8080": "order image ipv6 alone long",
    "date:2026-11-22": "order image ipv6 alone long",
    "date:>2026-11-22": "",
    "date:2026-11-22T10:15:00.12345679": "ipv6",
    "date:2026-11-22T10:15:00.12345678": "order image alone long",
    "date:2026-11-22T10:15:00.123456789Z": "order image alone long",
    "date:2026-11-22T11:15:00.123456790+01:00": "ipv6",
    "req.date:{2026-11-22T10:15:00.123456789Z TO *]": "ipv6",
    "res.date:[2026-11-22T10:15 TO 2026-11-22T10:15]": "order image ipv6",
    "res.interim.date:2026-11-22": "image",
    "req.body.text:payment": "order",
    'req.body.text:"payment FAILED"': "order",
    'req.body.text:"failed payment"': "",
    "req.body.text:order.failed": "order",
    "req.body.text:order": "",
    'req.body.text:"order failed"': "",
    "req.body.text:3.14": "order",
    "req.body.text:14": "",
    "req.body.text:NAÏVE": "order",
    "req.body.text:pay*": "order",
    "req.body.text:*aymen?": "order",
    "req.body.text:aymen*": "",
    "req.body.text:*": "order",
    "res.body.text:failed": "ipv6",
    "res.body.text:it_failed": "order",
    "res.body.text:10,5": "order",
    "res.body.text:don't": "order",
    "res.body.text:注文": "ipv6",
    "res.body.text:文": "ipv6",
    'res.body.text:"..."': "",
    "failed": "order ipv6",
    "SHOP": "order image",
    "ord*ers": "order ipv6",
    "ord??s": "order ipv6",
    '"payment failed" 58213': "order",
    "orders -failed": "",
    "page=2": "order",
    "req.httpVersion:1.1 && !stats.statusCode:200": "order ipv6 alone long",
    "(req.method:POST stats.statusCode:503) OR req.path:*slow*": "order alone",
}


@pytest.fixture(scope="module")
def stores(elasticsearch_urls: list[str], postgres_url: str) -> Iterator[list[DocumentStore]]:
    found = [open_store(url) for url in (*elasticsearch_urls, postgres_url)]
    payload = bulk.lines(build.httpcomm(comm, CONTEXT) for comm in COMMUNICATIONS.values())
    for store in found:
        store.prepare()
        assert store.write("httpcomms", payload).failed == []
        store.refresh("httpcomms")
    yield found
    for store in found:
        sum(store.purge("httpcomms", MINE, None))
        store.close()


def test_conditions_find_the_same_documents_in_every_engine(stores: list[DocumentStore]) -> None:
    names = {build.httpcomm(comm, CONTEXT).id: name for name, comm in COMMUNICATIONS.items()}
    wrong = []
    for text, expected in CASES.items():
        node = query.parse(text)
        for store in stores:
            hits = store.search("httpcomms", MINE, node, size=50).hits
            found = {names[hit["id"]] for hit in hits}
            if found != set(expected.split()):
                wrong.append(f"{type(store).__name__}: {text[:80]!r} found {sorted(found)}, not {expected.split()}")
    assert not wrong, "\n".join(wrong)
