"""What the accounts of packets and bytes are called, why something is in them, and what can be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from documents.counters import COUNTERS


@dataclass(frozen=True, slots=True)
class Account:
    """A counter for people: its name, `kind` (ok, info or bad: how it is drawn), why there is something in it, what to
    do, and the field of the capture configuration that helps."""

    title: str
    kind: str
    why: str = ""
    help: str = ""
    field: str = ""


ACCOUNTS: Mapping[str, Account] = {
    "packets.captured": Account("Captured", "ok"),
    "packets.uploaded": Account("Uploaded", "ok"),
    "packets.filtered": Account(
        "Filtered", "info", "The capture filter, the blacklist or the agent's rules left them out, as was asked for.",
        "Widen the filter if something is missing.", "filter",
    ),
    "packets.dropped.kernel": Account(
        "Kernel", "bad", "The kernel's ring was full before the agent had read it: packets came faster than it could.",
        "Give the capture a larger ring, or filter more.", "ring",
    ),
    "packets.dropped.queue": Account(
        "Queue", "bad", "More packets came than could be sent, and the agent's queue was full.",
        "Allow more uploads at a time or a larger queue, switch a spool on, or look at the network to this server.",
        "queue",
    ),
    "packets.dropped.limit": Account(
        "Limit", "bad", "They were above the rate that the agent may capture.",
        "Raise the limit, or filter more.", "rate_limit",
    ),
    "packets.dropped.breaker": Account(
        "Breaker", "bad", "Capture was paused, because the agent took more of a processor than it may.",
        "Allow it more, or filter more.", "cpu_limit",
    ),
    "packets.abandoned": Account(
        "Abandoned", "bad", "The agent gave their chunks up, after the server had refused them or the spool lost them.",
        "The agent's log says why. Chunks of an agent that died are given up when it is silent for ten minutes.",
    ),
    "packets.session": Account("In a session", "ok"),
    "packets.notTcp": Account(
        "Not TCP", "info", "UDP, ARP, ICMP and others: nothing here reads them.",
        "A filter like “tcp” spares the way here.", "filter",
    ),
    "packets.undecodable": Account(
        "Undecodable", "bad", "Cut short, damaged, of an unknown kind of link, or fragments never completed.",
        "Cut short: capture more bytes of each packet.", "snap",
    ),
    "packets.quarantined": Account(
        "Set aside", "bad", "Reading them failed. They are tried once more ten minutes later.",
        "What failed again is listed with its reason; the log of the workers has the error.",
    ),
    "packets.late": Account(
        "Late", "bad", "Their chunk came after its number had been given up, so its place in the traffic was closed.",
        "An agent that was away for long: its spool was sent too late. Nothing reads them any more.",
    ),
    "payload.parsed": Account("Parsed", "ok"),
}  # fmt: skip

#: Why bytes of payload became no message.
SKIPPED: Mapping[str, str] = {
    "afterClose": "Of a session that was over",
    "afterEnd": "Behind the end of a stream",
    "emptyLines": "Empty lines between messages",
    "gap": "Cut off by a gap",
    "http2": "HTTP/2",
    "notHttp": "No HTTP found",
    "outOfWindow": "Far outside of the stream",
    "reset": "Text of a reset",
    "retransmitted": "Seen before",
    "searched": "Passed over to find a message",
    "tls": "TLS",
    "tunnel": "Tunnelled (CONNECT)",
    "unfinished": "Head cut off at the end",
    "upgraded": "Upgraded to another protocol",
}
UNDECODABLE: Mapping[str, str] = {
    "shortCapture": "Cut short by the snap length",
    "badIp": "Damaged IP header",
    "badTcp": "Damaged TCP header",
    "unknownLink": "Unknown kind of link",
    "fragment.overlap": "IP fragments that overlap",
    "fragment.timeout": "IP fragments never completed",
    "fragment.limit": "More IP fragments than are kept",
    "fragment.cut": "IP fragments cut short",
    "fragment.tooLong": "IP fragments longer than a datagram",
    "fragment.badTcp": "Damaged TCP header in IP fragments",
    "fragment.notTcp": "No TCP in IP fragments",
}


def title(counter: str) -> str:
    """What people call a counter."""
    if counter in ACCOUNTS:
        return ACCOUNTS[counter].title
    for family, names in (("payload.skipped.", SKIPPED), ("undecodable.", UNDECODABLE)):
        if counter.startswith(family):
            reason = counter[len(family) :]
            return names.get(reason, reason)
    return COUNTERS.get(counter, counter)
