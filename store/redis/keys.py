"""Names of the keys. All of them carry the shard's hash tag, so that any step may touch any of them."""

from dataclasses import dataclass

#: The resources that have an outbox stream.
RESOURCES = ("packets", "tcpsessions", "httpcomms", "httpbodies", "hosts", "monitoring")


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """The permanent keys of a shard, and the names of blobs."""

    shard: str

    def _key(self, name: str) -> str:
        return f"{{{self.shard}}}:{name}"

    @property
    def captures(self) -> str:
        return self._key("captures")

    @property
    def closed(self) -> str:
        return self._key("closed")

    @property
    def work(self) -> str:
        return self._key("work")

    @property
    def bytes(self) -> str:
        return self._key("bytes")

    @property
    def due(self) -> str:
        return self._key("due")

    @property
    def tries(self) -> str:
        return self._key("tries")

    @property
    def mark(self) -> str:
        return self._key("mark")

    @property
    def breakers(self) -> str:
        return self._key("breakers")

    def out(self, resource: str) -> str:
        return self._key(f"out:{resource}")

    def blob(self, attempt: str, index: int) -> str:
        return self._key(f"blob:{attempt}:{index}")

    def capture(self, capture: str) -> "CaptureKeys":
        """The keys of one capture. Its id must not hold the mark that parts the fields of items and records."""
        if "|" in capture or not capture:
            raise ValueError(f"not a capture id: {capture!r}")
        return CaptureKeys(self._key(f"c:{capture}"))


@dataclass(frozen=True, slots=True)
class CaptureKeys:
    """The keys of one capture; `close` removes each by its name."""

    prefix: str

    @property
    def meta(self) -> str:
        return f"{self.prefix}:meta"

    @property
    def chunks(self) -> str:
        return f"{self.prefix}:chunks"

    @property
    def holes(self) -> str:
        return f"{self.prefix}:holes"

    @property
    def acct(self) -> str:
        return f"{self.prefix}:acct"

    def raw(self, n: int, attempt: str) -> str:
        return f"{self.prefix}:raw:{n}:{attempt}"

    def slice(self, n: int, p: int, attempt: str) -> str:
        return f"{self.prefix}:sl:{n}:{p}:{attempt}"

    def partition(self, p: int) -> str:
        return f"{self.prefix}:p:{p}"

    def partitions(self, number: int) -> list[str]:
        return [self.partition(p) for p in range(number)]

    def states(self, p: int) -> str:
        return f"{self.prefix}:st:{p}"

    def bodies(self, p: int) -> str:
        """Index of the body lists of a partition: '<session>:<direction>' to bytes."""
        return f"{self.prefix}:bl:{p}"

    def body(self, p: int, name: str) -> str:
        return f"{self.prefix}:b:{p}:{name}"


def body_name(session: str, direction: int) -> str:
    """How the index of body lists names one of them."""
    return f"{session}:{direction}"
