"""What the sample shop sells, who buys there, and what its services answer: plain values, no traffic."""

import base64
import json
import random
import zlib
from dataclasses import dataclass

WORDS = ("oak", "brass", "linen", "clay", "slate", "amber", "willow", "copper")
KINDS = ("lamp", "chair", "bowl", "blanket", "clock", "shelf", "mirror", "kettle")
PRODUCTS = [{"id": 100 + n, "name": f"{WORDS[n % 8]} {KINDS[n // 8 % 8]}", "price": 900 + 137 * n} for n in range(64)]

BROWSERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/26.0 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "ShopApp/7.4 (Android 15)",
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who buys, at an address of their own."""

    login: str
    ip: str
    browser: str
    token: str  # a JWT with a signature that nobody can check


def people(source: random.Random) -> list[Person]:
    """The shop's customers."""
    names = ("ada", "bela", "chen", "dora", "emil", "farid", "greta", "hugo", "ines", "jonas", "kira", "lars")
    found = []
    for number, name in enumerate(names):
        ip = f"203.0.113.{20 + number}" if number % 4 else f"2001:db8:cafe::{20 + number:x}"
        found.append(Person(name, ip, BROWSERS[number % len(BROWSERS)], jwt(name, source)))
    return found


def jwt(subject: str, source: random.Random) -> str:
    """A JSON Web Token in the compact form of RFC 7519."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "shop-2026"}
    claims = {"iss": "https://id.shop.example", "sub": subject, "aud": "shop", "roles": ["customer"]}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, source.randbytes(32)])


def as_json(value: object) -> bytes:
    """The value as a service writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def listing(query: str, source: random.Random) -> bytes:
    """Search results."""
    found = source.sample(PRODUCTS, 12)
    return as_json({"query": query, "total": len(found), "items": [described(item) for item in found]})


def described(product: dict[str, object]) -> dict[str, object]:
    """A product with the words that sell it."""
    text = f"A {product['name']} made by hand. It will outlive you, and it looks well beside a window. " * 3
    return product | {"currency": "EUR", "inStock": True, "description": text}


def page(title: str) -> bytes:
    """A page of the shop, with a letter beyond ASCII for the character set to matter."""
    rows = "".join(f"<li><a href='/products/{item['id']}'>{item['name']}</a></li>" for item in PRODUCTS)
    return f"<!doctype html><title>{title} – Café & Möbel</title><h1>{title}</h1><ul>{rows}</ul>".encode()


def image(number: int) -> bytes:
    """A small PNG, valid, in a colour of its own."""
    side = 48
    colour = bytes([number * 37 % 256, number * 91 % 256, number * 53 % 256])
    noise = random.Random(number)  # noqa: S311  a picture
    lines = [bytes(c ^ noise.randrange(32) for _ in range(side) for c in colour) for _ in range(side)]
    rows = b"".join(b"\0" + line for line in lines)
    size = side.to_bytes(4, "big")
    chunks = [(b"IHDR", size + size + b"\x08\x02\0\0\0"), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def multipart(fields: dict[str, str], file: bytes) -> tuple[str, bytes]:
    """A form with a file in it: its content type and its body (RFC 7578)."""
    boundary = "----shop7MA4YWxkTrZu0gW"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="avatar"; filename="me.png"\r\n'
    parts.append(head.encode() + b"Content-Type: image/png\r\n\r\n" + file + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()
