"""Traffic for agents to see: a server and a client of HTTP in one program, over loopback.

`python talk.py port mark requests-a-second seconds` sends GET /mark/0, /mark/1, … and prints how many were answered.
"""

import http.client
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        body = ("you asked for " + self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(port: int, mark: str, rate: float, seconds: float) -> int:
    """Requests that were answered; each ten have a connection of their own."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    began, count = time.monotonic(), 0
    connection: http.client.HTTPConnection | None = None
    while time.monotonic() - began < seconds:
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", f"/{mark}/{count}")
        assert connection.getresponse().read().endswith(str(count).encode())
        count += 1
        if count % 10 == 0:
            connection.close()
            connection = None
        time.sleep(max(began + count / rate - time.monotonic(), 0))
    if connection is not None:
        connection.close()
    server.shutdown()
    server.server_close()
    return count


if __name__ == "__main__":
    print(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
