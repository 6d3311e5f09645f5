"""Anomalies in plain words: beside what happened (`wire.anomalies`), what it means for this exchange and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wire.anomalies import ANOMALIES

_HEAD_ODD = "Other programs may read this head differently."
_SENDER = "Look at the program that wrote it."
_BODY_SHORT = "The body shown here is not all of it."
_NEVER = "Nothing is wrong with this exchange itself."

#: code → (what it means for the exchange, what to do).
MEANINGS: dict[str, tuple[str, str]] = {
    "captureCorrupt": ("Communications after the fault are missing.", "Make the capture file again, or cut it there."),
    "captureCutOff": ("What came after the last whole record is missing.", "Wait for the file to be finished."),
    "captureSecretsDropped": (
        "Encrypted connections whose secrets were dropped stay unread.",
        "Split the capture file.",
    ),
    "overlapConflict": (
        "Two versions of some bytes were on the wire; the receiver may have read the other one.",
        "If it repeats, look for a broken network device, or for somebody hiding something.",
    ),
    "resetOutOfWindow": (
        "The connection went on as if the reset had not come.",
        "If it repeats, somebody may be trying to break connections.",
    ),
    "bareCr": (_HEAD_ODD, _SENDER),
    "bareLf": ("Most programs accept it, but proxies may disagree about where the head ends.", _SENDER),
    "foldedLine": (_HEAD_ODD + " It was joined into one line here.", "Write the field in one line."),
    "headCut": (
        "The message was never finished, or its end was not captured.",
        "See on the TCP tab how the connection ended, and whether bytes are missing.",
    ),
    "headTooLong": (
        "The rest of its fields and its body are not shown.",
        "Look for a cookie or token that grows with each request.",
    ),
    "lineWithoutColon": ("The line is not among the headers here; the receiver may have refused the message.", _SENDER),
    "noVersion": ("It was read as HTTP/0.9: a method and a path, nothing else.", _SENDER),
    "nonsense": (
        "Bytes before or after this message were skipped; the TCP tab counts them.",
        "See whether another protocol shares the port, or packets are missing before it.",
    ),
    "nulInHead": (_HEAD_ODD, "Programs may end a text at the NUL byte: take it as an attack until proven otherwise."),
    "oddHeaderName": (_HEAD_ODD, _SENDER),
    "oddHeaderValue": (_HEAD_ODD, _SENDER),
    "oddStartLine": ("It was understood here; stricter programs refuse it.", _SENDER),
    "badChunkSize": (_BODY_SHORT + " What followed could not be told from another message.", _SENDER),
    "badContentLength": (
        "Where this body ends was guessed from the connection.",
        "Send one Content-Length that is a number: proxies may disagree on where the message ends.",
    ),
    "bodyCut": (
        _BODY_SHORT + " Its size is right, its hash is not known.",
        "Raise the limit of bodies in the whisperer's parsing configuration, or take the packets.",
    ),
    "lengthAndChunked": (
        "It was read as chunked. A proxy that believes the length would see another message inside the body.",
        "If nobody on the way is known to do this, treat it as request smuggling.",
    ),
    "notChunked": ("The body was read by its length or to the end of the connection.", _SENDER),
    "oddChunkSize": ("The size was read and the rest of the line left out.", _SENDER),
    "oddTransferEncoding": ("The framing was read as far as it is known; others may read it differently.", _SENDER),
    "repeatedContentLength": ("All say the same, so the first was used.", "Find who on the way adds it again."),
    "trailersCut": (
        "The body is whole; fields after it, such as grpc-status, are missing.",
        "See the TCP tab for how it ended.",
    ),
    "unexpectedBody": (
        "The client will take these bytes for the beginning of the next response.",
        "Mend the server: HEAD, 204 and 304 have no body.",
    ),
    "tooManyInterim": (
        "The first interim responses are shown, the final one is right.",
        "Look for a server that reports progress without end.",
    ),
    "tooManyWaiting": (
        "The response may have come later and is shown without its request.",
        "Look for a client that pipelines without end.",
    ),
    "encodingChecksum": (
        "Some bytes of the body may be wrong.",
        "Compare with the sender: memory or a proxy may have damaged it.",
    ),
    "encodingCorrupt": (_BODY_SHORT, "See whether packets are missing, else look at who compresses it."),
    "encodingCut": (_BODY_SHORT, "The sender may have stopped early: see the TCP tab for how it ended."),
    "encodingLimit": (
        _BODY_SHORT + " It is larger than what is decoded.",
        "Download the raw body and decode it yourself.",
    ),
    "encodingMany": ("The body is shown still encoded.", _SENDER),
    "encodingNotApplied": (
        "The client may fail to decode it.",
        "Mend the server: it announces a compression it does not apply.",
    ),
    "encodingRatio": (_BODY_SHORT, "A body like this is made to fill memory: see who sent it."),
    "encodingTrailing": ("The body before them is whole.", _SENDER),
    "encodingUnknown": ("The body is shown still encoded.", "Ask for one of gzip, deflate, br or zstd."),
    "paramsCut": ("Some parameters cannot be searched for by their name.", _NEVER),
}  # fmt: skip

#: Ways in which an exchange is not whole: what happened, what it means, what to do.
STATUSES: dict[str, tuple[str, str, str]] = {
    "noResponse": (
        "No response was seen.",
        "It may still come, may have been lost on the way to the capture, or was never sent.",
        "See on the TCP tab whether the connection was broken off, and whether packets are missing.",
    ),
    "noRequest": (
        "The response was seen without its request.",
        "The capture began in the middle of the connection, or the request's packets are missing.",
        "Nothing of who asked, and for what, is known here; neighbours in the TCP session may tell.",
    ),
    "gap": (
        "Bytes are missing inside this exchange.",
        "The capture never saw some packets, so bodies or headers have holes.",
        "See where packets are lost: the whisperer's status counts what the kernel and the agent dropped.",
    ),
    "truncated": (
        "The exchange was cut off.",
        "The connection or the capture ended before the message did.",
        "See on the TCP tab how the connection ended.",
    ),
    "error": (
        "The exchange could not be read as HTTP to its end.",
        "What could be read is shown; the rest was skipped and counted.",
        "Take the packets and look at the bytes; if they are right HTTP, the parser is wrong.",
    ),
}


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something odd: what happened, what it means for this exchange, what to do about it."""

    code: str
    happened: str
    means: str
    todo: str


def explain(document: Mapping[str, Any]) -> list[Oddity]:
    """All that is odd about a communication, what is most telling first."""
    parsing = document.get("parsing") or {}
    status = str(parsing.get("status", ""))
    found = [Oddity(status, *STATUSES[status])] if status in STATUSES else []
    return found + [oddity(str(code)) for code in parsing.get("anomalies") or []]


def oddity(code: str) -> Oddity:
    """An anomaly by its code; a code of a newer parser stands for itself."""
    means, todo = MEANINGS.get(code, ("", ""))
    return Oddity(code, ANOMALIES.get(code, code), means, todo)
