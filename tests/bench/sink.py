"""A server that takes an agent's chunks and forgets them, as cheaply as it can: `python sink.py`.

Prints its port, and at the end (SIGTERM) packets taken and packets that the agent says the kernel dropped.
"""

import json
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
packets = dropped = 0
numbers: set[int] = set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    buffer = threading.local()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._say({"program": [[6, 0, 0, 262144]]})

    def do_POST(self) -> None:
        global packets, dropped  # noqa: PLW0603 - a program of one page
        left, room = int(self.headers["Content-Length"]), bytearray(1 << 20)
        while left:
            left -= self.rfile.readinto(memoryview(room)[: min(left, len(room))])
        with lock:
            if "Spider-Chunk" in self.headers:
                numbers.add(int(self.headers["Spider-Chunk"]))
                packets += int(self.headers["Spider-Packets"])
                found = re.search(r"kernel=(\d+)", self.headers.get("Spider-Dropped", ""))
                dropped += int(found[1]) if found else 0
            done = 0
            while done in numbers:
                done += 1
        word = "done" if self.path.endswith("/final/") else "ok"
        self._say({"word": word, "next": done, "have": [], "durable": done})

    def _say(self, said: object) -> None:
        data = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    print(packets, dropped, flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
