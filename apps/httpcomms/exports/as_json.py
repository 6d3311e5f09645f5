"""JSON: one object with the documents as they are stored. It cannot be read before its end was written."""

from collections.abc import Iterable, Iterator

import orjson

from apps.httpcomms.exports.base import Job, Json


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """`{"export": {…}, "communications": […], "end": {…}}`"""
    yield b'{"export":' + orjson.dumps(job.about.fields) + b',\n"communications":['
    separator = b"\n"
    for document in documents:
        job.tally.written += 1
        yield separator + orjson.dumps(document)
        separator = b",\n"
    yield b'\n],\n"end":' + orjson.dumps(job.tally.fields) + b"}\n"
