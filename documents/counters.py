"""The counters of a capture and the equations that hold between them: what was seen is somewhere, with a reason.

A counter is a sum by capture and by the minute in which its chunk was accepted. An equation says that one counter is
the sum of others and of a rest that still waits; a name that ends in ".*" stands for all counters with that beginning.
The check, the page, the API and the documentation all read these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass

#: Counter or family of counters → what it counts. Packets unless it says otherwise.
COUNTERS: Mapping[str, str] = {
    "packets.captured": "Seen by the agent: those it sent, gave up, filtered and dropped.",
    "packets.filtered": "Left out on purpose, by the capture filter, the blacklist or the rules of the agent.",
    "packets.dropped.kernel": "Dropped by the kernel: its ring was full before the agent had read it.",
    "packets.dropped.queue": "Dropped by the agent: more came than could be sent, and its queue was full.",
    "packets.dropped.limit": "Dropped by the agent above its rate limit.",
    "packets.dropped.breaker": "Dropped by the agent while capture was paused to spare the processor.",
    "packets.abandoned": "In chunks that the agent gave up, as it said.",
    "packets.uploaded": "In chunks that were accepted.",
    "packets.session": "In a TCP session.",
    "packets.notTcp": "Not TCP: nothing here reads them.",
    "packets.undecodable": "Not to be decoded, each for one of the reasons below.",
    "undecodable.*": "Not to be decoded, by reason.",
    "packets.quarantined": "Put aside: reading them failed.",
    "packets.late": "In chunks that came after their number was given up: counted, not read.",
    "packets.straggler": "Of a session that was over: part of those in a session.",
    "packets.miscounted": "More (or less) than the agent said its chunk had; the sums have the true number.",
    "fragments.waiting": "IP fragments that wait for the others of their datagram: part of those waiting.",
    "bytes.filtered": "Bytes left out, where the agent knows.",
    "bytes.dropped.*": "Bytes dropped, by reason, where the agent knows.",
    "bytes.abandoned": "Bytes in chunks given up.",
    "bytes.uploaded": "Bytes of accepted chunks, as sent (compressed).",
    "chunks.uploaded": "Chunks accepted.",
    "chunks.abandoned": "Chunk numbers given up or never heard of.",
    "chunks.late": "Chunks that came late.",
    "payload.bytes": "Bytes of TCP payload in sessions.",
    "payload.parsed": "Bytes that became HTTP messages.",
    "payload.skipped.*": "Bytes that did not, by reason.",
    "gaps": "Gaps in the streams of sessions.",
    "gap.bytes": "Bytes in those gaps, never seen.",
    "sessions.relieved": "TCP sessions ended early, because too much was open.",
    "sessions.quarantined": "TCP sessions that could not be closed at the end of their capture.",
    "documents.httpcomms": "HTTP communications handed on to be stored, each counted once.",
    "documents.tcpsessions": "TCP sessions handed on to be stored, each counted once.",
}


@dataclass(frozen=True, slots=True)
class Equation:
    """`whole` = the sum of `parts`, and of what waits where `rest` has a word for it. `unit` is packets or bytes."""

    name: str
    title: str
    whole: str
    parts: tuple[str, ...]
    rest: str = ""
    unit: str = "packets"


CAPTURED = Equation(
    "captured", "Captured", "packets.captured",
    ("packets.uploaded", "packets.abandoned", "packets.filtered", "packets.dropped.*"),
)  # fmt: skip
UPLOADED = Equation(
    "uploaded", "Uploaded", "packets.uploaded",
    ("packets.session", "packets.notTcp", "packets.undecodable", "packets.quarantined", "packets.late"), "waiting",
)  # fmt: skip
UNDECODABLE = Equation("undecodable", "Not decodable, by reason", "packets.undecodable", ("undecodable.*",))
PAYLOAD = Equation(
    "payload", "Payload", "payload.bytes", ("payload.parsed", "payload.skipped.*"), "waiting", "bytes"
)  # fmt: skip
#: Those that a capture's own counters must satisfy at every moment.
EQUATIONS = (CAPTURED, UPLOADED, UNDECODABLE, PAYLOAD)
BY_NAME = {equation.name: equation for equation in EQUATIONS}


@dataclass(frozen=True, slots=True)
class Balance:
    """An equation with its numbers: `parts` by counter (families by each of their counters), `rest` is what is left."""

    equation: Equation
    whole: int
    parts: Mapping[str, int]

    @property
    def accounted(self) -> int:
        """The sum of the parts."""
        return sum(self.parts.values())

    @property
    def rest(self) -> int:
        """What is in none of the parts; below 0, more is in them than there was."""
        return self.whole - self.accounted


def balance(equation: Equation, counters: Mapping[str, int]) -> Balance:
    """The equation's numbers; what was never counted is 0."""
    return Balance(equation, counters.get(equation.whole, 0), parts_of(equation.parts, counters))


def parts_of(names: tuple[str, ...], counters: Mapping[str, int]) -> dict[str, int]:
    """The counters that names and families mean, in their order, the members of a family by name."""
    found: dict[str, int] = {}
    for name in names:
        if name.endswith(".*"):
            found |= {one: counters[one] for one in sorted(counters) if one.startswith(name[:-1])}
        else:
            found[name] = counters.get(name, 0)
    return found


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may still wait of a capture: packets between `least` and `most`, and whether bytes of payload may."""

    least: int = 0
    most: int = 0
    payload: bool = False


def faults(counters: Mapping[str, int], bounds: Bounds) -> list[Balance]:
    """The equations that do not hold. One whose whole was never counted says nothing: an older version counted less."""
    balances = (balance(equation, counters) for equation in EQUATIONS)
    return [found for found in balances if not _holds(found, counters, bounds)]


def _holds(found: Balance, counters: Mapping[str, int], bounds: Bounds) -> bool:
    equation = found.equation
    if equation.whole not in counters and not (equation is UNDECODABLE or equation is UPLOADED):
        return True
    if equation is UPLOADED:
        return bounds.least <= found.rest <= bounds.most
    if equation is PAYLOAD:
        # A session that could not be closed took the bytes that waited in it along.
        return found.rest == 0 or (found.rest > 0 and (bounds.payload or "sessions.quarantined" in counters))
    return found.rest == 0
