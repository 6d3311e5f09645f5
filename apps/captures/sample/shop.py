"""A small web shop at work, for the sample capture: customers behind a load balancer, a gateway, five services.

A visit is a list of steps (look, search, put into the cart, log in, pay); a step is a call to the gateway, which calls
services and passes on who asks and a correlation id. Beside the visits run health checks, a crawler that pipelines, and
small mishaps. For a fifth of the time the payment service fails: that is what a newcomer shall find.
"""

import random
from collections.abc import Callable

from apps.captures.sample import shop_data as data
from apps.captures.sample.conversation import MILLISECOND, Capture
from apps.captures.sample.messages import Fields, request, response
from apps.captures.sample.network import Network, Pool
from apps.captures.sample.shop_data import Person, as_json

SECOND = 1000 * MILLISECOND

BALANCER, GATEWAY, MONITOR, CRAWLER = "10.20.0.5", "10.20.0.10", "10.20.0.9", "198.51.100.77"
CATALOG, CART, ORDERS = "10.20.0.21:8000", "10.20.0.22:8000", "10.20.0.23:8000"
PAYMENTS, USERS = "10.20.0.24:9000", "[2001:db8:20::25]:8000"
GATEWAY_V6 = "2001:db8:20::10"
_JSON = ("Content-Type", "application/json")
_BASIC = ("Authorization", "Basic b3JkZXJzOm5vdC10aGUtcmVhbC1vbmU=")

Call = tuple[bytes, int]


def capture(end: int, *, seconds: int = 300, seed: int = 1) -> Capture:
    """A capture of the shop's last `seconds`, ending at `end` (nanoseconds); about eight exchanges a second."""
    made = Capture(start=end - seconds * SECOND)
    Shop(made, seconds, random.Random(seed)).run()  # noqa: S311  traffic to look at, no secret
    for talk in made.conversations:
        talk.segments = [segment for segment in talk.segments if segment.time <= end]
    return made


class Shop:
    """The shop, its customers and its bad day."""

    def __init__(self, made: Capture, seconds: int, source: random.Random) -> None:
        self.capture, self.seconds, self.random = made, seconds, source
        self.network = Network(made)
        self.people = data.people(source)
        self.number = 0
        self.failed = 0  # checkouts
        self.incident = (made.start + seconds * SECOND * 55 // 100, made.start + seconds * SECOND * 75 // 100)

    def run(self) -> None:
        """Everything that happens, told actor by actor; the capture sorts it by time."""
        visits = sorted(self.random.random() * (self.seconds - 8) for _ in range(self.seconds * 7 // 10))
        for number, after in enumerate(visits):
            self.visit(self.capture.start + round(after * SECOND), self.people[number % len(self.people)])
        for second in range(1, self.seconds, 6):
            self.health(self.capture.start + second * SECOND)
        for second in range(5, self.seconds, 20):
            self.crawl(self.capture.start + second * SECOND, second)
        for second in range(9, self.seconds - 5, 45):
            self.mishaps(self.capture.start + second * SECOND, second)

    # Customers: what a browser asks the gateway for, through the load balancer.

    def visit(self, at: int, person: Person) -> None:
        """One customer's way through the shop."""
        draw = self.random.random
        at = self.ask(at, person, "GET", "/", self.home)
        if draw() < 0.3:
            at = self.ask(at, person, "GET", "/start", self.moved)
        for _ in range(1 + int(draw() * 2)):
            at = self.look(at + self.pause(), person)
        if draw() < 0.7:
            return
        at = self.ask(at + self.pause(), person, "POST", "/api/login", self.login, as_json(self.credentials(person)))
        product = self.random.choice(data.PRODUCTS)
        line = as_json({"product": product["id"], "count": 1 + int(draw() * 3)})
        at = self.ask(at + self.pause(), person, "POST", "/api/cart/items", self.cart(person, 201), line)
        if draw() < 0.3:
            path = f"/api/cart/items/{product['id']}"
            method, body = self.random.choice([("PUT", as_json({"count": 4})), ("DELETE", None)])
            status = 200 if body else 204
            at = self.ask(at + self.pause(), person, method, path, self.cart(person, status), body)
        for _ in range(3):  # a browser's patience
            self.number += 1
            before = self.failed
            at = self.ask(
                at + self.pause(), person, "POST", "/api/checkout", self.checkout(person), as_json(self.order())
            )
            if self.failed == before:
                break

    def look(self, at: int, person: Person) -> int:
        """Search, or a product with its pictures, now and then one that is gone."""
        chance = self.random.random()
        if chance < 0.4:
            words = self.random.choice(data.KINDS)
            return self.ask(at, person, "GET", f"/api/search?q={words}&sort=price&limit=12", self.search(words))
        if chance < 0.5:
            return self.ask(at, person, "GET", "/api/products/9999", self.missing)
        product = self.random.choice(data.PRODUCTS)
        at = self.ask(at, person, "GET", f"/api/products/{product['id']}", self.product(product))
        pictures = self.picture(int(str(product["id"])))
        return self.ask(at + 20 * MILLISECOND, person, "GET", f"/images/{product['id']}.png", pictures)

    def pause(self) -> int:
        """The time a person takes."""
        return round((0.2 + self.random.expovariate(2)) * SECOND)

    def credentials(self, person: Person) -> dict[str, str]:
        return {"login": person.login, "password": "correct horse battery staple"}

    def order(self) -> dict[str, object]:
        return {"order": 70000 + self.number, "currency": "EUR", "amount": 900 + self.number * 7, "method": "card"}

    def ask(
        self, at: int, person: Person, method: str, target: str, answer: "Answer", body: bytes | None = None
    ) -> int:
        """A customer's request, as the load balancer passes it on to the gateway."""
        self.number += 1
        correlation = f"{self.random.getrandbits(128):032x}"
        fields = [
            ("User-Agent", person.browser),
            ("Accept", "application/json, text/html;q=0.9, */*;q=0.5"),
            ("Accept-Encoding", "gzip, br, zstd"),
            ("X-Forwarded-For", f"{person.ip}, 192.0.2.1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Correlation-Id", correlation),
        ]
        if "/cart" in target or "/checkout" in target:
            fields.append(("Authorization", f"Bearer {person.token}"))
        else:
            fields.append(("Cookie", f"session={person.token[-24:]}; theme=dark"))
        if body is not None:
            fields.append(_JSON)
        sent = request(method, target, fields, body, chunked=body is not None and self.number % 7 == 0)
        pool = self.network.pool(BALANCER, f"{GATEWAY}:8080")
        return pool.call(at, sent, lambda arrived: answer(arrived, [("X-Correlation-Id", correlation)]))

    # The gateway: what it calls, and what it answers.

    def service(self, at: int, server: str, sent: bytes, answer: bytes, think: float, client: str = GATEWAY) -> int:
        """The gateway calls a service that thinks for about `think` milliseconds."""
        client = GATEWAY_V6 if server.startswith("[") else client
        delay = round(think * MILLISECOND * (0.6 + self.random.expovariate(2.5)))
        return self.network.pool(client, server).call(at, sent, lambda arrived: (answer, arrived + delay))

    def home(self, at: int, trace: Fields) -> Call:
        if self.random.random() < 0.3:
            return response(304, [("ETag", '"home-7"'), *trace], None), at + MILLISECOND
        fields = [("Content-Type", "text/html; charset=utf-8"), ("ETag", '"home-7"'), *trace]
        return response(200, fields, data.page("Home"), coding="br"), at + 2 * MILLISECOND

    def moved(self, at: int, trace: Fields) -> Call:
        return response(302, [("Location", "/"), *trace]), at + MILLISECOND

    def missing(self, at: int, trace: Fields) -> Call:
        problem = as_json({"title": "Not found", "detail": "There is no product 9999."})
        sent = request("GET", "/products/9999", trace, host="catalog")
        at = self.service(at, CATALOG, sent, response(404, [_JSON], problem), 3)
        return response(404, [("Content-Type", "application/problem+json"), *trace], problem), at

    def search(self, words: str) -> "Answer":
        def answer(at: int, trace: Fields) -> Call:
            found = data.listing(words, self.random)
            sent = request("GET", f"/search?q={words}", trace, host="catalog")
            at = self.service(at, CATALOG, sent, response(200, [_JSON], found, coding="gzip", chunked=True), 25)
            return response(200, [_JSON, *trace], found, coding="br"), at

        return answer

    def product(self, product: dict[str, object]) -> "Answer":
        def answer(at: int, trace: Fields) -> Call:
            body = as_json(data.described(product))
            sent = request("GET", f"/products/{product['id']}", trace, host="catalog")
            at = self.service(at, CATALOG, sent, response(200, [_JSON, ("ETag", '"p"')], body, coding="zstd"), 6)
            return response(200, [_JSON, *trace], body, coding="gzip"), at

        return answer

    def picture(self, number: int) -> "Answer":
        def answer(at: int, trace: Fields) -> Call:
            fields = [("Content-Type", "image/png"), ("Cache-Control", "public, max-age=3600"), *trace]
            return response(200, fields, data.image(number)), at + 3 * MILLISECOND

        return answer

    def login(self, at: int, trace: Fields) -> Call:
        form = b"grant_type=password&scope=shop&client_id=gateway&client_secret=hush"
        fields = [("Content-Type", "application/x-www-form-urlencoded"), *trace]
        token = as_json({"access_token": "opaque", "expires_in": 3600, "token_type": "Bearer"})
        sent = request("POST", "/oauth/token", fields, form, host="users")
        at = self.service(at, USERS, sent, response(200, [_JSON], token), 40)
        if self.random.random() < 0.1:
            refused = [_JSON, ("WWW-Authenticate", 'Bearer realm="shop"'), *trace]
            return response(401, refused, as_json({"title": "Wrong password"})), at
        cookie = ("Set-Cookie", f"session={self.random.getrandbits(96):024x}; HttpOnly; Secure; SameSite=Lax")
        return response(200, [_JSON, cookie, *trace], token), at

    def cart(self, person: Person, status: int) -> "Answer":
        def answer(at: int, trace: Fields) -> Call:
            body = as_json({"owner": person.login, "items": [{"product": 101, "count": 2}], "total": 3980})
            fields = [("Authorization", f"Bearer {person.token}"), _JSON, *trace]
            sent = request("PUT", f"/carts/{person.login}", fields, body, host="cart")
            at = self.service(at, CART, sent, response(200, [_JSON], body, coding="deflate"), 8)
            return response(status, [_JSON, *trace], None if status == 204 else body), at

        return answer

    def checkout(self, person: Person) -> "Answer":
        def answer(at: int, trace: Fields) -> Call:
            order = self.order()
            sent = request("POST", "/orders", [_JSON, *trace], as_json(order | {"user": person.login}), host="orders")
            created = as_json({"order": order["order"], "state": "created"})
            at = self.service(at, ORDERS, sent, response(201, [_JSON], created, chunked=True), 15)
            status, at = self.pay(at, trace, order)
            if status == 200:
                paid = as_json({"order": order["order"], "state": "paid"})
                return response(201, [_JSON, ("Location", f"/orders/{order['order']}"), *trace], paid), at
            self.failed += 1
            problem = as_json({"title": "Payment failed", "order": order["order"], "upstream": status})
            return response(502, [("Content-Type", "application/problem+json"), *trace], problem), at

        return answer

    def pay(self, at: int, trace: Fields, order: dict[str, object]) -> tuple[int, int]:
        """The orders service charges the card; inside the incident the payment service mostly fails, slowly."""
        sent = request("POST", "/payments", [_JSON, _BASIC, *trace], as_json(order), host="payments")
        status, think, told = 200, 60.0, {"state": "charged"}
        if self.incident[0] <= at <= self.incident[1] and self.random.random() < 0.8:
            status = self.random.choice([500, 503, 503])
            think, told = 1500.0, {"error": "connection pool exhausted", "pool": "bank-gateway", "waiting": "58"}
        answer = response(status, [_JSON, *([("Retry-After", "5")] if status == 503 else [])], as_json(told))
        return status, self.service(at, PAYMENTS, sent, answer, think, client=ORDERS.partition(":")[0])

    # Beside the customers.

    def health(self, at: int) -> None:
        """The monitor asks every service how it is."""
        for server in (f"{GATEWAY}:8080", CATALOG, CART, ORDERS, PAYMENTS):
            fields = [("User-Agent", "kube-probe/1.31")]
            sick = server == PAYMENTS and self.incident[0] <= at <= self.incident[1]
            answer = response(503 if sick else 200, [_JSON], as_json({"status": "degraded" if sick else "up"}))
            self.service(at, server, request("GET", "/health", fields, host=server), answer, 1, client=MONITOR)

    def crawl(self, at: int, number: int) -> None:
        """A crawler asks for four pages at once, by HEAD and GET, over HTTP pipelining."""
        talk = self.capture.conversation(f"{CRAWLER}:{41000 + number}", f"{GATEWAY}:8080", step=MILLISECOND // 5)
        talk.now = at
        fields = [("User-Agent", "PriceCrawler/0.3"), ("X-Forwarded-For", CRAWLER)]
        products = [data.PRODUCTS[(number + offset) % 64] for offset in range(4)]
        methods = ("HEAD", "GET", "GET", "GET")
        pairs = list(zip(methods, products, strict=True))
        asked = b"".join(request(method, f"/api/products/{item['id']}", fields) for method, item in pairs)
        answers = b"".join(_crawled(method, item) for method, item in pairs)
        talk.connect().request(asked).wait(0.01).response(answers).close()

    def mishaps(self, at: int, number: int) -> None:
        """A lost packet, a late one, an upload with its continue, a client that gave up, a connection upgraded."""
        form, body = data.multipart({"name": "Ada", "about": "likes lamps"}, data.image(number))
        pool = Pool(self.capture, self.people[number % 12].ip, f"[{GATEWAY_V6}]:8080", 50000 + number)
        if ":" not in pool.client:
            pool.server = f"{GATEWAY}:8080"
        fields = [("Content-Type", form), ("Expect", "100-continue")]
        head, _, rest = request("POST", "/api/users/me/avatar", fields, body).partition(b"\r\n\r\n")
        talk = pool.at(at).request(head + b"\r\n\r\n").response(b"HTTP/1.1 100 Continue\r\n\r\n").request(rest)
        talk.response(response(201, [("Location", "/images/avatars/ada.png")])).retransmit(-2).wait(0.3)
        picture = response(200, [("Content-Type", "image/png")], data.image(number + 1))
        talk.request(request("GET", "/images/avatars/ada.png")).response(picture).reorder(-1)
        talk.request(request("GET", "/images/banner.png")).response(picture).lose(-2).wait(0.2).close()
        pool.open.clear()
        pool.at(at + 2 * SECOND).request(request("GET", "/api/reports/slow")).wait(3).rst(0)
        upgrade = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ]
        accept = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        talk = pool.at(at + 3 * SECOND).request(
            request("GET", "/api/live", [*upgrade, ("Sec-WebSocket-Version", "13")])
        )
        talk.response(response(101, accept, None)).response(b"\x81\x05hello").wait(1).close()


Answer = Callable[[int, Fields], Call]


def _crawled(method: str, product: dict[str, object]) -> bytes:
    """The gateway's answer to the crawler: the same fields for HEAD and GET."""
    answer = response(200, [_JSON], as_json(data.described(product)))
    return answer if method == "GET" else answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
