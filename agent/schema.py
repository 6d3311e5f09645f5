"""The capture configuration as plain data: the agent's options and the forms of the web site are made from it.

Each field says its name, type, default, bounds, unit and one line of help, and what must be checked of a value. A check
named in `needs` takes facts that only an agent has (its interfaces, their link types) and is made by the server with
what agents reported; all others are made here, by the server and by the agent alike.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Union

Value = Union[int, str, bool, "list[str]", "tuple[str, ...]"]  # read when the module loads, by Python 3.9 too

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30

_WORDS = {"int": "a whole number", "str": "text", "bool": "true or false", "list": "a list of texts"}
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # RFC 1123 §2.1, and the underscore that names are met with
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*\.?\Z")
# IFNAMSIZ of linux/if.h is 16 with its NUL; dev_valid_name() takes everything but "/", ":" and blanks.
_INTERFACE = re.compile(r"[^\s/:\x00-\x1f]{1,15}\Z")


@dataclass(frozen=True)
class Field:
    """One setting of a capture.

    `least` and `most` bound a number, the length of a text, or the entries of a list. `mode` names the only mode of
    whisperers that has the field. `check` is a key of `CHECKS`, for a text or each entry of a list.
    """

    name: str
    type: str  # "int", "str", "bool" or "list" (of str)
    default: Value
    help: str
    least: int | None = None
    most: int | None = None
    unit: str = ""
    group: str = ""
    advanced: bool = False
    needs: str = ""  # "interface" or "bpf": the check needs facts of an agent
    check: str = ""
    choices: tuple[str, ...] = ()
    mode: str = ""
    example: str = ""

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")

    def problem(self, value: Value) -> str:
        """Why a value is not allowed, or nothing."""
        found = self.wrong(value)
        return f"{self.name}: {found[0]} {found[1]}" if found else ""

    def wrong(self, value: Any) -> tuple[str, str] | None:
        """What is wrong with a value, and what to give instead, a sentence each; None when it is allowed."""
        if not self._is_typed(value):
            return f"{shown(value)} is not {_WORDS[self.type]}.", f"Give {_WORDS[self.type]}."
        if self.type == "bool":
            return None
        if self.type == "int":
            return self._bounded(value, f"{value} is", f" {self.unit}" if self.unit else "")
        if self.choices and value not in self.choices:
            return f"{shown(value)} is none of its choices.", f"Choose one of {', '.join(self.choices)}."
        if self.type == "str":
            return self._bounded(len(value), f"{len(value)} characters are", " characters") or self._checked(value)
        for entry in value:
            found = self._checked(entry)
            if found:
                return found
        if len(set(value)) < len(value):
            return "An entry stands there twice.", "Name each once."
        return self._bounded(len(value), f"{len(value)} entries are", " entries" if self.least != 1 else "")

    def _is_typed(self, value: Any) -> bool:
        if self.type == "list":
            return isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value)
        return type(value).__name__ == self.type

    def _bounded(self, size: int, words: str, unit: str) -> tuple[str, str] | None:
        if self.least is not None and size < self.least:
            return f"{words} too little.", f"Give at least {self.least}{unit}."
        if self.most is not None and size > self.most:
            return f"{words} too much.", f"Give at most {self.most}{unit}."
        return None

    def _checked(self, text: str) -> tuple[str, str] | None:
        if any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in text):
            return f"{shown(text)} holds a control character.", "Remove it."
        return CHECKS[self.check](text) if self.check else None


def shown(value: Any) -> str:
    """A value as messages show it: never more than a line."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested very deep, or a number of very many digits
        return "..."
    return text if len(text) <= 80 else text[:77] + "..."


def _host(text: str) -> tuple[str, str] | None:
    if _HOST.match(text):
        return None
    return f"{shown(text)} is no host name.", "Give names like db.example.org, without port or scheme."


def _network(text: str) -> tuple[str, str] | None:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"{shown(text)} is no address or network.", "Give addresses like 10.0.0.7 or 10.0.0.0/8."
    return None


def _interface(text: str) -> tuple[str, str] | None:
    if _INTERFACE.match(text):
        return None
    return f"{shown(text)} is no name of an interface.", "Give names like eth0, or any."


def _path(text: str) -> tuple[str, str] | None:
    if not text or text.startswith("/"):
        return None
    return f"{shown(text)} is no whole path.", "Give one that begins with /, on the agent's host."


#: Checks of a text that need nothing but the text: what is wrong and what to give instead, or None.
CHECKS = {"host": _host, "network": _network, "interface": _interface, "path": _path}

_SOURCE, _SENDING, _LIMITS, _AGENT = "Source", "Sending", "Limits", "Agent"

#: What the site configures.
CAPTURE_FIELDS = (
    Field("interfaces", "list", ("any",), "network interfaces to capture; any: all of a host together", 1, 16,
          group=_SOURCE, needs="interface", check="interface", mode="INTERFACE", example="eth0"),
    Field("file", "str", "", "capture file to read, on the agent's host", 0, 1024,
          group=_SOURCE, check="path", mode="FILE", example="/var/captures/shop.pcap"),
    Field("filter", "str", "", "capture only what this filter lets through, in the syntax of pcap-filter(7)", 0, 4096,
          group=_SOURCE, needs="bpf", mode="INTERFACE", example="tcp port 80 or tcp port 8080"),
    Field("host_blacklist", "list", (), "leave out packets of these hosts, by the addresses their names have", 0, 100,
          group=_SOURCE, check="host", mode="INTERFACE", example="metrics.example.org"),
    Field("address_blacklist", "list", (), "leave out packets of these addresses and networks", 0, 100,
          group=_SOURCE, check="network", mode="INTERFACE", example="10.9.0.0/16"),
    Field("skip_empty", "bool", False, "leave out packets without payload, but for those that open or close a session",
          group=_SOURCE, advanced=True, mode="INTERFACE"),
    Field("snap", "int", 262144, "most bytes kept of a packet; fewer than it has lose bodies", 64, 262144, "bytes",
          group=_SOURCE, advanced=True, mode="INTERFACE", example="65536"),
    Field("promiscuous", "bool", False, "see packets that are not for this host",
          group=_SOURCE, advanced=True, mode="INTERFACE"),
    Field("ring", "int", 32 * MEGABYTE, "kernel memory for packets not read yet", MEGABYTE, 2048 * MEGABYTE, "bytes",
          group=_SOURCE, advanced=True, mode="INTERFACE", example="134217728"),
    Field("chunk", "int", 0, "size of a chunk; 0: 4 MiB of an interface, 8 MiB of a file", 0, 16 * MEGABYTE, "bytes",
          group=_SENDING, advanced=True, example="4194304"),
    Field("seconds", "int", 1, "a chunk from an interface is sent after this time, however small", 1, 60, "s",
          group=_SENDING, mode="INTERFACE", example="1"),
    Field("uploads", "int", 3, "chunks sent at the same time", 1, 8, group=_SENDING, example="3"),
    Field("queue", "int", 64 * MEGABYTE, "bytes that wait to be sent; above it new packets are dropped and counted",
          MEGABYTE, 4096 * MEGABYTE, "bytes", group=_SENDING, advanced=True, example="134217728"),
    Field("spool", "int", 0, "disk space for chunks while the server cannot be reached; 0: none", 0, 1024 * GIGABYTE,
          "bytes", group=_SENDING, advanced=True, example="1073741824"),
    Field("compression", "str", "auto", "of uploads; auto: zstd where the host has it",
          choices=("auto", "zstd", "none"), group=_SENDING, advanced=True, example="zstd"),
    Field("api_timeout", "int", 20, "a call of the server is given up after this time", 1, 300, "s",
          group=_SENDING, advanced=True, example="20"),
    Field("cpu_limit", "int", 0, "pause capture while the agent takes more of one processor; 0: no limit", 0, 6400, "%",
          group=_LIMITS, mode="INTERFACE", example="50"),
    Field("rate_limit", "int", 0, "capture at most so much, the rest is dropped and counted; 0: no limit", 0, 1_000_000,
          "MB/min", group=_LIMITS, mode="INTERFACE", example="600"),
    Field("time_to_live", "int", 0, "the agent ends this time after its start; 0: never", 0, 366 * 86400, "s",
          group=_LIMITS, advanced=True, example="3600"),
    Field("poll_seconds", "int", 5, "how often an agent asks for its configuration", 1, 300, "s",
          group=_AGENT, advanced=True, example="5"),
    Field("status_seconds", "int", 20, "how often an agent tells its status", 1, 300, "s",
          group=_AGENT, advanced=True, example="20"),
)  # fmt: skip

CAPTURE_BY_NAME = {field.name: field for field in CAPTURE_FIELDS}

#: Options of the command line, besides those that say where to send what.
FIELDS = (
    *(CAPTURE_BY_NAME[name] for name in "filter snap promiscuous ring chunk seconds uploads queue".split()),
    Field("patience", "int", 60, "give up when the server cannot be reached for this long; 0: never (interfaces)",
          0, 86400, "s"),
)  # fmt: skip

BY_NAME = {field.name: field for field in FIELDS}


def defaults() -> dict[str, Any]:
    """Every field of the capture configuration with the value it has where nobody says another."""
    return {f.name: list(f.default) if isinstance(f.default, tuple) else f.default for f in CAPTURE_FIELDS}
