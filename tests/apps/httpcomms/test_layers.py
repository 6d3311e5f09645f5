"""A packet in its layers: fields where they are, and nothing that hostile bytes can do about it."""

import subprocess
import sys
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.httpcomms import layers
from tests.captures import Capture, request, response


def frames() -> list[bytes]:
    made = Capture()
    talk = made.conversation("10.0.0.1:40000", "10.0.0.2:8080").connect()
    talk.request(request("GET", "/a", [("X-One", "1")])).response(response(200, [], b"hello")).close()
    six = made.conversation("[2001:db8::1]:40001", "[2001:db8::2]:80", after=1).connect()
    six.request(request("GET", "/six"))
    return [frame.data for frame in made.frames()]


def test_each_field_stands_where_its_bytes_are() -> None:
    (sent,) = [data for data in frames() if b"GET /a" in data]
    found = layers.dissect(sent, 1)
    assert [layer.name for layer in found[:4]] == ["Ethernet", "IPv4", "TCP", "HTTP"]
    fields = {(layer.name, one.name): one for layer in found for one in layer.fields}

    def at(layer: str, name: str) -> tuple[str, bytes]:
        one = fields[layer, name]
        return one.value, sent[one.start : one.end]

    assert at("IPv4", "source") == ("10.0.0.1", bytes([10, 0, 0, 1]))
    assert at("IPv4", "time to live")[1] == sent[22:23]
    assert at("TCP", "destination port") == ("8080", (8080).to_bytes(2, "big"))
    assert at("TCP", "flags")[0] == "PSH ACK"
    assert at("IPv4", "version") == ("4", b"\x45")
    assert at("HTTP", "start line") == ("GET /a HTTP/1.1", b"GET /a HTTP/1.1")
    assert at("HTTP", "X-One") == ("1", b"X-One: 1")


def test_layers_cover_the_packet_without_a_gap() -> None:
    for data in frames():
        found = layers.dissect(data, 1)
        assert found[0].start == 0
        assert found[-1].end == len(data)
        assert all(one.end == two.start for one, two in pairwise(found))
    assert any(layer.name == "IPv6" for data in frames() for layer in layers.dissect(data, 1))


@given(
    data=st.one_of(st.binary(max_size=200), st.sampled_from(frames())),
    cut=st.integers(0, 200),
    change=st.lists(st.tuples(st.integers(0, 199), st.integers(0, 255)), max_size=5),
    link=st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276, 999]),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_layers(data: bytes, cut: int, change: list[tuple[int, int]], link: int) -> None:
    raw = bytearray(data[:cut] if cut else data)
    for at, byte in change:
        if at < len(raw):
            raw[at] = byte
    found = layers.dissect(bytes(raw), link)
    assert len(found) < 40
    for layer in found:
        assert 0 <= layer.start <= layer.end <= len(raw)
        assert all(layer.start <= one.start <= one.end <= layer.end for one in layer.fields)


def test_scapy_is_loaded_when_a_packet_is_looked_at_and_not_before() -> None:
    code = (
        "import sys, socket\n"
        "def refuse(*a, **k): raise AssertionError('the network was asked')\n"
        "socket.getaddrinfo = socket.gethostbyname = socket.gethostbyaddr = refuse\n"
        "socket.socket.connect = socket.socket.sendto = refuse\n"
        "from apps.httpcomms import layers\n"
        "assert 'scapy' not in sys.modules\n"
        "frame = bytes.fromhex('020000000001020000000002' '0800' '450000280001000040067ccd0a0000010a000002'"
        " '9c401f900000000100000002501020000000' '0000')\n"
        "found = layers.dissect(frame, 1)\n"
        "assert 'scapy' in sys.modules\n"
        "assert [one.value for one in found[1].fields if one.name == 'source'] == ['10.0.0.1'], found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
