"""Ids of documents, and the index or table each one lives in.

An id says where its document is: "<day>-<policy>-<session>-q<offset>" for a communication that begins with its request
("s" and the response's offset without one), "<day>-<policy>-<session>" for a TCP session. The day is the one its chunk
was accepted, never the capture's own: an old or hostile file would land anywhere.
"""

import re
from dataclasses import dataclass

from wire.events import Communication, SessionKey

#: Every resource has an index or table per day and storage policy.
RESOURCES = ("packets", "tcpsessions", "httpcomms", "httpbodies", "hosts", "monitoring")

#: A version is chunk << 24 | packet: its upper bits name the chunk that gave it. From FIRST_STEP on they are no chunk,
#: but a step of reprocessing.
VERSION_SHIFT = 24
FIRST_STEP = 1 << 28

#: Lower case, so that it fits index names, table names and ids alike; no dash, so that an id can be taken apart.
POLICY = re.compile(r"[a-z][a-z0-9]{0,31}")

#: What outlives retention is copied here, beside each day, under the ids that it has. No whisperer writes to it.
PINNED = "pinned"

_ID = re.compile(r"([0-9]{8})-([a-z][a-z0-9]{0,31})-([0-9a-f]{16})(?:-([qs])([0-9a-f]{1,16})(?:-(req|res))?)?")


@dataclass(frozen=True, slots=True)
class Id:
    """An id taken apart. `kind` is "q", "s" or "" (a session), `body` is "req", "res" or ""."""

    day: str
    policy: str
    session: str
    kind: str
    offset: int
    body: str


def chunk_of(version: int) -> int:
    """The chunk, or the step of reprocessing, that gave a document this version; its bodies are there."""
    return version >> VERSION_SHIFT


def session_id(session: SessionKey, policy: str) -> str:
    """Id of a TCP session's document. Its day is the one its first chunk was accepted."""
    return f"{session.day}-{policy}-{session.id}"


def communication_id(comm: Communication, policy: str) -> str:
    """Id of a communication's document."""
    if comm.request is not None:
        return f"{comm.day}-{policy}-{comm.session.id}-q{comm.request.offset:x}"
    offset = comm.response.offset if comm.response is not None else 0
    return f"{comm.day}-{policy}-{comm.session.id}-s{offset:x}"


def parse(text: str) -> Id | None:
    """Take an id apart; None if it is not one of ours."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    day, policy, session, kind, offset, body = match.groups()
    return Id(day, policy, session, kind or "", int(offset, 16) if offset else 0, body or "")


def index_name(resource: str, day: str, policy: str) -> str:
    """The Elasticsearch index of a resource's day."""
    return f"spider-{resource}-{day}-{policy}"


def table_name(resource: str, day: str, policy: str) -> str:
    """The PostgreSQL table of a resource's day."""
    return f"spider_{resource}_{day}_{policy}"
