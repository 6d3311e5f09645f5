"""What the host says of itself: its interfaces, the system, and what this program takes of it."""

from __future__ import annotations

import fcntl
import os
import platform
import socket
import struct
import time
from typing import Any

from agent.compression import optional
from agent.errors import InterfaceError
from agent.ring import ANY, LINK_RAW, hardware_of, link_of

psutil = optional("psutil")

_GET_FLAGS = 0x8913  # SIOCGIFFLAGS
_UP = 0x1  # IFF_UP
_NETLINK_ROUTE, _GET_ADDRESS, _DUMP, _DONE, _NEW_ADDRESS = 0, 22, 0x301, 3, 20


def interfaces() -> list[dict[str, Any]]:
    """Name, addresses, whether it is up, and LINKTYPE_ number of each interface; "any" stands for all together."""
    addresses = _addresses()
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for index, name in socket.if_nameindex():
            try:
                link = link_of(hardware_of(name))
                flags = fcntl.ioctl(probe.fileno(), _GET_FLAGS, struct.pack("=16s24x", name.encode()[:15]))
            except (OSError, InterfaceError):
                continue  # it went away meanwhile
            up = bool(struct.unpack_from("=H", flags, 16)[0] & _UP)
            found.append({"name": name, "addresses": addresses.get(index, []), "up": up, "link": link})
    return [*found, {"name": ANY, "addresses": [], "up": True, "link": LINK_RAW}]


def _addresses() -> dict[int, list[str]]:
    """IP addresses by the number of their interface, as the kernel says over netlink (rtnetlink(7))."""
    found: dict[int, list[str]] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as s:
            s.settimeout(2)
            s.send(struct.pack("=IHHIIBBBBI", 24, _GET_ADDRESS, _DUMP, 1, 0, 0, 0, 0, 0, 0))
            while _take_addresses(s.recv(1 << 16), found):
                pass
    except OSError:
        return found
    return found


def _take_addresses(data: bytes, found: dict[int, list[str]]) -> bool:
    """Add the addresses of one answer; False at the last."""
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind != _NEW_ADDRESS or length < 24:
            return False
        family, _, _, _, index = struct.unpack_from("=BBBBI", data, at + 16)
        by_kind, attribute = {}, at + 24
        while attribute + 4 <= at + length:
            size, name = struct.unpack_from("=HH", data, attribute)
            if size < 4:
                break
            by_kind[name] = data[attribute + 4 : attribute + size]
            attribute += (size + 3) & ~3
        packed = by_kind.get(2) or by_kind.get(1)  # IFA_LOCAL; IFA_ADDRESS is the other end of a tunnel
        if packed and family in (socket.AF_INET, socket.AF_INET6):
            found.setdefault(index, []).append(socket.inet_ntop(family, packed))
        at += (length + 3) & ~3
    return True


def seen(interface: str) -> int:
    """Packets that the interface received and sent, on "any" all of them; loopback's are counted once."""
    total = 0
    try:
        with open("/proc/self/net/dev", encoding="ascii", errors="replace") as file:
            lines = file.readlines()[2:]
    except OSError:
        return 0
    for line in lines:
        name, _, numbers = line.partition(":")
        name = name.strip()
        if interface in (name, ANY):
            columns = numbers.split()
            total += int(columns[1]) + (0 if name == "lo" else int(columns[9]))
    return total


def system() -> str:
    """The host's system in a few words."""
    return f"{platform.system()} {platform.release()} {platform.machine()}, Python {platform.python_version()}"[:200]


def memory() -> int:
    """Resident bytes of this program; 0 where neither the system nor psutil says it."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return int(psutil.Process().memory_info().rss) if psutil else 0


class Processor:
    """Percent of one processor that this program took since the last look."""

    def __init__(self) -> None:
        self._last = (time.monotonic(), time.process_time())

    def percent(self) -> float:
        now, used = time.monotonic(), time.process_time()
        (then, before), self._last = self._last, (now, used)
        return round(100 * (used - before) / max(now - then, 1e-3), 1)
