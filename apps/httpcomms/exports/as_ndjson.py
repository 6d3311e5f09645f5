"""NDJSON: a document a line, then a line `{"end": {…}}`: programs know by it that they have all."""

from collections.abc import Iterable, Iterator

import orjson

from apps.httpcomms.exports.base import Job, Json


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """A document a line, and the end."""
    for document in documents:
        job.tally.written += 1
        yield orjson.dumps(document) + b"\n"
    if job.trailer:
        yield orjson.dumps({"end": job.tally.fields}) + b"\n"
