"""Every bound the parsers keep, with its reason. Reaching one is an anomaly or a counted reason, never an exception."""

from dataclasses import dataclass

MEGABYTE = 1 << 20
SECOND = 1_000_000_000  # times are nanoseconds everywhere


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one partition's parsing; sizes in bytes, times in nanoseconds of capture time."""

    #: A start line with its header fields. Apache allows 8 KB a line, node 16 KB in all; above this the head is cut.
    head_bytes: int = 256 * 1024
    #: Raw body bytes kept for decoding and display; the rest is counted and `truncated` is set.
    body_bytes: int = 8 * MEGABYTE
    #: Most bytes that one body may decode to: a compression bomb ends here.
    decoded_bytes: int = 32 * MEGABYTE
    #: Body text put into the document itself, for search.
    body_text_bytes: int = 1024
    #: An open gap is given up when this many bytes wait behind it ...
    gap_bytes: int = MEGABYTE
    #: ... or when this much capture time passed since it opened.
    gap_time: int = 5 * SECOND
    #: A flow silent for this long is over; the next packet opens a new session.
    idle_time: int = 300 * SECOND
    #: Sessions that one process keeps open in memory at a time, about 3.4 KB each when nothing was said ...
    open_sessions: int = 25_000
    #: ... and the bytes all of them hold back: unfinished heads and bodies, segments behind holes.
    open_bytes: int = 128 * MEGABYTE
    #: When sessions take more memory than their share, those silent for this long end first ...
    relief_time: int = 10 * SECOND
    #: ... and of bodies that come then only this much is kept.
    relief_body_bytes: int = 256 * 1024
    #: A closed session swallows stragglers for this long.
    linger_time: int = 30 * SECOND
    #: A request without a response for this long gets a first version of its document.
    waiting_time: int = 5 * SECOND
    #: Requests of one session waiting for responses; above it the oldest is written out as unanswered.
    waiting_requests: int = 1000
    #: Bytes of responses held back while their request has not been seen yet.
    unpaired_bytes: int = 256 * 1024
    #: Bodies of one session's responses that wait for a proof of which requests they answer.
    orphan_bytes: int = MEGABYTE
    #: Interim (1xx) responses kept for one exchange.
    interim_responses: int = 16
    #: Bytes looked at before a connection is called something other than HTTP.
    detect_bytes: int = 16 * 1024
    #: Unfinished IP datagrams a partition keeps, and for how long (RFC 791 suggests 15 s, Linux waits 30 s).
    fragment_datagrams: int = 4096
    fragment_time: int = 30 * SECOND
    #: Unfinished body bytes kept inside a session's state; more goes to the body list of the store.
    state_body_bytes: int = 256 * 1024


DEFAULT = Limits()
