"""The command line, read into one typed value."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent import VERSION
from agent.errors import STATUSES, AgentError
from agent.schema import FIELDS, MEGABYTE

#: Numbers that may be ahead of the lowest one that the server is done with: its own window.
WINDOW = 8


@dataclass(frozen=True)
class Options:
    """How this run captures and sends."""

    server: str
    token: str
    file: str  # "-" for standard input; empty when an interface is captured
    interface: str
    instance: str
    compression: str  # "auto", "zstd" or "none"
    quiet: bool
    state: str  # file that remembers the open capture; empty for none
    filter: str
    snap: int
    promiscuous: bool
    ring: int
    chunk: int
    seconds: int
    uploads: int
    queue: int
    patience: int

    @property
    def chunk_bytes(self) -> int:
        return self.chunk or (8 if self.file else 4) * MEGABYTE


def read(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line. Prints what is wrong and exits with status 2 when they cannot be used."""
    parser = _parser()
    found = parser.parse_args(arguments)
    if not found.token:
        parser.error("a token is needed: --token T, or the environment variable SPIDER_TOKEN")
    if any(ord(c) <= 32 or ord(c) > 126 for c in found.token):
        parser.error("the token holds characters that no token has")
    try:
        found.server = server_address(found.server)
    except AgentError as error:
        parser.error(str(error))
    for field in FIELDS:
        problem = field.problem(getattr(found, field.name))
        if problem:
            parser.error(problem)
    if found.file and found.filter:
        parser.error("--filter works with --interface only")
    return Options(**vars(found))


def server_address(address: str) -> str:
    """The server's address without a slash at its end. Raises AgentError when it is none."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise AgentError(f"--server must be like http://host:8000, not {address!r}")
    return address.rstrip("/")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m agent",
        description="Send packets to Spider: of a network interface, or of a capture file. As a service that the web"
        " site configures: the commands enrol and run, each with its own --help.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--server", required=True, metavar="URL", help="address of the Spider server")
    add("--token", default=os.environ.get("SPIDER_TOKEN", ""), help="the whisperer's token (or SPIDER_TOKEN)")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", default="", help="capture file (pcap, pcapng, gzip or zstd); - for standard input")
    source.add_argument("--interface", default="", help="network interface, or any (Linux, needs CAP_NET_RAW)")
    add("--instance", default=socket.gethostname(), help="name of this host (default: %(default)s)")
    add("--compression", choices=("auto", "zstd", "none"), default="auto", help="of uploads (default: zstd if there)")
    add("--state", default="", metavar="FILE", help="remembers the open capture, for the next start to end")
    add("--quiet", action="store_true", help="no progress on standard error")
    add("--version", action="version", version="spider agent " + VERSION)
    for field in FIELDS:
        if field.type == "bool":
            add(field.option, action="store_true", help=field.help)
        else:
            unit = f" {field.unit}" if field.unit else ""
            shown = f"{field.help} (default: {field.default}{unit})" if field.default else field.help
            add(field.option, type=int if field.type == "int" else str, default=field.default, help=shown)
    return parser
