"""One agent in a spike: traffic at a rate far above what the server takes, through the agent's own uploader and its
bounded queue. What overflows is dropped and counted there, as when an interface is captured.

`python -m tests.chaos.spike server token capture packets-a-second seconds kept-file queue-bytes`: prints one JSON
object: packets there were, dropped, sent, and the capture. The chunks that were taken into the queue are written to the
file, so that what can be found in them is known.
"""

import json
import re
import sys
import time
from pathlib import Path

from agent import options as command_line
from agent.api import Api
from agent.chunk import Chunk
from agent.uploader import Uploader
from tests.bench.generate import Made
from tests.chaos.stream import Stream

CHUNK = 1 << 20


def main(server: str, token: str, capture: str, rate: float, seconds: float, kept: str, queue: int) -> int:
    """Send for so long, then end in peace."""
    given = ["--server", server, "--token", token, "--interface", "lo", "--instance", Path(kept).stem]
    options = command_line.read([*given, "--queue", str(queue)])

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    uploader = Uploader(options, lambda: Api(options.server, lambda: options.token), None, say)
    stream = Stream(Made(Path(capture), Path(), {}), CHUNK)
    made = 0
    with Path(kept).open("wb") as file:
        file.write(stream.head)

        def put(records: bytes, packets: int, *, wait: bool) -> None:
            lost = uploader.lost_packets
            uploader.put(Chunk(stream.head + records, packets), wait=wait)
            if uploader.lost_packets == lost:
                file.write(records)

        began = time.monotonic()
        chunks = iter(stream)
        while time.monotonic() - began < seconds:
            records, packets = next(chunks)
            put(records, packets, wait=False)
            made += packets
            time.sleep(max(began + made / rate - time.monotonic(), 0))
        # Behind the spike traffic is small again: this one tells what was dropped before it.
        records, packets = next(chunks)
        put(records, packets, wait=True)
        made += packets
    dropped = uploader.lost_packets
    link = uploader.close()
    match = re.search(r"/captures/([^/]+)/", link)
    print(json.dumps({"made": made, "dropped": dropped, "sent": uploader.sent_packets,
                      "lost": uploader.lost_packets - dropped, "capture": match[1] if match else ""}))  # fmt: skip
    return 0


if __name__ == "__main__":
    _, server, token, capture, rate, seconds, kept, queue = sys.argv
    sys.exit(main(server, token, capture, float(rate), float(seconds), kept, int(queue)))
