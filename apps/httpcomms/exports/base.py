"""What all formats are given, and what they tell: the job, the count of what was written, and its last words."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

#: Every file's last words begin with these.
END = "end of export: "


@dataclass(frozen=True, slots=True)
class About:
    """What the file holds, for its head: the query or how many ids were chosen, the range, when it was made."""

    query: str
    since: str
    until: str
    made: str
    chosen: int = 0

    @property
    def text(self) -> str:
        """In one line that nothing of it can end."""
        what = f"{self.chosen} chosen" if self.chosen else self.query or "everything"
        between = "" if self.chosen else f" from {self.since or 'the beginning'} to {self.until}"
        line = f"HTTP communications of Spider: {what}{between}, made {self.made}"
        return "".join(c if c.isprintable() else " " for c in line)

    @property
    def fields(self) -> Json:
        """As JSON."""
        if self.chosen:
            return {"chosen": self.chosen, "made": self.made}
        return {"q": self.query, "from": self.since, "to": self.until, "made": self.made}


@dataclass(slots=True)
class Tally:
    """What has become of an export so far. `cut` says why there was more than was read."""

    read: int = 0
    written: int = 0
    bytes: int = 0
    cut: str = ""
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        return not self.cut and not self.left_out

    @property
    def ending(self) -> str:
        """The last words: how many, and whether that is all. Only for after the last document."""
        many = f"{self.written} communication{'' if self.written == 1 else 's'}"
        if self.complete:
            return f"{END}{many}, complete"
        reasons = [f"cut: {self.cut}"] if self.cut else []
        reasons += [f"{count} left out: {why}" for why, count in self.left_out.items()]
        return f"{END}{many}, {'; '.join(reasons)}"

    @property
    def fields(self) -> Json:
        """As JSON."""
        found: Json = {"communications": self.written, "complete": self.complete}
        if self.cut:
            found["cut"] = self.cut
        if self.left_out:
            found["leftOut"] = dict(self.left_out)
        return found | {"text": self.ending}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its time in nanoseconds, link type, bytes, and how many there were on the wire."""

    time: int
    link: int
    data: bytes
    length: int


#: The decoded body of a side ("req", "res"), None where it is not kept.
BodyReader = Callable[[Json, str], bytes | None]
#: The packets of one communication; words instead where they cannot be had.
PacketReader = Callable[[Json], Sequence[Packet] | str]


def no_body(document: Json, side: str) -> bytes | None:
    """A reader of bodies that are not kept."""
    return None


def no_packets(document: Json) -> Sequence[Packet] | str:
    """A reader of packets that are not kept."""
    return "their packets are not kept"


@dataclass(slots=True)
class Job:
    """One export: what it is about, what was chosen for it, and where bodies and packets come from."""

    about: About
    tally: Tally = field(default_factory=Tally)
    columns: Sequence[str] = ()
    bom: bool = False
    trailer: bool = True
    body: BodyReader = no_body
    packets: PacketReader = no_packets


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its words, the name its files end with, how many communications it takes, and what it leaves out.

    `kind` names the limit in the settings; `bodies`: whole bodies are read for it; `packets`: it needs that right.
    """

    name: str
    words: str
    about: str
    extension: str
    content_type: str
    kind: str
    write: Callable[[Iterable[Json], Job], Iterator[bytes]]
    notes: tuple[str, ...] = ()
    bodies: bool = False
    packets: bool = False
