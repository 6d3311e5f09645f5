"""Classic BPF by hand: what an interface must never deliver, put in front of the filter that the server compiled.

Left out are packets to and from the Spider server itself (else every upload would be captured and uploaded again), on
the loopback interface the outgoing copy of each packet (the kernel shows both), and where it is asked for, packets
of some networks and TCP packets that carry nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Union

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant
Network = Union[IPv4Network, IPv6Network]  # noqa: UP007 - read when the module loads, by Python 3.9 too

# linux/filter.h, linux/bpf_common.h
_LD_W, _LD_H, _LD_B = 0x20, 0x28, 0x30  # absolute
_LD_H_X, _LD_B_X, _LDX_MSH, _JEQ, _JSET, _RET = 0x48, 0x50, 0xB1, 0x15, 0x45, 0x06
_AND, _RSH, _ADD_X, _SUB_X, _TAX = 0x54, 0x74, 0x0C, 0x1C, 0x07
_ANCILLARY = 0xFFFFF000  # SKF_AD_OFF
_PACKET_TYPE, _INTERFACE = _ANCILLARY + 4, _ANCILLARY + 8
_OUTGOING = 4  # linux/if_packet.h PACKET_OUTGOING
_TCP = 6
_OPENS_OR_CLOSES = 0x07  # FIN, SYN, RST
_KEEP, _DROP = -2, -3  # jumps to the end of a block: to what follows it, and to its last instruction, which drops
#: The server's addresses that are left out: hosts have few.
MAX_ADDRESSES = 8


def accept(snap: int) -> list[Instruction]:
    """A program that keeps `snap` bytes of every packet."""
    return [(_RET, 0, 0, snap)]


def shortened(program: Sequence[Instruction], snap: int) -> list[Instruction]:
    """The program with at most `snap` bytes kept of what it accepts."""
    return [(code, jt, jf, min(k, snap) if code == _RET else k) for code, jt, jf, k in program]


def without_outgoing(loopback: int) -> list[Instruction]:
    """Drop what goes out of the interface number `loopback`, then fall through."""
    return [
        (_LD_W, 0, 0, _INTERFACE),
        (_JEQ, 0, 3, loopback),
        (_LD_W, 0, 0, _PACKET_TYPE),
        (_JEQ, 0, 1, _OUTGOING),
        (_RET, 0, 0, 0),
    ]


def without_server(addresses: Sequence[str], port: int, header: int) -> list[Instruction]:
    """Drop TCP between this host and the server, then fall through. `header`: bytes before the IP header.

    The IP version is read from the packet's own first byte, so one program serves every link type."""
    out: list[Instruction] = []
    for address in addresses[:MAX_ADDRESSES]:
        packed = ip_address(address).packed
        for source in (True, False):
            out += _drop(packed, port, header, source)
    return out


def _drop(address: bytes, port: int, at: int, source: bool) -> list[Instruction]:
    """One address, as source or as destination: all tests jump to the end of the block when they fail."""
    v6 = len(address) == 16
    where = at + ((8 if source else 24) if v6 else (12 if source else 16))
    tests: list[Instruction] = [
        (_LD_B, 0, 0, at),
        (_AND, 0, 0, 0xF0),  # the version
        (_JEQ, 0, -1, 0x60 if v6 else 0x40),
        (_LD_B, 0, 0, at + (6 if v6 else 9)),
        (_JEQ, 0, -1, _TCP),
    ]
    for i, word in enumerate(struct.unpack(">4I" if v6 else ">I", address)):
        tests += [(_LD_W, 0, 0, where + 4 * i), (_JEQ, 0, -1, word)]
    port_at = at + (0 if source else 2)
    if v6:
        tests.append((_LD_H, 0, 0, port_at + 40))
    else:
        tests += [(_LDX_MSH, 0, 0, at), (_LD_H_X, 0, 0, port_at)]
    tests += [(_JEQ, 0, -1, port), (_RET, 0, 0, 0)]
    end = len(tests)
    return [(code, jt, end - i - 1 if jf == -1 else jf, k) for i, (code, jt, jf, k) in enumerate(tests)]


def without_networks(networks: Sequence[Network], header: int) -> list[Instruction]:
    """Drop packets from and to these networks, then fall through."""
    out: list[Instruction] = []
    for network in networks:
        for source in (True, False):
            out += _drop_network(network, header, source)
    return out


def _drop_network(network: Network, at: int, source: bool) -> list[Instruction]:
    v6 = network.version == 6
    where = at + ((8 if source else 24) if v6 else (12 if source else 16))
    words = ">4I" if v6 else ">I"
    block: list[Instruction] = [(_LD_B, 0, 0, at), (_AND, 0, 0, 0xF0), (_JEQ, 0, _KEEP, 0x60 if v6 else 0x40)]
    masks = struct.unpack(words, network.netmask.packed)
    for i, word in enumerate(struct.unpack(words, network.network_address.packed)):
        if masks[i]:
            block += [(_LD_W, 0, 0, where + 4 * i), (_AND, 0, 0, masks[i]), (_JEQ, 0, _KEEP, word)]
    return _resolved([*block, (_RET, 0, 0, 0)])


def without_empty(header: int) -> list[Instruction]:
    """Of IP packets keep TCP with payload or one of SYN, FIN, RST, and what cannot be told (fragments, IPv6 with
    extension headers); drop the rest, other protocols too. Then fall through. What is not IP at this place
    is kept: it may be IP behind a VLAN tag."""
    at = header
    v6 = _empty_v6(at)
    # Jumps are counted from the instruction behind: the version decides between two blocks.
    return [(_LD_B, 0, 0, at), (_AND, 0, 0, 0xF0), (_JEQ, 0, len(v6), 0x60), *v6, *_empty_v4(at)]


def _empty_v4(at: int) -> list[Instruction]:
    return _resolved([
        (_LD_B, 0, 0, at),
        (_AND, 0, 0, 0xF0),
        (_JEQ, 0, _KEEP, 0x40),  # neither version: falls through behind the block for IPv6 as well
        (_LD_B, 0, 0, at + 9),
        (_JEQ, 0, _DROP, _TCP),
        (_LD_H, 0, 0, at + 6),
        (_JSET, _KEEP, 0, 0x1FFF),  # not the first fragment
        (_LDX_MSH, 0, 0, at),
        (_LD_B_X, 0, 0, at + 13),
        (_JSET, _KEEP, 0, _OPENS_OR_CLOSES),
        (_LD_B_X, 0, 0, at + 12),
        (_AND, 0, 0, 0xF0),
        (_RSH, 0, 0, 2),  # length of the TCP header
        (_ADD_X, 0, 0, 0),
        (_TAX, 0, 0, 0),
        (_LD_H, 0, 0, at + 2),  # length of the packet
        (_SUB_X, 0, 0, 0),
        (_JEQ, 0, _KEEP, 0),
        (_RET, 0, 0, 0),
    ])  # fmt: skip


def _empty_v6(at: int) -> list[Instruction]:
    """Extension headers are not walked: a packet that has some is kept."""
    return _resolved([
        (_LD_B, 0, 0, at + 6),
        (_JEQ, 4, 0, _TCP),
        (_JEQ, _DROP, 0, 17),  # UDP
        (_JEQ, _DROP, 0, 58),  # ICMPv6
        (_JEQ, _DROP, 0, 59),  # nothing follows
        (_JEQ, _KEEP, _KEEP, 0),
        (_LD_B, 0, 0, at + 53),
        (_JSET, _KEEP, 0, _OPENS_OR_CLOSES),
        (_LD_B, 0, 0, at + 52),
        (_AND, 0, 0, 0xF0),
        (_RSH, 0, 0, 2),
        (_TAX, 0, 0, 0),
        (_LD_H, 0, 0, at + 4),  # length behind the IP header
        (_SUB_X, 0, 0, 0),
        (_JEQ, 0, _KEEP, 0),
        (_RET, 0, 0, 0),
    ])  # fmt: skip


def _resolved(block: list[Instruction]) -> list[Instruction]:
    """The block with its named jumps counted out. Its last instruction drops the packet."""
    last = len(block) - 1

    def jump(name: int, i: int) -> int:
        return {_KEEP: last - i, _DROP: last - i - 1}.get(name, name)

    return [(code, jump(jt, i), jump(jf, i), k) for i, (code, jt, jf, k) in enumerate(block)]


def packed(program: Sequence[Instruction]) -> bytes:
    """The program as an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
