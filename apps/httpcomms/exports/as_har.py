"""HAR 1.2 with whole bodies where they are kept; the end is told in the comment of its log."""

from collections.abc import Iterable, Iterator

import orjson

from apps.httpcomms.exports.base import Job, Json
from documents import har

NO_REQUEST = "their request was not seen, and HAR has no place for such"


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """The archive, entry by entry."""
    page: list[Json] = []
    head = orjson.dumps({"version": "1.2", "creator": har.CREATOR, "pages": page})
    yield b'{"log":' + head[:-1] + b',"entries":['
    separator = b"\n"
    for document in documents:
        if "req" not in document:
            job.tally.left_out[NO_REQUEST] += 1
            continue
        job.tally.written += 1
        yield separator + orjson.dumps(har.entry(document, job.body))
        separator = b",\n"
    yield b'\n],"comment":' + orjson.dumps(f"{job.about.text}; {job.tally.ending}") + b"}}\n"
