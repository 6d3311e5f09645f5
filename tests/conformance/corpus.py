"""Where the captures of other projects are, and what we find in them.

They are data beside the project, never a part of it: `SPIDER_CORPUS` names their folder, `../shared/corpus` without.
"""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from apps.captures.offline import Found, parse
from documents.build import Context
from wire import bodies
from wire.events import Endpoint, Message

FOLDER = Path(os.environ.get("SPIDER_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
ABSENT = f"the captures of other projects are not at {FOLDER} (SPIDER_CORPUS names another folder)"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What we found: the parts that others speak of. A body is raw and decoded, None where there is no message."""

    client: str
    server: str
    method: str
    target: str
    status: int | None
    request: Message | None
    response: Message | None
    decoded: dict[str, bytes]
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method or '(no request)'} {self.target[:60]} {self.status or '(no response)'}"

    def text(self, side: str) -> str:
        """A decoded body as text, "" if it is none."""
        message = self.request if side == "req" else self.response
        kind = message.headers.get("content-type", [""])[0] if message else ""
        return bodies.text(self.decoded.get(side, b""), kind) or ""


@cache
def exchanges(file: Path) -> list[Exchange]:
    """Everything `parse_capture` finds in a capture, in the order of time."""
    found: list[Exchange] = []
    context = Context(whisperer="", capture=file.name, mask_key=b"conformance")
    with file.open("rb") as stream:
        parse(stream, context, "20261122", lambda one: found.append(_exchange(one)))
    return sorted(found, key=lambda one: one.document["date"])


def _exchange(found: Found) -> Exchange:
    one = found.communication
    return Exchange(
        client=_end(one.session.client),
        server=_end(one.session.server),
        method=one.request.method if one.request else "",
        target=one.request.target if one.request else "",
        status=one.response.status if one.response else None,
        request=one.request,
        response=one.response,
        decoded={suffix: data for suffix, _, data in found.bodies()},
        document=json.loads(found.document.body),
    )


def _end(end: Endpoint) -> str:
    return f"{end.ip}:{end.port}"


def expected(file: Path) -> dict[str, Any]:
    """What others know about a capture."""
    known: dict[str, Any] = json.loads(file.with_name(file.name + ".expected.json").read_text())
    return known


def captures(folder: str) -> list[Path]:
    """The captures of one origin."""
    endings = (".pcap", ".pcapng", ".pcapng.gz")
    return sorted(file for file in (FOLDER / folder).glob("*") if file.name.endswith(endings))
