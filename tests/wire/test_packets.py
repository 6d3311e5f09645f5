"""TCP segments are found behind every link header, tag, tunnel and option, and nowhere else."""

import struct
from dataclasses import fields

import numpy as np
import pytest

from tests.captures import Frame, Pcapng, frames, pcap
from wire import packets, records
from wire.packets import Packets

A, B = ("10.0.0.1", 40000), ("10.0.0.2", 80)
A6, B6 = ("2001:db8::1", 40000), ("2001:db8::2", 80)
PAYLOAD = b"GET / HTTP/1.1\r\n\r\n"
LINKS = [frames.ETHERNET, frames.LINUX_SLL, frames.LINUX_SLL2, frames.NULL, frames.LOOP, frames.RAW, 12, 14]


def segment(a: tuple[str, int] = A, b: tuple[str, int] = B, payload: bytes = PAYLOAD) -> bytes:
    return frames.tcp(a, b, 4_000_000_000, 17, 24, payload, window=512, options=b"\x01" * 4)


class Decoded(Packets):
    """Columns with the payloads beside them."""

    payloads: list[bytes]


def decode(*data: bytes, link: int = 1, lengths: dict[int, int] | None = None) -> Decoded:
    kept = [Frame(i, d, (lengths or {}).get(i, len(d))) for i, d in enumerate(data)]
    raw = pcap(kept, link)
    columns = packets.decode(records.read(raw))
    found = Decoded(**{f.name: getattr(columns, f.name) for f in fields(Packets)})
    found.payloads = [raw[p : p + n] for p, n in zip(found.pos, found.length, strict=True)]
    return found


def one(found: Decoded) -> None:
    """The columns of the segment every test here wraps."""
    assert found.payloads == [PAYLOAD]
    assert (found.seq.tolist(), found.ack.tolist(), found.flags.tolist()) == ([4_000_000_000], [17], [24])
    assert (found.window.tolist(), found.sport.tolist(), found.dport.tolist()) == ([512], [40000], [80])
    assert (found.missing.tolist(), found.not_tcp, found.undecodable) == ([0], 0, {})


@pytest.mark.parametrize("link", [*LINKS, frames.IPV4])
def test_ipv4_on_every_link(link: int) -> None:
    found = decode(frames.link(link, frames.ipv4(*ips(A, B), segment())), link=link)
    one(found)
    assert (found.v6.tolist(), found.src_lo.tolist(), found.dst_lo.tolist()) == ([False], [0x0A000001], [0x0A000002])


@pytest.mark.parametrize("link", [*LINKS, frames.IPV6])
def test_ipv6_on_every_link(link: int) -> None:
    found = decode(frames.link(link, frames.ipv6(*ips(A6, B6), segment(A6, B6))), link=link)
    one(found)
    assert found.v6.tolist() == [True]
    assert (found.src_hi.tolist(), found.src_lo.tolist()) == ([0x20010DB8 << 32], [1])
    assert (found.dst_hi.tolist(), found.dst_lo.tolist()) == ([0x20010DB8 << 32], [2])


def ips(a: tuple[str, int], b: tuple[str, int]) -> tuple[str, str]:
    return a[0], b[0]


@pytest.mark.parametrize("family", [2, 24, 28, 30])
@pytest.mark.parametrize("order", ["<", ">"])
def test_loopback_families_in_both_orders(family: int, order: str) -> None:
    packet = frames.ipv4(*ips(A, B), segment()) if family == 2 else frames.ipv6(*ips(A6, B6), segment(A6, B6))
    one(decode(struct.pack(order + "I", family) + packet, link=0))


@pytest.mark.parametrize("vlans", [[5], [5, 6], [1, 2, 3], list(range(8))])
@pytest.mark.parametrize("link", [frames.ETHERNET, frames.LINUX_SLL, frames.LINUX_SLL2])
def test_tags(vlans: list[int], link: int) -> None:
    one(decode(frames.link(link, frames.ipv4(*ips(A, B), segment()), vlans=vlans), link=link))


def test_nine_tags_are_too_many() -> None:
    found = decode(frames.link(1, frames.ipv4(*ips(A, B), segment()), vlans=list(range(9))))
    assert (len(found), found.not_tcp) == (0, 1)


@pytest.mark.parametrize(
    "head",
    [
        "88641100000100640021",  # PPPoE session data, IPv4
        "884700064040000c8140",  # two MPLS labels
        "0064aaaa030000000800",  # a length, then LLC/SNAP
        "8100000588641100000100640021",  # PPPoE in a VLAN
    ],
)
def test_tunnels(head: str) -> None:
    one(decode(bytes(12) + bytes.fromhex(head) + frames.ipv4(*ips(A, B), segment())))


def test_ip_options_and_tcp_options() -> None:
    one(decode(frames.link(1, frames.ipv4(*ips(A, B), segment(), options=b"\x01" * 40))))


def test_ipv6_extension_headers() -> None:
    chain = [(0, bytes(8)), (60, b"\0\1" + bytes(14)), (43, bytes(8)), (51, b"\0\4" + bytes(22)), (135, bytes(8))]
    one(decode(frames.link(1, frames.ipv6(*ips(A6, B6), segment(A6, B6), extensions=chain))))
    atomic = [(44, struct.pack("!BBHI", 0, 0, 0, 99))]
    one(decode(frames.link(1, frames.ipv6(*ips(A6, B6), segment(A6, B6), extensions=atomic))))


def test_padding_is_no_payload() -> None:
    short = frames.link(1, frames.ipv4(*ips(A, B), frames.tcp(A, B, 1, 1, 16, b"")))
    assert len(short) == 60
    found = decode(short, frames.link(1, frames.ipv4(*ips(A, B), frames.tcp(A, B, 1, 1, 16, b"x"))))
    assert found.length.tolist() == [0, 1]


@pytest.mark.parametrize("v6", [False, True])
def test_offload_packets_without_a_length(v6: bool) -> None:
    big = bytes(range(256)) * (400 if v6 else 255)  # with 100 KB more than an IP length can say
    if v6:
        packet = frames.ipv6(*ips(A6, B6), segment(A6, B6, big), zero_length=True)
    else:
        packet = frames.ipv4(*ips(A, B), segment(payload=big), zero_length=True)
    assert decode(frames.link(1, packet)).payloads == [big]


def test_snap_length_cuts_are_known() -> None:
    whole = frames.link(1, frames.ipv4(*ips(A, B), segment(payload=b"x" * 1000)))
    head = len(whole) - 1000
    for kept, length in ((head + 300, 300), (head, 0), (head - 4, 0), (len(whole), 1000)):
        found = decode(whole[:kept], lengths={0: len(whole)})
        assert (found.length.tolist(), found.missing.tolist()) == ([length], [1000 - length])
    found = decode(whole[: head - 5], whole[:20], whole[:13], b"", lengths=dict.fromkeys(range(4), len(whole)))
    assert (len(found), found.undecodable) == (0, {"shortCapture": 4})


def test_what_is_not_tcp_is_counted() -> None:
    udp = frames.link(1, frames.ipv4(*ips(A, B), frames.udp(A, B, b"hello"), protocol=17))
    udp6 = frames.link(1, frames.ipv6(*ips(A6, B6), frames.udp(A6, B6, b"hello"), protocol=17))
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    good = frames.link(1, frames.ipv4(*ips(A, B), segment()))
    found = decode(udp, good, udp6, arp, bytes(60))
    assert (found.index.tolist(), found.not_tcp, found.undecodable) == ([1], 4, {})


def test_what_cannot_be_read_is_counted_with_its_reason() -> None:
    good = bytearray(frames.link(1, frames.ipv4(*ips(A, B), segment())))
    version, header, length, offset = (bytearray(good) for _ in range(4))
    version[14] = 0x65
    header[14] = 0x44
    length[16:18] = b"\0\x20"
    offset[14 + 20 + 12] = 0x40
    found = decode(bytes(version), bytes(header), bytes(length), bytes(offset), bytes(good))
    assert (found.index.tolist(), found.undecodable) == ([4], {"badIp": 3, "badTcp": 1})
    assert decode(bytes(good), link=147).undecodable == {"unknownLink": 1}


def test_links_mix_in_one_capture() -> None:
    out = Pcapng().section()
    for link in (1, 101, 147, 113, 0):
        out.interface(link, resolution=9)
    for number, link in ((0, 1), (1, 101), (2, 147), (3, 113), (4, 0), (0, 1)):
        data = frames.link(link, frames.ipv4(*ips(A, B), segment()))
        out.packet(Frame(5, data, len(data)), number)
    found = packets.decode(records.read(out.data()))
    assert (found.index.tolist(), found.undecodable) == ([0, 1, 3, 4, 5], {"unknownLink": 1})
    assert found.length.tolist() == [len(PAYLOAD)] * 5


def test_fragments_stand_apart() -> None:
    parts = frames.fragments(*ips(A, B), segment(payload=bytes(3000)), 1480, 7)
    parts6 = frames.fragments(*ips(A6, B6), segment(A6, B6, bytes(3000)), 1448, 7)
    udp = frames.ipv4(*ips(A, B), bytes(64), protocol=17, more=True)
    found = decode(*(frames.link(1, p) for p in (*parts, *parts6, udp)))
    assert (len(found), found.not_tcp, len(found.fragments)) == (0, 1, len(parts) + len(parts6))
    assert [f.offset for f in found.fragments] == [0, 1480, 2960, 0, 1448, 2896]
    assert [f.more for f in found.fragments] == [True, True, False] * 2


def test_random_bytes_do_not_crash() -> None:
    rng = np.random.default_rng(3)
    good = frames.link(1, frames.ipv6(*ips(A6, B6), segment(A6, B6), extensions=[(0, bytes(8))]))
    noisy = []
    for _ in range(3000):
        data = bytearray(good[: rng.integers(0, len(good) + 1)])
        for _ in range(3):
            if data:
                data[rng.integers(0, len(data))] = rng.integers(0, 256)
        noisy.append(bytes(data))
    for link in (*LINKS, frames.IPV4, frames.IPV6):
        found = decode(*noisy, link=link)
        counted = len(found) + found.not_tcp + sum(found.undecodable.values()) + len(found.fragments)
        assert counted == len(noisy)
        assert int(found.length.min(initial=0)) >= 0
        assert int(found.missing.min(initial=0)) >= 0
