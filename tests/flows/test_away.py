"""One server of the whole product at a time is away, stopped or hanging: everyone is answered, in words and in time,
and what was accepted is found and counted when it is back.
"""

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import psutil
import pytest

from spider_site.run.servers import Server
from tests.bench.e2e import family
from tests.chaos.world import World, hit, start_again
from tests.flows import expect
from tests.flows.pump import cut_at
from tests.flows.test_stack import Browser, found, wanted
from tests.waiting import until

DATA = expect.traffic()
RECORDS = expect.packets(DATA)
PIECES = cut_at(DATA, [RECORDS // 3, RECORDS * 2 // 3])
#: Seconds within which every answer comes: a web process is given up after 120.
AT_MOST = 45.0
SEARCH, CHUNKS = "/api/v1/httpcomms/", "/api/v1/chunks/"
#: Which calls wait for a server, and the code that they are answered with.
WAITS = {
    "postgres": {"/": "", SEARCH: "unavailable", CHUNKS: "unavailable"},
    "valkey": {CHUNKS: "unavailable"},
    "elastic": {"/": "", SEARCH: "store_unavailable"},
}
BREAKERS = {"postgres": "database", "valkey": "redis", "elastic": "documents"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World("elastic", SPIDER_WEB_PROCESSES="1", SPIDER_WEB_THREADS="4") as one:
        yield one


@pytest.fixture(scope="module")
def browser(world: World) -> Browser:
    return Browser(world.product)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    text: str
    seconds: float


def ask(world: World, path: str, opened: Callable[..., Any], body: bytes | None = None, **headers: str) -> Answer:
    """One request, whatever its answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(world.product.site + path, body, named)
    begun = time.monotonic()
    try:
        answer = opened(request, timeout=AT_MOST)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return Answer(answer.status, answer.headers, answer.read().decode(), time.monotonic() - begun)


def post(world: World, capture: str, number: int) -> Answer:
    """Send a chunk, as an agent does."""
    said = {
        "Spider_Capture": capture,
        "Spider_Chunk": str(number),
        "Spider_Packets": str(expect.packets(PIECES[number])),
    }
    return ask(world, CHUNKS, urllib.request.urlopen, PIECES[number], Authorization=f"Bearer {world.token}", **said)


def taken(world: World, capture: str, number: int) -> None:
    until(f"chunk {number} is taken", lambda: post(world, capture, number).status == 202)


def processes(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    return list(family(psutil.Process(server.process.pid)))


@pytest.mark.parametrize("how", ["stopped", "hanging"])
@pytest.mark.parametrize("name", ["postgres", "valkey", "elastic"])
def test_everyone_is_answered_while_a_server_is_away(
    world: World, browser: Browser, name: str, how: str, tmp_path: Path
) -> None:
    server: Server = getattr(world, name)
    capture = f"capture-{name}-{how}"
    taken(world, capture, 0)
    trips = breaker(world, browser, name)["trips"]
    stopped = processes(server)
    if how == "stopped":
        server.stop()
    else:
        hit(stopped, signal.SIGSTOP)
    try:
        for _ in range(3):
            answers = {path: ask(world, path, browser.open) for path in ("/", SEARCH)}
            answers[CHUNKS] = post(world, capture, 1)
            judged(name, answers)
        if name != "postgres":  # nobody can sign in to see it
            until("the breaker is open", lambda: opened(world, browser, capture, name))
    finally:
        if how == "stopped":
            start_again(server, 300)
        else:
            hit(stopped, signal.SIGCONT)
    for number in range(len(PIECES)):
        taken(world, capture, number)
    final = ask(
        world, f"/api/v1/captures/{capture}/final/", urllib.request.urlopen, b'{"last": 2}',
        Authorization=f"Bearer {world.token}", Content_Type="application/json",
    )  # fmt: skip
    assert final.status == 202
    until("all is stored", world.idle, 180)
    row = world.rows()[capture]
    assert (row["state"], row["totals"]["packets.uploaded"], row["totals"]["packets.session"]) == (
        "closed", RECORDS, row["totals"]["packets.uploaded"] - row["totals"]["packets.notTcp"]
    )  # fmt: skip
    path = tmp_path / "whole.pcap"
    path.write_bytes(DATA)
    expect.same(found(world.product, capture), wanted(world.product, path))
    until("the breaker is closed", lambda: breaker(world, browser, name)["state"] == "closed")
    assert breaker(world, browser, name)["trips"] > trips
    assert ask(world, "/", browser.open).status == 200


def judged(name: str, answers: dict[str, Answer]) -> None:
    """What waits for the server says so, and the rest works."""
    print(name, {path: (answer.status, round(answer.seconds, 1)) for path, answer in answers.items()})
    for path, answer in answers.items():
        code = WAITS[name].get(path)
        if code is None:
            assert answer.status in (200, 202), (path, answer)
            continue
        assert answer.status == 503, (path, answer)
        assert int(answer.headers["Retry-After"]) >= 1
        assert "does not answer" in answer.text
        assert "127.0.0.1" not in answer.text
        if code:
            assert json.loads(answer.text)["error"]["code"] == code


def breaker(world: World, browser: Browser, name: str) -> dict[str, Any]:
    """How the breaker of a server stands, as the site says."""
    answer = ask(world, "/api/v1/monitoring/servers/", browser.open)
    assert answer.status == 200, answer
    return next(one for one in json.loads(answer.text)["breakers"] if one["name"] == BREAKERS[name])


def opened(world: World, browser: Browser, capture: str, name: str) -> bool:
    """Whether the breaker is open, with its reason, after one call more."""
    post(world, capture, 1)
    ask(world, SEARCH, browser.open)
    stands = breaker(world, browser, name)
    return bool(stands["state"] != "closed" and stands["since"] and stands["reason"])
