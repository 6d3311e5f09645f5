"""A packet as its layers: each field with its value and the bytes it stands in.

Where a header begins and ends is found here, with a bound on everything; scapy then reads that header's fields and
nothing else, so no payload makes it guess. It is imported when a packet is first looked at (it is slow to load), knows
no routes, resolves no names and sends nothing. HTTP in the payload is cut into lines by ourselves.
"""

import functools
import re
from dataclasses import dataclass, field
from typing import Any

#: Header lines of a message that are listed, and characters of a value.
MAX_LINES = 200
MAX_VALUE = 300
_MAX_LAYERS = 16
_HTTP = re.compile(rb"(HTTP/1\.[01] [0-9]{3}|[A-Z][A-Z-]{2,15} \S{1,8000} HTTP/1\.[01])")

#: Fields as people call them.
_NAMES = {
    "dst": "destination", "src": "source", "ihl": "header length (4 bytes each)", "tos": "type of service",
    "len": "length", "id": "identification", "frag": "fragment offset", "ttl": "time to live", "proto": "protocol",
    "chksum": "checksum", "sport": "source port", "dport": "destination port", "seq": "sequence number",
    "ack": "acknowledgement number", "dataofs": "header length (4 bytes each)", "urgptr": "urgent pointer",
    "tc": "traffic class", "fl": "flow label", "plen": "payload length", "nh": "next header", "hlim": "hop limit",
    "prio": "priority", "vlan": "VLAN", "pkttype": "direction", "lladdrtype": "address type",
    "lladdrlen": "address length",
}  # fmt: skip
_PLAIN_NUMBERS = frozenset({"sport", "dport", "seq", "ack", "window"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a header; `start` and `end` are its bytes in the packet. Fields smaller than a byte share it."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a packet, from its first byte to the one after its header."""

    name: str
    summary: str
    start: int
    end: int
    fields: list[Field] = field(default_factory=list)


def dissect(data: bytes, link: int) -> list[Layer]:
    """The layers of a packet on a link (a LINKTYPE_ number), as far as they can be read; never raises."""
    walk = _Walk(data)
    walk.link(link)
    return walk.layers


class _Walk:
    """From the outermost header inwards."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stop = len(data)
        self.layers: list[Layer] = []

    def link(self, link: int) -> None:
        match link:
            case 1:
                self.header("Ethernet", "Ether", 14)
                self.network(self.be(12, 2))
            case 113:
                self.header("Linux cooked", "CookedLinux", 16)
                self.network(self.be(14, 2))
            case 276:
                self.header("Linux cooked", "CookedLinuxV2", 20)
                self.network(self.be(0, 2))
            case 0 | 108:
                self.header("Loopback", "", 4)
                self.by_version()
            case 12 | 14 | 101 | 228 | 229:
                self.by_version()
            case _:
                self.rest(f"Link type {link}")

    def by_version(self) -> None:
        version = self.be(self.at, 1) >> 4
        self.network({4: 0x0800, 6: 0x86DD}.get(version, 0))

    def network(self, kind: int) -> None:
        """What an EtherType announces; tags and labels are unwrapped."""
        while len(self.layers) < _MAX_LAYERS:
            at = self.at
            if kind in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300):
                self.header("VLAN", "Dot1Q", 4)
                kind = self.be(at + 2, 2)
            elif kind in (0x8847, 0x8848):
                self.header("MPLS", "", 4)
                kind = {4: 0x0800, 6: 0x86DD}.get(self.be(self.at, 1) >> 4, 0) if self.be(at + 2, 1) & 1 else kind
            elif kind == 0x8864:
                self.header("PPPoE", "", 8)
                kind = {0x21: 0x0800, 0x57: 0x86DD}.get(self.be(at + 6, 2), 0)
            else:
                break
        if kind == 0x0800:
            self.ip4()
        elif kind == 0x86DD:
            self.ip6()
        else:
            self.rest("Payload")

    def ip4(self) -> None:
        at, total = self.at, self.be(self.at + 2, 2)
        protocol = self.be(at + 9, 1)
        self.header("IPv4", "IP", max((self.be(at, 1) & 15) * 4, 20))
        if total >= 20:
            self.stop = min(self.stop, at + total)
        self.transport(protocol if not self.be(at + 6, 2) & 0x1FFF else -1)

    def ip6(self) -> None:
        at, length, protocol = self.at, self.be(self.at + 4, 2), self.be(self.at + 6, 1)
        self.header("IPv6", "IPv6", 40)
        if length:
            self.stop = min(self.stop, at + 40 + length)
        while protocol in (0, 43, 44, 51, 60, 135, 139, 140) and len(self.layers) < _MAX_LAYERS:
            at, kind = self.at, protocol
            size = 8 if kind == 44 else (self.be(at + 1, 1) + 2) * 4 if kind == 51 else (self.be(at + 1, 1) + 1) * 8
            protocol = self.be(at, 1) if kind != 44 or not self.be(at + 2, 2) & 0xFFF8 else -1
            self.header("IPv6 extension", "", size)
        self.transport(protocol)

    def transport(self, protocol: int) -> None:
        if protocol != 6:
            self.rest("Fragment" if protocol < 0 else "Payload")
            return
        self.header("TCP", "TCP", max((self.be(self.at + 12, 1) >> 4) * 4, 20))
        payload = self.data[self.at : self.stop]
        if payload and _HTTP.match(payload[:8200]):
            self.http(payload)
        self.rest("Body" if self.layers[-1].name == "HTTP" else "Payload")

    def http(self, payload: bytes) -> None:
        """Start line and fields of a head, as far as this packet has them."""
        head_end = payload.find(b"\r\n\r\n")
        head = payload[: head_end + 4] if head_end >= 0 else payload
        fields, at = [], 0
        for line in head.split(b"\r\n", MAX_LINES)[:MAX_LINES]:
            name, colon, value = line.partition(b":")
            start = self.at + at
            if line and not fields:
                fields.append(Field("start line", _text(line), start, start + len(line)))
            elif line:
                said = (_text(name), _text(value.strip())) if colon else ("", _text(line))
                fields.append(Field(*said, start, start + len(line)))
            at += len(line) + 2
        summary = fields[0].value if fields else ""
        self.layers.append(Layer("HTTP", summary, self.at, self.at + len(head), fields))
        self.at += len(head)

    def header(self, name: str, reader: str, size: int) -> None:
        """A header of so many bytes, or of what is left of it."""
        begin, end = self.at, min(self.at + size, len(self.data))
        fields = _read(reader, self.data[begin:end], begin) if reader and end - begin == size else []
        short = "" if end - begin == size else f"{size - (end - begin)} bytes are missing"
        self.layers.append(Layer(name, short or _summary(name, fields), begin, end, fields))
        self.at = end

    def rest(self, name: str) -> None:
        """What is left inside the packet, and what the link added behind it."""
        if self.stop > self.at:
            self.layers.append(Layer(name, f"{self.stop - self.at} bytes", self.at, self.stop))
        if len(self.data) > max(self.stop, self.at):
            begin = max(self.stop, self.at)
            self.layers.append(Layer("Padding", f"{len(self.data) - begin} bytes", begin, len(self.data)))
        self.at = len(self.data)

    def be(self, at: int, size: int) -> int:
        """A number of the packet; what is beyond its end is 0."""
        return int.from_bytes(self.data[at : at + size].ljust(size, b"\0"), "big")


def _summary(name: str, fields: list[Field]) -> str:
    said = {one.name: one.value for one in fields}
    if name == "TCP":
        return f"{said.get('source port')} → {said.get('destination port')}, {said.get('flags')}"
    if "source" in said and "destination" in said:
        return f"{said['source']} → {said['destination']}"
    return ""


@functools.cache
def _scapy() -> dict[str, Any]:
    """The classes that read headers. Nothing of the network is asked or looked at while they load."""
    from scapy.config import conf

    conf.load_layers = []
    conf.route_autoload = conf.route6_autoload = False
    from scapy.layers import inet, inet6, l2

    names = {"l2": ("Ether", "CookedLinux", "CookedLinuxV2", "Dot1Q"), "inet": ("IP", "TCP"), "inet6": ("IPv6",)}
    modules = {"l2": l2, "inet": inet, "inet6": inet6}
    return {name: getattr(modules[module], name) for module, found in names.items() for name in found}


def _read(reader: str, header: bytes, begin: int) -> list[Field]:
    """The fields of one header; none where scapy cannot make sense of hostile bytes."""
    try:
        return _fields(_scapy()[reader](header), begin, begin + len(header))
    except Exception:  # noqa: BLE001 - whatever a foreign parser raises on hostile bytes, the bytes themselves are shown
        return []


def _fields(layer: Any, begin: int, end: int) -> list[Field]:
    """Each field's place: scapy builds the header again, field by field, and says how far it came, in bits."""
    found: list[Field] = []
    built: Any = b""
    for one in layer.fields_desc:
        if hasattr(one, "_evalcond") and not one._evalcond(layer):  # noqa: SLF001 - the way scapy itself asks
            continue
        value = layer.getfieldval(one.name)
        before = _bits(built)
        built = one.addfield(layer, built, value)
        first, last = begin + before // 8, begin + -(-_bits(built) // 8)
        if last > first:
            name = _NAMES.get(one.name, one.name)
            found.append(Field(name, _value(layer, one, value), min(first, end), min(last, end)))
    return found


def _bits(built: Any) -> int:
    """Bits that are built: a bit field in progress is (bytes before, bits, value)."""
    return len(built) * 8 if isinstance(built, bytes) else len(built[0]) * 8 + int(built[1])


def _value(layer: Any, one: Any, value: Any) -> str:
    if one.name == "options":
        return _options(value)
    if one.name in _PLAIN_NUMBERS:
        return str(value)
    if one.name == "flags":
        return _flags(str(value)) if type(layer).__name__ == "TCP" else str(value) or "none"
    said = str(one.i2repr(layer, value))
    number = isinstance(value, int) and not said.lstrip("-").isdigit() and not said.startswith("0x")
    return _short(f"{said} ({value})" if number else said)


_FLAG_NAMES = dict(zip("FSRPAUECN", ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS"), strict=True))


def _flags(letters: str) -> str:
    return " ".join(_FLAG_NAMES.get(letter, letter) for letter in letters) or "none"


def _options(options: Any) -> str:
    """IP and TCP options in a line."""
    words = []
    for option in list(options)[:40]:
        if isinstance(option, tuple):
            name, value = str(option[0]), option[1]
            said = " ".join(str(part) for part in value) if isinstance(value, tuple) else value
            words.append(name if value in (None, b"", ()) else f"{name} {said}")
        else:
            words.append(str(getattr(option, "name", option)))
    return _short(", ".join(words)) or "none"


def _text(data: bytes) -> str:
    return _short(data[: MAX_VALUE * 2].decode("latin-1"))


def _short(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[:MAX_VALUE] + "…"
