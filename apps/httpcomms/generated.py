"""Communications of a shop that does not exist, as documents: to try searches on millions of them.

They never were packets, and say so: their interface is `generated`. A block of documents is made by a random generator
of its own, seeded by the plan's seed and the block's number, so any process may make any block, and the same plan
always gives the same documents. Durations are log-normal, traffic swells and ebbs with the hours, one service is ill
for a tenth of the time.
"""

import math
import multiprocessing
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from typing import Any, Final

import orjson

from documents.build import Document, stamp
from documents.bulk import lines
from store.documents import DocumentStore, open_store

RESOURCE: Final = "httpcomms"
#: Documents that are made and written at once.
BLOCK: Final = 2_000
INTERFACE: Final = "generated"
_SECOND = 1_000_000_000
_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make: so many documents, evenly in number of each whisperer's, between two moments."""

    count: int
    since: int
    until: int
    whisperers: tuple[str, ...]
    seed: int = 1
    policy: str = "default"

    @property
    def blocks(self) -> int:
        """How many blocks there are; the last may be smaller."""
        return -(-self.count // BLOCK)


@dataclass(frozen=True, slots=True)
class _Call:
    """A kind of request: its share of its service's traffic, typical duration in ms, and how often it fails."""

    template: str
    method: str
    path: str  # `{}` stands for a number
    share: float
    median: float
    fails: float
    kind: str = "application/json"
    size: int = 900
    tag: str = ""


@dataclass(frozen=True, slots=True)
class _Service:
    name: str
    host: str
    ip: str
    port: int
    share: float
    clients: tuple[str, ...]
    calls: tuple[_Call, ...]


_SERVICES: Final = (
    _Service("gateway", "api.shop.example", "10.0.4.1", 8080, 30, ("browser", "mobile"), (
        _Call("order detail", "GET", "/api/orders/{}", 30, 24, 0.01, tag="order"),
        _Call("order list", "GET", "/api/orders", 20, 60, 0.01, size=5200),
        _Call("place order", "POST", "/api/orders", 6, 140, 0.04, tag="order"),
        _Call("product", "GET", "/api/products/{}", 40, 12, 0.005, size=2100, tag="product"),
        _Call("login", "POST", "/api/login", 4, 90, 0.08),
    )),
    _Service("orders", "orders.internal", "10.0.4.2", 8081, 20, ("gateway",), (
        _Call("order by id", "GET", "/orders/{}", 55, 9, 0.01, tag="order"),
        _Call("search orders", "GET", "/orders", 25, 38, 0.01, size=4100),
        _Call("create order", "POST", "/orders", 15, 55, 0.03, tag="order"),
        _Call("cancel order", "DELETE", "/orders/{}", 5, 22, 0.02, tag="order"),
    )),
    _Service("catalogue", "catalogue.internal", "10.0.4.3", 8082, 22, ("gateway", "search"), (
        _Call("product by id", "GET", "/products/{}", 80, 4, 0.004, size=1900, tag="product"),
        _Call("price", "GET", "/prices/{}", 20, 3, 0.002, size=120, tag="product"),
    )),
    _Service("payments", "payments.internal", "10.0.4.4", 8443, 6, ("orders",), (
        _Call("authorise", "POST", "/payments", 70, 210, 0.05, tag="order"),
        _Call("payment state", "GET", "/payments/{}", 30, 18, 0.01, tag="order"),
    )),
    _Service("stock", "stock.internal", "10.0.4.5", 8083, 10, ("orders", "catalogue"), (
        _Call("reserve", "PUT", "/stock/{}", 40, 14, 0.03, tag="product"),
        _Call("stock level", "GET", "/stock/{}", 60, 5, 0.004, size=90, tag="product"),
    )),
    _Service("search", "search.internal", "10.0.4.6", 9200, 7, ("gateway",), (
        _Call("search products", "POST", "/search", 100, 33, 0.01, size=7400),
    )),
    _Service("static", "static.shop.example", "10.0.4.7", 80, 4, ("browser",), (
        _Call("picture", "GET", "/img/{}.png", 70, 2, 0.02, kind="image/png", size=24_000),
        _Call("script", "GET", "/js/app.js", 30, 2, 0.001, kind="text/javascript", size=88_000),
    )),
    _Service("monitor", "gateway.internal", "10.0.4.1", 8080, 1, ("probe",), (
        _Call("health", "GET", "/health", 100, 1, 0.001, kind="text/plain", size=2),
    )),
)  # fmt: skip
_ILL = "payments"
_FAILURES = ((404, "Not Found", 5), (400, "Bad Request", 2), (409, "Conflict", 1), (500, "Internal Server Error", 2),
             (503, "Service Unavailable", 2), (504, "Gateway Timeout", 1))  # fmt: skip
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64)",
    "Mozilla/5.0 (iPhone)",
    "okhttp/4.12",
    "python-httpx/0.27",
    "Go-http-client/1.1",
)
_TENANTS = ("north", "south", "east", "west", "outlet")
_PEOPLE = tuple(f"{name}{n}" for n in range(200) for name in ("alice", "bob", "carol", "dave", "erin"))


@dataclass(frozen=True, slots=True)
class _Work:
    """One block, and where it goes: a process of its own opens the store itself."""

    url: str
    plan: Plan
    number: int


def fill(url: str, plan: Plan, processes: int = 1) -> Iterator[int]:
    """Make all blocks and write them to the store; gives how many documents of each were new, in any order."""
    opened = _store(url)
    opened.prepare()
    work = (_Work(url, plan, number) for number in range(plan.blocks))
    if processes == 1:
        yield from map(_write, work)
    else:
        # Started anew, not forked: connections and threads of this process are its own.
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            yield from pool.imap_unordered(_write, work)
    opened.refresh(RESOURCE)
    opened.close()
    _store.cache_clear()


@cache
def _store(url: str) -> DocumentStore:
    return open_store(url)


def _write(work: _Work) -> int:
    result = _store(work.url).write(RESOURCE, lines(block(work.plan, work.number)))
    if result.failed:
        raise RuntimeError(f"the store refused {result.failed[0].id}: {result.failed[0].reason}")
    return result.stored


def block(plan: Plan, number: int) -> list[Document]:
    """The documents of one block."""
    return list(_Maker(plan, number).documents())


class _Maker:
    """Makes the documents of a block."""

    def __init__(self, plan: Plan, number: int) -> None:
        self.plan = plan
        self.first = number * BLOCK
        self.last = min(self.first + BLOCK, plan.count)
        self.random = random.Random(f"{plan.seed} {number}")  # noqa: S311  # nothing secret
        # A document of its own each time would cost more than all else: what is drawn is drawn for the block.
        size = self.last - self.first
        services = self.random.choices(_SERVICES, [service.share for service in _SERVICES], k=size)
        self.services = services
        self.durations = [self.random.lognormvariate(0, 0.7) for _ in range(size)]

    def documents(self) -> Iterator[Document]:
        """In order of time."""
        session = ""
        for index in range(self.last - self.first):
            number = self.first + index
            if index % 8 == 0:
                session = blake2b(f"{self.plan.seed} {number}".encode(), digest_size=8).hexdigest()
            yield self._document(number, index, session, self.services[index])

    def _moment(self, number: int) -> int:
        """Traffic swells and ebbs: the even distance between two documents is bent by a wave of some hours."""
        place = (number + self.random.random()) / self.plan.count
        length = self.plan.until - self.plan.since
        waves = max(round(length / (6 * 3600 * _SECOND)), 1)
        bent = place + 0.6 / (2 * math.pi * waves) * math.sin(2 * math.pi * waves * place)
        return self.plan.since + int(bent * (length - 1))

    def _document(self, number: int, index: int, session: str, service: _Service) -> Document:
        random_ = self.random
        date = self._moment(number)
        call = random_.choices(service.calls, [call.share for call in service.calls])[0]
        ill = service.name == _ILL and (date // (60 * _SECOND)) % 60 < 6
        duration = call.median * self.durations[index] * (9 if ill else 1)
        failed = random_.random() < (0.35 if ill else call.fails)
        status, reason = (201, "Created") if call.method == "POST" else (200, "OK")
        if failed:
            status, reason, _ = random_.choices(_FAILURES, [weight for *_, weight in _FAILURES])[0]
        began = stamp(date)
        day = began[:10].replace("-", "")
        id = f"{day}-{self.plan.policy}-{session}-q{(index % 8) * 700:x}"
        lost = random_.random() < 0.004
        size = int(call.size * (0.5 + random_.random())) if not failed else 160
        document: dict[str, Any] = {
            "id": id,
            "version": 1,
            "whisperer": self.plan.whisperers[number % len(self.plan.whisperers)],
            "instance": INTERFACE,
            "interface": INTERFACE,
            "capture": f"{INTERFACE}-{self.plan.seed}",
            "chunk": number // 5_000,
            "parserVersion": "1",
            "date": began,
            "tcpSession": f"{day}-{self.plan.policy}-{session}",
            "protocol": "http/1.1",
            "parsing": {"status": "noResponse" if lost else "complete", "anomalies": ["gap"] if lost else []},
            "req": self._request(call, service, date),
            "stats": self._stats(call, service, session),
        }
        if not lost:
            document["res"] = self._response(call, status, reason, size, date + int(duration * _MS * 0.9))
            document["stats"] |= {
                "statusCode": status,
                "statusClass": f"{status // 100}xx",
                "duration": round(duration, 6),
                "timings": {"send": 0.05, "wait": round(duration * 0.9, 6), "receive": round(duration * 0.1, 6)},
            }
        return Document(id, 1, "httpcomms", day, self.plan.policy, orjson.dumps(document))

    def _request(self, call: _Call, service: _Service, date: int) -> dict[str, Any]:
        random_ = self.random
        path = call.path.replace("{}", str(int(random_.paretovariate(1.1) * 40) % 100_000))
        query = f"page={random_.randint(1, 40)}&size=50" if call.template.endswith(("list", "orders")) else ""
        uri = f"http://{service.host}{path}{'?' + query if query else ''}"
        request: dict[str, Any] = {
            "date": stamp(date),
            "method": call.method,
            "scheme": "http",
            "host": service.host,
            "path": path,
            "uri": uri,
            "httpVersion": "1.1",
            "template": call.template,
            "headers": {
                "host": [service.host],
                "user-agent": [random_.choice(_AGENTS)],
                "accept": ["application/json, text/plain, */*"],
                "accept-encoding": ["gzip"],
                "connection": ["keep-alive"],
                "x-tenant": [random_.choice(_TENANTS)],
                "x-request-id": [f"{random_.getrandbits(64):016x}"],
            },
            "size": 420 + len(uri),
            "body": {"size": 0},
        }
        if query:
            name, _, value = query.partition("&")[0].partition("=")
            request |= {"query": query, "params": {name: [value], "size": ["50"]}}
        if call.method in ("POST", "PUT"):
            item, amount, person = random_.randint(1, 99_999), random_.randint(1, 9), random_.choice(_PEOPLE)
            text = f'{{"item":{item},"amount":{amount},"note":"{person}"}}'
            request["contentType"] = "application/json"
            request["body"] = {"size": len(text), "decodedSize": len(text), "text": text}
            request["size"] += len(text)
        return request

    def _response(self, call: _Call, status: int, reason: str, size: int, date: int) -> dict[str, Any]:
        failed = status >= 400
        kind = "application/problem+json" if failed else call.kind
        text = f'{{"title":"{reason}","detail":"the shop could not do that"}}' if failed else _EXCERPT[: min(size, 600)]
        body: dict[str, Any] = {"size": size, "decodedSize": size}
        if kind.endswith("json"):
            body["text"] = text
        return {
            "date": stamp(date),
            "status": status,
            "reason": reason,
            "httpVersion": "1.1",
            "contentType": kind,
            "headers": {
                "content-type": [kind],
                "content-length": [str(size)],
                "server": ["nginx/1.24"],
                "cache-control": ["no-store"],
                "date": [stamp(date)[:19]],
            },
            "size": size + 210,
            "body": body,
        }

    def _stats(self, call: _Call, service: _Service, session: str) -> dict[str, Any]:
        random_ = self.random
        client = service.clients[int(session[0], 16) % len(service.clients)]
        people = client in ("browser", "mobile")
        ip = f"10.1.{int(session[1:3], 16)}.{int(session[3:5], 16)}" if people else f"10.0.5.{len(client)}"
        source: dict[str, Any] = {
            "ip": ip,
            "port": 30_000 + int(session[:4], 16) % 30_000,
            "name": client,
            "origin": f"203.0.113.{int(session[5:7], 16)}" if people else ip,
        }
        if people or random_.random() < 0.2:
            person = _PEOPLE[int(session[6:10], 16) % len(_PEOPLE)]
            source |= {"identification": person, "identificationKind": "jwt"}
        stats: dict[str, Any] = {
            "src": source,
            "dst": {"ip": service.ip, "port": service.port, "name": service.name},
            "correlation": [f"{random_.getrandbits(128):032x}"],
        }
        if call.tag:
            stats["tags"] = {call.tag: [f"{call.tag[0].upper()}-{int(random_.paretovariate(1.1) * 40) % 100_000}"]}
        return stats


_ARTICLES = [
    f'{{"id":{n * 7919 % 100_000},"name":"article {n}","price":{n * 37 % 900}.90,"stock":{n * 13 % 50}}}'
    for n in range(20)
]
_EXCERPT = '{"items":[' + ",".join(_ARTICLES) + "]}"
