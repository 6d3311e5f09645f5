"""What `manage.py parse_capture` can write: documents a line, an HTTP Archive, a summary a file, bodies in a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import orjson

from apps.captures.offline import Found, Summary
from documents import har


class Ndjson:
    """A communication's document a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._write = out.write

    def communication(self, found: Found) -> None:
        """Once for each communication."""
        self._write(found.document.body)
        self._write(b"\n")

    def summary(self, summary: Summary) -> None:
        """After each file that could be read."""

    def end(self) -> None:
        """After the last file."""


class Summaries(Ndjson):
    """A JSON object a file."""

    def communication(self, found: Found) -> None:
        """Counted by the summary itself."""

    def summary(self, summary: Summary) -> None:
        """One line."""
        self._write(summary.as_json() + b"\n")


class Har(Ndjson):
    """One archive of everything that has a request (HAR has no place for the rest)."""

    def __init__(self, out: BinaryIO) -> None:
        super().__init__(out)
        head = orjson.dumps({"version": "1.2", "creator": har.CREATOR, "pages": []})
        self._write(b'{"log":' + head[:-1] + b',"entries":[')
        self._before = b"\n"

    def communication(self, found: Found) -> None:
        """One entry."""
        if found.communication.request is None:
            return
        decoded = {suffix: data for suffix, _, data in found.bodies()}
        entry = har.entry(orjson.loads(found.document.body), lambda _, side: decoded.get(side))
        self._write(self._before + orjson.dumps(entry))
        self._before = b",\n"

    def end(self) -> None:
        """Close the archive, which may be empty."""
        self._write(b"\n]}}\n")


class Bodies:
    """Every decoded body in a file of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def communication(self, found: Found) -> None:
        """DIR/<id>-req and DIR/<id>-res, where there is a body."""
        for suffix, _, data in found.bodies():
            (self._folder / f"{found.document.id}-{suffix}").write_bytes(data)


FORMATS: dict[str, Callable[[BinaryIO], Ndjson]] = {"ndjson": Ndjson, "har": Har, "summary": Summaries}
