"""INTERFACE mode on the loopback interface, for real. Needs CAP_NET_RAW; the tests say so where it is missing."""

import signal
import socket
import time
from collections import Counter

import pytest

from agent import bpf
from agent.chunk import Losses
from agent.errors import InterfaceError
from agent.ring import Ring
from agent.source_interface import chunks, program
from apps.core import bpf as compiler
from tests.agent.server import TOKEN, Server
from tests.agent.test_file import start
from wire import pcapfile
from wire.events import Endpoint
from wire.slices import split


def permitted() -> bool:
    try:
        Ring("lo", 2 << 20, promiscuous=False).close()
    except InterfaceError:
        return False
    return True


needs_raw = pytest.mark.skipif(not permitted(), reason="no packet sockets here: CAP_NET_RAW or Linux is missing")


def free_port(family: int = socket.AF_INET) -> int:
    with socket.socket(family) as s:
        s.bind(("", 0))
        return int(s.getsockname()[1])


def talk(port: int, host: str = "127.0.0.1", size: int = 300_000) -> None:
    """One connection that carries `size` bytes."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family)
    client = socket.create_connection((host, port))
    server, _ = listening.accept()
    with listening, client, server:
        client.sendall(b"x" * 50_000)
        left = size
        while left:
            sent = server.send(b"y" * min(left, 60_000))
            left -= sent
            got = 0
            while got < sent:
                got += len(client.recv(sent - got))


def payload(pieces: list[bytes]) -> Counter[int]:
    """Payload bytes by the lower port of the flow."""
    found: Counter[int] = Counter()
    for data in pieces:
        for s in split(data, 1, b"k" * 16).slices:
            if s is None:
                continue
            for row, flow in enumerate(s.row_flow.tolist()):
                a, b = int(s.row_start[row]), int(s.row_start[row + 1])
                ports = [e.port for e in ends(s.flows[flow])]
                for port in ports:
                    found[port] += int(s.length[a:b].sum() + s.missing[a:b].sum())
    return found


def ends(flow) -> tuple[Endpoint, Endpoint]:  # type: ignore[no-untyped-def]
    return flow.a, flow.b


@needs_raw
@pytest.mark.parametrize("interface", ["lo", "any"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_everything_once_and_nothing_of_the_server(interface: str, host: str) -> None:
    wanted, unwanted = free_port(), free_port()
    with Ring(interface, 8 << 20, promiscuous=False) as ring:
        ring.start(program(ring, [], ["127.0.0.1", "::1", "10.1.2.3"], unwanted, 262144))
        talk(unwanted, host)
        talk(wanted, host)
        until = time.monotonic() + 0.2
        made = list(chunks(ring, 1 << 18, 1, lambda: time.monotonic() > until))
    found = payload([c.data for c in made])
    assert found[wanted] == 350_000
    assert found[unwanted] == 0
    assert sum(c.packets for c in made) == sum(split(c.data, 1, b"k" * 16).packets for c in made)
    assert all(pcapfile.sniff(c.data[:4]) == "ring" for c in made)


@needs_raw
def test_the_snap_length_cuts_and_tells() -> None:
    port = free_port()
    with Ring("lo", 8 << 20, promiscuous=False) as ring:
        # Other programs talk on this interface too: with a filter they are not counted.
        ring.start(program(ring, compiler.compile(f"tcp port {port}", ring.link), [], 1, 100))
        talk(port)
        made = list(chunks(ring, 1 << 18, 1, lambda: True))
    assert payload([c.data for c in made])[port] == 350_000
    assert sum(len(c.data) for c in made) < 200_000


@needs_raw
def test_a_full_ring_is_counted() -> None:
    port = free_port()
    with Ring("lo", 2 << 20, promiscuous=False) as ring:
        ring.start(program(ring, [], [], 1, 262144))
        talk(port, size=20_000_000)
        made = list(chunks(ring, 1 << 22, 1, lambda: True))
        drops = sum(c.losses.packets.get("kernel", 0) for c in made)
    assert drops > 50
    assert payload([c.data for c in made])[port] < 20_000_000


@needs_raw
def test_the_program_on_loopback(server: Server) -> None:
    port = free_port()
    server.program = [[6, 0, 0, 262144]]
    process = start("--server", server.url, "--token", TOKEN, "--interface", "lo", "--filter", f"tcp port {port}")
    assert process.stderr is not None
    assert "capturing lo" in process.stderr.readline()
    talk(port)
    deadline = time.monotonic() + 10
    while not server.captures:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    talk(port)
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert out.startswith("http://search.example/")
    found = payload(list(server.only().values()))
    assert found[port] == 700_000
    assert found[server.port] == 0
    assert server.requests[0]["Content-Type"] == "application/vnd.spider.ring"
    assert server.requests[0]["Spider-Interface"] == "lo"
    assert list(server.ended.values()) == [max(server.only())]


@needs_raw
def test_a_filter_that_cannot_be_used(server: Server) -> None:
    for answer, status, says in (
        ((400, {"error": {"code": "filter", "message": "syntax error"}}), 4, "syntax error"),
        ((503, {"error": {"code": "libpcap_missing", "message": "install libpcap0.8"}}), 4, "libpcap0.8"),
    ):
        server.program = answer
        process = start("--server", server.url, "--token", TOKEN, "--interface", "lo", "--filter", "tcp prt")
        _, error = process.communicate(timeout=30)
        assert process.returncode == status
        assert says in error


@needs_raw
def test_no_such_interface(server: Server) -> None:
    process = start("--server", server.url, "--token", TOKEN, "--interface", "nosuch0")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 6
    assert "there are: lo" in error


@needs_raw
def test_uploads_that_are_too_slow_drop_chunks_and_say_so(server: Server) -> None:
    server.mishaps.extend(["full"] * 12)
    process = start(
        "--server", server.url, "--token", TOKEN, "--interface", "lo",
        "--chunk", "200000", "--queue", str(1 << 20), "--uploads", "1",
    )  # fmt: skip
    assert process.stderr is not None
    process.stderr.readline()
    for _ in range(12):
        talk(free_port(), size=1_000_000)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    dropped = sum(int(h["Spider-Dropped"].split("queue=")[1].split("/")[0]) for h in server.requests
                  if "queue=" in h.get("Spider-Dropped", "") and h["Spider-Chunk"] in accepted(server))  # fmt: skip
    assert dropped > 0
    assert "packets dropped" in error
    seen, accounted = balance(server)
    assert seen == accounted > dropped
    assert sorted(server.only()) == list(range(len(server.only())))  # no holes
    assert not any(server.holes.values())


def accepted(server: Server) -> set[str]:
    return {str(n) for n in server.only()}


def test_losses_are_one_header() -> None:
    losses = Losses()
    losses.add("kernel", 0)
    assert losses.header() == ""
    losses.add("queue", 3, 400)
    more = Losses()
    more.add("kernel", 7)
    more.add("queue", 1, 100)
    losses.merge(more)
    assert losses.header() == "kernel=7/0,queue=4/500"


def balance(server: Server) -> tuple[int, int]:
    """What the agent says it saw with the chunks that were accepted, numbers given up and the end, and where it is."""
    heard = [h for h in server.requests if h["Spider-Chunk"] in accepted(server)]
    (end,) = server.told_at_end.values()
    dropped = [h.get("Spider-Dropped", "") for h in heard] + [end["dropped"]]
    parts = [int(part.split("=")[1].split("/")[0]) for text in dropped for part in text.split(",") if part]
    seen = sum(int(h["Spider-Captured"]) for h in heard) + end["captured"]
    return seen, sum(int(h["Spider-Packets"]) for h in heard) + sum(parts)


def test_programs_keep_their_jumps() -> None:
    whole = bpf.without_outgoing(1) + bpf.without_server(["1.2.3.4", "::1"], 80, 14) + bpf.accept(99)
    for i, (_, jt, jf, _) in enumerate(whole[:-1]):
        assert i + 1 + max(jt, jf) < len(whole)
    assert len(bpf.packed(whole)) == 8 * len(whole)
    assert bpf.shortened([(6, 0, 0, 0), (6, 0, 0, 500)], 99) == [(6, 0, 0, 0), (6, 0, 0, 99)]
