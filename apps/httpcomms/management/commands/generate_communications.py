"""Store made-up communications, to try searches on millions of them."""

import os
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.words import nanoseconds
from apps.httpcomms.generated import Plan, fill
from apps.whisperers.models import Whisperer
from apps.whisperers.services import whisperer_create

_DAY = 86_400 * 1_000_000_000


class Command(BaseCommand):
    help = (
        "Store made-up communications of a web shop. They are documents only: no packets, bodies or TCP sessions stand "
        "behind them, and their interface is 'generated'. The same seed and end give the same documents."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=2_000_000, help="how many (default 2,000,000)")
        parser.add_argument("--days", type=float, default=1, help="how far back they reach (default 1)")
        parser.add_argument("--until", default="", help="when they end, RFC 3339 (default now)")
        parser.add_argument("--whisperer", action="append", help="whose they are; made when missing; may come twice")
        parser.add_argument("--seed", type=int, default=1, help="another number is other traffic")
        parser.add_argument(
            "--processes", type=int, default=os.cpu_count() or 1, help="how many write (default: cores)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["count"] < 1 or options["days"] <= 0 or options["processes"] < 1:
            raise CommandError("Give a count, days and processes above nothing.")
        until = _moment(options["until"])
        names = options["whisperer"] or ["generated"]
        plan = Plan(
            options["count"],
            until - int(options["days"] * _DAY),
            until,
            tuple(str(_whisperer(name).pk) for name in names),
            options["seed"],
        )
        begun = time.monotonic()
        stored, said = 0, 0
        for number in fill(settings.DOCUMENT_STORE_URL, plan, options["processes"]):
            stored += number
            if stored - said >= 100_000:
                said = stored
                self.stdout.write(f"{stored:,} stored, {stored / (time.monotonic() - begun):,.0f} a second")
        seconds = time.monotonic() - begun
        self.stdout.write(
            f"{stored:,} of {plan.count:,} are new; {plan.count / seconds:,.0f} a second, {seconds:.0f} s"
        )
        self.stdout.write("Documents only: there are no packets, bodies or TCP sessions behind them.")


def _moment(text: str) -> int:
    try:
        return nanoseconds(text) if text else time.time_ns()
    except ValueError as error:
        raise CommandError("--until is a date like 2026-11-22T14:05:00Z.") from error


def _whisperer(name: str) -> Whisperer:
    return Whisperer.objects.filter(name=name).first() or whisperer_create(name=name, mode=Whisperer.Mode.FILE)
