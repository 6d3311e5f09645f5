"""Where the network header begins: one function per link type, and one loop that unwraps tags and tunnels.

Each gives two columns: the EtherType of what follows, and its offset. Bytes past the captured end may be read here;
the caller refuses every packet whose network header lies beyond it.
"""

from collections.abc import Callable

import numpy as np

from wire.records import Ints, Records, be16, be32, window

IPV4 = 0x0800
IPV6 = 0x86DD
OTHER = 0  # not IP

#: 8: tags and tunnels within each other; service providers use two VLAN tags and a few MPLS labels.
MAX_TAGS = 8
_VLAN = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
_MPLS = (0x8847, 0x8848)
_PPPOE = 0x8864
_LLC = 0x05DC  # IEEE 802.3 §3.2.6: up to 1500 it is a length and LLC follows
_FAMILIES_6 = (10, 23, 24, 28, 30)  # AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS

Columns = tuple[Ints, Ints]


def network(records: Records) -> tuple[Ints, Ints, Ints]:
    """EtherType and offset of each packet's network header, and the numbers of the packets on unknown links."""
    if len(records.links) == 1 and records.links[0] in _LINKS:
        kind, at = _LINKS[records.links[0]](records.buf, records.offset)
        return kind, at, np.zeros(0, np.int64)
    kind, at = np.zeros(len(records), np.int64), records.offset.copy()
    # Only the links we know one by one: a pcapng may name 65,536.
    for link in sorted(_LINKS.keys() & set(records.links)):
        which = np.nonzero(records.link == link)[0]
        kind[which], at[which] = _LINKS[link](records.buf, records.offset[which])
    return kind, at, np.nonzero(~np.isin(records.link, list(_LINKS)))[0]


def _ethernet(buf: bytes, at: Ints) -> Columns:
    return _unwrap(buf, _be16(buf, at + 12), at + 14)


def _linux_cooked(buf: bytes, at: Ints) -> Columns:
    return _unwrap(buf, _be16(buf, at + 14), at + 16)


def _linux_cooked_2(buf: bytes, at: Ints) -> Columns:
    return _unwrap(buf, _be16(buf, at), at + 20)


def _loopback(buf: bytes, at: Ints) -> Columns:
    """LINKTYPE_NULL has the family in the byte order of the host that captured, LINKTYPE_LOOP in network order.
    No family needs more than 16 bits, so the bytes tell."""
    family = be32(window(buf, at, 4), 0).astype(np.int64)
    swapped = ((family >> 24) & 0xFF) | ((family >> 8) & 0xFF00)
    family = np.where(family > 0xFFFF, swapped, family)
    return np.where(family == 2, IPV4, np.where(np.isin(family, _FAMILIES_6), IPV6, OTHER)), at + 4


def _raw(buf: bytes, at: Ints) -> Columns:
    version = window(buf, at, 1)[:, 0] >> 4
    return np.where(version == 4, IPV4, np.where(version == 6, IPV6, OTHER)).astype(np.int64), at.copy()


def _raw_4(_buf: bytes, at: Ints) -> Columns:
    return np.full(len(at), IPV4, np.int64), at.copy()


def _raw_6(_buf: bytes, at: Ints) -> Columns:
    return np.full(len(at), IPV6, np.int64), at.copy()


_LINKS: dict[int, Callable[[bytes, Ints], Columns]] = {
    0: _loopback,
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    108: _loopback,
    113: _linux_cooked,
    228: _raw_4,
    229: _raw_6,
    276: _linux_cooked_2,
}


def _be16(buf: bytes, at: Ints) -> Ints:
    return be16(window(buf, at, 2), 0).astype(np.int64)


def _unwrap(buf: bytes, kind: Ints, at: Ints) -> Columns:
    """Step over VLAN tags (IEEE 802.1Q, 802.1ad), LLC/SNAP, PPPoE (RFC 2516) and MPLS labels (RFC 3032)."""
    for _ in range(MAX_TAGS):
        todo = np.nonzero((kind != IPV4) & (kind != IPV6))[0]
        todo = todo[np.isin(kind[todo], (*_VLAN, *_MPLS, _PPPOE)) | (kind[todo] <= _LLC) & (kind[todo] != OTHER)]
        if not len(todo):
            break
        k, a = kind[todo], at[todo]
        head = window(buf, a, 8)
        inner = np.where(np.isin(k, _VLAN), be16(head, 2), OTHER).astype(np.int64)
        step = np.where(np.isin(k, _VLAN), 4, 0)
        snap = (k <= _LLC) & (be32(head, 0) == 0xAAAA0300)
        inner, step = np.where(snap, be16(head, 6), inner), np.where(snap, 8, step)
        ppp = (k == _PPPOE) & (head[:, 1] == 0)  # code 0: session data
        inner = np.where(ppp & (be16(head, 6) == 0x0021), IPV4, inner)
        inner = np.where(ppp & (be16(head, 6) == 0x0057), IPV6, inner)
        step = np.where(ppp, 8, step)
        inner, step = _label(k, head, inner, step)
        kind[todo], at[todo] = inner, a + step
    return kind, at


def _label(k: Ints, head: np.typing.NDArray[np.uint8], inner: Ints, step: Ints) -> Columns:
    """One MPLS label; behind the last one the IP version tells what follows, as label values do not."""
    label = np.isin(k, _MPLS)
    bottom = (head[:, 2] & 1) == 1
    version = head[:, 4] >> 4
    behind = np.where(version == 4, IPV4, np.where(version == 6, IPV6, OTHER))
    return np.where(label, np.where(bottom, behind, k), inner), np.where(label, 4, step)
