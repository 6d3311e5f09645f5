"""The sample shop's network: services with addresses, pools of connections between them, and calls over these.

A pool gives a connection that is free at the wanted time, or opens one; so connections are kept alive, grow in number
when things get slow, and no two calls share one at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.captures.sample.conversation import MILLISECOND, Capture, Conversation

#: A connection is closed after this many calls, as servers do.
_CALLS = 60


@dataclass(slots=True)
class Pool:
    """Connections from one host to one service."""

    capture: Capture
    client: str
    server: str
    port: int
    calls: int = _CALLS
    open: list[Conversation] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)

    def at(self, time: int) -> Conversation:
        """A connection that is free at `time`."""
        for talk in self.open:
            if talk.now <= time:
                talk.now = time
                self._count(talk)
                return talk
        self.port += 1
        host = f"[{self.client}]" if ":" in self.client else self.client
        talk = self.capture.conversation(f"{host}:{self.port}", self.server, step=MILLISECOND // 5)
        talk.isn = (self.port * 2654435761 & 0xFFFFFFFF, self.port * 40503 & 0xFFFFFFFF)
        talk.now = time
        talk.connect()
        self.open.append(talk)
        self._count(talk)
        return talk

    def _count(self, talk: Conversation) -> None:
        self.used[id(talk)] = self.used.get(id(talk), 0) + 1
        if self.used[id(talk)] >= self.calls:
            self.open.remove(talk)

    def call(self, time: int, request: bytes, answer: Callable[[int], tuple[bytes, int]]) -> int:
        """Send `request` at `time`; `answer` says, given the time it arrived, the response and when it is ready.
        Gives back the time the response was received."""
        talk = self.at(time)
        talk.request(request)
        response, ready = answer(talk.now)
        talk.now = max(talk.now, ready)
        talk.response(response)
        ended = talk.now
        if talk not in self.open:
            talk.close(by=1)
        return ended


class Network:
    """All pools, by client and service."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.pools: dict[tuple[str, str], Pool] = {}

    def pool(self, client: str, server: str) -> Pool:
        """The pool from `client` to `server` ("10.0.0.1:80")."""
        key = (client, server)
        if key not in self.pools:
            self.pools[key] = Pool(self.capture, client, server, 33000 + 400 * len(self.pools) % 25000)
        return self.pools[key]
