"""The configuration as the server sent it, typed. What it does not say, or not in a way that this version knows, has
the schema's default: server and agent need not be of the same version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.schema import CAPTURE_FIELDS, MEGABYTE


@dataclass(frozen=True)
class Settings:
    """One configuration of a capture: names, units and meanings are those of the schema."""

    interfaces: tuple[str, ...]
    file: str
    filter: str
    host_blacklist: tuple[str, ...]
    address_blacklist: tuple[str, ...]
    skip_empty: bool
    snap: int
    promiscuous: bool
    ring: int
    chunk: int
    seconds: int
    uploads: int
    queue: int
    spool: int
    compression: str
    api_timeout: int
    cpu_limit: int
    rate_limit: int
    time_to_live: int
    poll_seconds: int
    status_seconds: int

    @property
    def chunk_bytes(self) -> int:
        return self.chunk or (8 if self.file else 4) * MEGABYTE

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Settings:
        """The settings in a server's answer; of nothing, the defaults."""
        found: dict[str, Any] = {}
        for field in CAPTURE_FIELDS:
            value, default = values.get(field.name), field.default
            if isinstance(default, (list, tuple)):
                found[field.name] = tuple(map(str, value if isinstance(value, list) else default))
            else:
                found[field.name] = value if type(value) is type(default) else default
        return cls(**found)
