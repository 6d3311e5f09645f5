"""Write a capture of the sample web shop that ends now; `make run` replays it for a newcomer to look at."""

import argparse
import time
from pathlib import Path

from django.core.management.base import BaseCommand

from apps.captures.sample import shop


class Command(BaseCommand):
    help = "Write a capture of a small web shop at work that ends now (pcap, nanoseconds)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--seconds", type=int, default=300, help="how much traffic (default 300)")
        parser.add_argument("--seed", type=int, default=1, help="another number is another day at the shop")

    def handle(self, *_args: object, file: Path, seconds: int, seed: int, **_options: object) -> None:
        capture = shop.capture(time.time_ns(), seconds=seconds, seed=seed)
        data = capture.pcap()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        self.stdout.write(f"{file}: {len(capture.frames())} packets, {len(data)} bytes, {seconds} s up to now")
