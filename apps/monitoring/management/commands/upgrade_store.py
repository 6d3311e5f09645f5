"""`manage.py upgrade_store`: stored days that are older than the program get its fields and indexes.

It runs beside everything else, as slowly as the store allows, and may be stopped: the next run goes on there.
"""

import signal
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import startup
from apps.core.servers import document_store
from store.documents import STORE_VERSION, Step, StoreError

#: Seconds between two lines about one day.
EVERY = 2.0
STOPPED = "Stopped. Run it again to go on."


class Command(BaseCommand):
    help = "Brings stored documents up to this program, day by day. What was stopped goes on when it is run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        self._stopped = False
        before = {one: signal.signal(one, self._stop) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._run(dry_run)
        except StoreError as error:
            raise CommandError(f"{error}. Run it again to go on.") from error
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _stop(self, *_: object) -> None:
        """Between two steps, so that no statement is broken off; asked again, at once."""
        if self._stopped:
            raise CommandError(STOPPED)
        self._stopped = True

    def _run(self, dry_run: bool) -> None:
        found = document_store().stored_version()
        finding = startup.store_finding(found)
        if finding and finding.kind == startup.NEWER:
            raise CommandError(f"{finding.says} Run: {finding.run}")
        days = len(found.behind)
        about = _about(sum(day.documents for day in found.behind), ", about {:,} documents")
        self.stdout.write(
            f"This program stores version {STORE_VERSION}. Behind it: {days} {'day' if days == 1 else 'days'} of a"
            f" resource{about}."
        )
        told, at = "", 0.0
        for step in document_store().upgrade(dry_run=dry_run):
            name = f"{step.day.day} {step.day.policy} {step.day.resource} {step.doing}"
            if dry_run or name != told or time.monotonic() - at > EVERY:
                self.stdout.write(self._line(step, dry_run))
                told, at = name, time.monotonic()
            if self._stopped:
                raise CommandError(STOPPED)
        if not dry_run:
            self.stdout.write("All days are as this program wants them.")

    def _line(self, step: Step, dry_run: bool) -> str:
        day = step.day
        line = f"{day.day}  {day.policy}  {day.resource:<12} {step.doing}"
        if dry_run:
            return line + _about(day.documents, " (about {:,} documents)")
        of = _about(day.documents, " of about {:,}")
        line += f": {step.looked:,}{of} looked at, {step.changed:,} changed"
        return line + (f", {step.unfit:,} do not fit and stay" if step.unfit else "")


def _about(documents: int, words: str) -> str:
    """What the engine estimates, in these words; nothing where it has not counted yet."""
    return words.format(documents) if documents else ""
