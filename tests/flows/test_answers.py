"""What an agent is told by `POST /api/v1/chunks/`: each refusal names the field, what it held, and what to do."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from apps.core import servers
from apps.whisperers.models import Whisperer
from apps.whisperers.services import token_create, token_revoke, whisperer_create
from tests.flows import expect
from tests.flows.pump import Pump, cut_at

DATA = expect.traffic()
PIECES = cut_at(DATA, [expect.packets(DATA) // 2])
CAPTURE = "capture-answers"
Send = Callable[..., Any]


@pytest.fixture
def run(pump: Callable[..., Pump]) -> Pump:
    return pump(CAPTURE)


@pytest.fixture
def send(run: Pump, whisperer: Whisperer) -> Send:
    """Posts a chunk as an agent does; headers by their names with underscores, None leaves one out."""
    token = token_create(whisperer=whisperer)[1]

    def post(body: bytes = PIECES[0], path: str = "/api/v1/chunks/", *, token: str = token, **headers: Any) -> Any:
        values = {"Spider_Capture": CAPTURE, "Spider_Chunk": 0, "Authorization": f"Bearer {token}"} | headers
        named = {name.replace("_", "-"): str(value) for name, value in values.items() if value is not None}
        media = named.pop("Content-Type", "application/octet-stream")
        return Client().post(path, body, content_type=media, headers=named)

    return post


def error(answer: Any, status: int) -> dict[str, Any]:
    """The error of a refusal, which every refusal tells in the same shape."""
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()["error"]
    assert {"code", "message", "field"} <= set(told)
    assert told["message"]
    return told


def test_a_chunk_is_taken(send: Send) -> None:
    answer = send()
    assert answer.status_code == 202
    assert answer.json() == {"word": "ok", "capture": CAPTURE, "chunk": 0, "next": 0, "have": [0], "durable": 1}
    assert send().json()["word"] == "dup"


HEADERS = [
    ("Spider-Capture", "short", "8 to 64"),
    ("Spider-Capture", "has|a|mark|in|it", "8 to 64"),
    ("Spider-Previous", "short", "8 to 64"),
    ("Spider-Chunk", None, "number"),
    ("Spider-Chunk", "-1", "whole number"),
    ("Spider-Chunk", "1" * 17, "whole number"),
    ("Spider-Chunk", "0" * 5000 + "7", "whole number"),
    ("Spider-Packets", "many", "whole number"),
    ("Spider-Packets", "²", "whole number"),
    ("Spider-Oldest", "9007199254740992", "whole number"),
    ("Spider-Digest", "abc", "SHA-256"),
    ("Spider-Digest", "0" * 64, "send it again"),
    ("Spider-Abandoned", "7:12", "number=packets/bytes/reason"),
    ("Spider-Abandoned", f"7={'1' * 5000}/1/queue", "number=packets/bytes/reason"),
    ("Spider-Dropped", "kernel", "reason=packets/bytes"),
    ("Spider-Instance", "x" * 201, "200"),
]


def test_400_names_the_header_its_value_and_what_it_may_hold(send: Send, subtests: Any) -> None:
    for field, value, fix in HEADERS:
        with subtests.test(field=field, value=value and value[:20]):
            told = error(send(**{field.replace("-", "_"): value}), 400)
            assert told["field"] == field
            assert fix in told["message"]
            assert (value or "missing")[:60] in told["message"]


def test_400_for_no_body(send: Send) -> None:
    told = error(send(b""), 400)
    assert (told["code"], told["field"]) == ("empty", "Content-Length")


def test_401_without_a_token_in_use(send: Send, whisperer: Whisperer) -> None:
    row, revoked = token_create(whisperer=whisperer)
    token_revoke(token=row)
    for token in ("", "nonsense", revoked):
        answer = send(token=token)
        assert "oken" in error(answer, 401)["message"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_403_for_the_capture_of_another_whisperer(send: Send) -> None:
    send()
    other = token_create(whisperer=whisperer_create(name="other", mode="FILE"))[1]
    told = error(send(token=other), 403)
    assert (told["code"], told["field"]) == ("foreign_capture", "Spider-Capture")
    assert CAPTURE in told["message"]


def test_404_for_the_end_of_an_unknown_capture(send: Send) -> None:
    told = error(send(b'{"last": 0}', "/api/v1/captures/unknown-capture/final/", Content_Type="application/json"), 404)
    assert (told["code"], told["field"]) == ("unknown", "capture")
    assert "unknown-capture" in told["message"]


def test_400_for_an_end_that_says_nothing(send: Send) -> None:
    send()
    told = error(send(b"{}", f"/api/v1/captures/{CAPTURE}/final/", Content_Type="application/json"), 400)
    assert told["field"] == "last"


def test_409_for_other_content_and_after_the_end(send: Send) -> None:
    send()
    told = error(send(PIECES[1]), 409)
    assert (told["code"], told["word"], told["field"]) == ("conflict", "conflict", "Spider-Capture")
    assert "start a new one" in told["message"]
    done = send(b'{"last": 0}', f"/api/v1/captures/{CAPTURE}/final/", Content_Type="application/json")
    assert done.status_code == 202
    assert done.json()["search"].startswith("http")
    told = error(send(PIECES[1], Spider_Chunk=1), 409)
    assert (told["code"], told["field"]) == ("ended", "Spider-Chunk")
    assert "new capture" in told["message"]


def test_413_names_the_limit_and_its_setting(send: Send, settings: Any) -> None:
    settings.CHUNK_LIMIT = settings.UPLOAD_LIMIT = 1000
    too_large(send, CAPTURE)
    too_large(send, None)


def too_large(send: Send, capture: str | None) -> None:
    told = error(send(Spider_Capture=capture), 413)
    assert told["field"] == "Content-Length"
    assert "1000" in told["message"]
    assert f"{len(PIECES[0])} bytes" in told["message"]
    assert "SPIDER_" in told["message"]


def test_415_for_what_is_no_capture(send: Send) -> None:
    no_capture(send, CAPTURE)
    no_capture(send, None)


def no_capture(send: Send, capture: str | None) -> None:
    told = error(send(b"<html>", Spider_Capture=capture), 415)
    assert (told["code"], told["field"]) == ("not_a_capture", "body")
    assert "3c 68 74 6d" in told["message"]
    assert "pcapng" in told["message"]
    told = error(send(Spider_Capture=capture, Content_Type="text/html"), 415)
    assert (told["field"], "text/html" in told["message"]) == ("Content-Type", True)
    told = error(send(Spider_Capture=capture, Content_Encoding="br"), 415)
    assert (told["field"], "zstd" in told["message"]) == ("Content-Encoding", True)


def test_429_for_a_number_beyond_the_window(send: Send, settings: Any) -> None:
    answer = send(Spider_Chunk=settings.WINDOW)
    told = error(answer, 429)
    assert (told["code"], told["next"], told["have"]) == ("window", 0, [])
    assert answer.headers["Retry-After"] == str(told["retry_after"])
    assert str(settings.WINDOW) in told["message"]


def test_503_while_too_much_waits(send: Send, run: Pump) -> None:
    expect.tune(soft_bytes=10, hard_bytes=20)
    answer = send()
    told = error(answer, 503)
    assert told["code"] == "full"
    assert int(answer.headers["Retry-After"]) > 0
    assert "send it again" in told["message"]


def test_503_while_a_disk_is_nearly_full(send: Send, settings: Any) -> None:
    settings.STORE_FREE = 1 << 60
    for more in ({"Spider_Chunk": 0}, {"Spider_Capture": None}):
        answer = send(**more)
        told = error(answer, 503)
        assert told["code"] == "disk_full"
        assert int(answer.headers["Retry-After"]) > 0
        assert "Make room there" in told["message"]
    settings.STORE_FREE = 1
    assert send().json()["word"] == "ok"


def test_503_at_once_while_the_breaker_of_redis_is_open(send: Send, settings: Any) -> None:
    settings.BREAKER_FAILURES, settings.BREAKER_SECONDS = 2, 60.0
    servers.forget()
    with patch.object(servers.chunk_store()._pool, "get_connection", side_effect=RedisConnectionError("away")) as asked:
        for _ in range(3):
            assert error(send(), 503)["code"] == "unavailable"
        assert asked.call_count == 2
    assert error(send(), 503)["code"] == "unavailable"  # it is back, and not tried yet
    servers.forget()
    assert send().json()["word"] == "ok"


def test_503_without_redis(send: Send, run: Pump) -> None:
    with patch.object(servers.chunk_store(), "link", side_effect=RedisError("away")):
        answer = send()
    told = error(answer, 503)
    assert told["code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    with patch("store.redis.connection.Link.durable", return_value=False):
        assert error(send(), 503)["code"] == "unavailable"  # accepted, but not known to be on disk
    assert send().json()["word"] == "dup"
