"""A shell script that sends the requests again, one after the other, with curl.

All of it is one function that the last line calls: bash runs nothing of a file that broke off.
"""

from collections.abc import Iterable, Iterator

from apps.httpcomms.curl import curl, is_masked
from apps.httpcomms.exports.base import Job, Json

NO_REQUEST = "their request was not seen"

_HEAD = """\
#!/usr/bin/env bash
# {about}
#
# Sends the requests again in their order, without their pauses. Needs bash and curl.
#   bash this-file.sh                                        to where they went
#   bash this-file.sh --connect-to ::127.0.0.1:8080          all of them to one server
# What is given is passed on to each curl. Requests may change things: look where they go before you run this.
# Secrets were masked when they were captured; requests that had one are marked and need yours in its place.

options=("$@")
curl() {{ command curl -q -sS -o /dev/null -w '%{{http_code}}' "${{options[@]}}" "$@" || printf ' failed'; }}

main() {{
"""


def write(documents: Iterable[Json], job: Job) -> Iterator[bytes]:
    """The script, request by request."""
    yield _HEAD.format(about=job.about.text).encode()
    for document in documents:
        if "req" not in document:
            job.tally.left_out[NO_REQUEST] += 1
            continue
        job.tally.written += 1
        yield _request(document, job).encode("utf-8", "replace")
    # A function needs a command.
    yield f":\n}}\n\nmain  # {job.tally.ending}\n".encode()


def _request(document: Json, job: Job) -> str:
    command = curl(document, job.body(document, "req"))
    status = (document.get("stats") or {}).get("statusCode")
    marked = " (a secret is masked)" if is_masked(command) else ""
    number, was = job.tally.written, f"was {status}" if status else "had no response"
    return (
        f"# {number}. {document['date']}, communication {document['id']}{marked}\n{command}\n"
        f"echo ' {was}: request {number}'\n\n"
    )
