"""The whole product as processes: sent, killed, stopped and started, it finds what `parse_capture` finds."""

import gzip
import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import cache
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest
import zstandard

from apps.captures.sample import shop
from store.documents import EVERYTHING
from tests.bench.e2e import capture_keys, leftovers, waiting
from tests.bench.generate import Parameters, made
from tests.captures import Capture, request, response
from tests.flows import expect
from tests.flows.poison.sitecustomize import POISON
from tests.flows.pump import cut_at
from tests.flows.stack import Stack
from tests.waiting import PATIENCE, until

#: From a dead worker to progress: its lease of 10 s, a second until the redrive looks, and time for a busy machine to
#: start another worker. `make bench-e2e` with `--kill` measures it on a quiet one.
PROGRESS_SECONDS = 30.0


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(PYTHONPATH=str(Path(__file__).parent / "poison"), SPIDER_WORKERS="2") as one:
        yield one


@pytest.fixture(scope="module")
def token(stack: Stack) -> str:
    return stack.token("flows")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture that takes the workers some seconds."""
    parameters = Parameters(packets=60_000, open_sessions=300, seed=5)
    return made(parameters, tmp_path_factory.mktemp("big")).capture


@cache
def wanted(stack: Stack, path: Path) -> list[bytes]:
    """What `parse_capture` finds, with the secret of this stack."""
    said = stack.manage("parse_capture", str(path))
    return sorted(expect.comparable(orjson.loads(line)) for line in said.splitlines())


def found(stack: Stack, capture: str) -> list[bytes]:
    """What the document store has of a capture."""
    store = stack.documents()
    try:
        store.refresh("httpcomms")
        documents = (one for batch in store.scan("httpcomms", EVERYTHING, None) for one in batch)
        return sorted(expect.comparable(one) for one in documents if one["capture"] == capture)
    finally:
        store.close()


def all_done(stack: Stack) -> None:
    """Wait until every capture is closed and stored; then nothing is left behind."""
    until("the end", lambda: not capture_keys(stack) and not waiting(stack))
    assert leftovers(stack) == []


def sent(agent: "subprocess.Popen[str]", seconds: float = PATIENCE) -> str:
    """Wait for an agent's end; the capture it made, from the link it prints."""
    said, _ = agent.communicate(timeout=seconds)
    assert agent.returncode == 0, said
    match = re.search(r"/captures/([^/]+)/", said)
    assert match, said
    return match[1]


class Browser:
    """A person with a browser, signed in."""

    def __init__(self, stack: Stack) -> None:
        self.site = stack.site
        self.open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        page = self.open(f"{self.site}/login/", timeout=20).read().decode()
        csrf = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        user = re.search(r"User:\s+(\S+)", stack.said())
        password = re.search(r"Password:\s+(\S+)", stack.said())
        assert csrf is not None, page
        assert user is not None, stack.said()
        assert password is not None, stack.said()
        form = {"csrfmiddlewaretoken": csrf[1], "username": user[1], "password": password[1]}
        self.open(f"{self.site}/login/", urlencode(form).encode(), timeout=20).read()

    def search_of(self, address: str) -> dict[str, str]:
        """Follow a capture's page until it is its search; query and range of it."""

        def follow() -> dict[str, str]:
            with self.open(address, timeout=20) as answer:
                query = parse_qs(urlsplit(answer.url).query)
            return {name: values[0] for name, values in query.items()}

        return dict(until("the capture's own page", follow))

    def total(self, query: dict[str, str]) -> int:
        """How many communications the API finds."""
        with self.open(f"{self.site}/api/v1/httpcomms/?{urlencode(query | {'size': '1'})}", timeout=20) as answer:
            return int(json.load(answer)["total"])


def test_what_the_agent_sends_from_a_file_is_found(stack: Stack, token: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.pcap"
    path.write_bytes(shop.capture(1_790_000_000_000_000_000, seconds=40, seed=3).pcap())
    capture = sent(stack.agent("--token", token, "--file", str(path)))
    all_done(stack)
    lines = wanted(stack, path)
    expect.same(found(stack, capture), lines)
    browser = Browser(stack)
    query = browser.search_of(f"{stack.site}/captures/{capture}/")
    assert capture in query["q"]
    assert browser.total(query) == len(lines)


def test_a_file_sent_with_plain_curl_is_found(stack: Stack, token: str, tmp_path: Path) -> None:
    data = expect.traffic()
    (tmp_path / "plain.pcap").write_bytes(data)
    for name, packed in (
        ("plain.pcap", data),
        ("packed.pcap.gz", gzip.compress(data)),
        ("packed.pcap.zst", zstandard.compress(data)),
    ):
        (tmp_path / name).write_bytes(packed)
    answers = [curl(stack, token, path) for path in sorted(tmp_path.iterdir())]
    lines = wanted(stack, tmp_path / "plain.pcap")
    browser = Browser(stack)
    queries = [browser.search_of(answer["search"]) for answer in answers]
    all_done(stack)
    for answer, query in zip(answers, queries, strict=True):
        expect.same(found(stack, answer["capture"]), lines)
        assert browser.total(query) == len(lines)


def curl(stack: Stack, token: str, path: Path) -> dict[str, Any]:
    """As the documentation tells it."""
    command = ["curl", "-sS", "--fail-with-body", "-H", f"Authorization: Bearer {token}"]
    command += ["--data-binary", f"@{path}", f"{stack.site}/api/v1/chunks/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_workers_killed_in_the_middle_change_nothing(stack: Stack, token: str, big: Path) -> None:
    agent = stack.agent("--token", token, "--file", str(big))
    taken = until("work", stack.holding)
    for worker in stack.workers():
        worker.kill()
    killed = time.monotonic()
    taken = {name: value for name, value in stack.holding().items() if name in taken}
    waits: dict[str, float] = {}
    while len(waits) < len(taken):
        for name in taken.keys() - waits:
            if stack.still(name) != taken[name]:
                waits[name] = time.monotonic() - killed
        assert time.monotonic() - killed < PROGRESS_SECONDS, (taken, waits)
        time.sleep(0.05)
    capture = sent(agent)
    all_done(stack)
    expect.same(found(stack, capture), wanted(stack, big))
    longest = max(waits.values(), default=0.0)
    print(f"from SIGKILL of both workers to progress with what they held: {longest:.1f} s")


def test_a_chunk_that_ends_every_worker_is_put_aside_by_the_third(stack: Stack, token: str, tmp_path: Path) -> None:
    poison = Capture()
    talk = poison.conversation("10.1.1.1:41000", "10.9.0.1:80").connect()
    talk.request(request("POST", "/deadly", body=POISON)).response(response(200)).close()
    first, last = cut_at(expect.traffic(), [200])
    pieces = [first, poison.pcap(), last]
    for number, piece in enumerate(pieces):
        post(stack, token, "chunks/", piece, {"Spider-Capture": "capture-deadly", "Spider-Chunk": str(number),
             "Spider-Packets": str(expect.packets(piece))})  # fmt: skip
    post(stack, token, "captures/capture-deadly/final/", b'{"last": 2}', {"Content-Type": "application/json"})
    all_done(stack)
    (tmp_path / "rest.pcap").write_bytes(expect.traffic())
    expect.same(found(stack, "capture-deadly"), wanted(stack, tmp_path / "rest.pcap"))
    store = stack.documents()
    errors = [one for batch in store.scan("monitoring", EVERYTHING, None) for one in batch
              if one["kind"] == "quarantine"]  # fmt: skip
    store.close()
    assert [(one["capture"], one["chunk"], one["reason"]) for one in errors] == [("capture-deadly", 1, "workerDied")]
    assert errors[0]["packets"] == expect.packets(pieces[1])


def post(stack: Stack, token: str, path: str, body: bytes, headers: dict[str, str]) -> None:
    """What an agent sends."""
    named = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"} | headers
    with urllib.request.urlopen(
        urllib.request.Request(f"{stack.site}/api/v1/{path}", body, named), timeout=20
    ) as answer:  # fmt: skip
        assert answer.status == 202


def worker_id(stack: Stack) -> int | None:
    """Process id of the worker program; None while there is none."""
    kept = json.loads((stack.data / "processes.json").read_text())
    return next((entry["pid"] for entry in kept if entry["name"] == "worker"), None)


def test_workers_restarted_again_and_again_put_nothing_aside(stack: Stack, token: str, big: Path) -> None:
    """What an upgrade does: a warm shutdown gives back what was taken, and is no death that is counted."""
    agent = stack.agent("--token", token, "--file", str(big))
    for _ in range(3):
        until("work", lambda: stack.holding() or agent.poll() is not None)
        before = worker_id(stack)
        assert before is not None
        os.kill(before, signal.SIGTERM)
        until("another worker", lambda before=before: worker_id(stack) not in (None, before))
    capture = sent(agent)
    all_done(stack)
    expect.same(found(stack, capture), wanted(stack, big))
    store = stack.documents()
    records = [one for batch in store.scan("monitoring", EVERYTHING, None) for one in batch]
    store.close()
    assert not [one for one in records if one["kind"] == "quarantine" and one["capture"] == capture]


def test_ctrl_c_during_work_and_a_new_start_lose_nothing(stack: Stack, token: str, big: Path) -> None:
    agent = stack.agent("--token", token, "--file", str(big))
    until("work", stack.holding)
    stack.stop()
    assert stack.process.returncode == 0
    stack.start()
    capture = sent(agent)
    all_done(stack)
    expect.same(found(stack, capture), wanted(stack, big))


CHECK = """
from apps.captures.models import Capture
from apps.core.servers import chunk_store
from apps.monitoring.checking import check_sums
with chunk_store().link() as link:
    print([(one.capture, one.equation, one.whole, one.accounted) for one in check_sums(link)])
print(Capture.objects.exclude(state="closed", checked=None).count() > 0)
"""


def test_what_was_counted_is_stored_and_no_key_is_left(stack: Stack, token: str, tmp_path: Path) -> None:
    """Of this capture, and of all that the tests before it made."""
    path = tmp_path / "counted.pcap"
    path.write_bytes(expect.traffic())
    sent(stack.agent("--token", token, "--file", str(path)))
    all_done(stack)
    alarms, checked = stack.manage("shell", "-v", "0", "-c", CHECK).splitlines()[-2:]
    assert (alarms, checked) == ("[]", "True")
    assert "of at most" in stack.manage("redis_keys", "--drained")


#: Until another's communications are found while one whisperer sends all it can: turns of a second, and a busy machine.
BESIDE_SECONDS = 45.0


def test_a_small_capture_is_found_while_another_whisperer_sends_all_it_can(
    stack: Stack, token: str, big: Path
) -> None:
    quiet, data = stack.token("quiet"), expect.traffic()
    loud = [stack.agent("--token", token, "--file", str(big)) for _ in range(4)]
    until("work for every worker", lambda: len(stack.holding()) >= 2)
    head = {"Spider-Capture": "capture-quiet", "Spider-Chunk": "0", "Spider-Packets": str(expect.packets(data))}
    started = time.monotonic()
    post(stack, quiet, "chunks/", data, head)
    post(stack, quiet, "captures/capture-quiet/final/", b'{"last": 0}', {"Content-Type": "application/json"})
    until("the small capture", lambda: found(stack, "capture-quiet"))
    took = time.monotonic() - started
    print(f"found beside four loud captures after {took:.1f} s, {len(stack.holding())} turns of theirs under way")
    assert took < BESIDE_SECONDS
    for agent in loud:
        sent(agent)
    all_done(stack)
