"""The sample capture: made by the project itself, sent once by the agent as any other, and linked to by its time."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from spider_site import places
from spider_site.environment import flag, text
from spider_site.run.commands import run
from spider_site.run.console import step
from wire import pcapfile

PIECE = 1 << 20
NANOSECONDS = 1_000_000_000


def replay(site: str, stop: threading.Event) -> str:
    """Send the sample capture unless it was sent before; returns the link to its time range ("" when switched off)."""
    kept = places.data_folder() / "sample.json"
    # Documents of one store are not in the other: after a switch it is sent again.
    store = text("SPIDER_ELASTICSEARCH_URL") or "PostgreSQL"
    if not kept.exists() or json.loads(kept.read_text(encoding="ascii")).get("store") != store:
        if not flag("SPIDER_SAMPLE"):
            return ""
        capture = places.data_folder() / "sample.pcap"
        with step("sample capture, sent by the agent"):
            run(["manage.py", "make_sample", str(capture)], stop)
            token = (places.data_folder() / "sample-token").read_text(encoding="ascii").strip()
            run(["-m", "agent", "--server", site, "--file", str(capture)], stop, SPIDER_TOKEN=token)
        first, last = time_range(capture)
        kept.write_text(json.dumps({"first": first, "last": last, "store": store}), encoding="ascii")
    times = json.loads(kept.read_text(encoding="ascii"))
    return link(site, times["first"], times["last"])


def time_range(capture: Path) -> tuple[int, int]:
    """First and last packet time of a capture file, in nanoseconds."""
    with capture.open("rb") as stream:
        pieces = [piece for piece in pcapfile.cut(pcapfile.open_capture(stream, {}), PIECE) if piece.packets]
    return min(piece.first for piece in pieces), max(piece.last for piece in pieces)


def link(site: str, first: int, last: int) -> str:
    """The search page on exactly the time of a capture (nanoseconds), to whole seconds outside it."""
    start = datetime.fromtimestamp(first // NANOSECONDS, UTC)
    stop = datetime.fromtimestamp(last // NANOSECONDS, UTC) + timedelta(seconds=1)
    times = {"from": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": stop.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return f"{site}/?{urlencode(times)}"
