"""Filters are compiled by the libpcap of this host, or it is said what is missing."""

import ctypes.util

import pytest

from apps.core import bpf

needs_libpcap = pytest.mark.skipif(not ctypes.util.find_library("pcap"), reason="libpcap is not installed here")


def run(program: list[bpf.Instruction], packet: bytes) -> int:
    """A little machine for the instructions used here: what the kernel would answer."""
    a = x = at = 0
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code in (0x28, 0x30, 0x20):
            size = {0x28: 2, 0x30: 1, 0x20: 4}[code]
            if k + size > len(packet):
                return 0
            a = int.from_bytes(packet[k : k + size], "big")
        elif code == 0x48:
            a = int.from_bytes(packet[x + k : x + k + 2], "big")
        elif code == 0xB1:
            x = 4 * (packet[k] & 15)
        elif code == 0x15:
            at += jt if a == k else jf
        elif code == 0x45:
            at += jt if a & k else jf
        elif code == 0x54:
            a &= k
        elif code == 0x06:
            return k
        else:
            raise AssertionError(hex(code))


@needs_libpcap
def test_a_filter_does_what_it_says() -> None:
    from tests.captures import frames

    program = bpf.compile("tcp port 80", 1)
    packets = {
        port: frames.link(1, frames.ipv4("1.2.3.4", "5.6.7.8", frames.tcp(("1.2.3.4", 9), ("5.6.7.8", port), 1, 1, 16)))
        for port in (80, 81)
    }
    assert run(program, packets[80]) > 0
    assert run(program, packets[81]) == 0
    assert [i[0] for i in bpf.compile("", 1)] == [6]
    assert bpf.compile("tcp port 80", 101) != program


@needs_libpcap
@pytest.mark.parametrize(
    ("text", "link", "says"),
    [
        ("tcp prt 80", 1, "syntax error"),
        ("x" * 5000, 1, "5000 characters"),
        ("tcp\0", 1, "NUL"),
        ("tcp", 65000, "link type"),
    ],
)
def test_filters_that_cannot_be_compiled(text: str, link: int, says: str) -> None:
    with pytest.raises(bpf.FilterError, match=says):
        bpf.compile(text, link)


def test_a_missing_library_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda _: "libnowhere.so.9")
    bpf._library.cache_clear()
    try:
        with pytest.raises(bpf.LibraryMissing, match=r"libpcap0\.8"):
            bpf.compile("tcp", 1)
    finally:
        bpf._library.cache_clear()


def test_the_agents_own_programs_drop_the_servers_traffic_alone() -> None:
    from agent import bpf as own
    from tests.captures import frames

    program = own.without_server(["5.6.7.8", "2001:db8::8"], 80, 14) + own.accept(99)

    def kept(a: tuple[str, int], b: tuple[str, int]) -> bool:
        segment = frames.tcp(a, b, 1, 1, 16, b"payload")
        packet = frames.ipv6(a[0], b[0], segment) if ":" in a[0] else frames.ipv4(a[0], b[0], segment)
        return run(program, frames.link(1, packet)) == 99

    for server, other in ((("5.6.7.8", 80), ("1.2.3.4", 5000)), (("2001:db8::8", 80), ("2001:db8::1", 5000))):
        assert not kept(server, other)
        assert not kept(other, server)
        assert kept((server[0], 81), other)
        assert kept(other, (server[0], 81))
        assert kept((other[0], 80), (other[0], 80))
