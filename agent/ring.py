"""A Linux AF_PACKET socket with a TPACKET_V3 ring: the kernel fills blocks, we copy them whole.

Copying blocks costs the same for large and small packets and no look at any of them; the server decodes blocks with
the same array code as capture files. Layouts: linux/if_packet.h; Documentation/networking/packet_mmap.rst.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import struct
import sys
from collections.abc import Callable, Sequence

from agent import bpf
from agent.errors import InterfaceError

_SOL_PACKET = 263
_ADD_MEMBERSHIP, _RX_RING, _STATISTICS, _VERSION, _IGNORE_OUTGOING = 1, 5, 6, 10, 23
_TPACKET_V3 = 2
_PROMISCUOUS = 1  # PACKET_MR_PROMISC
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_ALL_PROTOCOLS = 3  # ETH_P_ALL
_GET_HARDWARE = 0x8927  # SIOCGIFHWADDR
_ETHERNET, _LOOPBACK = (1,), 772  # ARPHRD_ETHER, ARPHRD_LOOPBACK
_WITHOUT_LINK = (65534, 519, 768, 769, 776, 778, 823)  # ARPHRD_NONE, RAWIP, TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE
_STATUS_USER = 1  # TP_STATUS_USER: the block is ours
_HEAD = struct.Struct("=III")  # of a block from byte 8: status, packets, offset of the first; then its length

#: 1 MiB: no packet is larger; a block is handed over when full or after the timeout below, so smaller ones are common.
BLOCK = 1 << 20
TIMEOUT_MS = 100
ANY = "any"
LINK_ETHERNET, LINK_RAW = 1, 101


class Ring:
    """Packets of one interface. Close it, or use it as a context."""

    def __init__(self, interface: str, size: int, promiscuous: bool) -> None:
        if not hasattr(socket, "AF_PACKET"):
            raise InterfaceError(f"capturing an interface needs Linux, this is {sys.platform}: use --file")
        self.interface = interface
        self.order = "<" if sys.byteorder == "little" else ">"
        self._blocks = max(size // BLOCK, 2)
        self._at = 0
        self._promiscuous = promiscuous
        self._map: mmap.mmap | None = None
        hardware = hardware_of(interface)
        self.loopback = hardware == _LOOPBACK
        link = link_of(hardware)
        ethernet = link == LINK_ETHERNET
        self.header = 14 if ethernet else 0  # bytes before the IP header
        if link is None:
            raise InterfaceError(f"{interface} is of hardware type {hardware}, which is not supported; try any")
        self.link = link
        # Without a link header (SOCK_DGRAM) the kernel gives packets from the IP header on.
        self._socket = _socket(socket.SOCK_RAW if ethernet else socket.SOCK_DGRAM)

    def __enter__(self) -> Ring:  # noqa: PYI034 - Self is younger than Python 3.9
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, program: Sequence[bpf.Instruction]) -> None:
        """Begin to capture what the filter lets through. Raises InterfaceError."""
        s = self._socket
        try:
            _attach(s, program)
            s.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
            self._make_ring()
            self._map = mmap.mmap(s.fileno(), self._blocks * BLOCK)
            if self.loopback:
                self._ignore_outgoing()
            if self.interface == ANY:
                _bind_all(s)
            else:
                s.bind((self.interface, _ALL_PROTOCOLS))
            if self._promiscuous and self.interface != ANY:
                index = socket.if_nametoindex(self.interface)
                s.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, struct.pack("=iHH8s", index, _PROMISCUOUS, 0, b""))
        except OSError as error:
            raise InterfaceError(f"{self.interface} cannot be captured: {error.strerror or error}") from error

    def _make_ring(self) -> None:
        """As much memory as asked for, or what the kernel gives."""
        while True:
            request = struct.pack("=7I", BLOCK, self._blocks, BLOCK, self._blocks, TIMEOUT_MS, 0, 0)
            try:
                self._socket.setsockopt(_SOL_PACKET, _RX_RING, request)
                return
            except OSError as error:
                if error.errno != errno.ENOMEM or self._blocks <= 2:
                    raise
                self._blocks //= 2

    def _ignore_outgoing(self) -> None:
        try:
            self._socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        except OSError as error:  # before Linux 4.20: the filter does it as well
            if error.errno != errno.ENOPROTOOPT:
                raise

    def attach(self, program: Sequence[bpf.Instruction]) -> None:
        """Another filter from now on. The kernel replaces it in one step: no packet goes unfiltered or missing."""
        try:
            _attach(self._socket, program)
        except OSError as error:
            reason = error.strerror or error
            raise InterfaceError(f"{self.interface}: the kernel refuses the filter: {reason}") from error

    def silence(self) -> None:
        """Capture nothing more; what is in the ring can still be read."""
        self.attach(bpf.accept(0))

    def read(self, wait: float, admit: Callable[[int, int], bool] | None = None) -> tuple[bytes, int] | None:
        """The next block and its number of packets; None when there is none within `wait` seconds.

        `admit(packets, bytes)` may refuse a block, which is then given back uncopied: (b"", 0) is returned."""
        if self._map is None:
            raise ValueError("the ring was not started")
        start = self._at * BLOCK
        status, packets, _ = _HEAD.unpack_from(self._map, start + 8)
        if not status & _STATUS_USER:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN | select.POLLERR)
            events = poll.poll(wait * 1000)
            if events and events[0][1] & select.POLLERR:
                self._raise_pending()
            status, packets, _ = _HEAD.unpack_from(self._map, start + 8)
            if not status & _STATUS_USER:
                return None
        (size,) = struct.unpack_from("=I", self._map, start + 20)
        block = self._map[start : start + size] if admit is None or not packets or admit(packets, size) else b""
        struct.pack_into("=I", self._map, start + 8, 0)  # back to the kernel
        self._at = (self._at + 1) % self._blocks
        return block, packets if block else 0

    def _raise_pending(self) -> None:
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            reason = "it went down" if number == errno.ENETDOWN else errno.errorcode.get(number, str(number))
            raise InterfaceError(f"{self.interface} cannot be captured any more: {reason}")

    def drops(self) -> int:
        """Packets that the kernel dropped since the last call, because the ring was full."""
        data = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 12)
        return int(struct.unpack_from("=III", data)[1])

    def close(self) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None
        self._socket.close()


def link_of(hardware: int) -> int | None:
    """The LINKTYPE_ number of what is captured from hardware of a kind; None where nothing can be."""
    if hardware in _ETHERNET or hardware == _LOOPBACK:
        return LINK_ETHERNET
    return LINK_RAW if hardware == -1 or hardware in _WITHOUT_LINK else None


def hardware_of(interface: str) -> int:
    """The interface's ARPHRD_ number; -1 for any. Raises InterfaceError when there is no such interface."""
    if interface == ANY:
        return -1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            found = fcntl.ioctl(probe.fileno(), _GET_HARDWARE, struct.pack("=16s24x", interface.encode()[:15]))
        except OSError as error:
            known = ", ".join(name for _, name in socket.if_nameindex())
            raise InterfaceError(f"there is no interface {interface!r}; there are: {known}, any") from error
    return int(struct.unpack_from("=H", found, 16)[0])


def _socket(kind: int) -> socket.socket:
    try:
        return socket.socket(socket.AF_PACKET, kind, 0)
    except PermissionError as error:
        raise InterfaceError(
            "capturing an interface needs the right CAP_NET_RAW: run as root, or give it with"
            f" setcap cap_net_raw+ep {sys.executable}, or in a container with --cap-add NET_RAW"
        ) from error
    except OSError as error:
        raise InterfaceError(f"this kernel gives no packet sockets: {error.strerror or error}") from error


def _bind_all(s: socket.socket) -> None:
    """Bind to every interface (number 0), which Python's own bind, by name, cannot say."""
    # struct sockaddr_ll: family, protocol in network order, interface, the rest unused.
    address = struct.pack("=HHi12x", socket.AF_PACKET, socket.htons(_ALL_PROTOCOLS), 0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(s.fileno(), address, len(address)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _attach(s: socket.socket, program: Sequence[bpf.Instruction]) -> None:
    data = bpf.packed(program)
    buffer = ctypes.create_string_buffer(data, len(data))
    # struct sock_fprog: 16 bits of length, padding, a pointer.
    s.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("@HP", len(program), ctypes.addressof(buffer)))
