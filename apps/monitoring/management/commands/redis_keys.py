"""`manage.py redis_keys`: every key of Redis with its owner. Those that nobody owns are named, and it fails."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.servers import chunk_store
from store.redis import inventory
from store.redis.inventory import PERMANENT, Inventory

#: What Celery may keep beside ours, where the broker is the same database.
BROKER = ("_kombu.", "unacked", "celery", *settings.CELERY_QUEUES)


class Command(BaseCommand):
    help = "Lists the keys of Redis by kind and owner. Exit status 1: a key has no owner, or there are too many."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--drained", action="store_true", help="Also fail where any but the permanent keys are left."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        with chunk_store().link() as link:
            found = inventory.take(link, BROKER)
        self._tell(found)
        if found.lost:
            raise CommandError(f"{len(found.lost)} keys have no owner.")
        if found.total > found.bound:
            raise CommandError(f"{found.total} keys are more than the {found.bound} that may be there.")
        if options["drained"] and found.left:
            raise CommandError(f"{found.left} keys are left that a drained server has not.")

    def _tell(self, found: Inventory) -> None:
        for kind in (PERMANENT, *sorted(found.bounds.keys() - {PERMANENT})):
            self.stdout.write(f"{kind:12} {found.kinds[kind]:8} of at most {found.bounds[kind]}")
        self.stdout.write(f"{'all':12} {found.total:8} of at most {found.bound}")
        if found.others:
            self.stdout.write(f"{'the broker’s':12} {found.others:8}")
        for name in found.lost[: inventory.MOST_NAMED]:
            self.stdout.write(f"nobody's: {name}")
