"""What waits: the truth behind the messages of the task queue, which are only hints.

`redrive` names what nobody has looked at in time: chunks to split, partitions to drain, captures to finalise, uploads
with a next piece. Second tries wait in a set of their own. A task takes what it was told of by one step that may answer
"no": somebody else has it, or it is done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from store.redis.connection import Link
from store.redis.keys import RESOURCES

Kind = Literal["s", "p", "f", "u"]
Take = Literal["run", "poison", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Kind "s": split chunk `number`; "p": drain partition `number`; "f": finalise; "u": an upload's next piece."""

    capture: str
    kind: Kind
    number: int


@dataclass(frozen=True, slots=True)
class SecondTry:
    """What was quarantined: a whole chunk (`p` is None), rows [first, end) of partition `p`, or, where `flow` is set,
    one session that could not be closed at the end of the capture."""

    capture: str
    chunk: int
    p: int | None = None
    first: int = 0
    end: int = 0
    flow: bytes = b""

    def text(self) -> str:
        """Its name in the due set."""
        p = "" if self.p is None else self.p
        return f"{self.capture}|{self.chunk}|{p}|{self.first}|{self.end}|{self.flow.hex()}"

    @property
    def record(self) -> str:
        """Id of the document that tells of it."""
        if self.p is None:
            return f"{self.capture}:{self.chunk}"
        return f"{self.capture}:{self.chunk}:{self.p}:{self.flow.hex() or self.first}"

    @classmethod
    def read(cls, text: str) -> "SecondTry":
        """Reads what `text` gave."""
        capture, chunk, p, first, end, flow = text.split("|")
        return cls(capture, int(chunk), int(p) if p else None, int(first), int(end), bytes.fromhex(flow))


def redrive(link: Link, limit: int = 200) -> list[WorkItem]:
    """What should have been looked at by now; each item is put off by `redrive_ms`. A lost reply costs just that."""
    args = [limit, link.settings.redrive_ms, link.settings.ahead_ms]
    items = link.script("redrive", [link.keys.work], args)
    return [_work_item(item) for item in items]


def waiting(link: Link) -> list[WorkItem]:
    """Everything on the work set, the most urgent first."""
    return [_work_item(item) for item in link.command("ZRANGE", link.keys.work, 0, -1)]


def _work_item(item: bytes) -> WorkItem:
    capture, kind, number = item.decode().rsplit("|", 2)
    return WorkItem(capture, cast(Kind, kind), int(number))


def due(link: Link, limit: int = 100) -> list[SecondTry]:
    """The second tries whose time has come. Taking one decides who runs it."""
    items = link.command("ZRANGEBYSCORE", link.keys.due, "-inf", link.now(), "LIMIT", 0, limit)
    return [SecondTry.read(item.decode()) for item in items]


def add_due(link: Link, item: SecondTry) -> None:
    """Says that an item is to be tried now, whether it waits for later or its try is over. A repeat changes nothing."""
    link.command("ZADD", link.keys.due, link.now(), item.text())


def due_at(link: Link, items: Sequence[SecondTry]) -> list[int | None]:
    """When each is tried next, or given up by the worker that has it: milliseconds of the server's clock. None: it is
    not to be tried."""
    if not items:
        return []
    scores = link.command("ZMSCORE", link.keys.due, *(item.text() for item in items))
    return [None if score is None else int(float(score)) for score in scores]


def handed_over(link: Link, item: SecondTry) -> bool:
    """Whether all that was put aside with an item has left the outbox: its record, and the packets to try."""
    (at,) = due_at(link, [item])
    return at is None or outbox_reached(link) >= at


def take_due(link: Link, item: SecondTry, token: str) -> Take:
    """Word "run"; "poison" when two workers died of it: its error is final; "no": taken, done, or not due yet."""
    args: list[str | int] = [item.text(), token, link.settings.lease_ms]
    return cast(Take, link.script("take_due", [link.keys.due, link.keys.tries], args).decode())


def done_due(link: Link, item: SecondTry, token: str) -> bool:
    """The second try is over, well or not; one asked for meanwhile stays due. False when it was over before."""
    return bool(link.script("done_due", [link.keys.due, link.keys.tries], [item.text(), token]))


def release_due(link: Link, item: SecondTry, token: str) -> bool:
    """Gives a second try back when our own servers failed: the take is not counted. False when it is not ours."""
    return bool(link.script("release_due", [link.keys.due, link.keys.tries], [item.text(), token]))


def add_upload(link: Link, capture: str) -> None:
    """Says that an upload has a piece to cut. A repeat changes nothing."""
    link.command("ZADD", link.keys.work, "NX", link.now() + link.settings.hint_ms, f"{capture}|u|0")


def take_piece(link: Link, capture: str, token: str) -> Take:
    """Takes an upload for its next piece. "unknown" when its capture is not here (closed, or to be opened first)."""
    own = link.keys.capture(capture)
    args: list[str | int] = [capture, token, link.settings.lease_ms]
    return cast(Take, link.script("take_piece", [own.meta, link.keys.work], args).decode())


def done_piece(link: Link, capture: str, token: str, delay_ms: int | None) -> bool:
    """The piece is in: look again after `delay_ms` (0 when there is more and room for it), None when that was the last.

    False when somebody else took the upload meanwhile.
    """
    own = link.keys.capture(capture)
    args: list[str | int] = [capture, token, -1 if delay_ms is None else delay_ms]
    return bool(link.script("done_piece", [own.meta, link.keys.work], args) == b"ok")


def outbox_reached(link: Link) -> int:
    """Up to when (milliseconds of the server's clock) everything that was handed to the outbox is stored."""
    now, *firsts = [
        link.now(),
        *link.pipeline([("XRANGE", link.keys.out(resource), "-", "+", "COUNT", 1) for resource in RESOURCES]),
    ]
    return min([int(now), *(int(entries[0][0].split(b"-")[0]) for entries in firsts if entries)])


def figures(link: Link) -> Mapping[str, int]:
    """What waits now, for monitoring: bytes of chunks, outbox and state, entries by resource, items, captures."""
    keys = link.keys
    sizes, work, tries, captures, *entries = link.pipeline(
        [
            ("HMGET", keys.bytes, "chunks", "out", "state"),
            ("ZCARD", keys.work),
            ("ZCARD", keys.due),
            ("ZCARD", keys.captures),
            *(("XLEN", keys.out(resource)) for resource in RESOURCES),
        ]
    )
    found = {f"bytes.{name}": int(size or 0) for name, size in zip(("chunks", "out", "state"), sizes, strict=True)}
    found |= {"work": int(work), "due": int(tries), "captures": int(captures)}
    return found | {f"outbox.{resource}": int(n) for resource, n in zip(RESOURCES, entries, strict=True)}
