"""Create a whisperer and print a token for its agents.

Run again it changes nothing: the whisperer stays, and a token file that still works is kept, so a start script can call
it every time.
"""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from apps.whisperers.models import Whisperer
from apps.whisperers.services import token_create, token_use, whisperer_create


class Command(BaseCommand):
    help = "Create a whisperer (or find it) and print a token for its agents."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--mode", choices=Whisperer.Mode.values, default=Whisperer.Mode.FILE)
        parser.add_argument("--policy", default="default", help="storage policy (default: default)")
        parser.add_argument("--token-file", type=Path, help="keep the token in this file, readable by its owner alone")

    def handle(self, *args: Any, **options: Any) -> None:
        whisperer = self._find_or_create(options["name"], options["mode"], options["policy"])
        path: Path | None = options["token_file"]
        secret = self._kept(path, whisperer)
        if secret is None:
            _, secret = token_create(whisperer=whisperer, label=str(path or "command line"))
            if path is not None:
                self._write(path, secret)
        self.stdout.write(secret)

    def _find_or_create(self, name: str, mode: str, policy: str) -> Whisperer:
        whisperer = Whisperer.objects.filter(name=name).first()
        if whisperer is None:
            try:
                return whisperer_create(name=name, mode=mode, policy=policy)
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from error
        if whisperer.mode != mode:
            raise CommandError(f"{name} exists already, as {whisperer.mode}; the mode of a whisperer is fixed.")
        return whisperer

    def _kept(self, path: Path | None, whisperer: Whisperer) -> str | None:
        """The token of the file, if it still opens this whisperer."""
        if path is None or not path.exists():
            return None
        secret = path.read_text().strip()
        token = token_use(secret=secret)
        return secret if token is not None and token.whisperer_id == whisperer.pk else None

    def _write(self, path: Path, secret: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # an old file may be readable by others: its mode would be kept
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret + "\n")
