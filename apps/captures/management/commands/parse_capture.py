"""Read captures without any server and say what is in them."""

import argparse
import gc
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.captures.offline import Found, parse
from apps.captures.offline_formats import FORMATS, Bodies
from documents.build import Context
from documents.rules import DEFAULT_RULES, ParsingRules, RuleError, compile_rules
from wire.limits import DEFAULT
from wire.pcapfile import CaptureError


class Command(BaseCommand):
    help = "Find the HTTP communications in capture files (pcap, pcapng; plain, gzip or zstd), with no server needed."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="+", help="a capture")
        parser.add_argument(
            "--format",
            dest="shape",
            choices=sorted(FORMATS),
            default="ndjson",
            help="ndjson: a communication's document a line (default); har: an HTTP Archive; summary: an object a file",
        )
        parser.add_argument("--bodies", metavar="DIR", type=Path, help="write decoded bodies to DIR/<id>-req and -res")
        parser.add_argument("--rules", metavar="FILE", type=Path, help="a parsing configuration (or a part), as JSON")

    def handle(
        self, *_args: object, files: list[str], shape: str, bodies: Path | None, rules: Path | None, **_options: object
    ) -> None:
        try:
            whole = self._all(files, shape, bodies, _rules(rules) if rules else DEFAULT_RULES)
        except BrokenPipeError:  # the reader has seen enough; nothing may be flushed at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            whole = False
        if not whole:
            sys.exit(1)

    def _all(self, files: list[str], shape: str, bodies: Path | None, rules: ParsingRules) -> bool:
        """Every file; False when one could not be read."""
        gc.freeze()  # what the imports made stays; there is no need to look through it again and again
        sys.stdout.flush()
        out = open(sys.stdout.fileno(), "wb", _BUFFER, closefd=False)  # noqa: SIM115  flushed below, stays open
        writer = FORMATS[shape](out)
        folder = Bodies(bodies) if bodies else None

        def each(found: Found) -> None:
            writer.communication(found)
            if folder is not None:
                folder.communication(found)

        whole = True
        for file in files:
            context = Context(
                whisperer="", capture=file, mask_key=settings.MASK_KEY, limits=rules.limits(DEFAULT), rules=rules
            )
            try:
                with Path(file).open("rb") as stream:
                    writer.summary(parse(stream, context, _today(), each))
            except BrokenPipeError:
                raise
            except (OSError, CaptureError) as error:
                whole = False
                self.stderr.write(f"{file}: {_reason(error)}")
        writer.end()
        out.flush()
        return whole


#: Bytes written at once: a document is some 2 KB, and a system call for every few of them adds up.
_BUFFER = 1 << 20


def _rules(path: Path) -> ParsingRules:
    try:
        values = orjson.loads(path.read_bytes())
        if not isinstance(values, dict):
            raise CommandError(f"{path}: the rules are no JSON object. Write one like {{\"save_bodies\": false}}.")
        return compile_rules(values)
    except (OSError, orjson.JSONDecodeError) as error:
        raise CommandError(f"{path}: the rules cannot be read: {error}. Give a JSON file.") from error
    except RuleError as error:
        raise CommandError(f"{path}: {error}") from error


def _today() -> str:
    return datetime.now(UTC).strftime("%Y%m%d")


def _reason(error: OSError | CaptureError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
